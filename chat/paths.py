"""The paths that the page, the socket and the views share."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from chat.conf import chatty

DEFAULT_ROOM = "lobby"
SLUG_LIMIT = 50  # Characters; the database's column has as many.
SLUG = re.compile(rf"[a-z0-9-]{{1,{SLUG_LIMIT}}}")
SOCKET_PATH = "ws/chatty"  # Below the prefix that the host has given the application; a room's slug follows.
HTTP_PATH = "chatty"  # The same, for a room's streams and commands over HTTP; and for its page.
HOOK_PATH = "hooks"  # The same, for incoming webhooks; a hook's secret follows.
ADMIN_PATH = "/admin"


def own_path(path: str) -> str:
    """The path below FORCE_SCRIPT_NAME, if the site is below one."""
    script = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    return path.removeprefix(script) if path.startswith(f"{script}/") else path


def is_admin(path: str) -> bool:
    """Whether this path of the site, as by `own_path`, is one of the moderators' pages."""
    return path == ADMIN_PATH or path.startswith(ADMIN_PATH + "/")


def prefix() -> str:
    """Where the host has put the application: `/` at its root, `/talk/` for `path("talk/", include("chat.urls"))`."""
    path = reverse("chat:index")
    script = (settings.FORCE_SCRIPT_NAME or "").rstrip("/")
    # Django knows the prefix while it answers a request, and Channels' consumers don't.
    return path if path.startswith(f"{script}/") else script + path


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
    return (configured_base() or _base(request.is_secure(), request.get_host())) + HTTP_PATH


def hook_url(asked: Mapping[str, Any] | HttpRequest, secret: str) -> str:
    """The public address of an incoming webhook, on the host of this scope or request."""
    if base := configured_base():
        return f"{base}{HOOK_PATH}/{secret}"
    if isinstance(asked, HttpRequest):
        return f"{_base(asked.is_secure(), asked.get_host())}{HOOK_PATH}/{secret}"
    headers = dict(asked.get("headers", ()))
    is_secure = asked.get("scheme") in ("https", "wss")
    if settings.SECURE_PROXY_SSL_HEADER:  # As Django looks at it.
        name, value = settings.SECURE_PROXY_SSL_HEADER
        given = headers.get(name.removeprefix("HTTP_").replace("_", "-").lower().encode())
        is_secure = is_secure if given is None else given.decode("latin-1").partition(",")[0].strip().lower() == value
    return f"{_base(is_secure, headers.get(b'host', b'localhost').decode('latin-1'))}{HOOK_PATH}/{secret}"


def _base(is_secure: bool, host: str) -> str:
    return f"{'https' if is_secure else 'http'}://{host}{prefix()}"


def configured_base() -> str:
    """Where SOCKET_URL says that the application is; empty where it doesn't."""
    base: str = chatty.SOCKET_URL.rstrip("/")
    is_ours = base.startswith("ws") and base.endswith(f"/{SOCKET_PATH}")
    return f"http{base[2:].removesuffix(SOCKET_PATH)}" if is_ours else ""
