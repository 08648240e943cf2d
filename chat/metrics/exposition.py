"""All metrics, by name, and their text for Prometheus.

A test compares the names with docs/operations.md, deploy/grafana.json and deploy/alerts.yml. prometheus-client is
imported by the first scrape, because most installations have none.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from chat.counters import BOUNDS
from chat.metrics.snapshots import Snapshot

if TYPE_CHECKING:
    from prometheus_client import Metric

PREFIX = "chatty_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# By name: what each is. All have the label `worker`, the process's id.
GAUGES = {
    "rooms": "Rooms that are open in this worker.",
    "members": "Members in this worker's rooms. One with tabs on two workers counts twice.",
    "watched_rooms": "Rooms whose new messages are counted for members in other rooms.",
    "resident_memory_bytes": "The worker's memory.",
}
COUNTERS = {
    "posts_total": "Messages that this worker has committed.",
    "changes_total": "Edits, deletions and reactions that this worker has committed.",
    "deliveries_total": "Events that were sent to connections: events times connections.",
    "hole_fills_total": "Readings of the log because a version was missing that came after another one.",
    "resumes_total": "Members who came back and got only what they had missed.",
    "resets_total": "Members who came back and had to start from the newest messages.",
    "database_errors_total": "Work for the database that failed twice.",
    "redis_errors_total": "Commands for Redis that failed.",
}
HISTOGRAMS = {
    "commit_seconds": "Time from the begin of a transaction with posts and changes to its commit.",
    "fan_out_seconds": "Time to write one frame to all connections of a room.",
    "loop_lag_seconds": "How late the event loop runs what is due.",
}
# With another label each.
CONNECTIONS = ("connections", "Open connections by transport.")
REFUSALS = ("refusals_total", "Commands that were refused, by code.")
WEBHOOKS = ("webhooks", "Outgoing webhooks by state: ok, failing, off. The database's, the same from all workers.")


def names() -> list[str]:
    """All names, as Prometheus knows them."""
    own = [*GAUGES, *COUNTERS, CONNECTIONS[0], REFUSALS[0], WEBHOOKS[0]]
    own += [f"{name}_{part}" for name in HISTOGRAMS for part in ("bucket", "sum", "count")]
    return sorted(f"{PREFIX}{name}" for name in own)


def text(workers: Sequence[Snapshot], webhooks: Mapping[str, int]) -> bytes:
    """The metrics of these workers in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(workers, webhooks))
    return generate_latest(registry)


class _Collector:
    def __init__(self, workers: Sequence[Snapshot], webhooks: Mapping[str, int]) -> None:
        self._workers = workers
        self._webhooks = webhooks

    def collect(self) -> "Iterable[Metric]":
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for name, about in GAUGES.items():
            gauge = GaugeMetricFamily(PREFIX + name, about, labels=["worker"])
            for one in self._workers:
                gauge.add_metric([str(one.worker)], one.numbers[name])
            yield gauge
        for name, about in COUNTERS.items():
            counter = CounterMetricFamily(PREFIX + name, about, labels=["worker"])
            for one in self._workers:
                counter.add_metric([str(one.worker)], one.numbers[name])
            yield counter
        connections = GaugeMetricFamily(PREFIX + CONNECTIONS[0], CONNECTIONS[1], labels=["worker", "transport"])
        refusals = CounterMetricFamily(PREFIX + REFUSALS[0], REFUSALS[1], labels=["worker", "code"])
        for one in self._workers:
            for transport, count in one.connections.items():
                connections.add_metric([str(one.worker), transport], count)
            for code, count in one.refusals.items():
                refusals.add_metric([str(one.worker), code], count)
        yield connections
        yield refusals
        for name, about in HISTOGRAMS.items():
            histogram = HistogramMetricFamily(PREFIX + name, about, labels=["worker"])
            for one in self._workers:
                durations = one.durations[name]
                histogram.add_metric([str(one.worker)], _cumulative(durations.buckets), durations.sum)
            yield histogram
        hooks = GaugeMetricFamily(PREFIX + WEBHOOKS[0], WEBHOOKS[1], labels=["state"])
        for state, count in self._webhooks.items():
            hooks.add_metric([state], count)
        yield hooks


def _cumulative(buckets: Sequence[int]) -> list[tuple[str, float]]:
    total, found = 0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), buckets, strict=True):
        total += count
        found.append((bound, float(total)))
    return found
