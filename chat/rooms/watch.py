"""Rooms that connections watch without joining them, and updates about new messages there.

Each watcher of a room has a head: the version up to which it has got updates. A tick reads the rooms' current heads
and counts the messages between each watcher's head and the current one. Watchers that are at the old head *when the
count arrives* get the count, and move to the new head in the same step. So watchers may come and go during the query:
no message is counted twice, and none is left out.
"""

import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol

from msgspec import UNSET, Raw, UnsetType

from chat.access.rate_limits import Bucket, Rate
from chat.log.reader import RoomRow
from chat.log.turns import ITSELF, Asker
from chat.log.unread import Count, Span
from chat.protocol import codec
from chat.protocol.events import Activity, RoomActivity, Unread, UnreadRoom
from chat.protocol.fields import MemberId
from chat.rooms.connection import Connection, Frame

WATCH_SECONDS = 2.5  # Maximum delay of unread counts; one small query for all rooms.
# The limit for all watchers of a process. Past it, a watcher of more rooms gets their unread counts, but no updates.
# The sizes below are estimates and higher than CPython's (a test measures it).
BYTES_LIMIT = 64 * 1024 * 1024
ROOM_BYTES = 1_000
WATCHER_BYTES = 1_000
PLACE_BYTES = 100  # Of one watcher in one room.


logger = logging.getLogger(__name__)

_warnings = Bucket(Rate(1, 1 / 60))  # One warning a minute is enough.


class Source(Protocol):
    """The queries of the log that `Watching` needs. See `unread.py`."""

    async def rows(self, slugs: list[str]) -> dict[str, RoomRow]: ...
    async def heads(self, room_ids: list[int]) -> dict[int, int]: ...
    async def unread(self, read: Mapping[str, int], member_id: MemberId, asker: Asker) -> dict[int, UnreadRoom]: ...
    async def new_messages(self, spans: list[Span]) -> dict[Span, Count]: ...


FindOpen = Callable[[Iterable[str]], Awaitable[set[str]]]  # Returns the rooms without a row that have a member.


class WatchedRoom:
    """A room's watchers, grouped by their head. Nearly always there is one group."""

    __slots__ = ("groups", "slug")

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.groups: dict[int, set[Connection]] = {}


