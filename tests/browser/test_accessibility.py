"""Accessibility: WCAG 2.2 AA in every state of the page, without a mouse, enlarged, in other colours."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import assert_accessible, focus_problems
from tests.browser.person import Person, Wire

Make = Callable[..., Person]

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}
MARKUP = """# no heading, *gently* **firmly** ~~no more~~ `code` https://example.com

> a quote

- a point

```python
# a comment
def answer(text="why"): return 42
```
"""


# What sticks out of the page, or has text cut off that nothing scrolls and nothing hides on purpose.
CUT = """() => {
    const isMeant = (e) => e.closest(".visually-hidden, [aria-hidden=true], .sidebar:not(:popover-open)")
        || getComputedStyle(e).textOverflow === "ellipsis";
    const parts = "html, .room, .room-head, .composer, .dialog-body, button, h1, h2, p, .notice, dl > div";
    return [...document.querySelectorAll(parts)]
        .filter((e) => e.checkVisibility({visibilityProperty: true}) && !isMeant(e))
        .filter((e) => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== "inline")
        .map((e) => `${e.tagName} ${e.className} ${e.scrollWidth} > ${e.clientWidth}`);
}"""


def edit(somebody: Person, text: str, body: str) -> None:
    """Gives one's message another body, as the protocol has it."""
    seq = int(somebody.message(text).get_attribute("data-seq") or 0)
    command = {"type": "edit", "seq": seq, "body": body}
    somebody.run("(command) => app.events.publish('command:send', {command})", command)
    expect(somebody.message(body)).to_be_visible()


def delete(somebody: Person, text: str) -> None:
    seq = int(somebody.message(text).get_attribute("data-seq") or 0)
    command = {"type": "delete", "seq": seq}
    somebody.run("(command) => app.events.publish('command:send', {command})", command)
    expect(somebody.bodies.filter(has_text="Message deleted")).to_be_visible()


def a_full_room(person: Make, ann: Person) -> None:
    """Messages of every kind, by two people."""
    bob = person("Bob")
    bob.say("@Ann have you seen this?").say("one more")
    bob.say("/me waves").say(MARKUP)
    ann.say("mine").say("word " * 700).say("wrong").say("regretted")
    edit(ann, "wrong", "right")
    delete(ann, "regretted")
    expect(ann.messages).to_have_count(8)
    expect(bob.messages).to_have_count(8)


