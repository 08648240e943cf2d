"""A process's membership in the groups of one server, with any behaviour of the server and its client."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import Any

import pytest

from chat.cluster import broker, messages
from chat.cluster.broker import Shard, group_name
from chat.cluster.messages import ClusterMessage, IsTyping
from chat.protocol.fields import MemberId
from tests.unit.fakes import until

BOB = IsTyping(MemberId("bob"))


class FakeLayer:
    """Subscriptions as the layer for Redis has them: one that it takes for made isn't made again before a flush.

    `lose` is a connection that came back without its subscriptions.
    """

    def __init__(self) -> None:
        self.queues: dict[str, asyncio.Queue[Any]] = {}
        self.subscribed: set[str] = set()  # As the client believes.
        self.heard: set[str] = set()  # As the server has it.
        self.may_flush = asyncio.Event()
        self.may_flush.set()
        self.may_add = asyncio.Event()
        self.may_add.set()
        self.send_seconds = 0.0
        self.flushes = 0
        self._groups: dict[str, set[str]] = {}
        self._numbers = itertools.count()

    def lose(self) -> None:
        self.heard.clear()

    def _subscribe(self, name: str) -> None:
        if name not in self.subscribed:
            self.subscribed.add(name)
            self.heard.add(name)

    async def new_channel(self) -> str:
        channel = f"channel-{next(self._numbers)}"
        self.queues[channel] = asyncio.Queue()
        self._subscribe(channel)
        return channel

    async def receive(self, channel: str) -> Any:
        return await self.queues[channel].get()

    async def send(self, channel: str, message: Any) -> None:
        await asyncio.sleep(self.send_seconds)
        if channel in self.heard and channel in self.queues:
            self.queues[channel].put_nowait(message)

    async def group_add(self, group: str, channel: str) -> None:
        self._groups.setdefault(group, set()).add(channel)
        await self.may_add.wait()
        self._subscribe(group)

    async def group_discard(self, group: str, channel: str) -> None:
        self._groups.pop(group, None)

    def publish(self, room: str) -> None:
        group = group_name(room)
        news = {"type": "room.message", "message": messages.encode(ClusterMessage(room, "there", [BOB]))}
        for channel in self._groups.get(group, ()):
            if group in self.heard and channel in self.queues:
                self.queues[channel].put_nowait(news)

    async def flush(self) -> None:
        self.flushes += 1
        self.queues, self._groups = {}, {}
        await self.may_flush.wait()  # For its lock.
        self.subscribed.clear()
        self.heard.clear()


class Desk:
    def __init__(self) -> None:
        self.layer = FakeLayer()
        self.heard: list[str] = []
        self.shard = Shard("Redis", self.layer, "here", lambda news: self.heard.append(news.room), 10**6)

    async def hears(self, room: str) -> bool:
        self.heard.clear()
        self.layer.publish(room)
        await asyncio.sleep(0.01)
        return room in self.heard


@pytest.fixture
async def desk(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr(broker, "LAYER_SECONDS", 0.2)
    monkeypatch.setattr(broker, "ECHO_SECONDS", 0.1, raising=False)
    desk = Desk()
    await desk.shard.subscribe("lobby")
    assert await desk.hears("lobby")
    yield desk
    desk.layer.may_flush.set()
    desk.layer.may_add.set()
    await desk.shard.close()


async def test_subscriptions_that_deliver_nothing_are_made_anew(desk: Desk) -> None:
    desk.layer.lose()
    assert not await desk.hears("lobby")
    await desk.shard.keep()
    assert await desk.hears("lobby")
    await desk.shard.keep()
    assert desk.layer.flushes == 1


async def test_a_flush_that_takes_long_is_not_cut_short(desk: Desk) -> None:
    """Else the layer would take the room for subscribed, while the process hears itself on a new channel."""
    desk.layer.lose()
    desk.layer.may_flush.clear()
    for _ in range(3):
        await desk.shard.keep()
    desk.layer.may_flush.set()
    await desk.shard.keep()
    await desk.shard.keep()
    assert await desk.hears("lobby")
    assert desk.layer.flushes == 1


async def test_a_server_that_takes_messages_slowly_and_delivers_none_is_noticed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(broker, "LAYER_SECONDS", 5)  # Slower than the echo may be, and far from too slow.
    desk.layer.send_seconds = 0.15
    desk.layer.lose()
    await desk.shard.keep()
    assert await desk.hears("lobby")


async def test_a_room_that_is_joined_while_all_is_flushed_is_joined_again(desk: Desk) -> None:
    desk.layer.may_add.clear()
    joining = asyncio.create_task(desk.shard.subscribe("tea"))
    await asyncio.sleep(0.01)
    desk.layer.lose()
    keeping = asyncio.create_task(desk.shard.keep())
    # The joining may have run out of time, and the keeping have flushed, before this task is next.
    await until(lambda: desk.shard._must_flush or desk.layer.flushes)
    probing = asyncio.create_task(desk.shard.probe())
    await until(lambda: desk.layer.flushes)
    desk.layer.may_add.set()
    await asyncio.gather(joining, keeping, probing)
    await desk.shard.keep()
    for room in ("lobby", "tea"):
        assert await desk.hears(room)


def test_layers_of_other_names_are_the_hosts_own(settings: Any) -> None:
    layer = {"BACKEND": "channels.layers.InMemoryChannelLayer"}
    settings.CHANNEL_LAYERS = {"other": layer, "default": layer, "redis-2": layer, "redis-own": layer}
    assert list(broker.layers()) == ["default", "redis-2"]
    settings.CHANNEL_LAYERS = {"other": layer}
    assert list(broker.layers()) == ["default"], "one in memory"
    assert group_name("lobby").startswith("chatty.")
