"""The SQL statements of a post. Django would compile each of them every time: half a millisecond instead of 50 µs.

They are built from the models' names and values, and are the same on SQLite and PostgreSQL. Input from outside is a
parameter, never part of the text (hence `nosec B608`). Their texts are filled in by `format`: in an f-string
Bandit would check each part, and warn of a `nosec` that only the first one needs.
"""

import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import DateTimeField, Field, JSONField, UUIDField

from chat.access.policy import Rules
from chat.log.search_index import index_cleanup
from chat.models import Mention, Message, Room
from chat.protocol.fields import MemberId

_TABLES = {"rooms": Room._meta.db_table, "messages": Message._meta.db_table, "mentions": Mention._meta.db_table}
_FIELDS = [field for field in Message._meta.local_concrete_fields if not field.primary_key]
_COLUMNS = ", ".join(str(field.column) for field in _FIELDS)
_VALUES = ", ".join(["%s"] * len(_FIELDS))
_INSERT = "INSERT INTO {messages} ({columns}) VALUES ({values})".format(**_TABLES, columns=_COLUMNS, values=_VALUES)  # nosec B608
# The columns that a change may set.
_ALTERABLE = [
    field
    for field in _FIELDS
    if field.name
    in {
        *("version", "body", "html", "search_text", "edited_at", "deleted_at"),
        *("reactions", "mentions", "reply_to", "has_link"),
    }
]
_CHANGES = ", ".join(f"{field.column} = %s" for field in _ALTERABLE)
_UPDATE = "UPDATE {messages} SET {changes} WHERE id = %s".format(**_TABLES, changes=_CHANGES)  # nosec B608
# A conflict: a process of an older version, which didn't know this table, has left the mention.
_INSERT_MENTION = (
    "INSERT INTO {mentions} (member_id, room_id, seq) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING".format(**_TABLES)  # nosec B608
)
_DELETE_MENTION = "DELETE FROM {mentions} WHERE member_id = %s AND room_id = %s AND seq = %s".format(**_TABLES)  # nosec B608
_MOVE = "UPDATE {rooms} SET head = %s WHERE id = %s".format(**_TABLES)  # nosec B608
# Whether PostgreSQL keeps plans: on the log's own connections, not on those of the host's code.
keeps_plans: ContextVar[bool] = ContextVar("keeps_plans", default=True)
PREPARE_THRESHOLD = 5  # Executions after which PostgreSQL keeps a statement's plan for a connection.


class LockedRoom(NamedTuple):
    """A locked room's log, head and rules."""

    log: uuid.UUID
    head: int
    rules: Rules


class MentionRow(NamedTuple):
    """A member and a message that mentions them."""

    member_id: MemberId
    room_id: int
    seq: int


def lock_rooms(ids: Collection[int], *, skip_locked: bool = False) -> dict[int, LockedRoom]:
    """Locks the rows of these rooms until the transaction ends. Returns them by id, without deleted rooms.

    Rows are locked in the order of ids, so that two processes never wait for each other's rooms. With `skip_locked`,
    rooms that another transaction has locked are missing, too. SQLite locks the whole database, so it skips none.
    """
    if not ids:
        return {}
    database = connections[DEFAULT_DB_ALIAS]
    lock = " FOR UPDATE" if database.features.has_select_for_update else ""
    if skip_locked and database.features.has_select_for_update_skip_locked:
        lock += " SKIP LOCKED"
    sql = (
        "SELECT id, log, head, locked, slow_seconds FROM {rooms} WHERE id IN ({ids}) ORDER BY id{lock}"  # nosec B608
    ).format(**_TABLES, ids=_marks(ids), lock=lock)
    rows = _rows(database, sql, list(ids))
    return {
        room_id: LockedRoom(to_uuid(log), head, Rules(bool(locked), slow)) for room_id, log, head, locked, slow in rows
    }


def rooms_with(columns: str, ids: Collection[int]) -> list[tuple[Any, ...]]:
    """These columns of the rooms with these ids, as the database has them."""
    if not ids:
        return []
    sql = "SELECT {columns} FROM {rooms} WHERE id IN ({ids})".format(**_TABLES, columns=columns, ids=_marks(ids))  # nosec B608
    return _rows(connections[DEFAULT_DB_ALIAS], sql, list(ids))


def existing(ids: Collection[int]) -> set[int]:
    """The ids among these that belong to rooms."""
    sql = "SELECT id FROM {rooms} WHERE id IN ({ids})".format(**_TABLES, ids=_marks(ids))  # nosec B608
    return {row[0] for row in _rows(connections[DEFAULT_DB_ALIAS], sql, list(ids))}


