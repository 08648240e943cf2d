"""A server with people who look the same in every picture: fixed identities, colours and times."""

import datetime
import json
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, Route, WebSocketRoute, expect

from tests import servers
from tests.browser.person import Person, Wire
from tests.moderators import make_moderators, sign_in

MORNING = datetime.datetime(2026, 3, 2, 9, 0, tzinfo=datetime.UTC)
MORNING_MS = int(MORNING.timestamp() * 1000)
# Far enough apart on the circle of colours.
HUES = {"Ann": 150, "Bob": 265, "Cleo Park": 20, "Mo": 200, "Dana": 320, "אבישג": 90, "Anna": 150, "Eve": 60}


@dataclass(frozen=True)
class Look:
    name: str
    options: dict[str, Any] = field(hash=False)


LIGHT = Look("light", {"viewport": {"width": 1120, "height": 720}})
DARK = Look("dark", {"viewport": {"width": 1120, "height": 720}, "color_scheme": "dark"})
PHONE = Look("phone", {"viewport": {"width": 360, "height": 720}, "has_touch": True})


def hue(identity: str) -> int:
    """As hueOf in static/chat/js/kit/names.js has it."""
    number = 2166136261
    for character in identity:
        number = ((number ^ ord(character)) * 16777619) & 0xFFFFFFFF
    return number % 360


def identity_of(name: str) -> str:
    """An identity with that person's colour."""
    wanted = HUES[name]
    start = 1_000_000 * (1 + list(HUES).index(name))
    return next(i for n in range(start, start + 100_000) if hue(i := str(uuid.UUID(int=n, version=4))) == wanted)


class Mask(Wire):
    """A wire over which identities are the fixed ones, and message number n was written n minutes after nine."""

    def __init__(self, page: Page, masks: dict[str, str]) -> None:
        self.masks = masks  # The fixed identities by the server's.
        super().__init__(page)

    def _open(self, socket: WebSocketRoute) -> None:
        self._page_side = socket
        if self._is_cut:
            return socket.close(code=1011)
        server = socket.connect_to_server()

        def from_page(frame: str | bytes) -> None:
            command = json.loads(frame)
            self.sent.append(command)
            answer = self.answer(command)
            if command["type"] == "away":
                return  # However long the pictures take, nobody falls asleep.
            if answer is None:
                server.send(unmask(str(frame), self.masks))
            else:
                socket.send(json.dumps([answer]))

        def from_server(frame: str | bytes) -> None:
            events = [in_the_morning(event) for event in json.loads(mask(str(frame), self.masks)) if self.keep(event)]
            if events:
                socket.send(json.dumps(events))

        socket.on_message(from_page)
        server.on_message(from_server)


def mask(text: str, masks: dict[str, str]) -> str:
    for real, fixed in masks.items():
        text = text.replace(real, fixed)
    return text


def unmask(text: str, masks: dict[str, str]) -> str:
    return mask(text, {fixed: real for real, fixed in masks.items()})


def in_the_morning(value: Any) -> Any:
    """With every message's hour after its number."""
    if isinstance(value, list):
        return [in_the_morning(item) for item in value]
    if not isinstance(value, dict):
        return value
    value = {key: in_the_morning(item) for key, item in value.items()}
    if "at" in value and "seq" in value:
        value["at"] = MORNING_MS + value["seq"] * 60_000
        if value.get("edited_at"):
            value["edited_at"] = value["at"] + 30_000
    return value


class Stage:
    """Where a state is played. People who `enter` leave after the picture; residents of a room stay."""

    def __init__(self, chromium: Browser, server: servers.ChattyServer) -> None:
        self.chromium = chromium
        self.server = server
        self.residents: dict[str, Person] = {}  # By name, or by the room of which they keep a tab.
        self.look = LIGHT
        self.masks: dict[str, str] = {}
        self.wires: dict[Person, Mask] = {}
        self._tokens: dict[str, str] = {}
        self._guests: list[BrowserContext] = []
        self._told: set[str] = set()
        self._session: dict[str, str] | None = None

    def url(self, room: str) -> str:
        return f"{self.server.http_url}/chatty/{room}"

    def clear(self) -> None:
        for context in self._guests:
            context.close()
        self._guests.clear()

    def once(self, what: str, work: Callable[[], object]) -> None:
        """For what all pictures of a room share."""
        if what not in self._told:
            self._told.add(what)
            work()

    def visitor(self, name: str, room: str, *, stays: bool = False, **options: Any) -> Person:
        """In front of a page that isn't open yet, known to the server by that person's identity."""
        context = self.chromium.new_context(
            **{
                "service_workers": "block",
                "reduced_motion": "reduce",
                "locale": "en-GB",
                "timezone_id": "UTC",
                **self.look.options,
                **options,
            }
        )
        if not stays:
            self._guests.append(context)
        token = self._token(name)
        context.add_init_script(
            "if (!localStorage['chatty.identity']) "
            f"localStorage['chatty.identity'] = {json.dumps(json.dumps({'uuid': identity_of(name), 'token': token}))}"
        )
        context.route("**/get_user_info*", self._mask_identity)
        return self.tab(context, room, name)

    def tab(self, context: BrowserContext, room: str, name: str) -> Person:
        person = Person(context.new_page(), self.url(room))
        person.name = name
        person.page.clock.install(time=MORNING + datetime.timedelta(hours=1))
        self.wires[person] = Mask(person.page, self.masks)
        return person

    def enter(self, name: str, room: str, **options: Any) -> Person:
        return self.visitor(name, room, **options).open().enter(name)

    def moderator(self, room: str) -> Person:
        mo = self.visitor("Mo", room)
        if self._session is None:
            make_moderators(self.server.settings["DATABASE_URL"], "mo")
            with closing(sign_in(self.server.http_url, "mo")) as browser:
                self._session = {
                    "name": "sessionid",
                    "value": browser.cookies["sessionid"],
                    "url": self.server.http_url,
                }
        mo.page.context.add_cookies([self._session])  # type: ignore[list-item]
        return mo.open().enter("Mo")

    def _token(self, name: str) -> str:
        if name not in self._tokens:
            info = httpx.get(f"{self.server.http_url}/get_user_info.json", trust_env=False, timeout=60).json()
            self._tokens[name] = info["token"]
            self.masks[info["uuid"]] = identity_of(name)
        return self._tokens[name]

    def _mask_identity(self, route: Route) -> None:
        # Masked as well is the identity in the token.
        headers = {name: unmask(value, self.masks) for name, value in route.request.headers.items()}
        answer = route.fetch(headers=headers)
        route.fulfill(response=answer, body=mask(answer.text(), self.masks))


def choose(somebody: Person, text: str, entry: str) -> None:
    """Takes an entry of a message's menu."""
    open_menu(somebody, text)
    somebody.page.get_by_role("menuitem", name=entry, exact=True).click()


def open_menu(somebody: Person, text: str) -> None:
    somebody.message(text).hover()
    somebody.message(text).get_by_role("button", name="More actions for this message").click()
    expect(somebody.page.get_by_role("menu")).to_be_visible()


def choose_of_room(somebody: Person, entry: str, role: str = "menuitem") -> None:
    head = somebody.page.locator(".room-head")
    head.get_by_role("button", name="More actions for this room").click()
    somebody.page.get_by_role(role, name=entry, exact=True).click()  # type: ignore[arg-type]


def open_sidebar(somebody: Person) -> None:
    """Where it isn't always there."""
    button = somebody.page.get_by_role("button", name="Show rooms and people")
    if button.is_visible():
        button.click()
        expect(somebody.page.locator(".sidebar[aria-modal]")).to_be_visible()
