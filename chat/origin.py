"""Which pages may open a socket here."""

from typing import Any
from urllib.parse import urlparse

from channels.security.websocket import OriginValidator
from django.conf import settings
from django.http.request import split_domain_port, validate_host


class PageOriginValidator:
    """Lets in pages of ALLOWED_ORIGINS (scheme, host and port), or where that is empty, those of this very host.

    This host is one of ALLOWED_HOSTS: another name that leads here is somebody else's page (DNS rebinding).
    Whoever sends no Origin is not a browser, and has no other page's visitor to act for. Behind a proxy the scheme
    that the browser used is not known for certain, so the default compares host and port. The host must be one of
    ALLOWED_HOSTS then: a stranger's page whose own name suddenly leads here (DNS rebinding) has the same host, too.
    """

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope["headers"])
        origin = headers.get(b"origin")
        if origin is None or _is_allowed(origin.decode("latin-1"), headers.get(b"host", b"").decode("latin-1")):
            await self._application(scope, receive, send)
        else:
            await send({"type": "websocket.close"})  # Before it is accepted: the server answers 403.


def _is_allowed(origin: str, host: str) -> bool:
    allowed = settings.ALLOWED_ORIGINS
    if not allowed:
        if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
            return False
        allowed = [f"http://{host}", f"https://{host}"]
    try:
        return bool(OriginValidator(None, allowed).valid_origin(urlparse(origin.lower())))
    except ValueError:  # No URL at all, or a port that is none.
        return False
