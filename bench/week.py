"""`python -m bench.week`: a tab that stays open for a week in a busy room. Are memory and the time for a message level?

The room is made up (tests/browser/made_up.py), so the messages come as fast as the page takes them, and the page's
time of day is moved on with them. Needs what the browser tests need: the environment that `bin/test` makes, Chromium.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

from playwright.sync_api import Page, sync_playwright

from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.browser.made_up import AUTHORS, MadeUpRoom
from tests.servers import chatty_server

DAYS = 7
START = datetime(2026, 3, 2, 9)
READY = "() => document.querySelectorAll('.message').length >= 50"
LOOK_AWAY = "() => { document.hasFocus = () => false; dispatchEvent(new Event('blur')); }"
SCROLL_UP = "() => document.querySelector('.scroller').scrollTo(0, 200)"
WAIT = "head => window.reached === head"
WATCH = "() => app.events.subscribe('timeline:reached', ({version}) => (window.reached = version))"
# How the tab stands open: its fragment, and what is done to it first.
STANDS = {
    "at the newest": ("", ""),
    "scrolled up": ("", SCROLL_UP),
    "filtered": (f"#users/{AUTHORS[1]['id']}", ""),
    "filtered, scrolled up": (f"#users/{AUTHORS[1]['id']}", SCROLL_UP),
    "at an old place": ("#message/3", ""),
    "in the background": ("", LOOK_AWAY),
}


def stand(page: Page, url: str, how: str, a_day: int) -> Iterator[tuple[float, float]]:
    """For each day: JavaScript's memory in MB after it, and the main thread's milliseconds for a message."""
    fragment, script = STANDS[how]
    cdp = page.context.new_cdp_session(page)
    cdp.send("Performance.enable")

    def metric(name: str) -> float:
        metrics = cdp.send("Performance.getMetrics")["metrics"]
        return next(float(each["value"]) for each in metrics if each["name"] == name)

    page.clock.set_system_time(START)
    room = MadeUpRoom(page, 200, at=int(START.timestamp() * 1000), pause=86_400_000 // a_day)
    page.goto(url + fragment)
    page.get_by_label("Shown with your messages").fill("Ann")
    page.keyboard.press("Enter")
    page.wait_for_function(READY)
    page.evaluate(WATCH)
    if script:
        page.evaluate(script)
        page.wait_for_timeout(500)
    for day in range(DAYS):
        page.clock.set_system_time(START + timedelta(days=day + 1))
        before = metric("TaskDuration")
        room.say(a_day)
        page.wait_for_function(WAIT, arg=room.head, timeout=600_000)
        spent = (metric("TaskDuration") - before) * 1000 / a_day
        cdp.send("HeapProfiler.collectGarbage")
        yield metric("JSHeapUsedSize") / 1e6, spent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.week", description=__doc__)
    parser.add_argument("--a-day", type=int, default=20_000, help="so many messages, in hundreds")
    options = parser.parse_args()
    out = sys.stdout
    days = " | ".join(f"day {day}" for day in range(1, DAYS + 1))
    out.write(f"{options.a_day:,} messages a day: MB of JavaScript's memory, ms of the main thread for a message\n\n")
    out.write(f"| the tab | {days} |\n|---|{'---|' * DAYS}\n")
    begun = time.monotonic()
    with chatty_server() as server, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        for how in STANDS:
            page = chromium.new_context(viewport={"width": 1280, "height": 800}, service_workers="block").new_page()
            cells = [
                f"{held:.1f} MB, {spent:.2f} ms"
                for held, spent in stand(page, f"{server.http_url}/chatty/week", how, options.a_day)
            ]
            out.write(f"| {how} | {' | '.join(cells)} |\n")
            out.flush()
            page.close()
        chromium.close()
    out.write(f"\nTook {time.monotonic() - begun:,.0f} s.\n")


if __name__ == "__main__":
    main()
