"""The search words of a query and of a text, and their places in the text. Pure.

Texts and queries are folded (folding.py), then split by the same pattern. search.py looks the words up.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from chat.content.folding import EXTENDING, SYMBOLS, clusters, fold
from chat.protocol.constants import BODY_LIMIT
from chat.protocol.errors import Refusal, RefusalCode

# Characters between words: punctuation and symbols, as ranges. It has all of ASCII but letters and digits.
SEPARATORS = rf"\u0001-\u002f\u003a-\u0040\u005b-\u0060\u007b-\u007f{SYMBOLS}"

# Scripts without spaces between words, or, like Korean, with too few: particles follow without a space. Each of their
# characters is a word of its own, and several in a row are a phrase. First Han, kana, Bopomofo and Hangul; then Thai,
# Lao, Burmese and Khmer, where a character and its marks are one word.
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
_WORD = re.compile(rf"[{WHOLE}{STACKED}][{MARKS}]*|[^\0{SEPARATORS}{WHOLE}{STACKED}{MARKS}]+[{MARKS}]*")
_WHOLE = re.compile(f"[{WHOLE}]")
_TAIL = re.compile(f"[{EXTENDING}]{{0,8}}")  # Words need three or four.
_PIECE = re.compile(r'"([^"]*)("?)|[^\s"]+')  # A quoted phrase, which may lack its end, or text without a space.
_QUOTES = str.maketrans("“”„‟«»", '""""""')
_STRETCH = re.compile(r"\S+")  # White space separates words, so stretches can be folded one by one.

# Different words of a query, each of which is looked up. In Chinese each character is one: about 30 a sentence.
WORDS_LIMIT = 40
# Characters of a word that count, of at most 4 bytes each. PostgreSQL's limit is 2,046 bytes, and its regular
# expressions, which cut words, too (migration `0002_search`), count to 255.
WORD_LIMIT = 255
_LONG_WORD = re.compile(f"(?<![0-9A-Za-z])[0-9A-Za-z]{{{WORD_LIMIT + 1}}}")
# Characters of a body's words together. If each character is a word, it takes 2; a few signs unfold to a sentence.
SEARCH_TEXT_LIMIT = 4 * BODY_LIMIT
EXCERPT_CHARACTERS = 240  # About three lines of a panel.
LEAD_CHARACTERS = 60  # Before the first match.


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive folded words. `is_open`: the last one may be the beginning of a longer word."""

    words: tuple[str, ...]
    is_open: bool = False


def parse(query: str) -> tuple[Phrase, ...]:
    """The phrases of `query`: each word and each "phrase in quotes", without repetitions.

    The last one may be the beginning of a longer word.

    Raises:
        Refusal: `query_empty`, it has no word; `query_too_long`, it has more than WORDS_LIMIT.
    """
    text = fold(query.translate(_QUOTES))
    phrases: dict[Phrase, None] = {}
    for piece in _PIECE.finditer(text):
        quoted, closing = piece[1], piece[2]
        if words := cut(piece[0] if quoted is None else quoted):
            is_last = piece.end() == len(text.rstrip())
            phrases[Phrase(words, is_last and not closing and _may_go_on(words))] = None
    if not phrases:
        raise Refusal(RefusalCode.QUERY_EMPTY, "Expected at least one word to search for.")
    if sum(len(phrase.words) for phrase in phrases) > WORDS_LIMIT:
        raise Refusal(RefusalCode.QUERY_TOO_LONG, f"Expected at most {WORDS_LIMIT} different words to search for.")
    return tuple(phrases)


def _may_go_on(words: Sequence[str]) -> bool:
    """Whether the last word may be the beginning of a longer one, of which there aren't too many."""
    last = words[-1]
    return not _WHOLE.match(last) and (len(last) > 1 or not last.isascii())


def cut(folded: str) -> tuple[str, ...]:
    """The words of a folded text."""
    return tuple(word[:WORD_LIMIT] for word in _WORD.findall(folded))


def search_text(body: str) -> str | None:
    """The body's words, separated by spaces, for the search index.

    None if the index can use the body itself, because it is ASCII: there the databases find the same words.
    """
    if body.isascii() and (len(body) <= WORD_LIMIT or not _LONG_WORD.search(body)):
        return None
    text = " ".join(cut(fold(body)))
    return text if len(text) <= SEARCH_TEXT_LIMIT else text[: text.rindex(" ", 0, SEARCH_TEXT_LIMIT + 1)]


def excerpt(body: str, phrases: Sequence[Phrase]) -> list[tuple[str, bool]]:
    """The part of `body` around its first match, in pieces: text, and whether it matches."""
    return Excerpts(phrases).of(body)


