"""Rooms in the pages of other sites: `/embed.js` and its `<chatty-room>`."""

import itertools
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Route, expect

from tests import servers
from tests.browser.accessibility import assert_accessible
from tests.browser.frames import Framed, person_in
from tests.browser.person import Person, box
from tests.servers import ROOT, ChattyServer, Pair, RedisServer, Server

Make = Callable[..., Person]
NewContext = Callable[..., BrowserContext]
SECRET = "s" * 40
# What a site with a strict policy allows: no inline styles or scripts, also by Trusted Types.
HOST_POLICY = "default-src 'none'; script-src {chat}; style-src 'self'; frame-src {chat}; connect-src 'self'; "
HOST_POLICY += "require-trusted-types-for 'script'"
# Firefox and Safari refuse it in some settings, and so do other browsers for pages of other sites.
NO_STORAGE = """
for (const name of ["localStorage", "sessionStorage", "indexedDB"])
  Object.defineProperty(window, name, { get() { throw new DOMException("refused", "SecurityError"); } });
const refuse = () => { throw new DOMException("refused", "SecurityError"); };
Object.defineProperty(document, "cookie", { get: () => "", set: refuse });
navigator.locks.request = () => Promise.reject(new DOMException("refused", "SecurityError"));
"""


class PlainSite(Server):
    """examples/plain_site, for a Chatty at another address than it names."""

    name = "site"

    def __init__(self, chat: str, port: int) -> None:
        super().__init__()
        self.port = port
        self._numbers = itertools.count()
        shutil.copytree(ROOT / "examples/plain_site", self.folder / "site")
        page = self.folder / "site/index.html"
        page.write_text(page.read_text().replace("http://127.0.0.1:8000", chat))

    def write(self, chat: str, body: str) -> str:
        """The path of a page with this in its body. Its policy is strict."""
        name = f"{next(self._numbers)}.html"
        (self.folder / "site" / name).write_text(
            f"""<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Shop</title>
            <meta http-equiv="Content-Security-Policy" content="{HOST_POLICY.format(chat=chat)}">
            <script src="{chat}/embed.js" defer></script><body>{body}"""
        )
        return f"/{name}"

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def command(self) -> list[str]:
        return [sys.executable, str(self.folder / "site/signer.py")]

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": self.folder, "env": {"PORT": str(self.port), "EMBED_SECRET": SECRET}}

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/chat-token", timeout=60, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


@pytest.fixture(scope="module")
def port() -> int:
    return servers.free_port()


@pytest.fixture(scope="module")
def chats(port: int, redis_server: RedisServer) -> Iterator[Pair]:
    """Two processes. The site knows the first one; guests are on the second."""
    settings = {"FRAME_ANCESTORS": f"http://localhost:{port}", "EMBED_KEYS": f"plain:{SECRET}"}
    settings["REDIS_URL"] = redis_server.url
    one = servers.chatty_server(**settings)
    other = servers.chatty_server(DATABASE_URL=one.settings["DATABASE_URL"], **settings)
    with servers.all_of(one, other):
        yield one, other


@pytest.fixture(scope="module")
def chat(chats: Pair) -> ChattyServer:
    return chats[0]


@pytest.fixture(scope="module")
def site(chat: ChattyServer, port: int) -> Iterator[PlainSite]:
    with PlainSite(chat.http_url, port) as server:
        yield server


def at(page: Page, selector: str = "chatty-room") -> Framed:
    """Who is in the frame of this element, joined."""
    return person_in(page, f"{selector} iframe")


def signed(name: str = "Dora Fuchs", sub: str = "7", seconds: int = 300, **claims: Any) -> str:
    claims = {"sub": sub, "name": name, "exp": int(time.time()) + seconds} | claims
    return jwt.encode(claims, SECRET, headers={"kid": "plain"})


@pytest.fixture
def host(new_context: NewContext, site: PlainSite, chat: ChattyServer) -> Iterator[Callable[..., Page]]:
    """A page of the site with this in its body. Its policy is strict."""
    errors: list[str] = []

    def note_violation(said: ConsoleMessage) -> None:
        if "Content Security Policy" in said.text:
            errors.append(said.text)

    def make(body: str, script: str = "", context: BrowserContext | None = None, **options: Any) -> Page:
        page = (context or new_context(**options)).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", note_violation)
        page.add_init_script(script)
        page.goto(site.url + site.write(chat.http_url, body))
        return page

    yield make
    assert errors == []


