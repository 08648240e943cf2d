"""Reading a room's log: what was said, in the order of its versions. committer.py writes it.

Reads run on a few threads of their own, away from the event loop and from Django's one shared thread. A read that
meets a dead database connection is tried once more on a fresh one; what still fails is `LogUnavailable`.
"""

import asyncio
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, connection, connections

from . import history, protocol, search, unread
from .models import Message, Room
from .pages import EVERYTHING, Filter, Stretch, place_of
from .protocol import WELCOME_MESSAGES, History, Member, MemberId, Result, UnreadRoom, milliseconds
from .ring import Entry
from .search import Wanted
from .unread import Count, Span

_ABOVE_ALL = 2**63 - 1  # Higher than every seq; the databases' biggest integer.
READERS = 4  # A process seldom has more to read at once: joins are served from memory.
SEARCHES = 2  # At once: a search may take seconds, and the other readers are there for those who come or catch up.

T = TypeVar("T")


class LogUnavailable(Exception):
    """The database can't be reached just now; what was asked for may be asked again."""


class RoomGone(Exception):
    """The room was deleted."""


@dataclass(frozen=True, slots=True)
class RoomRow:
    """What a hub needs to know of its room. `log` names its history."""

    id: int
    slug: str
    log: uuid.UUID

    @property
    def name(self) -> str:
        """The room's name between processes: the same on every server, and never that of another room."""
        return self.log.hex


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may write in a room: `slow` is the seconds between two messages of a member, 0 is no limit."""

    locked: bool = False
    slow: int = 0


@dataclass(frozen=True, slots=True)
class About:
    """What a room is about. One that was only visited has no title, and was made by nobody."""

    title: str = ""
    topic: str = ""
    made_by: MemberId | None = None


@dataclass(frozen=True, slots=True)
class RoomState:
    """What of a room may change while a hub has it open."""

    head: int
    rules: Rules
    about: About


@dataclass(frozen=True, slots=True)
class Reading:
    """Changes as one look at the log saw them: oldest change first, each message once, as it then stood.

    Every change after `floor` and up to `head` is among them. `is_cut`: the floor is higher than was asked for.
    """

    entries: list[Entry]
    floor: int
    head: int
    is_cut: bool


@dataclass(frozen=True, slots=True)
class Opening:
    """What a hub starts with: the newest messages by seq, and the newest changes, read after them; rules and title."""

    page: list[Entry]
    changes: Reading
    rules: Rules = Rules()
    about: About = About()


def to_entry(message: Message) -> Entry:
    """The row as the ring and the wire have it."""
    event = protocol.Message(
        seq=message.seq,
        version=message.version,
        nonce=message.nonce,
        author=Member(MemberId(str(message.author_id)), message.author_name),
        body=message.body,
        html=message.html,
        at=milliseconds(message.at),
        edited_at=protocol.UNSET if message.edited_at is None else milliseconds(message.edited_at),
        deleted=message.deleted_at is not None,
        # By emoji: PostgreSQL keeps no order of its own, and everybody shall be told the same.
        reactions=dict(sorted(message.reactions.items())) if message.reactions else protocol.UNSET,
        mentions=message.mentions or protocol.UNSET,
        reply_to=protocol.or_unset(message.reply_to),
    )
    return Entry(message.seq, message.version, protocol.encode(event))


def retrying(work: Callable[..., T], *arguments: object) -> T:
    """What `work` returns, tried once more on a fresh connection where the first turned out to be dead.

    Only for work that may be done twice. Runs in a thread of the log.

    Raises:
        LogUnavailable: the second try failed as well.
    """
    try:
        return work(*arguments)
    except (OperationalError, InterfaceError, InternalError):  # InternalError: PostgreSQL ended an idle transaction.
        connection.close()
    try:
        return work(*arguments)
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        raise LogUnavailable(str(error).partition("\n")[0]) from error  # Below it, PostgreSQL may quote a message.


class Log:
    """The reading side of every room's log, shared by the hubs of one process."""

    def __init__(self) -> None:
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="log-reader")
        self._searching = asyncio.Semaphore(SEARCHES)

    async def _read(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, retrying, work, *arguments)

    async def room(self, slug: str) -> RoomRow:
        """The room called `slug`, made now if it is new."""
        return await self._read(_room, slug)

    async def newest(self, room_id: int, limit: int) -> Reading:
        """The `limit` newest changes."""
        return await self._read(_changes, room_id, 0, limit)

    async def opening(self, room_id: int, limit: int) -> Opening:
        """The newest page of messages, and the `limit` newest changes."""
        return await self._read(_opening, room_id, limit)

    async def changes(self, room_id: int, since: int, limit: int) -> Reading:
        """What changed after version `since`, or the `limit` newest of it."""
        return await self._read(_changes, room_id, since, limit)

    async def page(self, room_id: int, asked: History) -> Stretch:
        """The messages of a page.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long.
        """
        async with self._searching if Filter.of(asked).is_combined else nullcontext():
            return await self._read(_page, room_id, asked)

    async def search(self, room_id: int, wanted: Wanted, limit: int) -> tuple[list[Result], bool]:
        """The `limit` newest messages that are `wanted`, newest first; and whether older ones are as well.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long.
        """
        async with self._searching:
            return await self._read(search.find, room_id, wanted, limit)

    async def states(self, room_ids: Sequence[int]) -> dict[int, RoomState]:
        """How far each of these rooms goes, its rules and its title, by id; a deleted room is missing."""
        return await self._read(_states, room_ids)

    async def heads(self, room_ids: Sequence[int]) -> dict[int, int]:
        """As `unread.heads`."""
        return await self._read(unread.heads, room_ids)

    async def unread(self, read: Mapping[str, int], member_id: MemberId) -> dict[int, UnreadRoom]:
        """As `unread.unread`."""
        return await self._read(unread.unread, read, member_id)

    async def news(self, spans: Sequence[Span]) -> dict[Span, Count]:
        """As `unread.news`."""
        return await self._read(unread.news, spans)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """What `work` returns, done on a thread that may wait for the database; like `retrying`, maybe twice."""
        return await self._read(work, *arguments)

    async def ping(self) -> None:
        """Nothing, where the database answers.

        Raises:
            LogUnavailable: it doesn't.
        """
        await self._read(_ping)

    async def close(self) -> None:
        await close_threads(self._readers, READERS)


