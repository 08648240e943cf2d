"""The statements of a post as SQL. Django would compile each of them anew: half a millisecond for what takes 50 µs.

They are made from the models' own names and values, and are the same on SQLite and PostgreSQL. What comes from outside
is a parameter, never a part of the text (hence `nosec B608`).
"""

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Field

from .models import Mention, Message, Room
from .protocol import MemberId

_ROOMS, _MESSAGES, _MENTIONS = Room._meta.db_table, Message._meta.db_table, Mention._meta.db_table
_FIELDS = [field for field in Message._meta.local_concrete_fields if not field.primary_key]
_COLUMNS = ", ".join(str(field.column) for field in _FIELDS)
_INSERT = f"INSERT INTO {_MESSAGES} ({_COLUMNS}) VALUES ({', '.join(['%s'] * len(_FIELDS))})"  # nosec B608
# What a change may change.
_ALTERABLE = [
    field
    for field in _FIELDS
    if field.name
    in {"version", "body", "html", "edited_at", "deleted_at", "reactions", "mentions", "reply_to", "has_link"}
]
_UPDATE = f"UPDATE {_MESSAGES} SET {', '.join(f'{field.column} = %s' for field in _ALTERABLE)} WHERE id = %s"  # nosec B608
# A mention that is there already was left by a process of an older version, which knew nothing of this table.
_CALL = f"INSERT INTO {_MENTIONS} (member_id, room_id, seq) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"  # nosec B608
_RECALL = f"DELETE FROM {_MENTIONS} WHERE member_id = %s AND room_id = %s AND seq = %s"  # nosec B608
_MOVE = f"UPDATE {_ROOMS} SET head = %s WHERE id = %s"  # nosec B608


class LockedRoom(NamedTuple):
    """What a room's row says: how far its log goes, and who may write."""

    head: int
    is_locked: bool
    slow_seconds: int


class Call(NamedTuple):
    """That the message at a place calls a member."""

    member_id: MemberId
    room_id: int
    seq: int


def lock_rooms(ids: Collection[int]) -> dict[int, LockedRoom]:
    """These rooms by id, their rows locked until the transaction ends; a deleted room is missing.

    In the order of ids, so that two processes never wait for each other's rooms.
    """
    lock = " FOR UPDATE" if connection.features.has_select_for_update else ""
    columns = "id, head, locked, slow_seconds"
    sql = f"SELECT {columns} FROM {_ROOMS} WHERE id IN ({_marks(ids)}) ORDER BY id{lock}"  # nosec B608
    rows = _rows(sql, list(ids))
    return {room_id: LockedRoom(head, bool(locked), slow) for room_id, head, locked, slow in rows}


def ids_by_nonce(nonces: Sequence[uuid.UUID]) -> list[int]:
    """The ids of the messages with one of these nonces."""
    if not nonces:
        return []
    nonce: Field[Any, Any] = Message._meta.get_field("nonce")
    values = [nonce.get_db_prep_value(value, connection) for value in nonces]
    return [row[0] for row in _rows(f"SELECT id FROM {_MESSAGES} WHERE nonce IN ({_marks(values)})", values)]  # nosec B608


def insert(messages: Iterable[Message]) -> None:
    """Writes new messages. Their `pk` stays unknown."""
    _write(_INSERT, [_values(message, _FIELDS) for message in messages])


def update(messages: Iterable[Message]) -> None:
    """Writes what messages have become."""
    _write(_UPDATE, [[*_values(message, _ALTERABLE), message.pk] for message in messages])


def call(calls: Iterable[Call]) -> None:
    """Writes whom messages call."""
    _write(_CALL, [_stored(call) for call in calls])


def recall(calls: Iterable[Call]) -> None:
    """Takes back that messages call somebody."""
    _write(_RECALL, [_stored(call) for call in calls])


def move_heads(heads: Mapping[int, int]) -> None:
    """Writes how far rooms go, by id."""
    _write(_MOVE, [(head, room_id) for room_id, head in heads.items()])


def _values(message: Message, fields: Iterable[Any]) -> list[Any]:
    return [field.get_db_prep_save(getattr(message, field.attname), connection) for field in fields]


def _stored(call: Call) -> tuple[Any, int, int]:
    member_id: Field[Any, Any] = Mention._meta.get_field("member_id")
    return member_id.get_db_prep_value(uuid.UUID(call.member_id), connection), call.room_id, call.seq


def _write(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.executemany(sql, rows)


def _rows(sql: str, values: Sequence[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


def _marks(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
