"""The event bus, and modules that use it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.browser.person import Person
from tests.servers import ChattyServer

Make = Callable[..., Person]

BUS = """
    const {makeBus, APP_LAUNCHED, FILTER_CHANGED, SESSION_CHANGED} = await import("/static/chat/js/app/events.js");
    const bus = makeBus();
"""


@pytest.fixture
def ann(person: Make) -> Person:
    return person("Ann")


def bus(person: Person, script: str) -> object:
    return person.run(f"async () => {{ {BUS} {script} }}")


def test_app_is_the_only_global_of_ours(visitor: Make) -> None:
    ann = visitor()
    ann.page.route("**/bundle/page*.js", lambda route: route.abort())
    ann.open()
    before = set(ann.run("Object.getOwnPropertyNames(window)"))
    ann.page.unroute("**/bundle/page*.js")
    ann.reload().enter("Ann").say("hello")
    assert set(ann.run("Object.getOwnPropertyNames(window)")) - before == {"app"}
    assert ann.run("Object.keys(app)") == ["events"]


def test_what_is_published_reaches_every_subscriber_in_turn(ann: Person) -> None:
    script = """
        const seen = [];
        bus.subscribe(FILTER_CHANGED, ({author}) => seen.push(`one ${author}`));
        bus.subscribe(FILTER_CHANGED, ({author}) => seen.push(`two ${author}`));
        bus.publish(FILTER_CHANGED, {author: "x"});
        return seen;
    """
    assert bus(ann, script) == ["one x", "two x"]


@pytest.mark.parametrize(
    "call", ["publish('message:arived', {})", "subscribe('message:arived', () => {})", "publish(undefined)"]
)
def test_unknown_name_throws(ann: Person, call: str) -> None:
    assert bus(ann, f"try {{ bus.{call}; return null; }} catch (error) {{ return error.name; }}") == "TypeError"


def test_handler_that_throws_is_reported_and_stops_nobody(ann: Person) -> None:
    script = """
        const seen = [];
        addEventListener("error", (event) => { seen.push(event.error.message); event.preventDefault(); }, {once: true});
        bus.subscribe(APP_LAUNCHED, () => { throw new Error("broken"); });
        bus.subscribe(APP_LAUNCHED, () => seen.push("still called"));
        bus.publish(APP_LAUNCHED);
        return seen;
    """
    assert bus(ann, script) == ["broken", "still called"]


def test_subscribing_while_publishing_concerns_only_later_events(ann: Person) -> None:
    script = """
        let calls = 0;
        const end = bus.subscribe(APP_LAUNCHED, () => { end(); bus.subscribe(APP_LAUNCHED, () => calls++); });
        bus.publish(APP_LAUNCHED);
        const first = calls;
        bus.publish(APP_LAUNCHED);
        return [first, calls];
    """
    assert bus(ann, script) == [0, 1]


def test_listener_cannot_change_what_the_others_get(ann: Person) -> None:
    script = """
        let seen = null;
        bus.subscribe(FILTER_CHANGED, (payload) => { try { payload.author = "changed"; } catch { /* Frozen. */ } });
        bus.subscribe(FILTER_CHANGED, ({author}) => { seen = author; });
        bus.publish(FILTER_CHANGED, {author: "mine"});
        return seen;
    """
    assert bus(ann, script) == "mine"


def test_fact_that_stands_is_told_to_who_subscribes_later(ann: Person) -> None:
    script = """
        const seen = [];
        bus.subscribe(SESSION_CHANGED, ({name}) => seen.push(`early ${name}`));
        bus.publish(SESSION_CHANGED, {name: "Ann"});
        bus.publish(FILTER_CHANGED, {filter: null});
        bus.subscribe(SESSION_CHANGED, ({name}) => seen.push(`late ${name}`));
        bus.subscribe(FILTER_CHANGED, () => seen.push("stale"));
        return seen;
    """
    assert bus(ann, script) == ["early Ann", "late Ann"]


def test_example_module_counts_words_until_it_is_unmounted(ann: Person, person: Make) -> None:
    ann.run(
        """async () => {
            const {mount} = await import("/static/chat/js/examples/word-count.js");
            const root = document.body.appendChild(Object.assign(document.createElement("output"), {id: "words"}));
            window.unmountWords = mount({events: app.events, root});
        }"""
    )
    words = ann.page.locator("#words")
    expect(words).to_have_text("0")
    person("Bob").say("three words here")
    expect(words).to_have_text("3")
    ann.say("and one more")
    expect(words).to_have_text("6")
    ann.run("() => { unmountWords(); unmountWords(); }")
    expect(words).to_have_text("")
    ann.say("not counted")
    expect(words).to_have_text("")


def test_every_module_can_be_mounted_and_unmounted_again(ann: Person) -> None:
    ann.expects_errors = True
    left = ann.run(
        """async () => {
            const {makeBus} = await import("/static/chat/js/app/events.js");
            const {MODULES, launch} = await import("/static/chat/js/app/launch.js");
            const bus = makeBus();
            let open = 0;
            const events = {
                publish: bus.publish,
                subscribe(name, handler) {
                    const end = bus.subscribe(name, handler);
                    open += 1;
                    let isOpen = true;
                    return () => { if (isOpen) open -= 1; isOpen = false; return end(); };
                },
            };
            const unmount = launch({events, root: document.body, modules: MODULES});
            const mounted = open;
            unmount();
            unmount();
            return [mounted > 50, open];
        }"""
    )
    assert left == [True, 0]
    assert ann.errors == []


OPEN = "openPage({ events: window.app.events, root: document.body });"
SHUFFLED_OPEN = """
let seed = SEED;
const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647; // Park and Miller's.
const entries = Object.entries(MODULES).map((entry) => [random(), entry]).sort(([a], [b]) => a - b);
window.mounted = entries.map(([, [name]]) => name);
const modules = Object.fromEntries(entries.map(([, entry]) => entry));
openPage({ events: window.app.events, root: document.body, modules });
"""


def shuffle(route: Route, seed: int) -> None:
    """Lets the page's main script mount the modules in another order."""
    main = route.fetch().text()
    assert OPEN in main
    main = main.replace(OPEN, SHUFFLED_OPEN.replace("SEED", str(seed)))
    main = 'import { MODULES } from "./launch.js";' + main
    route.fulfill(body=main, content_type="text/javascript")


