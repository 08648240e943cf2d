"""One member's socket, as a hub sees it: frames go in without waiting, and what isn't read in time ends it."""

import asyncio
import logging
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Protocol

from . import protocol
from .protocol import Bye, CloseCode, Event

logger = logging.getLogger(__name__)

EXTENSION = "chatty.socket"
_FINAL_TEXT = 0x81  # The first byte of a text frame that is the whole message.
_PING = b"\x89\x00"  # A whole ping frame without a payload; clients answer by themselves (RFC 6455, section 5.5.2).

Send = Callable[[dict[str, Any]], Awaitable[None]]


class Frame:
    """A server frame for many connections: each form of it is made once, when the first connection needs it."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload

    @classmethod
    def of(cls, *events: Event) -> "Frame":
        return cls(protocol.frame(map(protocol.encode, events)))

    @cached_property
    def text(self) -> str:
        """As ASGI's `websocket.send` takes it."""
        return self.payload.decode()

    @cached_property
    def wire(self) -> bytes:
        """As it goes over TCP: an unmasked, uncompressed text frame (RFC 6455, section 5.2)."""
        size = len(self.payload)
        if size < 126:
            return struct.pack("!BB", _FINAL_TEXT, size) + self.payload
        if size < 2**16:
            return struct.pack("!BBH", _FINAL_TEXT, 126, size) + self.payload
        return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + self.payload

    @cached_property
    def wire_with_ping(self) -> bytes:
        """The same, and a ping behind it."""
        return self.wire + _PING

    def __len__(self) -> int:
        return len(self.payload)


class Connection(Protocol):
    """What a hub needs of a socket.

    A reader that is slow has a bounded amount of bytes waiting for it. Past that its socket is closed with 1013; the
    client resumes, and is served from memory or the log.
    """

    @property
    def is_open(self) -> bool:
        """Whether frames still go anywhere."""

    @property
    def is_restarting(self) -> bool:
        """Whether it ended because the process was told to stop: its member comes back to another one."""

    def send(self, frame: Frame) -> None:
        """Takes the frame for this client, in order; never waits, never raises."""

    def probe(self, frame: Frame) -> None:
        """Like `send`, and the client shall show that it lives."""

    def cut_off_if_silent(self) -> None:
        """Closes it where the client hasn't shown that it lives since the last `probe`."""

    def answer(self, frame: Frame) -> None:
        """Like `send`, for what this client asked for: that may wait beside what is bounded, one answer at a time."""

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        """Says `bye` behind what was sent, then closes. `after`: the seconds that the client shall wait."""

    def abandon(self) -> None:
        """The socket is gone: nothing more is sent."""


class RawSocket(Protocol):
    """What a server offers as `scope["extensions"]["chatty.socket"]` if it can: the way around ASGI's `send`."""

    transport: asyncio.Transport  # Takes whole frames, ready for the wire.
    is_restarting: bool
    is_alive: bool  # Set whenever the client is heard of.
    read_paused: bool  # The server doesn't read just now, because a command is being carried out.

    def close(self, code: int) -> None:
        """Closes, without waiting for a slow reader."""


def open_connection(scope: dict[str, Any], send: Send, unsent_limit: int) -> Connection:
    """The fastest connection that this server allows. `unsent_limit`: the bytes that may wait for a slow reader."""
    if (socket := scope.get("extensions", {}).get(EXTENSION)) is not None:
        return RawConnection(socket, unsent_limit)
    return QueuedConnection(send, unsent_limit)


class RawConnection:
    """A connection for servers that offer the socket itself: what a fan-out costs is one write a member."""

    __slots__ = ("_allowance", "_is_open", "_socket", "_transport", "_unsent_limit")

    def __init__(self, socket: RawSocket, unsent_limit: int) -> None:
        self._socket = socket
        self._transport = socket.transport
        self._unsent_limit = unsent_limit
        self._allowance = unsent_limit
        self._is_open = True

    @property
    def is_open(self) -> bool:
        return self._is_open and not self._transport.is_closing()

    @property
    def is_restarting(self) -> bool:
        return self._socket.is_restarting

    def send(self, frame: Frame) -> None:
        self._write(frame.wire)

    def probe(self, frame: Frame) -> None:
        self._socket.is_alive = False
        self._write(frame.wire_with_ping)

    def cut_off_if_silent(self) -> None:
        if not self._socket.is_alive and not self._socket.read_paused and self.is_open:
            self._cut_off()

    def answer(self, frame: Frame) -> None:
        self.send(frame)
        self._allowance = self._unsent_limit + len(frame)

    def _write(self, wire: bytes) -> None:
        transport = self._transport
        if not self._is_open or transport.is_closing():
            return
        if transport.get_write_buffer_size() > self._allowance:
            self._cut_off()
        else:
            transport.write(wire)

    def _cut_off(self) -> None:
        self._is_open = False
        self._socket.close(CloseCode.TOO_SLOW)

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        if self.is_open:
            self._is_open = False
            self._transport.write(Frame.of(Bye(code, reconnect, after)).wire)
            self._socket.close(code)

    def abandon(self) -> None:
        self._is_open = False


class QueuedConnection:
    """A connection for any ASGI server: a queue, and a task only while there is something in it."""

    is_restarting = False  # ASGI doesn't tell.

    def __init__(self, send: Send, unsent_limit: int) -> None:
        self._send = send
        self._unsent_limit = unsent_limit
        self._allowance = unsent_limit
        self._unsent = 0
        self._queue: deque[Frame] = deque()
        self._writer: asyncio.Task[None] | None = None
        self._close_code: CloseCode | None = None
        self.is_open = True

    def send(self, frame: Frame) -> None:
        if not self.is_open:
            return
        if self._unsent > self._allowance:
            self._queue.clear()
            self.close(CloseCode.TOO_SLOW, reconnect=True)
            return
        self._put(frame)

    probe = send

    def cut_off_if_silent(self) -> None:
        """Nothing: ASGI has no pings, each server sends its own."""

    def answer(self, frame: Frame) -> None:
        self.send(frame)
        self._allowance = self._unsent_limit + len(frame)

    def _put(self, frame: Frame) -> None:
        self._queue.append(frame)
        self._unsent += len(frame)
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        if self.is_open:
            self.is_open = False
            self._close_code = code
            self._put(Frame.of(Bye(code, reconnect, after)))

    def abandon(self) -> None:
        self.is_open = False
        self._queue.clear()
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while self._queue:
                frame = self._queue.popleft()
                await self._send({"type": "websocket.send", "text": frame.text})
                self._unsent -= len(frame)
            if self._close_code is not None:
                await self._end(self._close_code)
        except Exception as error:  # Each ASGI server has its own for a client that is gone.
            logger.debug("A frame was not sent, the client is gone or can't be sent it: %r", error)
            self.is_open = False
            self._queue.clear()
            with suppress(Exception):  # Whoever is still there shall come back, not listen to nothing.
                await self._send({"type": "websocket.close", "code": 1000})
        finally:
            self._writer = None

    async def _end(self, code: CloseCode) -> None:
        try:
            await self._send({"type": "websocket.close", "code": int(code)})
        except Exception as error:
            # Daphne knows 1000 and 3000-4999 only. The client has the code from `bye`.
            logger.debug("The server doesn't close with %d: %r", code, error)
            await self._send({"type": "websocket.close", "code": 1000})
