"""The events of reactions, and their number: independent of the message and of earlier reactions."""

import uuid
from datetime import UTC, datetime

import pytest

from chat.access.person import Person
from chat.access.policy import OPEN
from chat.access.rate_limits import Rate
from chat.log import operations
from chat.log.entries import Entry
from chat.log.operations import React, alter, delta
from chat.log.reader import to_entry
from chat.models import Message
from chat.protocol.constants import BODY_LIMIT
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId
from tests.client import with_reaction
from tests.unit.fakes import ANN, BOB, ROOM, FakeConnection, FakeLog, HubOnTheTable, tick

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LEAST_UNSENT_BYTES = 65_536  # The least that UNSENT_LIMIT may be.


@pytest.fixture(autouse=True)
def many_reactors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "REACTIONS_LIMIT", 10_000)


def member(number: int) -> MemberId:
    return MemberId(str(uuid.UUID(int=number)))


def message(reactors: int) -> Message:
    """The longest one, to which so many have reacted: so many changes after it was born."""
    return Message(
        room_id=1,
        seq=1,
        version=1_000_000 + reactors,  # As many digits whatever the number.
        nonce=uuid.UUID(int=1),
        author_id=uuid.UUID(int=1),
        body="x" * BODY_LIMIT,
        html="x" * BODY_LIMIT,
        reactions={"👍": [member(number) for number in range(reactors)]},
        at=NOON,
    )


def react(row: Message, react: React) -> Entry:
    """As the committer does it."""
    after = row.version
    assert alter(row, react, NOON, OPEN)
    row.version += 1
    return to_entry(row)._replace(delta=delta(react, after, row.version))


async def in_the_room(row: Message) -> tuple[HubOnTheTable, FakeConnection]:
    room = HubOnTheTable(FakeLog(to_entry(row)))
    return room, await room.join(ANN)


async def test_a_reaction_takes_as_many_bytes_on_the_wire_however_many_have_reacted() -> None:
    sizes = []
    for reactors in (1, 1_000):
        room, ann = await in_the_room(row := message(reactors))
        welcomed = ann.bytes_sent
        room.hub.apply([react(row, React(ROOM, 1, Person(member(5_000)), "👍", True))])
        await tick()
        assert ann.kinds() == ["welcome", "reacted"]
        sizes.append(ann.bytes_sent - welcomed)
    assert sizes[0] == sizes[1] < 200


async def test_what_is_told_of_reactions_makes_the_message_that_a_newcomer_gets() -> None:
    room, ann = await in_the_room(row := message(3))
    held = ann.events[0]["messages"][0]
    for number, emoji, on in ((1, "👍", False), (9, "🎉", True), (9, "👍", True), (9, "🎉", False)):
        room.hub.apply([react(row, React(ROOM, 1, Person(member(number)), emoji, on))])
    await tick()
    for event in ann.events[1:]:
        assert event["after"] == held["version"]
        held = with_reaction(held, event)
    bob = await room.join(BOB)
    assert bob.events[0]["messages"] == [held]


async def test_a_second_of_a_storm_of_reactions_fits_into_what_may_wait_for_a_reader() -> None:
    room, ann = await in_the_room(row := message(200))
    welcomed = ann.bytes_sent
    for number in range(352):
        room.hub.apply([react(row, React(ROOM, 1, Person(member(1_000 + number)), "👍", True))])
    await tick()
    assert len(ann.versions) == 352
    assert ann.bytes_sent - welcomed < LEAST_UNSENT_BYTES


async def test_the_buffer_keeps_no_deltas() -> None:
    room, _ = await in_the_room(row := message(1))
    room.hub.apply([react(row, React(ROOM, 1, Person(member(9)), "👍", True))])
    assert [entry.delta for entry in room.hub._buffer.entries_since(row.version - 1) or []] == [None]


async def test_a_room_takes_so_many_reactions_from_all_members_and_refuses_the_rest_for_different_times() -> None:
    room = HubOnTheTable(FakeLog(), reactions=Rate(3, 0.001))
    for _ in range(3):
        room.hub.take_reaction()
    waits = set()
    for _ in range(20):
        with pytest.raises(Refusal) as caught:
            room.hub.take_reaction()
        assert (caught.value.code, caught.value.is_own_doing) == ("rate_limited", False)
        assert caught.value.retry_after
        waits.add(caught.value.retry_after)
    assert len(waits) > 1
