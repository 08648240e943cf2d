"""Reads a room's log in the order of its versions. committer.py writes it.

Reads run on a few separate threads, not on the event loop or on Django's one shared thread. Reads for rooms and reads
for single members have different threads, so a member's queries never delay a join. A read with a dead database
connection is repeated once on a new one. If it fails again, it raises `LogUnavailable`.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from django.db import (
    DatabaseError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.db.models import Q
from django.utils import timezone
from msgspec import UNSET

from chat.access.policy import OPEN, Rules
from chat.counters import counters
from chat.log import page_queries, search, sql, unread
from chat.log.deadline import deadline
from chat.log.entries import Entry
from chat.log.pagination import EVERYTHING, Filter, PageEntries, bounds_of
from chat.log.readers import Askers, Charge, Readers
from chat.log.search import SearchQuery
from chat.log.search_index import catch_up, index_cleanup
from chat.log.turns import ITSELF, Asker
from chat.log.unread import Count, Span
from chat.models import Mention, Message, Probe, Room
from chat.protocol import codec, events
from chat.protocol.commands import History, Since
from chat.protocol.constants import WELCOME_MESSAGES
from chat.protocol.events import Member, Result, UnreadRoom, milliseconds
from chat.protocol.fields import MemberId, Moment

_ABOVE_ALL = 2**63 - 1  # Higher than every seq; the databases' biggest integer.
CHANGES_AT_ONCE = 200  # Read by one query; of the biggest messages, 8 MB.
# Threads, and so database connections. A network has all but one of a group at most.
ROOM_READERS = 2  # Joins to open rooms are served from memory.
ANSWER_READERS = 2
SEARCH_READERS = 2  # A search may take seconds.
ACT_THREADS = 2
# Waiting queries of one network. When an office reconnects, each of its pages sends one.
ANSWERS_WAITING = 256
SEARCHES_WAITING = 32

T = TypeVar("T")


class LogUnavailable(Exception):
    """The database can't be reached. The request may be repeated."""


class RoomGone(Exception):
    """The room was deleted, or it has got another log."""


class WentBack(RoomGone):
    """The room's head in the database is lower than its members know. It has just got a new log."""


@dataclass(frozen=True, slots=True)
class RoomRow:
    """A room's row for its hub. `log` identifies its history.

    `id` is 0 while the room has no row in the database, and the log is then a proposal. No row has this id, so queries
    answer as for an empty room.
    """

    id: int
    slug: str
    log: uuid.UUID

    @property
    def is_written(self) -> bool:
        """Whether the room has a row."""
        return self.id != 0

    @property
    def name(self) -> str:
        """The room's name between processes: the same on every server, for every log of the room."""
        return self.slug

    @staticmethod
    def of(room: Room) -> "RoomRow":
        return RoomRow(room.pk, room.slug, room.log)


@dataclass(frozen=True, slots=True)
class About:
    """A room's title, topic and maker. A room that nobody created has none of them."""

    title: str = ""
    topic: str = ""
    made_by: MemberId | None = None


@dataclass(frozen=True, slots=True)
class RoomState:
    """The state of a room that may change while it is open. A different `log` means that its history was replaced."""

    log: uuid.UUID
    head: int
    rules: Rules
    about: About
    expired: int = 0  # The messages up to this seq were deleted by their age.
    row: tuple[Any, ...] = field(default=(), compare=False, repr=False)  # As the database has it.


@dataclass(frozen=True, slots=True)
class Reading:
    """The changes in one read of the log: oldest change first, each message once, in its state then.

    It has every change after `floor` and up to `head`. `is_cut`: the floor is higher than requested.
    `is_cut_by_size`: it is, because the changes were too big.
    """

    entries: list[Entry]
    floor: int
    head: int
    is_cut: bool
    is_cut_by_size: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """The data to open a hub: the newest messages by seq, the newest changes, read after them, rules and title."""

    page: list[Entry]
    changes: Reading
    rules: Rules = OPEN
    about: About = About()
    expired: int = 0


NOTHING_SAID = Opening([], Reading([], floor=0, head=0, is_cut=False))  # In a room without a row.


