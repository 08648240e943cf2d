"""The browser's identity: after a loss of storage, a missing answer, a refused token and a change of the key."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.person import Person, Wire
from tests.servers import ChattyServer

Make = Callable[..., Person]
LATE = "The server is slow to respond."
LONGEST_PAUSES = "Math.random = () => 0.999"  # Between two tries; the default is anything up to that.


def test_without_local_storage_one_comes_back_as_the_same_person(person: Make) -> None:
    ann = person("Ann").say("mine")
    before = ann.id
    ann.run("localStorage.clear()")  # As Safari does after a week without a visit.
    ann.reload().enter("Ann")
    assert ann.id == before
    expect(ann.message("mine")).to_have_class(re.compile(r"\bis-own\b"))
    assert ann.run("document.cookie") == "", "no script can read it"


@pytest.mark.long
def test_an_unanswered_question_holds_no_tab_up_for_ever(visitor: Make) -> None:
    ann = visitor().open().enter("Ann")
    context = ann.page.context
    held: list[Route] = []
    context.route("**/get_user_info*", lambda route: held.append(route))
    ann.reload()
    tab = visitor(context=context).open()
    for somebody in (ann, tab):
        expect(somebody.bar).to_contain_text(LATE)
    for somebody in (ann, tab):
        expect(somebody.page.get_by_role("button", name="Try now")).to_be_visible(timeout=60_000)
    context.unroute("**/get_user_info*")
    for somebody in (tab, ann):
        somebody.run("() => document.querySelector('[data-module=connection-bar] [data-slot=retry]').click()")
        somebody.wait_until_joined()
        expect(somebody.bar).to_be_hidden()


def test_a_late_answer_takes_the_words_about_it_away_for_somebody_without_a_name(visitor: Make) -> None:
    ann = visitor()
    held: list[Route] = []
    ann.page.route("**/get_user_info*", lambda route: held.append(route))
    ann.open()
    expect(ann.bar).to_contain_text(LATE)
    held[0].continue_()
    expect(ann.bar).to_be_hidden()
    ann.enter("Ann")


def test_two_tabs_that_become_somebody_at_once_end_as_one_person(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    context = ann.page.context
    # As over plain HTTP: nothing keeps the tabs from asking at the same time.
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    ann.open().enter("Ann")
    ann.run("localStorage.removeItem('chatty.identity')")
    context.clear_cookies()
    held: list[Route] = []
    context.route("**/get_user_info*", lambda route: held.append(route))
    ann.reload()
    tab = visitor(context=context).open()
    for somebody in (ann, tab):
        expect(somebody.bar).to_contain_text(LATE)
    for route in held:
        route.continue_()
    for somebody in (ann, tab):
        somebody.wait_until_joined()
    expect(bob.roster).to_have_count(2)
    ann.say("from one tab")
    expect(tab.message("from one tab")).to_have_class(re.compile(r"\bis-own\b"))


# --- refused tokens ---


class SocketRoute:
    """Intercepts the room's socket: connects it, refuses the token (4401) or closes (1011). HTTP gets nowhere."""

    def __init__(self, page: Page) -> None:
        self.does = "connect"
        self.opened: list[WebSocketRoute] = []
        page.route_web_socket(re.compile("/ws/chatty/"), self._open)
        page.route(re.compile(r"/events\?"), lambda route: route.abort())

    def _open(self, socket: WebSocketRoute) -> None:
        self.opened.append(socket)
        if self.does == "connect":
            socket.connect_to_server()
        elif self.does == "refuse":
            socket.on_message(lambda _: socket.close(code=4401))
        elif self.does == "refuse once":
            self.does = "connect"
            socket.on_message(lambda _: socket.close(code=4401))
        else:
            socket.close(code=1011)


@pytest.fixture
def ann(visitor: Make) -> Person:
    ann = visitor()
    ann.page.add_init_script(LONGEST_PAUSES)
    ann.page.clock.install()
    return ann


