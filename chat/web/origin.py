"""Checks which pages may open a socket, or use a room's streams over HTTP."""

import logging
import time
from typing import Any
from urllib.parse import urlparse

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from chat.access.rate_limits import Bucket, Rate
from chat.conf import chatty

logger = logging.getLogger(__name__)
_warnings = Bucket(Rate(1, 1 / 60))  # One warning a minute is enough.
DEVELOPMENT_HOSTS = (".localhost", "127.0.0.1", "[::1]")  # Django's own, for DEBUG without ALLOWED_HOSTS.
LOGGED_CHARACTERS = 200  # Of an origin or a host, which strangers may choose.


class PageOriginValidator:
    """Allows pages of ALLOWED_ORIGINS (scheme, host and port), or if that is empty, pages of the same host.

    A client without an Origin header is no browser, so it doesn't act for another page's visitor. Behind a proxy the
    browser's scheme is uncertain, so the default compares host and port. The host must also be one of ALLOWED_HOSTS:
    with DNS rebinding, a stranger's page has the same host, too.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin, host = headers.get(b"origin"), headers.get(b"host", b"").decode("latin-1")
        if origin is None or is_allowed(origin.decode("latin-1"), host):
            await self._application(scope, receive, send)
            return
        if not _warnings.take(1, time.monotonic()):
            log_refusal(origin.decode("latin-1"), host)
        await send({"type": "websocket.close"})  # Before it is accepted: the server answers 403.


def log_refusal(origin: str, host: str) -> None:
    """Names both sides, so that the operator sees which one to change."""
    if chatty.ALLOWED_ORIGINS:
        expected = f"one of ALLOWED_ORIGINS, {', '.join(chatty.ALLOWED_ORIGINS)}"
    elif is_own_host(host):
        expected = (
            f"one of http(s)://{host[:LOGGED_CHARACTERS]}, by the Host header (a proxy must hand it on with its port)"
        )
    else:
        expected = f"a Host header of ALLOWED_HOSTS, but it is {host[:LOGGED_CHARACTERS]!r}"
    logger.warning("A socket was refused to a page of %r; expected %s", origin[:LOGGED_CHARACTERS], expected)


def is_own_host(host: str) -> bool:
    allowed = settings.ALLOWED_HOSTS or (DEVELOPMENT_HOSTS if settings.DEBUG else ())
    return validate_host(split_domain_port(host)[0], allowed)


def is_allowed(origin: str, host: str) -> bool:
    allowed = chatty.ALLOWED_ORIGINS
    if not allowed:
        if not is_own_host(host):
            return False
        allowed = [f"http://{host.lower()}", f"https://{host.lower()}"]
    try:
        return bool(OriginValidator(None, allowed).valid_origin(urlparse(origin.lower())))
    except ValueError:  # An invalid URL or port.
        return False
