"""uvicorn's HTTP protocol, with an end to what one request may cost before it is understood."""

from asyncio import BaseTransport, TimerHandle
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

REQUEST_SECONDS = 10  # From its first byte, or the connection's start, to the whole of a request.
REQUEST_BYTES = 1024 * 1024  # Head and body: forms, in Django's admin, are the longest.
HEAD_BYTES = 64 * 1024  # Of a request line and its headers; browsers and proxies send a few KiB.


class ChattyHttpProtocol(HttpToolsProtocol):
    """Given to uvicorn's `http` setting: a request comes within a time and a size, or its connection ends.

    uvicorn by itself waits for the rest of a request for ever, and keeps whatever comes of it.
    """

    _deadline: TimerHandle | None = None
    _running: RequestResponseCycle | None = None
    _received = 0  # Bytes of the request that is coming in.
    _has_head = False

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._start_deadline()

    def data_received(self, data: bytes) -> None:
        self._start_deadline()  # Of whatever comes: uvicorn's own, for an idle connection, ends here.
        self._received += len(data)
        super().data_received(data)
        if self._received > (REQUEST_BYTES if self._has_head else HEAD_BYTES) and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE if self._has_head else HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            )

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._has_head = False
        self._start_deadline()

    def on_headers_complete(self) -> None:
        self._has_head = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._received = 0
        self._stop_deadline()

    def handle_websocket_upgrade(self) -> None:
        self._stop_deadline()
        super().handle_websocket_upgrade()

    def _start_deadline(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus) -> None:
        head = f"HTTP/1.1 {status.value} {status.phrase}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        self.transport.write(head.encode())
        self.transport.close()
        self._let_go()

    # uvicorn tells the newest request that its connection is gone. Where several came at once, that isn't the one
    # that is being answered, and the answer would be written to a transport that is closed, which raises.

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
