"""What the worst question of its kind costs the database, beside an ordinary one: 20,000 messages, on SQLite."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from chat.access.person import Person
from chat.access.policy import OPEN
from chat.access.tokens import new_member_id
from chat.log import page_queries, unread
from chat.log.operations import React, alter
from chat.log.pagination import Filter
from chat.log.reader import RoomRow, to_entry
from chat.models import Mention, Message, Room
from chat.protocol.constants import AUTHORS_LIMIT, REACTIONS_LIMIT, WATCH_LIMIT

Benchmark = Callable[..., Any]  # pytest-benchmark's fixture.

MESSAGES = 20_000
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ANN, NOBODY = uuid.uuid4(), uuid.uuid4()
AUTHORS = [ANN, *(uuid.uuid4() for _ in range(AUTHORS_LIMIT - 1))]


def message(room: Room, seq: int) -> Message:
    """Every tenth has a link."""
    return Message(
        room=room,
        seq=seq,
        version=seq,
        nonce=uuid.uuid4(),
        author_id=AUTHORS[seq % len(AUTHORS)],
        author_name="Ann",
        body="The tide is high at noon.",
        html="<p>The tide is high at noon.</p>",
        has_link=True if seq % 10 == 0 else None,
        at=NOON,
    )


@pytest.fixture
def room(transactional_db: None) -> Room:
    """A room of which every hundredth message mentions Ann."""
    room = Room.objects.create(slug="harbour", head=MESSAGES)
    Message.objects.bulk_create([message(room, seq) for seq in range(1, MESSAGES + 1)], batch_size=500)
    mentions = [Mention(member_id=ANN, room=room, seq=seq) for seq in range(100, MESSAGES + 1, 100)]
    Mention.objects.bulk_create(mentions, batch_size=500)
    return room


@pytest.mark.parametrize(
    "wanted",
    [
        Filter(),
        Filter((ANN,)),
        Filter(tuple(AUTHORS)),
        Filter(links=True),
        Filter(mentions=ANN),
        Filter((NOBODY,), links=True),
        Filter(tuple(AUTHORS), ANN, links=True),
    ],
    ids=["everything", "an author", "many authors", "links", "mentions", "nobody's links", "all conditions"],
)
def test_history(benchmark: Benchmark, room: Room, wanted: Filter) -> None:
    benchmark(page_queries.nearest, room.pk, wanted, "<", MESSAGES + 1, 50)


@pytest.mark.parametrize("read", [MESSAGES - 10, 0], ids=["ten", "everything"])
@pytest.mark.parametrize("others", [0, WATCH_LIMIT - 1], ids=["one room", "as many as may be"])
def test_unread(benchmark: Benchmark, room: Room, others: int, read: int) -> None:
    rooms = Room.objects.bulk_create(Room(slug=f"room-{number}") for number in range(others))
    Message.objects.bulk_create([message(one, seq) for one in rooms for seq in range(1, 101)], batch_size=500)
    benchmark(unread.unread, {room.slug: read} | {one.slug: 0 for one in rooms}, new_member_id())


@pytest.mark.parametrize("before", [0, REACTIONS_LIMIT - 1], ids=["the first", "the last"])
def test_reaction(benchmark: Benchmark, before: int) -> None:
    """Taken in and encoded, without the database."""
    row = RoomRow(1, "harbour", uuid.uuid4())
    one = message(Room(pk=1), 1)
    for _ in range(before):
        alter(one, React(row, 1, Person(new_member_id()), "👍", on=True), NOON, OPEN)
    me = new_member_id()

    def toggle() -> None:
        for on in (True, False):
            alter(one, React(row, 1, Person(me), "👍", on=on), NOON, OPEN)
            to_entry(one)

    benchmark(toggle)
