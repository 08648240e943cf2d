"""Writes the log: one transaction for all waiting operations of all rooms (group commit).

Operations that arrive during a transaction share the next one. So an idle server commits a message at once, and a busy
one many for the price of one. operations.py defines an operation's effect.

If another transaction has locked a room's row, the room leaves the batch, so that the other rooms don't wait for it.
Its operations wait on a second thread, one room at a time and in their order. So do operations of a room without a row,
since another process may be inserting it. SQLite has one lock for the whole database: there, every writer waits for
every other.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

from django.db import OperationalError, connection, transaction
from django.db.models import Q
from django.utils import timezone

from chat.access import policy
from chat.content.markdown import Rendered
from chat.counters import counters
from chat.log import audit, room_rows, sql
from chat.log.entries import Entry
from chat.log.operations import (
    Change,
    Delete,
    Edit,
    Operation,
    Post,
    alter,
    delta,
    no_such_message,
    with_reply_mention,
)
from chat.log.reader import LogUnavailable, RoomGone, RoomRow, WentBack, retrying, rows, to_entry
from chat.log.slow_mode import Pace
from chat.log.sql import LockedRoom, MentionRow
from chat.log.work_thread import WorkThread
from chat.models import Message
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId

logger = logging.getLogger(__name__)

BATCH_LIMIT = 200  # Operations in one transaction: about 10 ms on SQLite, after which waiting costs more than it saves.


@dataclass(frozen=True, slots=True)
class Committed:
    """The message after an operation. `is_new` is false if the log had this state already and nothing was written.

    `room`: the room's row. It has an id even if the operation's room had none.
    """

    room: RoomRow
    entry: Entry
    is_new: bool


COMMIT_SECONDS_LIMIT = 0.005  # That an operation is charged with: a slow disk isn't its author's doing.
BUSY_SECONDS = 5  # Then an operation is refused with `unavailable`, and its sender repeats it.
LOCK_WAIT_MS = 50  # For one locked room, before the next one's turn. Another process's commit takes about 5 ms.
_LOCK_NOT_AVAILABLE = "55P03"  # PostgreSQL, appendix A.


class RoomBusy(Exception):
    """Another transaction has locked the room's row. Nothing was written; the operation may be repeated."""


_pace = Pace()

MessageKey = tuple[int, int]  # A message's room and seq.
Outcome = Committed | RoomGone | Refusal | RoomBusy
Waiting = tuple[Operation, asyncio.Future[Committed]]
Publish = Callable[[RoomRow, list[Entry]], None]
Charge = Callable[[str, float], None]


