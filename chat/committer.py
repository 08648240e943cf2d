"""Writing the log: one transaction for everything that waits, of all rooms (group commit).

While one transaction is on its way to the disk, what arrives gathers into the next. So an idle server commits a
message at once, and a busy one many for the price of one.
"""

import asyncio
import logging
import uuid
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from . import markup
from .log import LogUnavailable, RoomGone, RoomRow, close_threads, retrying, to_entry
from .models import Message, Room
from .protocol import Member
from .ring import Entry

logger = logging.getLogger(__name__)

BATCH_LIMIT = 200  # Posts in one transaction: about 10 ms on SQLite, after which waiting costs more than it saves.


@dataclass(frozen=True, slots=True)
class NewPost:
    """A message to be written. The same nonce of the same author in the same room is the same message."""

    room: RoomRow
    nonce: uuid.UUID
    author: Member
    body: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What came of a post. `is_new` is false where the message was there already."""

    entry: Entry
    is_new: bool


Outcome = Committed | RoomGone
Publish = Callable[[RoomRow, list[Entry]], None]


class Committer:
    """The one writer of this process. `publish(room, entries)` hears of every commit, in the order of versions."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._waiting: deque[tuple[NewPost, asyncio.Future[Committed]]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="committer")

    async def commit(self, post: NewPost) -> Committed:
        """The message, when it is on disk.

        Raises:
            LogUnavailable: the database failed; the message may or may not be there, post it again with its nonce.
            RoomGone: the room was deleted.
        """
        future: asyncio.Future[Committed] = asyncio.get_running_loop().create_future()
        self._waiting.append((post, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), BATCH_LIMIT))]
                outcomes = await self._commit([post for post, _ in batch])
                self._tell(batch, outcomes)
        finally:
            self._task = None

    async def _commit(self, posts: list[NewPost]) -> Sequence[Outcome | Exception]:
        """An outcome for each post. One that can't be written doesn't take the others with it."""
        run = asyncio.get_running_loop().run_in_executor
        try:
            return await run(self._thread, retrying, write, posts)
        except LogUnavailable as error:
            logger.error("%d posts were refused, the database failed: %s", len(posts), error)
            return [error] * len(posts)
        except Exception as error:
            if len(posts) == 1:
                logger.exception("A post could not be written")
                return [error]
        return [outcome for post in posts for outcome in await self._commit([post])]

    def _tell(
        self, batch: list[tuple[NewPost, asyncio.Future[Committed]]], outcomes: Sequence[Outcome | Exception]
    ) -> None:
        """Publishes what is new, a list a room, then answers those who wait."""
        news: dict[RoomRow, list[Entry]] = {}
        for (post, _), outcome in zip(batch, outcomes, strict=True):
            if isinstance(outcome, Committed) and outcome.is_new:
                news.setdefault(post.room, []).append(outcome.entry)
        for room, entries in news.items():
            try:
                self._publish(room, entries)
            except Exception:  # The log has them; a fan-out that fails must not fail the posts.
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


def write(posts: Sequence[NewPost]) -> list[Outcome]:
    """An outcome for each post, all in one transaction."""
    htmls = [markup.render(post.body) for post in posts]  # Before the rooms are locked.
    with transaction.atomic():
        # In the order of ids, so that two processes never wait for each other's rooms.
        rooms = Room.objects.select_for_update().filter(pk__in={post.room.id for post in posts}).order_by("pk")
        return _write(posts, htmls, {room.pk: room for room in rooms})


def _write(posts: Sequence[NewPost], htmls: Sequence[str], rooms: dict[int, Room]) -> list[Outcome]:
    known = {_key(message): to_entry(message) for message in Message.objects.filter(nonce__in=[p.nonce for p in posts])}
    messages: list[Message] = []
    outcomes: list[Outcome] = []
    now = timezone.now()
    now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # What the wire can say.
    for post, html in zip(posts, htmls, strict=True):
        key = (post.room.id, uuid.UUID(post.author.id), post.nonce)
        if post.room.id not in rooms:
            outcomes.append(RoomGone(post.room.slug))
        elif key in known:
            outcomes.append(Committed(known[key], is_new=False))
        else:
            room = rooms[post.room.id]
            room.head += 1
            messages.append(
                Message(
                    room=room,
                    seq=room.head,
                    version=room.head,
                    nonce=post.nonce,
                    author_id=key[1],
                    author_name=post.author.name,
                    body=post.body,
                    html=html,
                    at=now,
                )
            )
            known[key] = to_entry(messages[-1])
            outcomes.append(Committed(known[key], is_new=True))
    Message.objects.bulk_create(messages)
    Room.objects.bulk_update({message.room for message in messages}, ["head"])
    return outcomes


def _key(message: Message) -> tuple[int, uuid.UUID, uuid.UUID]:
    return message.room_id, message.author_id, message.nonce
