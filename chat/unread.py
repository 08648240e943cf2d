"""Counts what was said in rooms that somebody isn't in: since they left, and since they were last told.

Everything here waits for the database (`Log` runs it on its threads). Counts go up to a head that was read before:
versions are given out under the room's lock, so whatever is up to it is there by then, and the count is final but for
what is deleted. The statements are SQL because each serves many rooms. It is the same on SQLite and PostgreSQL, and
what comes from outside is a parameter, never a part of the text (hence `nosec B608`).
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

_MESSAGES, _MENTIONS = Message._meta.db_table, Mention._meta.db_table
_SAID, _CALLED = (
    f"{table}.room_id = span.room_id AND {table}.seq > span.told AND {table}.seq <= span.head"
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
    rooms = {
        room_id: UnreadRoom(slug, title or slug, 0, 0, head)
        for room_id, slug, title, head in Room.objects.filter(slug__in=read).values_list("pk", "slug", "title", "head")
    }
    spans = [
        Span(room_id, read[room.slug], room.head) for room_id, room in rooms.items() if read[room.slug] < room.head
    ]
    if spans:
        me = Message._meta.get_field("author_id").get_db_prep_value(uuid.UUID(member_id), connection)
        said = f"SELECT 1 FROM {_MESSAGES} said WHERE {_SAID} AND deleted_at IS NULL AND author_id <> %s"  # nosec B608
        calls = (
            f"SELECT 1 FROM {_MENTIONS} called JOIN {_MESSAGES} said"  # nosec B608
            " ON said.room_id = called.room_id AND said.seq = called.seq"
            f" WHERE called.member_id = %s AND {_CALLED} AND author_id <> %s"
        )
        counts = f"{_counted(said)}, {_counted(calls)}"
        for room_id, said_count, called_count in _of_spans(
            spans, f"SELECT span.room_id, {counts} FROM span", me, me, me
        ):
            room = rooms[room_id]
            rooms[room_id] = UnreadRoom(room.slug, room.title, said_count, called_count, room.head)
    return rooms


def news(spans: Sequence[Span]) -> dict[Span, Count]:
    """What each of these spans holds: the same whenever and for whomever it is counted."""
    counts: dict[Span, Count] = {}
    posted = f"SELECT COUNT(*) FROM {_MESSAGES} said WHERE {_SAID} AND deleted_at IS NULL"  # nosec B608
    calling = (
        f"SELECT span.room_id, span.told, span.head, author_id, mentions FROM span JOIN {_MESSAGES} said"  # nosec B608
        f" ON {_SAID} WHERE mentions IS NOT NULL"
    )
    for some in _batches(spans):
        for *span, count in _of_spans(some, f"SELECT span.room_id, span.told, span.head, ({posted}) FROM span"):
            counts[Span(*span)] = Count(count)
        for *span, author_id, mentions in _of_spans(some, calling):
            called = set(map(MemberId, json.loads(mentions) or ())) - {MemberId(str(_uuid(author_id)))}
            counts[Span(*span)].called.update(called)
    return counts


def _counted(rows: str) -> str:
    return f"(SELECT COUNT(*) FROM ({rows} LIMIT {UNREAD_LIMIT}) AS counted)"  # nosec B608


def _of_spans(spans: Sequence[Span], select: str, *values: Any) -> list[Any]:
    """The rows that `select`, which reads from `span`, has for these spans."""
    marks = ", ".join(["(%s, %s, %s)"] * len(spans))
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH span (room_id, told, head) AS (VALUES {marks}) {select}",
            [*(number for span in spans for number in span), *values],
        )
        return list(cursor.fetchall())


def _uuid(value: Any) -> uuid.UUID:
    """SQLite has none: it keeps the digits."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _batches(all_of_them: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(all_of_them), _ROOMS_AT_ONCE):
        yield all_of_them[start : start + _ROOMS_AT_ONCE]
