"""Searching all of one's rooms, and without words."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.person import Person, box
from tests.browser.test_search import results, search, status
from tests.servers import ChattyServer

Make = Callable[..., Person]


@pytest.fixture
def rooms(server: ChattyServer, room: str, visitor: Make) -> list[str]:
    """Three rooms in which Bob spoke of the tide."""
    rooms = [f"{room}-{name}" for name in ("north", "south", "west")]
    for slug in rooms:
        bob = visitor(url=f"{server.http_url}/chatty/{slug}").open().enter("Bob")
        bob.say(f"The tide in the {slug[-5:].strip('-')}")
        bob.page.close()
    return rooms


@pytest.fixture
def ann(server: ChattyServer, rooms: list[str], visitor: Make, new_context: Callable[..., BrowserContext]) -> Person:
    """She is in the second room, has been in the first, and never in the third."""
    context = new_context()
    visitor(context, url=f"{server.http_url}/chatty/{rooms[0]}").open().enter("Ann").page.close()
    return visitor(context, url=f"{server.http_url}/chatty/{rooms[1]}").open().wait_until_joined()


def choose(somebody: Person, field: str, option: str) -> None:
    somebody.page.get_by_label(field, exact=True).select_option(option)


def test_all_rooms_that_one_has_visited_are_searched(ann: Person, rooms: list[str]) -> None:
    search(ann, "tide")
    expect(results(ann)).to_have_count(1)
    choose(ann, "Where", "All my rooms")
    expect(status(ann)).to_have_text("2 messages found")
    expect(results(ann).first).to_contain_text("The tide in the south")
    expect(results(ann).first.locator(".search-where")).to_have_text(f"# {rooms[1]}")
    expect(results(ann).last.locator(".search-where")).to_have_text(f"# {rooms[0]}")


def test_a_result_leads_into_another_room_and_the_results_come_along(ann: Person, rooms: list[str]) -> None:
    search(ann, "tide")
    choose(ann, "Where", "All my rooms")
    expect(results(ann)).to_have_count(2)
    ann.run("window.stayed = true")
    results(ann).last.click()
    expect(ann.page).to_have_url(re.compile(f"{rooms[0]}#message/1$"))
    expect(ann.message("The tide in the north")).to_be_visible()
    expect(ann.message("The tide in the north")).to_have_class(re.compile("is-target"))
    expect(results(ann)).to_have_count(2)
    expect(results(ann).last).to_have_attribute("aria-current", "true")
    expect(ann.page.get_by_role("searchbox")).to_have_value("tide")
    results(ann).first.click()
    expect(ann.message("The tide in the south")).to_be_visible()
    assert ann.run("window.stayed")  # No page was loaded.
    ann.page.get_by_role("button", name="Close search").click()
    expect(ann.page.locator(".search")).to_be_hidden()


def test_messages_of_a_person_are_found_without_words(ann: Person, person: Make) -> None:
    ann.say("mine").say("mine, see https://example.org")
    ann.page.get_by_role("button", name="Search", exact=True).click()
    choose(ann, "From", "Me")
    expect(status(ann)).to_have_text("2 messages found")
    choose(ann, "What", "Links")
    expect(status(ann)).to_have_text("1 message found")
    choose(ann, "What", "All messages")
    choose(ann, "From", "Bob")
    expect(results(ann)).to_have_count(1)
    expect(results(ann)).to_contain_text("The tide in the south")
    choose(ann, "From", "Everyone")
    expect(results(ann)).to_have_count(0)
    expect(status(ann)).to_have_text("")


def test_mentions_of_me_are_found_in_all_rooms_and_say_which_are_unread(
    ann: Person, rooms: list[str], visitor: Make, server: ChattyServer
) -> None:
    ann.page.get_by_role("button", name="Search", exact=True).click()
    bob = visitor(url=f"{server.http_url}/chatty/{rooms[1]}").open().enter("Bob")
    bob.say("@Ann come here")
    expect(ann.message("@Ann come here")).to_be_visible()
    elsewhere = visitor(url=f"{server.http_url}/chatty/{rooms[0]}").open().enter("Bob")
    elsewhere.say("@Ann and there")
    choose(ann, "Where", "All my rooms")
    choose(ann, "What", "Mentions")
    expect(results(ann)).to_have_count(2)
    expect(results(ann).first).to_contain_text("@Ann and there")
    expect(results(ann).first.get_by_text("Unread")).to_be_attached()
    expect(results(ann).last.locator(".search-unread")).to_be_hidden()
    results(ann).first.click()
    expect(ann.message("@Ann and there")).to_be_visible()
    expect(results(ann).first.locator(".search-unread")).to_be_hidden()


def test_the_mentions_of_a_room_lead_to_those_of_all_rooms(
    ann: Person, rooms: list[str], visitor: Make, server: ChattyServer
) -> None:
    bob = visitor(url=f"{server.http_url}/chatty/{rooms[0]}").open().enter("Bob")
    bob.say("@Ann and there")
    ann.page.get_by_role("link", name="Mentions", exact=True).click()
    ann.page.get_by_role("button", name="In all my rooms").click()
    expect(results(ann)).to_have_count(1)
    expect(results(ann)).to_contain_text("@Ann and there")
    expect(ann.page.get_by_label("Where", exact=True)).to_have_value("all")
    ann.page.get_by_role("button", name="Close search").click()
    expect(ann.page.get_by_role("button", name="In all my rooms")).to_be_focused()
    ann.filter_by("Ann")
    expect(ann.page.get_by_role("button", name="In all my rooms")).to_be_hidden()


def test_the_panel_fits_on_a_phone(person: Make) -> None:
    ann = person("Ann", viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    ann.say("the tide")
    search(ann, "tide")
    choose(ann, "Where", "All my rooms")
    expect(results(ann)).to_have_count(1)
    for label in ("Where", "What", "From", "After", "Before"):
        field = box(ann.page.get_by_label(label, exact=True))
        assert field["x"] >= 0, label
        assert field["x"] + field["width"] <= 360, label
        assert field["height"] >= 44, label
