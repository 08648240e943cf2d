"""Members of the load over plain HTTP: by a stream or by polls of Chatty's, by polls of Socket.IO's."""

import asyncio
import re
import uuid
from collections import deque
from collections.abc import Callable
from typing import ClassVar, cast

from chat.access import tokens

from .dialects import LOG_AND_HEAD
from .member import CONNECT_SECONDS, BaseMember, Member

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
VERSION = re.compile(rb'"version":(\d+)')
SID = re.compile(rb'"sid":"([^"]+)"')
SEPARATOR = b"\x1e"  # Between Engine.IO's packets.

Heard = Callable[[bytes], None]


class Connection(asyncio.Protocol):
    """A kept connection: one request after the other. `on_answer` gets each body, or the events of a stream."""

    def __init__(self, host: str, on_answer: Heard, on_lost: Callable[[], None], *, is_stream: bool = False) -> None:
        """`on_lost` is called where an answer doesn't come. An idle connection may close; `ask` opens another."""
        self._host = host
        self._on_answer, self._on_lost = on_answer, on_lost
        self._is_stream = is_stream
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._buffer = b""
        self._is_busy = False
        self._waiting: deque[bytes] = deque()

    def ask(self, request: bytes) -> None:
        self._waiting.append(request)
        if self._transport is not None:
            self._send_next()
        elif self._opening is None:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        name, _, port = self._host.partition(":")
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, name, int(port))
            self._send_next()
        except OSError:
            self._on_lost()
        finally:
            self._opening = None

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _send_next(self) -> None:
        if self._waiting and not self._is_busy and self._transport is not None:
            self._is_busy = True
            self._transport.write(self._waiting.popleft())

    # --- called by asyncio ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's isn't a subclass.

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._is_busy or self._waiting:
            self._on_lost()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._is_stream:
            self._take_events()
        else:
            self._take_answers()

    def _take_events(self) -> None:
        """All whole events at once. Chunks' sizes among them disturb nobody who only counts."""
        whole, end, self._buffer = self._buffer.rpartition(b"\n\n")
        if end:
            self._on_answer(whole)

    def _take_answers(self) -> None:
        while (end := self._buffer.find(b"\r\n\r\n") + 4) > 3:
            found = LENGTH.search(self._buffer, 0, end)
            if not self._buffer.startswith(b"HTTP/1.1 200 ") or found is None:
                raise ConnectionError(f"expected 200 with a length; got {self._buffer[:300]!r}")
            size = int(found[1])
            if len(self._buffer) < end + size:
                return
            body, self._buffer = self._buffer[end : end + size], self._buffer[end + size :]
            self._is_busy = False
            self._on_answer(body)
            self._send_next()


class HttpMember(BaseMember):
    """What members over HTTP have in common: a connection to hear, and one to speak."""

    is_stream: ClassVar[bool] = False
    _hearing: Connection
    _speaking: Connection

    async def join(self, base: str, quiet: bool = False) -> None:
        """Joins; returns with the welcome.

        Raises:
            OSError, TimeoutError: there was none.
        """
        self._host = base.removeprefix("ws://")
        self._welcomed = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(CONNECT_SECONDS):
            self._hearing = Connection(self._host, self._heard, self.on_lost, is_stream=self.is_stream)
            self._speaking = Connection(self._host, self._answered, self.on_lost)
            self._begin(quiet)
            await self._welcomed

    def leave(self) -> None:
        for connection in (self._hearing, self._speaking):
            connection.abort()

    def _request(self, method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self._host}", *headers]
        if method == "POST":
            lines += [f"Origin: http://{self._host}", f"Content-Length: {len(body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def _begin(self, quiet: bool) -> None:
        """Sends the first request."""
        raise NotImplementedError

    def _heard(self, payload: bytes) -> None:
        raise NotImplementedError

    def _take_welcome(self, payload: bytes) -> None:
        self.welcome = payload
        if self._welcomed is not None:
            self._welcomed.set_result(None)

    def _answered(self, payload: bytes) -> None:
        self.refused += self._dialect.is_refusal(payload)


class StreamMember(HttpMember):
    """Chatty's `events` as a stream, and its `commands`."""

    is_stream = True
    poll = ""

    def _begin(self, quiet: bool) -> None:
        self._session = uuid.uuid4()
        self._authorization = f"Authorization: Bearer {tokens.issue(self.id)}"
        self._hearing.ask(self._events())

    def _events(self) -> bytes:
        name = self.name.replace(" ", "+")
        path = f"/chatty/{self.room}/events?session={self._session}&name={name}{self.poll}"
        return self._request("GET", path, b"", self._authorization)

    def _heard(self, payload: bytes) -> None:
        if self.welcome:
            self.count(payload)
        elif b'"type":"welcome"' in payload:
            self._take_welcome(payload)

    def post(self, text: str) -> None:
        path = f"/chatty/{self.room}/commands?session={self._session}"
        self._speaking.ask(self._request("POST", path, self._dialect.post(text), self._authorization))


class PollMember(StreamMember):
    """The same by polls, each of which says how far the client is."""

    is_stream = False
    _log = b""
    _version = 0

    @property
    def poll(self) -> str:  # type: ignore[override]
        return f"&poll=1&since={self._log.decode()}:{self._version}" if self._log else "&poll=1"

    def _heard(self, payload: bytes) -> None:
        if (welcome := LOG_AND_HEAD.search(payload)) is not None:
            self._log, self._version = welcome[1], int(welcome[2])
        elif versions := VERSION.findall(payload):
            self._version = int(versions[-1])
        super()._heard(payload)
        self._hearing.ask(self._events())


class SocketIOPollMember(HttpMember):
    """Engine.IO's polling transport, version 4."""

    _path = "/socket.io/?EIO=4&transport=polling"

    def _begin(self, quiet: bool) -> None:
        self._quiet = quiet
        self._hearing.ask(self._request("GET", self._path))

    def _heard(self, payload: bytes) -> None:
        for packet in payload.split(SEPARATOR):
            if packet.startswith(b"0{"):
                found = SID.search(packet)
                assert found is not None
                self._path += f"&sid={found[1].decode()}"
                self._say(b"40")
            elif packet.startswith(b"40"):
                self._say(self._dialect.join(self.room, self.name, self.id, self._quiet, b"", 0))
            elif packet.startswith(b"430["):
                self._take_welcome(packet)
            elif (answer := self._dialect.answer(packet)) is not None:
                self._say(answer)
            else:
                self.count(packet)
        self._hearing.ask(self._request("GET", self._path))

    def _say(self, packet: bytes) -> None:
        self._speaking.ask(self._request("POST", self._path, packet, "Content-Type: text/plain;charset=UTF-8"))

    def post(self, text: str) -> None:
        self._say(self._dialect.post(text))


class RequestingMember(Member):
    """Is on a socket, and posts by requests, as a program does: without a session."""

    async def join(self, base: str, quiet: bool = False) -> None:
        await super().join(base, quiet)
        self._host = base.removeprefix("ws://")
        self._authorization = f"Authorization: Bearer {tokens.issue(self.id)}"
        self._speaking = Connection(self._host, self._answered, self.gone.set)

    def post(self, text: str) -> None:
        body = self._dialect.post(text)
        head = f"POST /chatty/{self.room}/commands HTTP/1.1\r\nHost: {self._host}\r\nOrigin: http://{self._host}\r\n"
        self._speaking.ask(f"{head}{self._authorization}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)

    def _answered(self, payload: bytes) -> None:
        self.refused += self._dialect.is_refusal(payload)

    def leave(self) -> None:
        super().leave()
        self._speaking.abort()