@pytest.fixture
def guest(visitor: Make, chats: Pair) -> Callable[[str], Person]:
    """A guest at the room's stand-alone page, on the other process."""
    return lambda room: visitor(url=f"{chats[1].http_url}/chatty/{room}").open().enter("Gus")


def test_the_example_signs_a_visitor_in_who_talks_with_a_guest(
    new_context: NewContext, site: PlainSite, guest: Callable[[str], Person]
) -> None:
    page = new_context().new_page()
    page.goto(site.url)
    dora = at(page, "chatty-room:not([bubble])")
    gus = guest("order-1047")
    gus.say("Where is my parcel?")
    expect(dora.message("Where is my parcel?")).to_be_visible()
    dora.say("On its way.")
    expect(gus.message("On its way.")).to_contain_text("Dora Fuchs")
    expect(gus.member("Dora Fuchs")).to_be_visible()

    support = guest("support")
    at(page, "chatty-room[bubble]")
    button = page.get_by_role("button", name="Support")
    expect(button).to_have_attribute("aria-expanded", "false")
    support.say("Can I help?")
    expect(page.get_by_role("button", name="Support (1)")).to_be_visible()
    button.click()
    expect(page.get_by_role("button", name="Support", exact=True)).to_have_attribute("aria-expanded", "true")
    helped = at(page, "chatty-room[bubble]")
    expect(helped.composer).to_be_focused()
    helped.composer.press("Escape")
    expect(button).to_have_attribute("aria-expanded", "false")


def test_a_guest_needs_no_storage_and_the_site_no_loose_policy(
    host: Callable[..., Page], guest: Callable[[str], Person], room: str
) -> None:
    page = host(f'<chatty-room room="{room}"></chatty-room>', NO_STORAGE)
    framed = at(page)
    expect(framed.dialog).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body"), "it takes no focus"
    gus = guest(room)
    framed.say("hello")
    expect(gus.message("hello")).to_contain_text("Anonymous")
    assert page.context.cookies(page.url) == []


def test_the_script_makes_no_global(
    host: Callable[..., Page], site: PlainSite, room: str, new_context: NewContext
) -> None:
    bare = new_context().new_page()
    bare.goto(f"{site.url}/site.css")
    page = host(f'<chatty-room room="{room}"></chatty-room>')
    at(page)
    own = "Object.getOwnPropertyNames(window).filter((name) => !/^\\d+$/.test(name))"
    assert set(page.evaluate(own)) - set(bare.evaluate(own)) == set()


def test_a_token_is_renewed_by_the_page_and_another_is_another_person(
    host: Callable[..., Page], guest: Callable[[str], Person], room: str
) -> None:
    gus = guest(room)
    page = host(
        f'<chatty-room room="{room}" token="{signed(seconds=-1)}"></chatty-room>',
        "window.addEventListener('gettoken', ({detail}) => detail.give(Promise.resolve(window.fresh)), true);"
        f"Object.defineProperty(window, 'fresh', {{ value: {json.dumps(signed())} }});",
    )
    dora = at(page)
    expect(gus.member("Dora Fuchs")).to_be_visible()
    dora.say("mine")
    page.locator("chatty-room").evaluate("(room, token) => (room.token = token)", signed("Max Kern", "8"))
    expect(gus.member("Max Kern")).to_be_visible()
    expect(gus.member("Dora Fuchs")).to_have_count(0)
    at(page).say("his")
    expect(gus.message("his")).to_contain_text("Max Kern")
    assert "identity" not in dora.run("Object.keys(localStorage).join()"), "the stand-alone page has its own"


def test_a_site_that_gives_no_token_is_asked_again(
    host: Callable[..., Page], room: str, new_context: NewContext
) -> None:
    context = new_context()
    asked: list[int] = []

    def answer(route: Route) -> None:
        asked.append(len(asked))
        if len(asked) == 1:
            route.abort()
        elif len(asked) == 2:
            route.fulfill(status=500, body="no token")
        else:
            route.fulfill(body=signed())

    context.route("**/chat-token", answer)
    page = host(f'<chatty-room room="{room}" token-url="/chat-token"></chatty-room>', context=context)
    bar = page.frame_locator("chatty-room iframe").locator("[data-module=connection-bar] .notice")
    expect(bar).to_contain_text("This site couldn't sign you in.")
    dora = at(page)
    expect(dora.member("Dora Fuchs")).to_have_count(1)
    expect(bar).to_be_hidden()
    assert len(asked) == 3


