"""The event bus, and what may be built on it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person

Make = Callable[..., Person]

BUS = """
    const {makeBus, APP_LAUNCHED, FILTER_CHANGED} = await import("/static/chat/js/events.js");
    const bus = makeBus();
"""


@pytest.fixture
def ann(person: Make) -> Person:
    return person("Ann")


def bus(person: Person, script: str) -> object:
    return person.run(f"async () => {{ {BUS} {script} }}")


def test_app_is_the_only_global_of_ours(visitor: Make) -> None:
    ann = visitor()
    ann.page.route("**/js/main*.js", lambda route: route.abort())
    ann.open()
    before = set(ann.run("Object.getOwnPropertyNames(window)"))
    ann.page.unroute("**/js/main*.js")
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
            const {makeBus} = await import("/static/chat/js/events.js");
            const {launch} = await import("/static/chat/js/launch.js");
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
            const unmount = launch({events, root: document.body});
            const mounted = open;
            unmount();
            unmount();
            return [mounted > 50, open];
        }"""
    )
    assert left == [True, 0]
    assert ann.errors == []
