"""What the HTTP consumers share: what a request says, and how it is answered."""

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from chat.conf import chatty
from chat.protocol import codec, events
from chat.protocol.commands import Since
from chat.protocol.constants import COMMANDS_LIMIT, EPOCH_LIMIT, FRAME_LIMIT_BYTES, PROTOCOL_VERSION
from chat.protocol.errors import NO_SUCH_ROOM, CloseCode, Refusal, RefusalCode
from chat.protocol.fields import Seq
from chat.rooms.connection import Frame

BODY_LIMIT_BYTES = COMMANDS_LIMIT * FRAME_LIMIT_BYTES
BODY_SECONDS = 10  # For the whole of a body. uvicorn's connections have the same limit.
RETRY_SECONDS = 2  # What a client is asked to wait where nothing says how long.
POLL_SECONDS = 25  # The longest wait of a poll: below the 30 s after which many proxies give up.
FIELDS_LIMIT = 20  # Of a query.
# Answers under way to one network, for one connection that it may have: each has a socket of its own meanwhile.
REQUESTS_A_CONNECTION = 2

_requests: Counter[str] = Counter()  # Under way in this process, by network.

Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Q = TypeVar("Q")

_STATUS = {
    RefusalCode.BAD_TOKEN: 401,
    RefusalCode.NOT_YOURS: 403,
    RefusalCode.NOT_ALLOWED: 403,
    RefusalCode.LOCKED: 403,
    RefusalCode.BANNED: 403,
    RefusalCode.NO_SUCH_MESSAGE: 404,
    RefusalCode.NO_SUCH_ROOM: 404,
    RefusalCode.EDITED_MEANWHILE: 409,
    RefusalCode.ROOM_EXISTS: 409,
    RefusalCode.TOO_MANY_REACTIONS: 409,
    RefusalCode.TOO_MANY_HOOKS: 409,
    RefusalCode.TOO_BIG: 413,
    RefusalCode.RATE_LIMITED: 429,
    RefusalCode.UNAVAILABLE: 503,
}
_STATUS_OF_CLOSE = {
    CloseCode.BAD_TOKEN: 401,
    CloseCode.BANNED: 403,
    CloseCode.NO_SUCH_ROOM: 404,
    CloseCode.WRONG_PROTOCOL: 400,
    CloseCode.FLOODING: 429,
}
_REFUSAL_OF_CLOSE = {
    CloseCode.BAD_TOKEN: (RefusalCode.BAD_TOKEN, "Expected `Authorization: Bearer` with a valid token."),
    CloseCode.BANNED: (RefusalCode.BANNED, "You can't be in this room any more."),
    CloseCode.NO_SUCH_ROOM: (RefusalCode.NO_SUCH_ROOM, NO_SUCH_ROOM),
}
_refused_decoder = msgspec.json.Decoder(list[events.Refused])


def status_of(code: RefusalCode) -> int:
    """The HTTP status of a refusal: 400 for all that is malformed or invalid."""
    return _STATUS.get(code, 400)


def status_of_close(code: CloseCode) -> int:
    """The HTTP status where a client was closed with this before it was welcome: 503, come back, for most."""
    return _STATUS_OF_CLOSE.get(code, 503)


def refusal_of_close(code: CloseCode) -> Refusal:
    """Why a request is refused whose client a socket would be closed on."""
    return Refusal(*_REFUSAL_OF_CLOSE.get(code, (RefusalCode.UNAVAILABLE, "Try again.")))


class EventsQuery(msgspec.Struct, frozen=True):
    """What `events` is asked with. The four below `since` are those of `Since`."""

    name: str | None = None
    session: UUID | None = None
    poll: bool = False
    wait: Annotated[int, msgspec.Meta(ge=1, le=POLL_SECONDS)] = POLL_SECONDS
    away: bool = False
    alive: Annotated[int, msgspec.Meta(ge=2, le=60)] | None = None
    v: int = PROTOCOL_VERSION
    since: Annotated[str, msgspec.Meta(description="`<log>:<version>`: what the client has seen.")] | None = None
    seq: Seq | None = None
    nonce: UUID | None = None
    changed: Seq | None = None
    epoch: Annotated[str, msgspec.Meta(max_length=EPOCH_LIMIT)] | None = None

    def since_or(self, last_event_id: str) -> Since | None:
        """How far the client got: by its query, else by the header `Last-Event-ID`.

        Raises:
            Refusal: it can't be read.
        """
        log, _, version = (last_event_id if self.since is None else self.since).partition(":")
        if not log:
            return None
        fields = {"log": log, "version": version, "seq": self.seq, "nonce": self.nonce, "changed": self.changed}
        try:
            return msgspec.convert(fields | {"epoch": self.epoch}, Since, strict=False)
        except msgspec.ValidationError as error:
            raise Refusal(RefusalCode.BAD_FRAME, f"Expected `since` to be <log>:<version>: {error}") from None


