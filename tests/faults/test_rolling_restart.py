"""A deployment: the workers are restarted one after the other while members talk."""

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from tests.client import BUSY_SECONDS
from tests.faults.conftest import StartWorkers
from tests.faults.members import Books, Member, keep, until

pytestmark = pytest.mark.alone


async def test_a_rolling_restart_loses_nothing_and_nobody(
    workers: StartWorkers, room: str, reduced: Callable[[int], int]
) -> None:
    count = reduced(600)
    running = workers(3)
    books = Books()
    up = list(running)
    members = [Member(f"m{n}", room, up, books, random.Random(n)) for n in range(count)]
    staying = [asyncio.create_task(member.stay()) for member in members]
    await until(lambda: all(member.online == count for member in members), 60)
    seen = {member.id: len(member.presence) for member in members}
    ends: list[float] = []
    away: list[float] = []

    async def talk() -> None:
        for number in range(10_000):
            keep(asyncio.create_task(members[number % 40].post()))
            await asyncio.sleep(0.1)

    talking = asyncio.create_task(talk())
    for worker in running:
        up.remove(worker)  # As a load balancer would: nobody new goes where the end has begun.
        left_behind = [member for member in members if member.server is worker]
        assert left_behind
        started = time.monotonic()
        await asyncio.to_thread(worker.stop)
        ends.append(time.monotonic() - started)
        await until(lambda: all(member.is_welcome.is_set() for member in members), 60)
        away.append(time.monotonic() - started)
        await asyncio.to_thread(worker.start)
        up.append(worker)
    talking.cancel()

    await until(lambda: not any(member.unacknowledged for member in members), 60)
    head = max(member.head for member in members)
    await until(lambda: all(member.head == head for member in members), 60)
    assert max(ends) <= 10 + BUSY_SECONDS
    assert max(away) <= 15 + BUSY_SECONDS
    assert books.violations == []
    assert set(books.refusals) <= {"unavailable"}
    assert set(books.closes) == {1012}
    flicker = [event for member in members for event in member.presence[seen[member.id] :]]
    assert flicker == []
    assert sorted(members[0].messages) == list(range(1, head + 1))
    assert all(member.messages == members[0].messages for member in members)
    for member in members:
        await member.leave()
    await asyncio.gather(*staying)
