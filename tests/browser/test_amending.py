"""Edits and deletions, over outages and between tabs."""

import re
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.apart import talk
from tests.browser.person import Person, Wire
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]


def choose(somebody: Person, text: str, entry: str) -> None:
    """Takes an entry of a message's menu."""
    message = somebody.message(text)
    message.hover()
    message.get_by_role("button", name="More actions for this message").click()
    somebody.page.get_by_role("menuitem", name=entry, exact=True).click()


def bar(somebody: Person) -> Locator:
    return somebody.page.locator("[data-module=editing]")


def notice(somebody: Person) -> Locator:
    return somebody.page.locator("[data-module=pending-changes-notice]")


def test_an_edit_shows_live_and_the_draft_comes_back(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("frist").say("second")
    choose(ann, "frist", "Edit")
    expect(bar(ann)).to_be_visible()
    expect(ann.composer).to_have_value("frist")
    ann.composer.press("Escape")
    expect(bar(ann)).to_be_hidden()
    ann.write("a draft")
    choose(ann, "frist", "Edit")
    expect(ann.page.get_by_role("button", name="Save", exact=True)).to_be_visible()
    ann.write("**first**").composer.press("Enter")
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(["first", "second"])
        expect(somebody.messages.first.locator("strong")).to_have_text("first")
        expect(somebody.messages.first.get_by_text("edited", exact=True)).to_have_attribute(
            "data-exact", re.compile(r"\d")
        )
    expect(ann.composer).to_have_value("a draft")
    expect(ann.send_button).to_be_visible()

    ann.write("").composer.press("ArrowUp")  # The last own one.
    expect(ann.composer).to_have_value("second")
    ann.reload().wait_until_joined()  # In the middle of it.
    expect(bar(ann)).to_be_visible()
    ann.write("second, better").composer.press("Enter")
    expect(bob.bodies).to_have_text(["first", "second, better"])

    bob.composer.press("ArrowUp")  # Nothing of Bob's is there.
    expect(bar(bob)).to_be_hidden()
    bob.message("first").hover()
    bob.message("first").get_by_role("button", name="More actions for this message").click()
    expect(bob.page.get_by_role("menuitem").first).to_be_visible()
    expect(bob.page.get_by_role("menuitem", name="Edit", exact=True)).to_have_count(0)


def test_a_message_is_taken_back_after_a_question(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("oops").say("fine")
    choose(ann, "oops", "Delete…")
    question = ann.page.get_by_role("dialog", name="Delete this message?")
    question.get_by_role("button", name="Cancel").click()
    expect(question).to_be_hidden()
    choose(ann, "oops", "Delete…")
    question.get_by_role("button", name="Delete").click()
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(["Message deleted", "fine"])
    bob.messages.first.hover()
    expect(bob.messages.first.get_by_role("button", name="Reply")).to_be_visible()
    expect(bob.messages.first.get_by_role("button", name="React")).to_be_hidden()
    ann.composer.press("ArrowUp")
    expect(ann.composer).to_have_value("fine")
    ann.write("").composer.press("Enter")  # Nothing left of it: the same question.
    question.get_by_role("button", name="Delete").click()
    expect(bob.bodies).to_have_text(["Message deleted"] * 2)
    expect(bar(ann)).to_be_hidden()


def test_changes_wait_for_the_connection_over_a_reload_and_overwrite_nothing_newer(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("one").say("two")
    tab = visitor(context=ann.page.context).open().wait_until_joined()
    wire.cut()
    expect(ann.bar).to_be_visible()
    choose(ann, "one", "Edit")
    ann.write("one, changed twice").composer.press("Enter")
    expect(ann.bodies.first).to_have_text("one, changed twice")  # Shown, though nobody else has it.
    choose(ann, "two", "Delete…")
    ann.page.get_by_role("button", name="Delete", exact=True).click()
    expect(ann.bodies.last).to_have_text("Message deleted")
    choose(tab, "one", "Edit")
    tab.write("one, changed").composer.press("Enter")
    expect(bob.bodies).to_have_text(["one, changed", "two"])

    tab.page.close()  # Or it would take over what waits, should the reload take long.
    ann.reload()
    wire.mend()
    ann.wait_until_joined()
    # What was saved in the other tab meanwhile stands, and nothing that was written is lost.
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(["one, changed", "Message deleted"])
    assert len(wire.commands("edit")) == 1
    expect(notice(ann)).to_contain_text("in another tab")
    expect(notice(ann)).to_contain_text("one, changed twice")
    expect(notice(ann).get_by_role("button", name="Retry")).to_be_hidden()
    notice(ann).get_by_role("button", name="Edit again").click()
    ann.composer.press("Enter")
    for somebody in (ann, bob):
        expect(somebody.bodies.first).to_have_text("one, changed twice")


def test_an_edit_that_a_closed_tab_left_waiting_is_made_by_the_next(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("one")
    wire.cut()
    expect(ann.bar).to_be_visible()
    choose(ann, "one", "Edit")
    ann.write("one, changed").composer.press("Enter")
    expect(ann.bodies).to_have_text(["one, changed"])
    expect(bob.bodies).to_have_text(["one"])
    ann.page.close()
    again = visitor(context=ann.page.context).open().wait_until_joined()
    for somebody in (again, bob):
        expect(somebody.bodies).to_have_text(["one, changed"], timeout=15_000)


def test_edits_of_an_edit_that_is_not_answered_yet_are_no_conflict(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("one")

    def edit(body: str) -> None:
        ann.write("").composer.press("ArrowUp")
        ann.write(body).composer.press("Enter")

    wire.keep = lambda event: event.get("edited_at") is None and event["type"] != "done"  # The answers get lost.
    edit("two")
    expect(bob.bodies).to_have_text(["two"])
    edit("three")
    ann.write("").composer.press("ArrowUp")
    expect(ann.composer).to_have_value("three")
    wire.cut()
    expect(ann.bar).to_be_visible()
    ann.write("four").composer.press("Enter")
    expect(ann.bodies).to_have_text(["four"])
    ann.reload()
    wire.keep = lambda event: True
    wire.mend()
    ann.wait_until_joined()
    expect(bob.bodies).to_have_text(["four"])
    edit("five")
    expect(bob.bodies).to_have_text(["five"])
    expect(notice(ann)).to_be_hidden()


def test_the_last_message_is_edited_though_it_is_not_loaded(person: Make, server: ChattyServer, room: str) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("old").say("last").say("gone")
    choose(ann, "gone", "Delete…")
    ann.page.get_by_role("button", name="Delete", exact=True).click()
    talk(Client(server.http_url, "Dan", room), [f"line {number}" for number in range(60)])
    ann.reload().wait_until_joined()
    expect(ann.message("line 59")).to_be_visible()
    ann.composer.press("ArrowUp")
    expect(ann.composer).to_have_value("last")
    ann.write("latest").composer.press("Enter")
    expect(bob.message("latest")).to_have_count(1)
    ann.filter_by("Bob")
    expect(ann.message("latest")).to_have_count(0)
    ann.composer.press("ArrowUp")  # Whatever is shown.
    expect(ann.composer).to_have_value("latest")


def test_a_refused_edit_keeps_the_words_and_says_why(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("plain")
    refusals: Iterator[dict[str, Any]] = iter(
        [
            {"code": "rate_limited", "retry_after": 0.4},
            {"code": "locked"},
            {"code": "no_such_message"},
        ]
    )

    def refuse(command: dict[str, Any]) -> dict[str, Any] | None:
        answer = next(refusals, None) if command["type"] == "edit" else None
        return None if answer is None else {"type": "refused", "detail": "", "seq": command["seq"], **answer}

    wire.answer = refuse
    choose(ann, "plain", "Edit")
    ann.write("better").composer.press("Enter")
    expect(notice(ann)).to_contain_text("The room is locked.")  # After it waited by itself.
    expect(notice(ann)).to_contain_text("better")
    expect(ann.bodies).to_have_text(["plain"])
    notice(ann).get_by_role("button", name="Edit again").click()
    expect(notice(ann)).to_be_hidden()
    expect(ann.composer).to_have_value("better")
    ann.composer.press("Enter")
    expect(notice(ann)).to_contain_text("The message has been deleted.")
    notice(ann).get_by_role("button", name="Write as new message").click()
    expect(bar(ann)).to_be_hidden()
    expect(ann.composer).to_have_value("better")
    ann.composer.press("Enter")
    expect(bob.bodies).to_have_text(["plain", "better"])


def chip(somebody: Person, text: str, emoji: str) -> Locator:
    return somebody.message(text).locator(f".reaction[data-value='{emoji}']")


def test_reactions_are_counted_live_and_say_whose_they_are(person: Make) -> None:
    ann, bob, cleo = person("Ann"), person("Bob"), person("Cleo")
    ann.say("Lunch?")
    bob.message("Lunch?").hover()
    bob.message("Lunch?").get_by_role("button", name="React", exact=True).click()
    search = bob.page.get_by_role("searchbox", name="Search emoji")
    expect(search).to_be_focused()
    for wanted, first in (
        ("thumbs up", "👍"),
        ("+1", "👍"),
        (":heart", "❤️"),
        ("smiling grinning", "😄"),
        ("👍🏽", "👍🏽"),
    ):
        search.fill(wanted)
        expect(bob.page.locator(".picker-option:visible").first).to_have_text(first)
    search.fill("no such thing")
    expect(bob.page.get_by_text("No emoji found")).to_be_visible()
    search.fill("pizz")
    search.press("Enter")
    expect(chip(ann, "Lunch?", "🍕")).to_have_attribute("aria-pressed", "false")
    expect(chip(bob, "Lunch?", "🍕")).to_have_attribute("aria-pressed", "true")

    chip(cleo, "Lunch?", "🍕").click()
    expect(chip(ann, "Lunch?", "🍕")).to_contain_text("2")
    chip(ann, "Lunch?", "🍕").focus()
    ann.page.keyboard.press("Enter")
    expect(chip(ann, "Lunch?", "🍕")).to_be_focused()
    for somebody in (ann, bob, cleo):
        expect(chip(somebody, "Lunch?", "🍕")).to_contain_text("3")
    chip(ann, "Lunch?", "🍕").hover()
    expect(ann.page.get_by_role("tooltip")).to_have_text(re.compile("You, .Bob., and .Cleo.+ reacted with .🍕"))

    choose(cleo, "Lunch?", "React…")
    cleo.page.get_by_role("group", name="Frequently used").get_by_role("button", name="thumbs up", exact=True).click()
    expect(ann.message("Lunch?").locator(".reaction-emoji")).to_have_text(["🍕", "👍"])
    chip(cleo, "Lunch?", "👍").click()
    expect(chip(ann, "Lunch?", "👍")).to_have_count(0)
    ann.reload().wait_until_joined()
    expect(chip(ann, "Lunch?", "🍕")).to_have_attribute("aria-pressed", "true")
    chip(ann, "Lunch?", "🍕").click()
    expect(chip(bob, "Lunch?", "🍕")).to_contain_text("2")


def test_a_reply_quotes_its_message_as_that_stands_and_leads_there(
    visitor: Make, person: Make, server: ChattyServer, room: str
) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    bob.say("Who has the *key*?")
    talk(Client(server.http_url, "Dan", room), [f"line {number}" for number in range(60)])
    choose(ann, "line 59", "Reply")
    replying = ann.page.locator("[data-module=replying]")
    expect(replying).to_contain_text("line 59")
    ann.composer.press("Escape")
    expect(replying).to_be_hidden()

    ann.page.goto(ann.url + "#message/1")
    choose(ann, "Who has the key?", "Reply")
    expect(replying).to_have_text(re.compile("Replying to .Bob.: Who has the key[?]"))
    wire.cut()
    ann.write("Not me").composer.press("Enter")
    expect(replying).to_be_hidden()
    ann.reload()
    wire.mend()
    for somebody in (ann, bob):
        expect(somebody.message("Not me").locator(".message-quote")).to_have_text(
            re.compile("Bob\\s+Who has the key[?]"), use_inner_text=True
        )

    fresh = person("Cleo")  # Has not loaded what is quoted.
    quote = fresh.message("Not me").locator(".message-quote")
    expect(quote).to_contain_text("Who has the key?")
    expect(fresh.message("Who has the key?")).to_have_count(0)
    bob.page.goto(bob.url + "#message/1")
    choose(bob, "Who has the key?", "Edit")
    bob.write("Who has the lamp?").composer.press("Enter")
    expect(quote).to_contain_text("Who has the lamp?")
    quote.click()
    expect(fresh.message("Who has the lamp?")).to_be_in_viewport()
    choose(bob, "Who has the lamp?", "Delete…")
    bob.page.get_by_role("button", name="Delete", exact=True).click()
    fresh.page.goto(fresh.url)
    expect(quote).to_contain_text("Message deleted")
