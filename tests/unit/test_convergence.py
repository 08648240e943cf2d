"""Whatever becomes of the fan-out and of the connections, clients end with what is in the log.

Two hubs of one room commit, in any interleaving; what they tell each other is dropped, doubled and reordered; clients
lose connections with whatever was on the way, and come back to either hub.
"""

import asyncio
import random
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chat import hub as hub_module
from chat import ring
from chat.audience import BEATS
from chat.peers import News, Written
from chat.protocol import Member, MemberId, Since
from chat.ring import Entry
from tests.unit import fakes
from tests.unit.fakes import ROOM, FakeConnection, FakeLog, HubOnTheTable, entry

CLIENTS = 3
HUBS = 2
hubs = st.integers(0, HUBS - 1)
clients = st.integers(0, CLIENTS - 1)


class ModelClient:
    """What docs/protocol.md asks of a client."""

    def __init__(self, name: str) -> None:
        self.member = Member(MemberId(name), name)
        self.connection: FakeConnection | None = None
        self.at: HubOnTheTable | None = None
        self.read = 0
        self.head: int | None = None
        self.versions: dict[int, int] = {}
        self.wants_sync = False

    async def join(self, at: HubOnTheTable) -> None:
        since = None if self.head is None else Since(ROOM.log, self.head)
        self.at, self.connection, self.read = at, FakeConnection(), 0
        await at.hub.join(self.connection, self.member, since)

    def drop(self) -> None:
        """Loses the connection, and what was on its way."""
        if self.connection is not None and self.at is not None:
            self.connection.abandon()
            self.connection.is_restarting = True  # Presence is another matter.
            self.at.hub.leave(self.connection, self.member.id)
        self.connection = None

    def take(self, frames: int | None = None) -> None:
        """Reads so many frames, or all."""
        if self.connection is None:
            return
        waiting = self.connection.frames[self.read :][:frames]
        self.read += len(waiting)
        for event in (event for frame in waiting for event in frame):
            self._take(event)

    def _take(self, event: dict[str, Any]) -> None:
        match event["type"]:
            case "welcome" | "changes":
                if event["reset"]:
                    self.versions.clear()
                    self.head = 0
                else:
                    assert [m["version"] for m in event["messages"]] == sorted(
                        {m["version"] for m in event["messages"]}
                    )
                for message in event["messages"]:
                    self._keep(message)
                self.head = max(self.head or 0, event["head"])
                self.wants_sync = False
            case "message":
                assert self.head is not None, "a message before the welcome"
                if event["version"] > self.head + 1:
                    self.wants_sync = True
                    return
                self.head = max(self.head, event["version"])
                self._keep(event)
            case "pulse":
                self.wants_sync |= event["head"] > (self.head or 0)

    def _keep(self, message: dict[str, Any]) -> None:
        self.versions[message["seq"]] = max(message["version"], self.versions.get(message["seq"], 0))


class Room(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.on_the_way: list[tuple[int, Entry]] = []

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(resume_limit=st.integers(1, 12))
    def open(self, resume_limit: int) -> None:
        async def make() -> None:
            self.log = FakeLog()
            self.hubs = [HubOnTheTable(self.log, resume_limit, opening_limit=3) for _ in range(HUBS)]

        self.run(make())
        self.clients = [ModelClient(f"c{number}") for number in range(CLIENTS)]

    async def settle(self) -> None:
        """Until the hubs have nothing more to do by themselves."""
        for _ in range(10_000):
            await asyncio.sleep(0)
            if not any(
                one.hub._audience._tick or one.hub._hole_timer or one.hub._filling or one.hub._audience._pending
                for one in self.hubs
            ):
                return
        raise AssertionError("the hubs never come to rest")

    @rule(at=hubs, is_change=st.booleans(), chance=st.randoms(use_true_random=False), fate=st.sampled_from("kdl"))
    def commit(self, at: int, is_change: bool, chance: random.Random, fate: str) -> None:
        """One process commits a message or a change of one; the group keeps, doubles or loses it."""
        version = self.log.head + 1
        seq = chance.choice(sorted(self.log.messages)) if is_change and self.log.messages else version
        written = self.log.write(entry(seq, version))

        async def apply() -> None:
            self.hubs[at].hub.apply([written])

        self.run(apply())
        self.on_the_way += [(1 - at, written)] * {"k": 1, "d": 2, "l": 0}[fate]

    @precondition(lambda self: self.on_the_way)
    @rule(which=st.integers(0, 100))
    def deliver(self, which: int) -> None:
        """Something that is on its way arrives, in any order."""
        at, written = self.on_the_way.pop(which % len(self.on_the_way))

        async def hear() -> None:
            self.hubs[at].hub.hear(News("x", "there", [Written([written])]))

        self.run(hear())

    @rule()
    def wait(self) -> None:
        self.run(self.settle())

    @rule(at=hubs)
    def compare_heads(self, at: int) -> None:
        async def compare() -> None:
            if self.log.head > self.hubs[at].hub.head:
                await self.hubs[at].hub.catch_up()

        self.run(compare())

    @rule(who=clients, at=hubs)
    def join(self, who: int, at: int) -> None:
        self.clients[who].drop()
        self.run(self.clients[who].join(self.hubs[at]))

    @rule(who=clients, frames=st.integers(0, 3))
    def lose_connection(self, who: int, frames: int) -> None:
        self.clients[who].take(frames)
        self.clients[who].drop()

    @rule(who=clients, frames=st.integers(1, 3))
    def read(self, who: int, frames: int) -> None:
        self.clients[who].take(frames)

    @rule(who=clients)
    def sync(self, who: int) -> None:
        client = self.clients[who]
        if client.wants_sync and client.connection is not None and client.at is not None:
            self.run(client.at.hub.send_changes(client.connection, client.head or 0))

    @invariant()
    def nobody_has_what_is_not_in_the_log(self) -> None:
        for client in getattr(self, "clients", []):
            for seq, version in client.versions.items():
                assert version <= self.log.messages[seq].version

    def teardown(self) -> None:
        if hasattr(self, "clients"):
            self.run(self.end())
        self.loop.close()

    async def end(self) -> None:
        """Quiet: the heads are compared, everybody is here and reads everything, and asks where a pulse says so."""
        for one in self.hubs:
            if self.log.head > one.hub.head:
                await one.hub.catch_up()
        await self.settle()
        for client in self.clients:
            if client.connection is None:
                await client.join(self.hubs[0])
        for one in self.hubs:
            for turn in range(BEATS):
                one.hub.beat(turn)
        await self.settle()
        for client in self.clients:
            client.take()
            if client.wants_sync and client.connection is not None and client.at is not None:
                await client.at.hub.send_changes(client.connection, client.head or 0)
                await self.settle()
                client.take()
            expected = {seq: one.version for seq, one in self.log.messages.items()}
            assert client.head == self.log.head or (client.head or 0) == 0 == self.log.head
            if len(client.versions) < len(expected):  # A reset took the oldest away; what is there has no holes.
                expected = {seq: expected[seq] for seq in sorted(expected) if seq >= min(client.versions, default=0)}
            assert client.versions == expected


@pytest.fixture(autouse=True, scope="module")
def small_room() -> Any:
    """Holes close at once, and a page is small enough to be filled within an example."""
    patch = pytest.MonkeyPatch()
    patch.setattr(hub_module, "HOLE_SECONDS", 0.0)
    for module in (ring, fakes):
        patch.setattr(module, "WELCOME_MESSAGES", 4)
    yield
    patch.undo()


TestConvergence = Room.TestCase
TestConvergence.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
