"""The paths that the page, the socket and the views share."""

import re

from django.http import HttpRequest
from django.urls import reverse

from chat.conf import chatty

DEFAULT_ROOM = "lobby"
SLUG_LIMIT = 50  # Characters; the database's column has as many.
SLUG = re.compile(rf"[a-z0-9-]{{1,{SLUG_LIMIT}}}")
SOCKET_PATH = "ws/chatty"  # Below the prefix that the host has given the application; a room's slug follows.
HTTP_PATH = "chatty"  # The same, for a room's streams and commands over HTTP; and for its page.
ADMIN_PATH = "/admin"


def is_admin(path: str) -> bool:
    """Whether this is one of the moderators' pages."""
    return path == ADMIN_PATH or path.startswith(ADMIN_PATH + "/")


def prefix() -> str:
    """Where the host has put the application: `/` at its root, `/talk/` for `path("talk/", include("chat.urls"))`."""
    return reverse("chat:index")


def socket_url(request: HttpRequest) -> str:
    """The base of the rooms' sockets, without a room, for the page that `request` asks for.

    Raises:
        DisallowedHost: the request names a host that isn't ours.
    """
    base: str = chatty.SOCKET_URL
    if base:
        return base
    return f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}{prefix()}{SOCKET_PATH}"


def http_url(request: HttpRequest) -> str:
    """The base of the rooms' streams and commands over HTTP, without a room: where the sockets are.

    Raises:
        DisallowedHost: the request names a host that isn't ours.
    """
    base: str = chatty.SOCKET_URL.rstrip("/")
    if base.startswith("ws") and base.endswith(f"/{SOCKET_PATH}"):
        return f"http{base[2:].removesuffix(SOCKET_PATH)}{HTTP_PATH}"
    return f"{'https' if request.is_secure() else 'http'}://{request.get_host()}{prefix()}{HTTP_PATH}"
