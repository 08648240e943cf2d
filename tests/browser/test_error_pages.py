"""The page for a wrong address, in a browser."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible, focus_problems
from tests.browser.person import Person
from tests.servers import ChattyServer


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_wrong_address_leads_on_and_can_be_read_by_everybody(
    visitor: Callable[..., Person], server: ChattyServer, scheme: str
) -> None:
    look = {"viewport": {"width": 360, "height": 640}, "color_scheme": scheme, "locale": "de"}
    ann = visitor(url=f"{server.http_url}/chatty/team_a", bypass_csp=True, **look)
    ann.expects_errors = True  # The browser reports the status.
    ann.page.goto(ann.url)
    expect(ann.page.get_by_role("heading", name="Seite nicht gefunden")).to_be_visible()
    assert ann.run("document.documentElement.dataset.bsTheme") == scheme
    assert ann.run("document.documentElement.scrollWidth") <= 360
    assert_accessible(ann, f"a wrong address in the {scheme}")
    assert focus_problems(ann, 2) == []
    expect(ann.page.get_by_role("link", name="Zur Lobby")).to_have_attribute("href", "/chatty")
    ann.page.get_by_role("link", name="Zu #team-a").click()
    expect(ann.page).to_have_url(f"{server.http_url}/chatty/team-a")


def test_the_page_needs_nothing_that_its_policy_forbids(visitor: Callable[..., Person], server: ChattyServer) -> None:
    ann = visitor(url=f"{server.http_url}/chatty/team_a")
    ann.expects_errors = True
    ann.page.goto(ann.url)
    expect(ann.page.get_by_role("link", name="Go to #team-a")).to_be_visible()
    assert [error for error in ann.errors if "404" not in error] == []
