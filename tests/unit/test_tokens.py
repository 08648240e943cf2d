import time
import tracemalloc
from typing import Any

import pytest
from django.core import signing

from chat.access import tokens
from chat.access.tokens import Claims
from chat.protocol.constants import TOKEN_LIMIT


def test_a_token_holds_for_the_member_it_was_issued_to() -> None:
    member_id = tokens.new_member_id()
    token = tokens.issue(member_id)
    assert tokens.verify(token, max_age_days=1) == Claims(member_id)
    assert len(token) < TOKEN_LIMIT


def test_every_new_member_is_somebody_else() -> None:
    assert tokens.new_member_id() != tokens.new_member_id()


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token[1:],
        lambda token: "0" + token[1:] if token[0] != "0" else "1" + token[1:],
        lambda token: token + "x",
        lambda token: token.replace(":", "."),
        lambda token: token.encode().hex(),
        lambda token: signing.TimestampSigner(salt="something.else").sign(token.split(":")[0]),
        lambda token: signing.TimestampSigner(salt="chatty.identity").sign("nobody"),
        lambda token: "\ud800",
        lambda token: "é:é:é",
    ],
)
def test_a_token_that_was_changed_is_refused(change) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(tokens.BadToken):
        tokens.verify(change(tokens.issue(tokens.new_member_id())), max_age_days=1)


def test_a_token_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    token = tokens.issue(tokens.new_member_id())
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 - 10)
    assert tokens.verify(token, max_age_days=1)
    monkeypatch.setattr(time, "time", lambda: now + 24 * 3600 + 10)
    with pytest.raises(tokens.BadToken):
        tokens.verify(token, max_age_days=1)


def test_a_token_of_another_key_is_refused_unless_the_key_is_a_fallback(settings: Any) -> None:
    settings.SECRET_KEY = "the old key"
    member_id = tokens.new_member_id()
    token = tokens.issue(member_id)
    settings.SECRET_KEY = "the new key"
    with pytest.raises(tokens.BadToken):
        tokens.verify(token, max_age_days=1)
    settings.SECRET_KEY_FALLBACKS = ["the old key"]
    assert tokens.verify(token, max_age_days=1) == Claims(member_id)


def test_a_token_carries_the_generation_it_was_issued_under() -> None:
    member_id = tokens.new_member_id()
    token = tokens.issue(member_id, 1_795_000_000)
    assert tokens.verify(token, max_age_days=1) == Claims(member_id, 1_795_000_000)
    assert len(token) < TOKEN_LIMIT


@pytest.mark.parametrize("parts", [";", ";generation", ";generation=", ";generation=x", ";generation=1;"])
def test_a_token_with_a_field_that_cannot_be_read_is_refused(parts: str) -> None:
    token = signing.TimestampSigner(salt="chatty.identity").sign(tokens.new_member_id() + parts)
    with pytest.raises(tokens.BadToken):
        tokens.verify(token, max_age_days=1)


def test_a_field_of_a_later_version_is_passed_over() -> None:
    member_id = tokens.new_member_id()
    token = signing.TimestampSigner(salt="chatty.identity").sign(f"{member_id};generation=3;later=x")
    assert tokens.verify(token, max_age_days=1) == Claims(member_id, 3)


def test_a_bots_token_says_what_it_may_and_grows_no_older(monkeypatch: pytest.MonkeyPatch) -> None:
    member_id = tokens.new_member_id()
    token = tokens.issue(member_id, 3, name="CI; bot=1", is_bot=True, rooms=["quay", "harbour"])
    said = Claims(member_id, 3, name="CI; bot=1", is_bot=True, rooms=frozenset({"harbour", "quay"}))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 4_000 * 24 * 3600)
    assert tokens.verify(token, max_age_days=1) == said
    assert tokens.verify(tokens.issue(member_id, is_bot=True), max_age_days=1) == Claims(member_id, is_bot=True)


def test_a_guests_name_makes_no_bot() -> None:
    member_id = tokens.new_member_id()
    token = tokens.issue(member_id, is_hosts=True, name="Ann;bot=1;rooms=lobby")
    assert tokens.verify(token, max_age_days=1) == Claims(member_id, is_hosts=True, name="Ann;bot=1;rooms=lobby")


def test_only_genuine_tokens_are_kept_and_each_takes_a_bounded_amount() -> None:
    tokens._read.cache_clear()
    issued = [tokens.issue(tokens.new_member_id()) for _ in range(1_000)]
    tracemalloc.start()
    try:
        for token in issued:
            with pytest.raises(tokens.BadToken):
                tokens.verify(token + "x" * 10_000, max_age_days=1)
            tokens.verify(token[:1] + token[1:], max_age_days=1)  # A text of its own, as each request has.
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert taken / len(issued) < 1_000
    kept = tokens._read.cache_info()
    assert (kept.currsize, kept.maxsize) == (len(issued), tokens.KEPT_TOKENS)
