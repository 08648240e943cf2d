"""Outages of Redis and the database: nothing is lost, and the parts that don't need them continue."""

import asyncio
import time
import uuid
from typing import Any

import httpx
import pytest

from chat.cluster.broker import LAYER_SECONDS
from tests import servers
from tests.client import BUSY_SECONDS, Client
from tests.faults.conftest import StartWorkers
from tests.servers import ChattyServer, PostgresServer, RedisServer


async def readyz(server: ChattyServer) -> tuple[int, dict[str, Any]]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"{server.http_url}/readyz")
    parts: dict[str, Any] = answer.json()
    return answer.status_code, parts


async def until_ready(server: ChattyServer) -> None:
    async with asyncio.timeout(60):
        while (await readyz(server))[0] != 200:
            await asyncio.sleep(0.1)


@pytest.mark.long
async def test_members_talk_on_while_redis_is_away(
    workers: StartWorkers, room: str, own_redis_server: RedisServer
) -> None:
    one, other = workers(2)
    async with (
        Client(one.http_url, "Ann", room) as ann,
        Client(one.http_url, "Eve", room) as eve,
        Client(other.http_url, "Bob", room) as bob,
    ):
        await ann.until(lambda c: c.online == 3, "everybody")
        await asyncio.to_thread(own_redis_server.stop)
        words = {"problems": ["Redis can't be reached."]}
        assert await readyz(one) == (503, {"status": "unavailable", "database": "ok", "redis": "unavailable", **words})

        started = time.monotonic()
        await ann.post("to my neighbour")
        await eve.next("message")
        assert time.monotonic() - started < LAYER_SECONDS, "no post waits for Redis"
        await bob.until(lambda c: c.head == 1, "the first message")
        assert time.monotonic() - started <= 3 + BUSY_SECONDS

        await bob.post("and back")
        await ann.until(lambda c: c.head == 2, "the second message")
        await asyncio.to_thread(own_redis_server.start)
        await until_ready(one)
        await until_ready(other)
        # The group carries again: at once means not by the log, which is asked every 2 s.
        async with asyncio.timeout(60):
            while True:
                started = time.monotonic()
                nonce = await ann.post("again")
                await bob.until(lambda c, seq=nonce["seq"]: c.head == seq, "a message")  # type: ignore[misc]
                if time.monotonic() - started < 0.5:
                    break
        assert bob.bodies == ann.bodies == eve.bodies
        assert ann.versions == bob.versions == list(range(1, ann.head + 1))


async def test_workers_that_start_without_redis_find_each_other_when_it_is_there(
    workers: StartWorkers, room: str, own_redis_server: RedisServer
) -> None:
    await asyncio.to_thread(own_redis_server.stop)
    one, other = workers(2)
    async with Client(one.http_url, "Ann", room) as ann, Client(other.http_url, "Bob", room) as bob:
        assert (ann.online, bob.online) == (1, 1)
        started = time.monotonic()
        await ann.post("hello?")
        # Without Redis they couldn't agree on the new room's log: the first message decides, and Bob comes back to it.
        assert await bob.closed() == 1012
        await bob.come_back()
        assert bob.bodies == ["hello?"]
        assert time.monotonic() - started <= 3 + BUSY_SECONDS
        await asyncio.to_thread(own_redis_server.start)
        await ann.until(lambda c: bob.id in c.members, "Bob")
        await bob.until(lambda c: ann.id in c.members, "Ann")
        await until_ready(one)


async def test_without_the_database_posts_are_refused_and_sent_later_once(
    own_redis_server: RedisServer, own_postgres_server: PostgresServer, room: str
) -> None:
    url = own_postgres_server.create_migrated_database()
    with servers.chatty_server(REDIS_URL=own_redis_server.url, DATABASE_URL=url) as worker:
        async with Client(worker.http_url, "Ann", room) as ann, Client(worker.http_url, "Bob", room) as bob:
            await ann.post("before")
            await asyncio.to_thread(own_postgres_server.stop)
            nonce = str(uuid.uuid4())
            await ann.send(type="post", nonce=nonce, body="meanwhile")
            refused = await ann.refused()
            assert (refused["code"], refused["nonce"]) == ("unavailable", nonce)
            assert refused["retry_after"] > 0
            assert (await readyz(worker))[1]["database"] == "unavailable"
            await bob.send(type="typing")
            await ann.next("typing")  # What needs no database goes on.
            await bob.send(type="history", before=1, limit=1)
            assert (await bob.refused())["code"] == "unavailable"

            await asyncio.to_thread(own_postgres_server.start)
            await until_ready(worker)
            assert (await ann.post("meanwhile", nonce))["version"] == 2
            await bob.until(lambda c: c.head == 2, "the message")
            assert bob.bodies == ["before", "meanwhile"]


async def test_a_join_without_the_database_is_refused_and_works_later(
    own_postgres_server: PostgresServer, room: str
) -> None:
    with servers.chatty_server(DATABASE_URL=own_postgres_server.create_migrated_database()) as worker:
        await asyncio.to_thread(own_postgres_server.stop)
        ann = await Client(worker.http_url, "Ann", room).open()
        await ann.send(type="join", token=ann.token, name="Ann", v=1)
        event = await ann.refused()
        assert event["code"] == "unavailable"
        starting = asyncio.create_task(asyncio.to_thread(own_postgres_server.start))
        while event["type"] == "refused":  # A socket that doesn't join for JOIN_SECONDS is closed.
            await asyncio.sleep(event["retry_after"])
            await ann.send(type="join", token=ann.token, name="Ann", v=1)
            event = await ann.next(test=lambda event: event["type"] in ("refused", "welcome"))
        assert event["head"] == 0
        await starting
        await ann.close()


@pytest.mark.long
async def test_a_redis_that_hangs_stops_no_pulse(
    workers: StartWorkers, room: str, own_redis_server: RedisServer
) -> None:
    (worker,) = workers(1)
    async with Client(worker.http_url, "Ann", room) as ann:
        own_redis_server.pause()
        others = [Client(worker.http_url, "Bob", f"{room}-{number}") for number in range(8)]
        joining = [asyncio.create_task(other.__aenter__()) for other in others]  # Rooms open without Redis as well.
        for _ in range(4):
            await ann.next("pulse")
        await asyncio.gather(*joining)
        await ann.post("still here")
        own_redis_server.resume()
        await until_ready(worker)
        for other in others:
            await other.close()
