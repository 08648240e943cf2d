"""Pages of a room's history on both databases: each filter, alone and combined, finds the right messages."""

import asyncio
import itertools
import random
import uuid
from typing import Any

import pytest
from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL
from django.db.models.query import RawQuerySet
from django.test.utils import CaptureQueriesContext

from chat.access.person import Person
from chat.log import deadline, page_queries, reader
from chat.log.entries import Entry
from chat.log.operations import Delete, Operation
from chat.log.pagination import Filter
from chat.log.reader import RoomRow
from chat.models import Message
from chat.protocol.commands import History
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Member, moment
from chat.protocol.fields import MemberId
from tests.deeds import post
from tests.integration.desk import ANN, BOB, EVE_ID, Desk

EVE = Member(MemberId(EVE_ID), "Eve")
ANN_ID, BOB_ID = uuid.UUID(ANN.id), uuid.UUID(BOB.id)
NOBODY = uuid.UUID(int=7)
PEOPLE = {"ann": (ANN.id,), "bob": (BOB.id,)}
BODIES = ["nothing", "@ann", "@bob", "@ann see example.org", "@ann @bob", "example.org", "nothing again"]
SAID = 60

BY_AUTHORS: list[dict[str, Any]] = [
    {},
    {"author": ANN_ID},
    {"authors": [ANN_ID]},
    {"authors": [ANN_ID, BOB_ID, ANN_ID]},
    {"authors": [uuid.UUID(EVE_ID), NOBODY]},
    {"author": NOBODY},
]
BY_MENTIONS: list[dict[str, Any]] = [{}, {"mentions": ANN_ID}, {"mentions": NOBODY}]
BY_LINKS: list[dict[str, Any]] = [{}, {"links": True}]
FILTERS = [
    authors | mentions | links for authors, mentions, links in itertools.product(BY_AUTHORS, BY_MENTIONS, BY_LINKS)
]


@pytest.fixture
async def lobby(desk: Desk) -> RoomRow:
    """A room in which three members said this and that, and took some of it back; and another one like it."""
    chance = random.Random(3)
    rooms = [await desk.room(slug) for slug in ("lobby", "other")]
    authors = [chance.choice((ANN, BOB, EVE)) for _ in range(SAID)]
    deeds: list[Operation] = [
        post(room, uuid.uuid4(), author, chance.choice(BODIES), people=PEOPLE) for author in authors for room in rooms
    ]
    deeds += [Delete(room, seq, Person(authors[seq - 1].id)) for seq in range(5, SAID, 7) for room in rooms]
    await asyncio.gather(*map(desk.committer.commit, deeds))
    return rooms[0]


async def everything(desk: Desk, room: RoomRow) -> list[Entry]:
    return (await desk.log.page(room.id, History(limit=100, after=0))).above


async def test_a_page_has_what_a_reader_would_pick(desk: Desk, lobby: RoomRow) -> None:
    said = await everything(desk, lobby)
    for asked, at, limit in itertools.product(FILTERS, (1, 20, 1_000), (1, 4, 100)):
        wanted = Filter.of(History(**asked))
        matching = [one for one in said if wanted.takes(one)]
        below, above = [one for one in matching if one.seq < at], [one for one in matching if one.seq >= at]
        page = await desk.log.page(lobby.id, History(limit=limit, before=at, **asked))
        assert (page.below, page.more) == (below[-limit:], len(below) > limit)
        page = await desk.log.page(lobby.id, History(limit=limit, after=at - 1, **asked))
        assert (page.above, page.newer, page.more) == (above[:limit], len(above) > limit, bool(below))
        page = await desk.log.page(lobby.id, History(limit=limit, around=at, **asked))
        half = limit // 2
        assert (page.below, page.more) == (below[-half:] if half else [], len(below) > half)
        assert (page.above, page.newer) == (above[: limit - half], len(above) > limit - half)


