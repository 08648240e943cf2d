"""Writing the log: one transaction for everything that waits, of all rooms (group commit).

While one transaction is on its way to the disk, what arrives gathers into the next. So an idle server commits a
message at once, and a busy one many for the price of one. What an operation makes of a message, operations.py says.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from . import markup, moderation, statements
from .log import LogUnavailable, RoomGone, RoomRow, close_threads, retrying, to_entry
from .markup import NOTHING, Rendered
from .models import Message
from .operations import Change, Delete, Edit, Operation, Post, alter, calling, check_lock, check_pace, no_such_message
from .protocol import MemberId, Refusal, RefusalCode
from .ring import Entry
from .statements import Call, LockedRoom

logger = logging.getLogger(__name__)

BATCH_LIMIT = 200  # Operations in one transaction: about 10 ms on SQLite, after which waiting costs more than it saves.


@dataclass(frozen=True, slots=True)
class Committed:
    """The message after an operation. `is_new` is false where the log had it so already: nothing was written."""

    entry: Entry
    is_new: bool


Place = tuple[int, int]  # A message's room and seq.
Outcome = Committed | RoomGone | Refusal
Publish = Callable[[RoomRow, list[Entry]], None]


class Committer:
    """The one writer of this process. `publish(room, entries)` hears of every commit, in the order of versions."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._waiting: deque[tuple[Operation, asyncio.Future[Committed]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")

    async def commit(self, operation: Operation) -> Committed:
        """The message, when it is on disk.

        Raises:
            LogUnavailable: the database failed; it may or may not be there. Done again, it is done once all the same.
            RoomGone: the room was deleted.
            Refusal: the message isn't there, or may not be changed so.
        """
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((operation, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_LIMIT))]
                outcomes = await self._commit([operation for operation, _ in batch])
                self._tell(batch, outcomes)
        finally:
            self._task = None

    async def _commit(self, operations: list[Operation]) -> Sequence[Outcome | Exception]:
        """An outcome for each operation. One that can't be written doesn't take the others with it."""
        run = asyncio.get_running_loop().run_in_executor
        try:
            return await run(self._thread, retrying, write, operations)
        except LogUnavailable as error:
            logger.error("%d operations were refused, the database failed: %s", len(operations), error)
            return [error] * len(operations)
        except Exception as error:
            if len(operations) == 1:
                logger.exception("An operation could not be written")
                return [error]
        return [outcome for operation in operations for outcome in await self._commit([operation])]

    def _tell(
        self, batch: list[tuple[Operation, asyncio.Future[Committed]]], outcomes: Sequence[Outcome | Exception]
    ) -> None:
        """Publishes what is new, a list a room, then answers those who wait."""
        news: dict[RoomRow, list[Entry]] = {}
        for (operation, _), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Committed) and outcome.is_new:
                news.setdefault(operation.room, []).append(outcome.entry)
        for room, entries in news.items():
            try:
                self._publish(room, entries)
            except Exception:  # The log has them; a fan-out that fails must not fail them.
                logger.exception("Room %s was not told of its newest messages", room.slug)
        for (_, future), outcome in zip(batch, outcomes, strict=True):
            if future.cancelled():
                continue
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    async def close(self) -> None:
        """Writes what still waits, then ends the thread."""
        if self._task is not None:
            await self._task
        await close_threads(self._thread, 1)


def write(operations: Sequence[Operation]) -> list[Outcome]:
    """An outcome for each operation, all in one transaction."""
    rendered = [_rendered(operation) for operation in operations]  # Before the rooms are locked.
    with transaction.atomic():
        batch = _Batch(statements.lock_rooms({operation.room.id for operation in operations}), operations)
        outcomes = [batch.outcome(operation, body) for operation, body in zip(operations, rendered, strict=True)]
        batch.save()
        return outcomes


def _rendered(operation: Operation) -> Rendered:
    return markup.render(operation.body, operation.people) if isinstance(operation, Post | Edit) else NOTHING


