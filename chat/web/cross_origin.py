"""Which pages may use a room's streams and commands over HTTP, and what their browsers are told of it (CORS)."""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from chat.access.rate_limits import Bucket, Rate
from chat.conf import chatty
from chat.web.header_values import BARE_HEADERS
from chat.web.origin import is_allowed, is_own_host, log_refusal

PREFLIGHT_SECONDS = 7_200  # How long a browser may remember the answer; no browser keeps it for longer.
_ALLOWED_METHODS = "GET, POST, DELETE"
_ALLOWED_HEADERS = "Authorization, Content-Type, Last-Event-ID"
_warnings = Bucket(Rate(1, 1 / 60))  # One a minute says it.

Send = Callable[[dict[str, Any]], Awaitable[None]]
Headers = dict[str, str]


class PageOrigin:
    """Wraps a consumer: pages of other origins get 403, unless ALLOWED_ORIGINS names them; those may read answers.

    The rules are those of sockets. A browser sends no Origin with a page's request for its own host, so the host is
    looked at as well: a stranger's page may have a name that suddenly leads here.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        given = headers.get(b"origin")
        origin = None if given is None else given.decode("latin-1")
        if origin is None and not is_own_host(host):
            await _answer(send, HTTPStatus.BAD_REQUEST)
        elif origin is not None and not is_allowed(origin, host):
            if not _warnings.take(1, time.monotonic()):
                log_refusal(origin, host)
            await _answer(send, HTTPStatus.FORBIDDEN)
        elif scope["method"] == "OPTIONS" and origin is not None:
            await _answer(send, HTTPStatus.NO_CONTENT, _allowance(origin) | _preflight())
        else:
            await self._application(scope, receive, _adding(BARE_HEADERS | _allowance(origin), send))


def _allowance(origin: str | None) -> Headers:
    """No credentials are allowed: what counts is the token, and a page has to send it."""
    if not chatty.ALLOWED_ORIGINS:
        return {}
    vary = {"Vary": "Origin"}
    if origin is None:
        return vary
    return vary | {"Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": "Retry-After"}


def _preflight() -> Headers:
    return {
        "Access-Control-Allow-Methods": _ALLOWED_METHODS,
        "Access-Control-Allow-Headers": _ALLOWED_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_SECONDS),
    }


def _adding(headers: Headers, send: Send) -> Send:
    encoded = _encoded(headers)

    async def send_with_headers(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *encoded]}
        await send(message)

    return send_with_headers


async def _answer(send: Send, status: HTTPStatus, headers: Headers = {}) -> None:  # noqa: B006  # It is never changed.
    body = b"" if status is HTTPStatus.NO_CONTENT else f"{status.value} {status.phrase}\n".encode()
    given = BARE_HEADERS | {"Content-Type": "text/plain; charset=utf-8", "Cache-Control": "no-store"} | headers
    if body:
        given["Content-Length"] = str(len(body))
    await send({"type": "http.response.start", "status": status.value, "headers": _encoded(given)})
    await send({"type": "http.response.body", "body": body})


def _encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
