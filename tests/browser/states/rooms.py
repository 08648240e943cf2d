"""More than one room."""

import re

import httpx
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import EVERYWHERE, state
from tests.browser.states.stage import DARK, LIGHT, Stage, choose_of_room, open_sidebar
from tests.browser.states.talking import ann_at_release

NAMES = {"book-club": "Book club", "garden": "Garden", "help-desk": "Help desk"}


def make(somebody: Person, title: str, address: str, topic: str) -> None:
    open_sidebar(somebody)
    somebody.page.get_by_role("button", name="Create a room").first.click()
    dialog = somebody.page.get_by_role("dialog", name="Create a room")
    dialog.get_by_label("Name").fill(title)
    dialog.get_by_label("Address").fill(address)
    dialog.get_by_label("Topic (optional)").fill(topic)


def made(stage: Stage) -> None:
    def work() -> None:
        bob = stage.enter("Bob", "lobby", stays=True, viewport={"width": 1120, "height": 720})
        for slug, title in NAMES.items():
            make(bob, title, slug, "What we read, on Thursdays" if slug == "book-club" else "")
            bob.page.get_by_role("button", name="Create", exact=True).click()
            bob.page.wait_for_url(f"**/{slug}")
            bob.wait_until_joined()
            stage.residents[slug] = stage.tab(bob.page.context, slug, "Bob").open().wait_until_joined()

        for text in ("The tomatoes are in.", "Who waters them next week?"):
            stage.residents["garden"].say(text)

    stage.once("rooms", work)


def ann_with_rooms(stage: Stage) -> Person:
    """She has been in all of them, and then things were said."""
    made(stage)
    ann = stage.visitor("Ann", "garden")
    ann.open().enter("Ann")
    for slug in ("book-club", "help-desk"):
        ann.url = stage.url(slug)
        ann.open().wait_until_joined()
    ann.write("half a thou")
    ann.url = stage.url("garden")
    ann.open().wait_until_joined()
    here = stage.enter("Ann", "book-club")  # Only members in the room can be mentioned.
    expect(stage.residents["book-club"].member("Ann")).to_be_visible()
    stage.residents["book-club"].say("I'm through with it.").say("@Ann, what is next?")
    stage.residents["help-desk"].say("The printer again.")
    here.page.close()
    open_sidebar(ann)
    expect(ann.page.locator(".room-counts:visible")).to_have_count(2)
    expect(ann.page.get_by_role("img", name="Unsent messages")).to_be_visible()
    return ann


@state("The list of rooms: unread messages, a mention and a draft.", EVERYWHERE)
def room_list(stage: Stage) -> Person:
    return ann_with_rooms(stage)


@state("Going to a room with Ctrl K.", EVERYWHERE)
def switcher(stage: Stage) -> Person:
    ann = ann_with_rooms(stage)
    ann.page.get_by_role("button", name="Go to a room").click()
    expect(ann.page.get_by_role("dialog", name="Go to a room").get_by_role("option")).to_have_count(3)
    return ann


@state("Creating a room; the address is taken.", EVERYWHERE)
def room_make(stage: Stage) -> Person:
    made(stage)
    ann = ann_at_release(stage)
    make(ann, "Book Club", "book-club", "What we read")
    ann.page.get_by_role("button", name="Create", exact=True).click()
    expect(ann.page.get_by_text("This address is already taken")).to_be_visible()
    ann.run(
        """() => {
            for (const line of document.querySelectorAll(".form-address"))
                line.textContent = line.textContent.replace(/[^/]+(?=.chatty)/, "chat.example.org");
        }"""
    )
    return ann


@state("About a room: its topic and its link.")
def about(stage: Stage) -> Person:
    made(stage)
    ann = stage.enter("Ann", "book-club")
    choose_of_room(ann, "About this room…")
    expect(ann.page.locator("#room-about-address")).to_have_value(re.compile("book-club"))
    ann.run("document.querySelector('#room-about-address').value = 'https://chat.example.org/chatty/book-club'")
    return ann


@state("The room's creator edits its name and topic.")
def describe(stage: Stage) -> Person:
    made(stage)
    bob = stage.enter("Bob", "book-club")
    choose_of_room(bob, "Edit name and topic…")
    expect(bob.page.get_by_role("dialog", name="Edit name and topic")).to_be_visible()
    return bob


def with_webhooks(stage: Stage) -> Person:
    """Bob at the dialog, who has just created two webhooks."""
    made(stage)
    bob = stage.enter("Bob", "book-club")
    choose_of_room(bob, "Webhooks…")
    dialog = bob.page.get_by_role("dialog", name="Webhooks")
    for name in ("Alerts", "Build server"):
        dialog.get_by_label("Name of a new webhook").fill(name)
        dialog.get_by_role("button", name="Create", exact=True).click()
        expect(dialog.locator(".hook-name").last).to_have_text(name)
    address = dialog.get_by_label("Copy this address now")
    answer = httpx.post(address.input_value(), json={"text": "*Build* failed: _3 tests_"}, trust_env=False)
    assert answer.text == "ok"
    expect(bob.messages.filter(has_text="Build failed")).to_be_visible()
    bob.run("() => (document.querySelector('#room-hooks-url').value = 'https://chat.example.org/hooks/…')")
    return bob


@state("The room's creator has created a webhook, whose address is shown once.", (LIGHT, DARK))
def webhooks(stage: Stage) -> Person:
    return with_webhooks(stage)


@state("Messages of a webhook are marked as a bot's.")
def bots(stage: Stage) -> Person:
    bob = with_webhooks(stage)
    bob.page.keyboard.press("Escape")
    expect(bob.page.get_by_role("dialog", name="Webhooks")).to_be_hidden()
    expect(bob.page.locator(".message-head .bot:not([hidden])").first).to_be_visible()
    return bob
