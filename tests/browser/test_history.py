"""A room with thousands of messages: few nodes, no jumps, and new messages are marked."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.apart import apart, talk
from tests.browser.person import Person, Wire
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]
Say = Callable[..., None]

MOST = 360  # Nodes of messages.
SLOW_MS = 30_000  # For a browser that gets hundreds of messages at once, on a machine that runs other tests.
FRAME = "const frame = () => new Promise((done) => requestAnimationFrame(done));"
SETTLE = f"async () => {{ {FRAME} await frame(); await frame(); }}"
# Moves by a step a frame until a message is there; what stood in the middle of the screen must have moved by that step.
# Returns the most messages that had nodes, and the worst that anything was out of its place.
SCROLL = f"""async ([step, until]) => {{
    {FRAME}
    const scroller = document.querySelector(".scroller");
    const box = scroller.getBoundingClientRect();
    const isThere = () => [...document.querySelectorAll(".message-body")].some((body) => body.innerText === until);
    let most = 0;
    let jump = 0;
    while (!isThere()) {{
        const item = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2).closest(".message");
        const before = item?.getBoundingClientRect().top;
        const left = step < 0 ? scroller.scrollTop : scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
        scroller.scrollTop += step;
        await frame();
        most = Math.max(most, document.querySelectorAll(".message").length);
        const moved = item?.getBoundingClientRect().top - before;
        if (item && left > Math.abs(step)) jump = Math.max(jump, Math.abs(moved + step));
    }}
    return {{most, jump}};
}}"""


@pytest.fixture
def bob_says(server: ChattyServer, room: str) -> Say:
    """Bob says `number 1` to so many, or that one body."""

    def say(start: int, end: int, body: str = "number {}") -> None:
        bodies = [body.format(number) + " and more words" * (number % 5 * 4) for number in range(start, end + 1)]
        talk(Client(server.http_url, "Bob", room), bodies)

    return say


def count(somebody: Person) -> int:
    return somebody.page.locator(".message").count()


@pytest.mark.long
def test_a_long_room_has_few_nodes_and_nothing_jumps(person: Make, bob_says: Say) -> None:
    bob_says(1, 600)
    ann = person("Ann", viewport={"width": 900, "height": 600})
    expect(ann.message("number 600")).to_be_in_viewport()
    for step, until in ((-450, "number 5"), (450, "number 400")):
        went = ann.run(SCROLL, [step, until])
        assert went["most"] <= MOST
        assert went["jump"] < 2
    expect(ann.message("number 5")).to_have_count(0)
    numbers = [int(body.split()[1]) for body in ann.bodies.all_inner_texts()]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    # What is selected stays, as far away as one may well go with it.
    ann.run("getSelection().selectAllChildren([...document.querySelectorAll('.message-body')].at(-20))")
    selected = ann.run("getSelection().toString()")
    ann.run(SCROLL, [-450, "number 100"])
    assert ann.run("getSelection().toString()") == selected != ""
    ann.run("getSelection().removeAllRanges()")

    # The End key leads to the newest, which had no node; a flood there leaves few.
    ann.page.locator(".scroller").press("End")
    expect(ann.message("number 600")).to_be_in_viewport()
    expect(ann.page.locator(".jump")).to_be_hidden()
    bob_says(601, 800)
    expect(ann.message("number 800")).to_be_in_viewport(timeout=SLOW_MS)
    assert count(ann) <= MOST

    # Who reads further up stays there, and of the flood below only what is near gets nodes.
    ann.run(SCROLL, [-450, "number 450"])
    place = "seq => document.querySelector(`[data-seq='${seq}']`).getBoundingClientRect().top"
    before = ann.run(place, 450)
    bob_says(801, 1000)
    expect(ann.page.get_by_role("button", name="200 new messages")).to_be_visible(timeout=SLOW_MS)
    assert abs(ann.run(place, 450) - before) < 2
    assert count(ann) <= MOST
    ann.page.locator(".jump").click()
    expect(ann.message("number 1000")).to_be_in_viewport()


def test_what_is_read_stays_when_the_room_for_it_changes(person: Make, bob_says: Say) -> None:
    bob_says(1, 100)
    ann = person("Ann", viewport={"width": 1280, "height": 700})
    newest = ann.message("number 100")
    expect(newest).to_be_in_viewport()

    def change() -> Iterator[str]:
        """A phone that is turned, its keyboard, and the search beside the messages."""
        for width, height in ((400, 800), (800, 400), (1280, 300), (1280, 700)):
            ann.page.set_viewport_size({"width": width, "height": height})
            yield f"{width} x {height}"
        for _ in range(2):
            ann.page.get_by_role("button", name="Search", exact=True).click()
            yield "search"

    for what in change():
        expect(newest, what).to_be_in_viewport()
        expect(ann.page.locator(".jump"), what).to_be_hidden()

    ann.run(SCROLL, [-200, "number 40"])
    # Most of the first message is in sight: a pixel, which a width may round away, doesn't make another one the first.
    ann.run(
        """() => {
            const scroller = document.querySelector(".scroller");
            const {top} = scroller.getBoundingClientRect();
            const messages = [...document.querySelectorAll(".message")];
            const first = messages.find((message) => message.getBoundingClientRect().bottom > top);
            scroller.scrollTop += first.getBoundingClientRect().top - top + 5;
        }"""
    )
    ann.run(SETTLE)
    read = f"""async () => {{
        {FRAME}
        await frame();
        await frame();
        const {{top}} = document.querySelector(".scroller").getBoundingClientRect();
        // A low window has no row for the day. The messages stay where they are, and others are seen in its place.
        const day = document.querySelector(".day-bar").offsetHeight ? 0 : 32;
        const items = [...document.querySelectorAll(".message")];
        return items.find((item) => item.getBoundingClientRect().bottom > top + day + 1).dataset.seq;
    }}"""
    seq = ann.run(read)
    for what in change():
        assert ann.run(read) == seq, what

    # Turned and turned back, it stands where it stood.
    ann.page.set_viewport_size({"width": 360, "height": 720})
    ann.run("location.hash = '#message/60'")
    expect(ann.message("number 60")).to_be_in_viewport()
    ann.run(SETTLE)
    place = "document.querySelector(\"[data-seq='60']\").getBoundingClientRect().top"
    before, seq = ann.run(place), ann.run(read)
    for width, height in ((360, 420), (360, 720), (720, 360), (360, 720)):
        ann.page.set_viewport_size({"width": width, "height": height})
        assert ann.run(read) == seq, f"{width} x {height}"
    assert abs(ann.run(place) - before) <= 1


def test_what_is_read_stays_whatever_becomes_of_the_rest(person: Make, server: ChattyServer, room: str) -> None:
    bob = Client(server.http_url, "Bob", room)
    poem = "\n".join(f"line {number}" for number in range(60))

    async def change() -> None:
        """Often, so that much of it comes between a frame's scroll event and its layout."""
        async with bob:
            for number in range(120):
                seq = (62, 63, 64, 70, 85)[number % 5]
                await bob.change(seq, type="edit", body=f"changed {number} " + "word " * (number * 37 % 200))
            await bob.change(61, type="delete")

    bodies = [
        poem if number in (40, 100) else f"number {number}" + " and more words" * (number % 5 * 4)
        for number in range(1, 101)
    ]
    talk(bob, bodies)
    ann = person("Ann", viewport={"width": 900, "height": 600})
    place = "seq => document.querySelector(`[data-seq='${seq}'] .message-body`).getBoundingClientRect().top"

    # What is opened grows downwards, also at the end.
    for seq in (100, 40):
        ann.run("seq => { location.hash = `#message/${seq}` }", seq)
        unfold = ann.page.locator(f"[data-seq='{seq}']").get_by_role("button", name="Show more")
        expect(unfold).to_be_in_viewport()
        if seq == 40:
            ann.run("seq => { document.querySelector('.scroller').scrollTop += 250 }", seq)
            ann.run(SETTLE)
        else:
            ann.page.locator(".scroller").press("End")
            expect(ann.page.locator(".jump")).to_be_hidden()
        before = ann.run(place, seq)
        unfold.click()
        expect(ann.page.locator(".jump")).to_be_visible()
        ann.run(SETTLE)
        assert abs(ann.run(place, seq) - before) <= 1

    # Message 70 is cut by the edge.
    ann.run("location.hash = '#message/71'")
    expect(ann.message("number 71 and more words and more words and more words and more words")).to_be_in_viewport()
    ann.run(
        """() => {
            const scroller = document.querySelector(".scroller");
            const {bottom} = document.querySelector("[data-seq='70'] .message-body").getBoundingClientRect();
            scroller.scrollTop += bottom - scroller.getBoundingClientRect().top - 8;
        }"""
    )
    ann.run(SETTLE)
    before = ann.run(place, 72)
    apart(change())
    expect(ann.page.locator("[data-seq='61']")).to_have_class(re.compile("is-deleted"), timeout=SLOW_MS)
    ann.run(SETTLE)
    assert abs(ann.run(place, 72) - before) <= 1


