"""A room with thousands of messages: few nodes, nothing jumps, and one sees what is new."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]
Say = Callable[..., None]

MOST = 360  # Nodes of messages.
SLOW_MS = 30_000  # For a browser that gets hundreds of messages at once, on a machine that runs other tests.
FRAME = "const frame = () => new Promise((done) => requestAnimationFrame(done));"
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


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Playwright's loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@pytest.fixture
def bob_says(server: ChattyServer, room: str) -> Say:
    """Bob says `number 1` to so many, or that one body."""

    async def talk(start: int, end: int, body: str) -> None:
        async with Client(server.http_url, "Bob", room) as bob:
            for first in range(start, end + 1, 50):
                last = min(first + 49, end)
                want = bob.head + last - first + 1
                for number in range(first, last + 1):
                    text = body.format(number) + " and more words" * (number % 5 * 4)
                    await bob.send(type="post", nonce=str(uuid.uuid4()), body=text)
                await bob.until(lambda bob, want=want: bob.head >= want, "its own messages")  # type: ignore[misc]

    return lambda start, end, body="number {}": apart(talk(start, end, body))


def count(somebody: Person) -> int:
    return somebody.page.locator(".message").count()


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
    read = f"""async () => {{
        {FRAME}
        await frame();
        await frame();
        const {{top}} = document.querySelector(".scroller").getBoundingClientRect();
        const items = [...document.querySelectorAll(".message")];
        return items.find((item) => item.getBoundingClientRect().bottom > top + 1).dataset.seq;
    }}"""
    seq = ann.run(read)
    for what in change():
        assert ann.run(read) == seq, what
