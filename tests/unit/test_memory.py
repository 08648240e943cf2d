"""Queues in a process are limited in bytes, during any outage. For change buffers see test_change_buffer.py."""

import asyncio
import tracemalloc
import uuid
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat.cluster import broker
from chat.cluster.broker import Broker
from chat.cluster.messages import (
    ClusterMessage,
    EntriesWritten,
    IsTyping,
    Item,
    LimitsUsed,
    MemberGone,
    MemberPresent,
    weight,
)
from chat.cluster.names import ScreenName
from chat.log.entries import Entry
from chat.log.turns import ITSELF
from chat.protocol.fields import MemberId
from chat.rooms import broadcaster, registry
from chat.rooms.broadcaster import Broadcaster
from chat.rooms.registry import RoomRegistry
from chat.rooms.roster import Roster
from tests.unit.fakes import ROOM, FakeConnection, tick, until


def written(size: int, count: int = 1) -> EntriesWritten:
    """Half of it deltas."""
    half = b"x" * (size // 2)
    return EntriesWritten(ROOM.log, ROOM.id, [Entry(n, n, half, half) for n in range(count)])


@pytest.fixture
async def process() -> AsyncIterator[RoomRegistry]:
    process = RoomRegistry()
    yield process
    await process.close()


async def test_what_gathers_for_a_tick_goes_out_before_it_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broadcaster, "PENDING_BYTES", 1_000)
    monkeypatch.setattr(broadcaster, "WAIT_LIMIT_SECONDS", 60.0)
    room, ann, most = Broadcaster(lambda: b"{}"), FakeConnection(), 0
    room.admit(ann)
    for number in range(100):
        room.emit(b'{"type":"message","version":%d}' % number)
        most = max(most, sum(map(len, room._pending)))
    assert most <= 1_000
    assert ann.versions == list(range(ann.versions[-1] + 1))
    await tick()
    room._fan_out()
    assert ann.versions == list(range(100)), "each once, in order"
    room.close()


class HangingLayer:
    """A layer whose server takes nothing."""

    def __init__(self) -> None:
        self.way = asyncio.Event()
        self.sent = 0

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await self.way.wait()
        self.sent += 1


async def test_what_waits_for_a_layer_that_hangs_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "OUTBOX_BYTES", 100_000)
    layer = HangingLayer()
    (sender,) = Broker("here", lambda news: None)._shards
    monkeypatch.setattr(sender, "_layer", layer)
    for number in range(1_000):
        sender.send(f"room-{number % 7}", written(1_000), IsTyping(MemberId("ann")))
        if number == 20:
            await tick()  # What is on its way counts as well.
    assert sum(weight(item) for items in sender._outbox.values() for item in items) <= sender._outbox_size <= 100_000
    layer.way.set()
    await until(lambda: sender._sender is None)
    assert layer.sent >= 7
    assert sender._outbox_size == 0
    sender.send("room-1", written(1_000))
    assert sender._outbox_size == weight(written(1_000))
    await sender.close()


async def test_what_is_said_of_a_room_that_is_being_opened_is_bounded(
    process: RoomRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "EARLY_BYTES", 50_000)
    reading, heard = asyncio.Event(), []

    async def rows(slugs: list[str], asker: object) -> dict[str, Any]:
        await reading.wait()
        return {}

    monkeypatch.setattr(process.log, "rows", rows)
    opening = asyncio.create_task(process._open("lobby", ITSELF))
    await until(lambda: "lobby" in process._early)
    for _ in range(1_000):
        process._deliver(ClusterMessage("lobby", "there", [written(1_000)]))
    heard = process._early["lobby"]
    assert 20 < len(heard) < 50
    assert process._early_size == sum(weight(item) for news in heard for item in news.items) <= 50_000
    reading.set()
    await opening
    assert process._early_size == 0


async def test_of_a_member_one_change_waits_for_the_store(
    process: RoomRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[Any] = []
    way = asyncio.Event()

    async def apply(changes: list[Any]) -> None:
        await way.wait()
        stored.extend(changes)

    monkeypatch.setattr(process.presence, "apply", apply)
    process._presence_sync.publish("lobby", MemberPresent(MemberId("ann"), ScreenName(1, "Ann")))
    await tick()
    for turn in range(500):
        process._presence_sync.publish("lobby", MemberPresent(MemberId("ann"), ScreenName(turn, "Ann")))
        process._presence_sync.publish("lobby", MemberPresent(MemberId("bob"), ScreenName(turn, "Bob")))
        process._presence_sync.publish("lobby", MemberGone(MemberId("ann")))
    assert [len(changes) for changes in process._presence_sync._unstored.values()] == [2]
    way.set()
    await until(lambda: not process._presence_sync._storing)
    assert stored[1:] == [
        ("lobby", MemberPresent(MemberId("bob"), ScreenName(499, "Bob"))),
        ("lobby", MemberGone(MemberId("ann"))),
    ]


def taken(make: Callable[[], object]) -> int:
    """The bytes of what is made."""
    tracemalloc.start()
    try:
        made = make()
        size, _ = tracemalloc.get_traced_memory()
        return size if made is not None else 0
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "make",
    [
        lambda n: MemberPresent(MemberId(str(uuid.UUID(int=n))), ScreenName(n + 1000, f"{n:040}")),
        lambda n: MemberGone(MemberId(str(uuid.UUID(int=n)))),
        lambda n: written(500, 20),
        lambda n: LimitsUsed({MemberId(str(uuid.UUID(int=m))): (n / 7, m / 7) for m in range(20)}),  # type: ignore[misc]
    ],
)
def test_an_item_for_other_processes_weighs_what_it_takes(make: Callable[[int], Item]) -> None:
    assert taken(lambda: [make(n) for n in range(500)]) < 500 * weight(make(1))


def test_a_member_in_a_roster_takes_a_bounded_amount() -> None:
    def full() -> Roster:
        roster = Roster()
        for n in range(1_000):
            roster.hold("here", MemberId(str(uuid.UUID(int=n))), ScreenName(1, f"{n:036}😀"))
        return roster

    assert taken(full) < 1_000 * 3_000