class Committer:
    """The one writer of this process. It calls `publish(room, entries)` for every commit, in the order of versions.

    Everybody waits for it, so it calls `charge(network, seconds)` for each operation, with its share of the
    transaction's time.
    """

    def __init__(self, publish: Publish, charge: Charge = lambda network, seconds: None) -> None:
        self._publish = publish
        self._charge = charge
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = WorkThread("committer")
        self._busy: dict[str, _BusyRoom] = {}  # By the room's slug. The first one has its turn.
        self._busy_task: asyncio.Task[None] | None = None
        self._busy_thread = WorkThread("committer-busy")

    async def commit(self, operation: Operation) -> Committed:
        """The message after the operation, once it is on disk.

        Raises:
            LogUnavailable: the database failed, and the operation may be written or not. It is safe to repeat.
            RoomGone: the room was deleted, or has another log; WentBack: it got the log just now.
            Refusal: the message doesn't exist, or the operation isn't allowed.
        """
        future: asyncio.Future[Committed] = self._loop.create_future()
        if (room := self._busy.get(operation.room.slug)) is not None:
            room.waiting.append((operation, future))  # Keeps the order within the room.
            return await future
        self._waiting.append((operation, future))
        if self._task is None:
            self._task = self._loop.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_LIMIT))]
                began_at = self._loop.time()
                outcomes = await self._commit(self._thread, write, [operation for operation, _ in batch])
                self._charge_authors(batch, self._loop.time() - began_at)
                self._tell(self._set_aside(batch, outcomes), outcomes)
        finally:
            self._task = None

    def _charge_authors(self, batch: list[Waiting], seconds: float) -> None:
        for operation, _ in batch:
            if operation.by.network:  # The host's own code has none.
                self._charge(operation.by.network, min(seconds / len(batch), COMMIT_SECONDS_LIMIT))

    def _set_aside(self, batch: list[Waiting], outcomes: Sequence[Outcome | Exception]) -> list[Waiting | None]:
        """Moves operations of locked rooms to `_busy`. Returns the batch with None in their places."""
        if not any(isinstance(outcome, RoomBusy) for outcome in outcomes):
            return [*batch]
        left: list[Waiting | None] = []
        now = self._loop.time()
        for each, outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, RoomBusy):
                room = self._busy.setdefault(each[0].room.slug, _BusyRoom(now + BUSY_SECONDS))
                room.waiting.append(each)
            left.append(None if isinstance(outcome, RoomBusy) else each)
        waiting, self._waiting = self._waiting, deque()
        for each in waiting:  # Later operations of these rooms wait behind them.
            busy = self._busy.get(each[0].room.slug)
            (self._waiting if busy is None else busy.waiting).append(each)
        if self._busy_task is None:
            self._busy_task = self._loop.create_task(self._run_busy())
        return left

    async def _run_busy(self) -> None:
        """Retries each locked room in turn until none is left. It ends, because each room has a deadline."""
        try:
            while self._busy:
                slug, room = next(iter(self._busy.items()))
                batch = [room.waiting.popleft() for _ in range(min(len(room.waiting), BATCH_LIMIT))]
                operations = [operation for operation, _ in batch]
                outcomes = await self._commit(self._busy_thread, write_waiting, operations)
                del self._busy[slug]
                if not isinstance(outcomes[0], RoomBusy):
                    self._tell(batch, outcomes)
                    room.until = self._loop.time() + BUSY_SECONDS
                elif self._loop.time() < room.until:
                    room.waiting.extendleft(reversed(batch))
                else:
                    batch += room.waiting
                    room.waiting.clear()
                    logger.error("%d operations were refused: room %s has been locked for too long", len(batch), slug)
                    self._tell(batch, [LogUnavailable("the room is locked by somebody else")] * len(batch))
                if room.waiting:
                    self._busy[slug] = room  # Behind the others.
        finally:
            self._busy_task = None

    async def _commit(
        self, thread: WorkThread, work: "Work", operations: list[Operation]
    ) -> Sequence[Outcome | Exception]:
        """Returns an outcome for each operation. An operation that fails doesn't fail the others."""
        began_at = self._loop.time()
        try:
            outcomes: Sequence[Outcome] = await thread.run(retrying, work, operations)
            counters.commit.observe(self._loop.time() - began_at)
            return outcomes
        except LogUnavailable as error:
            logger.error("%d operations were refused, the database failed: %s", len(operations), error)
            return [error] * len(operations)
        except Exception as error:
            if len(operations) == 1:
                logger.exception("An operation could not be written")
                return [error]
        return [outcome for operation in operations for outcome in await self._commit(thread, work, [operation])]

    def _tell(self, batch: Sequence[Waiting | None], outcomes: Sequence[Outcome | Exception]) -> None:
        """Publishes new entries, one list per room, then answers the callers. Skips None in the batch."""
        news: dict[RoomRow, list[Entry]] = {}
        for each, outcome in zip(batch, outcomes, strict=True):
            if each is not None and isinstance(outcome, Committed) and outcome.is_new:
                news.setdefault(outcome.room, []).append(outcome.entry)
        for room, entries in news.items():
            try:
                self._publish(room, entries)
            except Exception:  # The log has them, so a failed fan-out must not fail them.
                logger.exception("Room %s was not told of its newest messages", room.slug)
        for each, outcome in zip(batch, outcomes, strict=True):
            if each is None or each[1].cancelled():
                continue
            if isinstance(outcome, Exception):
                each[1].set_exception(outcome)
            else:
                each[1].set_result(outcome)

    async def close(self) -> None:
        """Writes the waiting operations, then ends the threads."""
        for task in (self._task, self._busy_task):
            if task is not None:
                await task
        await self._thread.close()
        await self._busy_thread.close()


