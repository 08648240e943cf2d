"""Words: which ones a query asks for, and where a text has them. Pure; search.py looks them up."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .protocol import Refusal, RefusalCode

# What stands between two words: punctuation and symbols, as ranges, which mean the same to Python and, whatever its
# locale, to PostgreSQL. The migration that made PostgreSQL's index has a copy.
SEPARATORS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u1680\u2000-\u206f\u20a0-\u20cf"
    r"\u2100-\u2bff\u3000-\u3004\u3008-\u3020\u3030\u30fb\ufe0e-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20"
    r"\uff3b-\uff40\uff5b-\uff65\U0001f000-\U0001faff"
)
_WORD = re.compile(f"[^\\0{SEPARATORS}]+")
_PIECE = re.compile(r'"([^"]*)("?)|[^\s"]+')  # A quoted phrase, which may still be open, or what has no space in it.
_QUOTES = str.maketrans("“”„‟«»", '""""""')
_MARKS = re.compile("[\u0300-\u036f]")

EXCERPT_CHARACTERS = 240  # About three lines of a panel.
LEAD_CHARACTERS = 60  # Before the first match.


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words that follow one another. `is_open`: the last one may be the beginning of a longer word."""

    words: tuple[str, ...]
    is_open: bool = False


def parse(query: str) -> tuple[Phrase, ...]:
    """What `query` asks for: each word, each "phrase in quotes"; what was typed last may go on.

    Raises:
        Refusal: `query_empty`; there is no word in it.
    """
    text = unicodedata.normalize("NFC", query).translate(_QUOTES)
    phrases = []
    for piece in _PIECE.finditer(text):
        quoted, closing = piece[1], piece[2]
        words = tuple(word for word in _WORD.findall(piece[0] if quoted is None else quoted) if fold(word))
        if words:
            phrases.append(Phrase(words, is_open=not closing and piece.end() == len(text.rstrip()) and _is_long(words)))
    if not phrases:
        raise Refusal(RefusalCode.QUERY_EMPTY, "Expected at least one word to search for.")
    return tuple(phrases)


def _is_long(words: Sequence[str]) -> bool:
    """Whether few enough words begin so. Chinese and Japanese ones are short, and there are many of them."""
    return len(words[-1]) > 1 or not words[-1].isascii()


def fold(word: str) -> str:
    """The word without what makes no difference: case, accents, the form of a final sigma."""
    return _MARKS.sub("", unicodedata.normalize("NFD", word).lower()).replace("\u03c2", "\u03c3")


def excerpt(body: str, phrases: Sequence[Phrase]) -> list[tuple[str, bool]]:
    """The part of `body` around its first match, in pieces: text, and whether it matches."""
    matches = list(_matches(body, phrases))
    start, end = _bounds(body, matches[0][0] if matches else 0)
    pieces = [("…", False)] if start else []
    at = start
    for first, last in matches:
        first, last = max(first, at), min(last, end)
        if first < last:
            pieces += [(body[at:first], False), (body[first:last], True)]
            at = last
    pieces += [(body[at:end], False), ("…" if end < len(body) else "", False)]
    return [piece for piece in pieces if piece[0]]


def _matches(body: str, phrases: Sequence[Phrase]) -> Iterator[tuple[int, int]]:
    """Where the phrases stand in `body`, in order."""
    found = [(word.start(), word.end(), fold(word[0])) for word in _WORD.finditer(body)]
    wanted = [([fold(word) for word in phrase.words], phrase.is_open) for phrase in phrases]
    for index, (start, _, _) in enumerate(found):
        ends = []
        for words, is_open in wanted:
            here = [word for _, _, word in found[index : index + len(words)]]
            if here == words or (
                is_open and here[:-1] == words[:-1] and len(here) == len(words) and here[-1].startswith(words[-1])
            ):
                ends.append(found[index + len(words) - 1][1])
        if ends:
            yield start, max(ends)


def _bounds(body: str, match: int) -> tuple[int, int]:
    """Where an excerpt begins and ends: with whole words, where there are spaces."""
    start = 0
    if match > LEAD_CHARACTERS and len(body) > EXCERPT_CHARACTERS:
        start = body.find(" ", match - LEAD_CHARACTERS, match) + 1 or match - LEAD_CHARACTERS
    if len(body) - start <= EXCERPT_CHARACTERS:
        return start, len(body)
    limit = start + EXCERPT_CHARACTERS
    space = body.rfind(" ", limit - 30, limit)
    return start, space if space > match else limit
