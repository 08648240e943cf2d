"""Keys that several parts of the page handle: each press does one thing, and the right one."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person, Wire

Make = Callable[..., Person]
MAC = "Object.defineProperty(navigator, 'platform', {get: () => 'MacIntel'})"


def test_escape_closes_one_thing_at_a_time(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    bob.say("Lunch?")
    ann.run("() => app.events.publish('message:amend', {type: 'react', seq: 1, emoji: '🍕', on: true})")
    chip = ann.message("Lunch?").locator(".reaction[data-value='🍕']")
    expect(chip).to_be_visible()
    ann.filter_by("Bob")
    expect(ann.page).to_have_url(re.compile("#users/"))
    chip.focus()
    ann.page.keyboard.press("Shift+Tab")
    ann.page.keyboard.press("Tab")
    hint = ann.page.get_by_role("tooltip")
    expect(hint).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(hint).to_be_hidden()
    expect(ann.page).to_have_url(re.compile("#users/"))
    ann.page.keyboard.press("Escape")
    expect(ann.page).not_to_have_url(re.compile("#users/"))


def test_the_skip_link_leads_to_the_composer_and_leaves_what_is_shown(person: Make) -> None:
    ann = person("Ann").say("hello")
    ann.filter_by("Ann")
    url = ann.page.url
    ann.run("() => document.activeElement.blur()")
    link = ann.page.get_by_role("link", name="Skip to message field")
    link.focus()
    ann.page.keyboard.press("Enter")
    expect(ann.composer).to_be_focused()
    assert ann.page.url == url


def test_the_button_of_a_menu_closes_it(person: Make) -> None:
    ann = person("Ann")
    button = ann.page.locator(".room-head").get_by_role("button", name="More actions for this room")
    menu = ann.page.get_by_role("menu")
    for _ in range(2):
        button.click()
        expect(menu).to_be_visible()
        button.click()
        expect(menu).to_be_hidden()
        expect(button).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize(
    "press",
    [
        {"key": "@", "ctrlKey": True, "altKey": True, "modifierAltGraph": True},
        {"key": "€", "modifierAltGraph": True},
    ],
)
def test_characters_of_altgr_go_to_the_field(person: Make, press: dict[str, object]) -> None:
    ann = person("Ann")
    ann.page.locator(".scroller").focus()
    ann.run(
        "press => document.activeElement.dispatchEvent(new KeyboardEvent('keydown', {bubbles: true, ...press}))", press
    )
    expect(ann.composer).to_be_focused()


def test_shortcuts_with_ctrl_do_not_go_to_the_field(person: Make) -> None:
    ann = person("Ann")
    ann.page.locator(".scroller").focus()
    ann.page.keyboard.press("Control+b")
    expect(ann.composer).not_to_be_focused()


def test_option_with_arrows_moves_the_caret_of_somebody_who_writes_on_a_mac(visitor: Make, room: str) -> None:
    ann = visitor()
    ann.page.add_init_script(MAC)
    ann.open().enter("Ann")
    ann.run(
        "slug => app.events.publish('rooms:changed', {rooms: [slug, 'other'].map((slug, at) => "
        "({slug, title: slug, at, isCurrent: !at, unread: 0, mentions: 0, hasUnsent: false}))})",
        room,
    )
    ann.write("one\n\ntwo").composer.press("Alt+ArrowUp")
    expect(ann.composer).to_have_value("one\n\ntwo")
    assert ann.page.url.endswith(room)
    ann.composer.fill("")
    ann.composer.press("Alt+ArrowUp")
    ann.page.wait_for_url("**/other")


def test_too_long_a_message_is_not_sent_and_says_so(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    ann.write("a" * 4_001)
    expect(ann.composer).to_have_attribute("aria-invalid", "true")
    ann.composer.press("Enter")
    expect(ann.page.locator("[data-slot=problem]").filter(has_text="1 character too many")).to_have_attribute(
        "role", "status"
    )
    assert wire.commands("post") == []
    ann.composer.press("Backspace")
    expect(ann.composer).to_have_attribute("aria-invalid", "false")


def test_a_first_line_stays_as_far_in_as_it_was_typed(person: Make) -> None:
    ann = person("Ann")
    ann.say("\n  \n    if x:\n        y()\n ")
    assert ann.bodies.first.evaluate("body => body.textContent") == "    if x:\n        y()"