def test_a_room_that_the_token_isnt_for_isnt_there(host: Callable[..., Page], room: str) -> None:
    page = host(f'<chatty-room room="{room}" token="{signed(rooms=["support"])}"></chatty-room>')
    frame = page.frame_locator("chatty-room iframe")
    expect(frame.locator("[data-module=connection-bar] .notice")).to_contain_text("This room doesn't exist.")


def test_the_site_chooses_the_looks(host: Callable[..., Page], room: str) -> None:
    page = host(
        f'<chatty-room room="{room}" theme="dark" lang="de" header="none" accent="#fd0" font="Georgia, serif">'
        "</chatty-room>",
        color_scheme="light",
    )
    framed = at(page)
    expect(framed.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    expect(framed.page.locator("html")).to_have_attribute("lang", "de")
    assert framed.page.locator(".room-name").bounding_box()["width"] == 1, "only screen readers have it"
    assert "Georgia" in framed.run("getComputedStyle(document.body).fontFamily")
    assert framed.run("getComputedStyle(document.documentElement).getPropertyValue('--accent')") == "rgb(255,221,0)"
    page.locator("chatty-room").evaluate("room => room.setAttribute('theme', 'light')")
    expect(framed.page.locator("html")).to_have_attribute("data-bs-theme", "light")
    accent = framed.run("getComputedStyle(document.documentElement).getPropertyValue('--accent')")
    assert accent != "rgb(255,221,0)", "yellow on white can't be read"
    framed.page.get_by_role("button", name="Räume und Personen").click()
    expect(framed.roster).to_have_count(1)


@pytest.mark.parametrize(
    "query", ["accent=red", "accent=%23ff", "font=x;color:red", "theme=blue", "header=half", "lang=xx"]
)
def test_what_isnt_a_look_changes_nothing(visitor: Make, chat: ChattyServer, room: str, query: str) -> None:
    person = visitor(url=f"{chat.http_url}/chatty/{room}?embed=1&{query}").open().wait_until_joined()
    assert person.run("document.documentElement.getAttribute('style')") is None
    expect(person.page.locator("html")).to_have_attribute("data-bs-theme", "light")
    expect(person.page.get_by_role("heading", level=1)).to_be_visible()


def test_unread_messages_and_opening_are_events(
    host: Callable[..., Page], guest: Callable[[str], Person], room: str
) -> None:
    page = host(
        f'<chatty-room room="{room}" bubble></chatty-room>',
        "const said = []; Object.defineProperty(window, 'said', { value: said });"
        "for (const type of ['open', 'close', 'unread'])"
        "  addEventListener(type, ({ target, detail }) =>"
        "    target.localName === 'chatty-room' && said.push([type, detail]), true);",
    )
    at(page)
    guest(room).say("hello")
    page.get_by_role("button", name="Chat (1)").click()
    button = page.get_by_role("button", name="Chat", exact=True)
    expect(button).to_have_attribute("aria-expanded", "true")
    button.click()
    said = page.evaluate("said")
    assert [kind for kind, _ in said if kind != "unread"] == ["open", "close"]
    counts = [detail["unread"] for kind, detail in said if kind == "unread"]
    assert 1 in counts
    assert counts[-1] == 0


def test_it_is_as_high_as_its_messages_or_as_the_site_says(host: Callable[..., Page], room: str) -> None:
    page = host(f'<chatty-room id="auto" room="{room}"></chatty-room>')
    framed = at(page)
    iframe = page.locator("chatty-room iframe")
    room_box = page.locator("chatty-room")
    height = "iframe => iframe.getBoundingClientRect().height"
    assert 320 <= iframe.evaluate(height) < 640
    for number in range(12):
        framed.say(f"{number}\n\nand more")
    servers.wait_until(lambda: room_box.evaluate(height) == 640, 60, "a height of 640 px")
    page.locator("chatty-room").evaluate("room => room.setAttribute('height', '10rem')")
    servers.wait_until(lambda: room_box.evaluate(height) == 160, 60, "a height of 160 px")


def test_another_site_shows_nothing(new_context: NewContext, site: PlainSite, chat: ChattyServer, room: str) -> None:
    page = new_context().new_page()
    body = f'<chatty-room room="{room}"></chatty-room>'
    page.goto(f"http://127.0.0.1:{site.port}{site.write(chat.http_url, body)}")  # It isn't http://localhost.
    page.locator("chatty-room iframe").wait_for(state="attached")
    servers.wait_until(lambda: page.frames[-1].url.startswith("chrome-error:"), 60, "the browser refuses the frame")


def test_links_and_keys_of_other_rooms_stay_out_of_the_frame(host: Callable[..., Page], room: str) -> None:
    page = host(f'<chatty-room room="{room}"></chatty-room>')
    framed = at(page)
    framed.composer.press("Control+k")
    expect(framed.page.get_by_role("dialog")).to_have_count(0)
    expect(framed.page.get_by_role("navigation", name="Rooms")).to_be_hidden()


@pytest.mark.parametrize("width", [280, 360])
def test_nothing_is_cut_off_in_a_narrow_frame(
    host: Callable[..., Page], guest: Callable[[str], Person], room: str, width: int
) -> None:
    page = host(
        f'<chatty-room room="{room}" token="{signed()}" height="30rem"></chatty-room>',
        viewport={"width": width, "height": 640},
    )
    framed = at(page)
    guest(room).say("A long_word_" + "x" * 80 + " and `code " + "y" * 60 + "`")
    expect(framed.bodies.first).to_be_visible()
    assert framed.run("document.documentElement.scrollWidth <= innerWidth")
    for element in ("button", "textarea", "h1"):
        for found in framed.page.locator(f"{element}:visible").all():
            bounds = found.bounding_box()
            assert bounds is None or bounds["x"] + bounds["width"] <= width + 1


@pytest.mark.parametrize("width", [280, 360])
def test_the_bubble_fits_a_phone(
    host: Callable[..., Page], guest: Callable[[str], Person], room: str, width: int
) -> None:
    viewport = {"width": width, "height": 640}
    page = host(f'<chatty-room room="{room}" bubble></chatty-room>', viewport=viewport, has_touch=True)
    at(page)
    guest(room).say("hello")
    page.get_by_role("button", name="Chat (1)").tap()
    expect(at(page).message("hello")).to_be_visible()
    frame, button = page.locator("chatty-room iframe"), page.get_by_role("button", name="Chat", exact=True)
    expect(button).to_have_attribute("aria-expanded", "true")
    assert (box(frame)["x"], box(frame)["width"]) == (0, width)
    assert box(frame)["y"] + box(frame)["height"] <= box(button)["y"], "the button that closes it isn't over it"
    assert box(button)["x"] + box(button)["width"] <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    button.tap()
    expect(frame).to_be_hidden()


def test_messages_of_other_windows_are_ignored(host: Callable[..., Page], room: str) -> None:
    page = host(f'<chatty-room room="{room}" bubble theme="light"></chatty-room>')
    framed = at(page)
    page.evaluate("postMessage({ chatty: 'unread', unread: 9, mentions: 9 }, '*')")
    framed.run("postMessage({ chatty: 'theme', theme: 'dark' }, '*')")
    framed.run("window.parent.postMessage({ chatty: 'leave' }, 'http://localhost:1')")
    page.locator("chatty-room").evaluate("room => room.setAttribute('theme', 'system')")  # After these.
    expect(framed.page.locator("html")).to_have_attribute("data-bs-theme", "light")
    assert page.locator("chatty-room").evaluate("room => room.unread") == 0
    page.locator("chatty-room").evaluate("room => room.setAttribute('theme', 'dark')")
    expect(framed.page.locator("html")).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_the_embedded_looks(visitor: Make, chat: ChattyServer, room: str, theme: str) -> None:
    query = f"embed=1&theme={theme}&header=none&accent=%23fd0"
    person = visitor(url=f"{chat.http_url}/chatty/{room}?{query}", bypass_csp=True).open().wait_until_joined()
    person.say("Hello,\n\nsee https://example.com")
    assert_accessible(person, f"embedded, {theme}")
