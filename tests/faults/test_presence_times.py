"""The roster is correct, within the promised times."""

import asyncio
import time
from collections.abc import Awaitable

import pytest

from tests.client import BUSY_SECONDS, Client, Event
from tests.faults.cable import Cable
from tests.faults.conftest import StartWorkers
from tests.servers import RedisServer

pytestmark = pytest.mark.long


async def seconds_until_left(watcher: Client, member: Client, cause: Awaitable[object]) -> float:
    """From `cause` to the moment when `watcher` was told that `member` has left."""
    started = time.monotonic()
    await cause
    async with asyncio.timeout(60):
        while True:
            try:
                await watcher.next("left", lambda event: event["id"] == member.id)
                return time.monotonic() - started
            except TimeoutError:
                continue


def comings_and_goings(client: Client, since: int) -> list[Event]:
    return [event for event in client.events[since:] if event["type"] in ("joined", "left")]


@pytest.mark.parametrize("is_same", [True, False], ids=["same-worker", "other-worker"])
async def test_a_closed_tab_is_gone_within_3_seconds(workers: StartWorkers, room: str, is_same: bool) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann:
        bob = await Client((one if is_same else other).http_url, "Bob", room).__aenter__()
        await ann.next("joined")
        assert await seconds_until_left(ann, bob, bob.close()) <= 3 + BUSY_SECONDS


@pytest.mark.parametrize("is_same", [True, False], ids=["same-worker", "other-worker"])
async def test_a_pulled_cable_is_noticed_within_10_seconds(workers: StartWorkers, room: str, is_same: bool) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann, Cable((one if is_same else other).port) as cable:
        bob = Client(cable.http_url, "Bob", room)
        await bob.__aenter__()
        await ann.next("joined")

        async def pull() -> None:
            cable.pull()

        assert await seconds_until_left(ann, bob, pull()) <= 10 + BUSY_SECONDS


async def test_members_of_a_killed_worker_are_gone_within_15_seconds(workers: StartWorkers, room: str) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann:
        bob = await Client(other.http_url, "Bob", room).__aenter__()
        await ann.next("joined")
        assert await seconds_until_left(ann, bob, asyncio.to_thread(other.kill)) <= 15 + BUSY_SECONDS


async def test_members_of_a_killed_worker_who_come_back_were_never_seen_to_leave(
    workers: StartWorkers, room: str
) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann:
        bobs = [await Client(other.http_url, f"Bob {n}", room).__aenter__() for n in range(5)]
        await ann.until(lambda c: c.online == 6, "everybody")
        before = len(ann.events)
        other.kill()
        for bob in bobs:
            bob.http_url = one.http_url
            await bob.come_back()
        for _ in range(4):  # 16 s: longer than any lease.
            await ann.next("pulse")
        assert comings_and_goings(ann, before) == []
        assert ann.online == 6
        for bob in bobs:
            await bob.close()


async def test_a_stopped_worker_that_comes_back_puts_its_members_back(workers: StartWorkers, room: str) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann, Client(other.http_url, "Bob", room) as bob:
        await ann.next("joined")
        assert await seconds_until_left(ann, bob, asyncio.to_thread(other.pause)) <= 15 + BUSY_SECONDS
        other.resume()
        assert (await ann.next("joined"))["member"] == {"id": bob.id, "name": "Bob"}
        await bob.post("still here")
        assert ann.members == {ann.id: "Ann", bob.id: "Bob"}


async def test_an_emptied_redis_is_filled_again_and_nobody_is_seen_to_leave(
    workers: StartWorkers, room: str, own_redis_server: RedisServer
) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann, Client(other.http_url, "Bob", room) as bob:
        await ann.next("joined")
        before = len(ann.events), len(bob.events)
        own_redis_server.kill()
        await asyncio.to_thread(own_redis_server.start)
        for _ in range(3):
            await ann.next("pulse")
        async with Client(one.http_url, "Eve", room) as eve:
            assert eve.members == {ann.id: "Ann", bob.id: "Bob", eve.id: "Eve"}
            await bob.until(lambda c: c.online == 3, "Eve")
            for client, count in ((ann, before[0]), (bob, before[1])):
                assert [event["type"] for event in comings_and_goings(client, count)] == ["joined"]


async def test_what_changed_while_redis_was_away_is_right_within_10_seconds(
    workers: StartWorkers, room: str, own_redis_server: RedisServer
) -> None:
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann, Client(other.http_url, "Bob", room) as bob:
        await ann.next("joined")
        await asyncio.to_thread(own_redis_server.stop)
        async with Client(other.http_url, "Eve", room) as eve:
            await bob.next("joined")
            await asyncio.to_thread(own_redis_server.start)
            started = time.monotonic()
            await ann.until(lambda c: eve.id in c.members, "Eve")
            assert time.monotonic() - started <= 10 + BUSY_SECONDS
        await ann.until(lambda c: eve.id not in c.members, "Eve gone")
        assert ann.members == bob.members == {ann.id: "Ann", bob.id: "Bob"}
