"""A run as a file, as lines while it goes on, as Markdown, and in docs/."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.servers import ROOT

from . import chart
from .scenarios import Row
from .systems import BARE, BARE_GATHERING, SYSTEMS
from .targets import verdicts

DOCUMENT = ROOT / "docs" / "benchmarks.md"
IMAGE = ROOT / "docs" / "img" / "bench.svg"
BEGIN, END = "<!-- figures: bin/bench --docs writes from here -->", "<!-- to here -->"

TITLES = {system.name: system.title for system in (*SYSTEMS, BARE, BARE_GATHERING)}


@dataclass(frozen=True)
class Run:
    """Everything that a run found out, and what it ran on."""

    about: dict[str, str]
    versions: dict[str, str]
    notes: list[str]
    rows: list[Row]

    @classmethod
    def read(cls, path: Path) -> Self:
        """An earlier run, from its JSON."""
        found = json.loads(path.read_text())
        return cls(found["about"], found["versions"], found["notes"], [Row(**row) for row in found["rows"]])


@dataclass(frozen=True)
class Column:
    """A column of a table: its title, and the figure in it with so many digits after the point."""

    title: str
    name: str
    digits: int = 0
    factor: float = 1

    def of(self, row: Row) -> str:
        value = row.of.get(self.name, row.figures.get(self.name))
        if isinstance(value, str):
            return value
        return "" if value is None else f"{value * self.factor:,.{self.digits}f}"


CPU = Column("CPU µs / delivery", "cpu_us_per_delivery", 2)
DELIVERIES = Column("deliveries/s", "deliveries_per_second")
MEMBERS = Column("members", "members")
RATE = Column("messages/s", "rate")
ROOMS = Column("rooms", "rooms")
LATE = [
    Column("p50 ms", "latency_p50", 1),
    Column("p99 ms", "latency_p99", 1),
    Column("max ms", "latency_max", 1),
]
LOSSES = [Column("lost", "lost"), Column("left behind", "behind")]
LOAD = [
    Column("generator's CPU %", "load_cpu_share", factor=100),
    Column("others' CPU %", "others_cpu_share", factor=100),
]
BUSY = Column("server's CPU %", "cpu_share", factor=100)

TABLES: dict[str, tuple[str, list[Column]]] = {
    "steady": ("A room of 1,000 that is talked in", [RATE, CPU, *LATE, *LOSSES, BUSY, *LOAD]),
    "saturation": ("More than most can take", [MEMBERS, RATE, DELIVERIES, CPU, *LATE, *LOSSES, BUSY, *LOAD]),
    "connect": (
        "Joins",
        [
            ROOMS,
            Column("joins", "members"),
            Column("CPU µs / connect", "cpu_us_per_connect"),
            Column("connects/s", "connects_per_second"),
            Column("KiB / member", "rss_kib_per_member", 1),
            Column("largest welcome, bytes", "welcome_bytes"),
            *LOAD,
        ],
    ),
    "posting": (
        "Posting in 100 rooms of two",
        [
            Column("offered/s", "rate"),
            Column("messages/s committed", "messages_per_second"),
            *LATE,
            *LOSSES,
            BUSY,
            *LOAD,
        ],
    ),
    "small": (
        "Small rooms",
        [
            ROOMS,
            MEMBERS,
            RATE,
            Column("silence, % of a core", "idle_cpu_share", 1, 100),
            Column("CPU µs / message", "cpu_us_per_message"),
            *LATE,
            *LOSSES,
            *LOAD,
        ],
    ),
    "transports": (
        "Members by WebSocket, by streams and by polls",
        [
            Column("transport", "transport"),
            MEMBERS,
            RATE,
            CPU,
            Column("CPU µs / message", "cpu_us_per_message"),
            Column("KiB / member", "rss_kib_per_member", 1),
            *LATE,
            *LOSSES,
            Column("disconnected", "disconnected"),
            BUSY,
            *LOAD,
        ],
    ),
    "growth": (
        "Growth",
        [
            ROOMS,
            MEMBERS,
            RATE,
            CPU,
            Column("without idling", "net_cpu_us_per_delivery", 2),
            Column("CPU µs / message without idling", "net_cpu_us_per_message"),
            Column("idling, % of a core", "idle_cpu_share", 1, 100),
            *LATE[1:2],
            LOSSES[0],
            *LOAD,
        ],
    ),
    "storm": (
        "A killed worker's members come back",
        [
            MEMBERS,
            Column("s from its start", "seconds_from_start", 2),
            Column("s once it answers", "seconds_from_ready", 2),
            *LOAD,
        ],
    ),
    "idle": (
        "A room in which nobody speaks",
        [MEMBERS, Column("% of a core", "cpu_share", 1, 100), Column("disconnected", "disconnected"), *LOAD],
    ),
    "ceiling": (
        "What the load generator can take",
        [MEMBERS, RATE, DELIVERIES, CPU, BUSY, *LOAD],
    ),
}


def line(row: Row) -> str:
    """A row as it is shown while the run goes on."""
    _, columns = TABLES[row.scenario]
    figures = ", ".join(f"{column.of(row)} {column.title}" for column in columns if column.of(row))
    return f"{row.scenario:10} {TITLES[row.system]:27} {figures}"


def markdown(run: Run) -> str:
    """The whole run: targets, then a table a scenario."""
    parts = ["## Targets", _table(["target", "", "seen", ""], _targets(run.rows))]
    for scenario, (title, columns) in TABLES.items():
        rows = [row for row in run.rows if row.scenario == scenario]
        shown = [column for column in columns if any(column.of(row) for row in rows)]
        if rows:
            body = [[TITLES[row.system], *(column.of(row) for column in shown)] for row in rows]
            parts += [f"## {title}", _table(["system", *(column.title for column in shown)], body)]
    parts += ["## Machine and versions", _table(["", ""], [*run.about.items(), ("versions", _joined(run.versions))])]
    if run.notes:
        parts.insert(0, "\n".join(f"- {note}" for note in run.notes))
    return "\n\n".join(parts) + "\n"


def _targets(rows: Iterable[Row]) -> list[list[str]]:
    return [[verdict.target, verdict.limit, verdict.seen, verdict.word] for verdict in verdicts(rows)]


def _joined(versions: dict[str, Any]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def _table(head: list[str], body: Iterable[Iterable[str]]) -> str:
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *body)]
    return "\n".join(lines)


def write_docs(run: Run) -> None:
    """Puts the figures between the two marks in docs/benchmarks.md, and the chart beside it."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{markdown(run)}\n{END}{after}")
    IMAGE.parent.mkdir(parents=True, exist_ok=True)
    IMAGE.write_text(chart.svg(run.rows, TITLES))
