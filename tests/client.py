"""A chat client on a plain WebSocket library, which is based only on docs/protocol.md."""

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

Event = dict[str, Any]
PATIENCE_SECONDS = 60  # For one event, on a busy machine; only what fails waits for so long.
# What a busy machine may add to a time that is promised. Small enough that what would notice instead comes later still.
BUSY_SECONDS = 5


def new_slug() -> str:
    """Of a room that there isn't yet."""
    return f"room-{uuid.uuid4().hex[:12]}"


def from_address(address: str) -> dict[str, str]:
    """Headers as a proxy sends them for a client at `address`; "" for none."""
    return {"X-Forwarded-For": address} if address else {}


async def identity(http_url: str, token: str | None = None, address: str = "") -> dict[str, str]:
    """What /get_user_info.json says: uuid, token, socketURL."""
    headers = from_address(address) | ({"Authorization": f"Bearer {token}"} if token else {})
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"{http_url}/get_user_info.json", headers=headers)
    answer.raise_for_status()
    info: dict[str, str] = answer.json()
    return info


def with_reaction(message: Event, reacted: Event) -> Event:
    """The message of version `after` as the `reacted` event makes it."""
    reactions = {emoji: list(ids) for emoji, ids in message.get("reactions", {}).items()}
    ids = reactions.setdefault(reacted["emoji"], [])
    if reacted["on"]:
        ids.append(reacted["id"])
    else:
        ids.remove(reacted["id"])
    if not ids:
        del reactions[reacted["emoji"]]
    changed = message | {"version": reacted["version"], "reactions": reactions}
    if not reactions:
        del changed["reactions"]
    return changed


class Client:
    """One member on one socket. It keeps what the room looks like to it: `messages` by seq, `head`, `members`."""

    def __init__(
        self,
        http_url: str,
        name: str = "Ann",
        room: str = "lobby",
        address: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.http_url = http_url
        self.address = address
        self.name = name
        self.room = room
        self.headers = headers or {}  # Of the handshake.
        self.id = ""
        self.token = ""
        self.log = ""
        self.head = 0
        self.messages: dict[int, Event] = {}
        self.members: dict[str, str] = {}
        self.online = 0
        self.events: list[Event] = []  # All that came, in order.
        self.versions: list[int] = []  # Of live messages and of changes, in the order they were told.
        self._unread: asyncio.Queue[Event | None] = asyncio.Queue()
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None

    # --- the socket ---

    async def open(self) -> Self:
        """Connects, without joining."""
        info = await identity(self.http_url, self.token, self.address)
        self.id, self.token = info["uuid"], info["token"]
        url = f"{info['socketURL']}/{self.room}"
        headers = from_address(self.address) | self.headers
        self._socket = await connect(url, proxy=None, max_size=None, compression=None, additional_headers=headers)
        self._unread = asyncio.Queue()
        self._reader = asyncio.create_task(self._read(self._socket, self._unread))
        return self

    async def _read(self, socket: ClientConnection, unread: "asyncio.Queue[Event | None]") -> None:
        try:
            async for frame in socket:
                for event in json.loads(frame):
                    self._take(event)
                    unread.put_nowait(event)
        except ConnectionClosed:
            pass
        unread.put_nowait(None)

    def _take(self, event: Event) -> None:
        self.events.append(event)
        match event["type"]:
            case "welcome":
                if event["reset"]:
                    self.messages.clear()
                self._merge(event["messages"])
                self.head, self.log = event["head"], event["log"]
                self.members = {member["id"]: member["name"] for member in event["members"]}
            case "changes":
                if event["reset"]:
                    self.messages.clear()
                self._merge(event["messages"])
                self.head = max(self.head, event["head"])
            case "message":
                if event["version"] > self.head:
                    self.head = event["version"]
                    self.versions.append(event["version"])
                self._merge([event])
            case "reacted":
                if event["version"] == self.head + 1:
                    self.head = event["version"]
                    self.versions.append(event["version"])
                    if (message := self.messages.get(event["seq"])) is not None and message["version"] == event[
                        "after"
                    ]:
                        self.messages[event["seq"]] = with_reaction(message, event)
            case "joined" | "renamed":
                self.members[event["member"]["id"]] = event["member"]["name"]
            case "left":
                self.members.pop(event["id"], None)
        self.online = event.get("online", self.online)

    def _merge(self, messages: list[Event]) -> None:
        for message in messages:
            known = self.messages.get(message["seq"])
            if known is None or known["version"] < message["version"]:
                self.messages[message["seq"]] = message

    @property
    def socket(self) -> ClientConnection:
        assert self._socket is not None
        return self._socket

    async def send(self, **command: Any) -> None:
        await self.socket.send(json.dumps(command))

    async def send_raw(self, frame: str | bytes) -> None:
        await self.socket.send(frame)

    async def next(self, kind: str | None = None, test: Callable[[Event], object] = lambda _: True) -> Event:
        """The next event of this type that passes `test`; others are passed over.

        Raises:
            TimeoutError, ConnectionError: none came.
        """
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (event := await self._unread.get()) is not None:
                if kind in (None, event["type"]) and test(event):
                    return event
        raise ConnectionError(f"closed with {self.socket.close_code} before {kind}")

    async def settle(self) -> list[Event]:
        """What came until the server has answered a question that changes nothing: then nothing else is on its way."""
        before = len(self.events)
        await self.send(type="history", before=1, limit=1)
        await self.next("page", lambda event: event["before"] == 1)
        return self.events[before:-1]

    async def until(self, test: Callable[["Client"], object], what: str) -> None:
        """Returns when `test` holds of this client."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not test(self):
                if await self._unread.get() is None:
                    raise ConnectionError(f"closed with {self.socket.close_code} before {what}")

    async def closed(self) -> int:
        """The code that the server closed with."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self.socket.wait_closed()
        assert self.socket.close_code is not None
        return self.socket.close_code

    async def close(self) -> None:
        """Closes the tab."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    async def __aenter__(self) -> Self:
        await self.open()
        await self.join()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # --- commands ---

    async def join(self, since: dict[str, Any] | None = None, **fields: Any) -> Event:
        command = {"type": "join", "token": self.token, "name": self.name, "v": 1} | fields
        if since is not None:
            command["since"] = since
        await self.send(**command)
        return await self.next("welcome")

    async def come_back(self) -> Event:
        """Connects again, from where this client was."""
        since = {"log": self.log, "version": self.head}
        await self.close()
        await self.open()
        return await self.join(since)

    async def post(self, body: str, nonce: str | None = None) -> Event:
        """Says something, and waits until it is on disk."""
        nonce = nonce or str(uuid.uuid4())
        await self.send(type="post", nonce=nonce, body=body)
        return await self.next("message", lambda event: event["nonce"] == nonce and event["author"]["id"] == self.id)

    async def change(self, seq: int, **command: Any) -> Event:
        """Edits, deletes or reacts, and waits until that is told. The message as this client then holds it."""
        version = self.messages[seq]["version"]
        await self.send(seq=seq, **command)
        kind = "reacted" if command["type"] == "react" else "message"
        await self.next(kind, lambda event: event["seq"] == seq and event["version"] > version)
        return self.messages[seq]

    async def refused(self) -> Event:
        return await self.next("refused")

    @property
    def bodies(self) -> list[str]:
        """What was said, in the room's order."""
        return [self.messages[seq]["body"] for seq in sorted(self.messages)]


Enter = Callable[..., Awaitable[Client]]  # What the fixture `enter` of the integration tests is.
