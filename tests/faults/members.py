"""Members for a storm: each does what docs/protocol.md asks of a client, and keeps books on what it was told."""

import asyncio
import contextlib
import json
import random
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chat import identity
from tests.servers import ChattyServer

Event = dict[str, Any]
SILENCE_SECONDS = 10  # 2.5 pulses of 4 s.
CONNECT_SECONDS = 3
BACKOFF_SECONDS = 1.5


@dataclass
class Books:
    """What went on between all members and all servers, and what must not have."""

    violations: list[str] = field(default_factory=list)
    connects: int = 0
    syncs: int = 0
    resets: int = 0
    refusals: dict[str, int] = field(default_factory=dict)
    closes: dict[int | None, int] = field(default_factory=dict)
    longest_ack_seconds: float = 0.0
    longest_absence_seconds: float = 0.0
    repeats: int = 0


class Member:
    """A member that stays: it reconnects, resumes and repeats until what it said is acknowledged."""

    def __init__(self, name: str, room: str, servers: Sequence[ChattyServer], books: Books, chance: random.Random):
        self.id = identity.new_member_id()
        self.name = name
        self.room = room
        self.log: str | None = None
        self.head = 0
        self.messages: dict[int, tuple[int, str]] = {}  # By seq: version and nonce.
        self.roster: dict[str, str] = {}
        self.online = 0
        self.unacknowledged: dict[str, tuple[str, float]] = {}  # By nonce: body, and when it was said.
        self.acknowledged: dict[str, int] = {}  # By nonce: seq.
        self.presence: list[tuple[str, str, float]] = []  # joined and left, as told: kind, id, when.
        self.is_welcome = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_staying = True
        self._token = identity.issue(self.id)
        self._servers = servers
        self.server: ChattyServer | None = None
        self._books = books
        self._chance = chance
        self._socket: ClientConnection | None = None
        self._is_syncing = False
        self._left_at: float | None = None
        self._wait = 0.0

    async def stay(self) -> None:
        """Is here until told to go."""
        while self.is_staying:
            with contextlib.suppress(OSError, WebSocketException, TimeoutError):
                await self._visit()
            if self._socket is not None:
                code = self._socket.close_code
                self._books.closes[code] = self._books.closes.get(code, 0) + 1
            self.is_welcome.clear()
            self._socket = None
            self._left_at = self._left_at or time.monotonic()
            if self.is_staying:
                await asyncio.sleep(self._wait + self._chance.uniform(0, BACKOFF_SECONDS))
                self._wait = 0.0

    async def _visit(self) -> None:
        self.server = self._chance.choice(self._servers)
        url = f"{self.server.ws_url}/{self.room}"
        options: dict[str, Any] = {"proxy": None, "compression": None, "max_size": None, "ping_interval": None}
        async with connect(url, open_timeout=CONNECT_SECONDS, close_timeout=1, **options) as socket:
            self._socket = socket
            self._books.connects += 1
            self._is_syncing = False
            join: Event = {"type": "join", "token": self._token, "name": self.name, "v": 1}
            if self.log is not None:
                join["since"] = {"log": self.log, "version": self.head}
            await self._send(join)
            while self.is_staying:
                async with asyncio.timeout(SILENCE_SECONDS):
                    frame = await socket.recv(decode=False)
                for event in json.loads(frame):
                    await self._take(event)
                await self.reads.wait()

    async def _send(self, command: Event) -> None:
        assert self._socket is not None
        await self._socket.send(json.dumps(command))

    async def _take(self, event: Event) -> None:
        match event["type"]:
            case "message":
                await self._message(event)
            case "welcome":
                await self._welcome(event)
            case "changes":
                self._is_syncing = False
                self._catch_up(event)
            case "page":
                for message in event["messages"]:
                    self._keep(message)
            case "pulse":
                self.online = event["online"]
                if event["head"] > self.head:
                    await self._sync()
            case "joined" | "renamed":
                self.roster[event["member"]["id"]] = event["member"]["name"]
                self._presence(event["type"], event["member"]["id"], event)
            case "left":
                self.roster.pop(event["id"], None)
                self._presence("left", event["id"], event)
            case "refused":
                await self._refused(event)
            case "bye":
                self._wait = event["after"]

    def _presence(self, kind: str, member_id: str, event: Event) -> None:
        self.online = event["online"]
        self.presence.append((kind, member_id, time.monotonic()))

    async def _welcome(self, event: Event) -> None:
        self.roster = {member["id"]: member["name"] for member in event["members"]}
        self.online = event["online"]
        if self.log is not None and event["log"] == self.log and not event["reset"] and event["head"] < self.head:
            self._violation(f"welcome goes back from {self.head} to {event['head']}")
        self.log = event["log"]
        self._catch_up(event)
        if self._left_at is not None:
            absence = time.monotonic() - self._left_at
            self._books.longest_absence_seconds = max(self._books.longest_absence_seconds, absence)
            self._left_at = None
        self.is_welcome.set()
        for nonce in list(self.unacknowledged):
            await self._say(nonce)

    def _catch_up(self, event: Event) -> None:
        """Takes a `welcome` or `changes`."""
        if event["reset"]:
            self._books.resets += 1
            self.messages.clear()
        versions = [message["version"] for message in event["messages"]]
        if not event["reset"] and versions != sorted(set(versions)):
            self._violation(f"changes out of order: {versions}")
        for message in event["messages"]:
            self._keep(message)
        self.head = max(self.head, event["head"]) if not event["reset"] else event["head"]

    async def _message(self, message: Event) -> None:
        if message["version"] == self.head + 1:
            self.head = message["version"]
        elif message["version"] > self.head:
            await self._sync()
            return
        elif message["author"]["id"] != self.id:
            self._violation(f"version {message['version']} of another member came twice, the head is {self.head}")
        self._keep(message)

    def _keep(self, message: Event) -> None:
        seq, nonce = message["seq"], message["nonce"]
        known = self.messages.get(seq)
        if known is None or known[0] < message["version"]:
            self.messages[seq] = message["version"], nonce
        if known is not None and known[1] != nonce:
            self._violation(f"seq {seq} is two messages")
        if message["author"]["id"] == self.id:
            if (said := self.unacknowledged.pop(nonce, None)) is not None:
                self._books.longest_ack_seconds = max(self._books.longest_ack_seconds, time.monotonic() - said[1])
            if self.acknowledged.setdefault(nonce, seq) != seq:
                self._violation(f"nonce {nonce} is {self.acknowledged[nonce]} and {seq}")

    async def _sync(self) -> None:
        if not self._is_syncing:
            self._is_syncing = True
            self._books.syncs += 1
            await self._send({"type": "sync", "since": self.head})

    async def _refused(self, event: Event) -> None:
        code = event["code"]
        self._books.refusals[code] = self._books.refusals.get(code, 0) + 1
        if code != "unavailable":
            self._violation(f"refused: {event}")
        elif not self.is_welcome.is_set():
            self._wait = event["retry_after"]
            await self._socket.close()  # type: ignore[union-attr]
        elif "nonce" in event:
            asyncio.get_running_loop().call_later(event["retry_after"], self._again, event["nonce"], self._socket)

    def _again(self, nonce: str, socket: ClientConnection) -> None:
        if nonce in self.unacknowledged and self._socket is socket:
            keep(asyncio.create_task(self._try(self._say(nonce))))

    def _violation(self, what: str) -> None:
        self._books.violations.append(f"{self.name} in {self.room}: {what}")

    # --- what it does ---

    async def post(self) -> None:
        """Says something; now and then something that is said already."""
        nonce = str(uuid.UUID(int=self._chance.getrandbits(128), version=4))
        self.unacknowledged[nonce] = (f"{self.name} {len(self.acknowledged)}", time.monotonic())
        if self.is_welcome.is_set():
            await self._try(self._say(nonce))
            if self.acknowledged and self._chance.random() < 0.05:
                self._books.repeats += 1
                await self._try(self._say(self._chance.choice(list(self.acknowledged)), "said again"))

    async def _say(self, nonce: str, body: str | None = None) -> None:
        body = body or self.unacknowledged.get(nonce, ("said again", 0.0))[0]
        await self._send({"type": "post", "nonce": nonce, "body": body})

    async def _try(self, sending: Any) -> None:
        with contextlib.suppress(OSError, WebSocketException, AssertionError):
            await sending

    async def read_back(self) -> None:
        """Asks for what is older than this member's messages, if a reset took it away."""
        if self.messages and min(self.messages) > 1:
            await self._try(self._send({"type": "history", "before": min(self.messages), "limit": 100}))

    def cut(self) -> None:
        """Loses the connection without a word."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def leave(self) -> None:
        """Closes the tab."""
        self.is_staying = False
        if self._socket is not None:
            await self._socket.close()


_tasks: set["asyncio.Task[Any]"] = set()


def keep(task: "asyncio.Task[Any]") -> None:
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def until(test: Callable[[], object], seconds: float) -> float:
    """The seconds until `test` held.

    Raises:
        TimeoutError: it didn't in time.
    """
    started = time.monotonic()
    async with asyncio.timeout(seconds):
        while not test():
            await asyncio.sleep(0.05)
    return time.monotonic() - started
