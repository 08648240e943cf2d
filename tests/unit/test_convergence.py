"""With any failures of the fan-out and of connections, clients end in the log's state.

Two hubs of one room commit posts, edits, deletions and reactions, in any interleaving; what they tell each other is
dropped, doubled and reordered; clients lose connections with whatever was on the way, come back to either hub, and
page back while the room changes.
"""

import asyncio
import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from chat.access.person import Person
from chat.access.policy import OPEN
from chat.cluster.messages import ClusterMessage, EntriesWritten
from chat.content.markdown import Rendered
from chat.log.entries import Entry
from chat.log.operations import Change, Delete, Edit, React, alter, delta
from chat.log.reader import to_entry
from chat.log.turns import ITSELF
from chat.models import Message
from chat.protocol.commands import History, Since, Sync
from chat.protocol.errors import CloseCode, Refusal
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from chat.rooms import change_buffer
from chat.rooms import hub as hub_module
from chat.rooms.broadcaster import BEATS
from tests.client import with_reaction
from tests.examples import examples
from tests.unit import fakes
from tests.unit.fakes import ROOM, FakeConnection, FakeLog, HubOnTheTable, request_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
CLIENTS = 3
HUBS = 2
PAGE = 2
hubs = st.integers(0, HUBS - 1)
clients = st.integers(0, CLIENTS - 1)
AUTHORS = [MemberId(str(uuid.UUID(int=number))) for number in (1, 2)]
authors = st.sampled_from(AUTHORS)
whats = st.sampled_from(["post", "post", "first", "second", "delete", "👍", "🎉"])
fates = st.sampled_from("kdl")


class ModelClient:
    """What docs/protocol.md asks of a client."""

    def __init__(self, name: str) -> None:
        self.member = Member(MemberId(name), name)
        self.connection: FakeConnection | None = None
        self.at: HubOnTheTable | None = None
        self.read = 0
        self.head: int | None = None
        self.messages: dict[int, dict[str, Any]] = {}
        self.has_older = False
        self.asked_before: int | None = None
        self.wants_sync = False

    async def join(self, at: HubOnTheTable) -> None:
        since = None if self.head is None else self.since
        if since is not None:
            assert not await at.hub._is_of_other_history(since, ITSELF)
        self.at, self.connection, self.read = at, FakeConnection(), 0
        await at.hub.join(request_of(self.connection, self.member, since=since))

    @property
    def since(self) -> Since:
        newest = max(self.messages, default=None)
        changed = [seq for seq, message in self.messages.items() if message["version"] == self.head]
        nonce = None if newest is None else uuid.UUID(int=newest)
        return Since(ROOM.log, self.head or 0, newest, nonce, changed[0] if changed else None)

    def drop(self) -> None:
        """Loses the connection, and what was on its way."""
        if self.connection is not None and self.at is not None:
            self.connection.abandon()
            self.connection.is_restarting = True  # Presence is another matter.
            self.at.hub.leave(self.connection, self.member.id)
        self.connection = self.asked_before = None

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
                self._catch_up(event)
            case "message":
                assert self.head is not None, "a message before the welcome"
                if event["version"] > self.head + 1:
                    self.wants_sync = True
                    return
                self.head = max(self.head, event["version"])
                self._change(event)
            case "reacted":
                assert self.head is not None, "a reaction before the welcome"
                if event["version"] > self.head + 1:
                    self.wants_sync = True
                    return
                assert event["version"] == self.head + 1, "a reaction is told once"
                self.head = event["version"]
                held = self.messages.get(event["seq"])
                if held is not None and held["version"] < event["version"]:
                    assert held["version"] == event["after"], "a client with all earlier versions holds what it changes"
                    self.messages[event["seq"]] = with_reaction(held, event)
            case "page":
                if event["before"] == self.asked_before:
                    self.asked_before, self.has_older = None, event["more"]
                    for message in event["messages"]:
                        self._keep(message)
            case "pulse":
                self.wants_sync |= event["head"] > (self.head or 0)

    def _catch_up(self, event: dict[str, Any]) -> None:
        self.wants_sync = False
        if event["reset"]:
            self.messages.clear()
            self.head, self.has_older, self.asked_before = 0, event["more"], None
            for message in event["messages"]:
                self._keep(message)
        else:
            versions = [message["version"] for message in event["messages"]]
            assert versions == sorted(set(versions))
            for message in event["messages"]:
                self._change(message)
        self.head = max(self.head or 0, event["head"])

    @property
    def oldest(self) -> int:
        return min(self.messages, default=0)

    def _change(self, message: dict[str, Any]) -> None:
        if message["seq"] >= self.oldest or not self.has_older:  # Else its page will bring it as it then stands.
            self._keep(message)

    def _keep(self, message: dict[str, Any]) -> None:
        held = self.messages.get(message["seq"])
        if held is None or held["version"] < message["version"]:
            self.messages[message["seq"]] = message

    async def page_back(self) -> None:
        """Asks for older messages, and waits until the server has answered."""
        if self.has_older and self.asked_before is None and self.connection is not None and self.at is not None:
            self.asked_before = self.oldest
            await self.at.hub.send_page(self.connection, History(limit=PAGE, before=self.oldest))


