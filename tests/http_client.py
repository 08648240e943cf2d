"""A chat client that knows nothing of the server but docs/protocol.md, over plain HTTP: by a stream or by polls."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import httpx

from tests.client import PATIENCE_SECONDS, Event, from_address, identity

POLL_PATIENCE_SECONDS = 90  # A poll waits for up to 25 s.


def events_of(answer: httpx.Response) -> list[Event]:
    """The events in an answer's body."""
    found: list[Event] = json.loads(answer.content)
    return found


class Requester:
    """Somebody with a token, who sends commands by requests."""

    def __init__(self, http_url: str, room: str = "lobby", address: str = "", **headers: str) -> None:
        self.http_url = http_url
        self.room = room
        self.address = address
        self.id = self.token = self.base = ""
        self.session = str(uuid.uuid4())
        self.http = httpx.AsyncClient(trust_env=False, timeout=POLL_PATIENCE_SECONDS, headers=headers)

    async def identify(self) -> Self:
        """Gets an identity, or shows the one that was given as `token`."""
        info = await identity(self.http_url, self.token, self.address)
        self.id, self.token, self.base = info["uuid"], info["token"], f"{info['httpURL']}/{self.room}"
        self.http.headers.update(from_address(self.address) | {"Authorization": f"Bearer {self.token}"})
        return self

    async def command(self, body: Any, session: bool = True, **query: str) -> httpx.Response:
        """What `commands` answers."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        query = ({"session": self.session} if session else {}) | query
        return await self.http.post(f"{self.base}/commands", content=content, params=query)

    async def post(self, body: str, **options: Any) -> Event:
        """Says something, and returns the message."""
        answer = await self.command({"type": "post", "nonce": str(uuid.uuid4()), "body": body}, **options)
        assert answer.status_code == 200, answer.text
        return events_of(answer)[0]

    async def poll(self, **query: str) -> list[Event]:
        """The answer to one poll, without the pulse that may come at any time beside events."""
        answer = await self.http.get(f"{self.base}/events", params={"poll": "1", "session": self.session} | query)
        assert answer.status_code == 200, answer.text
        events = events_of(answer)
        return [event for event in events if event["type"] != "pulse"] or events

    async def leave(self) -> httpx.Response:
        """What ending the session is answered with."""
        return await self.http.delete(f"{self.base}/events", params={"session": self.session})

    async def __aenter__(self) -> Self:
        return await self.identify()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.http.aclose()


class Stream:
    """An open stream: `frames` are those that came, each with its id."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer = answer
        self.events: list[Event] = []
        self.frames: list[tuple[str, list[Event]]] = []
        self.ids: list[str] = []
        self._unread: asyncio.Queue[Event | None] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        last_id = ""
        try:
            async for line in self.answer.aiter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    last_id = value
                    self.ids.append(value)
                elif field == "data":
                    events = json.loads(value)
                    self.frames.append((last_id, events))
                    for event in events:
                        self.events.append(event)
                        self._unread.put_nowait(event)
        except httpx.HTTPError:
            pass
        self._unread.put_nowait(None)

    async def next(self, kind: str | None = None, test: Callable[[Event], object] = lambda _: True) -> Event:
        """The next event of this type that passes `test`; others are passed over."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (event := await self._unread.get()) is not None:
                if kind in (None, event["type"]) and test(event):
                    return event
        raise ConnectionError(f"the stream ended before {kind}")

    async def ended(self) -> None:
        """Returns when the server has ended it."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._unread.get() is not None:
                pass

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self.answer.aclose()


@asynccontextmanager
async def stream(requester: Requester, headers: dict[str, str] | None = None, **query: str) -> AsyncIterator[Stream]:
    """The requester's stream, closed at the end like a tab."""
    params = {"session": requester.session} | query
    # A connection of its own, which ends with the stream.
    async with (
        httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS, headers=requester.http.headers) as http,
        http.stream("GET", f"{requester.base}/events", params=params, headers=headers) as answer,
    ):
        if answer.status_code != 200:
            await answer.aread()
            raise httpx.HTTPStatusError(answer.text, request=answer.request, response=answer)
        opened = Stream(answer)
        try:
            yield opened
        finally:
            await opened.close()