def hide(somebody: Person, is_hidden: bool) -> None:
    somebody.run(
        """is => {
            Object.defineProperty(document, "hidden", {value: is, configurable: true});
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        is_hidden,
    )


def pass_time(somebody: Person) -> None:
    somebody.run("const now = Date.now; Date.now = () => now() + 120_000;")


def first_new(somebody: Person) -> Locator:
    """The message below the line."""
    return somebody.messages.filter(has=somebody.page.get_by_role("separator", name="New messages"))


def since(somebody: Person) -> Locator:
    return somebody.page.get_by_role("button", name="since")


def read_up_to(somebody: Person, room: str, seq: int) -> None:
    note = "room => JSON.parse(localStorage.getItem(`chatty.visit.${room}`))?.seq"
    somebody.page.wait_for_function(f"([room, seq]) => ({note})(room) >= seq", arg=[room, seq])


def test_who_comes_back_to_a_room_sees_what_is_new_since(person: Make, bob_says: Say, room: str) -> None:
    ann = person("Ann")
    expect(ann.page.get_by_text("No messages yet")).to_be_visible()
    ann.page.goto("about:blank")
    bob_says(1, 3)
    ann.open().wait_until_joined()
    expect(first_new(ann)).to_contain_text("number 1")  # All of it is new.
    read_up_to(ann, room, 3)
    late = person("Late")
    expect(late.messages).to_have_count(3)
    expect(first_new(late)).to_have_count(0)  # The first visit.
    ann.page.goto("about:blank")
    bob_says(4, 5)
    ann.open().wait_until_joined()
    expect(first_new(ann)).to_contain_text("number 4")
    expect(since(ann)).to_be_hidden()  # It is on the screen.
    bob_says(6, 6)
    expect(ann.message("number 6 and more words and more words and more words and more words")).to_be_visible()
    expect(first_new(ann)).to_contain_text("number 4")
    read_up_to(ann, room, 6)

    # What reaches further back than the page is loaded on the way there.
    ann.page.goto("about:blank")
    bob_says(7, 90)
    ann.open().wait_until_joined()
    expect(since(ann)).to_contain_text("More than 50 new messages since")
    expect(first_new(ann)).to_have_count(0)
    since(ann).press("Enter")
    expect(first_new(ann)).to_contain_text("number 7")
    expect(first_new(ann)).to_be_in_viewport()
    expect(since(ann)).to_be_hidden()
    read_up_to(ann, room, 90)

    # A link to an old message leads to it further down.
    ann.page.goto("about:blank")
    bob_says(91, 92)
    ann.open("#message/1").wait_until_joined()
    expect(ann.page.locator(".since")).to_have_class(re.compile("is-below"))
    since(ann).click()
    expect(first_new(ann)).to_contain_text("number 91")
    expect(first_new(ann)).to_be_in_viewport()

    # Who speaks is to be seen there, also where they go on speaking.
    ann.page.goto("about:blank")
    bob = person("Bob").say("as I said")
    ann.open().wait_until_joined()
    read_up_to(ann, room, 93)
    ann.page.goto("about:blank")
    bob.say("and so on").say("and on")
    ann.open().wait_until_joined()
    expect(first_new(ann)).to_contain_text("and so on")
    expect(first_new(ann)).not_to_have_class(re.compile("is-continued"))
    expect(ann.message("and on")).to_have_class(re.compile("is-continued"))


def test_the_bar_says_what_the_badge_said(person: Make, bob_says: Say, server: ChattyServer, room: str) -> None:
    ann = person("Ann")
    badge = ann.page.locator(f".room-item[data-room={room}] .room-count[data-slot=unread]")

    def go(slug: str) -> None:
        ann.run("slug => app.events.publish('room:go', { slug })", slug)
        ann.page.wait_for_url(f"**/chatty/{slug}")
        ann.wait_until_joined()

    go(f"{room}-2")
    bob_says(1, 73)
    expect(badge).to_have_text("73")
    ann.reload().wait_until_joined()  # The page has forgotten the room, and loads its newest 50 messages.
    expect(badge).to_have_text("73")
    go(room)
    expect(since(ann)).to_contain_text("73 new messages since")
    expect(since(ann)).not_to_contain_text("More than")
    ann.page.keyboard.press("End")
    read_up_to(ann, room, 73)

    go(f"{room}-2")
    bob_says(74, 190)
    expect(badge).to_have_text("99+")
    go(room)
    expect(since(ann)).to_contain_text("More than 99 new messages since")


def test_the_line_is_drawn_anew_after_an_absence_and_by_nothing_else(
    visitor: Make, person: Make, bob_says: Say, room: str
) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("mine")
    wire.cut()
    expect(ann.bar).to_be_visible()
    bob_says(1, 1)
    wire.mend()
    ann.wait_until_joined()
    expect(ann.message("number 1 and more words and more words and more words and more words")).to_be_visible()
    expect(first_new(ann)).to_have_count(0)
    read_up_to(ann, room, 2)

    hide(ann, True)
    pass_time(ann)
    hide(ann, False)
    expect(first_new(ann)).to_have_count(0)  # Nothing came.
    hide(ann, True)
    bob_says(2, 60)
    expect(ann.message("number 60")).to_have_count(1)
    pass_time(ann)
    hide(ann, False)
    expect(first_new(ann)).to_contain_text("number 2")
    expect(since(ann)).to_contain_text("59 new messages since")
    ann.composer.press("Escape")
    expect(since(ann)).to_be_hidden()
    expect(first_new(ann)).to_have_count(0)

    # Another tab that read on counts.
    read_up_to(ann, room, 61)
    hide(ann, True)
    tab = visitor(context=ann.page.context).open().wait_until_joined()
    bob_says(61, 61)
    read_up_to(tab, room, 62)
    pass_time(ann)
    hide(ann, False)
    expect(ann.message("number 61 and more words and more words and more words and more words")).to_be_visible()
    expect(first_new(ann)).to_have_count(0)