class Watching:
    """The watched rooms of this process's connections. Without watchers, nothing runs.

    A room without a row exists while it has a member. It is watched from its first message on, which makes the row.
    """

    def __init__(self, source: Source, find_open: FindOpen) -> None:
        self._source = source
        self._find_open = find_open
        self._rooms: dict[int, WatchedRoom] = {}
        self._unwritten: dict[str, set[Connection]] = {}  # The watchers of rooms without a row, by slug.
        # Each connection's member and watched rooms: those with a row by id, the others by slug.
        self._watchers: dict[Connection, tuple[MemberId, set[int], set[str]]] = {}
        self._places = 0  # Of watchers in rooms.

    @property
    def room_count(self) -> int:
        return len(self._rooms) + len(self._unwritten)

    @property
    def size(self) -> int:
        """The estimated bytes in memory."""
        return self.room_count * ROOM_BYTES + len(self._watchers) * WATCHER_BYTES + self._places * PLACE_BYTES

    async def watch(
        self,
        connection: Connection,
        member_id: MemberId,
        read: Mapping[str, int],
        asker: Asker = ITSELF,
        re: str | UnsetType = UNSET,
        answers: Connection | None = None,
    ) -> None:
        """Sends the unread counts of these rooms, then updates. `read` has the last read seq, by slug.

        This replaces the rooms watched before. `re` is the answer's, which goes to `answers` if that is another
        connection. Call `forget` when the connection is closed.

        Raises:
            LogUnavailable, Refusal: the counts couldn't be read. The rooms watched before stay.
        """
        rooms = await self._source.unread(read, member_id, asker) if read else {}
        without_row = read.keys() - {room.slug for room in rooms.values()}
        empty = await self._find_open(without_row) if without_row else set()
        self.forget(connection)
        if not connection.is_open:
            return
        for room_id, room in rooms.items():
            if (place := self._place(connection, member_id)) is not None:
                place[0].add(room_id)
                watched = self._rooms.setdefault(room_id, WatchedRoom(room.slug))
                watched.groups.setdefault(room.head, set()).add(connection)
        for slug in empty:
            if (place := self._place(connection, member_id)) is not None:
                place[1].add(slug)
                self._unwritten.setdefault(slug, set()).add(connection)
        nothing_said = [UnreadRoom(slug, slug, unread=0, called=0, head=0) for slug in sorted(empty)]
        (answers or connection).answer(Frame.of(Unread([*rooms.values(), *nothing_said], re=re)))

    def _place(self, connection: Connection, member_id: MemberId) -> tuple[set[int], set[str]] | None:
        """The connection's sets of watched rooms, to add one more. None if the limit is reached."""
        if self.size >= BYTES_LIMIT:
            if not _warnings.take(1, time.monotonic()):
                logger.warning(
                    "%d rooms are watched by %d sockets: no more is kept", self.room_count, len(self._watchers)
                )
            return None
        self._places += 1
        _, room_ids, slugs = self._watchers.setdefault(connection, (member_id, set(), set()))
        return room_ids, slugs

    def forget(self, connection: Connection) -> None:
        """Removes the connection from all watched rooms."""
        _, room_ids, slugs = self._watchers.pop(connection, (None, set(), set()))
        self._places -= len(room_ids) + len(slugs)
        for slug in slugs:
            self._leave_unwritten(connection, slug)
        for room_id in room_ids:
            self._leave(connection, room_id)

    def rooms_of(self, connection: Connection) -> list[str]:
        """The addresses of the rooms that the connection watches."""
        _, room_ids, slugs = self._watchers.get(connection, (None, (), ()))
        return [*slugs, *(self._rooms[room_id].slug for room_id in room_ids)]

    def unwatch(self, connection: Connection, slug: str) -> None:
        """Removes the connection from this watched room."""
        _, room_ids, slugs = self._watchers.get(connection, (None, set(), set()))
        if slug in slugs:
            self._leave_unwritten(connection, slug)
            slugs.discard(slug)
            self._places -= 1
        for room_id in [room_id for room_id in room_ids if self._rooms[room_id].slug == slug]:
            self._leave(connection, room_id)
            room_ids.discard(room_id)
            self._places -= 1

    def _leave_unwritten(self, connection: Connection, slug: str) -> None:
        watchers = self._unwritten[slug]
        watchers.discard(connection)
        if not watchers:
            del self._unwritten[slug]

    def _leave(self, connection: Connection, room_id: int) -> None:
        room = self._rooms[room_id]
        for head, group in list(room.groups.items()):
            group.discard(connection)
            if not group:
                del room.groups[head]
        if not room.groups:
            del self._rooms[room_id]

    async def tick(self) -> None:
        """Sends all watchers the new messages since the last update. Runs one at a time.

        Raises:
            LogUnavailable: they couldn't be read. The next tick sends them.
        """
        if self._unwritten:
            self._take_rows(await self._source.rows(list(self._unwritten)))
        asked = list(self._rooms)
        if not asked:
            return
        heads = await self._source.heads(asked)
        for room_id in asked:
            if room_id not in heads:
                self._drop(room_id)
        spans = [
            Span(room_id, told, heads[room_id])
            for room_id in asked
            if (room := self._rooms.get(room_id)) is not None
            for told in room.groups
            if told < heads[room_id]
        ]
        if spans:
            self._send_counts(await self._source.new_messages(spans))

    def _take_rows(self, rows: Mapping[str, RoomRow]) -> None:
        """Moves the watchers of rooms that got a row to head 0."""
        for slug, row in rows.items():
            watchers = self._unwritten.pop(slug, set())
            for connection in watchers:
                _, room_ids, slugs = self._watchers[connection]
                slugs.discard(slug)
                room_ids.add(row.id)
            if watchers:
                watched = self._rooms.setdefault(row.id, WatchedRoom(slug))
                watched.groups.setdefault(0, set()).update(watchers)

    def _drop(self, room_id: int) -> None:
        """Removes a deleted room."""
        room = self._rooms.pop(room_id, None)
        for group in room.groups.values() if room is not None else ():
            for connection in group:
                self._watchers[connection][1].discard(room_id)
                self._places -= 1

    def _send_counts(self, counts: Mapping[Span, Count]) -> None:
        """Sends the counts and moves their watchers to the new heads, in one step of the event loop."""
        parts: dict[Connection, list[bytes]] = {}
        for span, count in counts.items():
            room = self._rooms.get(span.room_id)
            group = room.groups.pop(span.since, None) if room is not None else None
            if room is None or group is None:
                continue
            room.groups.setdefault(span.head, set()).update(group)
            if not count.posted:  # Only older messages changed.
                continue
            for_everybody = codec.encode(RoomActivity(room.slug, count.posted, span.head))
            for connection in group:
                called = count.mentions[self._watchers[connection][0]] if count.mentions else 0
                activity = RoomActivity(room.slug, count.posted, span.head, called) if called else None
                parts.setdefault(connection, []).append(for_everybody if activity is None else codec.encode(activity))
        frames: dict[tuple[bytes, ...], Frame] = {}
        for connection, rooms in parts.items():
            key = tuple(rooms)
            if (frame := frames.get(key)) is None:
                frame = frames[key] = Frame.of(Activity([Raw(room) for room in rooms]))
            connection.send(frame)
