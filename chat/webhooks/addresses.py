"""Which addresses an outgoing webhook may connect to. Pure.

The server sends requests to a URL that a moderator enters. So it refuses addresses that only this machine or its
network reach, unless the operator names their network (WEBHOOK_NETWORKS).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

URL_LIMIT = 500  # Characters.
_GLOBAL_UNICAST = IPv6Network("2000::/3")  # All that is assigned for it. The rest is local, multicast or reserved.
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address.


class InvalidUrl(ValueError):
    """A URL that no webhook can have. The message is a sentence for who entered it."""


class AddressRefused(Exception):
    """The name of a URL leads to an address that isn't allowed."""


def check_url(url: str) -> str:
    """The host of a webhook's URL.

    Raises:
        InvalidUrl: it isn't an http or https URL with a host, or it has a password or a fragment.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # Raises ValueError for an invalid one.
    except ValueError:
        raise InvalidUrl("The URL is invalid.") from None
    if len(url) > URL_LIMIT:
        raise InvalidUrl(f"A URL has at most {URL_LIMIT} characters.")
    if not url.isprintable() or " " in url or "\\" in url:
        raise InvalidUrl("The URL has characters that must be escaped.")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidUrl("Expected a URL that begins with https:// or http:// and has a host.")
    if parts.username is not None or parts.password is not None:
        raise InvalidUrl("A URL can't have a user name or password. The signature proves who sends it.")
    if parts.fragment:
        raise InvalidUrl("A URL can't have a fragment (#): it isn't sent.")
    return parts.hostname


def allowed(found: Iterable[str], networks: Sequence[Network]) -> list[Address]:
    """The addresses of a name, in their order, if all of them are allowed.

    All, so that no order and no second try leads to one that isn't.

    Raises:
        AddressRefused: one of them isn't allowed, or there is none.
    """
    addresses = [ip_address(text) for text in dict.fromkeys(found)]
    for address in addresses:
        if not is_allowed(address, networks):
            raise AddressRefused(str(address))
    if not addresses:
        raise AddressRefused("none")
    return addresses


def is_allowed(address: Address, networks: Sequence[Network] = ()) -> bool:
    """Whether the address is public, or in one of the networks that the operator allows."""
    inner = embedded(address)
    if any(one in network for one in (address, inner) if one is not None for network in networks):
        return True
    return _is_public(address if inner is None else inner)


def embedded(address: Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to: IPv4-mapped, NAT64 or 6to4."""
    if isinstance(address, IPv4Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and (address.scope_id is not None or address not in _GLOBAL_UNICAST):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)
