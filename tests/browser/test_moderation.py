"""Moderation on the page, for moderators and for the members concerned."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests import servers
from tests.browser.person import Person, Wire

Make = Callable[..., Person]


@pytest.fixture
def mo(moderators_cookie: Any, new_context: Callable[..., BrowserContext], visitor: Make) -> Person:
    """A moderator, in the room."""
    context = new_context()
    context.add_cookies([moderators_cookie])
    return visitor(context=context).open().enter("Mo")


def choose(mo: Person, where: Locator, entry: str, role: str = "menuitem") -> None:
    """Opens the menu there, and takes one of its entries."""
    where.hover()
    where.get_by_role("button", name=re.compile("^More actions")).click()
    mo.page.get_by_role(role, name=entry, exact=True).click()  # type: ignore[arg-type]


def header(somebody: Person) -> Locator:
    return somebody.page.locator("[data-module=room-header]")


def answer(mo: Person, button: str, reason: str = "spam") -> None:
    dialog = mo.page.get_by_role("dialog")
    dialog.get_by_label("Reason").fill(reason)
    dialog.get_by_role("button", name=button, exact=True).click()
    expect(dialog).to_be_hidden()


def test_a_moderator_deletes_a_message_and_bans_its_author(mo: Person, person: Make) -> None:
    eve, ann = person("Eve"), person("Ann")
    eve.say("Buy my stuff")
    choose(mo, mo.message("Buy my stuff"), "Delete…")
    answer(mo, "Delete")
    for somebody in (mo, ann):
        expect(somebody.bodies).to_have_text(["Message deleted"])

    expect(mo.member("Eve")).to_be_visible()
    choose(mo, mo.member("Eve"), "Ban…")
    expect(mo.page.get_by_role("heading", name=re.compile("Ban .Eve.[?]"))).to_be_visible()
    answer(mo, "Ban")
    notice = eve.page.get_by_role("dialog", name="You've been banned from this room")
    expect(notice).to_be_visible()
    expect(eve.connection).to_have_attribute("data-state", "stopped")
    expect(mo.page.get_by_text(re.compile("Eve. was banned[.]"))).to_be_visible()
    for somebody in (mo, ann):
        expect(somebody.member("Eve")).to_have_count(0)
    eve.page.keyboard.press("Escape")
    expect(notice).to_be_visible()
    eve.reload()
    expect(notice).to_be_visible()


def test_a_moderator_deletes_all_that_somebody_wrote(mo: Person, person: Make) -> None:
    eve, ann = person("Eve"), person("Ann")
    eve.say("Buy my stuff")
    ann.say("No, thank you")
    eve.say("It is cheap")
    choose(mo, mo.message("It is cheap"), "Delete this person's messages…")
    expect(mo.page.get_by_role("heading", name=re.compile("Delete messages by .Eve.[?]"))).to_be_visible()
    expect(mo.page.get_by_label("Messages in this room", exact=True)).to_have_value("60")
    answer(mo, "Delete")
    for somebody in (mo, ann):
        expect(somebody.bodies).to_have_text(["Message deleted", "No, thank you", "Message deleted"])
    expect(mo.page.get_by_text(re.compile("2 messages by .Eve. were deleted[.]"))).to_be_visible()


def test_a_ban_with_the_messages_is_lifted_again_in_the_room(mo: Person, person: Make) -> None:
    eve, ann = person("Eve"), person("Ann")
    eve.say("Buy my stuff")
    choose(mo, mo.member("Eve"), "Ban…")
    mo.page.get_by_label("Also delete their messages in this room").select_option("All")
    answer(mo, "Ban", "advertising")
    expect(ann.bodies).to_have_text(["Message deleted"])
    expect(mo.page.get_by_text(re.compile("1 message by .Eve. was deleted[.]"))).to_be_visible()

    choose(mo, header(mo), "Banned people…")
    dialog = mo.page.get_by_role("dialog", name="Banned people")
    ban = dialog.get_by_role("listitem").filter(has_text="advertising")
    expect(ban).to_contain_text("Eve")
    expect(ban).to_contain_text("Until")
    ban.get_by_role("button", name=re.compile("Unban")).click()
    expect(dialog.get_by_text(re.compile("Eve. can come back now[.]"))).to_be_visible()
    expect(ban).to_have_count(0)
    eve.reload().wait_until_joined()
    expect(ann.member("Eve")).to_be_visible()


def test_what_is_asked_for_while_the_connection_is_away_is_done_later(
    moderators_cookie: Any, new_context: Callable[..., BrowserContext], visitor: Make, person: Make, room: str
) -> None:
    context = new_context()
    context.add_cookies([moderators_cookie])
    mo = visitor(context=context)
    wire = Wire(mo.page)
    mo.open().enter("Mo")
    eve, ann = person("Eve"), person("Ann")
    expect(mo.roster).to_have_count(3)
    wire.cut()
    expect(mo.bar).to_be_visible()
    choose(mo, mo.member("Eve"), "Ban…")
    answer(mo, "Ban")
    waits = mo.page.get_by_text("You're offline. This will be done when you're back.")
    expect(waits).to_be_visible()
    choose(mo, header(mo), "Lock room…")
    answer(mo, "Lock")
    mo.write("/nick Moritz").composer.press("Enter")
    search = mo.page.get_by_role("searchbox")
    mo.page.keyboard.press("Control+Shift+F")
    search.fill("tea")
    search.press("Enter")
    expect(mo.page.get_by_text("You're offline. Search again when you're back.")).to_be_visible()
    search.press("Escape")
    choose(mo, header(mo), "Edit name and topic…")
    mo.page.get_by_role("textbox", name="Topic").fill("Tea")
    mo.page.keyboard.press("Enter")
    expect(mo.page.get_by_text("You're offline. Your changes will be saved when you're back.")).to_be_visible()
    assert [command["type"] for command in wire.sent if command["type"] in ("ban", "lock", "describe")] == []

    wire.mend()
    expect(eve.page.get_by_role("dialog", name="You've been banned from this room")).to_be_visible(timeout=20_000)
    expect(ann.page.get_by_text("This room is locked. You can read messages but not send them.")).to_be_visible()
    expect(ann.page.locator(".topic")).to_have_text("Tea")
    expect(ann.member("Moritz")).to_be_visible()
    expect(waits).to_be_hidden()
    expect(mo.page.get_by_role("dialog")).to_be_hidden()

    wire.cut()
    expect(mo.bar).to_be_visible()
    mo.page.get_by_role("button", name="Create a room").first.click()
    mo.page.get_by_role("textbox", name="Name").fill("Tea house")
    mo.page.get_by_role("textbox", name="Address").fill(f"{room}-tea")
    mo.page.keyboard.press("Enter")
    expect(mo.page.get_by_text("You're offline. The room will be created when you're back.")).to_be_visible()
    wire.mend()
    mo.page.wait_for_url(f"**/{room}-tea")


def test_a_lock_is_seen_by_all_and_holds_members_only(mo: Person, person: Make) -> None:
    ann = person("Ann")
    locked = ann.page.get_by_text("This room is locked. You can read messages but not send them.")
    choose(mo, header(mo), "Lock room…")
    answer(mo, "Lock")
    expect(locked).to_be_visible()
    expect(ann.composer).to_be_hidden()
    for somebody in (mo, ann):
        expect(header(somebody).get_by_role("img", name="Locked")).to_be_visible()
    mo.say("I may")
    expect(ann.bodies).to_have_text(["I may"])
    ann.reload().wait_until_joined()
    expect(locked).to_be_visible()
    for somebody in (mo, ann):
        somebody.message("I may").hover()
        expect(somebody.message("I may").get_by_role("button", name="More actions for this message")).to_be_visible()
    quick = [somebody.message("I may").get_by_role("button", name="Reply") for somebody in (mo, ann)]
    expect(quick[0]).to_be_visible()
    expect(quick[1]).to_be_hidden()  # What would be refused isn't offered.
    choose(mo, header(mo), "Unlock room")
    expect(locked).to_be_hidden()
    ann.message("I may").hover()
    expect(quick[1]).to_be_visible()
    ann.say("me too")
    expect(header(mo).get_by_role("img", name="Locked")).to_be_hidden()


def test_slow_mode_says_how_long_and_sends_what_was_written_when_it_may(mo: Person, person: Make) -> None:
    ann = person("Ann")
    choose(mo, header(mo), "Slow mode: 5 seconds", "menuitemradio")
    expect(ann.page.get_by_text("Slow mode: one message every 5 seconds.")).to_be_visible()
    ann.say("one")
    expect(ann.page.get_by_text("You can send again in")).to_be_visible()
    ann.write("two").composer.press("Enter")
    expect(ann.pending).to_have_count(1)
    expect(mo.bodies).to_have_text(["one", "two"])
    expect(ann.pending).to_have_count(0)


def test_a_menu_is_worked_by_keyboard(mo: Person, person: Make) -> None:
    person("Ann").say("hello")
    button = mo.message("hello").get_by_role("button", name="More actions for this message")
    button.focus()
    button.press("Enter")
    entries = mo.page.get_by_role("menuitem")
    expect(entries).to_have_text(
        [
            "React…",
            "Reply",
            "Copy text",
            "Copy link",
            "Mark as unread from here",
            "Delete…",
            "Ban this person…",
            "Delete this person's messages…",
        ]
    )
    expect(entries.first).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "true")
    entries.first.press("ArrowUp")
    expect(entries.last).to_be_focused()
    entries.last.press("Escape")
    expect(entries).to_have_count(0)
    expect(button).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")


def test_others_have_nothing_of_it(person: Make, server: servers.ChattyServer) -> None:
    ann, bob = person("Ann"), person("Bob")
    bob.say("hello")
    expect(ann.messages).to_have_count(1)
    expect(ann.page.get_by_role("button", name="More actions for this person")).to_have_count(0)
    ann.messages.hover()
    ann.messages.get_by_role("button", name="More actions for this message").click()
    expect(ann.page.get_by_role("menuitem")).to_have_text(
        ["React…", "Reply", "Copy text", "Copy link", "Mark as unread from here"]
    )
    header(ann).get_by_role("button", name="More actions for this room").click()
    expect(ann.page.get_by_role("menu")).to_be_visible()
    expect(ann.page.get_by_role("menu").get_by_text(re.compile("[Ll]ock|Slow")).locator("visible=true")).to_have_count(
        0
    )
