"""Who is meant by `@name`. Names hold spaces and any letters, so that only the names of those who are here decide.

`@Ann Lee` means Ann Lee where she is here, else Ann; `@Annabel` never means Ann. Case makes no difference.
"""

import re
from collections.abc import Iterator, Mapping

from .protocol import NAME_LIMIT, MemberId

AT_LIMIT = 50  # `@`s of one body that are looked at: more isn't talking to somebody.
MENTIONS_LIMIT = 20  # Members whom one message may call.
NAMESAKES_LIMIT = 5  # Members of one name, the longest present first, whom that name calls.

# By folded name.
People = Mapping[str, tuple[MemberId, ...]]
NOBODY: People = {}

_AT = re.compile(r"(?<![\w@])@(?=\S)")  # `ann@example.org` calls nobody.
_WORD = re.compile(r"\w")


def fold(name: str) -> str:
    """The form in which two names are the same."""
    return name.casefold()


def candidates(body: str) -> set[str]:
    """What could be names behind the `@`s of a body, folded."""
    found: set[str] = set()
    for count, at in enumerate(_AT.finditer(body)):
        if count == AT_LIMIT:
            break
        found.update(fold(body[at.end() : end]) for end in _ends(body, at.end()))
    return found


def mention_at(text: str, position: int, people: People) -> tuple[int, tuple[MemberId, ...]] | None:
    """Where the longest name behind the `@` at `position` ends, and whose it is; None where it is nobody's."""
    if not people or not _AT.match(text, position):
        return None
    for end in _ends(text, position + 1):
        if ids := people.get(fold(text[position + 1 : end])):
            return end, ids
    return None


def _ends(text: str, start: int) -> Iterator[int]:
    """Where a name that begins at `start` could end, the longest one first: never inside a word."""
    for end in range(min(len(text), start + NAME_LIMIT), start, -1):
        if not (end < len(text) and _WORD.match(text[end]) and _WORD.match(text[end - 1])):
            yield end
