"""Messages are kept, safe, in order, and distinguishable."""

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Locator, expect

from tests.browser.apart import talk
from tests.browser.person import Person, Wire, box
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]


def test_reload_keeps_history_name_and_identity(person: Make) -> None:
    ann = person("Ann").say("before the reload")
    me = ann.id
    ann.reload().wait_until_joined()
    expect(ann.dialog).to_be_hidden()
    expect(ann.bodies).to_have_text(["before the reload"])
    expect(ann.messages).to_have_class(re.compile("is-own"))
    expect(ann.member("Ann").locator("[data-icon=star]")).to_be_visible()
    assert ann.id == me


def test_second_tab_is_the_same_member(person: Make, visitor: Make) -> None:
    ann = person("Ann")
    tab = visitor(context=ann.page.context).open().wait_until_joined()
    expect(tab.dialog).to_be_hidden()
    expect(tab.roster).to_have_count(1)
    ann.say("in one tab")
    expect(tab.message("in one tab")).to_have_class(re.compile("is-own"))


def test_link_can_be_clicked_and_gives_nothing_away(person: Make) -> None:
    ann = person("Ann").say("see https://example.com/a?b=c&d=e.")
    link = ann.bodies.get_by_role("link", name="https://example.com/a?b=c&d=e")
    expect(link).to_have_attribute("href", "https://example.com/a?b=c&d=e")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow")


def test_two_members_of_one_name_can_be_told_apart(person: Make) -> None:
    ann = person("Ann").say("I am one Ann")
    expect(ann.page.locator(".member .tag")).to_have_text("")
    expect(authors(ann)).to_have_text(["Everyone", "Me"])
    other = person("ann").say("and I another")
    for somebody in (ann, other):
        for name, tag in (("Ann", ""), ("ann", "(2)")):
            expect(somebody.member(name).locator(".tag")).to_have_text(tag)
        expect(somebody.messages.locator(".tag")).to_have_text(["", "(2)"])
        expect(authors(somebody)).to_have_count(3)
        offered = {re.sub("[\u2068\u2069]", "", text) for text in authors(somebody).all_text_contents()}
        assert offered == {"Everyone", "Me", "ann (2)" if somebody is ann else "Ann"}


def authors(somebody: Person) -> Locator:
    """Whose messages may be searched for."""
    return somebody.page.get_by_label("From", exact=True).locator("option")


def test_a_name_that_only_looks_like_another_is_marked_with_that_other(person: Make) -> None:
    ann, bob = person("Ann").say("it is me"), person("Bob")
    expect(ann.roster).to_have_count(2)
    other = person("\u0391nn").say("and me")  # With a Greek A.
    late = person("Cleo")
    for somebody in (ann, bob, other, late):
        expect(somebody.member("Ann").locator(".tag")).to_be_empty()
        expect(somebody.member("\u0391nn").locator(".tag")).to_have_text("(2)")
        expect(somebody.member("Bob").locator(".tag")).to_be_empty()
        expect(somebody.messages.locator(".tag")).to_have_text(["", "(2)"])