def to_entry(message: Message) -> Entry:
    """The row's entry, for the change buffer and the wire."""
    event = events.Message(
        seq=message.seq,
        version=message.version,
        nonce=message.nonce,
        author=Member(MemberId(str(message.author_id)), message.author_name, bot=message.is_by_bot or UNSET),
        body=message.body,
        html=message.html,
        at=milliseconds(message.at),
        edited_at=UNSET if message.edited_at is None else milliseconds(message.edited_at),
        deleted=message.deleted_at is not None,
        # Sorted by emoji: PostgreSQL keeps no order, and everybody must get the same.
        reactions=dict(sorted(message.reactions.items())) if message.reactions else UNSET,
        mentions=message.mentions or UNSET,
        reply_to=events.or_unset(message.reply_to),
    )
    return Entry(message.seq, message.version, codec.encode(event))


def retrying(work: Callable[..., T], *arguments: object) -> T:
    """Runs `work` and returns its result. If the database connection is dead, runs it once more on a new one.

    Only for work that may run twice. Runs in a thread of the log.

    Raises:
        LogUnavailable: the second attempt failed, too.
    """
    try:
        return work(*arguments)
    except (OperationalError, InterfaceError, InternalError):  # InternalError: PostgreSQL ended an idle transaction.
        connection.close()
    try:
        return work(*arguments)
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        counters.database_errors += 1
        raise LogUnavailable(str(error).partition("\n")[0]) from error  # Below it, PostgreSQL may quote a message.


class Log:
    """The reading side of every room's log, shared by the hubs of one process.

    Changes are read up to `size_limit` bytes, the limit of one answer. `charge(network, seconds)` is called with the
    time of each member's query. Joins aren't charged, because an office must be able to reconnect after a restart.
    """

    def __init__(self, size_limit: int, charge: Charge = lambda network, seconds: None) -> None:
        self._size_limit = size_limit
        # For hubs: few, short reads, each for all callers that wait for its room. Joins and `sync` wait for them.
        self._rooms = Readers("log-rooms", ROOM_READERS, charge=charge)
        self._answers = Readers("log-answers", ANSWER_READERS, ANSWERS_WAITING, charge)
        self._searches = Readers("log-searches", SEARCH_READERS, SEARCHES_WAITING, charge)
        self._acts = Readers(
            "log-acts", ACT_THREADS, limit_of_network=ANSWERS_WAITING
        )  # For work that may wait for locks.

    # --- for rooms ---

    async def read(self, work: Callable[..., T], *arguments: object, asker: Asker | Askers = ITSELF) -> T:
        """Runs `work`, which reads little and writes nothing, and returns its result. It may run twice (`retrying`).

        Raises:
            LogUnavailable: the database failed.
            Refusal: too many queries wait.
        """
        return await self._rooms.read(asker, retrying, work, *arguments)

    async def rows(self, slugs: Sequence[str], asker: Asker | Askers = ITSELF) -> dict[str, RoomRow]:
        """The rows of these rooms, by slug. Rooms without a row are missing."""
        return await self.read(rows, slugs, asker=asker)

    async def newest(self, room_id: int, limit: int, asker: Asker | Askers = ITSELF) -> Reading:
        """The `limit` newest changes."""
        return await self.read(_changes, room_id, 0, limit, self._size_limit, asker=asker)

    async def opening(self, room_id: int, limit: int, asker: Asker | Askers = ITSELF) -> Opening:
        """The newest page of messages, and the `limit` newest changes."""
        return await self.read(_opening, room_id, limit, self._size_limit, asker=asker)

    async def changes(self, room_id: int, since: int, limit: int) -> Reading:
        """The changes after version `since`, or the `limit` newest of them."""
        return await self.read(_changes, room_id, since, limit, self._size_limit)

    async def states(
        self, room_ids: Sequence[int], known: Mapping[int, RoomState] = MappingProxyType({})
    ) -> dict[int, RoomState]:
        """The states of these rooms, by id. Deleted rooms are missing.

        A state that hasn't changed is the same object as the `known` one.
        """
        return await self.read(_states, room_ids, known)

    async def contradicts(self, room_id: int, since: Since, asker: Asker | Askers = ITSELF) -> bool:
        """Whether the log has another message, or none, at the client's newest message or newest change."""
        return await self.read(_contradicts, room_id, since, asker=asker)

    async def heads(self, room_ids: Sequence[int]) -> dict[int, int]:
        """The same as `unread.heads`."""
        return await self.read(unread.heads, room_ids)

    async def new_messages(self, spans: Sequence[Span]) -> dict[Span, Count]:
        """The same as `unread.new_messages`."""
        return await self.read(unread.new_messages, spans)

    # --- for one member; cancelling stops the query ---

    async def page(self, room_id: int, asked: History, asker: Asker = ITSELF) -> PageEntries:
        """The messages of a page.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        readers = self._searches if asked.is_combined else self._answers
        return await readers.read(asker, retrying, _in_time, "Ask for less at once.", _page, room_id, asked)

    async def seq_at(self, room_id: int, at: Moment, asker: Asker = ITSELF) -> int:
        """The seq of the first message of this time or later, or the one above all seqs.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        work = page_queries.seq_at
        return await self._answers.read(asker, retrying, _in_time, "Try again.", work, room_id, events.moment(at))

    async def search(
        self, room_id: int, wanted: SearchQuery, limit: int, asker: Asker = ITSELF
    ) -> tuple[list[Result], bool]:
        """The `limit` newest messages that match, newest first, and whether older ones match, too.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        return await self._searches.read(asker, retrying, search.find, room_id, wanted, limit)

    async def search_rooms(
        self, slugs: Sequence[str], wanted: SearchQuery, limit: int, asker: Asker = ITSELF
    ) -> tuple[list[Result], bool]:
        """The same in these rooms together. Those that don't exist have no messages.

        Raises:
            LogUnavailable: the database failed.
            Refusal: as `search`; or `no_such_message`, `before` isn't a message of these rooms.
        """
        return await self._searches.read(asker, retrying, search.find_in_rooms, slugs, wanted, limit)

    async def unread(
        self, read: Mapping[str, int], member_id: MemberId, asker: Asker = ITSELF
    ) -> dict[int, UnreadRoom]:
        """The same as `unread.unread`.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        return await self._answers.read(asker, retrying, _in_time, "Watch fewer rooms.", unread.unread, read, member_id)

    # --- for work that writes, and so may wait for locks ---

    async def run(self, work: Callable[..., T], *arguments: object, asker: Asker = ITSELF) -> T:
        """Runs `work`, which may write, and returns its result. It may run twice (`retrying`).

        Raises:
            LogUnavailable: the database failed.
            Refusal: too many queries wait.
        """
        return await self._acts.read(asker, retrying, work, *arguments)

    async def index(self) -> None:
        """Adds the newest messages to the search index.

        Raises:
            LogUnavailable: the database failed.
        """
        await self.run(catch_up)

    async def tidy(self) -> None:
        """Removes deleted words from the search index.

        Raises:
            LogUnavailable: the database failed.
        """
        await self.run(index_cleanup.forget)

    async def try_writing(self) -> None:
        """Tests whether a post could be written. The test leaves nothing behind.

        Raises:
            LogUnavailable, DatabaseError: it couldn't.
        """
        await self.run(probe)

    async def close(self) -> None:
        """Ends the threads and their database connections."""
        groups = (self._rooms, self._answers, self._searches, self._acts)
        await asyncio.gather(*(group.close() for group in groups))


