"""The two ways to write to a client: directly to the server's transport, or through a queue for any ASGI server."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Protocol

from chat.protocol.errors import CloseCode
from chat.protocol.events import Bye
from chat.rooms.connection import Connection, Frame, Note

logger = logging.getLogger(__name__)

EXTENSION = "chatty.socket"


Send = Callable[[dict[str, Any]], Awaitable[None]]


class RawSocket(Protocol):
    """What a server offers as `scope["extensions"]["chatty.socket"]` if it can: the way around ASGI's `send`."""

    transport: asyncio.Transport  # Takes whole frames, ready for the wire.
    is_restarting: bool
    is_alive: bool  # Set whenever the client is heard of.
    read_paused: bool  # The server doesn't read just now, because a command is being carried out.

    def close(self, code: int) -> None:
        """Closes, without waiting for a slow reader."""


def open_connection(scope: dict[str, Any], send: Send, unsent_limit: int, note: Note) -> Connection:
    """The fastest connection that this server allows.

    `unsent_limit`: the bytes that may wait for a slow reader. `note(connection)` is called where something may wait.
    """
    if (socket := scope.get("extensions", {}).get(EXTENSION)) is not None:
        return RawConnection(socket, unsent_limit, note)
    return QueuedConnection(send, unsent_limit, note)


class RawConnection:
    """A connection for servers that offer the socket itself: what a fan-out costs is one write a member."""

    __slots__ = ("_allowance", "_is_open", "_note", "_socket", "_transport", "_unsent_limit")

    def __init__(self, socket: RawSocket, unsent_limit: int, note: Note) -> None:
        self._note = note
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
        self._note(self)

    def _write(self, wire: bytes) -> None:
        transport = self._transport
        if not self._is_open or transport.is_closing():
            return
        unsent = transport.get_write_buffer_size()
        if unsent > self._allowance:
            self._cut_off()
        else:
            if unsent:
                self._note(self)
            transport.write(wire)

    @property
    def unsent(self) -> int:
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def drop(self) -> None:
        self._cut_off()
        self._transport.abort()

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


class FrameQueue:
    """What queued connections share: frames wait here, so many bytes of them, until something takes them."""

    is_restarting = False  # ASGI doesn't tell.

    def __init__(self, unsent_limit: int, note: Note) -> None:
        self._note = note
        self._unsent_limit = unsent_limit
        self._allowance = unsent_limit
        self.unsent = 0
        self._queue: deque[Frame] = deque()
        self.close_code: CloseCode | None = None  # From its end on, where the server ends it.
        self.is_open = True

    def _wake(self) -> None:
        """There is something to take."""
        raise NotImplementedError

    def send(self, frame: Frame) -> None:
        if not self.is_open:
            return
        if self.unsent > self._allowance:
            self.drop()
            return
        self._put(frame)

    def probe(self, frame: Frame) -> None:
        self.send(frame)

    def cut_off_if_silent(self) -> None:
        """Nothing: ASGI has no pings, each server sends its own."""

    def answer(self, frame: Frame) -> None:
        self.send(frame)
        self._allowance = self._unsent_limit + len(frame)

    def drop(self) -> None:
        self._clear()
        self.close(CloseCode.TOO_SLOW, reconnect=True)

    def _clear(self) -> None:
        self.unsent -= sum(map(len, self._queue))
        self._queue.clear()

    def _put(self, frame: Frame) -> None:
        self._note(self)
        self._queue.append(frame)
        self.unsent += len(frame)
        self._wake()

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        if self.is_open:
            self.is_open = False
            self.close_code = code
            self._put(Frame.of(Bye(code, reconnect, after)))

    def abandon(self) -> None:
        self.is_open = False
        self._queue.clear()
        self.unsent = 0


class QueuedConnection(FrameQueue):
    """A connection for any ASGI server: a queue, and a task only while there is something in it."""

    def __init__(self, send: Send, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self._send = send
        self._writer: asyncio.Task[None] | None = None

    def _wake(self) -> None:
        if self._writer is None:
            self._writer = asyncio.create_task(self._write())

    def abandon(self) -> None:
        super().abandon()
        if self._writer is not None:
            self._writer.cancel()

    async def _write(self) -> None:
        try:
            while self._queue:
                frame = self._queue.popleft()
                await self._send({"type": "websocket.send", "text": frame.text})
                self.unsent -= len(frame)
            if self.close_code is not None:
                await self._end(self.close_code)
        except Exception as error:  # Each ASGI server has its own for a client that is gone.
            logger.debug("A frame was not sent, the client is gone or can't be sent it: %r", error)
            self.is_open = False
            self._queue.clear()
            with suppress(Exception):  # Remaining clients shall reconnect instead of waiting.
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
