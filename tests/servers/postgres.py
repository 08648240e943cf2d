"""PostgreSQL, and PgBouncer in front of it."""

import os
import pwd
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from tests.servers.commands import migrated
from tests.servers.machine import MissingProgram, ServerError, program
from tests.servers.once import made_once
from tests.servers.process import Server

MIGRATED = "migrated"  # A database with Chatty's tables, which nobody connects to: others are copied from it.


class PostgresServer(Server):
    """A PostgreSQL cluster of its own. `kill()` is a crash: the next start recovers what was committed."""

    name = "postgres"
    stop_signal = signal.SIGINT  # Fast shutdown: it doesn't wait for clients.
    kill_signal = signal.SIGQUIT  # Immediate shutdown; SIGKILL would leave its children behind.

    def __init__(self, *, is_empty: bool = False) -> None:
        """A copy of the test run's cluster, which has a migrated database; `is_empty`: a new cluster without one."""
        super().__init__()
        self._databases = 0
        self._user = self._give_folder_away() if os.getuid() == 0 else None
        if is_empty:
            locale = ("-E", "UTF8", "--locale=C.UTF-8")
            self._run("initdb", "-D", "data", "-U", "chatty", "--auth=trust", "--no-sync", *locale)
        else:
            subprocess.run(["cp", "-a", made_once("cluster", _make_cluster), self.folder / "data"], check=True)

    def _give_folder_away(self) -> pwd.struct_passwd:
        """PostgreSQL refuses to run as root: another account, which gets the folder."""
        for name in ("postgres", "nobody"):
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            return user
        raise MissingProgram("PostgreSQL doesn't run as root; expected an account named postgres or nobody")

    def _binary(self, name: str) -> str:
        return program(
            name,
            "postgresql",
            "/usr/lib/postgresql/*/bin",
            "/usr/local/opt/postgresql*/bin",
            "/opt/homebrew/opt/postgresql*/bin",
        )

    def popen_options(self) -> dict[str, Any]:
        user = self._user
        return super().popen_options() | (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )

    def _run(self, name: str, *arguments: str) -> None:
        command = [self._binary(name), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, **self.popen_options())
        if done.returncode:
            raise ServerError(f"{name} failed:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            # What survives the process's death is written as ever; only what survives the machine's isn't.
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._binary("postgres"), "-D", "data", *options]

    def url(self, database: str = "postgres") -> str:
        return f"postgres://chatty@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """A synchronous connection in autocommit mode, for looking inside."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=3)

    def is_ready(self) -> bool:
        try:
            self.connect().close()
        except psycopg.Error:
            return False
        return True

    def create_database(self, template: str = "template1") -> str:
        """The URL of a new database, empty or a copy of another one that nobody is connected to."""
        self._databases += 1
        name = f"chatty_{self._databases}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.url(name)

    def create_migrated_database(self) -> str:
        """The URL of a new database with Chatty's tables in it."""
        return self.create_database(MIGRATED)


def _make_cluster(path: Path) -> None:
    with PostgresServer(is_empty=True) as server:
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {MIGRATED}".encode())
        migrated(server.url(MIGRATED))
        server.stop()
        subprocess.run(["cp", "-a", server.folder / "data", path], check=True)


def postgres_server() -> PostgresServer:
    return PostgresServer()


class PgBouncerServer(Server):
    """A connection pooler in front of a PostgreSQL, as Debian starts one: it takes no startup parameter `options`."""

    name = "pgbouncer"

    def __init__(self, postgres: PostgresServer, *, ignores_options: bool = False) -> None:
        super().__init__()
        ignored = "extra_float_digits,options" if ignores_options else "extra_float_digits"
        (self.folder / "pgbouncer.ini").write_text(
            f"""[databases]
* = host=127.0.0.1 port={postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = users
pool_mode = transaction
ignore_startup_parameters = {ignored}
"""
        )
        (self.folder / "users").write_text('"chatty" ""\n')
        self._user: pwd.struct_passwd | None = None
        if os.getuid() == 0:  # It doesn't run as root.
            self._user = pwd.getpwnam("nobody")
            os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)

    def url(self, database: str) -> str:
        return f"postgres://chatty@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        return [program("pgbouncer", "pgbouncer", "/usr/sbin"), "pgbouncer.ini"]

    def popen_options(self) -> dict[str, Any]:
        user = self._user
        return super().popen_options() | (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0
