"""Security headers of every response, in addition to those of Django's middleware."""

import functools
from collections.abc import Callable, Coroutine
from typing import Any
from urllib.parse import urlsplit

from csp.middleware import CSPMiddleware, PolicyParts
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from chat.conf import chatty
from chat.paths import http_url, is_admin, socket_url
from chat.web.header_values import PERMISSIONS_POLICY
from chat.web.middleware import OnTheLoop

AsyncView = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def security_policy(update: dict[str, list[str]]) -> Callable[[AsyncView], AsyncView]:
    """Adds to a view's Content-Security-Policy. django-csp's `csp_update` does the same, but not for coroutines."""

    def decorate(view: AsyncView) -> AsyncView:
        @functools.wraps(view)
        async def decorated(*arguments: Any, **named: Any) -> HttpResponseBase:
            response = await view(*arguments, **named)
            response._csp_update = update  # type: ignore[attr-defined]  # Where django-csp looks for it.
            return response

        return decorated

    return decorate


class SecurityHeaders(OnTheLoop, CSPMiddleware):
    """Adds settings.py's Content-Security-Policy, with the rooms' origins, and headers that Django doesn't set."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        response = super().process_response(request, response)
        if is_admin(request.path_info):
            response["X-Frame-Options"] = "DENY"
        response.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response

    def get_policy_parts(
        self, request: HttpRequest, response: HttpResponseBase, report_only: bool = False
    ) -> PolicyParts:
        """Adds the socket's origin by name: in some browsers `'self'` doesn't include the host's ws:// and wss://."""
        parts = super().get_policy_parts(request, response, report_only)
        if is_admin(request.path_info):  # FRAME_ANCESTORS is for rooms.
            parts.replace = {**(parts.replace or {}), "frame-ancestors": ["'none'"]}
        try:
            urls = [urlsplit(url) for url in (socket_url(request), http_url(request))]
        except DisallowedHost:
            return parts
        origins = [f"{url.scheme}://{url.netloc}" for url in urls]
        if chatty.SOCKET_URL == "":  # The second is the page's own.
            origins.pop()
        parts.update = {**(parts.update or {}), "connect-src": origins}
        return parts
