"""Fixtures for browser tests: Chromium, a real server, and people with a browser context each."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from tests import servers
from tests.browser.person import Person
from tests.moderators import make_moderators, sign_in

expect.set_options(timeout=15_000)  # ms. Only what fails waits for so long; a busy machine may need it.

# The shell has no windows: a page costs a third of what it does in Chromium with its toolbar. Playwright takes it, too.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
# Root in a container has no sandbox; the rest keeps the browser from talking to anybody but the server.
CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
    "--disable-gpu",  # There is none here; a tenth less CPU.
]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests go last: once Playwright's loop runs in this thread, pytest-asyncio can't run its own."""
    items.sort(key=lambda item: "tests/browser/" in item.path.as_posix())


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    if CHROMIUM is None:
        pytest.fail(
            "Chromium is not installed; expected it for the browser tests: "
            "apt-get install chromium-headless-shell, or bin/test"
        )
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": CHROMIUM_ARGS}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """Without the worker of the offline page, which would come between pages and the routes that tests make.

    Without motion, which costs a tenth of the CPU of a page. A test of motion emulates "no-preference".
    """
    return {"service_workers": "block", "reduced_motion": "reduce", **browser_context_args}


@pytest.fixture(scope="session")
def server() -> Iterator[servers.ChattyServer]:
    """One Chatty for all browser tests; each test talks in a room of its own."""
    with servers.chatty_server() as server:
        yield server


@pytest.fixture(scope="session")
def unbundled_server() -> Iterator[servers.ChattyServer]:
    """A Chatty whose static files were collected without the bundler."""
    with servers.chatty_server(STATIC_ROOT=str(servers.unbundled_static_root())) as server:
        yield server


@pytest.fixture(scope="session")
def moderators_cookie(server: servers.ChattyServer) -> dict[str, str]:
    """Of Mo, who signed in at /admin. It counts at all ports, also behind a proxy."""
    make_moderators(server.settings["DATABASE_URL"], "mo")
    with closing(sign_in(server.http_url, "mo")) as browser:
        return {"name": "sessionid", "value": browser.cookies["sessionid"], "url": server.http_url}


@pytest.fixture
def visitor(
    new_context: Callable[..., BrowserContext], server: servers.ChattyServer, room: str
) -> Iterator[Callable[..., Person]]:
    """Somebody new in front of the page, who hasn't chosen a name yet.

    Fails the test afterwards if a script of the page raised an error or the page did what its Content-Security-Policy
    forbids, unless the person `expects_errors`.
    """
    people: list[Person] = []

    def make(context: BrowserContext | None = None, url: str | None = None, **options: Any) -> Person:
        page = (context or new_context(**options)).new_page()
        people.append(Person(page, url or f"{server.http_url}/chatty/{room}"))
        return people[-1]

    yield make
    assert [error for person in people if not person.expects_errors for error in person.errors] == []


@pytest.fixture
def person(visitor: Callable[..., Person]) -> Callable[..., Person]:
    """Somebody with a name, in the room."""

    def make(name: str, **options: Any) -> Person:
        return visitor(**options).open().enter(name)

    return make
