"""A client's address, from the connection or from trusted proxies' headers. No header makes it raise."""

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.http import HttpRequest

from chat.conf import chatty

LOCAL = "127.0.0.1"  # For a client without an address: it uses a Unix socket, so it is on this machine.
IPV6_PREFIX = 64  # Providers give a household at least a /64, so all its addresses count as one client.
HOPS = 10  # Entries of X-Forwarded-For that are read. Nobody has more proxies, and the header may be long.


def client_address(scope: Mapping[str, Any]) -> str:
    """The IP address of the client behind an ASGI scope, in its canonical text.

    It is the peer, unless that is one of TRUSTED_PROXIES. Then it is the last entry of X-Forwarded-For that isn't a
    trusted proxy itself. Strangers can forge the entries to its left, and all entries if the peer isn't trusted.
    """
    peer = _parse_peer(str((scope.get("client") or ("",))[0]))
    forwarded = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
    return _client(peer, b",".join(forwarded).decode("latin-1"))


def request_address(request: HttpRequest) -> str:
    """The IP address of the client behind a Django request."""
    return _client(parse_address(request.META.get("REMOTE_ADDR", "")), request.headers.get("X-Forwarded-For", ""))


def client_network(address: str) -> str:
    """The network that counts as one client: an IPv4 address itself, the /64 of an IPv6 address."""
    return str(ip_network(f"{address}/{IPV6_PREFIX}", strict=False)) if ":" in address else address


def _client(peer: IPv4Address | IPv6Address | None, forwarded: str) -> str:
    address = peer or ip_address(LOCAL)
    for entry in forwarded.rsplit(",", HOPS)[: -HOPS - 1 : -1] if forwarded else ():
        if not _is_trusted(address):
            break
        if (before := parse_address(entry)) is None:  # The proxy itself is the last known address.
            break
        address = before
    return str(address)


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in chatty.TRUSTED_PROXIES)


@lru_cache(1_024)  # 300 bytes each. Not for the headers' entries, which may be long.
def _parse_peer(text: str) -> IPv4Address | IPv6Address | None:
    return parse_address(text)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `text`, without a port. An IPv4-mapped IPv6 address becomes an IPv4 address. None if invalid."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])  # Without the zone id, which only that machine knows.
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
