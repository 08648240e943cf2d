"""Members for a storm: each is a client that follows docs/protocol.md and records the events that it gets."""

import asyncio
import contextlib
import json
import os
import random
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chat.access import tokens
from tests import servers
from tests.client import with_reaction
from tests.servers import ChattyServer

Event = dict[str, Any]
SILENCE_SECONDS = 10  # 2.5 pulses of 4 s.
CONNECT_SECONDS = 3
BACKOFF_SECONDS = 1.5
ALIAS = " alias"
RENAME = "rename"  # The id of these commands.


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
    changes: int = 0
    renames: int = 0
    told: dict[tuple[str, int], Event] = field(default_factory=dict)  # By room and version, as somebody was told first.


class Member:
    """A member that stays: it reconnects, resumes and repeats until what it said is acknowledged."""

    def __init__(self, name: str, room: str, servers: Sequence[ChattyServer], books: Books, chance: random.Random):
        self.id = tokens.new_member_id()
        self.name = name
        self.room = room
        self.log: str | None = None
        self.head = 0
        self.messages: dict[int, Event] = {}  # By seq.
        self.has_older = False
        self.roster: dict[str, str] = {}
        self.online = 0
        self.unacknowledged: dict[str, tuple[str, float]] = {}  # By nonce: body, and when it was said.
        self.acknowledged: dict[str, int] = {}  # By nonce: seq.
        self.changing: dict[int, tuple[Event, int]] = {}  # By seq: a command, and the version that it is to change.
        self.is_renaming = False  # Nobody has told it yet that its name is `name` now.
        self.deleted: set[int] = set()  # By seq: what this member was told it has taken back.
        self.presence: list[tuple[str, str, float]] = []  # joined and left, as told: kind, id, when.
        self.is_welcome = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_staying = True
        self._token = tokens.issue(self.id)
        self._servers = servers
        self.server: ChattyServer | None = None
        self._books = books
        self._chance = chance
        self._socket: ClientConnection | None = None
        self._is_syncing = False
        self._left_at: float | None = None
        self._touched: set[int] = set()  # By seq: what this member ever sent a change of.
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

    def connect(self, server: ChattyServer) -> contextlib.AbstractAsyncContextManager[Any]:
        """A connection to the room."""
        options: dict[str, Any] = {"proxy": None, "compression": None, "max_size": None, "ping_interval": None}
        return connect(f"{server.ws_url}/{self.room}", open_timeout=CONNECT_SECONDS, close_timeout=1, **options)

    async def _visit(self) -> None:
        self.server = self._chance.choice(self._servers)
        async with self.connect(self.server) as socket:
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
            case "reacted":
                await self._reacted(event)
            case "welcome":
                await self._welcome(event)
            case "changes":
                self._is_syncing = False
                self._catch_up(event)
            case "page":
                if event["before"] == self.oldest:  # Else a reset came in between.
                    self.has_older = event["more"]
                    for message in event["messages"]:
                        self._keep(message, is_page=True)
            case "pulse":
                self.online = event["online"]
                if event["head"] > self.head:
                    await self._sync()
            case "joined" | "renamed":
                self.roster[event["member"]["id"]] = event["member"]["name"]
                self._take_name(event["member"])
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
        self._take_name(event["me"])
        self._catch_up(event)
        if self._left_at is not None:
            absence = time.monotonic() - self._left_at
            self._books.longest_absence_seconds = max(self._books.longest_absence_seconds, absence)
            self._left_at = None
        self.is_welcome.set()
        for nonce in list(self.unacknowledged):
            await self._say(nonce)
        for seq in list(self.changing):
            await self._change(seq)
        if self.is_renaming:
            await self._rename()

    def _take_name(self, member: Event) -> None:
        if member["id"] == self.id and member["name"] == self.name:
            self.is_renaming = False

    def _catch_up(self, event: Event) -> None:
        """Takes a `welcome` or `changes`."""
        if event["reset"]:
            self._books.resets += 1
            self.messages.clear()
            self.has_older = event["more"]
        versions = [message["version"] for message in event["messages"]]
        if not event["reset"] and versions != sorted(set(versions)):
            self._violation(f"changes out of order: {versions}")
        for message in event["messages"]:
            self._keep(message, is_page=event["reset"])
        self.head = max(self.head, event["head"]) if not event["reset"] else event["head"]

    async def _message(self, message: Event) -> None:
        if message["version"] == self.head + 1:
            self.head = message["version"]
        elif message["version"] > self.head:
            await self._sync()
            return
        elif message["author"]["id"] != self.id and message["seq"] not in self._touched:
            self._violation(f"version {message['version']} of another member came twice, the head is {self.head}")
        self._keep(message)

    async def _reacted(self, event: Event) -> None:
        if event["version"] > self.head + 1:
            await self._sync()
            return
        if event["version"] <= self.head:
            self._violation(f"version {event['version']} came twice, the head is {self.head}")
            return
        self.head = event["version"]
        held = self.messages.get(event["seq"])
        if held is None or held["version"] >= event["version"]:
            return
        if held["version"] != event["after"]:
            self._violation(f"{event} came to version {held['version']}")
            return
        self._keep(with_reaction(held, event))

    @property
    def oldest(self) -> int:
        return min(self.messages, default=0)

    def _keep(self, message: Event, *, is_page: bool = False) -> None:
        told = self._books.told.setdefault((self.room, message["version"]), message)
        if told != message:
            self._violation(f"version {message['version']} is two messages: {told}, {message}")
        self._acknowledge(message)
        if not is_page and self.has_older and message["seq"] < self.oldest:
            return  # Its page will bring it.
        known = self.messages.get(message["seq"])
        if known is None or known["version"] < message["version"]:
            self.messages[message["seq"]] = told
        if known is not None and known["nonce"] != message["nonce"]:
            self._violation(f"seq {message['seq']} is two messages")

    def _acknowledge(self, message: Event) -> None:
        seq, nonce = message["seq"], message["nonce"]
        command, version = self.changing.get(seq, ({}, 0))
        if command and message["version"] > version and _has_happened(message, command, self.id):
            del self.changing[seq]
            if command["type"] == "delete":
                self.deleted.add(seq)
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
        if event.get("re") == RENAME and code in ("unavailable", "not_joined"):  # Its session over HTTP may be gone.
            self._later(event.get("retry_after", 1), self._rename)
        elif code == "no_such_message" and event.get("seq") in self._touched:  # Its author has deleted it meanwhile.
            self.changing.pop(event["seq"], None)
        elif code != "unavailable":
            self._violation(f"refused: {event}")
        elif not self.is_welcome.is_set():
            self._wait = event["retry_after"]
            await self._socket.close()  # type: ignore[union-attr]
        elif "nonce" in event:
            self._later(event["retry_after"], self._say, event["nonce"])
        elif "seq" in event:
            self._later(event["retry_after"], self._change, event["seq"])

    def _later(self, seconds: float, send: Callable[..., Coroutine[Any, Any, None]], *what: Any) -> None:
        """Sends something again, unless it is settled by then or the connection, which sends it again, is another."""
        socket = self._socket

        def is_open() -> bool:
            return any(one in self.unacknowledged or one in self.changing for one in what) if what else self.is_renaming

        def again() -> None:
            if is_open() and self._socket is socket:
                keep(asyncio.create_task(self._try(send(*what))))

        asyncio.get_running_loop().call_later(seconds, again)

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

    async def change(self) -> None:
        """Edits or takes back something of its own, or reacts to something of anybody's."""
        if not self.messages:
            return
        seq = self._chance.choice(list(self.messages))
        message = self.messages[seq]
        if seq in self.changing or "deleted" in message:
            return
        self._books.changes += 1
        kind = self._chance.choice(["edit", "edit", "delete"]) if message["author"]["id"] == self.id else "react"
        command: Event = {"type": kind, "seq": seq}
        if kind == "edit":
            command["body"] = f"{self.name} thinks again: {self._chance.random()}"
        elif kind == "react":
            command["emoji"] = self._chance.choice("👍🎉😀🚀")
            command["on"] = self.id not in message.get("reactions", {}).get(command["emoji"], ())
        self.changing[seq] = command, message["version"]
        self._touched.add(seq)
        if self.is_welcome.is_set():
            await self._try(self._change(seq))

    async def rename(self) -> None:
        """Takes another name, once: a request that a stopped worker carries out late would bring back a former one."""
        if self.name.endswith(ALIAS):
            return
        self._books.renames += 1
        self.name += ALIAS
        self.is_renaming = True
        if self.is_welcome.is_set():
            await self._try(self._rename())

    async def _rename(self) -> None:
        await self._send({"type": "rename", "name": self.name, "id": RENAME})

    async def _change(self, seq: int) -> None:
        await self._send(self.changing[seq][0])

    async def _say(self, nonce: str, body: str | None = None) -> None:
        body = body or self.unacknowledged.get(nonce, ("said again", 0.0))[0]
        is_answer = self.messages and nonce[0] in "0123"
        answered = {"reply_to": self._chance.choice(list(self.messages))} if is_answer else {}
        await self._send({"type": "post", "nonce": nonce, "body": body} | answered)

    async def _try(self, sending: Any) -> None:
        with contextlib.suppress(OSError, WebSocketException, AssertionError):
            await sending

    async def read_back(self) -> None:
        """Asks for what is older than this member's messages, if a reset took it away."""
        if self.has_older:
            await self._try(self._send({"type": "history", "before": self.oldest, "limit": 100}))

    def cut(self) -> None:
        """Loses the connection without a word."""
        if self._socket is not None:
            self._socket.transport.abort()

    async def leave(self) -> None:
        """Closes the tab."""
        self.is_staying = False
        if self._socket is not None:
            await self._socket.close()


def _has_happened(message: Event, command: Event, member_id: str) -> bool:
    """Whether `message` is as `command` of that member wants it."""
    if "deleted" in message or command["type"] == "delete":
        return "deleted" in message
    if command["type"] == "edit":
        return bool(message["body"] == command["body"])
    return (member_id in message.get("reactions", {}).get(command["emoji"], ())) is command["on"]


_tasks: set["asyncio.Task[Any]"] = set()


def keep(task: "asyncio.Task[Any]") -> None:
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


def set_up_django() -> None:
    """Members sign their own tokens, with the servers' key: for commands that run without pytest."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "chatty_project.settings"
    from django.conf import settings

    settings.SECRET_KEY = servers.SECRET_KEY


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
