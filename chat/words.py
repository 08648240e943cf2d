"""Words: which ones a query asks for, and where a text has them. Pure; search.py looks them up."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .protocol import Refusal, RefusalCode

# What stands between two words: punctuation and symbols, as ranges, which mean the same to Python and, whatever its
# locale, to PostgreSQL. The migrations that made the indexes have copies of these and of what is below.
SEPARATORS = (
    r"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7"
    r"\u05be\u05c0\u05c3\u05f3\u05f4\u060c\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u0e3f\u0e4f\u0e5a\u0e5b"
    r"\u0f08\u0f0b-\u0f14\u104a-\u104f\u1680\u17d4-\u17d6\u17d8-\u17db\u2000-\u206f\u20a0-\u2bff"
    r"\u3000-\u3004\u3008-\u3020\u3030\u30a0\u30fb\ufe00-\ufe1f\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40"
    r"\uff5b-\uff65\U0001f000-\U0001faff\U000e0100-\U000e01ef"
)

# What is written without spaces between the words, or, as in Korean, with too few: particles stick to them. Each such
# character is a word of its own, and several in a row are a phrase. First Han, kana, Bopomofo and Hangul; then Thai,
# Lao, Burmese and Khmer, whose characters may have marks, with which they are one word.
WHOLE = (
    r"\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u3131-\u318e\u31a0-\u31bf"
    r"\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufad9\uff66-\uff9d\U00020000-\U0003fffd"
)
STACKED = (
    r"\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd\u0ec0-\u0ec6\u0edc-\u0edf"
    r"\u1000-\u102a\u103f\u1050-\u1055\u105a-\u105d\u1061\u1065\u1066\u106e-\u1070\u1075-\u1081\u108e"
    r"\u1780-\u17b3\u17d7\u17dc"
)
MARKS = (
    r"\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u0eb1\u0eb4-\u0ebc\u0ec8-\u0ece\u102b-\u103e\u1056-\u1059\u105e-\u1060"
    r"\u1062-\u1064\u1067-\u106d\u1071-\u1074\u1082-\u108d\u108f\u109a-\u109d\u17b4-\u17d3\u17dd\u3099\u309a\uff9e\uff9f"
)
_WORD = re.compile(rf"[{WHOLE}{STACKED}][{MARKS}\u0300-\u036f]*|[^\0{SEPARATORS}{WHOLE}{STACKED}{MARKS}]+[{MARKS}]*")
_WHOLE = re.compile(f"[{WHOLE}]")
_TAIL = re.compile(f"[{MARKS}\u0300-\u036f]{{0,8}}")  # People need three or four.
# Letters, digits and kana of another width, which only look different.
_WIDTHS = {
    code: unicodedata.normalize("NFKC", chr(code))
    for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B), *range(0xFF66, 0xFFA0))
}
_PIECE = re.compile(r'"([^"]*)("?)|[^\s"]+')  # A quoted phrase, which may still be open, or what has no space in it.
_QUOTES = str.maketrans("“”„‟«»", '""""""')
_ACCENTS = re.compile("[\u0300-\u036f]")

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
    text = unicodedata.normalize("NFC", query.translate(_WIDTHS)).translate(_QUOTES)
    phrases = []
    for piece in _PIECE.finditer(text):
        quoted, closing = piece[1], piece[2]
        words = tuple(word for word in _WORD.findall(piece[0] if quoted is None else quoted) if fold(word))
        if words:
            is_last = piece.end() == len(text.rstrip())
            phrases.append(Phrase(words, is_open=is_last and not closing and _may_go_on(words)))
    if not phrases:
        raise Refusal(RefusalCode.QUERY_EMPTY, "Expected at least one word to search for.")
    return tuple(phrases)


def _may_go_on(words: Sequence[str]) -> bool:
    """Whether the last of these may be the beginning of a longer word, and few enough begin so."""
    last = words[-1]
    return not _WHOLE.match(last) and (len(last) > 1 or not last.isascii())


def fold(word: str) -> str:
    """The word without what makes no difference: case, width, accents, the form of a final sigma."""
    if word.isascii():
        return word.lower()
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", word.translate(_WIDTHS)).lower())
    return unicodedata.normalize("NFC", bare).replace("\u03c2", "\u03c3")


def excerpt(body: str, phrases: Sequence[Phrase]) -> list[tuple[str, bool]]:
    """The part of `body` around its first match, in pieces: text, and whether it matches."""
    matches = _joined(_matches(body, phrases))
    start, end = _bounds(body, matches[0][0] if matches else 0)
    pieces = [("…", False)] if start else []
    at = start
    for first, last in matches:
        last = min(last, end)
        if first < last:
            pieces += [(body[at:first], False), (body[first:last], True)]
            at = last
    pieces += [(body[at:end], False), ("…" if end < len(body) else "", False)]
    return [piece for piece in pieces if piece[0]]


def _matches(body: str, phrases: Sequence[Phrase]) -> Iterator[tuple[int, int]]:
    """Where the phrases stand in `body`, in order."""
    found = [(word.start(), word.end(), fold(word[0])) for word in _WORD.finditer(body)]
    wanted = [([fold(word) for word in phrase.words], phrase.is_open) for phrase in phrases]
    for index, (start, _, word) in enumerate(found):
        ends = []
        for words, is_open in wanted:
            if not word.startswith(words[0]):
                continue
            here = [other for _, _, other in found[index : index + len(words)]]
            if here == words or (
                is_open and here[:-1] == words[:-1] and len(here) == len(words) and here[-1].startswith(words[-1])
            ):
                ends.append(found[index + len(words) - 1][1])
        if ends:
            yield start, max(ends)


def _joined(matches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The matches, of which those that touch are one."""
    joined: list[tuple[int, int]] = []
    for first, last in matches:
        if joined and first <= joined[-1][1]:
            first, before = joined.pop()
            last = max(last, before)
        joined.append((first, last))
    return joined


def _bounds(body: str, match: int) -> tuple[int, int]:
    """Where an excerpt begins and ends: with whole words, where there are spaces, and never before a mark."""
    start = 0
    if match > LEAD_CHARACTERS and len(body) > EXCERPT_CHARACTERS:
        start = body.find(" ", match - LEAD_CHARACTERS, match) + 1 or _past_marks(body, match - LEAD_CHARACTERS)
    if len(body) - start <= EXCERPT_CHARACTERS:
        return start, len(body)
    limit = _past_marks(body, start + EXCERPT_CHARACTERS)
    space = body.rfind(" ", limit - 30, limit)
    return start, space if space > match else limit


def _past_marks(body: str, at: int) -> int:
    """Where the character ends that `at` is in the middle of, or `at`."""
    tail = _TAIL.match(body, at)
    return tail.end() if tail else at