@pytest.mark.long
@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_state_of_the_page(
    visitor: Make, person: Make, scheme: str, viewport: dict[str, int]
) -> None:
    ann = visitor(color_scheme=scheme, viewport=viewport, bypass_csp=True)
    wire = Wire(ann.page)
    is_phone = viewport is PHONE
    page = ann.open().page
    expect(ann.dialog).to_be_visible()
    assert_accessible(ann, "first visit")
    ann.enter("Ann")
    expect(page.get_by_text("No messages yet")).to_be_visible()
    assert_accessible(ann, "empty room")
    a_full_room(person, ann)
    ann.write("x" * 3_990)
    assert_accessible(ann, "messages of all kinds")
    ann.write("")

    page.keyboard.press("Control+/")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    assert_accessible(ann, "shortcuts")
    page.keyboard.press("Escape")
    ann.write("/help").composer.press("Enter")
    expect(page.get_by_role("dialog", name="Formatting help")).to_be_visible()
    assert_accessible(ann, "help")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Formatting help")).to_be_hidden()

    ann.write("").composer.press_sequentially("@B")
    expect(page.get_by_role("listbox")).to_be_visible()
    assert_accessible(ann, "suggestions")
    page.keyboard.press("Escape")
    ann.write("")

    ann.message("mine").hover()
    ann.message("mine").get_by_role("button", name="More actions for this message").click()
    expect(page.get_by_role("menuitem", name="Delete…")).to_be_visible()
    assert_accessible(ann, "the menu of a message")
    page.get_by_role("menuitem", name="React…").click()
    expect(page.get_by_placeholder("Search emoji")).to_be_visible()
    assert_accessible(ann, "choosing a reaction")
    page.locator(".picker-option").first.click()
    expect(ann.message("mine").locator(".reaction[aria-pressed=true]")).to_be_visible()
    assert_accessible(ann, "a reaction")
    ann.message("mine").get_by_role("button", name="More actions for this message").click()
    page.get_by_role("menuitem", name="Delete…").click()
    expect(page.get_by_role("heading", name="Delete this message?")).to_be_visible()
    assert_accessible(ann, "asked whether to delete")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="More actions for this room").last.click()
    assert_accessible(ann, "the menu of the room")
    page.keyboard.press("Escape")
    ann.composer.press("ArrowUp")
    expect(page.get_by_text("Editing your message")).to_be_visible()
    assert_accessible(ann, "editing")
    page.keyboard.press("Escape")
    page.keyboard.press("Control+K")
    expect(page.get_by_role("dialog", name="Go to a room")).to_be_visible()
    page.keyboard.type("Quite another thing")
    assert_accessible(ann, "going to another room")
    page.get_by_role("option", name=re.compile("^Create room")).click()
    expect(page.get_by_role("dialog", name="Create a room")).to_be_visible()
    assert_accessible(ann, "making a room")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Create a room")).to_be_hidden()

    page.keyboard.press("Control+Shift+F")
    page.get_by_role("searchbox").fill("seen")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("list", name="Search results").get_by_role("link")).to_have_count(1)
    assert_accessible(ann, "search with results")
    page.keyboard.press("Escape")

    if is_phone:
        page.get_by_role("button", name="Show rooms and people").click()
        expect(page.locator(".sidebar")).to_have_attribute("aria-modal", "true")
        assert_accessible(ann, "sidebar over the messages")
        page.keyboard.press("Escape")
        expect(page.locator(".sidebar")).to_be_hidden()
        expect(page.get_by_role("button", name="Show rooms and people")).to_be_focused()
    ann.run(f"location.hash = '#users/{ann.id}'")
    expect(page.locator("[data-module=filter-banner]")).to_be_visible()
    assert_accessible(ann, "filtered")
    ann.run("location.hash = '#users'")

    wire.say({"type": "room", "room": {"slug": "any", "title": "Any room", "locked": True, "slow": 5}})
    expect(page.get_by_text("This room is locked")).to_be_visible()
    assert_accessible(ann, "locked")
    wire.say({"type": "room", "room": {"slug": "any", "title": "Any room", "slow": 5}})
    wire.answer = lambda command: (
        {"type": "refused", "code": "body_too_long", "detail": "", "nonce": command["nonce"]}
        if command["type"] == "post"
        else None
    )
    ann.write("refused").composer.press("Enter")
    expect(page.get_by_text("Not sent: the message is too long.")).to_be_visible()
    assert_accessible(ann, "a message that failed")
    wire.cut()
    expect(ann.bar).to_be_visible()
    ann.write("waits").composer.press("Enter")
    expect(ann.pending).to_have_count(2)
    assert_accessible(ann, "offline, with a message that waits")


def test_everything_can_be_done_without_a_mouse(visitor: Make, person: Make) -> None:
    bob = person("Bob").say("hello from Bob")
    ann = visitor().open()
    keys = ann.page.keyboard
    keys.type("Ann")
    keys.press("Enter")
    ann.wait_until_joined()
    expect(ann.composer).to_be_focused()
    keys.type("hello?")  # In a text, `?` is a question mark.
    keys.press("Enter")
    expect(bob.message("hello?")).to_be_visible()

    keys.press("Control+/")
    sheet = ann.page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(sheet).to_be_visible()
    keys.press("Escape")
    expect(sheet).to_be_hidden()
    expect(ann.composer).to_be_focused()
    tab_to(ann, "Messages")
    keys.press("?")
    expect(sheet).to_be_visible()
    keys.press("?")
    expect(sheet).to_be_hidden()
    expect(ann.page.get_by_role("region", name="Messages")).to_be_focused()

    keys.type("!")  # Typed outside of a text, it goes to the field all the same.
    keys.press("Backspace")
    keys.press("ArrowUp")
    expect(ann.page.get_by_text("Editing your message")).to_be_visible()
    keys.press("End")
    keys.type("!")
    keys.press("Enter")
    expect(bob.message("hello?!")).to_be_visible()
    keys.press("Control+K")
    expect(ann.page.get_by_role("dialog", name="Go to a room")).to_be_visible()
    keys.press("Escape")
    expect(ann.page.get_by_role("dialog", name="Go to a room")).to_be_hidden()

    tab_to(ann, "Bob", backwards=True)
    keys.press("Enter")
    expect(ann.bodies).to_have_text(["hello from Bob"])
    tab_to(ann, "Show all messages")
    keys.press("Enter")
    expect(ann.bodies).to_have_text(["hello from Bob", "hello?!"])
    # The bar is gone, the focus isn't.
    expect(ann.page.get_by_role("region", name="Messages")).to_be_focused()
    tab_to(ann, "Change your name", backwards=True)
    keys.press("Enter")
    keys.type("Anna")
    keys.press("Enter")
    expect(bob.member("Anna")).to_be_visible()
    expect(ann.member("Anna").get_by_role("button", name="Change your name")).to_be_focused()
    ann.composer.focus()
    keys.press("Control+Shift+F")
    keys.press("Escape")
    expect(ann.composer).to_be_focused()

    keys.press("Control+Shift+F")
    keys.type("from Bob")
    keys.press("Enter")
    expect(ann.page.get_by_text("1 message found")).to_be_visible()
    keys.press("ArrowDown")
    keys.press("Enter")
    expect(ann.page.locator(".message.is-target")).to_contain_text("hello from Bob")
    tab_to(ann, "Search")
    keys.press("Enter")
    keys.type("x")  # The panel was closed; a letter goes to the field.
    expect(ann.composer).to_have_value("x")
    assert focus_problems(ann, 25) == []


