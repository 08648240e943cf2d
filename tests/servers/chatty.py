"""Chatty, in production and in development."""

import os
import secrets
import signal
import subprocess
import sys
from typing import Any

import httpx

from tests.forked import ForkedProcess
from tests.servers.machine import ROOT, clean_environ, wait_until
from tests.servers.once import sqlite_database, static_root
from tests.servers.process import Server

# Members of tests talk faster than people, all from one address. A test of a limit sets it.
NO_LIMITS = {
    "POST_LIMIT": "0",
    "COMMAND_LIMIT": "0",
    "ROOM_REACTION_LIMIT": "0",
    "IDENTITY_LIMIT": "0",
    "ADDRESS_CPU": "0",
    "MAX_CONNECTIONS_PER_ADDRESS": "0",
    "MAX_CONNECTIONS_PER_MEMBER": "0",
}
SECRET_KEY = secrets.token_urlsafe(50)  # The same for all servers of a test run: they accept each other's tokens.


class ChattyServer(Server):
    """Chatty in production, as a worker of bin/serve runs it, with `settings` as its environment.

    Without a DATABASE_URL it gets a migrated SQLite file of its own, which outlives restarts.
    """

    name = "chatty"

    def __init__(self, **settings: str) -> None:
        super().__init__()
        self.prefix: list[str] = []  # What is put before its command.
        self.settings = (
            {
                "SECRET_KEY": SECRET_KEY,
                "ALLOWED_HOSTS": "127.0.0.1,localhost",
                "HOST": "127.0.0.1",
                "PORT": str(self.port),
                "STATIC_ROOT": str(static_root()),
                "PAGE_MAX_AGE": "0",
            }
            | NO_LIMITS
            | settings
        )
        if "DATABASE_URL" not in self.settings:
            self.settings["DATABASE_URL"] = sqlite_database(self.folder)

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The socket's base: a room's name follows after a slash."""
        return f"ws://127.0.0.1:{self.port}/ws/chatty"

    source = "from chatty_project import serve; serve.run()"

    def command(self) -> list[str]:
        return [*self.prefix, sys.executable, "-c", self.source]

    def popen(self) -> "subprocess.Popen[bytes] | ForkedProcess":
        if self.prefix:
            return super().popen()
        return ForkedProcess(self.source, clean_environ(**self.settings), ROOT, self._log_path)

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": clean_environ(**self.settings)}

    def counts(self) -> dict[str, int]:
        """What the worker says that it holds: rooms, members, connections, tasks; and its memory, rss_kib."""
        before = self.log.count("rooms=")
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.log.count("rooms=") > before and self.log.endswith("\n"), 60, "an answer to SIGUSR1")
        said = [line for line in self.log.splitlines() if "rooms=" in line][-1]
        found = {name: int(count) for name, count in (part.split("=") for part in said.split() if "=" in part)}
        return found | {"rss_kib": self.rss_kib}

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.http_url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


class DevelopmentServer(ChattyServer):
    """`manage.py runserver`, that is Daphne: frames go the portable way."""

    name = "chatty-development"

    @property
    def source(self) -> str:  # type: ignore[override]
        arguments = ["manage.py", "runserver", "--noreload", str(self.port)]
        return f"from django.core.management import execute_from_command_line as run; run({arguments!r})"


Pair = tuple[ChattyServer, ChattyServer]


def chatty_server(**settings: str) -> ChattyServer:
    return ChattyServer(**settings)