class Excerpts:
    """Makes excerpts of texts with these phrases. The time is proportional to the text, for any query."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self._wanted: dict[str, list[Phrase]] = {}  # By the first word.
        self._open: list[Phrase] = []  # Single words that may be the beginning of a longer one.
        for phrase in phrases:
            if phrase.is_open and len(phrase.words) == 1:
                self._open.append(phrase)
            else:
                self._wanted.setdefault(phrase.words[0], []).append(phrase)

    def of(self, body: str) -> list[tuple[str, bool]]:
        """The part of `body` around its first match, in pieces: text, and whether it matches."""
        matches = self._matches(body)
        first = next(matches, None)
        start, end = _bounds(body, first[0] if first else 0)
        pieces = [("…", False)] if start else []
        at = start
        for begin, last in _joined(_until(end, first, matches)):
            last = min(last, end)
            if begin < last:
                pieces += [(body[at:begin], False), (body[begin:last], True)]
                at = last
        pieces += [(body[at:end], False), ("…" if end < len(body) else "", False)]
        return [piece for piece in pieces if piece[0]]

    def _matches(self, body: str) -> Iterator[tuple[int, int]]:
        """The places of the phrases in `body`, in order. Folds the text only as far as needed."""
        if not self._wanted and not self._open:
            return
        found = _Found(body)
        index = 0
        while found.reach(index + 1):
            beginning = self._beginning(found.words[index])
            if lasts := [last for phrase in beginning if (last := found.last(phrase, index)) is not None]:
                yield found.begin(index), found.end(max(lasts))
            index += 1

    def _beginning(self, word: str) -> Iterator[Phrase]:
        yield from self._wanted.get(word, ())
        for phrase in self._open:
            if word.startswith(phrase.words[0]):
                yield phrase


class _Found:
    """The words of a text, found as far as needed."""

    def __init__(self, body: str) -> None:
        self._rest = self._cut(body)
        self.words: list[str] = []
        self._places: list[tuple[_Stretch, int, int]] = []  # Each word's start and end in its folded stretch.

    def _cut(self, body: str) -> Iterator[tuple[str, tuple["_Stretch", int, int]]]:
        for found in _STRETCH.finditer(body):
            stretch = _Stretch(found[0], found.start())
            for word in _WORD.finditer(stretch.folded):
                yield word[0][:WORD_LIMIT], (stretch, *word.span())

    def reach(self, count: int) -> bool:
        """Finds up to `count` words. Returns whether the text has that many."""
        while len(self.words) < count:
            if (one := next(self._rest, None)) is None:
                return False
            self.words.append(one[0])
            self._places.append(one[1])
        return True

    def last(self, phrase: Phrase, index: int) -> int | None:
        """The index of the phrase's last word if the phrase starts at `index`. None if it doesn't."""
        end = index + len(phrase.words)
        if not self.reach(end):
            return None
        here, words = tuple(self.words[index:end]), phrase.words
        if here == words or (phrase.is_open and here[:-1] == words[:-1] and here[-1].startswith(words[-1])):
            return end - 1
        return None

    def begin(self, index: int) -> int:
        """The start in the text of the word at `index`."""
        stretch, begin, _ = self._places[index]
        return stretch.cluster(begin)[0]

    def end(self, index: int) -> int:
        """The end in the text of the word at `index`."""
        stretch, _, end = self._places[index]
        return stretch.cluster(end - 1)[1]


class _Stretch:
    """Text without white space, `at` a place in a longer text. Maps places of its folded form to the longer text."""

    def __init__(self, text: str, at: int) -> None:
        self.folded = fold(text)
        self._text, self._at = text, at
        self._clusters = clusters(text)
        self._begins: list[int] = []  # The clusters' starts, in the text and in the folded form.
        self._folded_begins: list[int] = []
        self._folded_end = 0

    def cluster(self, place: int) -> tuple[int, int]:
        """The start and end in the longer text of the cluster at `place` of the folded form."""
        if self._text.isascii():
            return self._at + place, self._at + place + 1
        index = bisect_right(self._folded_begins, place)
        while index == len(self._begins) and (cluster := next(self._clusters, None)) is not None:
            self._begins.append(cluster[0])
            self._folded_begins.append(self._folded_end)
            self._folded_end += len(cluster[1])
            index += self._folded_begins[-1] <= place
        end = self._begins[index] if index < len(self._begins) else len(self._text)
        return self._at + self._begins[index - 1], self._at + end


def _until(end: int, first: tuple[int, int] | None, rest: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The matches that begin before `end`. The text after an excerpt isn't searched."""
    match = first
    while match is not None and match[0] < end:
        yield match
        match = next(rest, None)


def _joined(matches: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The matches, with adjacent ones joined."""
    joined: list[tuple[int, int]] = []
    for first, last in matches:
        if joined and first <= joined[-1][1]:
            first, before = joined.pop()
            last = max(last, before)
        joined.append((first, last))
    return joined


def _bounds(body: str, match: int) -> tuple[int, int]:
    """The start and end of an excerpt: at whole words if there are spaces, and never before a mark."""
    start = 0
    if match > LEAD_CHARACTERS and len(body) > EXCERPT_CHARACTERS:
        start = body.find(" ", match - LEAD_CHARACTERS, match) + 1 or _past_marks(body, match - LEAD_CHARACTERS)
    if len(body) - start <= EXCERPT_CHARACTERS:
        return start, len(body)
    limit = _past_marks(body, start + EXCERPT_CHARACTERS)
    space = body.rfind(" ", limit - 30, limit)
    return start, space if space > match else limit


def _past_marks(body: str, at: int) -> int:
    """The end of the character that contains `at`, or `at` if it is at a boundary."""
    tail = _TAIL.match(body, at)
    return tail.end() if tail else at