class LeaveQuery(msgspec.Struct, frozen=True):
    """What `events` is asked with to end a session."""

    session: UUID


class CommandsQuery(msgspec.Struct, frozen=True):
    """What `commands` is asked with. `name` is for a guest who posts without being in the room."""

    session: UUID | None = None
    name: str | None = None


class Request:
    """A request, and the one answer to it."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        self.scope = scope
        self.send = send
        self._receive = receive
        self._headers: dict[bytes, bytes] = dict(scope["headers"])
        self.slug: str = scope["url_route"]["kwargs"].get("slug", "")
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watch: asyncio.Task[None] | None = None

    def header(self, name: bytes) -> str:
        return self._headers.get(name, b"").decode("latin-1")

    @property
    def token(self) -> str:
        """The bearer's; empty where there is none."""
        kind, _, token = self.header(b"authorization").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    def query(self, kind: type[Q]) -> Q:
        """The query's fields.

        Raises:
            Refusal: `bad_frame`.
        """
        try:
            text = self.scope.get("query_string", b"").decode("ascii")
            fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_LIMIT, errors="strict"))
            return msgspec.convert(fields, kind, strict=False)
        except (ValueError, msgspec.ValidationError) as error:
            raise Refusal(RefusalCode.BAD_FRAME, f"Expected another query: {error}") from None

    async def body(self, limit: int = BODY_LIMIT_BYTES) -> bytes | None:
        """The whole body, up to `limit` bytes; None where the client has gone.

        Raises:
            Refusal: `too_big`.
            TimeoutError: it didn't come.
        """
        declared = self.header(b"content-length")
        if declared.isdigit() and len(declared) < 20 and int(declared) > limit:
            raise _too_big(limit)
        parts, size = [], 0
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await self._receive()
                if message["type"] == "http.disconnect":
                    return None
                part = message.get("body", b"")
                size += len(part)
                if size > limit:
                    raise _too_big(limit)
                parts.append(part)
                if not message.get("more_body", False):
                    return b"".join(parts)

    def watch(self) -> None:
        """From now on `gone` is done when the client has gone."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._until_gone())

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self.gone.done():
            self.gone.set_result(None)

    def close(self) -> None:
        if self._watch is not None:
            self._watch.cancel()

    # --- answers ---

    async def start(self, status: int, content_type: str, **headers: str) -> None:
        given = {"content-type": content_type, "cache-control": "no-store"} | headers
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items()],
            }
        )

    async def answer(self, status: int, payload: bytes, retry_after: float | None = None, **headers: str) -> None:
        """Answers with a JSON array of events."""
        if status in (429, 503):
            headers["retry_after"] = str(max(1, math.ceil(retry_after or RETRY_SECONDS)))
        await self.start(status, "application/json", content_length=str(len(payload)), **headers)
        await self.send({"type": "http.response.body", "body": payload})

    async def answer_nothing(self) -> None:
        """Answers that it is done."""
        await self.send({"type": "http.response.start", "status": 204, "headers": [(b"cache-control", b"no-store")]})
        await self.send({"type": "http.response.body", "body": b""})

    async def refuse(self, refusal: Refusal, status: int | None = None, **headers: str) -> None:
        payload = Frame.of(events.refused(refusal)).payload
        await self.answer(status or status_of(refusal.code), payload, refusal.retry_after, **headers)

    async def answer_lone(self, payload: bytes) -> None:
        """Answers a lone command: its refusal sets the status."""
        if payload.startswith(b'[{"type":"refused"'):
            refused = _refused_decoder.decode(payload)[0]
            retry_after = refused.retry_after if isinstance(refused.retry_after, int | float) else None
            await self.answer(status_of(refused.code), payload, retry_after)
        else:
            await self.answer(200, payload)


def joined_payloads(frames: list[Frame]) -> bytes:
    """The events of all frames as one array."""
    return codec.frame(frame.payload[1:-1] for frame in frames if len(frame) > 2)


def _too_big(limit: int) -> Refusal:
    return Refusal(RefusalCode.TOO_BIG, f"Expected at most {limit // 1024} KiB.")


@contextmanager
def under_way(network: str) -> Iterator[None]:
    """Counts a request that is being answered to this network.

    Raises:
        Refusal: `rate_limited`, too many are.
    """
    limit = REQUESTS_A_CONNECTION * chatty.MAX_CONNECTIONS_PER_ADDRESS
    if 0 < limit <= _requests[network]:
        raise Refusal(RefusalCode.RATE_LIMITED, "Too many requests at once.", retry_after=RETRY_SECONDS)
    _requests[network] += 1
    try:
        yield
    finally:
        _requests[network] -= 1
        if not _requests[network]:
            del _requests[network]
