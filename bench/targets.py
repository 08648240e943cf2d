"""The targets that Chatty was set, held against the figures of one run: most are ratios to another system in it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from .scenarios import Row
from .systems import CHATTY, CHATTY_POSTGRES, SOCKETIO, TUTORIAL

TARGET_RATE = 1500  # Messages/s: the most that the targets speak of.
# With 200 members that is 300,000 deliveries/s, which a fast machine takes and still has time: the target can then
# not be reached by any system, so a higher offer is shown as well.
BEYOND_RATE = 4000


@dataclass(frozen=True)
class Verdict:
    """A target, what it says, what was seen; `is_met` is None where this run didn't measure it."""

    target: str
    limit: str
    seen: str
    is_met: bool | None

    @property
    def word(self) -> str:
        return {True: "met", False: "**missed**", None: "not measured"}[self.is_met]


class Figures:
    """Rows, by what they are of."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = list(rows)

    def get(self, scenario: str, system: str, name: str, **of: Any) -> float | None:
        """The median of a figure over the rows that are of these."""
        found = [
            row.figures[name]
            for row in self.rows
            if (row.scenario, row.system) == (scenario, system) and of.items() <= row.of.items()
            if row.figures.get(name) is not None
        ]
        return median(found) if found else None

    def most(self, scenario: str, system: str, name: str, highest_rate: float, **of: Any) -> float | None:
        """The highest of a figure over the rows that are of these, up to a rate that was offered (messages/s)."""
        found = [
            row.figures[name]
            for row in self.rows
            if (row.scenario, row.system) == (scenario, system) and of.items() <= row.of.items()
            if row.of["rate"] <= highest_rate
        ]
        return max(found, default=None)

    def ratio(self, other: str, scenario: str, name: str, **of: Any) -> float | None:
        """Chatty's figure over another system's."""
        ours, theirs = self.get(scenario, CHATTY.name, name, **of), self.get(scenario, other, name, **of)
        return None if ours is None or not theirs else ours / theirs


def _at_most(target: str, seen: float | None, limit: float, unit: str) -> Verdict:
    return _verdict(target, seen, limit, unit, "≤", lambda value: value <= limit)


def _at_least(target: str, seen: float | None, limit: float, unit: str) -> Verdict:
    return _verdict(target, seen, limit, unit, "≥", lambda value: value >= limit)


def _verdict(
    target: str, seen: float | None, limit: float, unit: str, sign: str, is_met: Callable[[float], bool]
) -> Verdict:
    shown = "" if seen is None else f"{seen:,.0f}" if abs(seen) >= 1000 else f"{seen:.3g}"
    return Verdict(
        target, f"{sign} {limit:,}{unit}", shown + (unit if shown else ""), None if seen is None else is_met(seen)
    )


def verdicts(rows: Iterable[Row]) -> Iterator[Verdict]:
    """All targets, in the order in which they were set."""
    figures = Figures(rows)
    yield from _steady(figures)
    yield from _saturation(figures)
    yield from _connect(figures)
    yield from _posting(figures)
    yield from _small_rooms(figures)
    yield from _transports(figures)
    yield from _growth(figures)
    yield from _alone(figures)


def _steady(figures: Figures) -> Iterator[Verdict]:
    for rate in (10, 40):
        where = f"1,000 members, {rate} messages/s"
        of = {"members": 1000, "rate": rate}
        cpu = figures.ratio(SOCKETIO.name, "steady", "cpu_us_per_delivery", **of)
        yield _at_most(f"{where}: CPU per delivery, to Socket.IO's", cpu, 0.8, " x")
        late = figures.ratio(SOCKETIO.name, "steady", "latency_p99", **of)
        yield _at_most(f"{where}: p99 latency, to Socket.IO's", late, 1, " x")


def _saturation(figures: Figures) -> Iterator[Verdict]:
    name = "deliveries_per_second"
    for members, to_socketio, to_tutorial in ((1000, 5, 50), (200, 4, 30)):
        for other, limit in ((SOCKETIO, to_socketio), (TUTORIAL, to_tutorial)):
            for highest in (TARGET_RATE, BEYOND_RATE):
                ours, theirs = (
                    figures.most("saturation", system.name, name, highest, members=members)
                    for system in (CHATTY, other)
                )
                what = f"{members:,} members, up to {highest:,} messages/s offered: deliveries/s, to {other.title}'s"
                if highest == TARGET_RATE or (members == 200 and other is SOCKETIO):
                    yield _at_least(what, ours / theirs if ours and theirs else None, limit, " x")
    rows = [row for row in figures.rows if row.scenario == "saturation" and row.system == CHATTY.name]
    lost = sum(row.figures["lost"] + row.figures["behind"] for row in rows)
    what = "in all of these: deliveries lost or left behind"
    yield Verdict(what, "0", f"{lost:,}" if rows else "", not lost if rows else None)
    p99 = figures.get("saturation", CHATTY.name, "latency_p99", members=1000, rate=200)
    yield _at_most("1,000 members, 200 messages/s: p99 latency", p99, 200, " ms")


def _connect(figures: Figures) -> Iterator[Verdict]:
    for rooms, what in ((1, "joining one room of 1,000"), (100, "joining 100 rooms")):
        seen = figures.ratio(SOCKETIO.name, "connect", "cpu_us_per_connect", rooms=rooms)
        yield _at_most(f"{what}: CPU per connect, to Socket.IO's", seen, 1.5, " x")
    rss = figures.get("connect", CHATTY.name, "rss_kib_per_member", rooms=1)
    yield _at_most("memory per idle member", rss, 26, " KiB")


def _posting(figures: Figures) -> Iterator[Verdict]:
    rate = figures.get("posting", CHATTY.name, "messages_per_second", rooms=100)
    yield _at_least("100 rooms, SQLite: messages/s accepted and committed", rate, 2000, "/s")
    late = figures.get("posting", CHATTY.name, "latency_p99", rate=500)
    yield _at_most("100 rooms, 500 messages/s: p99 from post to `message`", late, 50, " ms")


def _small_rooms(figures: Figures) -> Iterator[Verdict]:
    for rooms, p99_limit in ((10, 2), (1000, 3)):
        where = f"{rooms:,} rooms of 5, 200 messages/s"
        if rooms == 10:
            cpu = figures.ratio(SOCKETIO.name, "small", "cpu_us_per_message", rooms=rooms)
            yield _at_most(f"{where}: CPU per message, to Socket.IO's", cpu, 1, " x")
            theirs = figures.get("small", SOCKETIO.name, "cpu_us_per_message", rooms=rooms)
            ours = figures.get("small", CHATTY_POSTGRES.name, "cpu_us_per_message", rooms=rooms)
            ratio = ours / theirs if ours and theirs else None
            yield _at_most(f"{where}, PostgreSQL: CPU per message, to Socket.IO's", ratio, 1.8, " x")
        late = figures.ratio(SOCKETIO.name, "small", "latency_p99", rooms=rooms)
        yield _at_most(f"{where}: p99 latency, to Socket.IO's", late, p99_limit, " x")
    silence = figures.get("small", CHATTY.name, "idle_cpu_share", rooms=1000)
    yield _at_most("1,000 rooms of 5, silent: share of a core", None if silence is None else silence * 100, 3, " %")


def _transports(figures: Figures) -> Iterator[Verdict]:
    def to_socket(name: str, transport: str, **of: Any) -> float | None:
        ours, theirs = (
            figures.get("transports", CHATTY.name, name, transport=each, **of) for each in (transport, "WebSocket")
        )
        return None if ours is None or not theirs else ours / theirs

    cpu = to_socket("cpu_us_per_delivery", "stream", members=1000)
    yield _at_most("a member by a stream: CPU per delivery, to a socket's", cpu, 1.3, " x")
    rss = to_socket("rss_kib_per_member", "stream", members=1000)
    yield _at_most("a member by a stream: memory, to a socket's", rss, 1.5, " x")
    cpu = figures.ratio(SOCKETIO.name, "transports", "cpu_us_per_delivery", transport="polls", members=200)
    yield _at_most("200 members by polls, 1 message/s: CPU per delivery, to Socket.IO's", cpu, 0.7, " x")
    for transport in ("WebSocket, POST", "stream"):
        cpu = to_socket("cpu_us_per_message", transport, rooms=10)
        yield _at_most(f"a POSTed message ({transport}): CPU, to one by a socket", cpu, 1.5, " x")


def _growth(figures: Figures) -> Iterator[Verdict]:
    costs = [figures.get("growth", CHATTY.name, "cpu_us_per_delivery", rooms=1, members=each) for each in (100, 5000)]
    few, many = costs
    yield _at_most("CPU per delivery, 5,000 members to 100", few and many and many / few, 1.25, " x")
    few, many = (figures.get("growth", CHATTY.name, "net_cpu_us_per_message", rooms=each) for each in (10, 1000))
    yield _at_most("a message's CPU, 1,000 rooms of 5 to 10", few and many and many / few, 1.2, " x")


def _alone(figures: Figures) -> Iterator[Verdict]:
    back = figures.get("storm", CHATTY.name, "seconds_from_start", members=3000)
    yield _at_most("3,000 members of a killed worker are back, from its start", back, 6, " s")
    idle = figures.get("idle", CHATTY.name, "cpu_share", members=5000)
    yield _at_most("an idle room of 5,000: share of a core", None if idle is None else idle * 100, 8, " %")