def test_what_a_screen_reader_hears_of_a_message(person: Make) -> None:
    ann = person("Ann").say("one")
    expect(ann.messages).to_match_aria_snapshot("""
        - listitem:
          - separator /\\w+/
          - link "Ann"
          - link /\\d/:
            - time: /\\d/
          - paragraph: one
          - button "React"
          - button "Reply"
          - button "More actions for this message"
    """)


def tab_to(somebody: Person, name: str, backwards: bool = False) -> None:
    """Presses the tab key until what has the focus is called `name`."""
    text = "(({activeElement: e}) => e === document.body ? '' : (e.ariaLabel ?? e.innerText).trim())(document)"
    seen: list[Any] = []
    for _ in range(80):
        somebody.page.keyboard.press("Shift+Tab" if backwards else "Tab")
        seen.append(somebody.run(text))
        if name in seen[-1].splitlines():
            return
    raise AssertionError(f"expected to reach {name} by the tab key, came by {seen}")


@pytest.mark.parametrize(
    ("width", "height", "enlarged"), [(640, 400, 100), (320, 256, 100), (1280, 800, 200), (360, 740, 200)]
)
def test_enlarged_everything_stays_readable_and_in_reach(person: Make, width: int, height: int, enlarged: int) -> None:
    """1280 pixels at 200 %, at 400 % (WCAG 1.4.10), and text alone at 200 % (1.4.4), on a phone as well."""
    ann = person("Ann Hathaway-Featherstone", viewport={"width": width, "height": height})
    ann.run("(percent) => { document.documentElement.style.fontSize = `${percent}%`; }", enlarged)
    ann.say("A message of some length, so that it has to be broken into several lines on a small screen.")
    assert ann.run(CUT) == []
    menu = ann.page.locator(".room-head [data-slot=menu]")
    for part in (ann.composer, ann.send_button, ann.page.locator(".room-title"), menu):
        expect(part).to_be_in_viewport(ratio=0.99)
    ann.page.keyboard.press("Control+/")
    expect(ann.page.get_by_role("button", name="Close").last).to_be_in_viewport()
    assert ann.run(CUT) == []
    ann.page.keyboard.press("Escape")


def test_without_motion_nothing_moves_and_with_few_colours_all_is_told_apart(person: Make) -> None:
    ann = person("Ann", forced_colors="active").say("one")
    ann.page.keyboard.press("Control+Shift+F")
    ann.page.keyboard.press("Escape")
    moving = """() => document.getAnimations({subtree: true})
        .filter((a) => a.effect.getComputedTiming().activeDuration > 10)
        .map((a) => a.animationName ?? a.transitionProperty)"""
    assert ann.run(moving) == []
    ann.run("() => { window.ran = []; addEventListener('transitionrun', (event) => ran.push(event.propertyName)); }")
    ann.page.get_by_role("button", name="Theme: System").click()
    ann.page.get_by_role("button", name="Theme: Light").click()
    two_frames = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(ran))))"
    assert ann.run(two_frames) == []
    # Colours of the page's own are gone: what only they said needs a line or a shape.
    current = ann.page.locator(".entry[aria-current]").first
    assert current.evaluate("e => getComputedStyle(e).outlineStyle") != "none"
    assert ann.send_button.evaluate("e => getComputedStyle(e).borderStyle") != "none"
