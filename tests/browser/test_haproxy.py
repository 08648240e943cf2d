"""HAProxy with short time limits, and in front of two workers without stickiness."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Response, expect

from tests import servers
from tests.browser.person import Person
from tests.browser.test_fallback import converse, enter, expect_transport, reconnect
from tests.servers import ChattyServer, HaproxyServer, PostgresServer, RedisServer

Make = Callable[..., Person]
# Less than the 4 s between two pulses: each connection is cut again and again.
CUTTING = {"tunnel": "3s", "client": "3s", "server": "3s"}
PATIENT = {"tunnel": "60s", "client": "60s", "server": "60s"}


@pytest.fixture(scope="module")
def cutting(server: ChattyServer) -> Iterator[str]:
    with HaproxyServer(CUTTING, server) as proxy:
        yield proxy.http_url


@pytest.fixture(scope="module")
def two_workers(redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[str]:
    """Each request goes to the other worker than the one before."""
    settings = {"REDIS_URL": redis_server.url, "DATABASE_URL": postgres_server.create_migrated_database()}
    workers = [servers.chatty_server(**settings) for _ in range(2)]
    with servers.all_of(*workers), HaproxyServer(PATIENT, *workers) as proxy:
        yield proxy.http_url


@pytest.fixture(scope="module")
def hiding(server: ChattyServer) -> Iterator[HaproxyServer]:
    """It keeps the requests of clients that are gone."""
    with HaproxyServer(PATIENT, server, hides_the_gone=True) as proxy:
        yield proxy


def prefer(somebody: Person, kind: str) -> None:
    somebody.page.add_init_script(f"""localStorage.setItem("chatty.transport",
        JSON.stringify({{ kind: "{kind}", at: Date.now() }}))""")


def meet(visitor: Make, person: Make, proxy: HaproxyServer, room: str, kind: str) -> tuple[Person, Person]:
    """Ann, by this transport behind the proxy, and Bob, who sees her."""
    bob = person("Bob")
    ann = visitor(url=f"{proxy.http_url}/chatty/{room}")
    prefer(ann, kind)
    enter(ann, "Ann")
    expect_transport(ann, kind)
    expect(bob.member("Ann")).to_be_visible()
    return ann, bob


def expect_left(bob: Person, proxy: HaproxyServer, room: str) -> None:
    """Ann's page has said that she leaves, and Bob doesn't see her any more."""
    while f"DELETE /chatty/{room}/events 204" not in proxy.log:
        bob.page.wait_for_timeout(100)
    expect(bob.member("Ann")).to_have_count(0)


@pytest.mark.parametrize("kind", ["poll", "stream"])
def test_a_closed_tab_says_that_it_leaves(
    visitor: Make, person: Make, hiding: HaproxyServer, room: str, kind: str
) -> None:
    ann, bob = meet(visitor, person, hiding, room, kind)
    ann.page.close()
    expect_left(bob, hiding, room)


@pytest.mark.parametrize("kind", ["poll", "stream"])
def test_who_goes_to_another_room_leaves_the_former_one_at_once(
    visitor: Make, person: Make, hiding: HaproxyServer, room: str, kind: str
) -> None:
    ann, bob = meet(visitor, person, hiding, room, kind)
    ann.run("slug => app.events.publish('room:go', { slug })", f"{room}-2")
    expect_left(bob, hiding, room)
    ann.say("in the other room")


@pytest.mark.parametrize("kind", ["poll", "stream"])
def test_a_page_that_comes_back_from_the_browsers_cache_goes_on(
    visitor: Make, person: Make, hiding: HaproxyServer, room: str, kind: str
) -> None:
    """By its events alone: Chromium caches no page that holds a Web Lock, and Playwright's caches none."""
    ann, bob = meet(visitor, person, hiding, room, kind)
    ann.run("dispatchEvent(new PageTransitionEvent('pagehide', { persisted: true }))")
    expect(bob.member("Ann")).to_have_count(0)
    bob.say("meanwhile")
    ann.run("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    expect(bob.member("Ann")).to_be_visible()
    ann.say("I am back")
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(["meanwhile", "I am back"])
    expect_transport(ann, kind)


@pytest.mark.long
def test_short_time_limits_cut_every_connection_and_nobody_notices(
    visitor: Make, person: Make, cutting: str, room: str
) -> None:
    bob = person("Bob")
    ann = enter(visitor(url=f"{cutting}/chatty/{room}"), "Ann")
    ann.expects_errors = True  # Chromium reports each cut as a network error.
    expect_transport(ann, "stream")
    ann.run("""() => { window.welcomes = 0; app.events.subscribe("room:welcomed", () => { welcomes += 1; }); }""")
    said: list[str] = []
    while ann.run("welcomes") < 3:  # It was cut so often.
        said += [f"Bob {len(said)}", f"Ann {len(said)}"]
        bob.say(said[-2])
        ann.say(said[-1])
        ann.page.wait_for_function("before => welcomes > before", arg=ann.run("welcomes"))  # In a silence.
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(said)
    expect(bob.member("Ann")).to_be_visible()
    expect(bob.roster).to_have_count(2)


def test_polls_work_through_any_of_two_workers(visitor: Make, two_workers: str, room: str) -> None:
    people, workers = [], set[str]()

    def note(answer: Response) -> None:
        if "/events" in answer.url:
            workers.add(str(answer.headers.get("x-worker")))

    for name in ("Ann", "Bob"):
        somebody = visitor(url=f"{two_workers}/chatty/{room}")
        prefer(somebody, "poll")
        somebody.page.on("response", note)
        people.append(enter(somebody, name))
    ann, bob = people
    expect_transport(ann, "poll")
    expect_transport(bob, "poll")
    converse(ann, bob)
    reconnect(ann, bob)
    expect(ann.roster).to_have_count(2)
    assert workers == {"worker0", "worker1"}
    ann.page.close()
    expect(bob.member("Ann")).to_have_count(0)
