"""Finds the members whom an `@name` mentions. Names contain spaces and any letters, so the room's names decide.

`@Ann Lee` mentions Ann Lee if she is in the room, else Ann. `@Annabel` never mentions Ann. Case, composition of
letters and width of spaces make no difference. Marks belong to the letter before them. In scripts without spaces
between words (Chinese, Japanese, Thai, ...), and in Korean, where particles follow names, letters may be on both
sides.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping

from chat.content import joiners
from chat.content.search_terms import STACKED, WHOLE
from chat.protocol.constants import NAME_LIMIT
from chat.protocol.fields import MemberId

AT_LIMIT = 50  # `@`s of one body that are looked up. Nobody needs more.
MENTIONS_LIMIT = 20  # Members whom one message may mention.
NAMESAKES_LIMIT = 5  # Members with the same name whom it mentions, the longest present first.
SIGNS = "@\uff20"  # The second one is full-width, as Chinese and Japanese keyboards write it.

# By folded name.
People = Mapping[str, tuple[MemberId, ...]]
NOBODY: People = {}

_AT = re.compile(rf"[{SIGNS}](?=\S)")
_UNSPACED = re.compile(f"[{WHOLE}{STACKED}]")
_WINDOW = 2 * NAME_LIMIT  # Characters after an `@`, which may be decomposed and have more spaces than the name.


def fold(name: str) -> str:
    """The folded name. Equal names have the same one."""
    if name.isascii():
        return " ".join(name.lower().split())
    bare = joiners.without(unicodedata.normalize("NFC", name))
    return " ".join(unicodedata.normalize("NFC", bare.casefold()).split())


def candidates(body: str, most: int = AT_LIMIT) -> set[str]:
    """The possible names after the first `most` `@`s of a body, folded."""
    found: set[str] = set()
    count = 0
    for at in _AT.finditer(body):
        if not begins(body, at.start()):
            continue
        count += 1
        if count > most:
            break
        found.update(fold(body[at.end() : end]) for end in _ends(body, at.end()))
    return {name for name in found if len(name) <= 2 * NAME_LIMIT}  # Folding may make a letter two.


def mention_at(text: str, position: int, people: People) -> tuple[int, tuple[MemberId, ...]] | None:
    """The end of the longest name after the `@` at `position`, and its members. None if it is nobody's name."""
    if not people or not _AT.match(text, position) or not begins(text, position):
        return None
    for end in _ends(text, position + 1):
        if ids := people.get(fold(text[position + 1 : end])):
            return end, ids
    return None


def begins(text: str, position: int) -> bool:
    """Whether a mention may begin with the `@` at `position`. `ann@example.org` mentions nobody."""
    before = text[position - 1 : position]
    return not before or (before not in SIGNS and (not _is_of_word(before) or bool(_UNSPACED.match(before))))


def _ends(text: str, start: int) -> Iterator[int]:
    """The possible ends of a name that begins at `start`, longest first: in its line, and never inside a word."""
    line_end = text.find("\n", start)
    last = min(len(text) if line_end < 0 else line_end, start + _WINDOW)
    for end in range(last, start, -1):
        if text[end - 1].isspace() or (end < len(text) and _joins(text[end - 1], text[end])):
            continue
        yield end


def _joins(before: str, after: str) -> bool:
    """Whether two adjacent characters belong to one word."""
    if _is_mark(after):
        return True
    if not (_is_of_word(before) and _is_of_word(after)):
        return False
    return not (_UNSPACED.match(before) or _UNSPACED.match(after))


def _is_of_word(character: str) -> bool:
    return character.isalnum() or character == "_" or _is_mark(character)


def _is_mark(character: str) -> bool:
    """Whether it is a combining mark or a joiner, which belongs to the letter before it."""
    return not character.isascii() and (unicodedata.category(character)[0] == "M" or character in "\u200c\u200d")
