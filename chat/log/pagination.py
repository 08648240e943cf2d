"""The bounds and conditions of `history`, and its answer: a page in the room's state when it is sent."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec
from msgspec import UNSET, Raw, UnsetType

from chat.content.markdown import LINK
from chat.log.entries import Entry
from chat.protocol.commands import History
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Message, Page, or_unset

_decode = msgspec.json.Decoder(Message).decode


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter for messages of any of `authors` that mention the member `mentions` and, with `links`, have a link.

    Empty conditions match every message.
    """

    authors: tuple[uuid.UUID, ...] = ()
    mentions: uuid.UUID | None = None
    links: bool = False

    @classmethod
    def of(cls, asked: History) -> "Filter":
        authors = asked.authors or ([asked.author] if asked.author else [])
        return cls(tuple(dict.fromkeys(authors)), asked.mentions, asked.links)

    def takes(self, entry: Entry) -> bool:
        if self == EVERYTHING:
            return True
        message = _decode(entry.encoded)
        return (
            (not self.authors or uuid.UUID(message.author.id) in self.authors)
            and (self.mentions is None or str(self.mentions) in (message.mentions or ()))
            and (not self.links or LINK in message.html)
        )


EVERYTHING = Filter()


class PageBounds(NamedTuple):
    """A page's position and size: `below` messages nearest below the seq `at`, and `above` messages from it on."""

    at: int
    below: int
    above: int


@dataclass(frozen=True, slots=True)
class PageEntries:
    """A page's entries from the log, by seq. The log has `more` below, and `newer` ones above."""

    below: list[Entry]
    above: list[Entry]
    more: bool
    newer: bool


def check(asked: History) -> None:
    """Checks the combination of a command's fields.

    Raises:
        Refusal: `bad_frame`.
    """
    if sum(place is not None for place in (asked.before, asked.after, asked.around, asked.at, asked.seqs)) != 1:
        raise _bad("Expected exactly one of `before`, `after`, `around`, `at` and `seqs`.")
    if asked.seqs is not None:
        if Filter.of(asked) != EVERYTHING:
            raise _bad("Expected `seqs` without `author`, `authors`, `mentions` and `links`.")
    elif asked.limit is None:
        raise _bad("Expected a `limit` with `before`, `after`, `around` and `at`.")
    if asked.author is not None and asked.authors is not None:
        raise _bad("Expected `author` or `authors`, not both.")


def bounds_of(asked: History) -> PageBounds:
    """The bounds of the page that the command requests with `before`, `after` or `around`, not with `at`."""
    limit = asked.limit or 0
    if asked.before is not None:
        return PageBounds(asked.before, limit, 0)
    if asked.after is not None:
        return PageBounds(asked.after + 1, 0, limit)
    return PageBounds(asked.around or 1, limit // 2, limit - limit // 2)


def page(asked: History, read: PageEntries, changes: Sequence[Entry], size_limit: int) -> Page:
    """The answer, at most `size_limit` bytes. `changes`: all changes since just before `read` was read.

    It has the messages' state after `changes`. A client ignores changes of messages that it doesn't have, so the page
    with such a message must include them.
    """
    if asked.seqs is not None:
        latest = {change.seq: change for change in changes}
        found = [max(entry, latest.get(entry.seq, entry), key=_version).encoded for entry in read.below]
        fit = fitting(found, size_limit)
        return _page(asked, fit, len(fit) < len(found))
    at, below_limit, above_limit = bounds_of(asked)
    wanted = Filter.of(asked)
    held = {entry.seq: entry for entry in (*read.below, *read.above)}
    more, newer = read.more, read.newer
    first = at if not below_limit else read.below[0].seq if more else 1
    last = at - 1 if not above_limit else read.above[-1].seq if newer else None
    for change in changes:
        if change.seq in held and held[change.seq].version >= change.version:
            continue  # The log was read after it.
        is_wanted = wanted.takes(change)
        if change.seq < first:
            more = more or is_wanted
        elif last is not None and change.seq > last:
            newer = newer or is_wanted
        elif is_wanted:
            held[change.seq] = change
        else:
            held.pop(change.seq, None)
    seqs = sorted(held)
    below = [held[seq].encoded for seq in seqs if seq < at]
    above = [held[seq].encoded for seq in seqs if seq >= at]
    if below_limit and above_limit:
        size_limit //= 2
    older = fitting(below[-below_limit:] if below_limit else [], size_limit)
    rest = fitting(above[:above_limit][::-1], size_limit)[::-1]
    more, newer = more or len(older) < len(below), newer or len(rest) < len(above)
    return _page(asked, [*older, *rest], more, UNSET if asked.before is not None else newer)


def fitting(messages: list[bytes], size_limit: int) -> list[bytes]:
    """The last of these messages that fit into `size_limit` bytes, but at least one."""
    for count, message in enumerate(reversed(messages)):
        size_limit -= len(message)
        if size_limit < 0 and count:
            return messages[-count:]
    return messages


def _page(asked: History, messages: Iterable[bytes], more: bool, newer: bool | UnsetType = UNSET) -> Page:
    return Page(
        [Raw(message) for message in messages],
        more,
        before=or_unset(asked.before),
        after=or_unset(asked.after),
        around=or_unset(asked.around),
        at=or_unset(asked.at),
        seqs=or_unset(asked.seqs),
        newer=newer,
        author=or_unset(asked.author),
        authors=or_unset(asked.authors),
        mentions=or_unset(asked.mentions),
        links=asked.links or UNSET,
        re=asked.re,
    )


def _version(entry: Entry) -> int:
    return entry.version


def _bad(detail: str) -> Refusal:
    return Refusal(RefusalCode.BAD_FRAME, detail)
