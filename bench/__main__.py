"""`python -m bench`: measures, prints, writes var/bench/*.json and, where asked to, docs/benchmarks.md."""

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from tests.servers import ROOT

from . import machine, report
from .scenarios import FULL, QUICK, SCENARIOS, Bench, Row
from .systems import SOCKETIO, SYSTEMS, NotInstalled, installed_socketio

RESULTS = ROOT / "var" / "bench"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Chatty beside other chats, on this machine.")
    parser.add_argument("--quick", action="store_true", help="less of everything: under two minutes")
    parser.add_argument("--only", action="append", default=[], choices=[system.name for system in SYSTEMS])
    parser.add_argument("--scenario", action="append", default=[], choices=SCENARIOS)
    parser.add_argument("--docs", action="store_true", help="write the figures and the chart into docs/")
    parser.add_argument("--note", default="", help="what a reader of the figures should know, such as a busy machine")
    parser.add_argument("--from", dest="source", type=Path, help="don't measure: report an earlier run's JSON")
    return parser.parse_args()


async def measure(options: argparse.Namespace) -> report.Run:
    """All figures that were asked for, each said as soon as it is known."""
    this = asyncio.current_task()
    assert this is not None
    for signum in (signal.SIGTERM, signal.SIGINT):  # Told to end, it ends its servers first.
        asyncio.get_running_loop().add_signal_handler(signum, this.cancel)
    notes = [options.note] if options.note else []
    only = frozenset(options.only)
    if not only or SOCKETIO.name in only:
        try:
            installed_socketio()
        except NotInstalled as error:
            notes.append(str(error))
            only = (only or frozenset(system.name for system in SYSTEMS)) - {SOCKETIO.name}
    plan = machine.CorePlan.of_this_machine()
    os.sched_setaffinity(0, plan.load)
    bench = Bench(plan, QUICK if options.quick else FULL, only)
    about = machine.description() | {"cores": str(plan), "date": datetime.now(UTC).date().isoformat()}
    about |= {"command": " ".join(["bin/bench", *_options_of(options)])}
    rows: list[Row] = []
    for name in options.scenario or bench.effort.scenarios:
        try:
            async for row in SCENARIOS[name](bench):
                rows.append(row)
                say(report.line(row))
                gc.collect()
        except Exception as error:  # What was measured before, and what comes after, still counts.
            traceback.print_exc()
            notes.append(f"{name} ended early: {error!r}")
    about["load average after the run"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    return report.Run(about, machine.versions(), notes, rows)


def _options_of(options: argparse.Namespace) -> list[str]:
    words = ["--quick"] if options.quick else []
    words += [f"--only {name}" for name in options.only]
    return words + [f"--scenario {name}" for name in options.scenario]


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def main() -> None:
    options = parse()
    if options.source:
        run = report.Run.read(options.source)
    else:
        machine.raise_open_files()
        gc.disable()  # A pause of the generator would look like one of the server; it collects between figures.
        started = time.monotonic()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            try:
                run = runner.run(measure(options))
            except asyncio.CancelledError:
                sys.exit("Ended early; nothing was written")
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"
        path.write_text(json.dumps(asdict(run), indent=1))
        say(f"\n{time.monotonic() - started:.0f} s; {path.relative_to(ROOT)}\n")
    say(report.markdown(run))
    if options.docs:
        report.write_docs(run)
    if any("ended early" in note for note in run.notes):
        sys.exit(1)


if __name__ == "__main__":
    main()
