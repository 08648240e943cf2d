"""A tab that stays open in a busy room: it holds few messages in every view and never loses the reading position."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.made_up import AUTHORS, MadeUpRoom
from tests.browser.person import Person

Make = Callable[..., Person]

MOST_HELD = 5_000
FLOOD = 6_000  # More than that, also of the author of nine in ten.
# What the timeline says that it holds: from, to, and what was told last.
WATCH = """() => {
    window.told = {resets: [], trims: []};
    app.events.subscribe("timeline:reset", ({messages}) => told.resets.push(messages.length));
    app.events.subscribe("timeline:trimmed", ({oldest, newest, newer}) => told.trims.push({oldest, newest, newer}));
}"""
TOP = "() => document.querySelector('.scroller').scrollTo(0, 200)"
BOTTOM = "() => { const s = document.querySelector('.scroller'); s.scrollTo(0, s.scrollHeight); }"
# The message in the middle of the screen, and how far down it stands.
READ = """() => {
    const box = document.querySelector(".scroller").getBoundingClientRect();
    let item = null; // Between messages there are gaps.
    for (let down = 0; !item; down += 4) {
        item = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2 + down).closest(".message");
    }
    return [item.dataset.seq, Math.round(item.getBoundingClientRect().top)];
}"""


@pytest.fixture
def reader(visitor: Make) -> Callable[[str], tuple[Person, MadeUpRoom]]:
    """Somebody in a made-up room of 200 messages, at a place of it."""

    def make(fragment: str = "") -> tuple[Person, MadeUpRoom]:
        ann = visitor(viewport={"width": 900, "height": 700})
        # Where only one author is shown, nearly all is theirs: the page holds as much after as many messages.
        room = MadeUpRoom(ann.page, 200, turns=(0, *[1] * 9) if fragment.startswith("#users") else (0, 1, 2))
        ann.open(fragment).enter("Ann")
        ann.run(WATCH)
        return ann, room

    return make


Reader = Callable[[str], tuple[Person, MadeUpRoom]]


def flood(ann: Person, room: MadeUpRoom, count: int) -> None:
    """So many messages come, and the page has taken all of them."""
    ann.run("() => app.events.subscribe('timeline:reached', ({version}) => (window.reached = version))")
    room.say(count)
    ann.page.wait_for_function("head => window.reached === head", arg=room.head, timeout=240_000)


@pytest.mark.parametrize("fragment", ["", f"#users/{AUTHORS[1]['id']}"], ids=["everything", "filtered"])
def test_who_reads_further_up_keeps_the_place_and_holds_little(reader: Reader, fragment: str) -> None:
    ann, room = reader(fragment)
    ann.page.wait_for_function("() => document.querySelectorAll('.message').length >= 50")
    ann.run(TOP)
    expect(ann.page.locator(".jump")).to_be_visible()
    ann.page.wait_for_function("() => document.querySelectorAll('.message').length > 60")
    read = ann.run(READ)
    flood(ann, room, FLOOD)
    assert ann.run(READ) == read
    assert ann.run("() => told.trims.at(-1).newer")
    # Down from there, what was let go of comes again.
    newest = ann.run("() => told.trims.at(-1).newest")
    before = len(room.asked("after"))
    while not ann.page.locator(f'.message[data-seq="{newest + 3}"]').count():
        ann.run(BOTTOM)
        ann.page.wait_for_timeout(20)
    assert len(room.asked("after")) > before
    ann.page.locator(".jump").click()
    expect(ann.messages.last).to_contain_text(f"number {room.head - bool(fragment)}")
    assert ann.run("() => told.resets.at(-1)") <= MOST_HELD


def test_behind_an_old_place_the_newest_do_not_pile_up(reader: Reader) -> None:
    ann, room = reader("#message/3")
    expect(ann.message("number 3 and more words and more words and more words")).to_be_visible()
    flood(ann, room, FLOOD)
    ann.page.locator(".jump").click()
    expect(ann.messages.last).to_contain_text(f"number {room.head}")
    assert ann.run("() => told.resets.at(-1)") <= MOST_HELD


@pytest.mark.long
@pytest.mark.parametrize("fragment", ["", f"#users/{AUTHORS[1]['id']}"], ids=["everything", "filtered"])
def test_who_follows_the_newest_holds_little(reader: Reader, fragment: str) -> None:
    ann, room = reader(fragment)
    flood(ann, room, FLOOD)
    expect(ann.messages.last).to_contain_text(f"number {room.head - bool(fragment)}")
    trims = ann.run("() => told.trims")
    assert [trim["newer"] for trim in trims] == [False] * len(trims) != []


def test_what_nobody_looked_at_costs_no_more_with_each_message(reader: Reader) -> None:
    """Counted: each message looks at itself, not at all that are unread."""
    ann, room = reader("")
    ann.look_away()
    ann.run(
        """() => {
            window.looks = 0;
            const {values} = Set.prototype;
            Set.prototype[Symbol.iterator] = function () { looks += this.size; return values.call(this); };
        }"""
    )
    flood(ann, room, 1_000)
    expect(ann.page).to_have_title(re.compile(r"^\(99\+\) "))
    assert ann.run("() => looks") < 100 * 1_000
