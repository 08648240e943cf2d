"""The reading position stays when messages are added and removed around it, and nothing moves it later."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.apart import talk
from tests.browser.made_up import MadeUpRoom
from tests.browser.person import Person, Wire
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]
LONG = "line\n" * 100


def test_the_bar_of_a_lost_connection_does_not_move_what_is_read(visitor: Make) -> None:
    ann = visitor(viewport={"width": 900, "height": 600})
    room = MadeUpRoom(ann.page, 300)
    ann.open().enter("Ann")
    expect(ann.message("number 300")).to_be_in_viewport()
    ann.run("() => { const s = document.querySelector('.scroller'); s.scrollTop = 600; }")
    expect(ann.page.locator(".jump")).to_be_visible()
    ann.run("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    top = """() => {
        const box = document.querySelector(".scroller").getBoundingClientRect();
        window.read ??= document.elementFromPoint(box.left + box.width / 2, box.bottom - 60).closest(".message");
        return Math.round(read.getBoundingClientRect().top);
    }"""
    before = ann.run(top)
    room.hang_up()
    expect(ann.bar).to_be_visible()
    ann.run("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    assert abs(ann.run(top) - before) <= 1


def test_a_refused_place_is_not_gone_to_by_the_next_connection(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    for number in range(3):
        bob.say(f"{number}")
    ann = visitor()
    wire = Wire(ann.page)
    wire.answer = lambda command: (
        {"type": "refused", "code": "unavailable", "detail": "Not now."} if command.get("around") else None
    )
    ann.open().enter("Ann")
    ann.run("() => app.events.publish('message:show', {seq: 900})")
    expect(ann.message("2")).to_be_visible()
    assert [command["around"] for command in wire.commands("history") if "around" in command] == [900]
    wire.cut()
    expect(ann.connection).to_have_attribute("data-state", "waiting")
    wire.mend()
    ann.wait_until_joined()
    bob.say("3")
    expect(ann.message("3")).to_be_visible()
    assert [command["around"] for command in wire.commands("history") if "around" in command] == [900]


def test_writing_gives_up_a_place_that_has_not_come_yet(visitor: Make, server: ChattyServer, room: str) -> None:
    talk(Client(server.http_url, "Bob", room), [f"{number}" for number in range(60)])
    ann = visitor()
    wire = Wire(ann.page)
    wire.keep = lambda event: event["type"] != "page"
    ann.open("#message/1").enter("Ann")
    expect(ann.message("59")).to_be_visible()
    asked = [command for command in wire.commands("history") if "around" in command]
    assert len(asked) == 1
    wire.cut()
    ann.write("written while away").composer.press("Enter")
    expect(ann.pending).to_have_count(1)
    wire.keep = lambda event: True
    wire.mend()
    ann.wait_until_joined()
    expect(ann.pending).to_have_count(0)
    talk(Client(server.http_url, "Bob", room), ["and on it goes"])
    expect(ann.bodies.last).to_have_text("and on it goes")
    assert [command for command in wire.commands("history") if "around" in command] == asked
    assert "#" not in ann.page.url


def test_a_long_message_that_waits_unfolds(person: Make) -> None:
    ann = person("Ann")
    ann.page.context.set_offline(True)
    expect(ann.bar).to_be_visible()
    ann.write(LONG).composer.press("Enter")
    ann.pending.get_by_role("button", name="Show more").click()
    expect(ann.pending.get_by_role("button", name="Show more")).to_be_hidden()


def test_what_is_copied_is_what_was_read(person: Make) -> None:
    ann, bob = person("Ann", permissions=["clipboard-read", "clipboard-write"]), person("Bob")
    bob.say("first\nline two")
    ann.say("second")
    bob.say("third")
    expect(ann.messages).to_have_count(3)
    copied = ann.run(
        """async () => {
            const messages = document.querySelector(".messages");
            getSelection().selectAllChildren(messages);
            document.execCommand("copy");
            return navigator.clipboard.readText();
        }"""
    )
    words = [line for line in copied.splitlines() if line.strip()]
    assert [line for line in words if line in ("first", "line two", "second", "third")] == [
        "first",
        "line two",
        "second",
        "third",
    ]
    assert not {"React", "Reply", "More actions for this message", "Show more", "Add a reaction"} & set(words)
    assert "Bob" in copied


LOCKS = "(await navigator.locks.query()).{}.filter(({{name}}) => name.startsWith('chatty.alerts.'))"


def test_a_tab_that_hears_nothing_leaves_the_alerts_to_another(visitor: Make) -> None:
    one = visitor()
    wire = Wire(one.page)
    one.open().enter("Ann")
    held, pending = LOCKS.format("held"), LOCKS.format("pending")
    one.page.wait_for_function(f"async () => {held}.length")
    other = visitor(context=one.page.context).open().wait_until_joined()
    other.page.wait_for_function(f"async () => {pending}.length")
    first = one.run(f"async () => {held}[0].clientId")
    wire.cut()
    other.page.wait_for_function(
        f"async first => {{ const now = {held}[0]?.clientId; return now && now !== first; }}", arg=first
    )
