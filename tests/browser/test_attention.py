"""What the page says to somebody who isn't looking at it."""

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
    expect(ann.page).to_have_title(re.compile(r"^\(1 @\) room-"))
    icon_is(ann, "icon-called")
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
    expect(ann.page).to_have_title(re.compile(r"^\(1 @\) room-"), timeout=15_000)
    ann.say("said without a look, or on another device")
    expect(ann.page).to_have_title(calm)
