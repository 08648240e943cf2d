"""The application's settings: the dict `CHATTY` in Django's settings. All keys are optional."""

import re
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any, NamedTuple

from django.conf import settings
from django.utils.module_loading import import_string

Network = IPv4Network | IPv6Network
KID = re.compile(r"[A-Za-z0-9._-]{1,64}")  # The id of a key of EMBED_KEYS.
EMBED_SECRET_BYTES = 32  # At least.


class Key(NamedTuple):
    """A key of `CHATTY`: its default, whether a value will do, and what is expected."""

    default: Any
    accepts: Callable[[Any], bool]
    expected: str


def _is_list_of(*kinds: type) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list | tuple) and all(isinstance(item, kinds) for item in value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_positive(value: Any) -> bool:
    return _is_count(value) and value > 0


def _is_rate(value: Any) -> bool:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return False
    return all(isinstance(number, int | float) and number >= 0 for number in value)


def is_long_enough(secret: str) -> bool:
    """Whether a secret is long enough for HS256 (RFC 7518, 3.2)."""
    return len(secret.encode()) >= EMBED_SECRET_BYTES


def _is_embed_keys(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(kid, str) and KID.fullmatch(kid) and _is_list_of(str)(secrets) and all(map(is_long_enough, secrets))
        for kid, secrets in value.items()
    )


def _is_function_or_empty(value: Any) -> bool:
    return value == "" or _is_function(value)


def _is_function(value: Any) -> bool:
    try:
        return isinstance(value, str) and callable(import_string(value))
    except ImportError:
        return False


STRINGS = "a list of strings"
COUNT = "an integer, 0 or more"
POSITIVE = "an integer above 0"
RATE = "two numbers, 0 or more: how much at once, and how much a second after that; 0 at once is no limit"

KEYS: Mapping[str, Key] = {
    # Origins of the pages that may open a socket; none is the page's own.
    "ALLOWED_ORIGINS": Key([], _is_list_of(str), STRINGS),
    # Sites that may show Chatty's pages in a frame, as sources of the Content-Security-Policy.
    "FRAME_ANCESTORS": Key(["'self'"], _is_list_of(str), STRINGS),
    # Keys with which other sites' servers sign who somebody is, by their ids. Of several secrets of a key each counts.
    "EMBED_KEYS": Key({}, _is_embed_keys, "a dict of ids to lists of secrets, each of 32 bytes or more"),
    # Redis servers for fan-out and presence between workers; without one there may be one worker only. The channel
    # layers must be there for them: "default", "redis-2", "redis-3", ...
    "REDIS_URLS": Key([], _is_list_of(str), STRINGS),
    "SOCKET_URL": Key("", lambda value: isinstance(value, str), "a string"),  # Of the sockets, without the room.
    "PAGE_MAX_AGE": Key(0, _is_count, COUNT),  # Seconds.
    # Proxies whose X-Forwarded-For is believed.
    "TRUSTED_PROXIES": Key([], _is_list_of(IPv4Network, IPv6Network), "a list of networks of the module ipaddress"),
    # Who somebody is, as chat/access/authentication.py describes it.
    "AUTHENTICATE": Key("chat.access.authentication.account", _is_function, "the dotted path of a function"),
    # Who may enter a room: f(person, slug) -> bool, asked on a thread at each entry. "": everybody.
    "CAN_JOIN": Key("", _is_function_or_empty, "the dotted path of a function, or an empty string"),
    "TOKEN_MAX_AGE_DAYS": Key(365, _is_positive, POSITIVE),
    "KEEP_MESSAGES_DAYS": Key(0, _is_count, COUNT),  # A room may have its own. 0: for ever.
    "KEEP_AUDIT_DAYS": Key(0, _is_count, COUNT),  # 0: for ever.
    # The Bearer token for /metrics; "": there are none.
    "METRICS_TOKEN": Key("", lambda value: isinstance(value, str), "a string"),
    "RESUME_LIMIT": Key(1_000, _is_positive, POSITIVE),  # Changes.
    "UNSENT_LIMIT": Key(1_048_576, _is_positive, POSITIVE),  # Bytes.
    "BUFFER_LIMIT": Key(134_217_728, _is_positive, POSITIVE),  # Bytes.
    "POST_LIMIT": Key((20, 2), _is_rate, RATE),  # Messages.
    "COMMAND_LIMIT": Key((100, 20), _is_rate, RATE),  # Commands.
    "IDENTITY_LIMIT": Key((200, 1), _is_rate, RATE),  # New members of an address.
    "ROOM_REACTION_LIMIT": Key((100, 50), _is_rate, RATE),  # Reactions in a room.
    "ADDRESS_CPU": Key((1, 0.25), _is_rate, RATE),  # Seconds of a core for all that an address does.
    "MAX_CONNECTIONS_PER_ADDRESS": Key(200, _is_count, COUNT),
    "MAX_CONNECTIONS_PER_MEMBER": Key(20, _is_count, COUNT),
    # Networks that aren't public, to which outgoing webhooks may connect all the same.
    "WEBHOOK_NETWORKS": Key([], _is_list_of(IPv4Network, IPv6Network), "a list of networks of the module ipaddress"),
}


class ChattySettings:
    """`chatty.POST_LIMIT` is `settings.CHATTY["POST_LIMIT"]`, or its default."""

    def __getattr__(self, name: str) -> Any:
        if name not in KEYS:
            raise AttributeError(name)
        return getattr(settings, "CHATTY", {}).get(name, KEYS[name].default)


chatty = ChattySettings()