class Room(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.on_the_way: list[tuple[int, Entry]] = []
        self.rows: dict[int, Message] = {}  # By seq, as the database has them.
        self.written: dict[int, Any] = {}  # By version: the message as it was told then.
        self.pages: set[asyncio.Task[None]] = set()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @initialize(resume_limit=st.integers(1, 12), said_before=st.integers(0, 9))
    def open(self, resume_limit: int, said_before: int) -> None:
        self.resume_limit = resume_limit
        self.log = FakeLog()
        for number in range(said_before):
            self.keep(self.new_row(AUTHORS[number % 2]))

        async def make() -> None:
            self.hubs = [self.new_hub() for _ in range(HUBS)]
            for number, client in enumerate(self.clients):
                await client.join(self.hubs[number % HUBS])
                client.take()

        self.clients = [ModelClient(f"c{number}") for number in range(CLIENTS)]
        self.run(make())

    def new_hub(self) -> HubOnTheTable:
        return HubOnTheTable(self.log, self.resume_limit, opening_limit=3)

    async def settle(self) -> None:
        """Until the hubs have nothing more to do by themselves."""
        async with asyncio.timeout(60):
            await asyncio.sleep(0)
            while any(
                one.hub._broadcaster._tick or one.hub._hole_timer or one.hub._filling or one.hub._broadcaster._pending
                for one in self.hubs
            ):
                await asyncio.sleep(0)

    @rule(at=hubs, deeds=st.lists(st.tuples(whats, st.integers(0, 100), authors, fates), min_size=1, max_size=6))
    def write(self, at: int, deeds: list[tuple[str, int, MemberId, str]]) -> None:
        """Members post, and change what is there."""
        for what, which, author, fate in deeds:
            if what == "post" or not self.rows:
                self.commit(at, self.new_row(author), fate)
            else:
                self.change(at, sorted(self.rows)[which % len(self.rows)], what, author, fate)

    def new_row(self, author: MemberId) -> Message:
        seq = self.log.head + 1
        self.rows[seq] = Message(
            room_id=ROOM.id,
            seq=seq,
            nonce=uuid.UUID(int=seq),
            author_id=uuid.UUID(author),
            body="born",
            at=NOON,
            reply_to=min(self.rows) if len(self.rows) % 3 == 2 else None,
        )
        return self.rows[seq]

    def change(self, at: int, seq: int, what: str, author: MemberId, fate: str) -> None:
        """One that changes nothing is answered with the message as it stands."""
        row = self.rows[seq]
        change: Change = React(ROOM, seq, Person(author), what, on=author not in row.reactions.get(what, ()))
        if what.isascii():
            change = (
                Delete(ROOM, seq, Person(author))
                if what == "delete"
                else Edit(ROOM, seq, Person(author), what, Rendered(f"<p>{what}</p>", []))
            )
        try:
            is_new = alter(row, change, NOON, OPEN)
        except Refusal:
            return
        if is_new:
            self.commit(at, row, fate, change)
            return
        for client in self.clients:
            if client.at is self.hubs[at] and client.connection is not None:
                self.run(_soon(client.at.hub.repeat, client.connection, to_entry(row)))

    def commit(self, at: int, row: Message, fate: str, change: Change | None = None) -> None:
        """One process writes; the group keeps, doubles or loses what it says of it."""
        after = row.version
        written = self.keep(row)
        if change is not None:
            written = written._replace(delta=delta(change, after, row.version))
        self.run(_soon(self.hubs[at].hub.apply, [written]))
        self.on_the_way += [(1 - at, written)] * {"k": 1, "d": 2, "l": 0}[fate]

    def keep(self, row: Message) -> Entry:
        row.version = self.log.head + 1
        written = self.log.write(to_entry(row))
        self.written[row.version] = json.loads(written.encoded)
        return written

    @precondition(lambda self: self.on_the_way)
    @rule(which=st.integers(0, 100))
    def deliver(self, which: int) -> None:
        """Something that is on its way arrives, in any order."""
        at, written = self.on_the_way.pop(which % len(self.on_the_way))
        self.run(
            _soon(
                self.hubs[at].hub.handle, ClusterMessage("x", "there", [EntriesWritten(ROOM.log, ROOM.id, [written])])
            )
        )

    @rule()
    def wait(self) -> None:
        self.run(self.settle())

    @rule(at=hubs)
    def compare_heads(self, at: int) -> None:
        async def compare() -> None:
            if self.log.head > self.hubs[at].hub.head:
                await self.hubs[at].hub.catch_up()

        self.run(compare())

    @rule(at=hubs)
    def restart(self, at: int) -> None:
        """A process ends and another takes its place, with what the log has."""

        async def restart() -> None:
            await self.settle()
            self.hubs[at].hub.close(CloseCode.RESTARTING)
            self.hubs[at] = self.new_hub()

        for client in self.clients:
            if client.at is self.hubs[at]:
                client.drop()
        self.run(restart())

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
            self.run(client.at.hub.send_changes(client.connection, Sync(client.head or 0)))

    @rule(who=clients)
    def page_back(self, who: int) -> None:
        """A page is read, and on its way while the room goes on."""

        async def ask() -> None:
            self.log.way_back.clear()
            self.pages.add(asyncio.create_task(self.clients[who].page_back()))
            await asyncio.sleep(0)

        self.run(ask())

    @precondition(lambda self: self.pages)
    @rule()
    def pages_arrive(self) -> None:
        async def arrive() -> None:
            self.log.way_back.set()
            await asyncio.gather(*self.pages)
            self.pages.clear()

        self.run(arrive())

    @invariant()
    def nobody_has_what_was_never_said(self) -> None:
        for client in getattr(self, "clients", []):
            for message in client.messages.values():
                assert message == self.written[message["version"]]

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
        self.log.way_back.set()
        await asyncio.gather(*self.pages)
        for client in self.clients:
            client.take()
            if client.wants_sync and client.connection is not None and client.at is not None:
                await client.at.hub.send_changes(client.connection, Sync(client.head or 0))
                await self.settle()
                client.take()
            while client.has_older:
                await client.page_back()
                client.take()
            assert client.head == self.log.head
            assert client.messages == {seq: self.written[one.version] for seq, one in self.log.messages.items()}


async def _soon(work: Any, *arguments: Any) -> None:
    """Does what needs a running loop."""
    work(*arguments)


@pytest.fixture(autouse=True, scope="module")
def small_room() -> Any:
    """Holes close at once, and a page is small enough to be filled within an example."""
    patch = pytest.MonkeyPatch()
    patch.setattr(hub_module, "HOLE_SECONDS", 0.0)
    for module in (change_buffer, fakes):
        patch.setattr(module, "WELCOME_MESSAGES", 4)
    yield
    patch.undo()


TestConvergence = Room.TestCase
TestConvergence.settings = examples(300, stateful_step_count=40)
