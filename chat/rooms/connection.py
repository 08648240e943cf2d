"""A member's connection, as a hub uses it: sending never waits, and a connection that reads too slowly is closed."""

import logging
import struct
from collections.abc import Callable
from functools import cached_property
from typing import Protocol

from chat.protocol import codec
from chat.protocol.errors import CloseCode
from chat.protocol.events import Event
from chat.rooms.send_buffers import SendBuffer

logger = logging.getLogger(__name__)

_FINAL_TEXT = 0x81  # The first byte of a text frame that is the whole message.
_PING = b"\x89\x00"  # A whole ping frame without a payload; clients answer by themselves (RFC 6455, section 5.5.2).

Note = Callable[[SendBuffer], None]


class Frame:
    """A server frame for many connections: each form of it is made once, when the first connection needs it."""

    def __init__(self, payload: bytes) -> None:
        self.payload = payload

    @classmethod
    def of(cls, *events: Event) -> "Frame":
        return cls(codec.frame(map(codec.encode, events)))

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
