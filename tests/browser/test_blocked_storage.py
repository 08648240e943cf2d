"""A room in another site's page, in a browser that really refuses frames of other sites their storage: Firefox can."""

import os
from collections.abc import Iterator

import pytest

from tests import servers
from tests.browser import webdriver
from tests.browser.test_embed import PlainSite
from tests.browser.webdriver import Browser
from tests.servers import ChattyServer, wait_until

PATIENCE_SECONDS = 60
ENTER = "\ue007"  # WebDriver's code of the key.
BLOCK_OTHER_SITES = 1  # Of the preference network.cookie.cookieBehavior: no cookies and no storage for them.
FRAME = "return document.querySelector('chatty-room').shadowRoot.querySelector('iframe')"
STATE = "return document.querySelector('[data-module=connection-bar]')?.dataset.state"
STORED = "try { return typeof localStorage.length } catch (error) { return error.name }"
SENT = """
return [...document.querySelectorAll(".message:not([hidden]):not(.is-pending) .message-body")]
  .map((each) => each.innerText.trim())
"""


@pytest.fixture
def firefox() -> Iterator[Browser]:
    """Skipped where it isn't installed, but not in continuous integration."""
    if packages := webdriver.missing("firefox"):
        report = pytest.fail if "CI" in os.environ else pytest.skip
        report(f"expected for Firefox: apt-get install {' '.join(packages)}, or bin/test")
    with webdriver.firefox(network_cookie_cookieBehavior=BLOCK_OTHER_SITES) as driven:
        yield driven


@pytest.fixture
def chat_and_site() -> Iterator[tuple[ChattyServer, PlainSite]]:
    port = servers.free_port()
    with (
        servers.chatty_server(FRAME_ANCESTORS=f"http://localhost:{port}") as chat,
        PlainSite(chat.http_url, port) as site,
    ):
        yield chat, site


def test_a_guest_talks_where_the_browser_refuses_all_storage(
    firefox: Browser, chat_and_site: tuple[ChattyServer, PlainSite], room: str
) -> None:
    chat, site = chat_and_site
    firefox.go_to(site.url + site.write(chat.http_url, f'<chatty-room room="{room}"></chatty-room>'))
    firefox.enter_frame(FRAME)
    wait_until(lambda: firefox.run(STATE) == "joined", PATIENCE_SECONDS, "the page joined")
    assert firefox.run(STORED) == "SecurityError"
    firefox.type("#composer-body", "hello" + ENTER)
    wait_until(lambda: firefox.run(SENT) == ["hello"], PATIENCE_SECONDS, "the message")
