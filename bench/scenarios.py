"""What is measured: each scenario starts its systems, and yields a row of figures as soon as it has one."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from typing import Any

from picows import WSError

from .crowd import Crowd
from .http_member import PollMember, RequestingMember, SocketIOPollMember, StreamMember
from .machine import CorePlan, running_on
from .measures import Cost, FanOut, Meter, fan_out, idle
from .member import BaseMember, Member
from .systems import (
    BARE,
    BARE_GATHERING,
    CHATTY,
    CHATTY_POSTGRES,
    SOCKETIO,
    SOCKETIO_POLLING,
    SYSTEMS,
    TUTORIAL,
    System,
)

ONE_ROOM = ["lobby"]
NEWEST = 50  # Messages that a room has before joins are measured: a full page of them.
OPEN_POSTS = 8  # In a room, of the posting that is as fast as it can be.


Offers = tuple[tuple[int, tuple[int, ...]], ...]  # Members, and the messages/s that are offered to so many.


@dataclass(frozen=True)
class Effort:
    """How long and how much. Seconds are those that are measured; warming up and draining come on top."""

    seconds: float
    patience_seconds: float
    repeats: int  # Of what is compared closely; the median counts.
    saturation: Offers
    slower_saturation: Offers  # For the systems that are not the question: less of the same.
    growth_members: tuple[int, ...]
    many_rooms: int
    storm_members: int
    idle_members: int
    idle_seconds: float
    joins: int
    join_rooms: tuple[int, ...]
    tutorial_joins: int  # In one room: it tells each to each, at 0.3 ms. None: it is left out of this.
    scenarios: tuple[str, ...]
    left_out: frozenset[str]  # Names of systems, unless they are asked for by `--only`.


FULL = Effort(
    seconds=5,
    patience_seconds=4,
    repeats=2,
    saturation=((200, (400, 800, 1500, 4000)), (1000, (200, 400, 800, 1500))),
    slower_saturation=((200, (400, 1500)), (1000, (200, 400, 1500))),
    growth_members=(100, 1000, 5000),
    many_rooms=1000,
    storm_members=3000,
    idle_members=5000,
    idle_seconds=15,
    joins=1000,
    join_rooms=(1, 100),
    tutorial_joins=200,
    scenarios=(
        "steady",
        "saturation",
        "connect",
        "posting",
        "small",
        "transports",
        "growth",
        "storm",
        "idle",
        "ceiling",
    ),
    left_out=frozenset(),
)
QUICK = Effort(
    seconds=1.5,
    patience_seconds=1,
    repeats=1,
    saturation=((200, (1500,)), (1000, (400,))),
    slower_saturation=((200, (400,)),),
    growth_members=(100, 1000),
    many_rooms=200,
    storm_members=1000,
    idle_members=1000,
    idle_seconds=3,
    joins=400,
    join_rooms=(100,),
    tutorial_joins=0,
    scenarios=("steady", "saturation", "connect", "posting", "small", "storm", "idle"),
    left_out=frozenset({CHATTY_POSTGRES.name, BARE.name}),
)


@dataclass(frozen=True)
class Row:
    """Figures of one measurement. `of` says what was measured: members, offered messages/s and the like."""

    scenario: str
    system: str
    of: dict[str, Any]
    figures: dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """What all scenarios need to know."""

    plan: CorePlan
    effort: Effort
    only: frozenset[str]  # Names of systems; empty: all.

    def systems(self, *systems: System) -> list[System]:
        """Those of them that are measured in this run."""
        if self.only:
            return [system for system in systems if system.name in self.only]
        return [system for system in systems if system.name not in self.effort.left_out]


Rows = AsyncIterator[Row]
Scenario = Callable[[Bench], Rows]


def _cost(cost: Cost) -> dict[str, Any]:
    return {
        "cpu_us_per_delivery": round(cost.cpu_us_per_delivery, 2),
        "deliveries_per_second": round(cost.deliveries_per_second),
        "cpu_share": round(cost.cpu_share, 3),
        "load_cpu_share": round(cost.load_cpu_share, 3),
        "others_cpu_share": round(cost.others_cpu_share, 3),
    }


def _fan_out(found: FanOut) -> dict[str, Any]:
    latency = asdict(found.latency) if found.latency else {"count": 0, "p50": None, "p99": None, "max": None}
    counts = {name: getattr(found, name) for name in ("posted", "lost", "behind", "refused", "disconnected")}
    return _cost(found.cost) | {f"latency_{name}": value for name, value in latency.items()} | counts


async def steady(bench: Bench) -> Rows:
    """1,000 members in a room that is talked in: CPU per delivery and latency."""
    compared = bench.systems(CHATTY, SOCKETIO) * bench.effort.repeats  # In turn: a machine's mood changes.
    for system in [*compared, *bench.systems(CHATTY_POSTGRES, BARE)]:
        with system.running(bench.plan) as running:
            crowd = Crowd(running.dialect, running.base)
            await crowd.fill(ONE_ROOM, 1000, quiet=True)
            for rate in (10, 40):
                found = await fan_out(running, crowd, rate, bench.effort.seconds, bench.effort.patience_seconds)
                yield Row("steady", system.name, {"members": 1000, "rate": rate}, _fan_out(found))
            await crowd.leave()


async def saturation(bench: Bench) -> Rows:
    """More than most can take: deliveries/s, and what becomes of the rest."""
    effort = bench.effort
    for system in bench.systems(*SYSTEMS):
        for members, rates in effort.saturation if system in (CHATTY, SOCKETIO) else effort.slower_saturation:
            left = list(rates)
            while left:  # A system that has fallen behind is started afresh.
                with system.running(bench.plan) as running:
                    crowd = Crowd(running.dialect, running.base)
                    await crowd.fill(ONE_ROOM, members, quiet=True)
                    has_kept_up = True
                    while left and has_kept_up:
                        rate = left.pop(0)
                        found = await fan_out(running, crowd, rate, effort.seconds, effort.patience_seconds)
                        has_kept_up = found.has_kept_up
                        yield Row("saturation", system.name, {"members": members, "rate": rate}, _fan_out(found))
                    await crowd.leave()


async def connect(bench: Bench) -> Rows:
    """Joins, each answered with roster and newest messages and told to the others: CPU and memory for each."""
    for system in bench.systems(*SYSTEMS):
        if system is TUTORIAL and not bench.effort.tutorial_joins:
            continue
        for rooms in bench.effort.join_rooms:
            count = bench.effort.joins if system is not TUTORIAL or rooms > 1 else bench.effort.tutorial_joins
            names = [f"room-{number}" for number in range(rooms)]
            with system.running(bench.plan) as running:
                crowd = Crowd(running.dialect, running.base)
                await crowd.fill(names, 100)
                crowd.begin(sampled=0)
                for number in range(NEWEST * rooms):
                    crowd.say(crowd.members[number % len(crowd.members)])
                    if number % 100 == 99:
                        await crowd.settle(5)
                await crowd.settle(5)
                await asyncio.sleep(1)
                before, meter = running.rss_kib(), Meter(running, crowd)
                await crowd.fill(names, count)
                joined_in = time.monotonic()
                await asyncio.sleep(1)  # For the last ones to be told.
                cost = meter.cost()
                await asyncio.sleep(1)
                figures = {
                    "cpu_us_per_connect": round(cost.cpu_seconds / count * 1e6),
                    "connects_per_second": round(count / (cost.seconds - (time.monotonic() - joined_in - 1))),
                    "rss_kib_per_member": round((running.rss_kib() - before) / count, 1),
                    "welcome_bytes": max(len(member.welcome) for member in crowd.members[-count:]),
                    "load_cpu_share": round(cost.load_cpu_share, 3),
                    "others_cpu_share": round(cost.others_cpu_share, 3),
                }
                yield Row("connect", system.name, {"rooms": rooms, "members": count}, figures)
                await crowd.leave()


async def posting(bench: Bench) -> Rows:
    """100 rooms of two: how many messages a second one worker commits and tells, and how soon at 500/s."""
    names = [f"room-{number}" for number in range(100)]
    for system in bench.systems(CHATTY, CHATTY_POSTGRES):
        with system.running(bench.plan) as running:
            crowd = Crowd(running.dialect, running.base)
            await crowd.fill(names, 200)
            crowd.begin(sampled=0)
            pumping = asyncio.create_task(_pump(crowd))
            await asyncio.sleep(1)
            meter = Meter(running, crowd)
            await asyncio.sleep(bench.effort.seconds)
            cost = meter.cost()
            pumping.cancel()
            await crowd.settle(bench.effort.patience_seconds)
            figures = _cost(cost) | {
                "messages_per_second": round(cost.deliveries / 2 / cost.seconds),
                "lost": crowd.missing,
                "refused": crowd.refused,
            }
            yield Row("posting", system.name, {"rooms": 100, "open_posts": OPEN_POSTS}, figures)
            found = await fan_out(running, crowd, 500, bench.effort.seconds, bench.effort.patience_seconds)
            yield Row("posting", system.name, {"rooms": 100, "rate": 500}, _fan_out(found))
            await crowd.leave()


async def _pump(crowd: Crowd) -> None:
    """Posts whenever fewer than OPEN_POSTS of a room are on their way (a closed loop)."""
    authors = {member.room: member for member in crowd.members}
    before = {room: author.delivered for room, author in authors.items()}
    while True:
        for room, author in authors.items():
            for _ in range(OPEN_POSTS - crowd.posted[room] + author.delivered - before[room]):
                crowd.say(author)
        await asyncio.sleep(0.001)


SMALL_ROOM, SMALL_ROOMS_RATE = 5, 200.0  # Members, and messages/s in all rooms together.


async def small_rooms(bench: Bench) -> Rows:
    """Rooms of five, ten or many of them: what their silence costs, and what a message."""
    effort = bench.effort
    compared = bench.systems(CHATTY, SOCKETIO) * effort.repeats
    for rooms in (10, effort.many_rooms):
        for system in [*compared, *bench.systems(CHATTY_POSTGRES)]:
            with system.running(bench.plan) as running:
                crowd = Crowd(running.dialect, running.base)
                await crowd.fill([f"room-{number}" for number in range(rooms)], rooms * SMALL_ROOM)
                await asyncio.sleep(3)
                silence = await idle(running, crowd, effort.seconds)
                found = await fan_out(running, crowd, SMALL_ROOMS_RATE, effort.seconds, effort.patience_seconds)
                figures = _fan_out(found) | {
                    "idle_cpu_share": round(silence.cpu_share, 4),
                    "cpu_us_per_message": round(found.cost.cpu_seconds / SMALL_ROOMS_RATE / found.cost.seconds * 1e6),
                }
                of = {"rooms": rooms, "members": rooms * SMALL_ROOM, "rate": SMALL_ROOMS_RATE}
                yield Row("small", system.name, of, figures)
                await crowd.leave()


POLLED_RATE, POLLED_SECONDS = 1.0, 15.0  # Messages/s in a room of 200, and for how long at least.


async def transports(bench: Bench) -> Rows:
    """Members by streams and polls beside those on sockets: memory, a delivery's CPU, and that of a POSTed message."""
    seconds, patience = bench.effort.seconds, bench.effort.patience_seconds
    kinds: dict[str, type[BaseMember]] = {"WebSocket": Member, "stream": StreamMember}
    for system in bench.systems(CHATTY) * bench.effort.repeats:
        for transport, kind in kinds.items():
            with system.running(bench.plan) as running:
                crowd = Crowd(running.dialect, running.base, kind)
                await crowd.fill(ONE_ROOM, 100)
                await asyncio.sleep(1)
                before = running.rss_kib()
                await crowd.fill(ONE_ROOM, 900)
                await asyncio.sleep(3)
                memory = {"rss_kib_per_member": round((running.rss_kib() - before) / 900, 1)}
                found = await fan_out(running, crowd, 40, seconds, patience)
                of = {"transport": transport, "members": 1000, "rate": 40}
                yield Row("transports", system.name, of, _fan_out(found) | memory)
                await crowd.leave()
        for transport, kind in (kinds | {"WebSocket, POST": RequestingMember}).items():
            with system.running(bench.plan) as running:
                crowd = Crowd(running.dialect, running.base, kind)
                await crowd.fill([f"room-{number}" for number in range(10)], 50)
                found = await fan_out(running, crowd, SMALL_ROOMS_RATE, seconds, patience)
                each = {
                    "cpu_us_per_message": round(found.cost.cpu_seconds / SMALL_ROOMS_RATE / found.cost.seconds * 1e6)
                }
                of = {"transport": transport, "rooms": 10, "members": 50, "rate": SMALL_ROOMS_RATE}
                yield Row("transports", system.name, of, _fan_out(found) | each)
                await crowd.leave()
    polled: dict[System, tuple[System, type[BaseMember]]] = {
        CHATTY: (CHATTY, PollMember),
        SOCKETIO: (SOCKETIO_POLLING, SocketIOPollMember),
    }
    for system in bench.systems(*polled) * bench.effort.repeats:
        polling, kind = polled[system]
        with polling.running(bench.plan) as running:
            crowd = Crowd(running.dialect, running.base, kind)
            await crowd.fill(ONE_ROOM, 200, quiet=True)
            found = await fan_out(running, crowd, POLLED_RATE, max(seconds, POLLED_SECONDS), patience)
            of = {"transport": "polls", "members": 200, "rate": POLLED_RATE}
            yield Row("transports", system.name, of, _fan_out(found))
            await crowd.leave()


