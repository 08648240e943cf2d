"""uvicorn's WebSocket protocol, with a fast write path and limits on input.

The write path: a frame is made once and written unchanged to every socket.

Through ASGI, every send of every connection builds its own frame in its own coroutine. The hub has the same frame
for everybody, so `scope["extensions"]["chatty.socket"]` offers the transport itself. Only whole, unmasked and
uncompressed frames may be written to it, so permessage-deflate stays off.
"""

import asyncio
import random
import socket
from asyncio import BaseTransport
from collections.abc import Generator
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import frames
from websockets.http11 import Request
from websockets.streams import StreamReader

from chat.access.rate_limits import FLOOD_SECONDS, Bucket, Rate
from chat.protocol.errors import CloseCode
from chat.protocol.events import Bye
from chat.rooms.connection import Frame
from chat.transports.connections import EXTENSION
from chatty_project.garbage import garbage

# The kernel's send buffer, in addition to UNSENT_LIMIT (Linux doubles it). By default it grows to 4 MiB a socket, which
# would hide a slow reader for longer. With 100 ms to a client, it still allows 1 MiB/s.
KERNEL_BYTES = 128 * 1024
FLUSH_SECONDS = 2  # Time to flush before the connection is aborted. The client resumes the rest.
RECONNECT_SPREAD_SECONDS = 3  # Members of a stopping server reconnect over this time, not all at once.
SLICE_BYTES = 1_024  # Parsed before its frames are answered: 170 of the smallest ones, or 3 ms.
PONG, PONG_BYTES = b"\x8a\x80", 6  # A masked pong without a payload, as it answers Chatty's pings: header and mask.
# Frames that aren't commands: pings, pongs, continuations. A client pings every few seconds, and needn't split a
# command of 48 KB into more than a dozen frames.
EXTRA_FRAMES = Rate(200, 20)


def waits_for_frame(parser: Generator[Any, Any, Any]) -> bool:
    """Whether websockets' parser has read whole frames only, and none that isn't handled."""
    inner: Any = parser
    while (next_inner := inner.gi_yieldfrom) is not None:
        inner = next_inner
    return bool(inner.gi_code is StreamReader.at_eof.__code__)


