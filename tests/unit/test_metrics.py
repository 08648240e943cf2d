"""What /metrics says, and that the dashboard, the alerts and the docs name what there is."""

import os
import re
import shutil
import uuid
from pathlib import Path

import pytest

from chat.counters import BOUNDS, Histogram
from chat.metrics import exposition, sharing, snapshots
from chat.metrics.snapshots import Durations, Snapshot

ROOT = Path(__file__).resolve().parents[2]
NOTHING = dict.fromkeys((*exposition.GAUGES, *exposition.COUNTERS), 0.0)


def snapshot(worker: int, **numbers: float) -> Snapshot:
    histogram = Histogram()
    for seconds in (0.0005, 0.0005, 0.03, 60):
        histogram.observe(seconds)
    durations = Durations(histogram.buckets, histogram.sum)
    return Snapshot(
        worker=worker,
        numbers=NOTHING | numbers,
        connections={"websocket": 3, "poll": 1},
        refusals={"rate_limited": 2},
        durations=dict.fromkeys(exposition.HISTOGRAMS, durations),
    )


def test_every_worker_has_its_numbers() -> None:
    text = exposition.text([snapshot(7, posts_total=5), snapshot(8, posts_total=6)], {"off": 1}).decode()
    for line in (
        'chatty_posts_total{worker="7"} 5.0',
        'chatty_posts_total{worker="8"} 6.0',
        'chatty_connections{transport="websocket",worker="7"} 3.0',
        'chatty_refusals_total{code="rate_limited",worker="8"} 2.0',
        'chatty_webhooks{state="off"} 1.0',
        'chatty_commit_seconds_bucket{le="0.001",worker="7"} 2.0',
        'chatty_commit_seconds_bucket{le="0.05",worker="7"} 3.0',
        'chatty_commit_seconds_bucket{le="10.0",worker="7"} 3.0',
        'chatty_commit_seconds_bucket{le="+Inf",worker="7"} 4.0',
        'chatty_commit_seconds_count{worker="7"} 4.0',
    ):
        assert line in text.splitlines()
    assert text.count("# TYPE chatty_posts_total counter") == 1
    samples = {re.match(r"\w+", line)[0] for line in text.splitlines() if not line.startswith("#")}  # type: ignore[index]
    assert samples == set(exposition.names())


def test_a_duration_on_a_bound_is_within_it() -> None:
    histogram = Histogram()
    histogram.observe(BOUNDS[0])
    histogram.observe(0)
    assert histogram.buckets[:2] == [2, 0]


async def test_the_numbers_of_this_process_have_all_names() -> None:
    taken = snapshots.take()
    assert set(taken.numbers) == set(NOTHING)
    assert set(taken.durations) == set(exposition.HISTOGRAMS)
    assert taken.numbers["resident_memory_bytes"] > 1_000_000


def named(path: str) -> set[str]:
    return set(re.findall(r"\bchatty_[a-z_]+\b", (ROOT / path).read_text()))


@pytest.mark.parametrize("path", ["deploy/grafana.json", "deploy/alerts.yml"])
def test_dashboard_and_alerts_name_metrics_that_there_are(path: str) -> None:
    assert len(named(path)) > 5
    assert named(path) <= set(exposition.names())


def test_all_metrics_are_documented() -> None:
    documented = set(re.findall(r"^\| `chatty_([a-z_]+)` \|", (ROOT / "docs/operations.md").read_text(), re.M))
    single = {exposition.CONNECTIONS[0], exposition.REFUSALS[0], exposition.WEBHOOKS[0]}
    assert documented == {*exposition.GAUGES, *exposition.COUNTERS, *exposition.HISTOGRAMS, *single}


def test_every_alert_says_why_it_is_there() -> None:
    lines = (ROOT / "deploy/alerts.yml").read_text().splitlines()
    alerts = [number for number, line in enumerate(lines) if "- alert:" in line]
    assert len(alerts) > 5
    assert all(lines[number - 1].strip().startswith("# ") for number in alerts)


async def test_workers_with_one_parent_know_each_others_numbers() -> None:
    """And nobody else's. A worker that was killed is forgotten."""
    parent = uuid.uuid4().int % 10**9 + 10**9
    mine = sharing.Sharing(parent)
    folder = mine._folder
    assert folder is not None
    assert await mine.others() == []
    await mine.write()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert await mine.others() == []
    for worker in (1, 4_194_305):  # The first process lives, the other can't exist.
        sharing._write(folder, snapshot(worker))
    assert [one.worker for one in await mine.others()] == [1]
    await mine.remove()
    assert folder.exists()
    (folder / "1.json").unlink()
    await mine.remove()
    assert not folder.exists()


async def test_numbers_in_a_folder_that_others_may_write_to_are_ignored() -> None:
    mine = sharing.Sharing(uuid.uuid4().int % 10**9 + 10**9)
    folder = mine._folder
    assert folder is not None
    folder.mkdir(mode=0o700)
    sharing._write(folder, snapshot(1))
    folder.chmod(0o777)
    assert await mine.others() == []
    with pytest.raises(PermissionError):
        await mine.write()
    shutil.rmtree(folder)


async def test_without_a_parent_nothing_is_written() -> None:
    alone = sharing.Sharing()
    await alone.write()
    assert await alone.others() == []
    await alone.remove()


def test_a_process_of_another_account_is_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """It got the number of a worker that ended."""

    def forbid(process: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbid)
    assert not sharing._is_alive(4711)