def _in_time(advice: str, work: Callable[..., T], *arguments: object) -> T:
    """Runs `work` and returns its result.

    Raises:
        Refusal: it took too long. The refusal has the advice.
    """
    with deadline(f"That takes too long. {advice}"):
        return work(*arguments)


def rows(slugs: Iterable[str]) -> dict[str, RoomRow]:
    """The rows of these rooms, by slug. Rooms without a row are missing."""
    found = Room.objects.filter(slug__in=slugs).values_list("pk", "slug", "log")
    return {slug: RoomRow(pk, slug, log) for pk, slug, log in found}


def _changes(room_id: int, since: int, limit: int, size_limit: int) -> Reading:
    # The head is read first. Versions are assigned under the room's lock, so the second query sees all changes up to
    # the highest version that it sees.
    head = _head(room_id)
    newest: list[Entry] = []
    size, below = 0, _ABOVE_ALL
    messages = Message.objects.filter(room_id=room_id, version__gt=since).order_by("-version")
    # Reads in parts, so that big messages don't fill the memory before they exceed the limit. A message that changes
    # between two parts is in neither. Its change is newer than this reading's head and arrives later.
    while True:
        asked = min(CHANGES_AT_ONCE, limit + 1 - len(newest))
        part = _entries(messages.filter(version__lt=below)[:asked])
        for entry in part:
            head, size, below = max(head, entry.version), size + len(entry.encoded), entry.version
            if len(newest) == limit or size > size_limit:
                return Reading(newest[::-1], entry.version, head, is_cut=True, is_cut_by_size=size > size_limit)
            newest.append(entry)
        if len(part) < asked:
            return Reading(newest[::-1], since, head, is_cut=False)


