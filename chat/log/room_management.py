"""Creates rooms and edits their name and topic in the database.

Everything here waits for the database, so it runs on a thread of the log (`Log.run`) or in a page of the admin. It
notifies nobody: `RoomRegistry` does so for a command, admin.py for the admin.
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

# A row that nobody owns: nobody made the room, and nobody has done anything there.
_UNTOUCHED = {"made_by": None, "head": 0, "title": "", "topic": "", "locked": False, "slow_seconds": 0}


def make(slug: str, title: str, topic: str, maker: Person, log: uuid.UUID) -> tuple[RoomRow, RoomInfo]:
    """A room of this address, which `maker` may describe from now on. `title` and `topic` are clean ones.

    Repeated by the same member it is the same room, as it now stands. A room without a row gets one with this `log`.

    Raises:
        Refusal: `room_exists`.
    """
    policy.can_make(maker, slug).expect()
    described = {"title": title, "topic": topic, "made_by": uuid.UUID(maker.id)}
    room, is_new = Room.objects.get_or_create(slug=slug, defaults=described | {"log": log})
    if not is_new:
        Room.objects.filter(pk=room.pk, **_UNTOUCHED).update(**described)  # One statement: one winner.
        room.refresh_from_db()
    if str(room.made_by) != maker.id:
        policy.room_exists(slug).expect()
    info = RoomInfo(room.slug, room.title or room.slug, room.topic, room.locked, room.slow_seconds)
    return RoomRow(room.pk, room.slug, room.log), info


def describe(room: RoomRow, title: str, topic: str, by: Person) -> None:
    """Gives the room another title and topic, clean ones. Of a moderator it is recorded.

    Raises:
        Refusal: `not_allowed`, `locked`.
        RoomGone: the room was deleted.
    """
    with transaction.atomic():
        if not room.is_written:
            policy.can_describe(by, None, OPEN).expect()  # A room without a row was made by nobody.
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
