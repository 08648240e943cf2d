"""Tests that old state + events == fresh state: after random actions by a seed, all pages must show the log's state.

python -m tests.browser.convergence --first 1 --seeds 20
"""

import argparse
import random
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tests import servers
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.browser.crowd import Crowd, Tab
from tests.browser.shown import Row, as_shown, difference, read, read_log
from tests.servers import ChattyServer

# So that a tab that was away begins afresh now and then, instead of resuming.
SETTINGS = {"RESUME_LIMIT": "15"}
HISTORY = 130  # Messages that are there at first: a page begins with 50.
HEAL_SECONDS = 60  # Mostly 10: so long after a tab was closed, another one takes over what it leaves.
AGREE_SECONDS = 30  # What changed while it was away may be told to a page by the next pulse, or asked for once more.
TOLD_ACTIONS = 40


class Diverged(AssertionError):
    """Pages and log don't agree; says what to repeat."""


def converge(browser: Browser, server: ChattyServer, seed: int, steps: int, history: int = HISTORY) -> None:
    """Lets a crowd do `steps` things, and compares what every tab shows with the log, under a filter and without.

    Raises:
        Diverged: with the seed and the last things that were done.
    """
    crowd = Crowd(browser, server, seed, history)
    try:
        crowd.enter()
        for _ in range(steps):
            crowd.act()
        _heal(crowd)
        _check(crowd)
    except Exception as error:
        last = "\n".join(f"  {line}" for line in crowd.did[-TOLD_ACTIONS:])
        raise Diverged(f"seed {seed}, {steps} steps, the last of them\n{last}\n{error}") from error
    finally:
        crowd.close()


def _heal(crowd: Crowd) -> None:
    """Everybody is connected, and nothing waits."""
    crowd.reconnect()
    deadline = time.monotonic() + HEAL_SECONDS
    while waiting := crowd.settle():
        if time.monotonic() > deadline:
            raise AssertionError(f"after {HEAL_SECONDS} s something still waits: {waiting}")
        crowd.pause(100)


def _check(crowd: Crowd) -> None:
    log = read_log(crowd.server, crowd.room)
    _check_log(crowd, log)
    for member, tab in crowd.tabs:
        _check_messages(crowd, tab, member.id, log, _filter_of(crowd, tab))
    for member, tab in crowd.tabs:
        _check_messages(crowd, tab, member.id, log, "#users")
    newcomer, fresh = crowd.welcome_newcomer()
    _check_messages(crowd, fresh, newcomer.id, log, "#users")
    roster = read(fresh.person)["roster"]
    assert {id_ for id_, _ in roster} == {member.id for member in crowd.members}
    for member, tab in crowd.tabs:
        _check_roster(crowd, tab, roster, {member.id, newcomer.id})
    assert [error for tab in crowd.opened for error in tab.person.errors] == []


def _check_log(crowd: Crowd, log: list[Row]) -> None:
    """What was typed is there once, in order; what was taken back is gone."""
    standing = [row["body"].split()[0] for row in log if not row["deleted_at"]]
    lost = {word for tab in crowd.opened for word in tab.said} - set(standing)  # Among those that were taken back.
    assert len(log) == crowd.typed, f"{crowd.typed} messages were typed, the log has {len(log)}; lost: {lost}"
    assert len(set(standing)) == len(standing), "a message is there twice"
    back = crowd.taken_back - {row["seq"] for row in log if row["deleted_at"]}
    assert not back, f"{back} were taken back, and are there"
    for tab in crowd.opened:
        said = [word for word in tab.said if word in standing and word not in crowd.refused]
        there = [word for word in standing if word in said]
        assert there == said, f"{tab.label} said {said}, in the log stands {there}"


def _filter_of(crowd: Crowd, tab: Tab) -> str:
    """The filter that the tab has by now, or had, whose messages it may still hold; or one of somebody."""
    fragment: str = tab.person.run("location.hash")
    if fragment.startswith(("#users/", "#mentions", "#links")):
        return fragment
    return tab.filter or f"#users/{crowd.chance.choice(crowd.members).id}"


def _check_messages(crowd: Crowd, tab: Tab, me: str, log: list[Row], fragment: str) -> None:
    tab.go_to(fragment)
    expected = {"messages": as_shown(log, me, fragment), "wrong": []}

    def shown() -> dict[str, Any]:
        state = read(tab.person)
        if "mentions" in fragment or "links" in fragment:  # A tombstone stays until the filter is opened anew.
            state["messages"] = [message for message in state["messages"] if message["body"] is not None]
        return {name: state[name] for name in expected}

    _await(crowd, shown, expected, f"{tab.label} at {fragment}")


def _check_roster(crowd: Crowd, tab: Tab, roster: list[list[str]], but: set[str]) -> None:
    """Without those who stand on top of a roster, because it is theirs."""

    def others() -> list[list[str]]:
        return [entry for entry in read(tab.person)["roster"] if entry[0] not in but]

    _await(crowd, others, [entry for entry in roster if entry[0] not in but], f"{tab.label}: the roster")


def _await(crowd: Crowd, shown: Callable[[], Any], expected: Any, what: str) -> None:
    """Waits until what is shown is as expected: quotes, the roster and catching up take a moment."""
    deadline = time.monotonic() + AGREE_SECONDS
    while (state := shown()) != expected:
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} is not as it should be:\n{difference(state, expected)}")
        crowd.pause(100)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--first", type=int, default=random.randrange(10_000), help="the first seed")
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds, one after the other")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--history", type=int, default=HISTORY)
    chosen = parser.parse_args()
    diverged = 0
    with servers.chatty_server(**SETTINGS) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        for seed in range(chosen.first, chosen.first + chosen.seeds):
            started = time.monotonic()
            try:
                converge(browser, server, seed, chosen.steps, chosen.history)
                sys.stdout.write(f"seed {seed}: all agree, {time.monotonic() - started:.1f} s\n")
            except Diverged as error:
                diverged += 1
                sys.stdout.write(f"{error}\n")
                if not isinstance(error.__cause__, AssertionError):  # An accident, whose place says more.
                    traceback.print_exception(error.__cause__, file=sys.stdout)
            sys.stdout.flush()
    return 1 if diverged else 0


if __name__ == "__main__":
    sys.exit(main())
