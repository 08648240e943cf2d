"""`python -m bench.first_visit`: what opening the page costs with the bundle and without it, visits in turn.

Each visit has an empty cache: it loads the page, chooses a name and is in the room. Needs what the browser tests need.
"""

import argparse
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, CDPSession, sync_playwright

from tests import servers
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.browser.person import Person

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
LOADED = """() => {
    const all = ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type));
    return [all.length, all.reduce((sum, entry) => sum + entry.encodedBodySize, 0)];
}"""


def cpu_seconds(pid: int) -> float:
    """Of a process and its children."""
    try:
        used = sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except FileNotFoundError:  # It has ended meanwhile.
        return 0.0
    return used / TICKS_A_SECOND + sum(map(cpu_seconds, children))


def throttle(session: CDPSession, latency_ms: float, kilobits: float) -> None:
    """Makes the page's network slow: the round trip in ms, what comes down in kilobits a second; 0: as it is."""
    if latency_ms or kilobits:
        rate = kilobits * 125 if kilobits else -1
        limits = {"offline": False, "latency": latency_ms, "downloadThroughput": rate, "uploadThroughput": rate}
        session.send("Network.enable")
        session.send("Network.emulateNetworkConditions", limits)


def visit(browser: Browser, url: str, latency_ms: float, kilobits: float) -> dict[str, float]:
    """One visit's figures: seconds until the room is there, CPU seconds of browser and server, requests, bytes."""
    context = browser.new_context(service_workers="block")
    page = context.new_page()
    throttle(context.new_cdp_session(page), latency_ms, kilobits)
    cpu, started = cpu_seconds(os.getpid()), time.monotonic()
    Person(page, url).open().enter("Ann")
    seconds = time.monotonic() - started
    requests, size = page.evaluate(LOADED)
    cpu = cpu_seconds(os.getpid()) - cpu
    context.close()
    return {"s": seconds, "CPU s": cpu, "requests": requests, "bytes": size}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=10, help="with and without the bundle, each")
    parser.add_argument("--latency", type=float, default=0, help="of the network, in ms for a round trip")
    parser.add_argument("--kilobits", type=float, default=0, help="a second that the network carries; 0: all")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        kinds = {
            "bundled": stack.enter_context(servers.chatty_server()),
            "module by module": stack.enter_context(
                servers.chatty_server(STATIC_ROOT=str(servers.unbundled_static_root()))
            ),
        }
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        found: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
        for number in range(arguments.visits + 1):
            for kind, server in kinds.items():
                url = f"{server.http_url}/chatty/visit-{number}"
                figures = visit(browser, url, arguments.latency, arguments.kilobits)
                if number:  # The first warms up.
                    found[kind].append(figures)
        browser.close()
    for kind, seen in found.items():
        medians = {name: median(each[name] for each in seen) for name in seen[0]}
        said = ", ".join(f"{value:,.2f} {name}" for name, value in medians.items())
        sys.stdout.write(f"{kind:>16}: {said}\n")


if __name__ == "__main__":
    main()
