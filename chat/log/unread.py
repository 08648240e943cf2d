"""Counts unread messages of rooms that a member watches: since the last visit, and since the last update.

All functions here wait for the database (`Log` runs them on its threads). Counts go up to a head that was read before
or with them. Versions are assigned under the room's lock, so everything up to the head is there, and only deletions
change the count later. The statements are SQL because each serves many rooms, and after a restart all members ask.
They are the same on SQLite and PostgreSQL. Input from outside is a parameter, never part of the text (hence
`nosec B608`).
"""

import json
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db import connection

from chat.log.values import batches, flat, marks
from chat.models import Mention, Message, Room
from chat.protocol.constants import UNREAD_LIMIT
from chat.protocol.events import UnreadRoom
from chat.protocol.fields import MemberId

_TABLES = {"rooms": Room._meta.db_table, "messages": Message._meta.db_table, "mentions": Mention._meta.db_table}
_IN_SPAN = "message.room_id = span.room_id AND message.seq > span.since AND message.seq <= span.head"
_MESSAGE_SINCE, _MENTION_SINCE = (
    f"{table}.room_id = room.id AND {table}.seq > place.seq AND {table}.seq <= room.head"
    for table in ("message", "mention")
)


class Span(NamedTuple):
    """The messages of a room above the version `since`, up to the version `head`."""

    room_id: int
    since: int
    head: int


@dataclass(slots=True)
class Count:
    """The number of messages in a span, and of mentions by others, by member."""

    posted: int
    mentions: Counter[MemberId] = field(default_factory=Counter)


def heads(room_ids: Collection[int]) -> dict[int, int]:
    """The heads of these rooms, by id. Deleted rooms are missing."""
    found: dict[int, int] = {}
    for some in batches(list(room_ids)):
        found |= dict(Room.objects.filter(pk__in=some).values_list("pk", "head"))
    return found


def unread(read: Mapping[str, int], member_id: MemberId) -> dict[int, UnreadRoom]:
    """Unread messages of these rooms, by the room's id. `read` has the last read seq, by slug.

    Rooms that don't exist are missing. Counts stop at UNREAD_LIMIT.
    """
    if not read:
        return {}
    me = Message._meta.get_field("author_id").get_db_prep_value(uuid.UUID(member_id), connection)
    unread_rows = (
        "SELECT 1 FROM {messages} message WHERE {since} AND deleted_at IS NULL AND author_id <> %s"  # nosec B608
    ).format(**_TABLES, since=_MESSAGE_SINCE)
    mention_rows = (
        # CROSS makes SQLite join in this order. Else it may read all messages to find a few mentions.
        "SELECT 1 FROM {mentions} mention CROSS JOIN {messages} message"  # nosec B608
        " WHERE mention.member_id = %s AND {since}"
        " AND message.room_id = mention.room_id AND message.seq = mention.seq AND author_id <> %s"
    ).format(**_TABLES, since=_MENTION_SINCE)
    sql = (
        "WITH place (slug, seq) AS (VALUES {places})"  # nosec B608
        " SELECT room.id, room.slug, room.title, ({unread}), ({mentioned}), room.head"
        " FROM place JOIN {rooms} room ON room.slug = place.slug"
    ).format(**_TABLES, places=marks(read.items()), unread=_count(unread_rows), mentioned=_count(mention_rows))
    rows = _rows(sql, read.items(), me, me, me)
    return {room_id: UnreadRoom(slug, title or slug, *counts) for room_id, slug, title, *counts in rows}


def new_messages(spans: Sequence[Span]) -> dict[Span, Count]:
    """Counts these spans. The result doesn't depend on when or for whom it is counted."""
    counts: dict[Span, Count] = {}
    posted = (
        "SELECT span.*, (SELECT COUNT(*) FROM {messages} message WHERE {in_span} AND deleted_at IS NULL)"  # nosec B608
        " FROM span"
    ).format(**_TABLES, in_span=_IN_SPAN)
    mentioning = (
        "SELECT span.*, author_id, mentions FROM span JOIN {messages} message"  # nosec B608
        " ON {in_span} WHERE mentions IS NOT NULL"
    ).format(**_TABLES, in_span=_IN_SPAN)
    for some in batches(spans):
        with_spans = f"WITH span (room_id, since, head) AS (VALUES {marks(some)}) "
        for *span, count in _rows(with_spans + posted, some):
            counts[Span(*span)] = Count(count)
        for *span, author_id, mentions in _rows(with_spans + mentioning, some):
            mentioned = set(map(MemberId, json.loads(mentions) or ())) - {MemberId(str(_uuid(author_id)))}
            counts[Span(*span)].mentions.update(mentioned)
    return counts


def _count(rows: str) -> str:
    counted = f"({rows} LIMIT {UNREAD_LIMIT}) AS counted"
    return f"SELECT COUNT(*) FROM {counted}"  # nosec B608


def _rows(sql: str, table: Collection[tuple[Any, ...]], *values: Any) -> list[Any]:
    """The rows of a statement that starts with a table of values."""
    with connection.cursor() as cursor:
        cursor.execute(sql, [*flat(table), *values])
        return list(cursor.fetchall())


def _uuid(value: Any) -> uuid.UUID:
    """Converts SQLite's hexadecimal digits: it has no UUID type."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