class ChattyWebSocketProtocol(WebSocketsSansIOProtocol):
    """The value of uvicorn's `ws` setting. It implements `chat.transports.connections.RawSocket`."""

    is_restarting = False
    is_alive = True

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._extra_frames = Bucket(EXTRA_FRAMES)
        self._unparsed = memoryview(b"")
        self._is_awaited = False  # The application waits for the next message.

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        garbage.note_opened()
        if (tcp := transport.get_extra_info("socket")) is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        garbage.note_closed()

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # Else the handshake was refused, and there is no scope.
            self.scope["extensions"] = {**self.scope["extensions"], EXTENSION: self}  # type: ignore[dict-item]

    def data_received(self, data: bytes) -> None:
        """Called by the transport. Any data, a pong or a command, shows that the client is alive.

        It parses only as much as is answered soon. The rest waits for `receive`.
        """
        if not self.is_alive and len(data) == PONG_BYTES and data.startswith(PONG) and self._is_between_frames:
            self.is_alive = True  # The pong that was waited for, the most that members of silent rooms send.
            return
        self.is_alive = True
        if not self.handshake_initiated or (len(data) <= SLICE_BYTES and not self._unparsed):
            super().data_received(data)
            return
        self._unparsed = memoryview(bytes(self._unparsed) + data)
        self._parse()

    @property
    def _is_between_frames(self) -> bool:
        """Whether the next byte begins a frame: no part of one was read, and none waits."""
        return self.handshake_complete and not self._unparsed and waits_for_frame(self.conn.parser)

    def _parse(self) -> None:
        while self._unparsed and self.queue.empty() and not (self.close_sent or self.transport.is_closing()):
            part, self._unparsed = self._unparsed[:SLICE_BYTES], self._unparsed[SLICE_BYTES:]
            super().data_received(bytes(part))

    async def receive(self) -> Any:
        self._is_awaited = True
        message = await super().receive()
        self._is_awaited = False
        if self._unparsed:
            await asyncio.sleep(0)  # Lets other connections run.
            self._parse()
        return message

    def handle_ping(self) -> None:
        """Called by uvicorn for one or more pings. A client that doesn't read gets no pongs, which would pile up."""
        pongs = b"".join(self.conn.data_to_send())
        if self._may_send_extra() and self.transport.get_write_buffer_size() <= KERNEL_BYTES:
            self.transport.write(pongs)

    def handle_pong(self, event: frames.Frame) -> None:
        if self._may_send_extra():
            super().handle_pong(event)

    def handle_cont(self, event: frames.Frame) -> None:
        if self._may_send_extra():
            super().handle_cont(event)

    def _may_send_extra(self) -> bool:
        """Charges a frame that isn't a command. If there are too many, closes with FLOODING and returns False."""
        if self._is_open and self._extra_frames.take(1, self.loop.time()):
            self.transport.write(Frame.of(Bye(CloseCode.FLOODING, reconnect=True, after=FLOOD_SECONDS)).wire)
            self.close(CloseCode.FLOODING)
        return not self.close_sent

    @property
    def _is_open(self) -> bool:
        return self.handshake_complete and not self.close_sent and not self.transport.is_closing()

    def close(self, code: int) -> None:
        """Starts the closing handshake. Aborts the connection if the client doesn't finish it in time."""
        if not self._is_open:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        self.conn.send_close(code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._unparsed = memoryview(b"")
        if code == CloseCode.FLOODING:  # Reads nothing more. The client has FLUSH_SECONDS to read the `bye`.
            self._stop_reading()
            self.close_timer = self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
            return
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # Not transport.close(), which would wait until a slow reader has read everything.
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def _stop_reading(self) -> None:
        if not self.read_paused:
            self.transport.pause_reading()
        self.read_paused = False  # Else `receive` would read on.

    def shutdown(self) -> None:
        """Called by uvicorn for every connection when the process must stop."""
        self.is_restarting = True
        after = random.uniform(0, RECONNECT_SPREAD_SECONDS)
        if self._is_open:
            self.transport.write(Frame.of(Bye(CloseCode.RESTARTING, reconnect=True, after=round(after, 2))).wire)
        super().shutdown()
        self._abort_soon()  # A slow reader would delay the process's end.

    def handle_close(self, event: frames.Frame) -> None:
        """Called by uvicorn when the client closes."""
        if not self.handshake_complete:
            self._drop()
            return
        super().handle_close(event)
        self._abort_soon()  # A client that no longer reads would keep its socket and unsent data.

    # Strangers' input must neither raise nor wait without a limit here.

    def handle_events(self) -> None:
        """Called by uvicorn for received events, first for the whole opening handshake."""
        super().handle_events()
        if not self.handshake_initiated:  # `websockets` couldn't parse it, and uvicorn doesn't check this.
            answer = b"".join(self.conn.data_to_send())
            self.transport.write(
                answer or self.conn.reject(HTTPStatus.BAD_REQUEST, "No WebSocket handshake.\n").serialize()
            )
            self._drop()

    def handle_parser_exception(self) -> None:
        """Called by uvicorn when frames break the protocol."""
        if self.conn.close_sent is None:  # They came before the handshake's answer: there is nothing to close.
            self._drop()
        else:
            super().handle_parser_exception()

    def _drop(self) -> None:
        """Ends a connection that isn't open yet. `send` then raises as uvicorn expects."""
        self.close_sent = self.handshake_complete = self.disconnected = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
        self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Called by uvicorn for a whole message."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            self.conn.fail(1007, "not UTF-8")
            self.handle_parser_exception()
            return
        if self._is_awaited and self.queue.empty() and not self.read_paused:
            self.read_paused = True  # Else uvicorn pauses reading until the application has it: two system calls.
            super().send_receive_event_to_app()
            self.read_paused = False
            return
        super().send_receive_event_to_app()

    def _abort_soon(self) -> None:
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
