"""The signature of deliveries."""

from chat.webhooks.signing import signature

EXPECTED = "e24c1bdf03248b511e8ef5bbbed66445daaf238c5f8039dcd92193ba722d0b3c"


def test_the_signature_is_an_hmac_of_the_time_and_the_body() -> None:
    """As printed by: printf '1700000000.{"room": "lobby"}' | openssl dgst -sha256 -hmac key."""
    assert signature("key", b'{"room": "lobby"}', 1_700_000_000) == "t=1700000000,v1=" + EXPECTED


def test_another_key_time_or_body_has_another_signature() -> None:
    assert len({signature(*given) for given in (("a", b"x", 1), ("b", b"x", 1), ("a", b"x", 2), ("a", b"y", 1))}) == 4