class _Batch:
    """Locked rooms, and the messages that operations are about, as they become one operation after another."""

    def __init__(self, rooms: dict[int, LockedRoom], operations: Sequence[Operation]) -> None:
        self._rooms = rooms  # As they were found, by id. A room that was deleted is missing.
        self._heads = {room_id: room.head for room_id, room in rooms.items()}
        now = timezone.now()
        self._now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # What the wire can say.
        # A message may be found by its nonce and by its place; it must be one object all the same.
        known = {message.pk: message for message in (*_by_nonce(operations), *_by_place(operations))}
        self._by_nonce = {_key(message): message for message in known.values()}
        self._by_place = {(message.room_id, message.seq): message for message in known.values()}
        self._answered = _answered(operations, self._by_place)
        self._born: list[Message] = []
        self._altered: dict[int, Message] = {}
        self._called: dict[int, list[MemberId] | None] = {}  # Whom these called before.
        self._moved: set[int] = set()
        self._posted: set[tuple[int, uuid.UUID]] = set()  # Rooms and authors.

    def outcome(self, operation: Operation, rendered: Rendered) -> Outcome:
        """What came of an operation that follows all before it."""
        if operation.room.id not in self._rooms:
            return RoomGone(operation.room.slug)
        try:
            if isinstance(operation, Post):
                return self._post(operation, rendered)
            return self._change(operation, rendered)
        except Refusal as refusal:
            return refusal

    def _post(self, post: Post, rendered: Rendered) -> Committed:
        room_id = post.room.id
        key = (room_id, uuid.UUID(post.author.id), post.nonce)
        if key in self._by_nonce:
            return Committed(to_entry(self._by_nonce[key]), is_new=False)
        room = self._rooms[room_id]
        check_lock(room, post)
        if room.slow_seconds and not post.is_free:
            check_pace(room, self._last_at(room_id, key[1]), self._now)
        if post.reply_to is not None:
            rendered = self._answering(post, post.reply_to, rendered)
        version = self._next_version(room_id)
        message = Message(
            room_id=room_id,
            seq=version,
            version=version,
            nonce=post.nonce,
            author_id=key[1],
            author_name=post.author.name,
            body=post.body,
            html=rendered.html,
            mentions=rendered.mentions or None,
            has_link=rendered.has_link or None,
            reply_to=post.reply_to,
            at=self._now,
        )
        self._born.append(message)
        self._by_nonce[key] = self._by_place[room_id, version] = message
        self._posted.add((room_id, key[1]))
        return Committed(to_entry(message), is_new=True)

    def _answering(self, post: Post, seq: int, rendered: Rendered) -> Rendered:
        """The body of an answer."""
        answered = self._author_of(post.room.id, seq)
        if answered is None:
            raise Refusal(RefusalCode.NO_SUCH_MESSAGE, "There is no such message to answer in this room.")
        return calling(rendered, answered, uuid.UUID(post.author.id))

    def _author_of(self, room_id: int, seq: int) -> uuid.UUID | None:
        """Of a message that is answered; it may be born in this transaction."""
        message = self._by_place.get((room_id, seq))
        return self._answered.get((room_id, seq)) if message is None else message.author_id

    def _last_at(self, room_id: int, author_id: uuid.UUID) -> datetime | None:
        """When this author posted last in the room, whatever became of the message."""
        if (room_id, author_id) in self._posted:
            return self._now
        said = Message.objects.filter(room_id=room_id, author_id=author_id).order_by("-seq")
        return said.values_list("at", flat=True).first()

    def _change(self, change: Change, rendered: Rendered) -> Committed:
        message = self._by_place.get((change.room.id, change.seq))
        if message is None:
            raise no_such_message(change.seq)
        check_lock(self._rooms[change.room.id], change)
        if isinstance(change, Edit) and message.reply_to is not None:
            rendered = calling(rendered, self._author_of(message.room_id, message.reply_to), message.author_id)
        called = message.mentions
        is_new = alter(message, change, rendered, self._now)
        if is_new:
            if isinstance(change, Delete) and change.moderator is not None:
                moderation.record_deletion(change.moderator, change.room.slug, message, change.reason)
            message.version = self._next_version(change.room.id)
            if message.pk is not None:  # Else it is born in this transaction.
                self._altered[message.pk] = message
                self._called.setdefault(message.pk, called)
        return Committed(to_entry(message), is_new)

    def _next_version(self, room_id: int) -> int:
        self._heads[room_id] += 1
        self._moved.add(room_id)
        return self._heads[room_id]

    def save(self) -> None:
        statements.insert(self._born)
        statements.update(self._altered.values())
        self._save_calls()
        statements.move_heads({room_id: self._heads[room_id] for room_id in self._moved})

    def _save_calls(self) -> None:
        now = {call for message in (*self._born, *self._altered.values()) for call in _calls(message, message.mentions)}
        before = {call for pk, called in self._called.items() for call in _calls(self._altered[pk], called)}
        statements.recall(before - now)
        statements.call(now - before)


def _calls(message: Message, called: Iterable[MemberId] | None) -> list[Call]:
    return [Call(member_id, message.room_id, message.seq) for member_id in called or ()]


def _by_nonce(operations: Iterable[Operation]) -> Iterable[Message]:
    """The messages that these posts made already."""
    ids = statements.ids_by_nonce([one.nonce for one in operations if isinstance(one, Post)])
    return Message.objects.filter(pk__in=ids) if ids else ()


def _by_place(operations: Iterable[Operation]) -> Iterable[Message]:
    """The messages that these changes are about."""
    places: dict[int, set[int]] = {}
    for operation in operations:
        if not isinstance(operation, Post):
            places.setdefault(operation.room.id, set()).add(operation.seq)
    return Message.objects.filter(_at(places)) if places else ()


def _answered(operations: Iterable[Operation], known: Mapping[Place, Message]) -> dict[Place, uuid.UUID]:
    """Who wrote what these operations' messages answer, as far as it isn't `known`."""
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
    """Messages by room and seqs."""
    return reduce(or_, [Q(room_id=room_id, seq__in=seqs) for room_id, seqs in places.items()])


def _key(message: Message) -> tuple[int, uuid.UUID, uuid.UUID]:
    return message.room_id, message.author_id, message.nonce
