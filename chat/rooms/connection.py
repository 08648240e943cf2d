"""The interface of a member's connection. Sending never waits, and a connection that reads too slowly is closed."""

import logging
import struct
from collections.abc import Callable
from functools import cached_property
from typing import Protocol
from uuid import UUID

from chat.protocol import codec
from chat.protocol.errors import CloseCode
from chat.protocol.events import Event
from chat.rooms.send_buffers import SendBuffer

logger = logging.getLogger(__name__)

_FINAL_TEXT = 0x81  # The first byte of a text frame that is the whole message.
_PING = b"\x89\x00"  # A whole ping frame without a payload; clients answer by themselves (RFC 6455, section 5.5.2).

_PULSE = b'[{"type":"pulse"'

Note = Callable[[SendBuffer], None]
Reached = tuple[UUID, int]  # A room's log, and the version of it that a client has reached.


class Frame:
    """A server frame for many connections. Each encoding is made once, when the first connection needs it.

    `reached`: how far a client is with it; None for what says nothing of a room.
    """

    def __init__(self, payload: bytes, reached: Reached | None = None) -> None:
        self.payload = payload
        self.reached = reached

    @classmethod
    def of(cls, *events: Event) -> "Frame":
        return cls(codec.frame(map(codec.encode, events)))

    @cached_property
    def text(self) -> str:
        """The text for ASGI's `websocket.send`."""
        return self.payload.decode()

    @cached_property
    def wire(self) -> bytes:
        """The bytes for TCP: an unmasked, uncompressed text frame (RFC 6455, section 5.2)."""
        size = len(self.payload)
        if size < 126:
            return struct.pack("!BB", _FINAL_TEXT, size) + self.payload
        if size < 2**16:
            return struct.pack("!BBH", _FINAL_TEXT, 126, size) + self.payload
        return struct.pack("!BBQ", _FINAL_TEXT, 127, size) + self.payload

    @cached_property
    def wire_with_ping(self) -> bytes:
        """The same bytes, followed by a ping."""
        return self.wire + _PING

    @cached_property
    def server_sent(self) -> bytes:
        """As an event of `text/event-stream`. JSON has no line break, so one line of data holds it."""
        reached = b"" if self.reached is None else b"id: %b:%d\n" % (str(self.reached[0]).encode(), self.reached[1])
        return b"%bdata: %b\n\n" % (reached, self.payload)

    @cached_property
    def chunk(self) -> bytes:
        """The same as it goes over TCP: a chunk of a response (RFC 9112, section 7.1)."""
        return b"%x\r\n%b\r\n" % (len(self.server_sent), self.server_sent)

    @property
    def is_pulse(self) -> bool:
        """Whether it says nothing but the pulse, which is the last event of its frame."""
        return self.payload.startswith(_PULSE)

    def __len__(self) -> int:
        return len(self.payload)


class Connection(Protocol):
    """The interface of a socket that a hub needs.

    The unsent bytes of a slow reader are limited. Past the limit its socket is closed with 1013. The client resumes
    and is served from memory or the log.
    """

    @property
    def is_open(self) -> bool:
        """Whether it can still send frames."""

    @property
    def is_restarting(self) -> bool:
        """Whether it ended because the process is stopping. Its member reconnects to another process."""

    def send(self, frame: Frame) -> None:
        """Queues the frame for this client, in order. Never waits or raises."""

    def probe(self, frame: Frame) -> None:
        """Sends the frame with a ping, which the client must answer."""

    def cut_off_if_silent(self) -> None:
        """Closes the connection if the client hasn't answered since the last `probe`."""

    def answer(self, frame: Frame) -> None:
        """Like `send`, for a requested answer. One answer at a time may wait in addition to the limit."""

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        """Sends `bye` after the queued frames, then closes. `after`: seconds that the client should wait."""

    def abandon(self) -> None:
        """Discards the queued frames: the socket is gone."""
