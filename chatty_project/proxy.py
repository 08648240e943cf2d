"""Adapts what proxies send to the form that Django reads: the scheme's header, and the path below a prefix."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import Any, cast

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

SCHEME = "HTTP_X_FORWARDED_PROTO"
Answer = HttpResponseBase | Awaitable[HttpResponseBase]


@sync_and_async_middleware
def lower_case_scheme(get_response: Callable[[HttpRequest], Answer]) -> Callable[[HttpRequest], Answer]:
    """Lowers the case of the scheme header. Schemes ignore case (RFC 3986), but Django compares exactly."""

    def fold(request: HttpRequest) -> None:
        if SCHEME in request.META:
            request.META[SCHEME] = request.META[SCHEME].lower()

    if iscoroutinefunction(get_response):

        async def asynchronous(request: HttpRequest) -> HttpResponseBase:
            fold(request)
            return await cast(Awaitable[HttpResponseBase], get_response(request))

        return asynchronous

    def synchronous(request: HttpRequest) -> Answer:
        fold(request)
        return get_response(request)

    return synchronous


class WithPrefix:
    """Wraps the ASGI application for a server below URL_PREFIX.

    Some proxies send the whole path, others take the prefix off. Here the path gets it back, so that redirects lead to
    the public address. A platform's probes may leave it out, too.
    """

    def __init__(self, application: Callable[..., Awaitable[None]], prefix: str) -> None:
        self._application = application
        self._prefix = prefix

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        path = scope.get("path")
        if path is not None and not path.startswith(f"{self._prefix}/"):
            rest = "/" if path == self._prefix else path
            scope = {**scope, "path": self._prefix + rest}
            if path == self._prefix or scope.get("raw_path") is None:
                scope["raw_path"] = scope["path"].encode()
            else:
                scope["raw_path"] = self._prefix.encode() + scope["raw_path"]
        await self._application(scope, receive, send)
