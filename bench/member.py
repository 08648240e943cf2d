"""A member of the load: joins a room, counts what it is delivered, and tells how late it was where it is asked to."""

import asyncio
import time
from typing import NamedTuple

from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from chat.protocol.fields import MemberId

from .dialects import POSTED_AT, Dialect

LARGEST_FRAME_BYTES = 64 * 1024 * 1024
CONNECT_SECONDS = 60  # A storm of thousands is served one after the other.


class Sample(NamedTuple):
    """A delivery: when it was posted and when it came, in ns of the monotonic clock."""

    posted_at: int
    came_at: int


class BaseMember:
    """Counting is all that most members do, so that the generator stays cheaper than what it measures."""

    def __init__(self, dialect: Dialect, room: str, name: str, member_id: MemberId, address: str = "") -> None:
        """`address`: what a proxy says that the member comes from."""
        self.room = room
        self.name = name
        self.id = member_id
        self.headers = {"X-Forwarded-For": address} if address else {}
        self.delivered = 0
        self.refused = 0
        self.welcome = b""  # The newest one.
        self.samples: list[Sample] | None = None  # Filled where it is a list.
        self._dialect = dialect
        self._welcomed: asyncio.Future[None] | None = None
        self.gone = asyncio.Event()

    async def join(self, base: str, quiet: bool = False) -> None:
        raise NotImplementedError

    def post(self, text: str) -> None:
        raise NotImplementedError

    def leave(self) -> None:
        """Cuts the connection."""
        raise NotImplementedError

    def count(self, payload: bytes) -> bool:
        """Whether it delivers something; then it is counted."""
        if not (count := self._dialect.deliveries(payload)):
            return False
        self.delivered += count
        if self.samples is not None:
            now = time.monotonic_ns()
            self.samples += [Sample(int(posted_at), now) for posted_at in POSTED_AT.findall(payload)]
        return True

    def on_lost(self) -> None:
        """The connection has ended."""
        self.gone.set()
        if self._welcomed is not None and not self._welcomed.done():
            _fail(self._welcomed, self.name)


class Member(BaseMember, WSListener):
    """By WebSocket."""

    def __init__(self, dialect: Dialect, room: str, name: str, member_id: MemberId, address: str = "") -> None:
        super().__init__(dialect, room, name, member_id, address)
        self._transport: WSTransport | None = None
        self._opened: asyncio.Future[None] | None = None
        self._is_welcome = False

    async def join(self, base: str, quiet: bool = False) -> None:
        """Opens the socket and joins; returns with the welcome.

        Raises:
            OSError, TimeoutError, picows.WSError: there was none.
        """
        loop = asyncio.get_running_loop()
        self._is_welcome = False
        self.gone.clear()
        self._opened, self._welcomed = loop.create_future(), loop.create_future()
        url = self._dialect.url(base, self.room)
        origin = {"Origin": base.replace("ws://", "http://")}  # As browsers send it; servers may refuse who doesn't.
        async with asyncio.timeout(CONNECT_SECONDS):
            self._transport, _ = await ws_connect(
                lambda: self,
                url,
                websocket_handshake_timeout=CONNECT_SECONDS,
                proxy=None,
                max_frame_size=LARGEST_FRAME_BYTES,
                extra_headers=origin | self.headers,
            )
            if (greeting := self._dialect.greeting()) is not None:
                self.send(greeting)
                await self._opened
            self.send(self._dialect.join(self.room, self.name, self.id, quiet, self.welcome[:1000], self.delivered))
            await self._welcomed

    def send(self, payload: bytes) -> None:
        assert self._transport is not None
        self._transport.send(WSMsgType.TEXT, payload)

    def post(self, text: str) -> None:
        self.send(self._dialect.post(text))

    def leave(self) -> None:
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    # --- called by picows ---

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT:
            if frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()
            return
        payload = frame.get_payload_as_bytes()
        if not (self._is_welcome and self.count(payload)):
            self._take(payload)

    def _take(self, payload: bytes) -> None:
        """Whatever isn't a delivery."""
        if (answer := self._dialect.answer(payload)) is not None:
            self.send(answer)
        elif self._is_welcome:
            self.refused += self._dialect.is_refusal(payload)
        elif self._dialect.is_welcome(payload):
            self._is_welcome, self.welcome = True, payload
            _resolve(self._welcomed)
        elif payload.startswith(b"40"):  # Socket.IO's answer to the greeting.
            _resolve(self._opened)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.on_lost()
        if self._opened is not None and not self._opened.done():
            _fail(self._opened, self.name)


def _fail(waiting: "asyncio.Future[None]", name: str) -> None:
    waiting.set_exception(ConnectionResetError(f"{name} was disconnected before it was welcome"))
    waiting.exception()  # Nobody may be waiting for it; asyncio would complain.


def _resolve(waiting: "asyncio.Future[None] | None") -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
