"""Durations are measured by a monotonic clock. The wall clock says only what time of day it is."""

import ast
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from chat.access.bans import ActiveBan, Bans
from chat.log import slow_mode
from chat.log.slow_mode import Pace
from chat.protocol.constants import SLOW_LIMIT_SECONDS
from chat.protocol.fields import MemberId

ROOT = Path(__file__).parents[2]
ANN = uuid.UUID(int=1)
# By file, the functions that may ask what time of day it is, and what for.
TIMES_OF_DAY = {
    ("chat/access/host_tokens.py", "_claims"): "whether a site's token has expired, which it says by the time of day",
    ("chat/access/tokens.py", "verify"): "how old a token is, which was signed at a time of day",
    ("chat/rooms/visits.py", "note"): "when somebody was seen",
    ("chat/log/committer.py", "__init__"): "when a message was posted",
    ("chat/log/retention.py", "delete_expired"): "how old messages are, which were posted at a time of day",
    ("chat/log/reader.py", "probe"): "what is written to find out whether anything can be",
    ("chat/models.py", "in_force"): "a ban ends at a time of day, which outlives processes",
    ("chat/models.py", "over"): "the same",
    ("chat/models.py", "is_in_force"): "the same",
    ("chat/moderation/acts.py", "ban"): "the same",
    ("chat/moderation/acts.py", "deletable"): "how old messages are, which were posted at a time of day",
    ("chat/moderation/acts.py", "lift"): "when it was lifted",
    ("chat/moderation/acts.py", "read_exclusions"): "how long a ban holds from now on",
    ("chat/moderation/bots.py", "revoke"): "when it was revoked",
    ("chatty_project/doctor/database.py", "_clock"): "whether this machine's differs from the database's",
    ("chatty_project/backup/facts.py", "_time_of_day"): "when a backup was made",
    ("chat/webhooks/client.py", "_post"): "when a delivery was signed",
    ("chat/webhooks/deliveries.py", "database_time"): "what SQLite says instead of a server: pauses outlive processes",
    ("chat/moderation/acts.py", "revoke"): "a number that rises though its row was lost; else it is counted up",
}
WALL_CLOCKS = {"time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "timezone.now", "datetime.today"}


def wall_clocks() -> Iterator[tuple[str, str]]:
    for package in ("chat", "chatty_project"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                    for node in ast.walk(function):
                        if isinstance(node, ast.Attribute) and ast.unparse(node) in WALL_CLOCKS:
                            yield str(path.relative_to(ROOT)), function.name


def test_the_wall_clock_is_asked_for_times_of_day_only() -> None:
    assert set(wall_clocks()) == set(TIMES_OF_DAY)
    for path in (ROOT / "chat").rglob("*.py"):
        assert "from time import time" not in path.read_text().replace("thread_time", "")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_slow_mode_goes_by_the_time_that_passed_whatever_the_clock_on_the_wall_says() -> None:
    clock = Clock()
    known = Pace(clock)
    known.note(1, ANN, seq=7)
    clock.now += 5
    for by_the_log in (5.0, 3605.0, -3595.0):
        assert known.since(1, ANN, 7, by_the_log) == 5
    assert known.since(1, ANN, 8, 2.0) == 2, "another process wrote a later one"
    assert known.since(2, ANN, 7, 2.0) == 2, "in another room"
    assert Pace(clock).since(1, ANN, 7, -3595.0) is None, "nobody knows, and nobody is held up for an hour"


def test_what_is_noted_for_slow_mode_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_mode, "NOTES_LIMIT", 100)
    clock = Clock()
    known = Pace(clock)
    for seq in range(1, 300):
        known.note(1, uuid.UUID(int=seq), seq)
        assert len(known) <= 100
    clock.now += SLOW_LIMIT_SECONDS + 1
    known.note(1, ANN, 300)
    assert len(known) == 1


def test_a_ban_ends_when_its_time_has_passed_whatever_the_clock_on_the_wall_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = time.monotonic()
    eve = MemberId("eve")
    known = Bans([ActiveBan(1, eve, frozenset(), by_address=False, ends_at=now + 3600)])
    for on_the_wall in (0.0, 1e12):
        monkeypatch.setattr(time, "time", lambda: on_the_wall)  # noqa: B023
        monkeypatch.setattr(time, "monotonic", lambda: now + 3599)
        assert known.is_banned(eve, "")
        monkeypatch.setattr(time, "monotonic", lambda: now + 3601)
        assert not known.is_banned(eve, "")
