"""JSON Web Tokens of other sites' servers: which ones count, and for whom."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.access import host_tokens, tokens
from chat.access.tokens import BadToken
from chat.protocol.constants import NAME_LIMIT, TOKEN_LIMIT

SHOP, OLD, OTHER = "s" * 32, "o" * 32, "x" * 32


@pytest.fixture(autouse=True)
def keys(settings: Any) -> None:
    settings.CHATTY = {"EMBED_KEYS": {"shop": [SHOP, OLD], "blog": [OTHER]}}


def part(value: Any) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(payload: Any, secret: str = SHOP, header: Any = None) -> str:
    """A JWT made by hand, so that it can be wrong in every way."""
    start = f"{part({'alg': 'HS256', 'kid': 'shop'} if header is None else header)}.{part(payload)}"
    return f"{start}.{part(hmac.digest(secret.encode(), start.encode(), hashlib.sha256))}"


def payload(**changes: Any) -> dict[str, Any]:
    claims = {"sub": "7", "name": "Dora Fuchs", "exp": time.time() + 300} | changes
    return {name: value for name, value in claims.items() if value is not None}


def test_a_site_says_who_somebody_is() -> None:
    claims = host_tokens.verify(signed(payload(rooms=["support", "support", "orders"], email="dora@example.com")))
    assert claims.name == "Dora Fuchs"
    assert claims.is_hosts
    assert claims.key == "shop"
    assert claims.rooms == frozenset({"support", "orders"})
    assert claims.account is None, "a rule of the host's must not take it for one of its own accounts"


def test_the_same_key_and_subject_are_always_the_same_member() -> None:
    one = host_tokens.verify(signed(payload()))
    assert host_tokens.verify(signed(payload(name="Dora"), OLD)).member_id == one.member_id, "a changed secret"
    assert host_tokens.verify(signed(payload(sub="8"))).member_id != one.member_id
    other = host_tokens.verify(signed(payload(), OTHER, {"alg": "HS256", "kid": "blog"}))
    assert other.member_id != one.member_id
    assert str(one.member_id) == "326adf3d-0199-5bf2-9b4c-b0c701655246", "members would become others"


@pytest.mark.parametrize(
    "token",
    [
        lambda: signed(payload(), "w" * 32),
        lambda: signed(payload(), OTHER),
        lambda: signed(payload(), header={"alg": "HS256", "kid": "nobody"}),
        lambda: signed(payload(), header={"alg": "HS256"}),
        lambda: signed(payload(), header={"alg": "HS256", "kid": ["shop"]}),
        lambda: signed(payload(), header={"alg": "none", "kid": "shop"}),
        lambda: signed(payload(), header={"alg": "none", "kid": "shop"}).rpartition(".")[0] + ".",
        lambda: signed(payload(), header={"alg": "HS384", "kid": "shop"}),
        lambda: signed(payload(), header={"alg": "RS256", "kid": "shop"}),
        lambda: signed(payload(), header={"alg": "hs256", "kid": "shop"}),
        lambda: signed(payload(), header={"alg": ["HS256"], "kid": "shop"}),
        lambda: signed(payload(), header={"alg": "HS256", "kid": "shop", "crit": ["exp"]}),
        lambda: signed(payload(), header={"alg": "HS256", "kid": "shop", "b64": False}),
        lambda: signed(payload(), header=["HS256", "shop"]),
        lambda: signed(payload(), header=b"\xff\xfe"),
        lambda: signed(payload(), header=b'{"alg":' + b"[" * 2000),
        lambda: signed(b'{"exp":' + b"[" * 2000),
        lambda: signed(b'{"sub":"7","name":"A","exp":NaN}'),
        lambda: signed(b'{"sub":"7","name":"A","exp":Infinity}'),
        lambda: signed(b'{"sub":"7","name":"A","exp":' + b"9" * 1000 + b"}"),
        lambda: signed(b"not JSON"),
        lambda: signed([]),
        lambda: signed("text"),
        lambda: signed(payload(exp=time.time() - 1)),
        lambda: signed(payload(exp=time.time() + 660)),
        lambda: signed(payload(exp=str(time.time() + 300))),
        lambda: signed(payload(exp=True)),
        lambda: signed(payload(exp=None)),
        lambda: signed(payload(exp=-1)),
        lambda: signed(payload(nbf=time.time() + 60)),
        lambda: signed(payload(nbf="soon")),
        lambda: signed(payload(aud="another site")),
        lambda: signed(payload(sub=None)),
        lambda: signed(payload(sub="")),
        lambda: signed(payload(sub=7)),
        lambda: signed(payload(sub="7" * 256)),
        lambda: signed(payload(sub="é" * 128)),
        lambda: signed(payload(name=None)),
        lambda: signed(payload(name=["Dora"])),
        lambda: signed(payload(rooms="support")),
        lambda: signed(payload(rooms=[1])),
        lambda: signed(payload(rooms=[f"room-{number:03}" for number in range(45)])),
        lambda: signed(payload(more="x" * 4_000)),
        lambda: signed(payload())[:-1],
        lambda: signed(payload())[1:],
        lambda: signed(payload()) + ".x",
        lambda: signed(payload()).replace(".", "..", 1),
        lambda: signed(payload()) + "é",
        lambda: ".",
        lambda: "..",
        lambda: "a.b.c",
        lambda: "\ud800.\ud800.",
    ],
)
def test_a_token_that_is_wrong_in_any_way_is_refused(token: Any) -> None:
    made = token()
    assert host_tokens.is_host_token(made)
    with pytest.raises(BadToken, match=r"^Expected "):
        host_tokens.verify(made)


@given(st.text(alphabet=".=-_eyJ0", max_size=60) | st.text(max_size=60) | st.binary(max_size=60).map(part))
def test_no_text_makes_it_fail_in_another_way(text: str) -> None:
    for token in (text, f"{text}.{text}", f"{part({'alg': 'HS256', 'kid': 'shop'})}.{text}.{text}"):
        with pytest.raises(BadToken):
            host_tokens.verify(token)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("sub", "name", "exp", "rooms", "nbf", "iat", "jti"), JSON)))
def test_no_payload_makes_it_fail_in_another_way(claims: dict[str, Any]) -> None:
    for changes in (claims, payload() | claims):
        try:
            found = host_tokens.verify(signed(changes))
        except BadToken:
            continue
        assert found.name
        assert len(found.name) <= NAME_LIMIT


def test_every_changed_byte_is_noticed() -> None:
    token = signed(payload())
    for at, character in enumerate(token):
        changed = token[:at] + ("A" if character != "A" else "B") + token[at + 1 :]
        with pytest.raises(BadToken):
            host_tokens.verify(changed)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("  Dora\n Fuchs ", "Dora Fuchs"),
        ("x" * 60, "x" * NAME_LIMIT),
        ("\0", "Member "),
        ("", "Member "),
        ("\u202e", "M"),
    ],
)
def test_a_name_that_cant_be_a_screen_name_becomes_one(name: str, shown: str) -> None:
    found = host_tokens.verify(signed(payload(name=name))).name
    assert found is not None
    assert found.startswith(shown)
    assert len(found) <= NAME_LIMIT


def test_chattys_own_token_for_the_largest_one_is_short_enough() -> None:
    rooms = [f"{number}" + "r" * 48 for number in range(8)]  # 399 bytes with their commas.
    claims = host_tokens.verify(signed(payload(name="漢" * NAME_LIMIT, rooms=rooms)))
    assert claims.rooms == frozenset(rooms)
    token = tokens.issue(
        claims.member_id, 1_795_000_000, is_hosts=True, name=claims.name, rooms=claims.rooms, key="k" * 64
    )
    assert len(token) <= TOKEN_LIMIT


def test_a_token_for_no_room_isnt_one_for_all(settings: Any) -> None:
    for rooms in ([], ["Not a room"]):
        claims = host_tokens.verify(signed(payload(rooms=rooms)))
        assert claims.rooms == frozenset()
        issued = tokens.issue(claims.member_id, is_hosts=True, name=claims.name, rooms=claims.rooms, key=claims.key)
        assert tokens.verify(issued, max_age_days=1) == claims


def test_a_removed_key_ends_the_tokens_that_it_has_caused(settings: Any) -> None:
    issued = tokens.issue(tokens.new_member_id(), is_hosts=True, name="Dora", key="shop")
    assert tokens.names_key(issued)
    assert tokens.verify(issued, max_age_days=1).key == "shop"
    settings.CHATTY = {"EMBED_KEYS": {"blog": [OTHER]}}
    with pytest.raises(BadToken):
        tokens.verify(issued, max_age_days=1)


def test_a_name_cant_pretend_that_a_site_gave_it() -> None:
    assert not tokens.names_key(tokens.issue(tokens.new_member_id(), name="Ann;key=shop"))


@pytest.mark.parametrize(
    "token",
    ["", "none", "a:b.c", tokens.issue(tokens.new_member_id())],
    ids=["empty", "a word", "three parts", "a member's"],
)
def test_chattys_own_tokens_are_taken_for_nothing_else(token: str) -> None:
    assert not host_tokens.is_host_token(token)
