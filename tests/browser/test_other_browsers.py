"""The core journey in Firefox and in WebKit, which is Safari's engine: the other browser tests use Chromium."""

import os
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from tests import servers
from tests.browser import apart, webdriver
from tests.browser.webdriver import Browser
from tests.client import Client
from tests.servers import ChattyServer

PATIENCE_SECONDS = 60  # For one thing to be seen; only what fails waits for so long.
PAUSE_SECONDS = 0.1  # Between two looks, which cost the browser time.
ENTER = "\ue007"  # WebDriver's code of the key.
BROWSERS = {"firefox": webdriver.firefox, "webkit": webdriver.webkit}
# Errors of the page's scripts, and what they did against the Content-Security-Policy.
WATCH_ERRORS = """
window.errorsSeen = [];
addEventListener("error", (event) => errorsSeen.push(event.message));
addEventListener("unhandledrejection", (event) => errorsSeen.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => errorsSeen.push(event.violatedDirective));
"""


class Person:
    """Somebody in front of a window. Methods are what they do, or wait until they see it."""

    def __init__(self, browser: Browser, window: str, url: str, name: str) -> None:
        self._browser = browser
        self._window = window
        self.url = url
        self.name = name

    @property
    def browser(self) -> Browser:
        """The browser, showing this person's window."""
        self._browser.show(self._window)
        return self._browser

    def enter(self) -> Self:
        """Opens the page, chooses the name and is in the room."""
        self.browser.go_to(self.url)
        self.browser.run(WATCH_ERRORS)
        self.browser.type("#screen-name-field", self.name + ENTER)
        return self.wait_until_joined()

    def wait_until_joined(self) -> Self:
        state = "return document.querySelector('[data-module=connection-bar]').dataset.state"
        self.sees("the page joined", lambda: self.browser.run(state) == "joined")
        return self

    def say(self, text: str) -> Self:
        self.browser.type("#composer-body", text + ENTER)
        return self

    def reload(self) -> Self:
        self.browser.reload()
        self.browser.run(WATCH_ERRORS)
        return self.wait_until_joined()

    def texts(self, selector: str) -> list[str]:
        script = "return [...document.querySelectorAll(arguments[0])].map((element) => element.innerText.trim())"
        found: list[str] = self.browser.run(script, selector)
        return found

    @property
    def bodies(self) -> list[str]:
        """The messages shown, those included that wait to be sent."""
        return self.texts(".message:not([hidden]) .message-body")

    @property
    def waiting(self) -> list[str]:
        return self.texts(".message.is-pending .message-body")

    @property
    def errors(self) -> list[str]:
        found: list[str] = self.browser.run("return window.errorsSeen")
        return found

    def sees(self, what: str, condition: Callable[[], object]) -> None:
        """Returns when the condition holds; else the error says what is shown."""
        try:
            servers.wait_until(condition, PATIENCE_SECONDS, f"{self.name} sees {what}", PAUSE_SECONDS)
        except TimeoutError as error:
            raise AssertionError(f"{error}, not {self.bodies[-20:]}; errors: {self.errors}") from None

    def sees_messages(self, *bodies: str) -> None:
        """These are the newest messages, and all have been sent."""
        self.sees(f"{bodies} at the end", lambda: self.bodies[-len(bodies) :] == [*bodies] and not self.waiting)

    def scroll_to_the_top(self) -> None:
        self.browser.run("document.querySelector('.scroller').scrollTop = 0")


@pytest.fixture(scope="module")
def server() -> Iterator[ChattyServer]:
    """One for both browsers, which their journeys restart."""
    with servers.chatty_server() as server:
        yield server


@pytest.fixture(params=BROWSERS)
def driven(request: pytest.FixtureRequest) -> Iterator[Browser]:
    """A browser that has just started; skipped where it isn't installed, but not in continuous integration."""
    if packages := webdriver.missing(request.param):
        report = pytest.fail if "CI" in os.environ else pytest.skip
        report(f"expected for {request.param}: apt-get install {' '.join(packages)}, or bin/test")
    with BROWSERS[request.param]() as browser:
        yield browser