def test_rename_is_seen_by_everybody_and_kept(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("as Ann")
    ann.page.get_by_role("button", name="Change your name").click()
    expect(ann.name_field).to_have_value("Ann")
    ann.name_field.fill("Anna")
    ann.name_field.press("Enter")
    for somebody in (ann, bob):
        expect(somebody.member("Anna")).to_be_visible()
        expect(somebody.member("Ann")).to_have_count(0)
        expect(somebody.message("as Ann").locator(".message-name")).to_have_text("Ann")
    ann.say("as Anna")
    expect(bob.message("as Anna").locator(".message-name")).to_have_text("Anna")
    ann.reload().wait_until_joined()
    expect(ann.member("Anna").locator("[data-icon=star]")).to_be_visible()


def test_rename_in_one_tab_holds_in_another_that_was_away(person: Make, visitor: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    tab = visitor(context=ann.page.context)
    wire = Wire(tab.page)
    tab.open().wait_until_joined()
    wire.cut()
    ann.page.get_by_role("button", name="Change your name").click()
    ann.name_field.fill("Anna")
    ann.name_field.press("Enter")
    expect(bob.member("Anna")).to_be_visible()
    wire.mend()
    tab.wait_until_joined().say("from the other tab")
    expect(bob.message("from the other tab").locator(".message-name")).to_have_text("Anna")


def test_rename_that_is_dismissed_changes_nothing(person: Make) -> None:
    ann = person("Ann")
    ann.page.get_by_role("button", name="Change your name").click()
    ann.name_field.fill("Somebody else")
    ann.name_field.press("Escape")
    expect(ann.dialog).to_be_hidden()
    ann.say("still me")
    expect(ann.messages.locator(".message-name")).to_have_text("Ann")


def test_name_that_cannot_be_shown_is_explained_and_asked_for_again(visitor: Make) -> None:
    ann = visitor().open()
    ann.name_field.fill("\u202eAnn")
    ann.name_field.press("Enter")
    expect(ann.page.get_by_text("Use a name of up to 40 visible characters.")).to_be_visible()
    expect(ann.name_field).to_be_focused()
    ann.enter("Ann")
    expect(ann.member("Ann")).to_be_visible()


def test_rename_that_cannot_be_shown_keeps_the_old_name(person: Make) -> None:
    ann = person("Ann")
    ann.page.get_by_role("button", name="Change your name").click()
    ann.name_field.fill("\u202eAnn")
    ann.name_field.press("Enter")
    expect(ann.page.get_by_text("Use a name of up to 40 visible characters.")).to_be_visible()
    ann.name_field.press("Escape")
    ann.reload().wait_until_joined()
    expect(ann.member("Ann")).to_be_visible()


def test_dismissing_the_dialog_over_a_refused_name_enters_anonymously(visitor: Make) -> None:
    ann = visitor().open()
    ann.name_field.fill("\u202e")
    ann.name_field.press("Enter")
    expect(ann.page.get_by_text("Use a name of up to 40 visible characters.")).to_be_visible()
    ann.name_field.press("Escape")
    expect(ann.roster.locator("bdi")).to_have_text(re.compile("^Anonymous"))


def test_run_of_one_author_is_grouped_and_a_day_is_named(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("one").say("two")
    bob.say("three")
    ann.say("four")
    continued = re.compile("is-continued")
    expect(bob.message("one")).not_to_have_class(continued)
    expect(bob.message("two")).to_have_class(continued)
    expect(bob.message("three")).not_to_have_class(continued)
    expect(bob.message("four")).not_to_have_class(continued)
    expect(bob.page.locator(".message-day:visible")).to_have_count(1)
    expect(bob.message("one").locator(".message-day")).to_be_visible()


def test_typing_is_seen_by_others_until_the_message_comes(visitor: Make, person: Make) -> None:
    bob, ann, cleo = visitor(), person("Ann").say("before"), person("Cleo")
    wire = Wire(bob.page)
    bob.page.clock.install()
    bob.open().enter("Bob")
    # What is shown for some seconds stays, however slow the test.
    bob.page.clock.pause_at(bob.run("Date.now()") / 1000 + 0.2)
    shown = bob.page.locator(".typing.is-shown")
    publish = "command => app.events.publish('command:send', { command })"
    ann.composer.press_sequentially("Hel")
    expect(shown).to_have_text("⁨Ann⁩ is typing")
    expect(ann.page.locator(".typing.is-shown")).to_have_count(0)
    cleo.composer.press_sequentially("Hi")
    expect(shown).to_have_text("⁨Ann⁩ and ⁨Cleo⁩ are typing")
    ann.run(publish, {"type": "edit", "seq": 1, "body": "long before"})
    expect(bob.bodies).to_have_text(["long before"])
    ann.run(publish, {"type": "rename", "name": "Anna"})
    expect(shown).to_have_text("⁨Anna⁩ and ⁨Cleo⁩ are typing")
    ann.say("Hello")
    expect(shown).to_have_text("⁨Cleo⁩ is typing")
    bob.page.clock.resume()
    expect(shown).to_have_count(0)

    wire.cut()
    wire.mend()
    expect(bob.bar).to_be_hidden(timeout=15_000)
    cleo.composer.press_sequentially(" there")
    expect(shown).to_have_text("⁨Cleo⁩ is typing")


def test_typing_is_told_at_most_every_three_seconds(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    ann.composer.press_sequentially("a sentence of some length", delay=10)
    assert len(wire.commands("typing")) == 1


def test_draft_outlives_the_browser_and_two_tabs_keep_their_own(visitor: Make, person: Make) -> None:
    ann = person("Ann")
    ann.composer.fill("half a thou")
    ann.reload()
    expect(ann.composer).to_have_value("half a thou")

    # A new tab has nothing of the old one's session, as a browser that was closed meanwhile.
    context = ann.page.context
    later = visitor(context=context).open()
    expect(later.composer).to_have_value("half a thou")
    third = visitor(context=context).open().wait_until_joined()
    later.composer.fill("another thought")
    ann.say("half a thought")
    expect(later.composer).to_have_value("another thought")
    later.reload().wait_until_joined().composer.press("Enter")
    expect(ann.bodies).to_have_text(["half a thought", "another thought"])
    expect(third.composer).to_have_value("")
    third.reload()
    expect(third.composer).to_have_value("")


def test_long_message_folds_and_opens(person: Make) -> None:
    ann = person("Ann").say("\n".join(f"line {number}" for number in range(60)))
    body = ann.bodies.first
    folded = box(body)["height"]
    ann.page.get_by_role("button", name="Show more").click()
    assert box(body)["height"] > 2 * folded
    ann.page.get_by_role("button", name="Show less").click()
    assert box(body)["height"] == folded


def test_message_over_the_limit_is_not_sent_and_says_by_how_much(person: Make) -> None:
    ann = person("Ann")
    ann.composer.fill("x" * 4_003)
    expect(ann.page.get_by_text("3 characters too many")).to_be_visible()
    ann.composer.press("Enter")
    expect(ann.composer).to_have_value("x" * 4_003)
    ann.say("👋" * 4_000)
    expect(ann.messages).to_have_count(1)


def test_older_messages_load_without_moving_what_is_read(visitor: Make, server: ChattyServer, room: str) -> None:
    talk(Client(server.http_url, "Bob", room), [f"message {number}" for number in range(70)])
    ann = visitor(viewport={"width": 800, "height": 500}).open().enter("Ann")
    expect(ann.messages).to_have_count(50)
    # Near the top; measured in the same breath, before older messages can be there.
    scroll_up = "e => { document.querySelector('.scroller').scrollTop = 60; return e.getBoundingClientRect().top; }"
    before = ann.message("message 24").evaluate(scroll_up)
    expect(ann.messages).to_have_count(70)
    assert abs(ann.message("message 24").evaluate("e => e.getBoundingClientRect().top") - before) < 2
    assert ann.bodies.all_inner_texts() == [f"message {number}" for number in range(70)]
    expect(ann.page.get_by_role("button", name="Load older messages")).to_be_hidden()


def test_reader_further_up_stays_there_and_is_told_of_new_messages(
    person: Make, server: ChattyServer, room: str
) -> None:
    ann, bob = person("Ann", viewport={"width": 800, "height": 400}), person("Bob")
    talk(Client(server.http_url, "Eve", room), [f"message {number}" for number in range(20)])
    expect(ann.messages).to_have_count(20)
    scroller = ann.page.locator(".scroller")
    scroller.evaluate("e => { e.scrollTop = 0; }")
    expect(ann.page.get_by_role("button", name="Jump to latest")).to_be_visible()
    bob.say("one more").say("and another")
    jump = ann.page.get_by_role("button", name="2 new messages")
    expect(jump).to_be_visible()
    assert scroller.evaluate("e => e.scrollTop") == 0
    jump.click()
    expect(ann.message("and another")).to_be_in_viewport()
    expect(jump).to_be_hidden()


def test_new_message_is_read_out_politely(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    bob.say("Hello")
    expect(ann.page.locator("[aria-live=polite] p")).to_have_text("⁨Bob⁩ says: ⁨Hello⁩")
    expect(bob.page.locator("[aria-live=polite] p")).to_have_count(0)


def test_key_typed_anywhere_goes_into_the_composer(person: Make) -> None:
    ann = person("Ann")
    ann.page.locator(".scroller").focus()
    ann.page.keyboard.type("hi")
    expect(ann.composer).to_have_value("hi")


def test_page_works_without_browser_storage(visitor: Make) -> None:
    ann = visitor()
    ann.page.add_init_script(
        "for (const area of ['localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, area, {get() { throw new DOMException('', 'SecurityError'); }})"
    )
    ann.open().enter("Ann").say("from memory")
    expect(ann.bodies).to_have_text(["from memory"])


def test_what_is_edited_or_taken_back_changes_for_everybody_at_once(person: Make) -> None:
    ann = person("Ann").say("first").say("second")
    bob = person("Bob")
    expect(bob.bodies).to_have_text(["first", "second"])
    publish = "command => app.events.publish('command:send', { command })"
    ann.run(publish, {"type": "edit", "seq": 1, "body": "first, mended"})
    ann.run(publish, {"type": "delete", "seq": 2})
    for reader in (ann, bob, bob.reload().wait_until_joined()):
        expect(reader.bodies).to_have_text(["first, mended", "Message deleted"])
        expect(reader.messages.nth(0).locator("[data-slot=edited]")).to_be_visible()
        expect(reader.messages.nth(1)).to_have_class(re.compile("is-deleted"))


def test_a_page_that_was_asked_for_before_a_fresh_start_is_not_mixed_in(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    wire.keep = lambda event: event["type"] != "page"
    ann.open().enter("Ann").say("one").say("two").say("three")
    run = "([name, payload]) => app.events.publish(name, payload)"

    def message(seq: int) -> dict[str, Any]:
        text = f"message {seq}"
        author = {"id": ann.id, "name": "Ann"}
        return {"seq": seq, "version": seq, "author": author, "at": 0, "body": text, "html": f"<p>{text}</p>"}

    def start_afresh(seq: int) -> None:
        ann.run(run, ["changes:arrived", {"head": seq, "reset": True, "more": True, "messages": [message(seq)]}])

    start_afresh(20)
    ann.page.get_by_role("button", name="Load older messages").click()
    (asked,) = wire.commands("history")
    assert asked["before"] == 20
    start_afresh(90)
    wire.say({"type": "page", "re": asked["id"], "before": 20, "more": True, "messages": [message(19)]})
    expect(ann.bodies).to_have_text(["message 90"])
