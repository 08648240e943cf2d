"""Creates rooms and edits their name and topic in the database.

Everything here waits for the database, so it runs on a thread of the log (`Log.run`) or in a page of the admin. It
notifies nobody: `RoomRegistry` does so for a command, `chat.admin` for /admin.
"""

import uuid

from django.db import transaction

from chat.access import policy
from chat.access.person import Person
from chat.access.policy import OPEN, Rules
from chat.log import audit, room_rows
from chat.log.reader import RoomGone, RoomRow
from chat.models import Room
from chat.protocol.events import RoomInfo
from chat.protocol.fields import MemberId

# A row without a maker, a message or any setting. Anybody may claim it.
_UNTOUCHED = {
    "made_by": None,
    "head": 0,
    "title": "",
    "topic": "",
    "locked": False,
    "slow_seconds": 0,
    "keep_days": None,
}


def make(
    slug: str, title: str, topic: str, maker: Person, log: uuid.UUID, *, asks_host: bool = True
) -> tuple[RoomRow, RoomInfo]:
    """Creates the room with this slug. `maker` may edit its description. `title` and `topic` are validated.

    If the same member repeats it, returns the same room in its current state. A new row gets this `log`. The maker
    ANYBODY is the host: it makes a room of nobody's, and repeats it with the same title and topic. `asks_host`: whether
    CAN_JOIN decides, too.

    Raises:
        Refusal: `room_exists`, or `no_such_room` if the maker may not see it.
    """
    policy.can_make(maker, slug).expect()
    if asks_host:
        policy.host_admits(maker, slug).expect()
    made_by = uuid.UUID(maker.id) if maker.id else None
    described = {"title": title, "topic": topic, "made_by": made_by}
    room, is_new = Room.objects.get_or_create(slug=slug, defaults=described | {"log": log})
    if not is_new:
        Room.objects.filter(pk=room.pk, **_UNTOUCHED).update(**described)  # One statement: one winner.
        room.refresh_from_db()
    if room.made_by != made_by or (made_by is None and (room.title, room.topic) != (title, topic)):
        policy.room_exists(slug).expect()
    info = RoomInfo(room.slug, room.title or room.slug, room.topic, room.locked, room.slow_seconds)
    return RoomRow(room.pk, room.slug, room.log), info


def describe(room: RoomRow, title: str, topic: str, by: Person) -> None:
    """Sets the room's title and topic, which are validated. A moderator's change is audited.

    Raises:
        Refusal: `not_allowed`, `locked`.
        RoomGone: the room was deleted.
    """
    with transaction.atomic():
        if not room.is_written:
            policy.can_describe(by, None, OPEN).expect()  # A room without a row has no maker.
            room = room_rows.written(room)
        row = Room.objects.select_for_update().filter(pk=room.id).first()
        if row is None:
            raise RoomGone(room.slug)
        made_by = None if row.made_by is None else MemberId(str(row.made_by))
        policy.can_describe(by, made_by, Rules(row.locked, row.slow_seconds)).expect()
        if (row.title, row.topic) == (title, topic):
            return
        Room.objects.filter(pk=room.id).update(title=title, topic=topic)
        if by.moderator is not None:
            audit.record_description(by.moderator, room.slug, title, topic)
