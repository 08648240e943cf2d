"""Searching for messages and going to their places."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.apart import talk
from tests.browser.person import Person, Wire
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]
# Where what is on the screen stands, by seq.
TOPS = """async () => {
    for (const _ of "ab") await new Promise(requestAnimationFrame);
    const box = document.querySelector(".scroller").getBoundingClientRect();
    const bodies = [...document.querySelectorAll("[data-seq] .message-body")];
    const places = bodies.map((body) => [body.closest("li").dataset.seq, body.getBoundingClientRect()]);
    const shown = places.filter(([, {top, bottom}]) => top >= box.top && bottom <= box.bottom);
    return Object.fromEntries(shown.map(([seq, {top}]) => [seq, top]));
}"""


@pytest.fixture
def long_room(server: ChattyServer, room: str) -> str:
    """A room in which Bob said 300 things, the fifth one about the tide."""

    bodies = ["The <b>Tide</b> is high" if number == 5 else f"number {number}" for number in range(1, 301)]
    talk(Client(server.http_url, "Bob", room), bodies)
    return room


def results(somebody: Person) -> Locator:
    return somebody.page.get_by_role("list", name="Search results").get_by_role("link")


def status(somebody: Person) -> Locator:
    return somebody.page.locator(".search-status")


def search(somebody: Person, words: str) -> None:
    if not somebody.page.get_by_role("searchbox").is_visible():
        somebody.page.get_by_role("button", name="Search", exact=True).click()
    somebody.page.get_by_role("searchbox").fill(words)
    somebody.page.get_by_role("searchbox").press("Enter")


def assert_same(tops: dict[str, float], before: dict[str, float]) -> None:
    assert tops.keys() == before.keys()
    assert max(abs(tops[seq] - before[seq]) for seq in before) <= 1


def jump(somebody: Person) -> Locator:
    return somebody.page.locator(".jump")


def test_what_was_found_leads_to_its_place_and_the_button_back(person: Make, long_room: str) -> None:
    ann = person("Ann")
    expect(ann.messages).to_have_count(50)
    search(ann, "TIDE")
    expect(status(ann)).to_have_text("1 message found")
    expect(results(ann)).to_contain_text("Bob")
    expect(results(ann).locator("mark")).to_have_text("Tide")
    expect(results(ann).locator(".search-excerpt")).to_have_text("The <b>Tide</b> is high")
    ann.page.keyboard.press("ArrowDown")
    expect(results(ann)).to_be_focused()
    ann.page.keyboard.press("Enter")
    target = ann.message("The <b>Tide</b> is high")
    expect(target).to_have_class(re.compile("is-target"))
    expect(target).to_be_in_viewport()
    expect(target).to_be_focused()
    expect(ann.message("number 300")).to_have_count(0)

    # What is said meanwhile doesn't stand below it, but is counted.
    bob = person("Bob").say("and now")
    expect(jump(ann)).to_contain_text("1 new message")
    expect(ann.message("and now")).to_have_count(0)
    expect(target).to_be_in_viewport()
    jump(ann).click()
    expect(ann.message("and now")).to_be_in_viewport()
    expect(ann.messages).to_have_count(51)
    expect(jump(ann)).to_be_hidden()
    bob.say("live again")
    expect(ann.message("live again")).to_be_in_viewport()
    assert "#" not in ann.page.url


def test_a_link_opens_the_room_at_its_message_and_one_can_read_on_to_the_newest(
    visitor: Make, person: Make, long_room: str
) -> None:
    ann = person("Ann")
    expect(ann.message("number 290").locator(".message-time")).to_have_attribute("href", "#message/290")

    guest = visitor().open("#message/100").enter("Guest")
    expect(guest.message("number 100")).to_be_in_viewport()
    expect(guest.message("number 100")).to_have_class(re.compile("is-target"))
    expect(guest.messages).to_have_count(50)
    ann.say("said meanwhile")
    expect(jump(guest)).to_contain_text("1 new message")
    for last in ("number 174", "number 224"):
        guest.run("document.querySelector('.scroller').scrollTop = 1e9")
        expect(guest.message(last)).to_have_count(1)
    guest.run("document.querySelector('.scroller').scrollTop = 1e9")
    expect(guest.message("said meanwhile")).to_have_count(1)
    numbers = [int(body.split()[1]) for body in guest.bodies.all_inner_texts() if body.startswith("number")]
    assert numbers == list(range(75, 301))
    guest.run("document.querySelector('.scroller').scrollTop = 1e9")
    expect(jump(guest)).to_be_hidden()
    ann.say("live")
    expect(guest.message("live")).to_be_in_viewport()


def test_back_leads_to_where_one_was_reading(visitor: Make, long_room: str) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    expect(ann.message("number 300")).to_be_in_viewport()
    ann.run("document.querySelector('.scroller').scrollTop -= 700")
    expect(jump(ann)).to_be_visible()
    read = ann.run(TOPS)
    search(ann, "tide")
    results(ann).click()
    expect(ann.message("The <b>Tide</b> is high")).to_be_in_viewport()
    ann.page.go_back()
    expect(ann.message("number 299")).to_have_count(1)
    assert_same(ann.run(TOPS), read)
    expect(ann.page.locator(".is-target")).to_have_count(0)
    expect(jump(ann)).to_be_visible()
    ann.page.go_forward()
    expect(ann.message("The <b>Tide</b> is high")).to_be_in_viewport()
    ann.page.go_back()

    # So does the way out of a filter.
    ann.run("document.querySelector('.message .message-name').click()")
    expect(ann.page.locator("[data-module=filter-banner]")).to_be_visible()
    ann.page.locator(".scroller").press("Escape")
    expect(ann.page.locator("[data-module=filter-banner]")).to_be_hidden()
    assert_same(ann.run(TOPS), read)

    # Nor is it lost when more was missed than can be told.
    wire.say({"type": "changes", "since": 300, "messages": [], "more": True, "head": 300, "reset": True})
    expect(ann.message("number 300")).to_have_count(0)  # Only what is around is asked for.
    expect(ann.message("number 260")).to_be_in_viewport()
    assert_same(ann.run(TOPS), read)


def test_at_an_old_place_older_ones_load_and_changes_show(visitor: Make, server: ChattyServer, long_room: str) -> None:
    guest = visitor().open("#message/100").enter("Guest")
    expect(guest.message("number 100")).to_be_in_viewport()
    guest.run("document.querySelector('.scroller').scrollTop = 0")
    expect(guest.message("number 26")).to_have_count(1)
    guest.say("I write")
    expect(guest.message("I write")).to_be_in_viewport()
    expect(guest.message("number 300")).to_have_count(1)
    expect(guest.message("number 100")).to_have_count(0)


def test_an_old_place_outlives_a_lost_connection(visitor: Make, person: Make, long_room: str) -> None:
    guest = visitor()
    wire = Wire(guest.page)
    guest.open("#message/100").enter("Guest")
    expect(guest.message("number 100")).to_be_in_viewport()
    wire.cut()
    expect(guest.bar).to_be_visible()
    person("Eve").say("missed")
    wire.mend()
    guest.wait_until_joined()
    expect(jump(guest)).to_contain_text("1 new message")
    expect(guest.message("number 100")).to_be_in_viewport()
    expect(guest.message("missed")).to_have_count(0)


def test_a_search_is_narrowed_by_member_and_days(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("tea for two")
    bob.say("two for tea")
    search(ann, '"for tea"')
    expect(results(ann)).to_have_count(1)
    search(ann, "tea")
    expect(results(ann)).to_have_count(2)
    ann.page.get_by_label("From", exact=True).select_option("Bob")
    expect(status(ann)).to_have_text("1 message found")
    ann.page.get_by_label("Before").fill("2001-05-03")
    expect(status(ann)).to_have_text("No messages found.")
    ann.page.get_by_label("Before").fill("")
    ann.page.get_by_label("After").fill("2001-05-03")
    expect(status(ann)).to_have_text("1 message found")
    search(ann, "…")
    expect(status(ann)).to_have_text("Enter a word, or choose a person, mentions or links.")
    expect(results(ann)).to_have_count(0)


def test_a_closed_search_goes_on_where_it_was_with_what_came_meanwhile(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    bob.say("tea 1").say("tea 2").say("tea 3")
    search(ann, "tea")
    expect(results(ann)).to_have_count(3)
    results(ann).nth(1).click()
    expect(ann.message("tea 2")).to_be_focused()
    expect(results(ann).nth(1)).to_have_attribute("aria-current", "true")
    ann.page.get_by_role("searchbox").press("Escape")
    expect(ann.page.get_by_role("searchbox")).to_be_hidden()
    expect(ann.page.get_by_role("button", name="Search", exact=True)).to_be_focused()
    bob.say("tea 4")
    bob.run("app.events.publish('message:amend', {type: 'delete', seq: 3})")
    expect(ann.message("Message deleted")).to_be_visible()
    ann.page.keyboard.press("Enter")
    expect(ann.page.get_by_role("searchbox")).to_have_value("tea")
    expect(status(ann)).to_have_text("3 messages found")
    expect(results(ann).locator(".search-excerpt")).to_have_text(["tea 4", "tea 2", "tea 1"])
    expect(results(ann).nth(1)).to_have_attribute("aria-current", "true")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_the_panel_gives_way_to_what_was_found(person: Make, scheme: str) -> None:
    ann = person("Ann", viewport={"width": 360, "height": 640}, color_scheme=scheme).say("tea for two")
    search(ann, "te")
    expect(results(ann)).to_have_count(1)
    assert ann.run("document.documentElement.scrollWidth") == 360
    results(ann).click()
    expect(ann.page.get_by_role("searchbox")).to_be_hidden()
    expect(ann.message("tea for two")).to_have_class(re.compile("is-target"))
    ann.page.get_by_role("button", name="Search", exact=True).click()
    expect(results(ann)).to_be_focused()  # Not the field, whose keyboard would cover them.


def test_japanese_is_found_by_a_part_and_the_keys_that_compose_it_do_nothing_else(person: Make) -> None:
    ann = person("Ann").say("今日は天気がいい")
    search(ann, "天気")
    expect(results(ann).locator("mark")).to_have_text("天気")
    box = ann.page.get_by_role("searchbox")
    box.fill("")
    keyboard = ann.page.context.new_cdp_session(ann.page)
    keyboard.send("Input.imeSetComposition", {"text": "てんき", "selectionStart": 3, "selectionEnd": 3})
    box.press("ArrowDown")
    expect(box).to_be_focused()
    box.press("Escape")
    expect(box).to_be_visible()