GROWTH_DELIVERIES = 20_000  # A second, whatever the members: so nothing but their number differs.


async def growth(bench: Bench) -> Rows:
    """What a delivery costs in larger rooms, and a message among more rooms. `net`: without what silence costs."""
    effort = bench.effort
    loads = [(1, members, GROWTH_DELIVERIES / members) for members in effort.growth_members]
    loads += [(rooms, 5 * rooms, 200.0) for rooms in (10, effort.many_rooms)]
    for system in bench.systems(CHATTY):
        for rooms, members, rate in loads:
            with system.running(bench.plan) as running:
                crowd = Crowd(running.dialect, running.base)
                await crowd.fill([f"room-{number}" for number in range(rooms)], members)
                await asyncio.sleep(3)
                silence = await idle(running, crowd, effort.seconds)
                found = await fan_out(running, crowd, rate, effort.seconds, effort.patience_seconds)
                net = found.cost.cpu_seconds - silence.cpu_share * found.cost.seconds
                figures = _fan_out(found) | {
                    "idle_cpu_share": round(silence.cpu_share, 4),
                    "net_cpu_us_per_delivery": round(net / max(1, found.cost.deliveries) * 1e6, 2),
                    "net_cpu_us_per_message": round(net / rate / found.cost.seconds * 1e6, 1),
                }
                yield Row("growth", system.name, {"rooms": rooms, "members": members, "rate": rate}, figures)
                await crowd.leave()


