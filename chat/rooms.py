"""Making rooms and describing them, as the database keeps them.

Everything here waits for the database, so it runs on a thread of the log (`Log.run`) or in a page of the admin. None
of it tells anybody: `Hubs` does for a command, admin.py for the admin.
"""

import uuid

from django.db import transaction

from . import moderation
from .log import RoomGone, RoomRow
from .models import Room
from .moderation import Moderator
from .protocol import MemberId, Refusal, RefusalCode, RoomInfo
from .routes import DEFAULT_ROOM

# A room as a visit leaves it, by a link or by a typing mistake: nobody made it, and nobody has done anything there.
_UNTOUCHED = {"made_by": None, "head": 0, "title": "", "topic": "", "locked": False, "slow_seconds": 0}


def make(slug: str, title: str, topic: str, maker: MemberId) -> tuple[RoomRow, RoomInfo]:
    """A room of this address, which `maker` may describe from now on. `title` and `topic` are clean ones.

    Repeated by the same member it is the same room, as it now stands. One that was only visited, and in which nothing
    was ever said, belongs to whoever makes it first; the default room to nobody.

    Raises:
        Refusal: `room_exists`.
    """
    if slug == DEFAULT_ROOM:
        raise _room_exists(slug)
    described = {"title": title, "topic": topic, "made_by": uuid.UUID(maker)}
    room, is_new = Room.objects.get_or_create(slug=slug, defaults=described)
    if not is_new:
        Room.objects.filter(pk=room.pk, **_UNTOUCHED).update(**described)  # One statement: one winner.
        room.refresh_from_db()
    if str(room.made_by) != maker:
        raise _room_exists(slug)
    info = RoomInfo(room.slug, room.title or room.slug, room.topic, room.locked, room.slow_seconds)
    return RoomRow(room.pk, room.slug, room.log), info


def describe(room: RoomRow, title: str, topic: str, member_id: MemberId | None, moderator: Moderator | None) -> None:
    """Gives the room another title and topic, clean ones: for its maker, or for a moderator, who is recorded.

    Raises:
        Refusal: `not_allowed`; `locked`, for a maker who is no moderator.
        RoomGone: the room was deleted.
    """
    with transaction.atomic():
        row = Room.objects.select_for_update().filter(pk=room.id).first()
        if row is None:
            raise RoomGone(room.slug)
        if moderator is None:
            if row.made_by is None or str(row.made_by) != member_id:
                raise Refusal(RefusalCode.NOT_ALLOWED, "Only whoever made the room, and moderators, may describe it.")
            if row.locked:
                raise Refusal(RefusalCode.LOCKED, "The room is read only: only moderators may describe it.")
        if (row.title, row.topic) == (title, topic):
            return
        Room.objects.filter(pk=room.id).update(title=title, topic=topic)
        if moderator is not None:
            moderation.record_description(moderator, room.slug, title, topic)


def _room_exists(slug: str) -> Refusal:
    return Refusal(RefusalCode.ROOM_EXISTS, f"There is a room {slug} already.")
