"""Where a client comes from, as far as that can be believed. Nothing that a header holds raises."""

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.http import HttpRequest

from chat.conf import chatty

LOCAL = "127.0.0.1"  # For a client without an address: it uses a Unix socket, so it is on this machine.
IPV6_PREFIX = 64  # Providers give at least this much to one household: all its addresses count as one client.
HOPS = 10  # Entries of X-Forwarded-For that are looked at: nobody has more proxies, and the header may be long.


def client_address(scope: Mapping[str, Any]) -> str:
    """The IP address of the client behind an ASGI scope, in its canonical text.

    It is the peer, unless that is one of TRUSTED_PROXIES: then the last entry of X-Forwarded-For that is not itself a
    trusted proxy. What stands farther left was said by strangers, as is all of it where the peer is one.
    """
    peer = parse_address(str((scope.get("client") or ("",))[0]))
    forwarded = [value for name, value in scope.get("headers", ()) if name == b"x-forwarded-for"]
    return _client(peer, b",".join(forwarded).decode("latin-1"))


def request_address(request: HttpRequest) -> str:
    """The same of a request to Django."""
    return _client(parse_address(request.META.get("REMOTE_ADDR", "")), request.headers.get("X-Forwarded-For", ""))


def client_network(address: str) -> str:
    """What one client has of the address space: an IPv4 address itself, the /64 of an IPv6 address."""
    return str(ip_network(f"{address}/{IPV6_PREFIX}", strict=False)) if ":" in address else address


def _client(peer: IPv4Address | IPv6Address | None, forwarded: str) -> str:
    address = peer or ip_address(LOCAL)
    for entry in forwarded.rsplit(",", HOPS)[: -HOPS - 1 : -1] if forwarded else ():
        if not _is_trusted(address):
            break
        if (before := parse_address(entry)) is None:  # The proxy itself is the last that is known.
            break
        address = before
    return str(address)


def _is_trusted(address: IPv4Address | IPv6Address) -> bool:
    return any(address in network for network in chatty.TRUSTED_PROXIES)


def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """The address in `text`, which may have a port; an IPv4-mapped IPv6 address becomes an IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])  # Without an interface's name, which only that machine knows.
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
