"""The rooms that connections watch without being in them, and the telling of what is said there.

Who watches a room stands in it under a head: told of all that is up to it, and of nothing above. A tick asks how far
the watched rooms are, and counts what lies between each such head and that one. Whoever stands under the former *when
the count is there* is told it, and stands under the latter from that step on. So it doesn't matter who came, left or
watched anew while the database was asked: nothing is told twice, and nothing is left out.
"""

import asyncio
from collections.abc import Mapping
from typing import Protocol

from . import protocol
from .connection import Connection, Frame
from .protocol import Activity, MemberId, RoomActivity, Unread, UnreadRoom
from .unread import Count, Span

WATCH_SECONDS = 2.5  # The most that a list of rooms is behind; one small query for all of them.
LOOKS = 2  # At once, of those who begin to watch: after a restart all do, and the readers are there for joins as well.


class Source(Protocol):
    """What is asked of the log, each as `unread.py` has it."""

    async def heads(self, room_ids: list[int]) -> dict[int, int]: ...
    async def unread(self, read: Mapping[str, int], member_id: MemberId) -> dict[int, UnreadRoom]: ...
    async def news(self, spans: list[Span]) -> dict[Span, Count]: ...


class WatchedRoom:
    """Who watches a room, by the head up to which they were told: nearly always one."""

    __slots__ = ("groups", "slug")

    def __init__(self, slug: str) -> None:
        self.slug = slug
        self.groups: dict[int, set[Connection]] = {}


class Watching:
    """What the connections of this process watch. Where nobody does, nothing happens."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._looking = asyncio.Semaphore(LOOKS)
        self._rooms: dict[int, WatchedRoom] = {}
        self._watchers: dict[Connection, tuple[MemberId, list[int]]] = {}  # Whose each is, and the rooms it watches.

    @property
    def room_count(self) -> int:
        return len(self._rooms)

    async def watch(self, connection: Connection, member_id: MemberId, read: Mapping[str, int]) -> None:
        """Tells the connection what is unread in these rooms, read up to a seq by slug, and then what comes there.

        That replaces what it watched before. `forget` must follow, when it is closed.

        Raises:
            LogUnavailable: nobody can tell; what was watched still is.
        """
        async with self._looking:
            rooms = await self._source.unread(read, member_id) if read else {}
        self.forget(connection)
        if not connection.is_open:
            return
        if rooms:
            self._watchers[connection] = member_id, list(rooms)
        for room_id, room in rooms.items():
            watched = self._rooms.setdefault(room_id, WatchedRoom(room.slug))
            watched.groups.setdefault(room.head, set()).add(connection)
        connection.answer(Frame.of(Unread(list(rooms.values()))))

    def forget(self, connection: Connection) -> None:
        """The connection watches nothing any more."""
        _, room_ids = self._watchers.pop(connection, (None, []))
        for room_id in room_ids:
            if (room := self._rooms.get(room_id)) is not None:  # Else it was deleted.
                for head, group in list(room.groups.items()):
                    group.discard(connection)
                    if not group:
                        del room.groups[head]
                if not room.groups:
                    del self._rooms[room_id]

    async def tick(self) -> None:
        """Tells everybody what was said since they were last told. One at a time.

        Raises:
            LogUnavailable: it couldn't be read; the next tick tells it.
        """
        asked = list(self._rooms)
        if not asked:
            return
        heads = await self._source.heads(asked)
        for room_id in asked:
            if room_id not in heads:
                self._rooms.pop(room_id, None)
        spans = [
            Span(room_id, told, heads[room_id])
            for room_id in asked
            if (room := self._rooms.get(room_id)) is not None
            for told in room.groups
            if told < heads[room_id]
        ]
        if spans:
            self._tell(await self._source.news(spans))

    def _tell(self, counts: Mapping[Span, Count]) -> None:
        """One step of the loop: whoever is told a count stands under its head before anything else happens."""
        parts: dict[Connection, list[bytes]] = {}
        for span, count in counts.items():
            room = self._rooms.get(span.room_id)
            group = room.groups.pop(span.told, None) if room is not None else None
            if room is None or group is None:
                continue
            room.groups.setdefault(span.head, set()).update(group)
            if not count.posted:  # There were only changes of older messages.
                continue
            for_everybody = protocol.encode(RoomActivity(room.slug, count.posted, span.head))
            for connection in group:
                called = count.called[self._watchers[connection][0]] if count.called else 0
                activity = RoomActivity(room.slug, count.posted, span.head, called) if called else None
                parts.setdefault(connection, []).append(
                    for_everybody if activity is None else protocol.encode(activity)
                )
        frames: dict[tuple[bytes, ...], Frame] = {}
        for connection, rooms in parts.items():
            key = tuple(rooms)
            if (frame := frames.get(key)) is None:
                frame = frames[key] = Frame.of(Activity([protocol.Raw(room) for room in rooms]))
            connection.send(frame)
