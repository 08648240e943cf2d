"""Several Redis servers: if one fails, only its own rooms lose live delivery and presence."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests import servers
from tests.client import Client
from tests.servers import ChattyServer, Pair, PostgresServer, RedisServer

ROOMS = 8  # That all have their place on the same one of two servers happens once in 128 times.


@pytest.fixture
def workers(
    own_redis_server: RedisServer, redis_server: RedisServer, postgres_server: PostgresServer
) -> Iterator[Pair]:
    """Two workers on two Redis servers, of which the first is the test's own."""
    settings = {
        "REDIS_URL": f"{own_redis_server.url},{redis_server.url}",
        "DATABASE_URL": postgres_server.create_migrated_database(),
    }
    one, other = servers.chatty_server(**settings), servers.chatty_server(**settings)
    with servers.all_of(one, other):
        yield one, other


Couple = tuple[Client, Client]


async def couples(stack: AsyncExitStack, workers: Pair, rooms: list[str]) -> list[Couple]:
    """Ann on one worker and Bob on the other, in each of these rooms."""

    async def come(name: str, room: str, worker: ChattyServer) -> Client:
        return await stack.enter_async_context(Client(worker.http_url, name, room))

    anns = await asyncio.gather(*(come("Ann", room, workers[0]) for room in rooms))
    bobs = await asyncio.gather(*(come("Bob", room, workers[1]) for room in rooms))
    return list(zip(anns, bobs, strict=True))


def carried_by(redis: RedisServer, found: list[Couple]) -> list[Couple]:
    """Those whose room this server has a group for."""
    groups = " ".join(map(str, redis.client.pubsub_channels()))
    return [couple for couple in found if couple[0].room in groups or couple[0].log.replace("-", "") in groups]


@pytest.mark.long
@pytest.mark.parametrize("failure", ["kill", "pause"])
async def test_rooms_of_the_other_servers_notice_nothing(
    workers: Pair, own_redis_server: RedisServer, redis_server: RedisServer, room: str, failure: str
) -> None:
    async with AsyncExitStack() as stack:
        later_rooms = [f"{room}-later-{number}" for number in range(ROOMS)]
        for name in later_rooms:  # So that both workers know its log; on that of a new room they agree through Redis.
            async with Client(workers[0].http_url, "Eve", name) as eve:
                await eve.post("here is a room")
        before = await couples(stack, workers, [f"{room}-{number}" for number in range(ROOMS)])
        well = carried_by(redis_server, before)
        assert 0 < len(well) < ROOMS
        getattr(own_redis_server, failure)()

        later = await couples(stack, workers, later_rooms)
        for _ in range(2):  # Also when the failure has been noticed.
            for ann, bob in well + carried_by(redis_server, later):
                await ann.until(lambda c, bob=bob: bob.id in c.members, "Bob")  # type: ignore[misc]
                await bob.send(type="typing")
                await ann.next("typing")  # Which only the group carries.
            await asyncio.sleep(6)  # A member is told to type every 3 s; and a round of all that is periodic.

        for ann, _ in before + later:
            await ann.post("by the log")
        for _, bob in before + later:
            await bob.until(lambda c: "by the log" in c.bodies, "the message")

        own_redis_server.start() if failure == "kill" else own_redis_server.resume()
        for ann, bob in before + later:
            await ann.until(lambda c, bob=bob: bob.id in c.members, "Bob")  # type: ignore[misc]
            heard = typed(ann)
            async with asyncio.timeout(60):
                while typed(ann) == heard:  # Until the group carries again.
                    await bob.send(type="typing")
                    await asyncio.sleep(0.2)


def typed(client: Client) -> int:
    """How often it was told that somebody types."""
    return sum(event["type"] == "typing" for event in client.events)