async def close_threads(executor: ThreadPoolExecutor, count: int) -> None:
    """The executor's threads end, and with them the database connections that they hold."""
    together = threading.Barrier(count)  # So that no thread takes the job of another.

    def close() -> None:
        together.wait(timeout=10)
        connections.close_all()

    run = asyncio.get_running_loop().run_in_executor
    try:
        await asyncio.gather(*(run(executor, close) for _ in range(count)))
    finally:
        executor.shutdown(wait=False)  # A thread that hangs in the database is not waited for.


def _room(slug: str) -> RoomRow:
    room, _ = Room.objects.get_or_create(slug=slug)
    return RoomRow(room.pk, room.slug, room.log)


def _changes(room_id: int, since: int, limit: int) -> Reading:
    # The head first: versions are given out under the room's lock, so whatever is committed up to the highest
    # version that the second query sees is seen by it too.
    head = _head(room_id)
    newest = _entries(Message.objects.filter(room_id=room_id, version__gt=since).order_by("-version")[: limit + 1])
    is_cut = len(newest) > limit
    floor = newest[limit].version if is_cut else since
    head = max(head, newest[0].version if newest else 0)
    return Reading(newest[:limit][::-1], floor, head, is_cut)


def _opening(room_id: int, limit: int) -> Opening:
    while True:
        state = _states([room_id]).get(room_id)
        if state is None:
            raise RoomGone(room_id)
        page = _newest_page(room_id)
        changes = _changes(room_id, 0, limit)
        if changes.floor <= state.head:
            return Opening(page, changes, state.rules, state.about)
        # More changed between the two looks than the second one holds: a message may be born that is in neither.


def _head(room_id: int) -> int:
    head = Room.objects.filter(pk=room_id).values_list("head", flat=True).first()
    if head is None:
        raise RoomGone(room_id)
    return head


def _newest_page(room_id: int) -> list[Entry]:
    return _entries(history.nearest(room_id, EVERYTHING, "<", _ABOVE_ALL, WELCOME_MESSAGES))


def _page(room_id: int, asked: History) -> Stretch:
    if asked.seqs is not None:
        return Stretch(_entries(history.named(room_id, asked.seqs)), [], more=False, newer=False)
    wanted, place = Filter.of(asked), place_of(asked)
    # One more of each than is asked for: whether there are more.
    below = _entries(history.nearest(room_id, wanted, "<", place.at, place.below + 1))
    above = _entries(history.nearest(room_id, wanted, ">=", place.at, place.above + 1)) if place.above else []
    more, newer = len(below) > place.below, len(above) > place.above
    return Stretch(below[more:], above[: place.above], more, newer)


def _entries(messages: Iterable[Message]) -> list[Entry]:
    return [to_entry(message) for message in messages]


def _states(room_ids: Iterable[int]) -> dict[int, RoomState]:
    fields = ("pk", "head", "locked", "slow_seconds", "title", "topic", "made_by")
    return {
        room_id: RoomState(head, Rules(locked, slow), About(title, topic, made_by and MemberId(str(made_by))))
        for room_id, head, locked, slow, title, topic, made_by in Room.objects.filter(pk__in=room_ids).values_list(
            *fields
        )
    }


def _ping() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