async def storm(bench: Bench) -> Rows:
    """A worker is killed, and started again; all its members come back as fast as they can."""
    for system in bench.systems(CHATTY):
        with system.running(bench.plan) as running:
            crowd = Crowd(running.dialect, running.base)
            await crowd.fill(ONE_ROOM, bench.effort.storm_members)
            for _ in range(NEWEST):
                crowd.say(crowd.members[0])
            await asyncio.sleep(2)
            running.server.kill()
            for member in crowd.members:
                await member.gone.wait()

            def start() -> float:
                with running_on(bench.plan.server):
                    running.server.start()
                return time.monotonic()

            started = time.monotonic()
            starting = asyncio.create_task(asyncio.to_thread(lambda: (start(), time.process_time())))
            await asyncio.gather(*(_come_back(crowd, number) for number in range(len(crowd.members))))
            ready, own = await starting
            ended = time.monotonic()
            figures = {
                "seconds_from_start": round(ended - started, 2),
                "seconds_from_ready": round(ended - ready, 2),
                "load_cpu_share": round((time.process_time() - own) / (ended - ready), 3),
            }
            yield Row("storm", system.name, {"members": len(crowd.members)}, figures)
            await crowd.leave()


async def _come_back(crowd: Crowd, number: int) -> None:
    """Reconnects, as a browser's page would, but sooner: every 100 to 200 ms."""
    while True:
        try:
            await crowd.members[number].join(crowd.base)
            return
        except (OSError, WSError):
            await asyncio.sleep(0.1 + number % 100 / 1000)


