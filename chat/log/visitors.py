"""The people who were in a room: for mentions of those who have left. All functions here wait for the database.

Input from outside is a parameter of the statements, never part of their text.
"""

import uuid
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection, transaction
from django.db.models import Field, Q

from chat.content.mentions import NAMESAKES_LIMIT, fold
from chat.log.values import batches, flat, marks
from chat.models import Room, Visitor
from chat.protocol.constants import PEOPLE_LIMIT
from chat.protocol.events import KnownPerson, milliseconds
from chat.protocol.fields import MemberId

_ROWS = 1_000  # That are read for one body: a name may have thousands of visitors.
KEPT = 5_000  # Visitors of a room, those seen last. Looking up who has written there would cost a query for each.
_TABLES = {"visitors": Visitor._meta.db_table, "rooms": Room._meta.db_table}
# A room that was deleted meanwhile gets no visitor. A visit that is noted late doesn't replace a later one.
_NOTE = (
    "WITH visit (room_id, member_id, name, folded, seen_at) AS (VALUES {visits})"
    " INSERT INTO {visitors} (room_id, member_id, name, folded, seen_at)"
    " SELECT visit.* FROM visit JOIN {rooms} room ON room.id = visit.room_id WHERE TRUE"
    " ON CONFLICT (room_id, member_id) DO UPDATE SET name = excluded.name, folded = excluded.folded,"
    " seen_at = excluded.seen_at WHERE {visitors}.seen_at <= excluded.seen_at"
)


class Visit(NamedTuple):
    """A member was in a room at this time, under this name."""

    room_id: int
    member_id: MemberId
    name: str
    seen_at: datetime


def note(visits: Collection[Visit]) -> None:
    """Stores visits. In a room with too many visitors, those longest away are deleted."""
    member_id: Field[Any, Any] = Visitor._meta.get_field("member_id")
    seen_at: Field[Any, Any] = Visitor._meta.get_field("seen_at")
    rows = [
        (
            visit.room_id,
            member_id.get_db_prep_value(uuid.UUID(visit.member_id), connection),
            visit.name,
            fold(visit.name),
            seen_at.get_db_prep_value(visit.seen_at, connection),
        )
        for visit in sorted(visits)  # In one order, so that two processes never wait for each other's rows.
    ]
    with transaction.atomic():
        for some in batches(rows):
            with connection.cursor() as cursor:
                cursor.execute(_NOTE.format(**_TABLES, visits=marks(some)), flat(some))
        for room_id in {visit.room_id for visit in visits}:
            _forget(room_id)


def _forget(room_id: int) -> None:
    visitors = Visitor.objects.filter(room_id=room_id)
    last = visitors.order_by("-seen_at").values_list("seen_at", flat=True)[KEPT : KEPT + 1].first()
    if last is not None:
        visitors.filter(seen_at__lte=last).delete()


def named(room_id: int, names: Collection[str], ids: Iterable[uuid.UUID]) -> dict[str, tuple[MemberId, ...]]:
    """The visitors with these folded names, and those with these ids, by folded name, the last seen first.

    Those with the ids come first. NAMESAKES_LIMIT of a name.
    """
    chosen = set(ids)
    found: dict[str, list[MemberId]] = {}
    wanted = Q(folded__in=names) | Q(member_id__in=chosen)
    rows = Visitor.objects.filter(wanted, room_id=room_id).order_by("-seen_at").values_list("folded", "member_id")
    for folded, member_id in sorted(rows[:_ROWS], key=lambda row: row[1] not in chosen):
        found.setdefault(folded, []).append(MemberId(str(member_id)))
    return {folded: tuple(members[:NAMESAKES_LIMIT]) for folded, members in found.items()}


def recent(room_id: int) -> list[KnownPerson]:
    """The people who were in the room last, the latest first."""
    rows = Visitor.objects.filter(room_id=room_id).order_by("-seen_at").values_list("member_id", "name", "seen_at")
    return [KnownPerson(MemberId(str(id_)), name, milliseconds(at)) for id_, name, at in rows[:PEOPLE_LIMIT]]
