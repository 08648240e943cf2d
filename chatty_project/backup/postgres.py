"""Copies of a PostgreSQL database, by PostgreSQL's own programs: pg_dump, pg_restore and psql.

Only Chatty's tables are copied. The database may have others.
"""

import re
import shutil
import subprocess  # nosec B404
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from django.db import connection, transaction

from chatty_project.backup import facts, new_history
from chatty_project.backup.archive import Archive, BackupError, Describe, Readable

NAME = "database.dump"  # In the archive.
IS_COMPRESSED = True  # By pg_dump.


@contextmanager
def copy(path: Path) -> Iterator[tuple[Readable, Describe]]:
    """What pg_dump writes, in its custom format, and what is known of it: both of the same snapshot.

    Raises:
        BackupError: pg_dump isn't there, is too old or fails. It may fail when the block ends.
    """
    program, version = _program("pg_dump")
    names = facts.tables()
    with transaction.atomic(), connection.cursor() as cursor, tempfile.TemporaryFile() as errors:
        # Chatty's time limits would end this transaction, which must last as long as pg_dump.
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot(), current_schema()")
        snapshot, schema = cursor.fetchone()

        def execute(sql: str) -> list[tuple[Any, ...]]:
            cursor.execute(sql)
            found: list[tuple[Any, ...]] = cursor.fetchall()
            return found

        known = facts.read(execute, f"pg_dump {version}", schema, names)
        tables = [f'--table="{schema}"."{name}"' for name in names]
        command = [program, "--format=custom", f"--snapshot={snapshot}", "--no-owner", "--no-privileges", *tables]
        with _target() as target, _running([*command, *target], stdout=subprocess.PIPE, stderr=errors) as process:
            assert process.stdout is not None
            yield _Checked(process, process.stdout, errors), known


class _Checked:
    """A program's output, as a file to read. Its end raises BackupError if the program failed."""

    def __init__(self, process: "subprocess.Popen[bytes]", output: IO[bytes], errors: IO[bytes]) -> None:
        self._process, self._output, self._errors = process, output, errors

    def read(self, size: int) -> bytes:
        piece = self._output.read(size)
        if not piece and self._process.wait():
            raise BackupError(f"pg_dump failed: {_first_line(self._errors)}")
        return piece


def put_back(archive: Archive, existing: list[str]) -> None:
    """Replaces the empty tables `existing` by those of the copy, with a new history, in one transaction.

    pg_restore turns the copy into SQL, and psql executes it. Both write to the same pipe as this function: the
    transaction's first and last statements are ours, so a copy that breaks off is never committed.

    Raises:
        BackupError: a program isn't there, is too old or fails, somebody uses the database, or the copy is damaged.
    """
    archive.check()
    made_by = int(_digits(archive.manifest.tool))
    pg_restore, version = _program("pg_restore")
    psql, _ = _program("psql")
    if int(_digits(version)) < made_by:
        raise BackupError(
            f"pg_restore {version} is older than the backup's {archive.manifest.tool}; expected {made_by} or newer"
        )
    _check_is_unused()
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_schema()")
        [schema] = cursor.fetchone()
    if schema != archive.manifest.schema:
        raise BackupError(
            f'The backup\'s tables are in the schema "{archive.manifest.schema}" and DATABASE_URL leads to "{schema}"; '
            f"expected the same (?currentSchema={archive.manifest.schema})"
        )
    with _target() as target, tempfile.TemporaryFile() as errors:
        connection.close()
        first = [psql, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-", *target]
        with _running(first, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors) as executing:
            assert executing.stdin is not None
            names = ", ".join(f'"{schema}"."{name}"' for name in existing)
            try:
                executing.stdin.write(b"BEGIN;\n" + (f"DROP TABLE {names} CASCADE;\n".encode() if names else b""))
                executing.stdin.flush()
                _write_sql(pg_restore, archive, executing.stdin)
                last = [*new_history.statements("postgresql", f'"{schema}"'), "COMMIT"]
                executing.stdin.write("".join(f"{statement};\n" for statement in last).encode())
                executing.stdin.close()
            except BrokenPipeError:
                pass  # psql has ended, and says why.
            if executing.wait():
                raise BackupError(f"The backup couldn't be restored: {_first_line(errors)}")


def _write_sql(pg_restore: str, archive: Archive, to: IO[bytes]) -> None:
    """Writes the copy's SQL.

    Raises:
        BrokenPipeError: the reader of `to` has closed it.
    """
    with tempfile.TemporaryFile() as errors:
        command = [pg_restore, "--no-owner", "--no-privileges", "--file=-"]
        with _running(command, stdin=subprocess.PIPE, stdout=to, stderr=errors) as process:
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                for piece in archive.pieces():
                    process.stdin.write(piece)
                process.stdin.close()
            if not process.wait():
                return
        said = _first_line(errors)
    if "Broken pipe" in said or not said:
        raise BrokenPipeError
    raise BackupError(f"pg_restore can't read {archive.path}: {said}")


def _check_is_unused() -> None:
    """Checks that no other connection of this account is open. A server would go on with tables that are gone."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user"
            " AND pid != pg_backend_pid()"
        )
        [others] = cursor.fetchone()
    if others:
        raise BackupError(
            f"The database has {others} other connections of this account; expected that Chatty is stopped"
        )


def _program(name: str) -> tuple[str, str]:
    """The path and the version of one of PostgreSQL's programs that is not older than the server."""
    with connection.cursor():  # It connects.
        server = connection.pg_version // 10_000  # type: ignore[attr-defined]  # Of PostgreSQL's wrapper.
    cure = f"expected PostgreSQL's client programs of version {server} or newer on the PATH (postgresql-client)"
    found = shutil.which(name)
    if found is None:
        raise BackupError(f"{name} isn't installed; {cure}")
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout  # nosec B603
    version = re.search(r"\) (\d+[\w.]*)", said)
    if version is None or int(_digits(version[1])) < server:
        raise BackupError(f"{name} is {version[1] if version else 'unknown'} and the server is {server}; {cure}")
    return found, version[1]


def _digits(version: str) -> str:
    found = re.search(r"\d+", version)
    return found[0] if found else "0"


@contextmanager
def _target() -> Iterator[list[str]]:
    """The option for the database that Django uses, while the block runs.

    Others can read a command's options, so the password is in a file for this account only, as in ~/.pgpass.
    """
    from psycopg import pq
    from psycopg.conninfo import make_conninfo

    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    parameters = {name: value for name, value in connection.get_connection_params().items() if name in known}
    password = re.sub(r"([:\\])", r"\\\1", str(parameters.pop("password", "") or ""))
    with tempfile.NamedTemporaryFile("w") as file:
        if password:
            file.write(f"*:*:*:*:{password}\n")
            file.flush()
            parameters["passfile"] = file.name
        yield [f"--dbname={make_conninfo('', **parameters)}"]


@contextmanager
def _running(command: list[str], **pipes: "IO[bytes] | int") -> "Iterator[subprocess.Popen[bytes]]":
    """The command's process. It ends with the block."""
    process = subprocess.Popen(command, **pipes)  # type: ignore[call-overload]  # nosec B603
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


def _first_line(errors: IO[bytes]) -> str:
    errors.seek(0)
    return next((line for line in errors.read().decode(errors="replace").splitlines() if line.strip()), "")
