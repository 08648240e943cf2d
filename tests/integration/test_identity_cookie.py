"""The cookie that keeps an identity, on real servers."""

from collections.abc import Iterator
from http.cookies import SimpleCookie

import httpx
import pytest
from django.test import AsyncRequestFactory

from chat.access import tokens
from chat.log.reader import LogUnavailable
from chat.web import views
from tests.servers import ChattyServer

PATH = "/get_user_info.json"
DAY_SECONDS = 86_400


@pytest.fixture
def browser(server: ChattyServer) -> Iterator[httpx.Client]:
    """One with a jar for cookies."""
    with httpx.Client(base_url=server.http_url, trust_env=False, timeout=60) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_identity_comes_with_a_cookie_that_no_script_and_no_other_site_can_use(browser: httpx.Client) -> None:
    answer = browser.get(PATH)
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.value == answer.json()["token"]
    assert cookie["httponly"] is True
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == str(365 * DAY_SECONDS)
    assert cookie["path"] == PATH, "with the page it would make the page one for each visitor in caches"
    assert cookie["domain"] == ""
    assert cookie["secure"] == ""
    assert "no-store" in answer.headers["cache-control"]
    assert {"Cookie", "Authorization"} <= set(answer.headers["vary"].split(", "))


def test_behind_https_the_cookie_is_secure_and_lasts_as_long_as_the_token() -> None:
    with ChattyServer(HTTPS="true", TOKEN_MAX_AGE_DAYS="3") as server:
        answer = httpx.get(
            f"{server.http_url}{PATH}", headers={"X-Forwarded-Proto": "https"}, trust_env=False, timeout=60
        )
        (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
        assert cookie["secure"] is True
        assert cookie["max-age"] == str(3 * DAY_SECONDS)


def test_without_local_storage_the_cookie_says_who_one_is(browser: httpx.Client) -> None:
    first, again = browser.get(PATH).json(), browser.get(PATH).json()
    assert again["uuid"] == first["uuid"]


def test_the_tokens_of_page_and_cookie_disagree_and_the_pages_wins(browser: httpx.Client) -> None:
    mine = browser.get(PATH).json()
    browser.cookies.clear()
    other = browser.get(PATH).json()
    assert other["uuid"] != mine["uuid"]
    answer = browser.get(PATH, headers=bearer(mine["token"])).json()
    assert answer["uuid"] == mine["uuid"]
    assert browser.get(PATH).json()["uuid"] == mine["uuid"], "the cookie follows"


def test_a_token_of_the_page_that_holds_no_more_leaves_it_to_the_cookie(browser: httpx.Client) -> None:
    mine = browser.get(PATH).json()
    assert browser.get(PATH, headers=bearer("forged")).json()["uuid"] == mine["uuid"]


def test_a_forged_cookie_is_nobody_and_is_replaced(browser: httpx.Client) -> None:
    browser.cookies.set("chatty_identity", "forged", path=PATH, domain="127.0.0.1")
    first = browser.get(PATH).json()
    assert browser.get(PATH).json()["uuid"] == first["uuid"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_request_of_another_site_neither_uses_the_cookie_nor_replaces_it(
    browser: httpx.Client, headers: dict[str, str]
) -> None:
    mine = browser.get(PATH).json()
    answer = browser.get(PATH, headers=headers)
    assert answer.json()["uuid"] != mine["uuid"]
    assert "set-cookie" not in answer.headers
    own = {"Sec-Fetch-Site": "same-origin", "Origin": str(browser.base_url).rstrip("/")}
    assert browser.get(PATH, headers=own).json()["uuid"] == mine["uuid"]


def test_the_page_sets_no_cookie_and_gets_none(browser: httpx.Client) -> None:
    browser.get(PATH)
    page = browser.get("/chatty/lobby")
    assert "set-cookie" not in page.headers
    assert "cookie" not in page.request.headers
    assert (
        page.headers["etag"]
        == httpx.get(browser.base_url.join("/chatty/lobby"), trust_env=False, timeout=60).headers["etag"]
    )


async def test_who_holds_a_token_waits_where_nobody_can_tell_whether_it_was_revoked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NoDatabase:
        async def identify(self, token: str) -> None:
            if not token:
                raise tokens.BadToken("empty")
            raise LogUnavailable("down")

    monkeypatch.setattr(views, "current_registry", NoDatabase)
    token = tokens.issue(tokens.new_member_id())
    answer = await views.user_info(AsyncRequestFactory().get(PATH, headers=bearer(token)))
    assert answer.status_code == 503, "a new identity would be the loss of the old one"
    assert answer.headers["Retry-After"] == "2"
    assert "chatty_identity" not in answer.cookies
