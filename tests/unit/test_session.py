"""One client's session: its commands, and those that take time."""

import asyncio
import json
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from chat.access import policy
from chat.access.bans import ActiveBan, Bans
from chat.access.person import Person
from chat.access.policy import Answer
from chat.access.rate_limits import current_limiter
from chat.conf import chatty
from chat.content.markdown import Rendered
from chat.content.mentions import NOBODY, People
from chat.log.reader import RoomRow
from chat.protocol.commands import COMMANDS
from chat.protocol.events import Done, Member
from chat.protocol.fields import MemberId
from chat.sessions import address_turns
from chat.sessions import session as session_module
from chat.sessions.session import HANDLERS, ClientSession
from tests.unit.fakes import FakeConnection, until

SEARCH = '{"type":"search","query":"tide","limit":1}'
QUESTIONS = [SEARCH, '{"type":"history","before":9,"limit":1}', '{"type":"sync","since":1}']


class SlowHub:
    """A room whose searches take until they are released."""

    def __init__(self) -> None:
        self.searches = 0
        self.begun, self.release, self.called_off = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.typed = 0

    async def send_found(self, *_: Any) -> None:
        self.searches += 1
        self.begun.set()
        try:
            await self.release.wait()
        except asyncio.CancelledError:
            self.called_off.set()
            raise

    send_page = send_changes = send_found

    connection_count = 0

    def type(self, *_: Any) -> None:
        self.typed += 1

    def leave(self, *_: Any) -> None:
        pass


def session_in(hub: Any, address: str = "192.0.2.1") -> ClientSession:
    """Of a client that has joined this room."""
    session = ClientSession("lobby", FakeConnection(), address)
    session._hub = hub
    return session


def test_every_command_has_a_handler() -> None:
    assert HANDLERS.keys() == set(COMMANDS)


@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_question_ends_with_its_connection(question: str) -> None:
    hub = SlowHub()
    session = session_in(hub)
    await session.receive(question)
    await hub.begun.wait()
    session.close()
    await hub.called_off.wait()


async def test_what_follows_a_search_waits_for_it() -> None:
    hub = SlowHub()
    session = session_in(hub)
    await session.receive(SEARCH)
    typing = asyncio.create_task(session.receive('{"type":"typing"}'))
    await hub.begun.wait()
    await asyncio.sleep(0)
    assert hub.typed == 0
    hub.release.set()
    await typing
    session.close()
    assert (hub.searches, hub.typed) == (1, 1)


class Room:
    """A room in which a member posts, and the process that it is in: the member is banned while its body waits."""

    room = RoomRow(1, "lobby", uuid.UUID(int=1))
    head = 1
    connection_count = 50_000

    def __init__(self) -> None:
        self.renderer = self
        self.is_banned = False
        self.committed: list[Any] = []
        self.answers: list[Any] = []
        self.reached = 0

    def author(self, member_id: MemberId) -> Member:
        return Member(member_id, "Ann")

    def people_in(self, body: str) -> People:
        return NOBODY

    async def render(self, network: str, member_id: MemberId, body: str, find_people: Any) -> Rendered:
        self.is_banned = "ban" in body
        return Rendered(body, [])

    async def turn(self, network: str, member_id: MemberId) -> None:
        self.is_banned = True

    def can_join(self, person: Person, slug: str) -> Answer:
        ban = ActiveBan(1, person.id, frozenset(), by_address=False, ends_at=None)
        return policy.can_join(person, slug, Bans([ban] if self.is_banned else []))

    def take_reaction(self) -> None:
        pass

    async def commit(self, operation: Any) -> Any:
        self.committed.append(operation)
        return SimpleNamespace(is_new=True, entry=SimpleNamespace(version=2, update=b"." * 1_000))

    async def reach(self, version: int) -> None:
        assert not self.answers
        self.reached = version

    def reply(self, connection: Any, event: Any) -> None:
        self.answers.append(event)

    def leave(self, *_: Any) -> None:
        pass


async def test_what_a_banned_member_has_waiting_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    monkeypatch.setattr(session_module, "current_registry", lambda: room)
    session = session_in(room)
    for body in ("good", "ban"):
        await session.receive(f'{{"type":"post","nonce":"{uuid.uuid4()}","body":"{body}"}}')
    await session.receive('{"type":"edit","seq":1,"body":"ban"}')
    await session.receive('{"type":"delete","seq":1}')
    await session.receive('{"type":"react","seq":1,"emoji":"👍","on":true}')
    session.close()
    assert [operation.body for operation in room.committed] == ["good"]
    assert room.committed[0].rendered.html == "good"
    assert len(room.answers) == 4


@pytest.mark.parametrize(
    "command",
    [
        SEARCH,
        '{"type":"history","before":1,"limit":1}',
        '{"type":"typing"}',
        f'{{"type":"post","nonce":"{uuid.UUID(int=1)}","body":"good"}}',
    ],
    ids=["search", "history", "typing", "post"],
)
async def test_commands_of_an_address_in_debt_wait_and_are_refused_at_last(
    monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(address_turns, "WAIT_SECONDS", 0.01)
    room, address = Room(), f"192.0.2.{len(command)}"
    current_limiter().charge_cpu(address, 1_000)
    session = session_in(room, address)
    await session.receive(command)
    await until(lambda: room.answers)  # A question ends with its session.
    session.close()
    (refused,) = room.answers
    assert refused.code == "rate_limited"
    assert refused.retry_after > 0


async def test_a_join_that_waits_for_its_turn_isnt_closed_for_being_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_turns, "WAIT_SECONDS", 0.01)
    current_limiter().charge_cpu("192.0.2.200", 1_000)
    session = ClientSession("lobby", FakeConnection(), "192.0.2.200")
    session.start()
    deadline = session._join_deadline
    await session.receive('{"type":"join","token":"x","name":"Ann","v":1}')
    assert deadline is not None
    assert deadline.cancelled()
    assert session._join_deadline is not None  # It may try again.
    assert not session._join_deadline.cancelled()
    session.close()


async def test_an_address_is_charged_for_its_commands_and_for_what_everybody_gets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room, limiter = Room(), current_limiter()
    monkeypatch.setattr(session_module, "current_registry", lambda: room)
    session = session_in(room, "192.0.2.201")
    before = limiter.cpu_used("192.0.2.201")
    await session.receive(f'{{"type":"post","nonce":"{uuid.uuid4()}","body":"good"}}')
    session.close()
    least = room.connection_count * (session_module.SEND_SECONDS + 1_000 * session_module.SEND_SECONDS_A_BYTE)
    burst = chatty.ADDRESS_CPU[0]
    assert limiter.cpu_used("192.0.2.201") - before > (least - 0.1) / burst  # Less what was paid back meanwhile.


@pytest.mark.parametrize(("request_id", "reached"), [("x", 2), (None, 0)], ids=["with an id", "without"])
async def test_a_post_with_an_id_is_done_when_the_room_was_told_of_it(
    monkeypatch: pytest.MonkeyPatch, request_id: str | None, reached: int
) -> None:
    room = Room()
    monkeypatch.setattr(session_module, "current_registry", lambda: room)
    session = session_in(room)
    await session.receive(json.dumps({"type": "post", "id": request_id, "nonce": str(uuid.uuid4()), "body": "good"}))
    session.close()
    assert room.reached == reached
    assert room.answers == ([Done(re="x")] if request_id else [])