def wait_until_pauses_are_long(somebody: Person) -> None:
    """Until then each try is in vain. Afterwards the next one comes later than anything here waits for."""
    long_pause = re.compile(r"Retrying in (2[6-9]|30) s\.")
    for _ in range(300):
        if long_pause.search(somebody.bar.inner_text()):
            return
        if somebody.connection.get_attribute("data-state") == "waiting":
            somebody.page.clock.run_for(1_000)
        else:  # A try takes real time. If the clock ran on, it would end as one without an answer.
            expect(somebody.connection).to_have_attribute("data-state", "waiting")
    raise AssertionError(f"expected a long pause; got {somebody.bar.inner_text()}")


def test_a_token_refused_after_vain_tries_is_renewed_at_once(ann: Person) -> None:
    route = SocketRoute(ann.page)
    ann.open().enter("Ann")
    route.does = "close"
    route.opened[-1].close(code=1011)
    wait_until_pauses_are_long(ann)
    route.does = "refuse once"
    ann.page.get_by_role("button", name="Try now").click()
    ann.wait_until_joined()


@pytest.mark.parametrize("way", ["the button", "coming online"])
def test_while_tokens_are_refused_the_page_says_when_it_tries_again_and_can_be_hurried(ann: Person, way: str) -> None:
    route = SocketRoute(ann.page)
    ann.open().enter("Ann")
    route.does = "refuse"
    route.opened[-1].close(code=4401)
    retry = ann.page.get_by_role("button", name="Try now")
    wait_until_pauses_are_long(ann)
    route.does = "connect"
    if way == "the button":
        retry.click()
    else:
        ann.run("dispatchEvent(new Event('online'))")
    ann.wait_until_joined()


# --- another key ---


@pytest.mark.parametrize("has_locks", [True, False], ids=["locks", "plain-http"])
def test_after_a_change_of_the_key_all_tabs_come_back_as_one_new_person_with_draft_and_outbox(
    chatty_server: Callable[..., ChattyServer], visitor: Make, has_locks: bool
) -> None:
    server = chatty_server(SECRET_KEY="the old key " * 5)
    url = f"{server.http_url}/chatty/keys"
    bob = visitor(url=url).open().enter("Bob")
    ann = visitor(url=url)
    context = ann.page.context
    if not has_locks:
        context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    ann.open().enter("Ann").say("before")
    tab = visitor(context=context, url=url)
    wires = [Wire(tab.page)]
    tab.open().wait_until_joined()
    before = ann.id
    expect(ann.message("before")).to_have_class(re.compile(r"\bis-own\b"))

    server.kill()
    for somebody in (ann, tab):
        expect(somebody.connection).to_have_attribute("data-state", "waiting", timeout=30_000)
    ann.write("while away").composer.press("Enter")
    ann.write("a draft")
    server.settings["SECRET_KEY"] = "the new key " * 5
    server.start()

    for somebody in (ann, tab, bob):
        somebody.page.wait_for_function(
            "known => JSON.parse(localStorage['chatty.identity']).uuid !== known", arg=before
        )
        expect(somebody.bodies).to_have_text(["before", "while away"], timeout=60_000)
        expect(somebody.roster).to_have_count(2, timeout=60_000)
        somebody.wait_until_joined()
    for somebody in (ann, tab):
        expect(somebody.message("before")).not_to_have_class(re.compile(r"\bis-own\b"))
        expect(somebody.message("while away")).to_have_class(re.compile(r"\bis-own\b"))
        expect(somebody.page.get_by_text("so you joined as a new person")).to_be_visible()
    expect(ann.composer).to_have_value("a draft")
    assert wires[0].commands("join")[-1]["token"].startswith(ann.id)
    ann.page.locator("[data-module=new-identity]").get_by_role("button", name="Close").click()
    ann.say("I'm back")
    expect(tab.message("I'm back")).to_have_class(re.compile(r"\bis-own\b"))


def test_pauses_grow_while_no_transport_works(chatty_server: Callable[..., ChattyServer], visitor: Make) -> None:
    server = chatty_server()
    ann = visitor(url=f"{server.http_url}/chatty/gone")
    ann.expects_errors = True
    ann.page.add_init_script(LONGEST_PAUSES)
    ann.page.clock.install()
    ann.open().enter("Ann")
    server.stop()
    wait_until_pauses_are_long(ann)
