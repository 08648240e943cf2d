"""A person at the page: their actions, and locators for the content that they see."""

import json
import re
from collections.abc import Callable
from typing import Any, Self

from playwright.sync_api import ConsoleMessage, FloatRect, Locator, Page, WebSocketRoute, expect


class Person:
    """One browser tab. Methods are what a person does; properties are what a person sees."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.name = ""
        self.errors: list[str] = []
        self.expects_errors = False
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note_forbidden)

    def _note_forbidden(self, said: ConsoleMessage) -> None:
        """Notes what the page's Content-Security-Policy forbade."""
        if "Content Security Policy" in said.text:
            self.errors.append(said.text)

    # What they do.

    def open(self, fragment: str = "") -> Self:
        self.page.goto(self.url + fragment)
        return self

    def enter(self, name: str) -> Self:
        """Answers the dialog and is in the room."""
        self.name = name
        self.name_field.fill(name)
        self.name_field.press("Enter")
        return self.wait_until_joined()

    def wait_until_joined(self) -> Self:
        # Longer than the pauses between tries of a page that has just lost its connection.
        expect(self.connection).to_have_attribute("data-state", "joined", timeout=20_000)
        return self

    def write(self, text: str) -> Self:
        self.composer.fill(text)
        return self

    def say(self, text: str) -> Self:
        """Sends a message and has the server's acknowledgement."""
        self.write(text).composer.press("Control+Enter")  # On a phone, Enter alone breaks the line.
        expect(self.pending).to_have_count(0)
        return self

    def reload(self) -> Self:
        self.page.reload()
        return self

    def filter_by(self, name: str) -> Self:
        self.member(name).get_by_role("link").click()
        return self

    def look_away(self) -> Self:
        """Another window has the focus; this page may still be visible. Else Playwright's pages all have it."""
        self.run("() => { document.hasFocus = () => false; dispatchEvent(new Event('blur')); }")
        return self

    def look_back(self) -> Self:
        self.run("() => { delete document.hasFocus; dispatchEvent(new Event('focus')); }")
        return self

    def run(self, script: str, argument: Any = None) -> Any:
        return self.page.evaluate(script, argument)

    # What they see.

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog", name="screen name")

    @property
    def name_field(self) -> Locator:
        return self.page.get_by_label("Shown with your messages")

    @property
    def composer(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message", exact=True)

    @property
    def send_button(self) -> Locator:
        return self.page.get_by_role("button", name="Send", exact=True)

    @property
    def connection(self) -> Locator:
        return self.page.locator("[data-module=connection-bar]")

    @property
    def bar(self) -> Locator:
        """The bar that says what is wrong with the connection."""
        return self.connection.locator(".notice")

    @property
    def messages(self) -> Locator:
        """All messages shown, waiting ones included."""
        return self.page.locator(".message:not([hidden])")

    @property
    def bodies(self) -> Locator:
        return self.messages.locator(".message-body")

    @property
    def pending(self) -> Locator:
        return self.page.locator(".message.is-pending")

    def message(self, text: str) -> Locator:
        return self.messages.filter(has=self.page.locator(".message-body", has_text=re.compile(f"^{re.escape(text)}$")))

    @property
    def roster(self) -> Locator:
        return self.page.locator(".members .member")

    def member(self, name: str) -> Locator:
        return self.roster.filter(has=self.page.locator("bdi", has_text=re.compile(f"^{re.escape(name)}$")))

    @property
    def all_messages(self) -> Locator:
        return self.page.get_by_role("link", name="All messages", exact=True)

    @property
    def id(self) -> str:
        identity: str = self.run("JSON.parse(localStorage.getItem('chatty.identity')).uuid")
        return identity


def box(locator: Locator) -> FloatRect:
    """The element's place on the page, and its size."""
    found = locator.bounding_box()
    assert found, "expected an element with a place on the page"
    return found


Command = dict[str, Any]
Event = dict[str, Any]


class Wire:
    """The socket of a page, with a hand on it: drops or adds what the server says. Make it before the page opens."""

    def __init__(self, page: Page) -> None:
        self.sent: list[dict[str, Any]] = []  # Commands, in order.
        self.keep: Callable[[Event], object] = lambda event: True  # Which events come through.
        # An event in the server's stead, or None: then the server gets the command.
        self.answer: Callable[[Command], Event | None] = lambda command: None
        self._is_cut = False
        self._page_side: WebSocketRoute | None = None
        page.route_web_socket(re.compile("/ws/chatty/"), self._open)

    def _open(self, socket: WebSocketRoute) -> None:
        self._page_side = socket
        if self._is_cut:
            return socket.close(code=1011)
        server = socket.connect_to_server()

        def from_page(frame: str | bytes) -> None:
            command = json.loads(frame)
            self.sent.append(command)
            answer = self.answer(command)
            if answer is None:
                server.send(frame)
            else:
                socket.send(json.dumps([answer | ({"re": command["id"]} if "id" in command else {})]))

        def from_server(frame: str | bytes) -> None:
            if events := [event for event in json.loads(frame) if self.keep(event)]:
                socket.send(json.dumps(events))

        socket.on_message(from_page)
        server.on_message(from_server)

    def say(self, event: dict[str, Any]) -> None:
        """Tells the page what the server didn't say."""
        assert self._page_side
        self._page_side.send(json.dumps([event]))

    @property
    def is_open(self) -> bool:
        """Whether the page has tried to connect."""
        return self._page_side is not None

    def close(self, code: int) -> None:
        """Ends the connection as the server would."""
        assert self._page_side
        self._page_side.close(code=code)

    def cut(self) -> None:
        """Ends the connection, and every further one until `mend`."""
        self._is_cut = True
        self.close(1011)

    def mend(self) -> None:
        self._is_cut = False

    def commands(self, kind: str) -> list[dict[str, Any]]:
        return [command for command in self.sent if command["type"] == kind]