@dataclass
class _BusyRoom:
    """The operations that wait for a locked room, in order. `until`: their deadline by the loop's clock."""

    until: float
    waiting: deque[Waiting] = field(default_factory=deque)


Work = Callable[[Sequence[Operation]], Sequence[Outcome]]


def write(operations: Sequence[Operation]) -> list[Outcome]:
    """Writes all operations in one transaction and returns their outcomes. For a locked room that is RoomBusy."""
    with transaction.atomic():
        operations = _with_rows(operations)
        ids = {operation.room.id for operation in operations if operation.room.is_written}
        rooms = sql.lock_rooms(ids, skip_locked=True)
        busy = sql.existing(ids - rooms.keys()) if len(rooms) < len(ids) else set()
        waits = [operation.room.id in busy or _begins_room(operation) for operation in operations]
        batch = _Batch(
            rooms, [operation for operation, must_wait in zip(operations, waits, strict=True) if not must_wait]
        )
        outcomes = [
            RoomBusy() if must_wait else batch.outcome(operation)
            for operation, must_wait in zip(operations, waits, strict=True)
        ]
        batch.save()
        return outcomes


def write_waiting(operations: Sequence[Operation]) -> Sequence[Outcome]:
    """The same for operations in one room. It waits LOCK_WAIT_MS for the room's lock. All are RoomBusy, or none.

    A room without a row gets it here, with its first message. It waits if another process inserts the same row.
    """
    with transaction.atomic():
        _limit_waits(f"{LOCK_WAIT_MS}")
        try:
            operations = _with_rows(operations, make=True)
            rooms = sql.lock_rooms({operation.room.id for operation in operations if operation.room.is_written})
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) != _LOCK_NOT_AVAILABLE:
                raise
            transaction.set_rollback(True)
            return [RoomBusy()] * len(operations)
        _limit_waits("DEFAULT")
        batch = _Batch(rooms, operations)
        outcomes = [batch.outcome(operation) for operation in operations]
        batch.save()
        return outcomes


def _limit_waits(lock_timeout: str) -> None:
    """Sets how long this transaction waits for a lock. SQLite has one lock, with its own setting."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout TO {lock_timeout}")


def _begins_room(operation: Operation) -> bool:
    """Whether the operation makes the room's row. Only a post can: without messages, none can be answered."""
    return not operation.room.is_written and isinstance(operation, Post) and operation.reply_to is None


def _with_rows(operations: Sequence[Operation], *, make: bool = False) -> Sequence[Operation]:
    """The operations with their rooms' current rows. With `make`, a room that begins here gets one."""
    unwritten = {operation.room.slug for operation in operations if not operation.room.is_written}
    if not unwritten:
        return operations
    found = room_rows.write({one.room for one in operations if _begins_room(one)}) if make else {}
    found |= rows(unwritten - found.keys())
    return [one if one.room.is_written else replace(one, room=found.get(one.room.slug, one.room)) for one in operations]


