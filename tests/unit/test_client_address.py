"""A client's address: strangers' headers are ignored, and no header raises."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from chat.access.client_address import client_address, client_network, request_address


@pytest.fixture(autouse=True, scope="module")
def _proxies() -> Iterator[None]:
    with override_settings(
        CHATTY={"TRUSTED_PROXIES": [ip_network("127.0.0.1"), ip_network("::1"), ip_network("10.0.0.0/8")]}
    ):
        yield


def scope(peer: str | None, *forwarded: str) -> dict[str, Any]:
    headers = [(b"x-forwarded-for", value.encode("latin-1", "replace")) for value in forwarded]
    return {"type": "websocket", "client": None if peer is None else (peer, 1234), "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.5", [], "203.0.113.5"),
        ("203.0.113.5", ["198.51.100.7"], "203.0.113.5"),  # A stranger's header.
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("127.0.0.1", ["192.0.2.1, 198.51.100.7"], "198.51.100.7"),  # The client said the first one itself.
        ("127.0.0.1", ["192.0.2.1", "198.51.100.7"], "198.51.100.7"),  # Two headers are one list.
        ("127.0.0.1", ["192.0.2.1, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),  # Two proxies.
        ("127.0.0.1", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),  # Somebody inside.
        ("127.0.0.1", ["198.51.100.7:4711"], "198.51.100.7"),
        ("127.0.0.1", ["[2001:DB8::7]:4711"], "2001:db8::7"),
        ("127.0.0.1", ["2001:db8:0:0::7"], "2001:db8::7"),
        ("127.0.0.1", ["198.51.100.7, unknown"], "127.0.0.1"),  # Nothing left of what isn't understood is believed.
        ("::ffff:127.0.0.1", ["198.51.100.7"], "198.51.100.7"),
        ("::ffff:203.0.113.5", [], "203.0.113.5"),
        ("fe80::1%eth0", [], "fe80::1"),
        ("::1", ["198.51.100.7"], "198.51.100.7"),
        (None, ["198.51.100.7"], "198.51.100.7"),  # A Unix socket.
        ("", [], "127.0.0.1"),
    ],
)  # fmt: skip
def test_the_last_address_that_nobody_untrusted_could_have_written(
    peer: str | None, forwarded: list[str], address: str
) -> None:
    assert client_address(scope(peer, *forwarded)) == address

    request = HttpRequest()
    request.META = {"REMOTE_ADDR": peer or ""} | ({"HTTP_X_FORWARDED_FOR": ",".join(forwarded)} if forwarded else {})
    assert request_address(request) == address


def test_without_a_trusted_proxy_no_header_is_believed() -> None:
    with override_settings(CHATTY={"TRUSTED_PROXIES": []}):
        assert client_address(scope("127.0.0.1", "198.51.100.7")) == "127.0.0.1"


@given(st.ip_addresses(), st.lists(st.text() | st.ip_addresses().map(str)))
def test_an_untrusted_peers_header_is_never_believed(peer: Any, forwarded: list[str]) -> None:
    trusted = peer.is_loopback or getattr(peer, "ipv4_mapped", None) or peer in ip_network("10.0.0.0/8")
    if not trusted:
        assert client_address(scope(str(peer), *forwarded)) == str(peer)


@given(st.text() | st.none(), st.lists(st.text(alphabet="0123456789abcdef:.,[]% ") | st.text()))
def test_no_header_raises_and_what_comes_out_is_an_address(peer: str | None, forwarded: list[str]) -> None:
    address = client_address(scope(peer, *forwarded))

    assert str(ip_address(address)) == address
    assert client_network(address)


def test_a_long_header_is_not_read_to_its_end() -> None:
    assert client_address(scope("127.0.0.1", "198.51.100.7" + ",127.0.0.1" * 10_000)) == "127.0.0.1"


def test_an_ipv6_client_is_its_whole_network() -> None:
    assert client_network("2001:db8:1:2:3:4:5:6") == client_network("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert client_network("2001:db8:1:3::1") != client_network("2001:db8:1:2::1")
    assert client_network("198.51.100.7") == "198.51.100.7"
