"""A receiver of outgoing webhooks, for tests: an HTTP server in threads, which answers as it is told."""

import json
import ssl
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Received"], int]


class Received:
    """A request as it came."""

    def __init__(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.path = path
        self.headers = headers
        self.body = body

    @property
    def delivery(self) -> str:
        return self.headers["x-chatty-delivery"]

    @property
    def payload(self) -> dict[str, Any]:
        payload: dict[str, Any] = json.loads(self.body)
        return payload

    @property
    def events(self) -> list[dict[str, Any]]:
        events: list[dict[str, Any]] = self.payload["events"]
        return events


class Receiver:
    """Listens on a port of its own. `answer(request)`: the status of the answer; it may block."""

    def __init__(self, answer: Answer = lambda request: 200, tls: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.received: list[Received] = []
        self.headers: dict[str, str] = {}  # Of its answers.
        self.body = b"ok"
        self.is_endless = False  # Whether the body never ends.
        self.is_closed = threading.Event()  # What blocks waits for this.
        self._scheme = "http" if tls is None else "https"
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._handle(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_closed.set()
        self._server.shutdown()
        self._server.server_close()

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self._scheme}://{host}:{self._server.server_address[1]}{path}"

    def events_at(self, path: str) -> list[dict[str, Any]]:
        """All events that came to this path, repeated deliveries once."""
        seen: dict[str, list[dict[str, Any]]] = {}
        for request in list(self.received):
            if request.path == path:
                seen[request.delivery] = request.events
        return [event for events in seen.values() for event in events]

    def _handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        request = Received(handler.path, headers, body)
        self.received.append(request)
        status = self.answer(request)
        try:
            handler.send_response(status)
            for name, value in self.headers.items():
                handler.send_header(name, value)
            if not self.is_endless:
                handler.send_header("Content-Length", str(len(self.body)))
            handler.end_headers()
            handler.wfile.write(self.body)
            while self.is_endless and not self.is_closed.is_set():
                handler.wfile.write(b"x" * 1024)
                time.sleep(0.01)
        except OSError:
            pass  # The client is gone.
