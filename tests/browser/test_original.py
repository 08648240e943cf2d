"""All features of the original Chatty, tried by two people, row by row."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.person import Person
from tests.servers import ChattyServer

Make = Callable[..., Person]


def test_page_is_served_at_chatty_and_holds_nothing_personal(page: Page, server: ChattyServer) -> None:
    first = page.request.get(f"{server.http_url}/chatty")
    second = page.request.get(f"{server.http_url}/chatty")
    assert first.ok
    assert first.text() == second.text()
    assert "set-cookie" not in first.headers


def test_user_info_gives_an_identity_and_the_same_again_for_its_token(page: Page, server: ChattyServer) -> None:
    for path in ("/get_user_info.json", "/get_user_info"):
        info = page.request.get(server.http_url + path).json()
        assert set(info) == {"uuid", "token", "socketURL", "httpURL"}
        assert info["socketURL"] == server.ws_url
        again = page.request.get(server.http_url + path, headers={"Authorization": f"Bearer {info['token']}"}).json()
        assert again["uuid"] == info["uuid"]
    assert page.request.get(server.http_url + path).json()["uuid"] != info["uuid"]


# The screen name.


def test_dialog_opens_on_load_with_its_field_focused(visitor: Make) -> None:
    ann = visitor().open()
    expect(ann.dialog).to_be_visible()
    expect(ann.name_field).to_be_focused()
    # Behind the dialog nobody has been counted.
    users = ann.page.get_by_role("heading", name="People", exact=True)
    expect(users).to_be_visible()


@pytest.mark.parametrize("how", ["done", "enter", "escape", "backdrop", "close"])
def test_dialog_is_finished_by_done_enter_or_dismissing_it(visitor: Make, how: str) -> None:
    ann = visitor().open()
    ann.name_field.fill("Ann")
    finish = {
        "done": lambda: ann.page.get_by_role("button", name="Done").click(),
        "enter": lambda: ann.name_field.press("Enter"),
        "escape": lambda: ann.page.keyboard.press("Escape"),
        "backdrop": lambda: ann.page.mouse.click(5, 5),
        "close": lambda: ann.dialog.get_by_role("button", name="Close").click(),
    }
    finish[how]()
    expect(ann.dialog).to_be_hidden()
    expect(ann.member("Ann")).to_be_visible()
    expect(ann.composer).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Escape"])
def test_empty_name_becomes_anonymous_with_up_to_three_digits(visitor: Make, key: str) -> None:
    ann = visitor().open()
    ann.name_field.fill("   ")
    ann.name_field.press(key)
    expect(ann.roster.locator("bdi")).to_have_text(re.compile(r"^Anonymous\d{1,3}$"))


# The users.


def test_joiner_appears_at_once_and_the_count_follows(person: Make) -> None:
    ann = person("Ann")
    expect(ann.page.get_by_role("heading", name="People (1)")).to_be_visible()
    bob = person("Bob")
    expect(ann.member("Bob")).to_be_visible()
    for somebody in (ann, bob):
        expect(somebody.page.get_by_role("heading", name="People (2)")).to_be_visible()
        expect(somebody.roster).to_have_count(2)


def test_star_stands_before_yourself_and_a_person_before_others(person: Make) -> None:
    ann, _ = person("Ann"), person("Bob")
    expect(ann.member("Ann").locator("[data-icon]:visible")).to_have_attribute("data-icon", "star")
    expect(ann.member("Bob").locator("[data-icon]:visible")).to_have_attribute("data-icon", "person")
    assert ann.member("Bob").locator("a > *").first.get_attribute("data-icon") == "person"


def test_leaver_turns_red_fades_over_three_seconds_and_is_gone(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.page.emulate_media(reduced_motion="no-preference")
    bob.page.close()
    leaver = ann.member("Bob")
    expect(leaver).to_have_class(re.compile("is-leaving"))
    expect(ann.page.get_by_role("heading", name="People (1)")).to_be_visible()
    red, green, blue = map(int, re.findall(r"\d+", leaver.locator("a").evaluate("e => getComputedStyle(e).color"))[:3])
    assert red > 1.5 * green
    assert red > 1.5 * blue
    fading = leaver.evaluate("e => e.getAnimations().map(a => [a.animationName, a.effect.getTiming().duration])")
    assert fading == [["leave", 3000]]
    expect(leaver).to_have_count(0)


def test_leaver_is_simply_gone_where_motion_is_unwanted(person: Make) -> None:
    ann = person("Ann")
    bob = person("Bob")
    bob.page.close()
    expect(ann.member("Bob")).to_have_class(re.compile("is-leaving"))
    assert ann.member("Bob").evaluate("e => e.getAnimations().length") == 0
    expect(ann.member("Bob")).to_have_count(0)


# The messages.


def test_message_reaches_the_others_with_own_name_green_and_other_names_grey(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("Hello")
    expect(bob.bodies).to_have_text(["Hello"])
    colour = "e => getComputedStyle(e).color.match(/\\d+/g).map(Number)"
    red, green, blue = ann.message("Hello").locator(".message-name").evaluate(colour)
    assert green > 1.5 * red
    assert green > blue
    grey = bob.message("Hello").locator(".message-name").evaluate(colour)
    assert max(grey) - min(grey) < 20


def test_enter_and_the_send_button_send_and_empty_the_field(person: Make) -> None:
    ann = person("Ann")
    ann.composer.press_sequentially("by Enter")
    ann.composer.press("Enter")
    expect(ann.composer).to_have_value("")
    ann.composer.fill("by Send")
    ann.send_button.click()
    expect(ann.composer).to_have_value("")
    expect(ann.composer).to_be_focused()
    expect(ann.bodies).to_have_text(["by Enter", "by Send"])


def test_shift_enter_breaks_the_line_and_nothing_but_space_is_not_sent(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.composer.fill("  \n ")
    ann.composer.press("Enter")
    expect(ann.messages).to_have_count(0)
    ann.composer.fill("one")
    ann.composer.press("Shift+Enter")
    ann.composer.press_sequentially("two")
    ann.composer.press("Enter")
    expect(bob.bodies).to_have_text(["one\ntwo"], use_inner_text=True)


def test_list_scrolls_to_the_newest_message(person: Make) -> None:
    ann, bob = person("Ann", viewport={"width": 800, "height": 400}), person("Bob")
    for number in range(15):
        bob.say(f"message {number}")
    expect(ann.message("message 14")).to_be_in_viewport()
    expect(ann.message("message 0")).not_to_be_in_viewport()


# The filter.


def test_click_on_a_user_shows_only_their_messages_and_all_messages_shows_all(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("from Ann")
    bob.say("from Bob")
    expect(ann.bodies).to_have_text(["from Ann", "from Bob"])
    expect(ann.all_messages).to_have_attribute("aria-current", "true")

    ann.filter_by("Bob")
    expect(ann.bodies).to_have_text(["from Bob"])
    expect(ann.page).to_have_url(f"{ann.url}#users/{bob.id}")
    expect(ann.member("Bob").get_by_role("link")).to_have_attribute("aria-current", "true")
    expect(ann.all_messages).not_to_have_attribute("aria-current", "true")
    expect(ann.page.get_by_text("Messages from ⁨Bob⁩", exact=True)).to_be_visible()
    bob.say("more from Bob")
    expect(ann.bodies).to_have_text(["from Bob", "more from Bob"])

    ann.all_messages.click()
    expect(ann.bodies).to_have_text(["from Ann", "from Bob", "more from Bob"])
    expect(ann.page).to_have_url(f"{ann.url}#users")
    expect(ann.all_messages).to_have_attribute("aria-current", "true")


def test_back_and_forward_walk_through_the_filters(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("from Ann")
    bob.say("from Bob")
    expect(ann.messages).to_have_count(2)
    ann.filter_by("Bob")
    expect(ann.bodies).to_have_text(["from Bob"])
    ann.filter_by("Ann")
    expect(ann.bodies).to_have_text(["from Ann"])
    ann.page.go_back()
    expect(ann.bodies).to_have_text(["from Bob"])
    ann.page.go_back()
    expect(ann.messages).to_have_count(2)
    ann.page.go_forward()
    expect(ann.bodies).to_have_text(["from Bob"])


def test_pasted_link_opens_filtered(person: Make, visitor: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("from Ann")
    bob.say("from Bob")
    cid = visitor().open(f"#users/{bob.id}").enter("Cid")
    expect(cid.bodies).to_have_text(["from Bob"])
    expect(cid.member("Bob").get_by_role("link")).to_have_attribute("aria-current", "true")
    cid.page.get_by_role("link", name="Show all messages").click()
    expect(cid.messages).to_have_count(2)


@pytest.mark.parametrize("fragment", ["#users/", "#users/%E0%A4%A", "#nonsense"])
def test_fragment_that_names_nobody_shows_all(visitor: Make, fragment: str) -> None:
    ann = visitor().open(fragment).enter("Ann")
    ann.say("from Ann")
    expect(ann.bodies).to_have_text(["from Ann"])
