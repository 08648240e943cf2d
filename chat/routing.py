"""The consumers' URLs: those of rooms, and no others. What else is asked for is the host's to answer."""

import re
from typing import Any

from django.urls import re_path

from chat.paths import HOOK_PATH, HTTP_PATH, SOCKET_PATH, prefix
from chat.transports.hooks import HookConsumer
from chat.transports.http import CommandsConsumer, EventsConsumer
from chat.transports.websocket import ChatConsumer
from chat.web.cross_origin import PageOrigin
from chat.web.origin import PageOriginValidator

# Browsers send the session's cookie with the sockets of other sites' pages, so each router would need this check.
consumer: Any = PageOriginValidator(ChatConsumer.as_asgi())

# For a router at the host's root, or for one that has taken the prefix off already.
_PREFIX = re.escape(prefix().lstrip("/"))
websocket_urlpatterns = [re_path(rf"^(?:{_PREFIX})?{SOCKET_PATH}/(?P<slug>[^/]*)$", consumer)]
_events: Any = PageOrigin(EventsConsumer.as_asgi())
_commands: Any = PageOrigin(CommandsConsumer.as_asgi())
_hooks: Any = PageOrigin(HookConsumer.as_asgi())
http_urlpatterns = [
    re_path(rf"^(?:{_PREFIX})?{HTTP_PATH}/(?P<slug>[^/]*)/events$", _events),  # First: polls are the most frequent.
    re_path(rf"^(?:{_PREFIX})?{HTTP_PATH}/(?P<slug>[^/]*)/commands$", _commands),
    re_path(rf"^(?:{_PREFIX})?{HOOK_PATH}/(?P<secret>[^/]*)$", _hooks),
]
