"""The systems: how each is started, with what behind it, on which cores."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests import servers
from tests.servers import ROOT, ChattyServer, PostgresServer, RedisServer, Server

from . import processes
from .dialects import ChattyDialect, Dialect, SocketIODialect, TutorialDialect
from .machine import CorePlan, running_on

PEERS = Path(__file__).parent / "peers"
NODE_FOLDER = ROOT / "var" / "bench" / "socketio"


class DurablePostgres(PostgresServer):
    """The tests' PostgreSQL doesn't wait for the disk; this one does, as it would in production."""

    def command(self) -> list[str]:
        return [*super().command(), "-c", "fsync=on", "-c", "full_page_writes=on"]


class Peer(Server):
    """A chat that listens on PORT and answers plain HTTP or nothing: it is ready when it accepts connections."""

    def __init__(self, redis_url: str) -> None:
        super().__init__()
        self.settings = {"PORT": str(self.port), "REDIS_URL": redis_url}

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": servers.clean_environ(**self.settings)}

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class TutorialServer(Peer):
    name = "tutorial"

    def command(self) -> list[str]:
        self.settings["DJANGO_SETTINGS_MODULE"] = "bench.peers.tutorial.settings"
        where = ["-b", "127.0.0.1", "-p", str(self.port), "-v", "0"]
        return [sys.executable, "-m", "daphne", *where, "bench.peers.tutorial.asgi:application"]


class SocketIOServer(Peer):
    name = "socketio"

    def __init__(self, redis_url: str, transport: str = "websocket") -> None:
        super().__init__(redis_url)
        self.settings["TRANSPORTS"] = transport

    def command(self) -> list[str]:
        self.settings["NODE_ENV"] = "production"
        return [servers.program("node", "nodejs"), str(installed_socketio() / "server.js")]


class BareServer(Peer):
    """`gather_ms`: how long what is posted gathers into one frame."""

    name = "bare"

    def __init__(self, gather_ms: int) -> None:
        super().__init__(redis_url="")
        self.settings["GATHER_MS"] = str(gather_ms)

    def command(self) -> list[str]:
        return [sys.executable, "-m", "bench.peers.bare"]


class NotInstalled(Exception):
    """A system can't be measured here; the message says what is missing."""


@cache
def installed_socketio() -> Path:
    """A folder under var/ with server.js and the packages that its lock file pins.

    Raises:
        NotInstalled: Node or npm is missing, or npm failed.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotInstalled("Socket.IO is left out: expected node and npm (https://nodejs.org), found none")
    NODE_FOLDER.mkdir(parents=True, exist_ok=True)
    pinned = (PEERS / "socketio" / "package-lock.json").read_bytes()
    lock = NODE_FOLDER / "package-lock.json"
    is_installed = lock.exists() and lock.read_bytes() == pinned and (NODE_FOLDER / "node_modules").exists()
    for name in ("package.json", "package-lock.json", "server.js"):
        shutil.copy(PEERS / "socketio" / name, NODE_FOLDER)
    if not is_installed:
        command = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=NODE_FOLDER, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(NODE_FOLDER, ignore_errors=True)
            raise NotInstalled(f"Socket.IO is left out: npm ci failed: {done.stderr.strip()[-400:]}")
    return NODE_FOLDER


@dataclass
class Running:
    """A system that has been started. `server` holds the connections; `backing` is Redis and PostgreSQL, if any."""

    server: Server
    dialect: Dialect
    backing: list[Server] = field(default_factory=list)

    @property
    def base(self) -> str:
        return f"ws://127.0.0.1:{self.server.port}"

    def cpu_seconds(self) -> float:
        """CPU time that all of it has used so far."""
        return processes.cpu_seconds(each.pid for each in [self.server, *self.backing])

    def rss_kib(self) -> int:
        """Memory of the process that holds the connections."""
        return processes.rss_kib(self.server.pid)


Start = Callable[[ExitStack, CorePlan], Running]


def _started(stack: ExitStack, server: Server, cores: frozenset[int]) -> Server:
    with running_on(cores):
        stack.enter_context(server)
    return server


def _redis(stack: ExitStack, plan: CorePlan) -> RedisServer:
    redis = servers.redis_server()
    _started(stack, redis, plan.backing)
    return redis


def _chatty_on_sqlite(stack: ExitStack, plan: CorePlan) -> Running:
    redis = _redis(stack, plan)
    chatty = ChattyServer(REDIS_URL=redis.url)
    return Running(_started(stack, chatty, plan.server), ChattyDialect(), [redis])


def _chatty_on_postgres(stack: ExitStack, plan: CorePlan) -> Running:
    redis = _redis(stack, plan)
    postgres = DurablePostgres()
    _started(stack, postgres, plan.backing)
    chatty = ChattyServer(REDIS_URL=redis.url, DATABASE_URL=postgres.create_migrated_database())
    return Running(_started(stack, chatty, plan.server), ChattyDialect(), [redis, postgres])


def _socketio(stack: ExitStack, plan: CorePlan) -> Running:
    installed_socketio()
    redis = _redis(stack, plan)
    return Running(_started(stack, SocketIOServer(redis.url), plan.server), SocketIODialect(), [redis])


def _socketio_polling(stack: ExitStack, plan: CorePlan) -> Running:
    installed_socketio()
    redis = _redis(stack, plan)
    server = SocketIOServer(redis.url, transport="polling")
    return Running(_started(stack, server, plan.server), SocketIODialect(), [redis])


def _tutorial(stack: ExitStack, plan: CorePlan) -> Running:
    redis = _redis(stack, plan)
    return Running(_started(stack, TutorialServer(redis.url), plan.server), TutorialDialect(), [redis])


def _bare(gather_ms: int) -> Start:
    def start(stack: ExitStack, plan: CorePlan) -> Running:
        return Running(_started(stack, BareServer(gather_ms), plan.server), ChattyDialect())

    return start


@dataclass(frozen=True)
class System:
    """A name for options and files, a title for tables."""

    name: str
    title: str
    start: Start

    @contextmanager
    def running(self, plan: CorePlan) -> Iterator[Running]:
        """The system, started from nothing; its processes end with the block."""
        with ExitStack() as stack:
            yield self.start(stack, plan)


CHATTY = System("chatty", "Chatty, SQLite", _chatty_on_sqlite)
CHATTY_POSTGRES = System("chatty-postgres", "Chatty, PostgreSQL", _chatty_on_postgres)
SOCKETIO = System("socketio", "Socket.IO", _socketio)
SOCKETIO_POLLING = System("socketio", "Socket.IO", _socketio_polling)  # The same one, measured by another transport.
TUTORIAL = System("tutorial", "Channels tutorial", _tutorial)
BARE = System("bare", "bare broadcast, picows", _bare(0))
BARE_GATHERING = System("bare-gathering", "the same, gathering for 50 ms", _bare(50))

SYSTEMS = (CHATTY, CHATTY_POSTGRES, SOCKETIO, TUTORIAL)
