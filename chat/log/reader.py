"""Reads a room's log in the order of its versions. committer.py writes it.

Reads run on a few separate threads, not on the event loop or on Django's one shared thread. Reads for rooms and reads
for single members have different threads, so a member's queries never delay a join. A read with a dead database
connection is repeated once on a new one. If it fails again, it raises `LogUnavailable`.
"""

import asyncio
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

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
from chat.log import page_queries, search, unread
from chat.log.deadline import deadline
from chat.log.entries import Entry
from chat.log.pagination import EVERYTHING, Filter, Stretch, place_of
from chat.log.readers import Askers, Charge, Readers
from chat.log.search import SearchQuery
from chat.log.search_index import index_cleanup
from chat.log.turns import ITSELF, Asker
from chat.log.unread import Count, Span
from chat.models import Mention, Message, Probe, Room
from chat.protocol import codec, events
from chat.protocol.commands import History, Since
from chat.protocol.constants import WELCOME_MESSAGES
from chat.protocol.events import Member, Result, UnreadRoom, milliseconds
from chat.protocol.fields import MemberId

_ABOVE_ALL = 2**63 - 1  # Higher than every seq; the databases' biggest integer.
CHANGES_AT_ONCE = 200  # Read by one query; of the biggest messages, 8 MB.
# Threads, and so database connections. A network has all but one of a group at most.
ROOM_READERS = 2  # Joins are served from memory, once their room is there.
ANSWER_READERS = 2
SEARCH_READERS = 2  # A search may take seconds.
ACT_THREADS = 2
# What may wait of one network: an office that comes back at once asks one thing for each of its pages.
ANSWERS_WAITING = 256
SEARCHES_WAITING = 32

T = TypeVar("T")


class LogUnavailable(Exception):
    """The database can't be reached just now; what was asked for may be asked again."""


class RoomGone(Exception):
    """The room was deleted, or it has got another log."""


class WentBack(RoomGone):
    """The room's head in the database is lower than what its members were told: it has got a new log just now."""


