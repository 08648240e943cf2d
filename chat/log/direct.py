"""Writes one operation in the transaction of its caller, for the host's own code (chat/api).

The room's row is locked from here to the end of the outermost transaction, so versions stay without gaps: a rolled back
post takes back its version before anybody else can get the next one. Other posts in this room wait meanwhile, other
rooms don't.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeVar

from django.db import DatabaseError, InterfaceError, connection, transaction

from chat.log import committer, room_rows, sql
from chat.log.committer import Committed
from chat.log.operations import Operation
from chat.log.reader import LogUnavailable, RoomGone, retrying

T = TypeVar("T")

LOCK_WAIT_MS = 5_000  # As long as a member's post waits for a room that is locked.
_ATTEMPTS = 2  # The second one makes a room anew that was deleted during the first.


def run(work: Callable[..., T], *arguments: object) -> T:
    """Runs `work` in the caller's transaction, in a savepoint. Without a transaction it may run twice (`retrying`).

    Within a transaction, an error leaves the transaction usable.

    Raises:
        LogUnavailable: the database failed.
    """
    if not connection.in_atomic_block:
        return retrying(work, *arguments)
    try:
        with transaction.atomic():
            return work(*arguments)
    except (DatabaseError, InterfaceError) as error:
        raise LogUnavailable(str(error).partition("\n")[0]) from error  # Below it, PostgreSQL may quote a message.


def write(operation: Operation) -> Committed:
    """The message after the operation, in `run`. A room without a row gets one.

    Raises:
        DatabaseError: the database failed, or another transaction has locked the room for too long.
        LogUnavailable: the room was deleted meanwhile.
        Refusal: the operation isn't allowed.
    """
    with _host_connection():
        return _write(operation)


def _write(operation: Operation) -> Committed:
    for _ in range(_ATTEMPTS):
        with transaction.atomic():
            with limited_waits():
                room = room_rows.written(operation.room)
                sql.lock_rooms([room.id])
            (outcome,) = committer.write([replace(operation, room=room)])
            if not isinstance(outcome, Committed | RoomGone):
                raise outcome
        if isinstance(outcome, Committed):
            return outcome
        operation = replace(operation, room=replace(operation.room, id=0))
    raise LogUnavailable("the room was deleted")


@contextmanager
def _host_connection() -> Iterator[None]:
    """Prepares no statements on the host's connection: a pooler in between might not know them."""
    before = sql.keeps_plans.set(False)
    try:
        yield
    finally:
        sql.keeps_plans.reset(before)


@contextmanager
def limited_waits() -> Iterator[None]:
    """Statements in here wait LOCK_WAIT_MS for a lock at most. SQLite's one lock has a setting of its own."""
    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('lock_timeout')")
        (before,) = cursor.fetchone()
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [str(LOCK_WAIT_MS)])
    yield
    with connection.cursor() as cursor:  # After an error the savepoint's rollback does it.
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [before])
