"""Where things are: the paths that the page, the socket and the views agree on."""

import re

DEFAULT_ROOM = "lobby"
SLUG = re.compile(r"[a-z0-9-]{1,50}")
SOCKET_PATH = "ws/chatty"  # A room's slug follows.