def ids_by_nonce(nonces: Sequence[uuid.UUID]) -> list[int]:
    """The ids of the messages with one of these nonces."""
    if not nonces:
        return []
    nonce: Field[Any, Any] = Message._meta.get_field("nonce")
    database = connections[DEFAULT_DB_ALIAS]
    values = [nonce.get_db_prep_value(value, database) for value in nonces]
    sql = "SELECT id FROM {messages} WHERE nonce IN ({nonces})".format(**_TABLES, nonces=_marks(values))  # nosec B608
    return [row[0] for row in _rows(database, sql, values)]


def insert(messages: Iterable[Message]) -> None:
    """Writes new messages. Their `pk` stays unknown."""
    database = connections[DEFAULT_DB_ALIAS]
    _write(database, _INSERT, [_values(database, message, _FIELDS) for message in messages])


def update(messages: Iterable[Message]) -> None:
    """Writes the changed columns of messages."""
    messages = list(messages)
    database = connections[DEFAULT_DB_ALIAS]
    _write(database, _UPDATE, [[*_values(database, message, _ALTERABLE), message.pk] for message in messages])
    if any(message.deleted_at for message in messages):
        index_cleanup.note_deletion()


def insert_mentions(rows: Iterable[MentionRow]) -> None:
    """Adds mentions. Existing ones stay."""
    database = connections[DEFAULT_DB_ALIAS]
    _write(database, _INSERT_MENTION, [_stored(database, row) for row in rows])


def delete_mentions(rows: Iterable[MentionRow]) -> None:
    """Deletes mentions."""
    database = connections[DEFAULT_DB_ALIAS]
    _write(database, _DELETE_MENTION, [_stored(database, row) for row in rows])


def move_heads(heads: Mapping[int, int]) -> None:
    """Writes rooms' heads, by id."""
    _write(connections[DEFAULT_DB_ALIAS], _MOVE, [(head, room_id) for room_id, head in heads.items()])


# `database` below is this thread's connection. Django takes 2 µs and a system call to find it.


def _values(database: Any, message: Message, fields: Iterable[Any]) -> list[Any]:
    if database.vendor != "sqlite":
        return [field.get_db_prep_save(getattr(message, field.attname), database) for field in fields]
    return [
        value if value is None or (prepare := _PREPARED.get(field.attname)) is None else prepare(field, value, database)
        for field in fields
        for value in (getattr(message, field.attname),)
    ]


def _prepare(field: Any, value: Any, database: Any) -> Any:
    return field.get_db_prep_save(value, database)


# SQLite has no types for what these fields hold; the others' values are stored as they are.
_PREPARED: dict[str, Callable[[Any, Any, Any], Any]] = {
    field.attname: (lambda _field, value, _database: value.hex) if isinstance(field, UUIDField) else _prepare
    for field in _FIELDS
    if isinstance(field, UUIDField | DateTimeField | JSONField)
}
_PREPARED["reactions"] = lambda field, value, database: _prepare(field, value, database) if value else "{}"


def _stored(database: Any, row: MentionRow) -> tuple[Any, int, int]:
    member_id: Field[Any, Any] = Mention._meta.get_field("member_id")
    return member_id.get_db_prep_value(uuid.UUID(row.member_id), database), row.room_id, row.seq


def _write(database: Any, sql: str, rows: Sequence[Sequence[Any]]) -> None:
    if rows:
        with _cursor(database) as (cursor, dialect):
            if len(rows) == 1:  # For many, psycopg begins a pipeline.
                cursor.execute(dialect(sql), rows[0])
            else:
                cursor.executemany(dialect(sql), rows)


@contextmanager
def _cursor(database: Any) -> Iterator[tuple[Any, Callable[[str], str]]]:
    """A cursor of the connection without Django's wrappers, and what makes of a statement the database's.

    They take as long as all statements of a post on SQLite. psycopg's own cursor has the server prepare what it does
    again and again. Errors are Django's. Where Django logs queries, the cursor is Django's, too.
    """
    if database.queries_logged:
        with database.cursor() as cursor:
            yield cursor, str
        return
    database.ensure_connection()
    with database.wrap_database_errors:
        if database.vendor == "sqlite":
            yield database.connection.cursor(), _with_question_marks
        else:
            import psycopg

            if keeps_plans.get():
                database.connection.prepare_threshold = PREPARE_THRESHOLD
            yield psycopg.Cursor(database.connection), str


@cache
def _with_question_marks(sql: str) -> str:
    """SQLite's marks for parameters."""
    return sql.replace("%s", "?")


def to_uuid(value: Any) -> uuid.UUID:
    """SQLite has no type for it, and keeps the digits."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)


def _rows(database: Any, sql: str, values: Sequence[Any]) -> list[Any]:
    with _cursor(database) as (cursor, dialect):
        cursor.execute(dialect(sql), values)
        return list(cursor.fetchall())


def _marks(values: Collection[object]) -> str:
    return ", ".join(["%s"] * len(values))