@pytest.fixture
def people(driven: Browser, server: ChattyServer, room: str) -> tuple[Person, Person]:
    """Ann and Bob, in one browser and yet each with a storage of their own: they come by two names of this machine."""
    first, second = driven.new_window(), driven.new_window()
    ann = Person(driven, first, f"{server.http_url}/chatty/{room}", "Ann")
    bob = Person(driven, second, f"http://localhost:{server.port}/chatty/{room}", "Bob")
    return ann, bob


@pytest.fixture
def carols_messages(server: ChattyServer, room: str) -> list[str]:
    """What somebody said in the room before: more than the page shows at first."""
    bodies = ["the oldest one, about the tide", *(f"number {number}" for number in range(2, 121))]
    apart.talk(Client(server.http_url, "Carol", room), bodies)
    return bodies


@pytest.mark.long
def test_core_journey(people: tuple[Person, Person], carols_messages: list[str], server: ChattyServer) -> None:
    ann, bob = people
    ann.enter()
    bob.enter()
    for somebody in people:
        somebody.sees("both in the list", lambda: len(somebody.texts(".members .member")) == 2)  # noqa: B023

    talk(ann, bob)
    load_older_messages(ann, carols_messages)
    filter_by_person(ann, "Bob")
    search(bob, "tide", carols_messages[0])
    restart(server, ann, bob)
    assert [ann.errors, bob.errors] == [[], []]


def talk(ann: Person, bob: Person) -> None:
    ann.say("Hello **Bob** <b>&amp;</b>")
    bob.sees_messages("Hello Bob <b>&amp;</b>")
    bob.say("Hello Ann, see `code`")
    for somebody in (ann, bob):
        somebody.sees_messages("Hello Bob <b>&amp;</b>", "Hello Ann, see code")


def load_older_messages(ann: Person, older: list[str]) -> None:
    def has_loaded() -> bool:
        ann.scroll_to_the_top()
        return older[0] in ann.bodies

    assert older[0] not in ann.bodies
    ann.sees("the oldest message after scrolling", has_loaded)
    shown = [body for body in ann.bodies if body in older]
    assert shown == older[: len(shown)]


def filter_by_person(ann: Person, name: str) -> None:
    position = ann.texts(".members .member bdi").index(name) + 1
    ann.browser.click(f".members .member:nth-child({position}) a")
    ann.sees("only Bob's messages", lambda: ann.bodies == ["Hello Ann, see code"])
    assert ann.browser.run("return location.hash")
    ann.reload()  # The filter is in the address.
    ann.sees("only Bob's messages", lambda: ann.bodies == ["Hello Ann, see code"])
    ann.browser.click(".roster [data-slot=everything]")
    ann.sees_messages("Hello Bob <b>&amp;</b>", "Hello Ann, see code")


def search(bob: Person, word: str, body: str) -> None:
    bob.browser.click("button[aria-controls=search]")
    bob.browser.type("#search-query", word + ENTER)
    bob.sees("one result", lambda: len(bob.texts(".search-results a")) == 1)
    bob.browser.click(".search-results a")
    bob.sees("what was found, in its place", lambda: body in bob.bodies and is_on_screen(bob, body))


def is_on_screen(somebody: Person, body: str) -> bool:
    script = """
    const [body] = arguments;
    const box = document.querySelector(".scroller").getBoundingClientRect();
    return [...document.querySelectorAll(".message-body")].some((element) => {
        const {top, bottom} = element.getBoundingClientRect();
        return element.innerText.trim() === body && top >= box.top && bottom <= box.bottom;
    })"""
    return bool(somebody.browser.run(script, body))


def restart(server: ChattyServer, ann: Person, bob: Person) -> None:
    """What is written while the server is away arrives once, in one order."""
    server.kill()
    said = {"from Ann meanwhile", "from Bob meanwhile"}
    for somebody in (ann, bob):
        somebody.say(f"from {somebody.name} meanwhile")
        somebody.sees("the own message waiting", lambda: len(somebody.waiting) == 1)  # noqa: B023
    server.start()
    for somebody in (ann, bob):
        somebody.wait_until_joined()
        somebody.sees(
            "both messages",
            lambda: {*somebody.bodies[-2:]} == said and not somebody.waiting,  # noqa: B023
        )
    assert ann.bodies[-4:] == bob.bodies[-4:]
    assert ann.bodies[-4:-2] == ["Hello Bob <b>&amp;</b>", "Hello Ann, see code"]
    ann.say("and all is well")
    bob.sees_messages("and all is well")
