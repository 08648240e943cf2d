"""Alerts for a reader who isn't looking at the page."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.person import Person, Wire

Make = Callable[..., Person]

PUBLISH = "command => app.events.publish('command:send', { command })"


def icon_is(somebody: Person, name: str) -> None:
    icon = somebody.page.locator("link[rel=icon][data-unread]")
    expect(icon).to_have_attribute("href", re.compile(rf"/{name}[^/]*\.svg$"))


def test_title_and_icon_count_what_came_while_nobody_looked(visitor: Make, person: Make) -> None:
    ann, bob = visitor(), person("Bob").say("@Ann, old news")
    wire = Wire(ann.page)
    ann.page.add_init_script(
        "window.badges = []; navigator.setAppBadge = async (n) => badges.push(n ?? 'dot');"
        "navigator.clearAppBadge = async () => badges.push('none')"
    )
    ann.open().enter("Ann")
    bob.say("looked at")
    expect(ann.message("looked at")).to_be_visible()
    calm = re.compile("^room-")
    expect(ann.page).to_have_title(calm)
    icon_is(ann, "icon")

    ann.look_away()
    bob.say("one").say("two")
    expect(ann.page).to_have_title(re.compile(r"^\(2\) room-"))
    icon_is(ann, "icon-unread")
    bob.say("@Ann, three")
    expect(ann.page).to_have_title(re.compile(r"^\(@1\) room-"))
    icon_is(ann, "icon-mentioned")
    bob.run(PUBLISH, {"type": "edit", "seq": 5, "body": "nobody, three"})
    expect(ann.page).to_have_title(re.compile(r"^\(3\) room-"))
    bob.run(PUBLISH, {"type": "delete", "seq": 5})
    expect(ann.page).to_have_title(re.compile(r"^\(2\) room-"))
    ann.look_back()
    expect(ann.page).to_have_title(calm)
    icon_is(ann, "icon")
    assert ann.run("badges") == ["dot", "dot", 1, "dot", "dot", "none"]

    ann.look_away()
    wire.cut()
    bob.say("@Ann, four").say("five")
    wire.mend()
    expect(ann.page).to_have_title(re.compile(r"^\(@1\) room-"))
    ann.say("said without a look, or on another device")
    expect(ann.page).to_have_title(calm)


# Notification, as far as the page uses it: one permission and one list for all tabs of a browser.
NOTIFICATION = """
    window.Notification = class {
        static get permission() { return localStorage.getItem("test.permission") ?? "default"; }
        static async requestPermission() {
            if (!navigator.userActivation.isActive) throw new Error("Expected a click");
            localStorage.setItem("test.permission", localStorage.getItem("test.answer"));
            return this.permission;
        }
        constructor(title, {body, tag}) {
            const plain = (text) => text.replace(/[\\u2068\\u2069]/g, "");
            const shown = JSON.parse(localStorage.getItem("test.shown") ?? "[]");
            localStorage.setItem("test.shown", JSON.stringify([...shown, [plain(title), plain(body), tag]]));
            (window.notifications ??= []).push(this);
        }
        close() { this.isClosed = true; }
    };
