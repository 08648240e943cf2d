"""uvicorn's HTTP protocol, with limits on a request's time and size."""

import logging
import socket
import time
from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chat import open_files
from chat.access.rate_limits import Bucket, Rate
from chat.paths import own_path
from chat.protocol.constants import COMMANDS_LIMIT, FRAME_LIMIT_BYTES
from chat.transports.extensions import HTTP_EXTENSION
from chat.web import request_threads

REQUEST_SECONDS = 10  # From a request's first byte, or the connection's start, to its last byte.
# Head and body. A request's commands are the longest. Forms in Django's admin are shorter.
REQUEST_BYTES = (COMMANDS_LIMIT + 1) * FRAME_LIMIT_BYTES
HEAD_BYTES = 64 * 1024  # The request line and headers. Browsers and proxies send a few KiB.
SLICE_BYTES = 4 * 1024  # Parsed between two checks of a head's size. Most heads are shorter.
HURRIED_SECONDS = 2  # The same as REQUEST_SECONDS, for refused connections.
LAST_RESERVE = 16  # Open files.
KERNEL_BYTES = 128 * 1024  # The kernel's buffer for a stream's reader, as for a socket's (server.py).
# A client whose network is gone acknowledges nothing for this time: a stream's pulse, or a waiting poll's keepalive.
SILENCE_SECONDS = 6
KEEPALIVE_SECONDS = 3  # Of silence, before the first keepalive.
RETRY_SECONDS = 10  # The Retry-After of a refused client.

logger = logging.getLogger(__name__)
_warnings = Bucket(Rate(1, 1 / 60))  # One warning a minute is enough.


class ChattyHttpProtocol(HttpToolsProtocol):
    """The value of uvicorn's `http` setting. Ends the connection of a request that is too slow or too big.

    uvicorn itself waits for the rest of a request without a limit, and keeps all of it.
    """

    _deadline: TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _received = 0  # Bytes of the incoming request.
    _has_head = False
    _is_one_too_many = False  # Nearly all allowed files are open.
    _is_done = False  # Refused, or passed to the WebSocket protocol.
    _notices_silence = False
    when_stopping: Callable[[], None] | None = None  # Of the request that is being answered.

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        tcp = transport.get_extra_info("socket")
        if tcp is not None and open_files.is_nearly_full(tcp.fileno()):
            self._is_one_too_many = True
            if open_files.is_nearly_full(tcp.fileno(), reserve=LAST_RESERVE):
                transport.abort()  # type: ignore[attr-defined]  # No answer: the rest is for the database and Redis.
            if not _warnings.take(1, time.monotonic()):
                logger.error(
                    "New connections are refused: nearly all of the %d allowed open files are in use; raise the limit "
                    "(ulimit -n, LimitNOFILE=), or start more workers",
                    open_files.limit(),
                )
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        self._start_deadline()  # uvicorn's own deadline for an idle connection ends here.
        if self._is_done:
            self._pass_over(len(data))
            return
        rest = memoryview(data)
        while rest and not (self._is_done or self.transport.is_closing()):
            # In slices, so that a head that arrives in one piece isn't parsed whole if it is too long.
            size = SLICE_BYTES if self._has_head else min(SLICE_BYTES, HEAD_BYTES - self._received)
            if not size:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
                return
            part, rest = rest[:size], rest[size:]
            self._received += len(part)
            super().data_received(bytes(part))
            if self._received > REQUEST_BYTES and not self.transport.is_closing():
                self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {HTTP_EXTENSION: self}  # type: ignore[dict-item]
        self._has_head = False
        self._start_deadline()

    def on_headers_complete(self) -> None:
        self._has_head = True
        if self._is_one_too_many and not self._is_probe:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"retry-after: {RETRY_SECONDS}\r\n")
        if not self._is_done:
            super().on_headers_complete()

    @property
    def _is_probe(self) -> bool:
        """Whether it is answered even if other requests are refused."""
        return own_path(self.url.partition(b"?")[0].decode("latin-1")) in request_threads.PROBES

    def on_body(self, body: bytes) -> None:
        if not self._is_done:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._is_done:
            return
        super().on_message_complete()
        self._received = 0
        self._stop_deadline()

    def handle_websocket_upgrade(self) -> None:
        self._stop_deadline()
        if self._is_done:
            return
        self._is_done = True
        super().handle_websocket_upgrade()

    # What `chat.transports.http` uses of this.

    @property
    def is_open(self) -> bool:
        """Whether an answer can still be written."""
        return not (self._is_done or self.transport.is_closing())

    def notice_silence(self) -> None:
        """From now on a client that is gone without a word is noticed within seconds, where the system can do that."""
        if self._notices_silence or self.transport.is_closing():  # The first: a polling client uses it again and again.
            return
        self._notices_silence = True
        tcp = self.transport.get_extra_info("socket")
        if tcp is None or tcp.family not in (socket.AF_INET, socket.AF_INET6):
            return
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (
            ("TCP_KEEPIDLE", KEEPALIVE_SECONDS),
            ("TCP_KEEPINTVL", 1),
            ("TCP_USER_TIMEOUT", SILENCE_SECONDS * 1_000),
        ):
            if hasattr(socket, option):  # Linux has all of them.
                tcp.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    def abort(self) -> None:
        """Ends the connection without sending what waits."""
        self.transport.abort()

    def shutdown(self) -> None:
        """Called by uvicorn for every connection when the process is told to stop."""
        super().shutdown()
        if self.when_stopping is not None:
            self.when_stopping()

    def _start_deadline(self) -> None:
        if self._deadline is None:
            seconds = HURRIED_SECONDS if self._is_one_too_many else REQUEST_SECONDS
            self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, headers: str = "") -> None:
        """Answers with a line of plain text and ends the connection.

        For a moment it reads and drops further data: an earlier close would reset the connection and lose the answer.
        Within another answer, such as a stream's, there is no place for it: the connection ends without a word.
        """
        self._is_done = True
        if self._running is not None and self._running.response_started and not self._running.response_complete:
            self._stop_deadline()
            self.transport.abort()
            return
        body = f"{status.value} {status.phrase}\n"
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\n{headers}"
        head += f"content-type: text/plain; charset=utf-8\r\ncontent-length: {len(body)}\r\n\r\n"
        self.transport.write((head + body).encode())
        self.transport.write_eof()
        self._stop_deadline()
        self._deadline = self.loop.call_later(HURRIED_SECONDS, self.transport.abort)
        self._let_go()

    def _pass_over(self, size: int) -> None:
        self._received += size
        if self._received > REQUEST_BYTES:
            self.transport.abort()

    # uvicorn marks the newest request as disconnected. With several pipelined requests that isn't the one that is being
    # answered, and writing its answer to the closed transport would raise.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Callable[..., Any]) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        self._let_go()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()
