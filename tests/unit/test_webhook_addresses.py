"""Where outgoing webhooks may go: the guard against requests into the server's own network."""

import re
from ipaddress import ip_address, ip_network

import pytest

from chat.webhooks.addresses import URL_LIMIT, AddressRefused, InvalidUrl, allowed, check_url, is_allowed

REFUSED = [
    *("127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::", "::1"),  # Of this machine or unspecified
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1"),  # Private
    *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fec0::1", "2606:4700::1%eth0"),  # Link-local and site-local
    *("100.64.0.1",),  # Of providers' networks
    *("224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"),  # Multicast and broadcast
    *(
        "192.0.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "240.0.0.1",
    ),  # Reserved or for documentation
    *("2001:db8::1", "100::1", "2001::1", "5f00::1"),
    *(
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0.0.0.0",
    ),  # IPv4 in IPv6
    *("64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::808:808"),  # NAT64
    *("2002:7f00:1::", "2002:a00:1::1", "2002:a9fe:a9fe::"),  # 6to4
]
PUBLIC = [
    *("8.8.8.8", "1.1.1.1", "172.32.0.1", "192.169.0.1", "100.128.0.1"),  # IPv4
    *("2606:4700:4700::1111", "2a00:1450:4001::1"),  # IPv6
    *("::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"),  # IPv4 in IPv6
]


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(ip_address(address))
    with pytest.raises(AddressRefused, match=re.escape(str(ip_address(address)))):
        allowed(["8.8.8.8", address], [])


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(ip_address(address))


def test_a_setting_allows_the_networks_that_it_names_and_no_others() -> None:
    networks = [ip_network("10.1.0.0/16"), ip_network("fd00::/8")]
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::a01:203", "2002:a01:203::", "fd00::1"):
        assert is_allowed(ip_address(address), networks)
    for address in ("10.2.0.1", "127.0.0.1", "::1", "fc00::1", "::ffff:10.2.0.1"):
        assert not is_allowed(ip_address(address), networks)
    assert is_allowed(ip_address("::ffff:10.2.0.1"), [ip_network("::ffff:10.2.0.0/112")])


def test_the_addresses_of_a_name_keep_their_order_and_count_once() -> None:
    found = allowed(["2606:4700::1", "8.8.8.8", "8.8.8.8"], [])
    assert [str(address) for address in found] == ["2606:4700::1", "8.8.8.8"]
    with pytest.raises(AddressRefused):
        allowed([], [])


@pytest.mark.parametrize(
    "url", ["https://e.org", "http://e.org:8080/x?y=z", "https://[2606:4700::1]/", "https://ö.de/"]
)
def test_a_url_may_lead_anywhere_over_http(url: str) -> None:
    assert check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            "e.org",
            "ftp://e.org/",
            "file:///etc/passwd",
            "https://",
            "https:///x",
            "https://e.org:x/",
            "http://[::1/",
        ),
        *("https://ann:x@e.org/", "https://@e.org/", "https://e.org/#x", "https://e.org/ x", "https://e.org/\n"),
        *("https://e.org\\@f.org/", "https://e.org/" + "x" * URL_LIMIT),
    ],
)
def test_a_url_that_no_webhook_can_have_is_named(url: str) -> None:
    with pytest.raises(InvalidUrl):
        check_url(url)
