"""Copies of a SQLite database."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import DatabaseError, connection

from chatty_project.backup import facts, new_history
from chatty_project.backup.archive import Archive, BackupError, Describe, Readable, beside, sync_folder

NAME = "database.sqlite3"  # In the archive.
IS_COMPRESSED = False


@contextmanager
def copy(path: Path) -> Iterator[tuple[Readable, Describe]]:
    """A copy of the database as it is now, and what is known of it. It waits beside `path` meanwhile.

    `VACUUM INTO` reads in one transaction. In WAL mode others write meanwhile. The copy has no deleted text in unused
    pages, unlike the database's file.
    """
    if not Path(str(connection.settings_dict["NAME"])).exists():
        raise BackupError(f"There is no database yet: {connection.settings_dict['NAME']} doesn't exist.")
    names = facts.tables()
    copied = beside(path)
    try:
        os.close(os.open(copied, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # VACUUM takes an empty file.
        try:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM INTO %s", [str(copied)])
        except DatabaseError as error:
            raise BackupError(f"The database couldn't be copied to {path.parent}: {error}") from None
        with closing(sqlite3.connect(copied)) as database:
            known = facts.read(
                lambda sql: database.execute(sql).fetchall(), f"SQLite {sqlite3.sqlite_version}", "", names
            )
        with copied.open("rb") as file:
            yield file, known
    finally:
        copied.unlink(missing_ok=True)


def put_back(archive: Archive, existing: list[str]) -> None:
    """Puts the copy in the place of the empty database. The whole file appears at once, with a new history.

    Raises:
        BackupError: somebody uses the database, or the copy is damaged.
        OSError: the file can't be written.
    """
    path = Path(str(connection.settings_dict["NAME"])).absolute()
    connection.close()
    _check_is_unused(path)
    unfinished = beside(path)
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            for piece in archive.pieces():
                file.write(piece)
        try:
            _begin_new_history(unfinished, archive)
        except sqlite3.Error as error:
            raise BackupError(f"The database in {archive.path} can't be used: {error}") from None
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        for leftover in (f"{path}-wal", f"{path}-shm"):  # They belong to the file that is replaced.
            Path(leftover).unlink(missing_ok=True)
        unfinished.replace(path)
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _check_is_unused(path: Path) -> None:
    """Checks that no other process has the database open. A server would go on with the file that was replaced."""
    if not path.exists():
        return
    try:
        with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as database:
            # Each connection to a database in WAL mode holds a shared lock of the file until it is closed.
            database.execute("PRAGMA locking_mode = EXCLUSIVE")
            database.execute("BEGIN EXCLUSIVE")
            database.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        raise BackupError(f"{path} is in use ({error}); expected that Chatty is stopped") from None


def _begin_new_history(path: Path, archive: Archive) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        [found] = database.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise BackupError(f"The database in {archive.path} is damaged: {found}")
        database.execute("BEGIN")
        for statement in new_history.statements("sqlite"):
            database.execute(statement)
        database.execute("COMMIT")
