"""`python -m bench.hostile`: what ordinary members notice of one hostile address that asks for everything at once.

100 ordinary members in 10 rooms talk at an ordinary pace; newcomers join, readers look further back, and visitors open
the page. Each has an address of its own. Beside them, `bench.foe` is quiet, or hostile to another server on this
machine, or hostile to theirs, in turn. Between the last two only the server that it meets differs: what the foe's own
process costs this machine is the same. So the figure that counts is their ratio.

With `--office`, all ordinary people share one address, as a company does behind its router.

What isn't the server's doing is told apart: how late this process itself is, and how long the server's event loop was
ready and waited for a core, because others had them.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import uvloop
from picows import WSError, WSFrame, WSMsgType, WSTransport

from chat.access.tokens import new_member_id
from chatty_project import env
from tests import servers
from tests.servers import ROOT, ChattyServer

from . import foe, machine, processes
from .dialects import POSTED_AT, ChattyDialect, body
from .member import Member
from .systems import DurablePostgres

MEMBERS = 100
ROOMS = 10
OFFICE = "198.18.255.1"
POSTS_A_SECOND = 20.0  # By all members: one of each in five seconds.
LOOKS_A_SECOND = 2.0  # Newcomers, readers and visitors, each.
WARM_UP_SECONDS = 1.5  # Of each phase, before its figures count.
BREAK_SECONDS = 1.0  # After it, for what is still on its way.
PATIENCE_SECONDS = 10
PHASES = ("quiet", "elsewhere", "here")
GOAL = 1.25


class Person(Member):
    """An ordinary member. It remembers when it posted what, so that acknowledgements can be told from deliveries."""

    def __init__(self, room: str, number: int, address: str = "") -> None:
        address = address or f"198.18.{number // 250}.{number % 250 + 1}"
        super().__init__(ChattyDialect(), room, f"member {number}", new_member_id(), address)
        self.own: set[int] = set()  # When it posted, and when everything came, in ns of the monotonic clock.
        self.came: dict[int, int] = {}
        self._page: asyncio.Future[None] | None = None

    def say(self) -> None:
        text = body()
        self.own.add(int(text[1:].partition(".")[0]))
        self.post(text)

    async def read_back(self) -> None:
        """Asks for the newest page of history, and waits for it."""
        self._page = asyncio.get_running_loop().create_future()
        self.send(b'{"type":"history","before":1000000,"limit":50}')
        async with asyncio.timeout(PATIENCE_SECONDS):
            await self._page

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type != WSMsgType.TEXT or not self._is_welcome:
            super().on_ws_frame(transport, frame)
            return
        now, payload = time.monotonic_ns(), frame.get_payload_as_bytes()
        for posted_at in POSTED_AT.findall(payload):  # A page has what came before; then the first time counts.
            self.came.setdefault(int(posted_at), now)
        self.refused += self._dialect.is_refusal(payload)
        if b'{"type":"page"' in payload and self._page is not None and not self._page.done():
            self._page.set_result(None)


CPU = ("server", "event loop", "event loop, waiting for a core", "foe", "machine")


@dataclass
class Figures:
    """What was measured in all phases of one kind, in milliseconds; `lost`: what had no answer."""

    times: dict[str, list[float]] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cpu: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CPU, 0.0))  # Seconds.

    def at(self, what: str, share: float) -> float:
        """The quantile of `what`."""
        times = sorted(self.times.get(what, ()))
        return times[round((len(times) - 1) * share)] if times else float("nan")


WHAT = ("post to acknowledgement", "post to delivery", "join", "history", "page", "lateness of this process")


class Trial:
    """One run against a server, with the foe's process beside it."""

    def __init__(
        self,
        server: ChattyServer,
        backing: Iterable[servers.Server],
        child: asyncio.subprocess.Process,
        members: int = MEMBERS,
        rooms: int = ROOMS,
        address: str = "",
    ) -> None:
        self._server = server
        self._pids = [server.pid, *(each.pid for each in backing)]
        self._child = child
        self._base = f"ws://127.0.0.1:{server.port}"
        self._chance = random.Random(1)
        self._rooms = rooms
        self._address = address
        self._people = [Person(f"ordinary-{number % rooms}", number, address) for number in range(members)]
        self._number = members
        self.figures = {phase: Figures() for phase in PHASES}
        self.met: dict[str, Counter[str]] = {"elsewhere": Counter(), "here": Counter()}

    async def come(self) -> None:
        for person in self._people:
            await person.join(self._base)

    async def phase(self, name: str, url: str | None, seconds: float) -> None:
        """Ordinary life for so long, while the foe is hostile to `url`."""
        if url is not None:
            assert self._child.stdin is not None
            self._child.stdin.write(f"{url} {WARM_UP_SECONDS + seconds}\n".encode())
        tasks = [
            asyncio.create_task(self._talk(self.figures[name])),
            asyncio.create_task(self._look(name, "join", self._join)),
            asyncio.create_task(self._look(name, "history", self._read_back)),
            asyncio.create_task(self._look(name, "page", self._open_page)),
        ]
        await asyncio.sleep(WARM_UP_SECONDS)
        figures, since, before = self.figures[name], time.monotonic_ns(), self._cpu()
        await asyncio.sleep(seconds)
        until, after = time.monotonic_ns(), self._cpu()
        figures.seconds += seconds
        for what in CPU:
            figures.cpu[what] += after[what] - before[what]
        for task in tasks:
            task.cancel()
        if url is not None:
            assert self._child.stdout is not None
            self.met[name].update(_counts(await self._child.stdout.readline()))
        await asyncio.sleep(BREAK_SECONDS)
        await self._settle(since, until)
        self._gather(figures, since, until)

    def _cpu(self) -> dict[str, float]:
        seconds = (
            processes.cpu_seconds(self._pids),
            *processes.main_thread_seconds(self._server.pid),
            processes.cpu_seconds([self._child.pid]),
            processes.machine_cpu_seconds(),
        )
        return dict(zip(CPU, seconds, strict=True))

    # --- what ordinary people do ---

    async def _talk(self, figures: Figures) -> None:
        """An open loop: nobody waits for an answer before the next one posts."""
        started, said = time.monotonic(), 0
        while True:
            while said < (time.monotonic() - started) * POSTS_A_SECOND:
                self._chance.choice(self._people).say()
                said += 1
            due = time.monotonic() + 0.005
            await asyncio.sleep(0.005)
            figures.times.setdefault(WHAT[-1], []).append((time.monotonic() - due) * 1000)

    async def _look(self, phase: str, what: str, work: Callable[[], Awaitable[None]]) -> None:
        """Does it again and again, each time from its own start."""
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._timed(self.figures[phase], what, work))
                await asyncio.sleep(self._chance.uniform(0.5, 1.5) / LOOKS_A_SECOND)

    async def _timed(self, figures: Figures, what: str, work: Callable[[], Awaitable[None]]) -> None:
        started = time.monotonic()
        try:
            await work()
        except (OSError, TimeoutError, WSError, ValueError, AssertionError):
            figures.lost[what] += 1
        except asyncio.CancelledError:  # It counts as long as it took until the phase's end, if that was long.
            if (waited := time.monotonic() - started) > BREAK_SECONDS:
                figures.times.setdefault(what, []).append(waited * 1000)
            raise
        else:
            figures.times.setdefault(what, []).append((time.monotonic() - started) * 1000)

    async def _join(self) -> None:
        members = len(self._people)
        self._number = members + (self._number + 1 - members) % 40_000
        newcomer = Person(f"ordinary-{self._number % self._rooms}", self._number, self._address)
        try:
            await newcomer.join(self._base)
        finally:
            newcomer.leave()

    async def _read_back(self) -> None:
        await self._chance.choice(self._people).read_back()

    async def _open_page(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        try:
            host = f"127.0.0.1:{self._server.port}"
            address = self._address or f"198.18.200.{self._chance.randrange(250)}"
            head = f"Host: {host}\r\nX-Forwarded-For: {address}\r\nConnection: close"
            writer.write(f"GET /chatty HTTP/1.1\r\n{head}\r\n\r\n".encode())
            if (await reader.readline()).split()[1:2] != [b"200"]:
                raise ValueError("expected 200")
            while await reader.read(65_536):
                pass
        finally:
            writer.close()

    # --- figures ---

    async def _settle(self, since: int, until: int) -> None:
        """Waits for acknowledgements that are late."""
        for _ in range(PATIENCE_SECONDS * 10):
            if not any(self._missing(person, since, until) for person in self._people):
                return
            await asyncio.sleep(0.1)  # What sets an event would cost each delivery.

    @staticmethod
    def _missing(person: Person, since: int, until: int) -> int:
        posted = {at for at in person.own if since <= at < until}
        return len(posted - person.came.keys())

    def _gather(self, figures: Figures, since: int, until: int) -> None:
        for person in self._people:
            figures.lost["post to acknowledgement"] += self._missing(person, since, until)
            figures.lost["connection"] += person.gone.is_set()
            figures.lost["refused"] += person.refused
            now = time.monotonic_ns()  # What didn't come took at least until now.
            for posted_at, came_at in {**dict.fromkeys(person.own, now), **person.came}.items():
                if since <= posted_at < until:
                    what = WHAT[0] if posted_at in person.own else WHAT[1]
                    figures.times.setdefault(what, []).append((came_at - posted_at) / 1e6)
            person.own.clear()
            person.came.clear()
            person.refused = 0


def _counts(line: bytes) -> dict[str, int]:
    found: dict[str, int] = json.loads(line)
    return found


# --- servers ---


def limits() -> dict[str, str]:
    """The settings that tests lift, as they are in production."""
    return {setting.name: setting.default for setting in env.SETTINGS if setting.name in servers.NO_LIMITS}


def start(stack: ExitStack, database: str) -> tuple[ChattyServer, list[servers.Server]]:
    """A worker with its limits; on PostgreSQL with a Redis and a database server of its own."""
    backing: list[servers.Server] = []
    settings = limits()
    if database == "postgresql":
        postgres, redis = stack.enter_context(DurablePostgres()), stack.enter_context(servers.redis_server())
        backing += [postgres, redis]
        settings |= {"DATABASE_URL": postgres.create_migrated_database(), "REDIS_URL": redis.url}
    return stack.enter_context(servers.chatty_server(**settings)), backing


@asynccontextmanager
async def hostile_process(urls: list[str], only: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The foe, all of whose members have joined. Where the processor is short, the others have it first (`nice`)."""
    command = ["nice", "-n", "5", sys.executable, "-m", "bench.foe", "--only", only, *urls]
    child = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=os.environ | {"SECRET_KEY": servers.SECRET_KEY},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        limit=2**20,
    )
    try:
        assert child.stdout is not None
        if await child.stdout.readline() != b"ready\n":
            raise RuntimeError("the foe didn't start")
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()


async def run(options: argparse.Namespace) -> Trial:
    with ExitStack() as stack:
        here, backing = start(stack, options.database)
        elsewhere, _ = start(stack, options.database)
        urls = {"here": here.http_url, "elsewhere": elsewhere.http_url}
        async with hostile_process([here.http_url, elsewhere.http_url], options.only) as child:
            address = OFFICE if options.office else ""
            trial = Trial(here, backing, child, options.members, options.rooms, address)
            await trial.come()
            for _ in range(options.rounds):
                for phase in options.phases.split(","):
                    await trial.phase(phase, urls.get(phase), options.seconds)
        trial.met["here"]["lines of warnings in the log"] = here.log.count(" warning ")
        return trial


def report(trial: Trial, only: str) -> Iterator[str]:
    """The figures as tables of Markdown."""
    quiet, elsewhere, here = (trial.figures[phase] for phase in PHASES)
    yield f"Hostile in {only}."
    yield ""
    yield "| p50, p99 in ms | quiet | hostile elsewhere | hostile here | p99, here to quiet | p99, here to elsewhere |"
    yield "|---|---|---|---|---|---|"
    for what in WHAT:
        cells = [f"{each.at(what, 0.5):,.1f}, {each.at(what, 0.99):,.1f}" for each in (quiet, elsewhere, here)]
        ratios = [f"{here.at(what, 0.99) / other.at(what, 0.99):.2f}" for other in (quiet, elsewhere)]
        yield f"| {what} | {' | '.join((*cells, *ratios))} |"
    for what in CPU:
        shares = (f"{each.cpu[what] / max(each.seconds, 1):.0%}" for each in (quiet, elsewhere, here))
        yield f"| {what}: share of a core | {' | '.join(shares)} | | |"
    lost = (
        ", ".join(f"{count} {what}" for what, count in each.lost.items() if count) for each in (quiet, elsewhere, here)
    )
    yield f"| without an answer | {' | '.join(each or 'none' for each in lost)} | | |"
    yield ""
    yield "| what the foe got | elsewhere | here |"
    yield "|---|---|---|"
    for what in sorted(trial.met["elsewhere"] | trial.met["here"]):
        yield f"| {what} | {trial.met['elsewhere'][what]:,} | {trial.met['here'][what]:,} |"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.hostile", description=__doc__)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--only", default=",".join(foe.DISCIPLINES), help="of " + ", ".join(foe.DISCIPLINES))
    parser.add_argument("--members", type=int, default=MEMBERS, help="ordinary ones")
    parser.add_argument("--rooms", type=int, default=ROOMS, help="that they are in")
    parser.add_argument("--office", action="store_true", help="they share one address")
    parser.add_argument("--phases", default=",".join(PHASES), help="of " + ", ".join(PHASES))
    parser.add_argument("--rounds", type=int, default=3, help="of quiet, hostile elsewhere, hostile here")
    parser.add_argument("--seconds", type=float, default=5, help="of each phase")
    return parser.parse_args()


def main() -> Any:
    options = parse()
    if unknown := set(options.only.split(",")) - set(foe.DISCIPLINES):
        sys.exit(f"--only has {', '.join(unknown)}; expected some of {', '.join(foe.DISCIPLINES)}")
    machine.raise_open_files()
    loads = [os.getloadavg()[0]]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        trial = runner.run(run(options))
    loads.append(os.getloadavg()[0])
    for line in report(trial, options.only):
        sys.stdout.write(f"{line}\n")
    ratio = trial.figures["here"].at(WHAT[0], 0.99) / trial.figures["elsewhere"].at(WHAT[0], 0.99)
    verdict = "met" if ratio < GOAL else "missed"
    sys.stdout.write(f"\nLoad average {loads[0]:.1f} to {loads[1]:.1f}. p99 of posts below {GOAL} x: {verdict}.\n")


if __name__ == "__main__":
    main()