async def silence(bench: Bench) -> Rows:
    """A room in which nobody speaks: pulses, pings and presence."""
    for system in bench.systems(CHATTY):
        with system.running(bench.plan) as running:
            crowd = Crowd(running.dialect, running.base)
            await crowd.fill(ONE_ROOM, bench.effort.idle_members)
            await asyncio.sleep(3)
            cost = await idle(running, crowd, bench.effort.idle_seconds)
            figures = _cost(cost) | {"cpu_share": round(cost.cpu_share, 4), "disconnected": crowd.disconnected}
            yield Row("idle", system.name, {"members": bench.effort.idle_members}, figures)
            await crowd.leave()


async def ceiling(bench: Bench) -> Rows:
    """What the generator itself can take, from a server that does nothing but send."""
    for system, rate in ((BARE, 400), (BARE_GATHERING, 3000)):
        with system.running(bench.plan) as running:
            crowd = Crowd(running.dialect, running.base)
            await crowd.fill(ONE_ROOM, 1000)
            found = await fan_out(running, crowd, rate, bench.effort.seconds, bench.effort.patience_seconds)
            yield Row("ceiling", system.name, {"members": 1000, "rate": rate}, _fan_out(found))
            await crowd.leave()


SCENARIOS: dict[str, Scenario] = {
    "steady": steady,
    "saturation": saturation,
    "connect": connect,
    "posting": posting,
    "small": small_rooms,
    "transports": transports,
    "growth": growth,
    "storm": storm,
    "idle": silence,
    "ceiling": ceiling,
}
