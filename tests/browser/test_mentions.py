"""Mentions of people who aren't in the room, and how they hear of them."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.test_attention import NOTIFICATION
from tests.servers import ChattyServer

Make = Callable[..., Person]


def test_who_left_is_suggested_mentioned_and_hears_of_it_in_another_room(
    visitor: Make, server: ChattyServer, room: str
) -> None:
    here, there = f"{room}-a", f"{room}-b"
    url = f"{server.http_url}/chatty/"
    bob = visitor(url=url + here).open().enter("Bob").say("the first")
    ann = visitor(url=url + here)
    ann.page.context.add_init_script(NOTIFICATION)
    ann.open().enter("Ann")
    ann.run("localStorage.setItem('test.permission', 'granted')")
    expect(bob.member("Ann")).to_be_visible()
    ann.page.goto(url + there)
    ann.wait_until_joined()
    entry = ann.page.locator(".room-item").get_by_role("link", name=re.compile(f"^{here}"))
    expect(entry).to_be_visible()
    ann.look_away()
    expect(bob.member("Ann")).to_have_count(0)

    bob.composer.press_sequentially("Thanks, @an")
    option = bob.page.get_by_role("option", name="Ann not here now")
    expect(option).to_be_visible()
    bob.composer.press("Enter")
    expect(bob.composer).to_have_value("Thanks, @Ann ")
    bob.composer.press("Enter")
    expect(bob.pending).to_have_count(0)
    expect(bob.messages.last.locator(".mention")).to_have_text("@Ann")

    expect(entry).to_have_accessible_name(re.compile("1 mention"))
    expect(ann.page).to_have_title(re.compile(r"^\(@1\) "))
    ann.page.wait_for_function("() => (localStorage.getItem('test.shown') ?? '').includes('You were mentioned in')")
    ((title, _, tag),) = ann.run("JSON.parse(localStorage.getItem('test.shown'))")
    assert (title, tag) == (f"You were mentioned in {here}", f"chatty.{here}")
    ann.look_back()
    ann.run("notifications[0].onclick()")
    expect(ann.page).to_have_url(url + here)
    expect(ann.messages.last).to_have_class(re.compile("mentions-me"))
    expect(ann.page).not_to_have_title(re.compile(r"^\("))
