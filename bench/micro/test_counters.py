"""What counting costs: for a frame to all connections, and for a commit."""

from collections.abc import Callable
from typing import Any

from chat.counters import Counters

Benchmark = Callable[..., Any]  # pytest-benchmark's fixture.


def test_count_a_frames_deliveries(benchmark: Benchmark) -> None:
    counters, events, connections = Counters(), [b""], dict.fromkeys(range(1000), 0)

    def count() -> None:
        counters.deliveries += len(events) * len(connections)

    benchmark(count)


def test_note_a_duration(benchmark: Benchmark) -> None:
    benchmark(Counters().fan_out.observe, 0.004)
