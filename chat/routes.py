"""Where things are: the paths that the page, the socket and the views agree on."""

import re

from django.conf import settings
from django.http import HttpRequest

DEFAULT_ROOM = "lobby"
SLUG_LIMIT = 50  # Characters; the database's column has as many.
SLUG = re.compile(rf"[a-z0-9-]{{1,{SLUG_LIMIT}}}")
SOCKET_PATH = "ws/chatty"  # A room's slug follows.


def socket_url(request: HttpRequest) -> str:
    """The base of the rooms' sockets, without a room, for the page that `request` asks for.

    Raises:
        DisallowedHost: the request names a host that isn't ours.
    """
    if settings.SOCKET_URL:
        return settings.SOCKET_URL
    return f"{'wss' if request.is_secure() else 'ws'}://{request.get_host()}/{SOCKET_PATH}"