@pytest.mark.parametrize("seed", [1, 20, 300])
def test_modules_may_be_mounted_in_any_order(
    visitor: Make, person: Make, unbundled_server: ChattyServer, room: str, seed: int
) -> None:
    url = f"{unbundled_server.http_url}/chatty/{room}"
    bob = person("Bob", url=url).say("said before")
    ann = visitor(url=url)
    ann.page.route("**/js/app/main*.js", lambda route: shuffle(route, seed))
    ann.open().enter("Ann")
    mounted = ann.run("mounted")
    assert mounted != ann.run("async () => Object.keys((await import('/static/chat/js/app/launch.js')).MODULES)")
    expect(ann.bodies).to_have_text(["said before"])
    ann.say("from Ann")
    expect(bob.bodies).to_have_text(["said before", "from Ann"])
    expect(ann.member("Ann")).to_be_visible()
    ann.composer.press("ArrowUp")
    expect(ann.composer).to_have_value("from Ann")
    ann.composer.fill("edited")
    ann.composer.press("Enter")
    expect(bob.bodies).to_have_text(["said before", "edited"])
    ann.filter_by("Bob")
    expect(ann.bodies).to_have_text(["said before"])
    ann.page.keyboard.press("Escape")
    expect(ann.bodies).to_have_text(["said before", "edited"])
    ann.page.keyboard.press("Control+K")
    expect(ann.page.get_by_role("dialog", name="Go to a room")).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(ann.page.get_by_role("dialog", name="Go to a room")).to_be_hidden()
    ann.reload()
    expect(ann.bodies).to_have_text(["said before", "edited"])
