"""Searching several rooms together, and without words, on both databases."""

import itertools
import random
import uuid
from typing import Any

import pytest
from django.db import connection

from chat.access.person import Person
from chat.content.search_terms import parse
from chat.log import search
from chat.log.operations import Delete
from chat.log.reader import RoomRow
from chat.log.search import SearchQuery
from chat.models import Mention, Message, Room
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Member, Result, moment
from chat.protocol.fields import MemberId
from tests.deeds import post
from tests.integration.desk import ANN, BOB, EVE_ID, Desk

ANN_ID, BOB_ID = uuid.UUID(ANN.id), uuid.UUID(BOB.id)
EVE = Member(MemberId(EVE_ID), "Eve")
PEOPLE = {"ann": (ANN.id,), "bob": (BOB.id,)}
BODIES = ["the tide", "@ann the tide", "@ann", "see example.org", "tide at example.org @ann @bob", "nothing"]
ROOMS = ["one", "two", "three"]


def places(results: list[Result]) -> list[tuple[object, int]]:
    return [(result.room, result.seq) for result in results]


@pytest.fixture
async def said(desk: Desk) -> list[tuple[str, int, str, Member]]:
    """What two people said in three rooms, in the order of time: room, seq, text and author."""
    chance = random.Random(5)
    rooms = {slug: await desk.room(slug) for slug in ROOMS}
    said = []
    for _ in range(60):
        slug, body, author = chance.choice(ROOMS), chance.choice(BODIES), chance.choice((ANN, BOB))
        committed = await desk.committer.commit(post(rooms[slug], uuid.uuid4(), author, body, people=PEOPLE))
        said.append((slug, committed.entry.seq, body, author))
    for slug, seq, _, author in said[::9]:
        await desk.committer.commit(Delete(rooms[slug], seq, Person(author.id)))
    return [one for number, one in enumerate(said) if number % 9]


WORDS = {"": "", "tide": "tide", '"the tide"': "the tide"}
CONDITIONS: list[dict[str, Any]] = [
    dict(itertools.chain(*(part.items() for part in parts)))
    for parts in itertools.product(
        ({}, {"author": ANN_ID}, {"author": uuid.UUID(EVE_ID)}), ({}, {"mentions": ANN_ID}), ({}, {"links": True})
    )
]


@pytest.mark.parametrize("slugs", [ROOMS, ["two"], ["one", "three", "missing"], ["missing"]], ids="-".join)
async def test_the_newest_matches_of_all_rooms_come_first(
    desk: Desk, said: list[tuple[str, int, str, Member]], slugs: list[str]
) -> None:
    for (query, text), conditions in itertools.product(WORDS.items(), CONDITIONS):
        if not query and not conditions:
            continue
        expected = [
            (slug, seq)
            for slug, seq, body, author in reversed(said)
            if slug in slugs
            and text in body
            and conditions.get("author") in (None, uuid.UUID(author.id))
            and ("mentions" not in conditions or "@ann" in body)
            and ("links" not in conditions or "example" in body)
        ]
        wanted = SearchQuery(parse(query) if query else (), **conditions)
        results, more = await desk.log.search_rooms(slugs, wanted, 50)
        assert (places(results), more) == (expected, False), (query, conditions)


async def test_pages_of_several_rooms_go_on_below_a_message(
    desk: Desk, said: list[tuple[str, int, str, Member]]
) -> None:
    every, _ = await desk.log.search_rooms(ROOMS, SearchQuery(parse("tide")), 50)
    for limit in (1, 4):
        found: list[Result] = []
        more = True
        while more:
            place = {"before": found[-1].seq, "before_room": found[-1].room} if found else {}
            some, more = await desk.log.search_rooms(ROOMS, SearchQuery(parse("tide"), **place), limit)  # type: ignore[arg-type]
            found += some
        assert found == every


@pytest.mark.parametrize("place", [("two", 10**9), ("missing", 1), ("three", 1)])
async def test_a_page_below_what_is_in_none_of_the_rooms_is_refused(
    desk: Desk, said: list[tuple[str, int, str, Member]], place: tuple[str, int]
) -> None:
    """Also below a message of a room that exists but isn't searched, which may be one that the asker may not read."""
    wanted = SearchQuery(parse("tide"), before_room=place[0], before=place[1])
    with pytest.raises(Refusal) as refused:
        await desk.log.search_rooms(["one", "two"], wanted, 5)
    assert refused.value.code is RefusalCode.NO_SUCH_MESSAGE


async def test_a_room_is_searched_without_words(desk: Desk) -> None:
    room = await desk.room("lobby")
    for body, author in (("first", ANN), ("second", BOB), ("third", ANN)):
        await desk.post(room, body, author)
    results, more = await desk.log.search(room.id, SearchQuery((), author=ANN_ID), 1)
    assert ([(result.seq, result.excerpt) for result in results], more) == ([(3, [("third", False)])], True)
    results, more = await desk.log.search(room.id, SearchQuery((), author=ANN_ID, before=3), 1)
    assert ([result.seq for result in results], more) == ([1], False)


MANY, EACH = 1_000, 20


@pytest.fixture
async def many_rooms(desk: Desk) -> list[RoomRow]:
    """Rooms of which each has the same few messages."""

    def fill() -> list[RoomRow]:
        rooms = Room.objects.bulk_create(Room(slug=f"room-{number}", head=EACH) for number in range(MANY))
        Message.objects.bulk_create(
            Message(
                room=room,
                seq=seq,
                version=seq,
                nonce=uuid.uuid4(),
                author_id=(ANN_ID, BOB_ID)[seq % 2],
                author_name="Somebody",
                body="the tide" if seq == 3 else f"number {seq}",
                at=moment(seq),
                has_link=seq == 4 or None,
            )
            for seq in range(1, EACH + 1)
            for room in rooms
        )
        Mention.objects.bulk_create(Mention(room=room, seq=5, member_id=BOB_ID) for room in rooms)
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("ANALYZE")
        return [RoomRow.of(room) for room in rooms]

    return await desk.log.run(fill)


@pytest.mark.parametrize(
    "wanted",
    [
        SearchQuery(parse("tide")),
        SearchQuery(parse('"the tide"'), author=BOB_ID),
        SearchQuery((), author=ANN_ID),
        SearchQuery((), mentions=BOB_ID),
        SearchQuery((), links=True),
    ],
    ids=["words", "phrase", "author", "mentions", "links"],
)
async def test_no_search_of_50_rooms_reads_all_messages(
    desk: Desk, many_rooms: list[RoomRow], wanted: SearchQuery, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched = [room.slug for room in many_rooms[::20]]
    plans: list[str] = []

    def explained(name: str) -> None:
        make = getattr(search, name)

        def explain(*arguments: Any) -> Any:
            messages = make(*arguments)
            plans.append(messages.explain())
            return messages

        monkeypatch.setattr(search, name, explain)
        if name in (backend.__name__ for backend in search._BACKENDS.values()):
            monkeypatch.setitem(search._BACKENDS, connection.vendor, explain)

    vendor = await desk.log.run(lambda: connection.vendor)
    explained("_in_sqlite" if wanted.phrases and vendor == "sqlite" else "_newest_of_rooms")
    results, more = await desk.log.search_rooms(searched, wanted, 20)
    assert (len(results), more) == (20, True)
    assert {result.room for result in results} <= set(searched)
    (plan,) = plans
    assert "Seq Scan on chat_message" not in plan
    assert not [line for line in plan.splitlines() if line.startswith("SCAN chat_message") and "VIRTUAL" not in line]