"""


def notified(somebody: Person) -> list[str]:
    """What notifications said, in all tabs."""
    return [body for _, body, _ in somebody.run("JSON.parse(localStorage.getItem('test.shown') ?? '[]')")]


def wait_for_notification(somebody: Person, body: str) -> None:
    somebody.page.wait_for_function("body => (localStorage.getItem('test.shown') ?? '').includes(body)", arg=body)


def choose(somebody: Person, entry: str, role: str = "menuitemradio") -> None:
    somebody.page.get_by_role("button", name="More actions for this room").click()
    somebody.page.get_by_role(role, name=entry, exact=True).click()  # type: ignore[arg-type]


def is_chosen(somebody: Person, entry: str) -> None:
    button = somebody.page.get_by_role("button", name="More actions for this room")
    button.click()
    expect(somebody.page.get_by_role("menuitemradio", checked=True).filter(has_text="Notifications")).to_have_text(
        [entry]
    )
    button.press("Escape")


def test_notifications_are_offered_after_a_call_and_come_once_for_all_tabs(visitor: Make, person: Make) -> None:
    ann = visitor()
    ann.page.context.add_init_script(NOTIFICATION)
    ann.open().enter("Ann")
    ann.run("localStorage.setItem('test.answer', 'granted')")
    again = visitor(context=ann.page.context).open().wait_until_joined()
    bob = person("Bob")
    offer = ann.page.get_by_text("Get notified about mentions?")
    is_chosen(ann, "Notifications: off")

    again.look_away()
    ann.look_away()
    bob.say("@Ann, first call")
    expect(ann.page).to_have_title(re.compile(r"^\(@1\)"))
    ann.look_back()
    expect(offer).to_be_visible()
    ann.page.get_by_role("button", name="Turn on notifications").click()
    expect(offer).to_be_hidden()
    is_chosen(ann, "Notifications: mentions only")

    bob.say("@Ann, while you look")
    expect(ann.message("@Ann, while you look")).to_be_visible()
    ann.look_away()
    bob.say("before you look elsewhere")
    expect(ann.page).to_have_title(re.compile(r"^\(1\)"))
    again.look_back()
    expect(ann.page).not_to_have_title(re.compile(r"^\("))
    bob.say("@Ann, while you look elsewhere")
    for tab in (ann, again):
        expect(tab.message("@Ann, while you look elsewhere")).to_be_visible()
    again.look_away()
    bob.say("no call").say("@Ann, at last")
    expect(ann.page).to_have_title(re.compile(r"^\(@1\)"))
    wait_for_notification(ann, "at last")
    bob.say("/me **waves** at @Ann")  # Without the marks, as it shows.
    wait_for_notification(ann, "waves")
    assert notified(ann) == ["@Ann, at last", "Bob waves at @Ann"]
    title, _, tag = ann.run("JSON.parse(localStorage.getItem('test.shown'))")[0]
    assert (title, tag) == (f"Bob in {ann.url.rpartition('/')[2]}", f"chatty.{ann.url.rpartition('/')[2]}")

    first = next(tab for tab in (ann, again) if tab.run("window.notifications?.length"))
    assert first.run("notifications.length") == 2
    first.run("notifications[0].onclick()")
    expect(first.message("@Ann, at last")).to_have_class(re.compile("is-target"))
    assert first.run("notifications[0].isClosed")
    first.look_back()
    assert first.run("notifications[1].isClosed")


def test_a_muted_room_notifies_of_mentions_only(visitor: Make, person: Make) -> None:
    ann, bob = visitor(), person("Bob")
    ann.page.context.add_init_script(NOTIFICATION)
    ann.open().enter("Ann")
    ann.run("localStorage.setItem('test.permission', 'granted')")
    ann.reload().wait_until_joined()
    choose(ann, "Notifications: all messages")
    choose(ann, "Mute: mentions only", role="menuitemcheckbox")
    ann.look_away()
    bob.say("no call")
    expect(ann.message("no call")).to_be_visible()
    bob.say("@Ann, a call")
    wait_for_notification(ann, "a call")
    assert notified(ann) == ["@Ann, a call"]


def test_each_room_says_what_it_notifies_of_and_what_is_in_the_way(visitor: Make, person: Make) -> None:
    ann, bob = visitor(), person("Bob")
    ann.page.context.add_init_script(NOTIFICATION)
    ann.page.add_init_script(
        "const {start} = AudioScheduledSourceNode.prototype; window.notes = 0;"
        "AudioScheduledSourceNode.prototype.start = function (at) { notes += 1; return start.call(this, at); }"
    )
    ann.open().enter("Ann")
    ann.run("localStorage.setItem('test.answer', 'denied')")
    choose(ann, "Notifications: all messages")
    blocked = ann.page.get_by_text("Notifications are blocked.")
    expect(blocked).to_be_visible()
    ann.page.get_by_role("button", name="Close", exact=True).locator("visible=true").click()
    expect(blocked).to_be_hidden()
    is_chosen(ann, "Notifications: off")

    choose(ann, "Play a sound", "menuitemcheckbox")
    ann.page.wait_for_function("notes === 2")
    is_chosen(ann, "Notifications: all messages")
    ann.look_away()
    bob.say("to be heard")
    ann.page.wait_for_function("notes === 4")
    ann.look_back()

    ann.run("localStorage.setItem('test.permission', 'granted')")
    choose(ann, "Notifications: all messages")
    ann.look_away()
    bob.say("to be seen, " + "at length " * 20)
    wait_for_notification(ann, "to be seen")
    choose(ann, "Notifications: off")
    bob.say("@Ann, in vain")
    expect(ann.message("@Ann, in vain")).to_be_visible()
    choose(ann, "Notifications: mentions only")
    bob.say("no call").say("@Ann, again")
    wait_for_notification(ann, "again")
    assert [body[:12] for body in notified(ann)] == ["to be seen, ", "@Ann, again"]
    assert [len(body) for body in notified(ann)] == [140, 11]
    ann.reload().wait_until_joined()
    is_chosen(ann, "Notifications: mentions only")


def test_who_touches_nothing_is_away_until_the_first_sign_of_life_in_any_tab(visitor: Make, person: Make) -> None:
    bob, ann = person("Bob"), visitor()
    wire = Wire(ann.page)
    ann.page.clock.install()
    ann.open().enter("Ann")
    entry = bob.member("Ann")
    is_away = re.compile(r"\bis-away\b")
    expect(entry).to_be_visible()
    expect(entry).not_to_have_class(is_away)

    # Five minutes in a moment: the connection is taken for dead, and the new one says it from the start.
    ann.page.clock.fast_forward("05:01")
    expect(entry).to_have_class(is_away, timeout=20_000)
    expect(bob.page.get_by_role("link", name="Ann (away)")).to_be_visible()
    ann.wait_until_joined()
    assert wire.commands("join")[-1].get("away")
    cleo = person("Cleo")
    expect(cleo.member("Ann")).to_have_class(is_away)
    ann.run(PUBLISH, {"type": "rename", "name": "Anna"})
    entry = bob.member("Anna")
    expect(entry).to_have_class(is_away)
    ann.page.mouse.move(200, 200)
    expect(entry).not_to_have_class(is_away)

    # And with a connection that stays.
    ann.page.clock.fast_forward("04:55")
    expect(entry).to_have_class(is_away, timeout=20_000)
    assert [command["on"] for command in wire.commands("away")][-2:] == [False, True]
    again = visitor(context=ann.page.context).open().wait_until_joined()
    expect(entry).not_to_have_class(is_away)
    expect(ann.member("Anna")).not_to_have_class(is_away)
    ann.page.wait_for_function("JSON.parse(localStorage.getItem('chatty.active')) > 0")
    assert [command["on"] for command in wire.commands("away")][-1] is False
    again.page.close()
    expect(entry).not_to_have_class(is_away)
