"""The numbers of one worker, as they are now."""

import os
from pathlib import Path

from msgspec import Struct

from chat.counters import Histogram, counters
from chat.rooms.registry import current_counts

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


class Durations(Struct, frozen=True):
    """A histogram: the number of durations in each of `counters.BOUNDS`, and beyond; and their sum in seconds."""

    buckets: list[int]
    sum: float


class Snapshot(Struct, frozen=True):
    """A worker's numbers. `numbers` by the metric's name, `connections` by transport, `refusals` by code."""

    worker: int
    numbers: dict[str, float]
    connections: dict[str, int]
    refusals: dict[str, int]
    durations: dict[str, Durations]


def take() -> Snapshot:
    """This worker's. Call it on the event loop."""
    counts = current_counts()
    return Snapshot(
        worker=os.getpid(),
        numbers={
            "rooms": counts["rooms"],
            "members": counts["members"],
            "watched_rooms": counts["watched"],
            "resident_memory_bytes": _resident_bytes(),
            "posts_total": counters.posts,
            "changes_total": counters.changes,
            "deliveries_total": counters.deliveries,
            "hole_fills_total": counters.hole_fills,
            "resumes_total": counters.resumes,
            "resets_total": counters.resets,
            "database_errors_total": counters.database_errors,
            "redis_errors_total": counters.redis_errors,
        },
        connections={"websocket": counters.websockets, "stream": counters.streams, "poll": counters.polls},
        refusals=dict(counters.refusals),
        durations={
            "commit_seconds": _durations(counters.commit),
            "fan_out_seconds": _durations(counters.fan_out),
            "loop_lag_seconds": _durations(counters.loop_lag),
        },
    )


def _durations(histogram: Histogram) -> Durations:
    return Durations(list(histogram.buckets), histogram.sum)


def _resident_bytes() -> float:
    """This process's memory; 0 where the system doesn't tell."""
    try:
        return int(_STATM.read_text().split()[1]) * _PAGE_BYTES
    except OSError:
        return 0
