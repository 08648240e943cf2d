"""Adapts proxies' headers to the form that Django reads."""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction
from typing import cast

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
