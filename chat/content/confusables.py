"""Finds names that look the same, by the skeletons of Unicode's UTS #39, section 4."""

import unicodedata
from collections import defaultdict

from confusable_homoglyphs.utils import load

from chat.content import joiners

_MARK = "\u200e"  # Surrounds right-to-left characters in the package's data.


def skeleton(name: str) -> tuple[str, ...]:
    """The looks of a validated name. Two names with a look in common look the same.

    The first look is the name without case and compatibility forms, so "ann" looks like "Ann". The second one, if it
    differs, is the skeleton, so "Ann" with a Greek A looks like "Ann", and "Pau1" like "Paul".
    """
    name = joiners.without(name)
    folded = _normal("NFKC", _normal("NFKC", name).casefold())
    mapped = "".join(_PROTOTYPES.get(character, character) for character in _normal("NFKD", name))
    skeleton = _normal("NFC", mapped.casefold())
    return (folded,) if skeleton == folded else (folded, skeleton)


def _normal(form: str, text: str) -> str:
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


def _prototypes() -> dict[str, str]:
    """Maps each character that looks like another one, or like several in a row, to its prototype.

    confusable-homoglyphs has Unicode's table as pairs, in both directions. The prototype of a pair is the one that is
    in more pairs. If each is in one, either will do.
    """
    partners: dict[str, set[str]] = defaultdict(set)
    for text, pairs in load("confusables.json").items():
        partners[text.replace(_MARK, "")].update(pair["c"].replace(_MARK, "") for pair in pairs)
    table: dict[str, str] = {}
    for character, others in partners.items():
        if len(character) > 1 or len(others) > 1:  # Only a prototype has several characters or several partners.
            continue
        (other,) = others
        if len(other) > 1 or len(partners[other]) > 1 or other < character:
            table[character] = other
    return {character: "".join(table.get(part, part) for part in other) for character, other in table.items()}


_PROTOTYPES = _prototypes()  # 1 MB, made in 40 ms, before the first member could wait for it.
