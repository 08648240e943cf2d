"""Filters, search, and old places."""

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import EVERYWHERE, state
from tests.browser.states.stage import Stage, identity_of
from tests.browser.states.talking import RELEASE, ann_at_release, bob_at_workshop, release

ARCHIVE = "archive"


def filtered(stage: Stage, fragment: str, name: str = "Ann") -> Person:
    release(stage)
    somebody = stage.visitor(name, RELEASE).open(fragment).enter(name)
    expect(somebody.page.locator("[data-module=filter-banner]")).to_be_visible()
    return somebody


@state("Messages with links from two people.", EVERYWHERE)
def filter(stage: Stage) -> Person:
    somebody = filtered(stage, f"#users/{identity_of('Bob')},{identity_of('Cleo Park')}/links")
    expect(somebody.messages).to_have_count(1)
    return somebody


@state("No messages match the filter.")
def filter_empty(stage: Stage) -> Person:
    ann = filtered(stage, "#mentions")
    expect(ann.page.get_by_text("No mentions yet")).to_be_visible()
    return ann


@state("Messages that mention the reader.")
def mentions(stage: Stage) -> Person:
    bob_at_workshop(stage)
    bob = stage.visitor("Bob", "workshop").open("#mentions").enter("Bob")
    expect(bob.messages).to_have_count(1)
    return bob


def searched(stage: Stage, words: str) -> Person:
    ann = ann_at_release(stage)
    ann.page.get_by_role("button", name="Search", exact=True).click()
    ann.page.get_by_role("searchbox").fill(words)
    ann.page.get_by_role("searchbox").press("Enter")
    expect(ann.page.locator(".search-status")).to_contain_text("ound")
    return ann


@state("Search results.", EVERYWHERE)
def search(stage: Stage) -> Person:
    return searched(stage, "the list")


@state("No search results.")
def search_nothing(stage: Stage) -> Person:
    return searched(stage, "tomorrow")


def archive(stage: Stage) -> Person:
    """Bob, who has said a lot there."""

    def tell() -> None:
        bob = stage.enter("Bob", ARCHIVE, stays=True)
        bob.run(
            """() => {
                const say = (body) => app.events.publish("message:send", { body });
                for (let n = 1; n <= 120; n += 1) say(n === 40 ? "The key is under the mat." : `Line ${n} of the log`);
            }"""
        )
        expect(bob.message("Line 120 of the log")).to_be_visible()
        expect(bob.pending).to_have_count(0, timeout=30_000)
        stage.residents[ARCHIVE] = bob

    stage.once(ARCHIVE, tell)
    return stage.residents[ARCHIVE]


@state("At an old place, with new messages below.")
def old_place(stage: Stage) -> Person:
    bob = archive(stage)
    ann = stage.visitor("Ann", ARCHIVE).open("#message/40").enter("Ann")
    expect(ann.message("The key is under the mat.")).to_be_in_viewport()
    bob.say("And a new one.").say("And another.")
    expect(ann.page.get_by_role("button", name="2 new messages")).to_be_visible()
    return ann


def back_in_the_archive(stage: Stage) -> Person:
    """Ann was there, left, and much was said before she came back."""
    bob = archive(stage)
    ann = stage.enter("Ann", ARCHIVE)
    expect(ann.messages.last).to_be_in_viewport()
    newest = ann.messages.last.get_attribute("data-seq")
    ann.page.wait_for_function(f"() => JSON.parse(localStorage['chatty.visit.{ARCHIVE}'] ?? '{{}}').seq >= {newest}")
    ann.page.goto("about:blank")
    for number in range(30):
        bob.write(f"Line {number + 1} of the day").composer.press("Enter")
    expect(bob.pending).to_have_count(0, timeout=60_000)
    ann.open().wait_until_joined()
    expect(ann.page.get_by_role("button", name="30 new messages since")).to_be_visible()
    return ann


@state("Back in a room with many new messages: a button goes to the first of them.", EVERYWHERE)
def since(stage: Stage) -> Person:
    return back_in_the_archive(stage)


@state("A line marks the first new message.")
def new_messages(stage: Stage) -> Person:
    ann = back_in_the_archive(stage)
    ann.page.get_by_role("button", name="30 new messages since").click()
    expect(ann.page.get_by_role("separator", name="New messages")).to_be_in_viewport()
    return ann
