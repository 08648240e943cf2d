"""Members of a storm over HTTP: by a stream or by polls, with each command, and each poll, at any of the servers."""

import asyncio
import contextlib
import json
import random
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.faults.members import CONNECT_SECONDS, Event, Member, keep
from tests.servers import ChattyServer

ANSWER_SECONDS = 35  # A poll waits for 25 s.
RETRY_SECONDS = 0.5
UNREACHABLE = (OSError, asyncio.IncompleteReadError, ValueError, TimeoutError)


class Answer:
    """A response, as far as it has come. Each request has a connection of its own, as through a load balancer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self._headers: dict[str, str] = {}

    async def read_head(self) -> None:
        if not (line := await self._reader.readline()):
            raise ConnectionError("it was closed without an answer")
        self.status = int(line.split()[1])
        self._headers = {}
        while line := (await self._reader.readline()).strip():
            name, _, value = line.decode("latin-1").partition(":")
            self._headers[name.lower()] = value.strip()

    @property
    def content_type(self) -> str:
        return self._headers.get("content-type", "")

    async def body(self) -> bytes:
        if "content-length" in self._headers:
            return await self._reader.readexactly(int(self._headers["content-length"]))
        return b"".join([chunk async for chunk in self.chunks()])

    async def chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readline(), 16):
            yield (await self._reader.readexactly(size + 2))[:-2]

    def abort(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def request(server: ChattyServer, method: str, path: str, token: str, body: bytes = b"") -> AsyncIterator[Answer]:
    """The answer to a request, its head read."""
    async with asyncio.timeout(CONNECT_SECONDS):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=2**22)
    answer = Answer(reader, writer)
    try:
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        async with asyncio.timeout(ANSWER_SECONDS):
            await answer.read_head()
        yield answer
    finally:
        answer.abort()


class HttpSocket:
    """What a member uses of a socket, over HTTP."""

    close_code: int | None = None

    def __init__(self, member: "HttpMember", server: ChattyServer, chance: random.Random) -> None:
        self._member, self._server, self._chance = member, server, chance
        self._path = f"/chatty/{member.room}"
        self._session = uuid.UUID(int=chance.getrandbits(128), version=4)
        self._frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self._under_way: Answer | None = None
        self._is_open = True

    @property
    def transport(self) -> "HttpSocket":
        return self

    def abort(self) -> None:
        """The network is cut."""
        if self._under_way is not None:
            self._under_way.abort()
        self._end()

    def _end(self) -> None:
        self._is_open = False
        if self._reader is not None:
            self._reader.cancel()
        self._frames.put_nowait(None)

    async def close(self) -> None:
        self._end()

    async def recv(self, decode: bool) -> bytes:
        frame = await self._frames.get()
        if frame is None:
            raise ConnectionError("it ended")
        return frame

    async def send(self, text: str) -> None:
        command = json.loads(text)
        if command["type"] == "join":
            self._reader = asyncio.create_task(self._read())
        else:
            keep(asyncio.create_task(self._command(text.encode())))

    async def _read(self) -> None:
        try:
            await (self._poll() if self._member.polls else self._stream())
        except UNREACHABLE:
            pass
        finally:
            self._frames.put_nowait(None)

    @property
    def _address(self) -> str:
        member = self._member
        since = "" if member.log is None else f"&since={member.log}:{member.head}"
        name = member.name.replace(" ", "+")
        return f"{self._path}/events?session={self._session}&name={name}{since}"

    async def _stream(self) -> None:
        async with request(self._server, "GET", self._address, self._member.token) as answer:
            self._under_way = answer
            if answer.status != 200:
                self._frames.put_nowait(await answer.body())
                return
            async for chunk in answer.chunks():
                self._frames.put_nowait(chunk.partition(b"data: ")[2])

    async def _poll(self) -> None:
        while True:
            await self._member.reads.wait()
            server = self._chance.choice(self._member.servers)
            async with request(server, "GET", f"{self._address}&poll=1", self._member.token) as answer:
                self._under_way = answer
                payload = await answer.body()
                self._frames.put_nowait(payload)
                if answer.status != 200 or b'"type":"bye"' in payload:
                    return
            while not self._frames.empty():  # `since` shall be what this answer has brought.
                await asyncio.sleep(0.01)

    async def _command(self, body: bytes) -> None:
        """Sends it to one server after another, until one answers or this client comes back anew."""
        while self._is_open:
            server = self._chance.choice(self._member.servers)
            path = f"{self._path}/commands?session={self._session}&name={self._member.name.replace(' ', '+')}"
            with contextlib.suppress(*UNREACHABLE):
                async with request(server, "POST", path, self._member.token, body) as answer:
                    for event in json.loads(await answer.body()):
                        self._take(event)
                    return
            await asyncio.sleep(RETRY_SECONDS)

    def _take(self, event: Event) -> None:
        """Takes what an answer says. What may be ahead of the stream, the stream will bring."""
        is_ahead = (event.get("version") or event.get("head") or 0) > self._member.head
        if self._is_open and event["type"] != "reacted" and not is_ahead:
            self._frames.put_nowait(json.dumps([event]).encode())


class HttpMember(Member):
    """A member by streams, or if it `polls` by polls."""

    polls = False

    @property
    def token(self) -> str:
        return self._token

    @property
    def servers(self) -> list[ChattyServer]:
        return list(self._servers)

    @asynccontextmanager
    async def connect(self, server: ChattyServer) -> AsyncIterator[Any]:
        socket = HttpSocket(self, server, self._chance)
        try:
            yield socket
        finally:
            socket._end()


class PollingMember(HttpMember):
    polls = True