async def test_messages_are_had_by_their_names(desk: Desk, lobby: RoomRow) -> None:
    by_seq = {one.seq: one for one in await everything(desk, lobby)}
    seqs = [40, 3, 10**9, 3, 2**53 - 1, *by_seq][:100]
    page = await desk.log.page(lobby.id, History(seqs=seqs))
    assert page.below == [by_seq[seq] for seq in sorted(set(seqs)) if seq in by_seq]
    assert (page.above, page.more) == ([], False)


async def test_a_page_that_takes_too_long_is_refused(
    desk: Desk, lobby: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> None:
        if connection.vendor == "sqlite":
            monkeypatch.setattr(deadline, "SECONDS", -1)
            monkeypatch.setattr(deadline, "LOOK_EVERY", 1)
        else:
            with connection.cursor() as cursor:
                cursor.execute("SET statement_timeout = '1ms'")
            sleeping = Message.objects.filter(RawSQL("pg_sleep(1) IS NOT NULL", [], BooleanField()))
            monkeypatch.setattr(page_queries, "_narrowed", lambda *asked: sleeping)
        reader._in_time("Ask for less.", reader._page, lobby.id, History(limit=10, before=100))

    with pytest.raises(Refusal, match="Ask for less") as refused:
        await desk.log.run(slow)
    assert refused.value.code == RefusalCode.UNAVAILABLE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("side", ["<", ">="])
async def test_mentions_of_a_member_are_read_in_the_order_of_their_index(
    desk: Desk, lobby: RoomRow, side: page_queries.Side
) -> None:
    def explain() -> list[str]:
        page = page_queries._narrowed(lobby.id, Filter(mentions=ANN_ID, links=True), side, 20, 5)
        assert isinstance(page, RawQuerySet)
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {page.raw_query}", page.params)
            return [step for *_, step in cursor.fetchall()]

    first, second = await desk.log.run(explain)  # And no third step that sorts.
    assert first.startswith("SEARCH mention USING COVERING INDEX")
    assert first.endswith(f"(member_id=? AND room_id=? AND seq{'<' if side == '<' else '>'}?)")
    assert second.startswith("SEARCH said USING INDEX")


async def test_a_time_leads_to_the_first_message_from_then_on(desk: Desk) -> None:
    room, empty = await desk.room("lobby"), await desk.room("empty")
    times = [10, 10, 20, 20, 20, 50]
    for time in times:
        entry = await desk.post(room, str(time))
        await desk.log.run(set_time, room, entry.entry.seq, time)
    by_seq = {one.seq: one for one in await everything(desk, room)}
    assert list(by_seq) == [1, 2, 3, 4, 5, 6]
    expected = {0: 1, 10: 1, 11: 3, 20: 3, 21: 6, 50: 6, 51: 7}
    assert {at: await desk.log.seq_at(room.id, at) for at in expected} == expected
    assert await desk.log.seq_at(empty.id, 10) == 1


async def test_a_time_is_found_among_many_messages_by_few_readings(desk: Desk) -> None:
    room = await desk.room("lobby")
    rows: list[Message] = []

    def fill() -> None:
        for n in range(1, 5_001):
            ids = {"room_id": room.id, "seq": 3 * n, "version": 3 * n, "nonce": uuid.uuid4(), "author_id": ANN_ID}
            rows.append(Message(**ids, author_name="Ann", at=moment(1_000 * n)))
        Message.objects.bulk_create(rows)

    def count() -> tuple[int, int, str]:
        with CaptureQueriesContext(connection) as queries:
            seq = page_queries.seq_at(room.id, moment(2_500_500))
        plan = Message.objects.filter(room_id=room.id, seq__gte=9).order_by("seq")[:1].explain()
        return seq, len(queries), plan

    await desk.log.run(fill)
    seq, queries, plan = await desk.log.run(count)
    assert (seq, queries < 20) == (3 * 2_501, True)
    assert "message_seq_once" in plan or "sqlite_autoindex" in plan or "chat_message_room" in plan, plan


def set_time(room: RoomRow, seq: int, milliseconds: int) -> None:
    Message.objects.filter(room_id=room.id, seq=seq).update(at=moment(milliseconds))
