"""After any actions and connection failures, people's pages show the same as a fresh page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests import servers
from tests.browser.convergence import SETTINGS, converge
from tests.servers import ChattyServer


@pytest.fixture(scope="module")
def forgetful_server() -> Iterator[ChattyServer]:
    with servers.chatty_server(**SETTINGS) as server:
        yield server


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_page_shows_in_the_end_what_is_in_the_log(
    browser: Browser, forgetful_server: ChattyServer, seed: int
) -> None:
    converge(browser, forgetful_server, seed, steps=40)