@dataclass(frozen=True, slots=True)
class RoomRow:
    """What a hub needs to know of its room. `log` names its history.

    `id` is 0 while the room has no row in the database: the log is then a proposal. No row has this id, so whatever is
    asked about it answers as for an empty room.
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
    """What a room is about. One that was only visited has no title, and was made by nobody."""

    title: str = ""
    topic: str = ""
    made_by: MemberId | None = None


@dataclass(frozen=True, slots=True)
class RoomState:
    """What of a room may change while a hub has it open. Another `log` means that its history was replaced."""

    log: uuid.UUID
    head: int
    rules: Rules
    about: About


@dataclass(frozen=True, slots=True)
class Reading:
    """Changes as one look at the log saw them: oldest change first, each message once, as it then stood.

    Every change after `floor` and up to `head` is among them. `is_cut`: the floor is higher than was asked for, where
    `is_cut_by_size` because the changes were too big.
    """

    entries: list[Entry]
    floor: int
    head: int
    is_cut: bool
    is_cut_by_size: bool = False


@dataclass(frozen=True, slots=True)
class Opening:
    """What a hub starts with: the newest messages by seq, and the newest changes, read after them; rules and title."""

    page: list[Entry]
    changes: Reading
    rules: Rules = OPEN
    about: About = About()


NOTHING_SAID = Opening([], Reading([], floor=0, head=0, is_cut=False))  # In a room without a row.


def to_entry(message: Message) -> Entry:
    """The row as the ring and the wire have it."""
    event = events.Message(
        seq=message.seq,
        version=message.version,
        nonce=message.nonce,
        author=Member(MemberId(str(message.author_id)), message.author_name),
        body=message.body,
        html=message.html,
        at=milliseconds(message.at),
        edited_at=UNSET if message.edited_at is None else milliseconds(message.edited_at),
        deleted=message.deleted_at is not None,
        # By emoji: PostgreSQL keeps no order of its own, and everybody shall be told the same.
        reactions=dict(sorted(message.reactions.items())) if message.reactions else UNSET,
        mentions=message.mentions or UNSET,
        reply_to=events.or_unset(message.reply_to),
    )
    return Entry(message.seq, message.version, codec.encode(event))


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
    """The reading side of every room's log, shared by the hubs of one process.

    Changes are read up to `size_limit` bytes: nobody is told more of them in one answer. `charge(network, seconds)` is
    told what each question of a member took. Joins aren't charged: an office must come back after a restart.
    """

    def __init__(self, size_limit: int, charge: Charge = lambda network, seconds: None) -> None:
        self._size_limit = size_limit
        # What hubs need: few, short reads, each for all who wait for its room. Joins and `sync` wait for them.
        self._rooms = Readers("log-rooms", ROOM_READERS)
        self._answers = Readers("log-answers", ANSWER_READERS, ANSWERS_WAITING, charge)
        self._searches = Readers("log-searches", SEARCH_READERS, SEARCHES_WAITING, charge)
        self._acts = Readers(
            "log-acts", ACT_THREADS, limit_of_network=ANSWERS_WAITING
        )  # What may wait for others' locks.

    # --- for rooms ---

    async def read(self, work: Callable[..., T], *arguments: object, asker: Asker | Askers = ITSELF) -> T:
        """What `work` returns, which reads little and writes nothing. Like `retrying`, it may be done twice.

        Raises:
            LogUnavailable: the database failed.
            Refusal: too much waits.
        """
        return await self._rooms.read(asker, retrying, work, *arguments)

    async def rows(self, slugs: Sequence[str], asker: Asker | Askers = ITSELF) -> dict[str, RoomRow]:
        """Those of these rooms that have a row, by slug."""
        return await self.read(rows, slugs, asker=asker)

    async def newest(self, room_id: int, limit: int, asker: Asker | Askers = ITSELF) -> Reading:
        """The `limit` newest changes."""
        return await self.read(_changes, room_id, 0, limit, self._size_limit, asker=asker)

    async def opening(self, room_id: int, limit: int, asker: Asker | Askers = ITSELF) -> Opening:
        """The newest page of messages, and the `limit` newest changes."""
        return await self.read(_opening, room_id, limit, self._size_limit, asker=asker)

    async def changes(self, room_id: int, since: int, limit: int) -> Reading:
        """What changed after version `since`, or the `limit` newest of it."""
        return await self.read(_changes, room_id, since, limit, self._size_limit)

    async def states(self, room_ids: Sequence[int]) -> dict[int, RoomState]:
        """How far each of these rooms goes, its rules and its title, by id; a deleted room is missing."""
        return await self.read(_states, room_ids)

    async def contradicts(self, room_id: int, since: Since, asker: Asker | Askers = ITSELF) -> bool:
        """Whether another message, or none, is where a client has its newest message or newest change."""
        return await self.read(_contradicts, room_id, since, asker=asker)

    async def heads(self, room_ids: Sequence[int]) -> dict[int, int]:
        """As `unread.heads`."""
        return await self.read(unread.heads, room_ids)

    async def new_messages(self, spans: Sequence[Span]) -> dict[Span, Count]:
        """See `unread.new_messages`."""
        return await self.read(unread.new_messages, spans)

    # --- for one member who asks; cancelled, it ends ---

    async def page(self, room_id: int, asked: History, asker: Asker = ITSELF) -> Stretch:
        """The messages of a page.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        readers = self._searches if asked.is_combined else self._answers
        return await readers.read(asker, retrying, _in_time, "Ask for less at once.", _page, room_id, asked)

    async def search(
        self, room_id: int, wanted: SearchQuery, limit: int, asker: Asker = ITSELF
    ) -> tuple[list[Result], bool]:
        """The `limit` newest messages that are `wanted`, newest first; and whether older ones are as well.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        return await self._searches.read(asker, retrying, search.find, room_id, wanted, limit)

    async def unread(
        self, read: Mapping[str, int], member_id: MemberId, asker: Asker = ITSELF
    ) -> dict[int, UnreadRoom]:
        """As `unread.unread`.

        Raises:
            LogUnavailable: the database failed.
            Refusal: it took too long, or too much waits.
        """
        return await self._answers.read(asker, retrying, _in_time, "Watch fewer rooms.", unread.unread, read, member_id)

    # --- what writes, and so may wait for locks ---

    async def run(self, work: Callable[..., T], *arguments: object, asker: Asker = ITSELF) -> T:
        """What `work` returns, which may write; like `retrying`, maybe done twice.

        Raises:
            LogUnavailable: the database failed.
            Refusal: too much waits.
        """
        return await self._acts.read(asker, retrying, work, *arguments)

    async def tidy(self) -> None:
        """Forgets deleted words that the search index still has.

        Raises:
            LogUnavailable: the database failed.
        """
        await self.run(index_cleanup.forget)

    async def try_writing(self) -> None:
        """Writes what leaves nothing behind, to find out whether a post could be written.

        Raises:
            LogUnavailable, DatabaseError: it couldn't.
        """
        await self.run(_try_writing)

    async def close(self) -> None:
        """Ends the threads and their database connections."""
        groups = (self._rooms, self._answers, self._searches, self._acts)
        await asyncio.gather(*(group.close() for group in groups))


def _in_time(advice: str, work: Callable[..., T], *arguments: object) -> T:
    """What `work` returns.

    Raises:
        Refusal: it took too long; it gives the advice.
    """
    with deadline(f"That takes too long. {advice}"):
        return work(*arguments)


def rows(slugs: Iterable[str]) -> dict[str, RoomRow]:
    """Those of these rooms that have a row, by slug."""
    found = Room.objects.filter(slug__in=slugs).values_list("pk", "slug", "log")
    return {slug: RoomRow(pk, slug, log) for pk, slug, log in found}


def _changes(room_id: int, since: int, limit: int, size_limit: int) -> Reading:
    # The head first: versions are given out under the room's lock, so whatever is committed up to the highest
    # version that the second query sees is seen by it too.
    head = _head(room_id)
    newest: list[Entry] = []
    size, below = 0, _ABOVE_ALL
    messages = Message.objects.filter(room_id=room_id, version__gt=since).order_by("-version")
    # A part at a time, so that big messages aren't all in memory before they turn out to be too many. One that changes
    # between two parts is in neither: its change is newer than the head of this reading, and will be told.
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
            return Opening(page, changes, state.rules, state.about)
        # More changed between the two looks than the second one holds: a message may be born that is in neither.


def _head(room_id: int) -> int:
    head = Room.objects.filter(pk=room_id).values_list("head", flat=True).first()
    if head is None:
        raise RoomGone(room_id)
    return head


def _newest_page(room_id: int) -> list[Entry]:
    return _entries(page_queries.nearest(room_id, EVERYTHING, "<", _ABOVE_ALL, WELCOME_MESSAGES))


def _page(room_id: int, asked: History) -> Stretch:
    if asked.seqs is not None:
        return Stretch(_entries(page_queries.named(room_id, asked.seqs)), [], more=False, newer=False)
    wanted, place = Filter.of(asked), place_of(asked)
    # One more of each than is asked for: whether there are more.
    below = _entries(page_queries.nearest(room_id, wanted, "<", place.at, place.below + 1))
    above = _entries(page_queries.nearest(room_id, wanted, ">=", place.at, place.above + 1)) if place.above else []
    more, newer = len(below) > place.below, len(above) > place.above
    return Stretch(below[more:], above[: place.above], more, newer)


def _entries(messages: Iterable[Message]) -> list[Entry]:
    return [to_entry(message) for message in messages]


def _contradicts(room_id: int, since: Since) -> bool:
    """Rows of messages stay, and so does a version until its message changes again: what isn't there is lost."""
    places = Q(seq__in=[seq for seq in (since.seq, since.changed) if seq is not None])
    found = Message.objects.filter(places | Q(version=since.version), room_id=room_id)
    by_seq = {seq: (version, nonce) for seq, version, nonce in found.values_list("seq", "version", "nonce")}
    if since.seq is not None and since.nonce is not None and by_seq.get(since.seq, (0, None))[1] != since.nonce:
        return True
    if since.changed is None:
        return False
    others = (version for seq, (version, _) in by_seq.items() if seq != since.changed)
    return by_seq.get(since.changed, (0, None))[0] < since.version or since.version in others


def _states(room_ids: Iterable[int]) -> dict[int, RoomState]:
    fields = ("pk", "log", "head", "locked", "slow_seconds", "title", "topic", "made_by")
    return {
        room_id: RoomState(log, head, Rules(locked, slow), About(title, topic, made_by and MemberId(str(made_by))))
        for room_id, log, head, locked, slow, title, topic, made_by in Room.objects.filter(pk__in=room_ids).values_list(
            *fields
        )
    }


def _try_writing() -> None:
    """One row is written, always the same; and a post's tables are written to without writing a row."""
    with transaction.atomic():
        now = timezone.now()
        Probe.objects.bulk_create(
            [Probe(pk=1, at=now)], update_conflicts=True, unique_fields=["pk"], update_fields=["at"]
        )
        Room.objects.filter(pk=0).update(head=0)
        Message.objects.filter(pk=0).update(version=0)
        with connection.cursor() as cursor:
            for model, column in ((Room, "head"), (Message, "seq"), (Mention, "seq")):
                name = connection.ops.quote_name(model._meta.db_table)
                cursor.execute(f"INSERT INTO {name} ({column}) SELECT {column} FROM {name} WHERE 1 = 0")  # nosec B608
