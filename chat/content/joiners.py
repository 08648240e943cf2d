"""Checks where a name may have ZERO WIDTH NON-JOINER and JOINER: in Persian and Indic words, and in emoji. Pure.

The rules are RFC 5892, appendix A.1 and A.2 (CONTEXTJ), for Indic scripts and for joining types of the Arabic script,
and Unicode's list of emoji with several parts (UTS #51). Anywhere else a joiner is invisible, and a name with one would
look like the name without.
"""

import unicodedata

import emoji

ZWNJ, ZWJ = "\u200c", "\u200d"
_VIRAMA = 9  # Canonical_Combining_Class.


def _characters(*ranges: tuple[int, int]) -> frozenset[str]:
    return frozenset(chr(code) for first, last in ranges for code in range(first, last + 1))


_ARABIC = _characters((0x0620, 0x064A), (0x066E, 0x06D5), (0x06EE, 0x06FF), (0x0750, 0x077F))
# Unicode, ArabicShaping.txt: letters that join no letter, and letters that join only the one before them.
_JOINS_NOTHING = _characters((0x0621, 0x0621), (0x0674, 0x0674), (0x06D5, 0x06D5))
_JOINS_BEFORE = _characters(
    *((0x0622, 0x0625), (0x0627, 0x0627), (0x0629, 0x0629), (0x062F, 0x0632), (0x0648, 0x0648), (0x0671, 0x0673)),
    *((0x0675, 0x0677), (0x0688, 0x0699), (0x06C0, 0x06C0), (0x06C3, 0x06CB), (0x06CD, 0x06CD), (0x06CF, 0x06CF)),
    *((0x06D2, 0x06D3), (0x06EE, 0x06EF), (0x0759, 0x075B), (0x076B, 0x076C), (0x0771, 0x0771), (0x0773, 0x0774)),
    (0x0778, 0x0779),
)


def without(text: str) -> str:
    """The text without joiners. Names that differ only in joiners are the same."""
    return text if text.isascii() else text.replace(ZWNJ, "").replace(ZWJ, "")


def belong(line: str) -> bool:
    """Whether every joiner in `line` is at a valid place."""
    if ZWNJ not in line and ZWJ not in line:
        return True
    pictures = [(found["match_start"], found["match_end"]) for found in emoji.emoji_list(line)]
    return all(
        _follows_virama(line, at)
        or (character == ZWNJ and _parts_letters(line, at))
        or (character == ZWJ and any(start < at < end for start, end in pictures))
        for at, character in enumerate(line)
        if character in (ZWNJ, ZWJ)
    )


def _follows_virama(line: str, at: int) -> bool:
    return at > 0 and unicodedata.combining(line[at - 1]) == _VIRAMA


def _parts_letters(line: str, at: int) -> bool:
    """Whether the letters around the joiner at `at` would join without it."""
    before = next((each for each in reversed(line[:at]) if not unicodedata.combining(each)), "")
    after = next((each for each in line[at + 1 :] if not unicodedata.combining(each)), "")
    joins_after = before in _ARABIC - _JOINS_NOTHING - _JOINS_BEFORE
    return joins_after and after in _ARABIC - _JOINS_NOTHING
