"""Counts what was said in rooms that somebody isn't in: since they left, and since they were last told.

Everything here waits for the database (`Log` runs it on its threads). Counts go up to a head that was read before or
with them: versions are given out under the room's lock, so whatever is up to it is there by then, and the count is
final but for what is deleted. The statements are SQL because each serves many rooms, and at a restart everybody asks.
It is the same on SQLite and PostgreSQL, and what comes from outside is a parameter, never a part of the text (hence
`nosec B608`).
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from .models import Mention, Message, Room
from .protocol import UNREAD_LIMIT, MemberId, UnreadRoom

_ROOMS, _MESSAGES, _MENTIONS = (model._meta.db_table for model in (Room, Message, Mention))
_SAID = "said.room_id = span.room_id AND said.seq > span.told AND said.seq <= span.head"
_SAID_SINCE, _CALLED_SINCE = (
    f"{table}.room_id = room.id AND {table}.seq > place.seq AND {table}.seq <= room.head"
    for table in ("said", "called")
)
_ROOMS_AT_ONCE = 5_000  # In one statement, well below what the databases take.


class Span(NamedTuple):
    """The messages of a room above the version `told`, up to the version `head`."""

    room_id: int
    told: int
    head: int


@dataclass(slots=True)
class Count:
    """How many messages there are in a span, and how many of others call whom."""

    posted: int
    called: Counter[MemberId] = field(default_factory=Counter)


def heads(room_ids: Collection[int]) -> dict[int, int]:
    """How far these rooms go, by id; a deleted one is missing."""
    found: dict[int, int] = {}
    for some in _batches(list(room_ids)):
        found |= dict(Room.objects.filter(pk__in=some).values_list("pk", "head"))
    return found


def unread(read: Mapping[str, int], member_id: MemberId) -> dict[int, UnreadRoom]:
    """What the member hasn't read of these rooms, by the room's id, where they were read up to a seq, by slug.

    Rooms that don't exist are missing. Nobody counts beyond UNREAD_LIMIT.
    """
    if not read:
        return {}
    me = Message._meta.get_field("author_id").get_db_prep_value(uuid.UUID(member_id), connection)
    said = f"SELECT 1 FROM {_MESSAGES} said WHERE {_SAID_SINCE} AND deleted_at IS NULL AND author_id <> %s"  # nosec B608
    calls = (
        # CROSS: SQLite takes the tables in this order then. Else it may read all that was said, to find a few calls.
        f"SELECT 1 FROM {_MENTIONS} called CROSS JOIN {_MESSAGES} said"  # nosec B608
        f" WHERE called.member_id = %s AND {_CALLED_SINCE}"
        " AND said.room_id = called.room_id AND said.seq = called.seq AND author_id <> %s"
    )
    rows = _rows(
        f"WITH place (slug, seq) AS (VALUES {_marks(read.items())})"  # nosec B608
        f" SELECT room.id, room.slug, room.title, {_counted(said)}, {_counted(calls)}, room.head"
        f" FROM place JOIN {_ROOMS} room ON room.slug = place.slug",
        read.items(),
        me,
        me,
        me,
    )
    return {room_id: UnreadRoom(slug, title or slug, *counts) for room_id, slug, title, *counts in rows}


def news(spans: Sequence[Span]) -> dict[Span, Count]:
    """What each of these spans holds: the same whenever and for whomever it is counted."""
    counts: dict[Span, Count] = {}
    posted = f"SELECT COUNT(*) FROM {_MESSAGES} said WHERE {_SAID} AND deleted_at IS NULL"  # nosec B608
    calling = (
        f"SELECT span.*, author_id, mentions FROM span JOIN {_MESSAGES} said"  # nosec B608
        f" ON {_SAID} WHERE mentions IS NOT NULL"
    )
    for some in _batches(spans):
        with_spans = f"WITH span (room_id, told, head) AS (VALUES {_marks(some)}) "
        for *span, count in _rows(f"{with_spans} SELECT span.*, ({posted}) FROM span", some):  # nosec B608
            counts[Span(*span)] = Count(count)
        for *span, author_id, mentions in _rows(with_spans + calling, some):
            called = set(map(MemberId, json.loads(mentions) or ())) - {MemberId(str(_uuid(author_id)))}
            counts[Span(*span)].called.update(called)
    return counts


def _counted(rows: str) -> str:
    return f"(SELECT COUNT(*) FROM ({rows} LIMIT {UNREAD_LIMIT}) AS counted)"  # nosec B608


def _rows(sql: str, table: Collection[tuple[Any, ...]], *values: Any) -> list[Any]:
    """What a statement has that begins with a table of values."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [*(value for row in table for value in row), *values])
        return list(cursor.fetchall())


def _marks(table: Collection[tuple[Any, ...]]) -> str:
    row = ", ".join(["%s"] * len(next(iter(table))))
    return ", ".join([f"({row})"] * len(table))


def _uuid(value: Any) -> uuid.UUID:
    """SQLite has none: it keeps the digits."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _batches(all_of_them: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(all_of_them), _ROOMS_AT_ONCE):
        yield all_of_them[start : start + _ROOMS_AT_ONCE]
