"""Networks that block, silence or cut WebSockets: the page talks by a stream or by polls, and nobody has to know."""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from playwright.sync_api import BrowserContext, Request, expect

from tests.browser.person import Person
from tests.servers import ChattyServer, NginxServer

Make = Callable[..., Person]
WORDS = {
    "websocket": "Connected by WebSocket",
    "stream": "Connected by an HTTP stream",
    "poll": "Connected by repeated HTTP requests",
}
PROXY = """
    location / {{
        proxy_pass http://127.0.0.1:{port};
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
    }}
"""


@contextmanager
def nginx(server: ChattyServer) -> Iterator[str]:
    """An nginx that passes no `Upgrade` on: its address."""
    with NginxServer("events {}", PROXY.format(port=server.port)) as proxy:
        yield f"http://127.0.0.1:{proxy.port}"


@pytest.fixture(scope="module")
def without_upgrades(server: ChattyServer) -> Iterator[str]:
    with nginx(server) as url:
        yield url


class Collector(BaseHTTPRequestHandler):
    """Passes an answer on when it has all of it: never, for a stream. It knows no WebSockets."""

    protocol_version = "HTTP/1.1"
    port = 0

    def do_GET(self) -> None:
        if "Upgrade" in self.headers:
            self.send_error(501)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        try:
            answer = httpx.request(
                self.command,
                f"http://127.0.0.1:{self.port}{self.path}",
                content=body,
                headers=headers,
                timeout=60,
                trust_env=False,
            )
        except httpx.TransportError:
            self.send_error(502)
            return
        self.send_response(answer.status_code)
        for name, value in answer.headers.items():
            if name not in {"content-length", "content-encoding", "transfer-encoding", "connection"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_POST = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def buffering(server: ChattyServer) -> Iterator[str]:
    handler = type("Handler", (Collector,), {"port": server.port})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        proxy.daemon_threads = True
        proxy.block_on_close = False
        proxy.handle_error = lambda *details: None  # type: ignore[method-assign]  # A browser that has gone.
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{proxy.server_port}"
        proxy.shutdown()


@contextmanager
def cutter(port: int, seconds: float) -> Iterator[str]:
    """A proxy that ends each TCP connection after so many seconds, whatever it carries: its address."""

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(near: socket.socket, far: socket.socket) -> None:
        for end in (near, far):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def accept(listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                near, _ = listener.accept()
                far = socket.create_connection(("127.0.0.1", port))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pass_on, args=pair, daemon=True).start()
                timer = threading.Timer(seconds, cut, (near, far))
                timer.daemon = True
                timer.start()

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        threading.Thread(target=accept, args=(listener,), daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def expect_transport(somebody: Person, kind: str) -> None:
    """The room's details name it."""
    transport = somebody.page.locator("[data-module=room-about] [data-slot=transport]")
    expect(transport).to_have_text(re.compile(WORDS[kind]), timeout=30_000)


def enter(somebody: Person, name: str) -> Person:
    """As `enter`, and waits for as long as the choice of a transport may take."""
    somebody.open()
    somebody.name_field.fill(name)
    somebody.name_field.press("Enter")
    expect(somebody.connection).to_have_attribute("data-state", "joined", timeout=60_000)
    somebody.name = name
    return somebody


@pytest.fixture
def at(visitor: Make, room: str) -> Callable[..., Person]:
    """Somebody whose network leads through the proxy with this address."""

    def make(proxy: str, name: str, context: BrowserContext | None = None) -> Person:
        return enter(visitor(context=context, url=f"{proxy}/chatty/{room}"), name)

    return make


def converse(ann: Person, bob: Person) -> None:
    """The core of a visit: both talk, type, edit, react to history, filter and search."""
    for number in range(3):
        ann.say(f"apple {number}")
    bob.say("from Bob")
    said = ["apple 0", "apple 1", "apple 2", "from Bob"]
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(said)
        expect(somebody.member("Ann")).to_be_visible()
        expect(somebody.member("Bob")).to_be_visible()
    ann.composer.press("ArrowUp")
    expect(ann.composer).to_have_value("apple 2")
    ann.write("pear 2").composer.press("Enter")
    said[2] = "pear 2"
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(said)
    bob.composer.press_sequentially("I am typ")
    expect(ann.page.get_by_text(re.compile("Bob.* is typing"))).to_be_visible()
    bob.write("")
    ann.filter_by("Bob")
    expect(ann.bodies).to_have_text(["from Bob"])
    ann.all_messages.click()
    expect(ann.bodies).to_have_text(said)
    found = ask(ann, {"type": "search", "query": "pear", "limit": 5})
    assert [result["seq"] for result in found["results"]] == [3]
    page = ask(ann, {"type": "history", "before": 3, "limit": 5})
    assert [message["body"] for message in page["messages"]] == ["apple 0", "apple 1"]


def ask(somebody: Person, command: dict[str, Any]) -> Any:
    """What the server answers a command of the page."""
    return somebody.run(
        """command => new Promise((answered) => app.events.publish("command:send", { command, answered }))""", command
    )


def reconnect(ann: Person, bob: Person) -> None:
    """What was written without a network arrives once, and what was said meanwhile, too."""
    before = ann.bodies.all_inner_texts()
    ann.page.context.set_offline(True)
    expect(ann.bar).to_be_visible()
    ann.write("written offline").composer.press("Enter")
    bob.say("said meanwhile")
    ann.page.context.set_offline(False)
    expect(ann.pending).to_have_count(0, timeout=30_000)
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text([*before, "said meanwhile", "written offline"])


def test_without_upgrades_the_page_talks_by_a_stream(at: Make, person: Make, without_upgrades: str) -> None:
    bob = person("Bob")
    ann = at(without_upgrades, "Ann")
    expect_transport(ann, "stream")
    expect_transport(bob, "websocket")
    converse(ann, bob)
    reconnect(ann, bob)
    expect_transport(ann, "stream")
    ann.page.close()
    expect(bob.member("Ann")).to_have_count(0)


def test_through_a_proxy_that_collects_answers_the_page_polls(at: Make, person: Make, buffering: str) -> None:
    bob = person("Bob")
    ann = at(buffering, "Ann")
    expect_transport(ann, "poll")
    converse(ann, bob)
    reconnect(ann, bob)
    expect_transport(ann, "poll")


@pytest.mark.long
@pytest.mark.parametrize("proxy", ["without_upgrades", "buffering"])
def test_other_commands_and_moderation_work_as_well(
    at: Make,
    moderators_cookie: Any,
    new_context: Callable[..., BrowserContext],
    proxy: str,
    request: pytest.FixtureRequest,
    room: str,
) -> None:
    url = request.getfixturevalue(proxy)
    context = new_context()
    context.add_cookies([moderators_cookie])
    mo, eve = at(url, "Mo", context), at(url, "Eve")
    eve.say("Buy my stuff")
    assert ask(eve, {"type": "rename", "name": "Eva"})["type"] == "done"
    expect(mo.member("Eva")).to_be_visible()
    assert ask(eve, {"type": "watch", "rooms": [{"slug": room, "seq": 0}]})["type"] == "unread"
    assert ask(eve, {"type": "lock", "on": True})["code"] == "not_allowed"
    assert ask(eve, {"type": "away", "on": True})["type"] == "done"
    # The collecting proxy holds streams that the page has tried and left, until the server misses signs of life.
    expect(mo.member("Eva")).to_have_class(re.compile("is-away"), timeout=60_000)
    assert ask(mo, {"type": "delete", "seq": 1, "reason": "spam"})["type"] in {"done", "message"}
    expect(eve.bodies).to_have_text(["Message deleted"])
    assert ask(mo, {"type": "ban", "id": eve.id, "reason": "spam"})["type"] == "banned"
    notice = eve.page.get_by_role("dialog", name="You've been banned from this room")
    expect(notice).to_be_visible()
    expect(eve.connection).to_have_attribute("data-state", "stopped")
    expect(mo.member("Eva")).to_have_count(0)
    eve.reload()
    expect(notice).to_be_visible(timeout=60_000)


def test_a_refused_token_is_renewed_over_a_stream_too(at: Make, without_upgrades: str) -> None:
    ann = at(without_upgrades, "Ann")
    before = ann.id
    asked: list[str] = []

    def note(request: Request) -> None:
        if "/events" in request.url:
            asked.append(request.url)

    ann.page.on("request", note)
    ann.run("""() => app.events.publish("identity:ready", { uuid: "another", token: "forged", name: null, former: null,
        socketURL: location.origin.replace("http", "ws") + "/ws/chatty", httpURL: location.origin + "/chatty" })""")
    expect(ann.connection).to_have_attribute("data-state", "joined", timeout=60_000)
    ann.say("still me")
    assert asked
    assert ann.id == before


@pytest.mark.long
def test_where_everything_is_cut_the_page_streams_on_and_nobody_notices(
    at: Make, person: Make, server: ChattyServer
) -> None:
    with cutter(server.port, 4) as proxy:
        bob = person("Bob")
        ann = at(proxy, "Ann")
        expect_transport(ann, "stream")
        expect(ann.connection).to_have_attribute("data-state", "joined")
        ann.run("""() => { window.states = []; window.welcomes = 0;
            app.events.subscribe("connection:changed", ({state}) => states.push(state));
            app.events.subscribe("room:welcomed", () => { welcomes += 1; }); }""")
        said: list[str] = []
        while ann.run("welcomes") < 3:  # It was cut so often.
            said += [f"Bob {len(said)}", f"Ann {len(said)}"]
            bob.say(said[-2])
            ann.say(said[-1])
        for somebody in (ann, bob):
            expect(somebody.bodies).to_have_text(said)
        expect(bob.member("Ann")).to_be_visible()
        assert ann.run("states.filter((state) => state === 'connecting').length < welcomes")  # It resumed unnoticed.


@pytest.mark.long
@pytest.mark.parametrize("proxy", ["without_upgrades", "buffering"])
def test_a_seventh_tab_works_where_six_connections_are_allowed(
    at: Make, person: Make, proxy: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(proxy)
    bob = person("Bob")
    ann = at(url, "Ann")
    expect_transport(ann, "stream" if proxy == "without_upgrades" else "poll")
    # The others needn't find out what works.
    ann.run(
        """kind => localStorage.setItem("chatty.transport", JSON.stringify({ kind, at: Date.now() }))""",
        "stream" if proxy == "without_upgrades" else "poll",
    )
    tabs = [ann]
    while len(tabs) < 8:
        tab = Person(ann.page.context.new_page(), ann.url)
        tabs.append(tab.open().wait_until_joined())
    for number, tab in enumerate(tabs):
        tab.say(f"tab {number}")
    bob.say("from Bob")
    for somebody in [*tabs, bob]:
        expect(somebody.bodies).to_have_text([*(f"tab {number}" for number in range(len(tabs))), "from Bob"])
    expect(bob.roster).to_have_count(2)
    tabs[-1].reload().wait_until_joined().say("after a reload")
    expect(tabs[0].bodies.last).to_have_text("after a reload")


def test_what_works_is_remembered_for_a_day_and_better_things_are_tried_again(at: Make, without_upgrades: str) -> None:
    ann = at(without_upgrades, "Ann")
    expect_transport(ann, "stream")
    stored = "() => JSON.parse(localStorage.getItem('chatty.transport'))"
    ann.page.wait_for_function(f"() => ({stored})()?.kind === 'stream'")  # A second try by WebSocket has failed.
    tried: list[str] = []
    ann.page.on("websocket", lambda socket: tried.append(socket.url))
    ann.reload().wait_until_joined()
    expect_transport(ann, "stream")
    assert tried == []
    ann.run("""kind => localStorage.setItem("chatty.transport",
        JSON.stringify({ kind: "stream", at: Date.now() - 86_400_001 }))""")
    ann.reload()
    expect(ann.connection).to_have_attribute("data-state", "joined", timeout=60_000)
    assert len(tried) >= 2


@pytest.mark.long
def test_the_page_goes_back_to_a_websocket_where_one_works(visitor: Make) -> None:
    """As after an outage of the server, in which it had tried everything, or in another network."""
    ann = visitor()
    ann.page.add_init_script("""if (!localStorage.getItem("chatty.transport"))
        localStorage.setItem("chatty.transport", JSON.stringify({ kind: "stream", at: Date.now() }))""")
    ann.open().enter("Ann")
    expect_transport(ann, "stream")
    ann.say("by a stream")
    ann.run("dispatchEvent(new Event('online'))")
    expect(ann.page.locator("[data-module=room-about] [data-slot=transport]")).to_have_text(
        WORDS["websocket"], timeout=60_000
    )
    ann.wait_until_joined().say("by a WebSocket")
    expect(ann.bodies).to_have_text(["by a stream", "by a WebSocket"])
    assert ann.run("localStorage.getItem('chatty.transport')") is None
