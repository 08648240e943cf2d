"""One measurement: a load for a while, and what it cost."""

import asyncio
import time
from dataclasses import dataclass

from . import processes
from .crowd import Crowd, Latencies
from .systems import Running

WARM_UP_SECONDS = 1.0  # Of the same load, before the figures count.


@dataclass(frozen=True)
class Cost:
    """What a while cost. `cpu_us_per_delivery`: all server processes, Redis and PostgreSQL included."""

    seconds: float
    deliveries: int
    cpu_seconds: float
    load_cpu_share: float  # Of one core: what the generator itself used. Near 1, it would be what is measured.
    others_cpu_share: float  # Of one core: what nobody here asked for. Much of it spoils the figures.

    @property
    def deliveries_per_second(self) -> float:
        return self.deliveries / self.seconds

    @property
    def cpu_us_per_delivery(self) -> float:
        return self.cpu_seconds / max(1, self.deliveries) * 1e6

    @property
    def cpu_share(self) -> float:
        """Of one core."""
        return self.cpu_seconds / self.seconds


class Meter:
    """Reads the clocks and counters twice; `cost()` is what lies in between."""

    def __init__(self, running: Running, crowd: Crowd) -> None:
        self._running, self._crowd = running, crowd
        self._started = self._read()

    def _read(self) -> tuple[float, int, float, float, float]:
        own, everybody = time.process_time(), processes.machine_cpu_seconds()
        return time.monotonic(), self._crowd.delivered, self._running.cpu_seconds(), own, everybody

    def cost(self) -> Cost:
        seconds, deliveries, cpu, own, everybody = (
            after - before for before, after in zip(self._started, self._read(), strict=True)
        )
        others = max(0.0, everybody - cpu - own)
        return Cost(seconds, int(deliveries), cpu, own / seconds, others / seconds)


@dataclass(frozen=True)
class FanOut:
    """`latency`: of what was posted while it was measured. `lost`: never came, to members who are still connected.

    `behind`: deliveries that were still on their way when the patience for them was over: not lost, but late.
    """

    cost: Cost
    latency: Latencies | None
    posted: int
    lost: int
    behind: int
    refused: int
    disconnected: int

    @property
    def has_kept_up(self) -> bool:
        return not (self.behind or self.lost or self.disconnected)


async def fan_out(running: Running, crowd: Crowd, rate: float, seconds: float, patience_seconds: float) -> FanOut:
    """Posts `rate` messages a second and measures `seconds` of it, once it has warmed up."""
    crowd.begin()
    refused, disconnected = crowd.refused, crowd.disconnected
    posting = asyncio.create_task(crowd.post(rate, WARM_UP_SECONDS + seconds))
    await asyncio.sleep(WARM_UP_SECONDS)
    since, meter = time.monotonic_ns(), Meter(running, crowd)
    await asyncio.sleep(seconds)
    cost, until = meter.cost(), time.monotonic_ns()
    await posting
    has_settled = await crowd.settle(patience_seconds)
    missing = crowd.missing
    return FanOut(
        cost,
        crowd.latencies(since, until),
        crowd.posted.total(),
        lost=missing if has_settled else 0,
        behind=0 if has_settled else missing,
        refused=crowd.refused - refused,
        disconnected=crowd.disconnected - disconnected,
    )


async def idle(running: Running, crowd: Crowd, seconds: float) -> Cost:
    """What it costs that everybody is there and nobody speaks."""
    meter = Meter(running, crowd)
    await asyncio.sleep(seconds)
    return meter.cost()
