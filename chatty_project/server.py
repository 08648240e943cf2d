"""uvicorn's WebSocket protocol with a shorter way out: a frame that is made once is written as it is to every socket.

Through ASGI, every send of every connection builds its own frame in its own coroutine. The hub has the same frame
for everybody, so `scope["extensions"]["chatty.socket"]` offers the transport itself. What is written that way must
be whole, unmasked and uncompressed frames; permessage-deflate stays off.
"""

import random
import socket
from asyncio import BaseTransport

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import frames
from websockets.http11 import Request

from chat.connection import EXTENSION, Frame
from chat.protocol import Bye, CloseCode

# What the kernel may hold for a reader beside UNSENT_LIMIT (Linux takes twice as much). Left to itself it grows to
# 4 MiB a socket, and a slow reader would be noticed that much later. At 100 ms to a client, 1 MiB/s still go through.
KERNEL_BYTES = 128 * 1024
FLUSH_SECONDS = 2  # What a reader hasn't taken by then, it resumes.
RECONNECT_SPREAD_SECONDS = 3  # Members of a server that stops come back over this long, not all at once.


class ChattyWebSocketProtocol(WebSocketsSansIOProtocol):
    """Given to uvicorn's `ws` setting. Its public additions are `chat.connection.RawSocket`."""

    is_restarting = False
    is_alive = True

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        if (tcp := transport.get_extra_info("socket")) is not None:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:  # Else the handshake was refused, and there is no scope.
            self.scope["extensions"] = {**self.scope["extensions"], EXTENSION: self}  # type: ignore[dict-item]

    def data_received(self, data: bytes) -> None:
        """Called by the transport. Whatever a client sends, a pong or a command, shows that it lives."""
        self.is_alive = True
        super().data_received(data)

    def close(self, code: int) -> None:
        """Starts the closing handshake; a client that doesn't end it in time is cut off."""
        if not self.handshake_complete or self.close_sent or self.transport.is_closing():
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": ""})
        self.conn.send_close(code)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        # Not transport.close(), which would wait for a slow reader to take everything.
        self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)

    def shutdown(self) -> None:
        """Called by uvicorn for every connection when the process is told to stop."""
        self.is_restarting = True
        after = random.uniform(0, RECONNECT_SPREAD_SECONDS)
        if self.handshake_complete and not self.close_sent and not self.transport.is_closing():
            self.transport.write(Frame.of(Bye(CloseCode.RESTARTING, reconnect=True, after=round(after, 2))).wire)
        super().shutdown()
        self._abort_soon()  # A slow reader would hold the process up.

    def handle_close(self, event: frames.Frame) -> None:
        """Called by uvicorn when the client closes."""
        super().handle_close(event)
        self._abort_soon()  # One that reads nothing more would keep its socket and what waits for it.

    def _abort_soon(self) -> None:
        self.loop.call_later(FLUSH_SECONDS, self.transport.abort)
