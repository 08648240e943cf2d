"""`python -m bench.page`: what a room of thousands of messages costs a browser, beside what it cost at another commit.

Needs what the browser tests need: the environment that `bin/test` makes, and Chromium.
"""

import argparse
import asyncio
import io
import subprocess
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.client import Client
from tests.forked import ForkedProcess
from tests.servers import ROOT, ChattyServer, Server, clean_environ

SINGLE = 200
BURST = 100  # So many are on their way at once.

# Up through everything, a third of a screen a frame, as somebody who turns the wheel fast. In milliseconds a frame.
SCROLL_UP = """async () => {
    const scroller = document.querySelector(".scroller");
    const frames = [];
    const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
    const isFirst = () => document.querySelector(".message-body").innerText.startsWith("number 0.");
    let before = await frame();
    let waited = 0;
    while (!(isFirst() && scroller.scrollTop === 0)) {
        scroller.scrollTop -= scroller.clientHeight / 3;
        const now = await frame();
        frames.push(now - before);
        before = now;
        waited = scroller.scrollTop ? 0 : waited + 1;
        if (waited === 30) scroller.scrollTop = 5; // Somebody who is at the top moves the wheel again.
    }
    return frames.sort((a, b) => a - b);
}"""


class ServerOf(ChattyServer):
    """Chatty as the files in `tree` have it."""

    name = "chatty-bench"

    def __init__(self, tree: Path, **settings: str) -> None:
        self.tree = tree
        data = Path(tempfile.mkdtemp(prefix="chatty-bench-"))
        files = {"STATIC_ROOT": str(data / "static"), "DATABASE_URL": f"sqlite:///{data / 'chatty.sqlite3'}"}
        super().__init__(**files | settings)
        for command in (["migrate", "--skip-checks"], ["collectstatic", "--skip-checks", "--noinput"]):
            manage = [sys.executable, "manage.py", *command, "--verbosity=0"]
            subprocess.run(manage, cwd=tree, env=clean_environ(**self.settings), check=True)

    def popen(self) -> "subprocess.Popen[bytes] | ForkedProcess":
        """Starts a process that imports the tree's files. A forked one would have this commit's."""
        return Server.popen(self)

    def popen_options(self) -> dict[str, Any]:
        return super().popen_options() | {"cwd": self.tree}


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """The files of a commit, in a folder for a while."""
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
        yield Path(folder)


def apart(work: Coroutine[Any, Any, None]) -> None:
    """Playwright's loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


async def talk(server: ChattyServer, count: int, at_once: int) -> None:
    async with Client(server.http_url, "Bob", "page") as bob:
        start = bob.head
        for number in range(0, count, at_once):
            for each in range(number, number + at_once):
                body = f"number {start + each}. " + "and some words more " * (each % 7)
                await bob.send(type="post", nonce=str(uuid.uuid4()), body=body)
            await bob.until(lambda bob, last=start + number + at_once: bob.head >= last, "its own messages")  # type: ignore[misc]


def measure(page: Page, server: ChattyServer, held: int) -> Iterator[tuple[str, float]]:
    """Each figure with its name; all times in milliseconds."""
    flood = held // 2
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")

    def metric(name: str) -> float:
        return next(
            float(each["value"]) for each in cdp.send("Performance.getMetrics")["metrics"] if each["name"] == name
        )

    def nodes() -> int:
        return int(page.evaluate("document.querySelectorAll('*').length"))

    def wait_for(count: int) -> None:
        """The page has drawn the message with that number."""
        page.wait_for_function(
            "start => [...document.querySelectorAll('.message-body')].at(-1)?.innerText.startsWith(start)",
            arg=f"number {count - 1}.",
            timeout=120_000,
        )

    def joining(count: int, at_once: int, total: int) -> float:
        before = metric("TaskDuration")
        apart(talk(server, count, at_once))
        wait_for(total)
        return (metric("TaskDuration") - before) * 1000 / count

    page.goto(f"{server.http_url}/chatty/page")
    page.get_by_label("Shown with your messages").fill("Ann")
    page.keyboard.press("Enter")
    wait_for(held)
    yield "nodes when opened", nodes()
    yield "a message that arrives", joining(SINGLE, 1, held + SINGLE)
    frames = page.evaluate(SCROLL_UP)
    yield "scrolling up through all: longest frame", frames[-1]
    yield "99 % of the frames below", frames[int(len(frames) * 0.99)]
    yield "nodes at the top", nodes()
    page.locator(".jump").click()
    wait_for(held + SINGLE)
    yield "after that, a message that arrives", joining(SINGLE, 1, held + 2 * SINGLE)
    yield f"a message of a flood of {flood:,}", joining(flood, BURST, held + 2 * SINGLE + flood)
    yield "nodes at the end", nodes()
    cdp.send("HeapProfiler.collectGarbage")
    yield "JavaScript's memory at the end, MB", metric("JSHeapUsedSize") / 1e6


def run(tree: Path, held: int) -> dict[str, float]:
    figures = {}
    with ServerOf(tree) as server, sync_playwright() as playwright:
        apart(talk(server, held, BURST))
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        for name, figure in measure(page, server, held):
            sys.stderr.write(f"{name}: {figure:,.1f}\n")
            figures[name] = figure
        chromium.close()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.page", description=__doc__)
    parser.add_argument("--before", metavar="COMMIT", help="measure this one first, in the same run")
    parser.add_argument("--messages", type=int, default=10_000, help="so many are in the room, in hundreds")
    options = parser.parse_args()
    before, held = options.before, options.messages
    old: dict[str, float] = {}
    if before:
        with tree_of(before) as tree:
            old = run(tree, held)
    new = run(ROOT, held)
    for name, figure in new.items():
        compared = f" {old[name]:,.1f} | {figure / old[name]:.2f} |" if old else ""
        sys.stdout.write(f"| {name} | {figure:,.1f} |{compared}\n")


if __name__ == "__main__":
    main()