def _opening(room_id: int, limit: int, size_limit: int) -> Opening:
    while True:
        state = _states([room_id]).get(room_id)
        if state is None:
            raise RoomGone(room_id)
        page = _newest_page(room_id)
        changes = _changes(room_id, 0, limit, size_limit)
        if changes.floor <= state.head:
            return Opening(page, changes, state.rules, state.about, state.expired)
        # Too many changes came between the two reads: a new message may be in neither.


def _head(room_id: int) -> int:
    head = Room.objects.filter(pk=room_id).values_list("head", flat=True).first()
    if head is None:
        raise RoomGone(room_id)
    return head


def _newest_page(room_id: int) -> list[Entry]:
    return _entries(page_queries.nearest(room_id, EVERYTHING, "<", _ABOVE_ALL, WELCOME_MESSAGES))


def _page(room_id: int, asked: History) -> PageEntries:
    if asked.seqs is not None:
        return PageEntries(_entries(page_queries.named(room_id, asked.seqs)), [], more=False, newer=False)
    wanted, bounds = Filter.of(asked), bounds_of(asked)
    # One more on each side than requested shows whether there are more.
    below = _entries(page_queries.nearest(room_id, wanted, "<", bounds.at, bounds.below + 1))
    above = _entries(page_queries.nearest(room_id, wanted, ">=", bounds.at, bounds.above + 1)) if bounds.above else []
    more, newer = len(below) > bounds.below, len(above) > bounds.above
    return PageEntries(below[more:], above[: bounds.above], more, newer)


def _entries(messages: Iterable[Message]) -> list[Entry]:
    return [to_entry(message) for message in messages]


def _contradicts(room_id: int, since: Since) -> bool:
    """See `Log.contradicts`. A version stays until its message changes: a missing one was lost, or has expired."""
    places = Q(seq__in=[seq for seq in (since.seq, since.changed) if seq is not None])
    found = Message.objects.filter(places | Q(version=since.version), room_id=room_id)
    by_seq = {seq: (version, nonce) for seq, version, nonce in found.values_list("seq", "version", "nonce")}
    if since.seq is not None and since.nonce is not None and by_seq.get(since.seq, (0, None))[1] != since.nonce:
        return True
    if since.changed is None:
        return False
    others = (version for seq, (version, _) in by_seq.items() if seq != since.changed)
    return by_seq.get(since.changed, (0, None))[0] < since.version or since.version in others


_STATE = "id, log, head, locked, slow_seconds, title, topic, made_by, expired"


def _states(room_ids: Sequence[int], known: Mapping[int, RoomState] = MappingProxyType({})) -> dict[int, RoomState]:
    """As `Log.states`. The ORM would take four times as long for rooms of which nothing has changed."""
    states: dict[int, RoomState] = {}
    for row in sql.rooms_with(_STATE, room_ids):
        state = known.get(row[0])
        states[row[0]] = state if state is not None and state.row == row else _state(row)
    return states


def _state(row: tuple[Any, ...]) -> RoomState:
    _, log, head, locked, slow_seconds, title, topic, made_by, expired = row
    maker = None if made_by is None else MemberId(str(sql.to_uuid(made_by)))
    return RoomState(
        sql.to_uuid(log), head, Rules(bool(locked), slow_seconds), About(title, topic, maker), expired, row
    )


def probe() -> None:
    """Writes one row, always the same, and runs writes on a post's tables that match no row."""
    with transaction.atomic():
        now = timezone.now()
        Probe.objects.bulk_create(
            [Probe(pk=1, at=now)], update_conflicts=True, unique_fields=["pk"], update_fields=["at"]
        )
        Room.objects.filter(pk=0).update(head=0)
        Message.objects.filter(pk=0).update(version=0)
        with connection.cursor() as cursor:
            for model, column in ((Room, "head"), (Message, "seq"), (Mention, "seq")):
                names = {"table": connection.ops.quote_name(model._meta.db_table), "column": column}
                sql = "INSERT INTO {table} ({column}) SELECT {column} FROM {table} WHERE 1 = 0".format(**names)  # nosec B608
                cursor.execute(sql)
