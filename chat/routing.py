"""The WebSocket's URLs: those of rooms, and no others. What else a socket asks for is the host's to answer."""

import re

from django.urls import re_path

from chat.paths import SOCKET_PATH, prefix
from chat.transports.websocket import ChatConsumer

consumer = ChatConsumer.as_asgi()

# For a router at the host's root, or for one that has taken the prefix off already.
_PREFIX = re.escape(prefix().lstrip("/"))
websocket_urlpatterns = [re_path(rf"^(?:{_PREFIX})?{SOCKET_PATH}/(?P<slug>[^/]*)$", consumer)]