class _Batch:
    """Locked rooms and the messages that the operations concern. `outcome` applies the operations one by one."""

    def __init__(self, rooms: dict[int, LockedRoom], operations: Sequence[Operation]) -> None:
        self._rooms = rooms  # As read, by id. Deleted rooms are missing.
        self._heads = {room_id: room.head for room_id, room in rooms.items()}
        self._went_back = {
            operation.room
            for operation in operations
            if (room := rooms.get(operation.room.id)) is not None
            and room.log == operation.room.log
            and room.head < operation.known_head
        }
        now = timezone.now()
        self._now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # The wire has milliseconds.
        # A message may be found by its nonce and by its seq. It must be one object all the same.
        known = {message.pk: message for message in (*_by_nonce(operations), *_by_place(operations))}
        self._by_nonce = {_key(message): message for message in known.values()}
        self._by_place = {(message.room_id, message.seq): message for message in known.values()}
        self._answered = _answered(operations, self._by_place)
        self._born: list[Message] = []
        self._altered: dict[int, Message] = {}
        self._mentioned: dict[int, list[MemberId] | None] = {}  # The mentions of altered messages before.
        self._moved: set[int] = set()
        self._posted: set[tuple[int, uuid.UUID]] = set()  # Rooms and authors.

    def outcome(self, operation: Operation) -> Outcome:
        """Applies the next operation and returns its outcome."""
        if operation.room.is_written:
            room = self._rooms.get(operation.room.id)
            if room is None or room.log != operation.room.log:  # The operation belongs to the room's former log.
                return RoomGone(operation.room.slug)
            if operation.room in self._went_back:
                return WentBack(operation.room.slug)
        try:
            if isinstance(operation, Post):
                return self._post(operation)
            return self._change(operation)
        except Refusal as refusal:
            return refusal

    def _post(self, post: Post) -> Committed:
        room_id = post.room.id
        key = (room_id, uuid.UUID(post.by.id), post.nonce)
        if key in self._by_nonce:
            return Committed(post.room, to_entry(self._by_nonce[key]), is_new=False)
        if (room := self._rooms.get(room_id)) is None:  # An answer in a room without a row, and so without messages.
            raise _nothing_to_answer()
        policy.can_post(post.by, room.rules, lambda: self._since_last_post(room_id, key[1])).expect()
        if room.rules.slow:
            _pace.note(room_id, key[1], self._heads[room_id] + 1)
        rendered = post.rendered if post.reply_to is None else self._answering(post, post.reply_to)
        version = self._next_version(room_id)
        message = Message(
            room_id=room_id,
            seq=version,
            version=version,
            nonce=post.nonce,
            author_id=key[1],
            author_name=post.name,
            is_by_bot=post.by.is_bot or None,
            body=post.body,
            html=rendered.html,
            mentions=rendered.mentions or None,
            has_link=rendered.has_link or None,
            search_text=rendered.search_text,
            reply_to=post.reply_to,
            at=self._now,
        )
        self._born.append(message)
        self._posted.add((room_id, key[1]))
        self._by_nonce[key] = self._by_place[room_id, version] = message
        return Committed(post.room, to_entry(message), is_new=True)

    def _answering(self, post: Post, seq: int) -> Rendered:
        """The rendered body of an answer, with the mention of the answered author."""
        answered = self._author_of(post.room.id, seq)
        if answered is None:
            raise _nothing_to_answer()
        return with_reply_mention(post.rendered, answered, uuid.UUID(post.by.id))

    def _author_of(self, room_id: int, seq: int) -> uuid.UUID | None:
        """The author of an answered message, which may be new in this transaction."""
        message = self._by_place.get((room_id, seq))
        return self._answered.get((room_id, seq)) if message is None else message.author_id

    def _since_last_post(self, room_id: int, author_id: uuid.UUID) -> float | None:
        """Seconds since this author's last post in the room, deleted or not."""
        if (room_id, author_id) in self._posted:
            return 0.0
        said = Message.objects.filter(room_id=room_id, author_id=author_id).order_by("-seq")
        if (last := said.values_list("seq", "at").first()) is None:
            return None
        seq, at = last
        return _pace.since(room_id, author_id, seq, (self._now - at).total_seconds())

    def _change(self, change: Change) -> Committed:
        message = self._by_place.get((change.room.id, change.seq))
        if message is None:
            raise no_such_message(change.seq)
        if isinstance(change, Edit) and message.reply_to is not None:
            answered = self._author_of(message.room_id, message.reply_to)
            change = replace(change, rendered=with_reply_mention(change.rendered, answered, message.author_id))
        mentioned, after = message.mentions, message.version
        is_new = alter(message, change, self._now, self._rooms[change.room.id].rules)
        if is_new:
            if isinstance(change, Delete) and change.by.moderator is not None:
                audit.record_deletion(change.by.moderator, change.room.slug, message, change.reason)
            message.version = self._next_version(change.room.id)
            if message.pk is not None:  # Else it is new in this transaction.
                self._altered[message.pk] = message
                self._mentioned.setdefault(message.pk, mentioned)
        entry = to_entry(message)
        if is_new:
            entry = entry._replace(delta=delta(change, after, message.version))
        return Committed(change.room, entry, is_new)

    def _next_version(self, room_id: int) -> int:
        self._heads[room_id] += 1
        self._moved.add(room_id)
        return self._heads[room_id]

    def save(self) -> None:
        for room in self._went_back:
            room_rows.renew_log(room)
        sql.insert(self._born)
        sql.update(self._altered.values())
        self._save_mentions()
        sql.move_heads({room_id: self._heads[room_id] for room_id in self._moved})

    def _save_mentions(self) -> None:
        now = {
            row
            for message in (*self._born, *self._altered.values())
            for row in _mention_rows(message, message.mentions)
        }
        before = {row for pk, members in self._mentioned.items() for row in _mention_rows(self._altered[pk], members)}
        sql.delete_mentions(before - now)
        sql.insert_mentions(now - before)


