"""Folds stored texts and queries to one form, so that search finds equal words. Pure.

Folding removes differences that don't matter in a search: case, accents and vowel points, width, ligatures and other
compatibility forms, invisible characters, the composition of letters. It keeps differences that make another word:
vowel signs and viramas of Indic and South East Asian scripts, and the voicing marks of kana.

A text is folded by clusters (a character and its extending characters), independently of each other. So `clusters` can
map each piece of the folded text to its place in the original. Folding is idempotent. Its time is proportional to the
text's length.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import NamedTuple

# Raise the number when `fold` or search_terms.py changes: stored texts are then outdated (`manage.py refold`).
VERSION = f"1/{unicodedata.unidata_version}"

# Punctuation and symbols beyond ASCII, as ranges. They separate words (search_terms.py) and aren't decomposed: "Foo™"
# has the word "foo", not "footm".
SYMBOLS = (
    r"\u0080-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u0e3f\u0e4f\u0e5a\u0e5b"
    r"\u0f08\u0f0b-\u0f14\u104a-\u104f\u1680\u17d4-\u17d6\u17d8-\u17db\u2000-\u206f\u20a0-\u2bff"
    r"\u3000-\u3004\u3008-\u3020\u3030\u30a0\u30fb\ufe00-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40"
    r"\uff5b-\uff65\U0001f000-\U0001faff\U000e0100-\U000e01ef"
)
# Invisible characters (Unicode, Default_Ignorable_Code_Point), and the tatweel, which only makes Arabic words longer,
# also with a vowel point.
_IGNORED = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    r"\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    r"\u0640\ufcf2-\ufcf4\ufe71\ufe77\ufe79\ufe7b\ufe7d\ufe7f"
)
# Blocks whose nonspacing marks are accents, points and tones. Thaana's, of combining class 0, are its vowels.
_ACCENT_BLOCKS = (
    range(0x0300, 0x0900),  # Latin, Greek and Cyrillic; Hebrew, Arabic, Syriac and related scripts.
    range(0x135D, 0x1360),  # Ethiopic.
    *(range(0x1AB0, 0x1B00), range(0x1DC0, 0x1E00), range(0x20D0, 0x2100), range(0xFE20, 0xFE30)),  # Of no script.
    *(range(0x2CEF, 0x2CF2), range(0x2DE0, 0x2E00), range(0xA66F, 0xA6A0)),  # Coptic, Cyrillic.
    range(0xFB1E, 0xFB1F),  # Hebrew.
    *(range(0x1E000, 0x1E030), range(0x1E130, 0x1E137), range(0x1E8D0, 0x1E8D7), range(0x1E944, 0x1E94B)),  # Others.
)
# Compatibility characters that lose meaning when decomposed: single Hangul letters, which would become beginnings of
# syllables, and sara am, whose first part would join the character before it.
_WHOLE = r"\u3131-\u318e\u0e33\u0eb3"
# Replaced before anything else: characters that look the same but differ in Unicode (dotless i), and characters that
# wouldn't be decomposed because they are symbols, or would be decomposed too far.
_REPLACEMENTS = {
    "\u0131": "i",
    "\U0001d6a4": "i",
    "\u2126": "\u03c9",  # Ohm, kelvin and ångström are canonically letters, \u2adc is \u2add with a mark.
    "\u212a": "k",
    "\u212b": "a",
    "\u2adc": "\u2add",
    "\uff9e": "\u3099",
    "\uff9f": "\u309a",
    **{
        chr(code): chr(int(parts[1], 16))
        for code in range(0xFFA1, 0xFFDD)  # Half-width Hangul.
        if len(parts := unicodedata.decomposition(chr(code)).split()) == 2
    },
}
_RUN = 30  # Marks in a row that are kept. Words need up to four. Normalisation sorts n marks in up to n² steps.


def _ranges(codes: list[int]) -> str:
    """The characters as ranges of a regular expression."""
    found: list[list[int]] = []
    for code in codes:
        if found and code == found[-1][1] + 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return "".join(f"\\U{first:08x}-\\U{last:08x}" for first, last in found)


_ACCENTS = _ranges([code for block in _ACCENT_BLOCKS for code in block if unicodedata.combining(chr(code))])
_MARKS = _ranges([code for code in range(0x0300, 0x20000) if unicodedata.category(chr(code))[0] == "M"])
# Characters that extend the cluster before them: marks, invisible characters, further letters of Hangul.
EXTENDING = rf"{_MARKS}{_IGNORED}\uff9e\uff9f\u1160-\u11ff\ud7b0-\ud7fb"


class _Patterns(NamedTuple):
    first: re.Pattern[str]
    long_run: re.Pattern[str]
    decomposed: re.Pattern[str]
    accent: re.Pattern[str]
    cluster: re.Pattern[str]


def _patterns(part: Callable[[str], str]) -> _Patterns:
    """The patterns with `part` of each of their ranges."""
    marks, accents, extending = part(_MARKS), part(_ACCENTS), part(EXTENDING)
    replaced = part("".join(f"\\U{ord(character):08x}" for character in _REPLACEMENTS))
    return _Patterns(
        re.compile(f"[{part(_IGNORED)}{accents}{replaced}]"),
        re.compile(f"([{marks}]{{{_RUN}}})[{marks}]+"),
        re.compile(f"[^{part(SYMBOLS)}{_WHOLE}]+"),
        re.compile(f"[{accents}]"),
        re.compile(f"[^{extending}][{extending}]*|[{extending}]+"),
    )


# Python tries ranges beyond the basic plane one by one, which takes ten times as long. Only some texts need them.
_beyond_basic_plane = re.compile("[\U00010000-\U0010ffff]")
_BASIC = _patterns(lambda ranges: re.sub(r"\\U(?!0000)\w{8}(-\\U\w{8})?", "", ranges))
_ALL = _patterns(str)


def fold(text: str) -> str:
    """The folded text. For ASCII it differs only in case."""
    if text.isascii():
        return text.lower()
    patterns = _patterns_for(text)
    text = patterns.first.sub(_replacement, text)
    text = patterns.long_run.sub(r"\1", text)
    text = patterns.decomposed.sub(_decompose, text)
    return unicodedata.normalize("NFC", patterns.accent.sub("", text).casefold())


def clusters(text: str) -> Iterator[tuple[int, str]]:
    """The text's clusters, in order: the start of each, and its folded form. Together they equal `fold(text)`."""
    for found in _patterns_for(text).cluster.finditer(text):
        cluster = found[0]
        yield found.start(), _fold_one(cluster) if len(cluster) == 1 else fold(cluster)


_fold_one = lru_cache(4096)(fold)  # Characters: as many as a message may have.


def _patterns_for(text: str) -> _Patterns:
    return _ALL if _beyond_basic_plane.search(text) else _BASIC


def _replacement(found: "re.Match[str]") -> str:
    return _REPLACEMENTS.get(found[0], "")


def _decompose(found: "re.Match[str]") -> str:
    return unicodedata.normalize("NFKD", found[0])
