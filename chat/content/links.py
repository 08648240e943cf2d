"""Finds addresses in a text: the start and end of each, its URL and its visible form. Pure.

linkify-it-py knows hosts, top-level domains and paths. This module decides the rest: an address ends before the
punctuation of other scripts, before invisible characters, and before the markup around it.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple

from linkify_it import LinkifyIt
from markdown_it.common.normalize_url import normalizeLink

# File extensions that are also top-level domains: `main.py` is no link, `https://main.py` is one.
_NO_SITES = "cc|md|mm|ps|py|rs|sh|so"

_SCHEME = re.compile(r"(?<![a-z0-9+.-])(?:(https?:)(?=//)|(mailto:))", re.IGNORECASE)
_LINKABLE = re.compile(r"https?://|mailto:", re.IGNORECASE)
# Letters of a script without spaces before `www.example.com` belong to the sentence, not to the host.
_SENTENCE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7a3]+(?=[a-z0-9])")
_ENCODED = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
_MARKUP = "*_~"
_PAIRS = {")": "(", "]": "[", "}": "{"}
_IN_WORDS = "\u2010\u2011\u2012\u2013\u2019\u00b7"  # Hyphens, apostrophe, middle dot.
_JOINERS = "\u200c\u200d"  # Persian and Indic words need them.
_BLANKS = "\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"  # Invisible letters and symbols.


class Address(NamedTuple):
    """An address from `start` to `end` of a text. `url`: the encoded target; `shown`: the visible form."""

    start: int
    end: int
    url: str
    shown: str


def addresses(text: str) -> list[Address]:
    """The addresses in `text`, in order, without overlaps."""
    found: list[Address] = []
    at = 0
    for start, end, prefix in sorted((*_with_scheme(text), *_without_scheme(text)), key=lambda each: each[0]):
        end = start + _length(text[start:end], text[:start])
        if start < at or not _is_whole(text[start:end]):
            continue
        url = normalizeLink(prefix + text[start:end])
        if _LINKABLE.match(url):
            found.append(Address(start, end, url, _visible(text[start:end])))
            at = end
    return found


def _with_scheme(text: str) -> Iterator[tuple[int, int, str]]:
    for scheme in _SCHEME.finditer(text):
        if length := _linkify.test_schema_at(text, scheme[0], scheme.end()):
            yield scheme.start(), scheme.end() + length, ""


def _without_scheme(text: str) -> Iterator[tuple[int, int, str]]:
    """Finds addresses like `example.org/x` and `ann@example.org`."""
    if not _linkify.pretest(text):
        return
    for match in _linkify.match(text) or ():
        if _SCHEME.match(match.raw):
            continue
        sentence = None if match.schema else _SENTENCE.match(match.raw)
        start = match.index + (sentence.end() if sentence else 0)
        yield start, match.last_index, match.schema or "http://"


def _length(address: str, before: str) -> int:
    """The length of the address at the start of `address`, after the text `before`."""
    end = next((at for at, character in enumerate(address) if _ends(address, at, character)), len(address))
    for pair in ("**", "~~"):  # `**https://example.org/a**です`: the pair was opened right before the address.
        if before.endswith(pair) and (closing := address.find(pair, 0, end)) >= 0:
            end = closing
    while end:
        last = address[end - 1]
        opening = _PAIRS.get(last)
        if not (
            last in ".,;:!?'\""
            or (last in _MARKUP and last in before)
            or last in _JOINERS
            or (opening and address.count(last, 0, end) > address.count(opening, 0, end))
        ):
            break
        end -= 1
    return end


def _ends(address: str, at: int, character: str) -> bool:
    """Whether an address ends before this character of it."""
    if character == "`":
        return True
    if character.isascii() or character in _JOINERS:
        return False
    category = unicodedata.category(character)
    if category[0] in "PSCZ":  # Punctuation and symbols; control and format characters, which are invisible.
        is_in_word = 0 < at < len(address) - 1 and address[at - 1].isalnum() and address[at + 1].isalnum()
        return not (is_in_word and character in _IN_WORDS) and not _is_picture(character)
    if _is_blank_mark(character):  # Part of an emoji, or invisible.
        return not (at and _is_picture(address[at - 1]))
    return character in _BLANKS or (category[0] == "M" and not _carries_mark(address, at))


def _is_picture(character: str) -> bool:
    """Whether it is an emoji. Some hosts and paths have them."""
    return unicodedata.category(character) == "So" and character > "\u00ff"


def _carries_mark(address: str, at: int) -> bool:
    """Whether a combining mark at `at` follows a letter or another mark."""
    return at > 0 and unicodedata.category(address[at - 1])[0] in "LM"


def _is_whole(address: str) -> bool:
    """Whether it is more than a scheme."""
    scheme = _LINKABLE.match(address)
    return len(address) > (scheme.end() if scheme else 0)


def _visible(address: str) -> str:
    """The typed address with percent-encoded letters decoded. Other characters stay encoded."""
    return _ENCODED.sub(_decoded, address) if "%" in address else address


def _decoded(encoded: re.Match[str]) -> str:
    try:
        text = bytes.fromhex(encoded[0].replace("%", "")).decode()
    except UnicodeDecodeError:
        return encoded[0]
    shown = []
    at = 0  # The place in the encoded text, which has three characters per byte.
    for position, character in enumerate(text):
        category = unicodedata.category(character)[0]
        is_letter = category in "LN" and character not in _BLANKS
        length = 3 * len(character.encode())
        shown.append(
            character
            if is_letter or (category == "M" and _carries_mark(text, position) and not _is_blank_mark(character))
            else encoded[0][at : at + length]
        )
        at += length
    return "".join(shown)


def _is_blank_mark(character: str) -> bool:
    """Whether it is a variation selector or another invisible mark."""
    return (
        character == "\u034f"
        or "\u180b" <= character <= "\u180f"
        or "\ufe00" <= character <= "\ufe0f"
        or ("\U000e0100" <= character <= "\U000e01ef")
    )


def _make_linkify() -> LinkifyIt:
    linkify = LinkifyIt()
    linkify.tlds([*linkify.tlds_default, f"(?!(?:{_NO_SITES})\\b)(?:{linkify.tlds_2ch_src_re})"])
    linkify.add("ftp:", None).add("//", None)  # Not linked here (_LINKABLE), so not found either.
    # Hosts in private networks may have underscores (`api_stage`), where linkify's own pattern ends.
    rules = linkify.re
    letter = f"(?:{rules['src_pseudo_letter']}|_)"
    label = f"(?:{rules['src_xn']}|{letter}(?:(?:-|{letter}){{0,61}}{letter})?)"
    host = f"(?=[^/?#]*[^\\W_])(?:(?:{label}\\.)*{label})"
    pattern = f"^//{rules['src_auth']}{host}{rules['src_port']}{rules['src_host_terminator']}{rules['src_path']}"
    linkify.add("http:", {"validate": re.compile(pattern, re.IGNORECASE)})
    return linkify


_linkify = _make_linkify()