def _nothing_to_answer() -> Refusal:
    return Refusal(RefusalCode.NO_SUCH_MESSAGE, "The message to reply to doesn't exist in this room.")


def _mention_rows(message: Message, members: Iterable[MemberId] | None) -> list[MentionRow]:
    return [MentionRow(member_id, message.room_id, message.seq) for member_id in members or ()]


def _by_nonce(operations: Iterable[Operation]) -> Iterable[Message]:
    """The messages that these posts have already created."""
    ids = sql.ids_by_nonce([one.nonce for one in operations if isinstance(one, Post)])
    return Message.objects.filter(pk__in=ids) if ids else ()


def _by_place(operations: Iterable[Operation]) -> Iterable[Message]:
    """The messages that these changes concern."""
    places: dict[int, set[int]] = {}
    for operation in operations:
        if not isinstance(operation, Post):
            places.setdefault(operation.room.id, set()).add(operation.seq)
    return Message.objects.filter(_at(places)) if places else ()


def _answered(operations: Iterable[Operation], known: Mapping[MessageKey, Message]) -> dict[MessageKey, uuid.UUID]:
    """The authors of the messages that these operations answer, without those in `known`."""
    places: dict[int, set[int]] = {}
    for operation in operations:
        seq = operation.reply_to if isinstance(operation, Post) else None
        if isinstance(operation, Edit) and (edited := known.get((operation.room.id, operation.seq))) is not None:
            seq = edited.reply_to
        if seq is not None and (operation.room.id, seq) not in known:
            places.setdefault(operation.room.id, set()).add(seq)
    if not places:
        return {}
    rows = Message.objects.filter(_at(places)).values_list("room_id", "seq", "author_id")
    return {(room_id, seq): author_id for room_id, seq, author_id in rows}


def _at(places: Mapping[int, Iterable[int]]) -> Q:
    """A condition for messages by room and seqs."""
    return reduce(or_, [Q(room_id=room_id, seq__in=seqs) for room_id, seqs in places.items()])


def _key(message: Message) -> tuple[int, uuid.UUID, uuid.UUID]:
    return message.room_id, message.author_id, message.nonce
