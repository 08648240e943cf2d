"""`python -m bench.going`: how long a reader waits for another room, beside loading its page.

From the click to the room's messages, with a delay in the network between browser and server. Needs what the browser
tests need.
"""

import argparse
import asyncio
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from statistics import median

from playwright.sync_api import Page, sync_playwright

from tests import servers
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.browser.person import Person

READ_BYTES = 65_536
# Milliseconds from the call until the room's message is on the page.
WAIT_FOR = """([slug, text]) => new Promise((resolve) => {
    const begun = performance.now();
    const look = () => {
        const found = [...document.querySelectorAll(".message-body")].some((body) => body.textContent === text);
        if (found) resolve(performance.now() - begun);
        else requestAnimationFrame(look);
    };
    [...document.querySelectorAll(".room-item a")].find((link) => link.href.endsWith(slug)).click();
    look();
})"""
SINCE_NAVIGATION = """(text) => new Promise((resolve) => {
    const look = () => {
        const found = [...document.querySelectorAll(".message-body")].some((body) => body.textContent === text);
        if (found) resolve(performance.now());
        else requestAnimationFrame(look);
    };
    look();
})"""


@contextmanager
def far_away(port: int, seconds: float) -> Iterator[int]:
    """A port of this machine from which all bytes take so long to the server on `port`, and back."""
    loop, near = asyncio.new_event_loop(), servers.free_port()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(READ_BYTES):
                loop.call_later(seconds, writer.write, data)
        loop.call_later(seconds, writer.close)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(2 * seconds)  # The handshake of TCP.
        to_server = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, to_server[1]), carry(to_server[0], writer))

    async def serve() -> None:
        server = await asyncio.start_server(accept, "127.0.0.1", near)
        listening.set()
        async with server:
            await ended.wait()

    listening, ended = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    listening.wait()
    try:
        yield near
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


def go(page: Page, room: str) -> float:
    return float(page.evaluate(WAIT_FOR, [room, f"said in {room}"]))


def load(page: Page, url: str, room: str) -> float:
    page.goto(f"{url}/{room}", wait_until="commit")
    return float(page.evaluate(SINCE_NAVIGATION, f"said in {room}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--latency", type=float, default=150, help="of the network, in ms for a round trip")
    arguments = parser.parse_args()
    rooms = [f"room-{number}" for number in range(arguments.rounds + 1)]
    found: dict[str, list[float]] = {"page load, files cached": [], "first time in this page": [], "open before": []}
    with ExitStack() as stack:
        server = stack.enter_context(servers.chatty_server())
        port = stack.enter_context(far_away(server.port, arguments.latency / 2_000))
        playwright = stack.enter_context(sync_playwright())
        browser = stack.enter_context(playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS))
        page = browser.new_page()
        close_by = f"{server.http_url}/chatty"
        for room in rooms:
            somebody = Person(page, f"{close_by}/{room}").open()
            (somebody.enter("Ann") if room == rooms[0] else somebody.wait_until_joined()).say(f"said in {room}")
        url = f"http://127.0.0.1:{port}/chatty"
        Person(page, f"{url}/{rooms[0]}").open().enter("Ann")
        for room in rooms:
            load(page, url, room)  # Into the list of this address.
        for room in rooms:
            found["page load, files cached"].append(load(page, url, room))
        load(page, url, rooms[0])
        for room in rooms[1:]:
            found["first time in this page"].append(go(page, room))
        for room in rooms[1:]:
            found["open before"].append(go(page, room))
    for kind, times in found.items():
        sys.stdout.write(f"{kind:>24}: {median(times):,.0f} ms, at most {max(times):,.0f}\n")


if __name__ == "__main__":
    main()
