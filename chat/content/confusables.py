"""Which names look the same: the skeletons of Unicode's UTS #39, section 4."""

import unicodedata
from collections import defaultdict

from confusable_homoglyphs.utils import load

from chat.content import joiners

_MARK = "\u200e"  # Stands around right-to-left characters in the package's data.


def skeleton(name: str) -> tuple[str, ...]:
    """What a clean name can be taken for: two names with one of these in common look the same.

    The first is the name without case and compatibility forms, so that "ann" looks like "Ann"; the second, where it
    is another, is its skeleton, so that "Ann" with a Greek A does, and "Pau1" looks like "Paul".
    """
    name = joiners.without(name)
    folded = _normal("NFKC", _normal("NFKC", name).casefold())
    mapped = "".join(_PROTOTYPES.get(character, character) for character in _normal("NFKD", name))
    skeleton = _normal("NFC", mapped.casefold())
    return (folded,) if skeleton == folded else (folded, skeleton)


def _normal(form: str, text: str) -> str:
    return unicodedata.normalize(form, text)  # type: ignore[arg-type]


def _prototypes() -> dict[str, str]:
    """For each character that looks like another character, or like several in a row: the one that stands for all.

    confusable-homoglyphs brings Unicode's table as pairs, each in both directions: which of the two was the prototype
    shows by how many pairs it is in. Where each is in one, either will do.
    """
    partners: dict[str, set[str]] = defaultdict(set)
    for text, pairs in load("confusables.json").items():
        partners[text.replace(_MARK, "")].update(pair["c"].replace(_MARK, "") for pair in pairs)
    table: dict[str, str] = {}
    for character, others in partners.items():
        if len(character) > 1 or len(others) > 1:  # Only a prototype is several characters, or has several others.
            continue
        (other,) = others
        if len(other) > 1 or len(partners[other]) > 1 or other < character:
            table[character] = other
    return {character: "".join(table.get(part, part) for part in other) for character, other in table.items()}


_PROTOTYPES = _prototypes()  # A megabyte, in 40 ms; the first member to come should not wait for it.
