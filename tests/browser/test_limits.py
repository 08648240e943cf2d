"""A person who reaches a limit sees it, with the seconds that are left, and loses nothing."""

import itertools
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import BrowserContext, expect

from tests import servers
from tests.browser.person import Person
from tests.client import from_address

Make = Callable[..., Person]
COUNTDOWN = re.compile(r"Retrying in \d+ s\.")
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[servers.ChattyServer]:
    """A Chatty with tight limits, in place of the one that the other tests share."""
    limits = {"POST_LIMIT": "2,0.5", "COMMAND_LIMIT": "30,5", "IDENTITY_LIMIT": "2,0.1"}
    with servers.chatty_server(**limits, MAX_CONNECTIONS_PER_MEMBER="1") as server:
        yield server


@pytest.fixture
def address() -> str:
    """An address that no other test's visitors come from."""
    return f"198.51.100.{next(_numbers)}"


@pytest.fixture
def ann(visitor: Make, new_context: Callable[..., BrowserContext], address: str) -> Person:
    return visitor(context=new_context(extra_http_headers=from_address(address)))


def test_fast_writer_sees_when_each_message_goes_out_and_all_do(ann: Person) -> None:
    ann.open().enter("Ann")
    written = [f"message {number}" for number in range(4)]
    for text in written:
        ann.write(text).composer.press("Enter")
    expect(ann.pending.first).to_contain_text("Sending in 2 s")
    expect(ann.pending.first.get_by_role("status")).to_have_attribute(
        "aria-live", "off"
    )  # It would be read every second.
    expect(ann.pending.first).to_contain_text("Sending in 1 s")
    expect(ann.pending).to_have_count(0)
    expect(ann.bodies).to_have_text(written)


def test_who_floods_is_told_and_comes_back_after_the_pause(ann: Person) -> None:
    ann.page.clock.install()
    ann.open().enter("Ann")
    ann.run("for (let n = 0; n < 200; n += 1) app.events.publish('command:send', {command: {type: 'typing'}})")
    expect(ann.bar).to_contain_text("You're sending too fast. Your messages will be sent in a moment.")
    expect(ann.bar).to_contain_text(COUNTDOWN)
    expect(ann.page.get_by_role("button", name="Try now")).to_be_hidden()
    ann.write("said meanwhile").composer.press("Enter")
    ann.page.context.set_offline(True)
    ann.page.context.set_offline(False)
    ann.page.clock.run_for(5_000)
    expect(ann.connection).to_have_attribute("data-state", "waiting")  # Nothing shortens it.
    expect(ann.bar).to_contain_text(COUNTDOWN)
    ann.page.clock.run_for(10_000)
    ann.wait_until_joined()
    expect(ann.bar).to_be_hidden()
    expect(ann.pending).to_have_count(0)
    expect(ann.bodies).to_have_text(["said meanwhile"])


def test_tab_too_many_is_told_so_and_comes_in_when_another_is_closed(ann: Person, visitor: Make) -> None:
    ann.open().enter("Ann")
    tab = visitor(context=ann.page.context)
    tab.page.clock.install()
    tab.open()
    expect(tab.bar).to_contain_text("Too many open connections from you or your network.")
    expect(tab.bar).to_contain_text(COUNTDOWN)
    ann.page.close()
    tab.page.clock.run_for(15_000)
    tab.wait_until_joined()
    expect(tab.bar).to_be_hidden()


def test_newcomer_from_a_busy_network_is_told_and_let_in(
    ann: Person, address: str, server: servers.ChattyServer
) -> None:
    for _ in range(2):
        httpx.get(f"{server.http_url}/get_user_info", headers=from_address(address), trust_env=False, timeout=60)
    ann.open()
    ann.name_field.fill("Ann")
    ann.name_field.press("Enter")
    expect(ann.bar).to_contain_text("Many people on your network are joining. You'll be connected in a moment.")
    expect(ann.bar).to_contain_text(COUNTDOWN)
    expect(ann.page.get_by_role("button", name="Try now")).to_be_hidden()
    expect(ann.connection).to_have_attribute("data-state", "joined", timeout=30_000)
    expect(ann.bar).to_be_hidden()
