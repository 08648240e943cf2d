"""Nothing is sent to a room's group while no other process has the room open, and nothing is lost by that."""

import asyncio
from typing import Any

from chat.cluster.broker import OUTSIDE
from chat.cluster.messages import ClusterMessage, EntriesWritten, IsTyping, Item, MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Seen
from chat.cluster.presence_store import MemoryPresence
from chat.protocol.fields import MemberId
from chat.rooms.presence_sync import PresenceSync
from tests.unit.fakes import ANN, ROOM, FakeLog, HubOnTheTable, entry, until

HELLO = ClusterMessage(ROOM.name, "there", [])
ANN_PRESENT = MemberPresent(MemberId("ann"), ScreenName(1, "Ann"))


class Group:
    """Stands for the broker: keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[Item] = []

    def send(self, room: str, *items: Item) -> None:
        assert room == ROOM.name
        self.sent += items


def sync_of(room: HubOnTheTable, group: Group) -> PresenceSync:
    hubs = {ROOM.name: room.hub}
    broker: Any = group
    return PresenceSync(MemoryPresence(), broker, hubs, 1, lambda hub: None)


async def test_a_room_that_no_other_process_has_open_sends_nothing() -> None:
    room, group = HubOnTheTable(FakeLog()), Group()
    sync = sync_of(room, group)
    sync.publish(ROOM.name, IsTyping(ANN.id))
    sync.publish(ROOM.name, ANN_PRESENT)
    await sync.flush()
    assert group.sent == []
    room.hub.handle(HELLO)
    sync.publish(ROOM.name, IsTyping(ANN.id))
    sync.publish(ROOM.name, ANN_PRESENT)
    await sync.flush()
    assert group.sent == [IsTyping(ANN.id), ANN_PRESENT]


async def test_a_room_that_is_closed_here_is_sent_for() -> None:
    """What was committed just before may concern others."""
    group = Group()
    broker: Any = group
    PresenceSync(MemoryPresence(), broker, {}, 1, lambda hub: None).send(ROOM.name, IsTyping(ANN.id))
    assert group.sent == [IsTyping(ANN.id)]


async def test_who_opens_the_room_is_told_how_far_it_is_once() -> None:
    room = HubOnTheTable(FakeLog(entry(1), entry(2)))
    room.hub.handle(HELLO)
    assert room.told == [EntriesWritten(ROOM.log, ROOM.id, [entry(2)])]
    room.hub.handle(HELLO)
    room.hub.handle(ClusterMessage(ROOM.name, "there", [IsTyping(ANN.id)]))
    assert len(room.told) == 1


async def test_what_was_committed_while_another_process_was_opening_the_room_is_read_there() -> None:
    here, there = HubOnTheTable(FakeLog(entry(1))), HubOnTheTable(FakeLog(entry(1)))
    there.log.write(entry(2))  # Of here, which sent it to nobody.
    here.hub.apply([entry(2)])
    here.hub.handle(HELLO)
    there.hub.handle(ClusterMessage(ROOM.name, "elsewhere", list(here.told)))
    await until(lambda: there.hub.head == 2)


async def test_a_process_without_rooms_is_none_that_has_the_room_open() -> None:
    room = HubOnTheTable(FakeLog(entry(1)))
    room.hub.handle(ClusterMessage(ROOM.name, OUTSIDE, []))
    room.hub.handle(ClusterMessage(ROOM.name, "here", []))
    assert not room.hub.has_peers
    assert room.told == []


async def test_the_presence_store_says_as_well_who_has_the_room_open() -> None:
    room = HubOnTheTable(FakeLog(entry(1)))
    now = asyncio.get_running_loop().time()
    await room.hub.reconcile({"there": Seen(1, {})}, now)
    assert room.hub.has_peers
    assert len(room.told) == 1, "and it is told how far the room is"
    await room.hub.reconcile({}, now + 1)
    assert not room.hub.has_peers


async def test_a_look_that_is_older_than_what_was_heard_forgets_nobody() -> None:
    room = HubOnTheTable(FakeLog())
    before = asyncio.get_running_loop().time() - 1
    room.hub.handle(ClusterMessage(ROOM.name, "there", [MemberGone(MemberId("ann"))]))
    await room.hub.reconcile({}, before)
    assert room.hub.has_peers
