"""The rows of rooms. A room gets one with its first message, or when it is created or its rules change.

All functions here wait for the database, inside the transaction that needs the row. Without a row, a room exists while
it has members: hubs hold a `RoomRow` without an id, whose `log` the row will get.
"""

import uuid
from collections.abc import Iterable

from django.db import DEFAULT_DB_ALIAS

from chat.log.live_migrations import slices
from chat.log.reader import RoomRow, rows
from chat.models import Room


def write(rooms: Iterable[RoomRow]) -> dict[str, RoomRow]:
    """Inserts the missing rows of these rooms. Returns all their rows, by slug.

    If another process has inserted a row first, with another `log`, that row counts. Rows are inserted in the order of
    their slugs, and before the transaction locks any other row, so that two processes never wait for each other.
    """
    wanted = {room.slug: room for room in rooms}
    new = [Room(slug=slug, log=wanted[slug].log) for slug in sorted(wanted)]
    Room.objects.bulk_create(new, ignore_conflicts=True)
    return rows(wanted)


def written(room: RoomRow) -> RoomRow:
    """The room with its row, which is inserted if it is missing."""
    return room if room.is_written else write([room])[room.slug]


def renew_log(room: RoomRow) -> None:
    """Gives the room a new log, unless another process has done so already."""
    Room.objects.filter(pk=room.id, log=room.log).update(log=uuid.uuid4())


def renew_all_logs() -> int:
    """Gives every room a new log, so that its members start anew. Returns the number of rooms.

    It works in slices, so that no transaction delays writers for long.
    """
    count = 0
    for first, last in slices(Room, DEFAULT_DB_ALIAS):
        rooms = list(Room.objects.filter(pk__range=(first, last)).only("pk", "log"))
        for room in rooms:
            room.log = uuid.uuid4()
        Room.objects.bulk_update(rooms, ["log"])
        count += len(rooms)
    return count
