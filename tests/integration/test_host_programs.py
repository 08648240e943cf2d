"""`chat.api` in programs without rooms of their own: commands, and a task queue's workers, which are forked."""

import asyncio
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from chat.cluster import messages
from chat.cluster.broker import OUTSIDE, group_name
from chat.cluster.messages import EVERYWHERE, AccessChanged, EntriesWritten, RoomChanged
from tests import servers
from tests.servers import RedisServer

TIMES = 10
PROGRAM = """
import os
from chat import api
from django.db import connection, connections

room, shop = ROOM, api.Person("00000000-0000-4000-8000-000000000009", "The shop")
for number in range(TIMES):
    api.post(room, shop, f"{number}, @Ann")
    assert api.members(room) == []
if connection.vendor == "postgresql":
    assert connection.connection.prepare_threshold is None, "the host's own setting"
connections.close_all()
if (child := os.fork()) == 0:
    api.post(room, shop, "from a forked process")
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
api.create_room("other", "Other")
api.recheck(room=room)
print(os.getpid())
"""


@pytest.fixture
async def layer(own_redis_server: RedisServer) -> Any:
    """What the rooms' processes get. Its sender has closed its connections by then."""
    layer = RedisPubSubChannelLayer(hosts=[own_redis_server.url], prefix="chatty")
    yield layer
    await layer.flush()


async def test_all_is_announced_over_few_connections(
    database_url: str, own_redis_server: RedisServer, layer: RedisPubSubChannelLayer, room: str
) -> None:
    channel = await layer.new_channel()
    for name in (room, EVERYWHERE):
        await layer.group_add(group_name(name), channel)
    before = own_redis_server.client.info("stats")["total_connections_received"]
    code = PROGRAM.replace("ROOM", repr(room)).replace("TIMES", str(TIMES))
    settings = {"DATABASE_URL": database_url, "REDIS_URL": own_redis_server.url}
    await asyncio.to_thread(servers.manage, "shell", "-v", "0", "-c", code, **settings)
    opened = own_redis_server.client.info("stats")["total_connections_received"] - before
    told = [messages.decode((await layer.receive(channel))["message"]) for _ in range(TIMES + 3)]
    assert {message.process for message in told} == {OUTSIDE}
    items = [item for message in told for item in message.items]
    written = [item for item in items if isinstance(item, EntriesWritten)]
    assert [entry.version for item in written for entry in item.entries] == list(range(1, TIMES + 2))
    assert items[len(written) :] == [RoomChanged("other"), AccessChanged(1, room)]
    assert opened <= 4, "one for announcements and one for questions, and the child's own"


async def test_without_redis_the_database_has_it_all(database_url: str, room: str) -> None:
    code = PROGRAM.replace("ROOM", repr(room)).replace("TIMES", "2")
    assert await asyncio.to_thread(servers.manage, "shell", "-v", "0", "-c", code, DATABASE_URL=database_url)


async def test_a_redis_that_is_away_fails_no_post(database_url: str, own_redis_server: RedisServer, room: str) -> None:
    own_redis_server.stop()
    code = f"""
from chat import api
shop = api.Person("00000000-0000-4000-8000-000000000009", "The shop")
assert api.post({room!r}, shop, "hello @Ann").seq == 1
try:
    api.members({room!r})
except api.Unavailable as error:
    print(error)
"""
    settings = {"DATABASE_URL": database_url, "REDIS_URL": own_redis_server.url}
    output = await asyncio.to_thread(servers.manage, "shell", "-v", "0", "-c", code, **settings)
    assert "who is in the room can't be told" in output
