"""The day of what is on the screen, going to a date, and exact times."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.old_messages import write_old
from tests.browser.person import Person, box
from tests.servers import ChattyServer

Make = Callable[..., Person]
BERLIN = {"timezone_id": "Europe/Berlin"}
PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}


def at(text: str) -> int:
    """The milliseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def spring(server: ChattyServer, room: str) -> str:
    """A room with 30 messages on each of three days of 2025, the first of them at midnight in Berlin."""
    days = ("2025-05-02T22:00", "2025-05-04T22:00", "2025-06-10T08:00")
    said: list[tuple[int, str, list[str]]] = [
        (at(day) + minute * 60_000, f"{day[5:10]} number {minute}", []) for day in days for minute in range(30)
    ]
    write_old(server, **{room.replace("-", "_"): said})
    return room


def day_bar(somebody: Person) -> Locator:
    return somebody.page.locator(".day-bar-day")


def go_to(somebody: Person, day: str) -> None:
    day_bar(somebody).click()
    field = somebody.page.get_by_label("Date", exact=True)
    expect(field).to_be_focused()
    field.fill(day)
    field.press("Enter")


def test_the_day_of_the_first_message_on_the_screen_stands_above_the_messages(person: Make, spring: str) -> None:
    ann = person("Ann", **BERLIN)
    expect(day_bar(ann)).to_contain_text("Tuesday, June 10, 2025")
    above, scroller = box(ann.page.locator(".day-bar")), box(ann.page.locator(".scroller"))
    assert above["y"] + above["height"] <= scroller["y"]
    ann.page.locator(".scroller").focus()
    ann.page.keyboard.press("Home")
    expect(ann.message("05-02 number 0")).to_be_visible()
    ann.run("document.querySelector('.scroller').scrollTop = 0")
    expect(day_bar(ann)).to_contain_text("Saturday, May 3, 2025")
    expect(ann.page.locator(".day-bar")).to_have_class(re.compile("is-repeated"))  # Its own line is on the screen.
    ann.run("document.querySelector('.scroller').scrollTop = 200")
    expect(ann.page.locator(".day-bar")).not_to_have_class(re.compile("is-repeated"))
    expect(day_bar(ann)).to_contain_text("Saturday, May 3, 2025")


def test_a_room_without_messages_has_no_day(person: Make) -> None:
    ann = person("Ann")
    expect(ann.page.get_by_text("No messages yet")).to_be_visible()
    expect(day_bar(ann)).to_be_hidden()
    ann.say("first")
    expect(day_bar(ann)).to_be_visible()


def test_a_date_leads_to_its_first_message_in_the_readers_time_zone(person: Make, spring: str) -> None:
    ann = person("Ann", **BERLIN)
    go_to(ann, "2025-05-05")  # In UTC it is the evening before.
    expect(ann.page).to_have_url(re.compile("#message/31$"))
    expect(ann.message("05-04 number 0")).to_be_focused()
    ann.page.go_back()
    expect(ann.message("06-10 number 29")).to_be_in_viewport()


def test_a_day_without_messages_leads_to_the_next_with_some(person: Make, spring: str) -> None:
    ann = person("Ann", **BERLIN)
    go_to(ann, "2025-05-20")
    expect(ann.message("06-10 number 0")).to_be_focused()
    go_to(ann, "2025-05-20")  # Once more: the address stays.
    expect(ann.message("06-10 number 0")).to_be_focused()


def test_after_the_last_message_there_is_nothing_to_go_to(person: Make, spring: str) -> None:
    ann = person("Ann", **BERLIN)
    go_to(ann, "2025-06-11")
    expect(ann.page.get_by_role("alert").filter(has_text="No messages on this day or later.")).to_be_visible()
    go = ann.page.get_by_role("button", name="Go to date")
    ann.page.get_by_label("Date", exact=True).fill("")
    go.click()
    expect(ann.page.get_by_text("Enter a date.")).to_be_visible()
    ann.page.keyboard.press("Escape")
    expect(day_bar(ann)).to_be_focused()


def test_a_long_press_says_the_exact_time(person: Make, spring: str) -> None:
    ann = person("Ann", **BERLIN, **PHONE)
    expect(ann.message("06-10 number 29")).to_be_visible()
    body = ann.message("06-10 number 29").locator(".message-body")
    press = (
        "e => e.dispatchEvent(new PointerEvent('contextmenu', {pointerType: 'touch', bubbles: true, cancelable: true}))"
    )
    body.evaluate(press)
    expect(ann.page.get_by_role("menu")).to_contain_text("Tuesday, June 10, 2025 at 10:29:00")
