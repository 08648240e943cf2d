"""The rules by which the page chooses a transport, by a clock of the tests' own: no network, no waiting."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.person import Person

REFUSED, CUT, SILENT, STALLED = "refused", "cut", "silent", "stalled"
Loss = tuple[float, int, str]  # After so many seconds, with which code, and how.
HOUR = 3_600
SHORT, LONG = 5.0, 25.0  # Seconds that a connection lived.


@pytest.fixture
def page(visitor: Callable[..., Person]) -> Page:
    """A page whose time stands still, in which nobody has entered yet: it has no connection."""
    somebody = visitor().open()
    somebody.page.clock.install()
    somebody.page.clock.pause_at(datetime.now() + timedelta(hours=1))
    return somebody.page


def choose(page: Page, losses: list[Loss], start: str = "websocket") -> Any:
    """The kind that the page uses after these losses."""
    page.evaluate(
        """async (start) => {
            const { Choice } = await import("/static/chat/js/connection/choice.js");
            window.choice = new Choice();
            choice.kind = start;
            choice.open = () => ({});
        }""",
        start,
    )
    for seconds, code, how in losses:
        page.evaluate("() => choice.begin({})")
        page.clock.run_for(int(seconds * 1000))
        page.evaluate("([code, how]) => choice.lost(code, how)", [code, how])
    return page.evaluate("() => choice.kind")


@pytest.mark.parametrize(
    ("losses", "kind"),
    [
        ([(0, 1006, REFUSED)], "websocket"),
        ([(0, 1006, REFUSED)] * 2, "stream"),
        ([(0, 1006, REFUSED), (SHORT, 1006, CUT), (0, 1006, REFUSED)], "websocket"),
        ([(10, 1006, SILENT)], "stream"),
        ([(SHORT, 1006, CUT)] * 2, "websocket"),
        ([(SHORT, 1006, CUT)] * 3, "stream"),
        ([(SHORT, 1005, STALLED)] * 3, "stream"),
        ([(SHORT, 1006, CUT)] * 2 + [(LONG, 1006, CUT)] + [(SHORT, 1006, CUT)] * 2, "websocket"),
        ([(SHORT, 1012, CUT)] * 5 + [(0, 4008, REFUSED)] * 5, "websocket"),  # The server said why.
    ],
)
def test_a_websocket_is_given_up_for_what_the_network_may_have_done(page: Page, losses: list[Loss], kind: str) -> None:
    assert choose(page, losses) == kind


@pytest.mark.parametrize(
    ("start", "losses", "kind"),
    [
        ("stream", [(SHORT, 1006, CUT)] * 9, "stream"),  # Each resumes at once.
        ("stream", [(10, 1006, SILENT)], "poll"),
        ("stream", [(SHORT, 1006, STALLED)], "poll"),
        ("stream", [(LONG, 1006, STALLED)], "stream"),  # The machine may have slept.
        ("stream", [(0, 1006, REFUSED)], "websocket"),
        ("stream", [(0, 1006, REFUSED)] * 2, "stream"),  # A WebSocket had one try in between.
        ("poll", [(SHORT, 1006, CUT)], "poll"),
        ("poll", [(0, 1006, REFUSED)], "websocket"),
        ("poll", [(0, 4401, REFUSED)], "poll"),
    ],
)
def test_a_stream_is_given_up_for_polls_and_both_for_a_websocket_where_nothing_works(
    page: Page, start: str, losses: list[Loss], kind: str
) -> None:
    assert choose(page, losses, start) == kind


def test_without_any_network_nothing_is_learned(page: Page) -> None:
    page.context.set_offline(True)
    page.wait_for_function("() => !navigator.onLine")
    page.context.set_offline(False)
    page.wait_for_function("() => navigator.onLine")
    assert choose(page, []) == "websocket"
    page.context.set_offline(True)
    page.evaluate("() => { choice.begin({}); for (let n = 0; n < 5; n++) choice.lost(1006, 'refused'); }")
    assert page.evaluate("() => choice.kind") == "websocket"
    page.context.set_offline(False)


@pytest.mark.parametrize(
    ("kind", "age", "expected"),
    [
        ("stream", 0, "stream"),
        ("poll", 23 * HOUR, "poll"),
        ("poll", 24 * HOUR, "websocket"),
        ("stream", -HOUR, "websocket"),  # The clock was set back.
        ("pigeon", 0, "websocket"),
    ],
)
def test_what_works_is_remembered_for_a_day(page: Page, kind: str, age: int, expected: str) -> None:
    found = page.evaluate(
        """async ([kind, age]) => {
            localStorage.setItem("chatty.transport", JSON.stringify({ kind, at: Date.now() - age * 1000 }));
            const { Choice } = await import("/static/chat/js/connection/choice.js");
            const choice = new Choice();
            return [choice.kind, choice.isRemembered];
        }""",
        [kind, age],
    )
    assert found == [expected, expected != "websocket"]


# --- upwards ---


def look_upward(page: Page, better: list[str], *, is_remembered: bool = False) -> None:
    """`tried` has the kinds that were opened; `last` is the line of the newest; `said` is what came of it."""
    page.evaluate(
        """async ([better, isRemembered]) => {
            const { Upward } = await import("/static/chat/js/connection/upward.js");
            Object.assign(window, { tried: [], said: [], last: null });
            const choice = { better, isRemembered };
            choice.confirm = () => { said.push("confirmed"); choice.isRemembered = true; };
            const open = (kind, line) => { tried.push(kind); last = line; return { kind, close() {} }; };
            window.upward = new Upward(choice, open, (kind) => said.push(kind));
            upward.begin();
        }""",
        [better, is_remembered],
    )


def welcome(page: Page) -> None:
    page.evaluate("() => last.heard([{ type: 'welcome' }])")


def state(page: Page) -> Any:
    return page.evaluate("() => [tried, said]")


def test_a_websocket_that_holds_for_25_seconds_is_used_again(page: Page) -> None:
    look_upward(page, ["websocket"])
    page.clock.run_for(4_999)
    assert state(page) == [[], []]
    page.clock.run_for(1)
    assert state(page) == [["websocket"], []]
    page.clock.run_for(9_000)
    welcome(page)
    page.clock.run_for(24_999)
    assert state(page) == [["websocket"], []]
    page.clock.run_for(1)
    assert state(page) == [["websocket"], ["websocket"]]


def test_where_nothing_better_holds_it_is_tried_again_after_ten_minutes(page: Page) -> None:
    look_upward(page, ["websocket", "stream"])
    page.clock.run_for(5_000)
    welcome(page)
    page.clock.run_for(10_000)
    page.evaluate("() => last.lost(1006, 'cut')")
    assert state(page) == [["websocket", "stream"], []]
    page.clock.run_for(10_000)  # The stream is silent.
    assert state(page) == [["websocket", "stream"], ["confirmed"]]
    page.clock.run_for(599_999)
    assert len(state(page)[0]) == 2
    page.clock.run_for(1)
    assert len(state(page)[0]) == 3


def test_what_was_remembered_is_doubted_in_another_network(page: Page) -> None:
    look_upward(page, ["websocket"], is_remembered=True)
    page.clock.run_for(300_000)
    assert state(page) == [[], []]
    page.evaluate("() => upward.doubt()")
    page.clock.run_for(5_000)
    assert state(page) == [["websocket"], []]
    page.evaluate("() => upward.stop()")
    page.clock.run_for(3_600_000)
    assert state(page) == [["websocket"], []]
