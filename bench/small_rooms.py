"""`python -m bench.small_rooms`: what many small rooms cost, beside what they cost at another commit.

Two loads: ten rooms of five in which 200 messages a second are posted, and many rooms in which nobody speaks. The
commits take turns, so that a machine that is busy for a while is so for both. All figures are CPU time, of the server
and of its Redis and PostgreSQL: a busy machine makes them a little larger, not many times.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import uvloop

from tests.servers import ROOT, redis_server

from . import machine
from .crowd import Crowd
from .dialects import ChattyDialect
from .measures import fan_out, idle
from .page import ServerOf, tree_of
from .systems import DurablePostgres, Running

RATE = 200.0
# Run in the server: a task that wakes every 2 ms and notes how much CPU time the loop's thread has used since then.
# CPU time, since another process that has the core is no pause of this loop's.
PAUSES = """
import asyncio, os, time
import django
os.environ["DJANGO_SETTINGS_MODULE"] = "chatty_project.settings"
django.setup()
from chat.rooms import registry

async def watch():
    longest, said_at = 0.0, time.monotonic()
    before = time.thread_time()
    while True:
        await asyncio.sleep(0.002)
        now = time.thread_time()
        longest, before = max(longest, now - before), now
        if time.monotonic() - said_at > 1:
            with open(os.environ["PAUSES"], "a") as file:
                file.write(f"{longest}\\n")
            longest, said_at, before = 0.0, time.monotonic(), time.thread_time()

start = registry.RoomRegistry.__init__
def init(self):
    start(self)
    self.pauses = asyncio.create_task(watch())
registry.RoomRegistry.__init__ = init
"""


class WatchedServer(ServerOf):
    """Chatty of a tree that also notes its loop's longest pause of each second."""

    source = PAUSES + ServerOf.source

    def __init__(self, tree: Path, **settings: str) -> None:
        super().__init__(tree, **settings)
        self._pauses = self.folder / "pauses"
        self.settings["PAUSES"] = str(self._pauses)

    def longest_pause(self, seconds: int = 0) -> float:
        """Of the last so many seconds, or since the start."""
        return max(map(float, self._pauses.read_text().split()[-seconds:]), default=0.0)


@contextmanager
def running(tree: Path, postgres: bool, *, watched: bool = False) -> Iterator[Running]:
    """Chatty of a tree with its own Redis, and with PostgreSQL where asked for."""
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server())
        backing = [redis]
        settings = {"REDIS_URL": redis.url}
        if postgres:
            database = DurablePostgres()
            stack.enter_context(database)
            backing.append(database)  # type: ignore[arg-type]
            settings["DATABASE_URL"] = database.create_database()
        server = stack.enter_context((WatchedServer if watched else ServerOf)(tree, **settings))
        yield Running(server, ChattyDialect(), list(backing))


async def talk(system: Running, seconds: float) -> str:
    """Ten rooms of five at RATE."""
    crowd = Crowd(system.dialect, system.base)
    await crowd.fill([f"room-{number}" for number in range(10)], 50)
    await asyncio.sleep(1)
    found = await fan_out(system, crowd, RATE, seconds, 5)
    await crowd.leave()
    each = found.cost.cpu_seconds / RATE / found.cost.seconds * 1e6
    assert not found.lost, "messages were lost"
    return f"{each:,.0f} µs a message, p50 {found.latency and found.latency.p50} ms"


async def silence(system: Running, rooms: int, members: int, seconds: float) -> str:
    """So many rooms of so many members who say nothing."""
    crowd = Crowd(system.dialect, system.base)
    await crowd.fill([f"room-{number}" for number in range(rooms)], rooms * members)
    await asyncio.sleep(8)  # All leases were renewed several times.
    pause = ""
    if isinstance(system.server, WatchedServer):
        pause = f", longest pause {system.server.longest_pause() * 1000:.1f} ms while they joined"
    found = await idle(system, crowd, seconds)
    gone = crowd.disconnected
    if isinstance(system.server, WatchedServer):
        pause += f", {system.server.longest_pause(int(seconds)) * 1000:.1f} ms then"
    await crowd.leave()
    assert not gone, f"{gone} members were disconnected"
    return f"{found.cpu_share * 100:.1f} % of a core{pause}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.small_rooms", description=__doc__)
    parser.add_argument("--before", metavar="COMMIT", help="measure this one as well")
    parser.add_argument("--load", choices=("talk", "silence", "pause"), default="talk")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--rooms", type=int, default=1000, help="of those that are silent")
    parser.add_argument("--members", type=int, default=5, help="in each of them")
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    machine.raise_open_files()
    gc.disable()
    with ExitStack() as stack:
        trees = {options.before: stack.enter_context(tree_of(options.before))} if options.before else {}
        trees["now"] = ROOT
        for _ in range(options.rounds):
            for name, tree in trees.items():
                with running(tree, options.postgres, watched=options.load == "pause") as system:
                    if options.load == "talk":
                        work = talk(system, options.seconds)
                    else:
                        work = silence(system, options.rooms, options.members, options.seconds)
                    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                        said = runner.run(work)
                sys.stdout.write(f"{name}: {said}\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
