"""How far members with an account of the host have been in their rooms, for `chat.api.unread_counts`.

The page counts for itself what is unread. This is for the host's pages, on any device. All functions here wait for the
database.
"""

import uuid
from collections.abc import Mapping
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import F

from chat.log.values import batches, flat, marks
from chat.models import ReadMark, Room
from chat.protocol.fields import MemberId

_TABLES = {"rooms": Room._meta.db_table, "marks": ReadMark._meta.db_table}
# A room that was deleted meanwhile is left out. Another process may know a later mark.
_WRITE = (
    "WITH place (member_id, room_id, seq) AS (VALUES {places})"
    " INSERT INTO {marks} (member_id, room_id, seq)"
    " SELECT place.* FROM place JOIN {rooms} room ON room.id = place.room_id WHERE TRUE"
    " ON CONFLICT (member_id, room_id) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > {marks}.seq"
)


class Place(NamedTuple):
    """A member in a room."""

    member_id: MemberId
    room_id: int


def write(seen: Mapping[Place, int]) -> None:
    """Notes that these members have seen everything up to these versions."""
    field = ReadMark._meta.get_field("member_id")
    rows = [  # In one order, so that two processes never wait for each other.
        (field.get_db_prep_value(uuid.UUID(place.member_id), connection), place.room_id, seq)
        for place, seq in sorted(seen.items())
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        for some in batches(rows):
            cursor.execute(_WRITE.format(**_TABLES, places=marks(some)), flat(some))


def unfinished(member_id: MemberId, limit: int) -> dict[str, int]:
    """The rooms where something has happened since this member's visit, with its last version, at most `limit`."""
    found = ReadMark.objects.filter(member_id=member_id, room__head__gt=F("seq")).order_by("-room__head")
    return dict(found.values_list("room__slug", "seq")[:limit])


def of(member_id: MemberId, slugs: list[str]) -> dict[str, int]:
    """The last versions that this member has seen in these rooms: 0 in rooms without a visit."""
    found = ReadMark.objects.filter(member_id=member_id, room__slug__in=slugs).values_list("room__slug", "seq")
    return dict.fromkeys(slugs, 0) | dict(found)


def forget(member_id: MemberId) -> None:
    """Deletes this member's marks in all rooms."""
    ReadMark.objects.filter(member_id=member_id).delete()
