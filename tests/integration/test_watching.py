"""Watched rooms: on two servers that share Redis and PostgreSQL, and in both databases."""

import asyncio
import itertools
import uuid
from collections import Counter
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.log import unread
from chat.log.unread import Count, Span
from chat.models import Mention, Message, Room
from chat.protocol.constants import UNREAD_LIMIT
from chat.protocol.events import UnreadRoom
from chat.protocol.fields import MemberId
from tests.client import Client, Enter, new_slug
from tests.servers import Pair, wait_until

ANN, BOB, EVE = (MemberId(str(uuid.UUID(int=number))) for number in (1, 2, 3))


async def watched(client: Client, **read: int) -> list[dict[str, Any]]:
    await client.send(type="watch", rooms=[{"slug": slug.replace("_", "-"), "seq": seq} for slug, seq in read.items()])
    return list((await client.next("unread"))["rooms"])


# --- on the wire ---


async def test_a_list_of_rooms_is_told_what_was_said_elsewhere(enter: Enter) -> None:
    tea, milk, hall = new_slug(), new_slug(), new_slug()
    ann, bob = await enter("Ann", hall), await enter("Bob", tea, on=1)
    in_tea = await enter("Ann", tea, on=1, token=ann.token)
    await bob.post("one")
    await bob.post("two, @Ann")
    await in_tea.post("my own")
    await (await enter("Eve", milk)).post("first")

    assert await watched(ann, **{tea: 1, milk: 1, hall: 0, new_slug(): 0}) == [
        {"slug": tea, "title": tea, "unread": 1, "called": 1, "head": 3},
        {"slug": milk, "title": milk, "unread": 0, "called": 0, "head": 1},
    ], "neither the room one is in, nor one that nobody made"

    await bob.post("three, @Ann")
    told = await ann.next("activity")
    assert told["rooms"] == [{"slug": tea, "posted": 1, "head": 4, "called": 1}]
    await bob.post("four")
    await bob.change(4, type="edit", body="three")
    (told_of,) = (await ann.next("activity"))["rooms"]
    assert (told_of["posted"], told_of["head"] >= 5, "called" in told_of) == (1, True, False)

    assert await watched(ann) == []
    await bob.post("five")
    await ann.settle()
    assert "activity" not in [event["type"] for event in await ann.settle()]


async def test_a_room_is_not_made_by_watching_it_and_names_are_checked(enter: Enter, shared_database: str) -> None:
    ann, slug = await enter("Ann", new_slug()), new_slug()
    assert await watched(ann, **{slug: 0}) == []
    with psycopg.connect(shared_database.replace("postgres://", "postgresql://")) as database:
        assert database.execute("SELECT 1 FROM chat_room WHERE slug = %s", (slug,)).fetchone() is None
    refused: list[Any] = [[{"slug": "Not this", "seq": 0}], [{"slug": slug, "seq": 0}] * 51, [{"slug": slug}], {}]
    for rooms in refused:
        await ann.send(type="watch", rooms=rooms)
        assert (await ann.refused())["code"] == "bad_frame"


async def test_a_closed_connection_watches_nothing(enter: Enter, pair: Pair) -> None:
    ann, bob, slug = await enter("Ann", new_slug()), await enter("Bob", new_slug()), new_slug()
    await enter("Eve", slug, on=1)
    for client in (ann, bob):
        assert len(await watched(client, **{slug: 0})) == 1
    assert pair[0].counts()["watched"] == 1
    await ann.close()
    assert pair[0].counts()["watched"] == 1
    await bob.close()
    await asyncio.to_thread(wait_until, lambda: pair[0].counts()["watched"] == 0, 10, "nothing watched")


# --- in the database ---


def say(room: Room, author: MemberId, *, calls: tuple[MemberId, ...] = (), deleted: bool = False) -> None:
    room.head += 1
    room.save()
    now = timezone.now()
    Message.objects.create(
        room=room,
        seq=room.head,
        version=room.head,
        nonce=uuid.uuid4(),
        author_id=uuid.UUID(author),
        author_name="",
        body="",
        html="",
        at=now,
        deleted_at=now if deleted else None,
        mentions=list(calls) or None,
    )
    Mention.objects.bulk_create(Mention(member_id=called, room=room, seq=room.head) for called in calls)


def test_unread_are_others_messages_above_a_seq_without_tombstones(database: str) -> None:
    tea, milk = Room.objects.create(slug="tea", title="Tea"), Room.objects.create(slug="milk")
    say(tea, BOB, calls=(ANN,))
    say(tea, BOB, calls=(ANN, EVE))
    say(tea, BOB, deleted=True)
    say(tea, ANN, calls=(ANN,))
    say(tea, EVE)
    for _ in range(UNREAD_LIMIT + 5):
        say(milk, BOB, calls=(ANN,))
    assert unread.unread({"tea": 1, "milk": 0, "none": 0}, ANN) == {
        tea.pk: UnreadRoom("tea", "Tea", 2, 1, 5),
        milk.pk: UnreadRoom("milk", "milk", UNREAD_LIMIT, UNREAD_LIMIT, UNREAD_LIMIT + 5),
    }
    assert unread.unread({"tea": 0}, EVE) == {tea.pk: UnreadRoom("tea", "Tea", 3, 1, 5)}
    assert unread.unread({"tea": 99}, EVE) == {tea.pk: UnreadRoom("tea", "Tea", 0, 0, 5)}


def test_news_of_many_rooms_is_counted_by_two_queries(database: str) -> None:
    rooms = [Room.objects.create(slug=f"room-{number}") for number in range(4)]
    for number, room in enumerate(rooms):
        for _ in range(number):
            say(room, BOB, calls=(ANN, BOB))
        say(room, ANN, deleted=True)
    heads = unread.heads([*(room.pk for room in rooms), 999])
    assert heads == {room.pk: number + 1 for number, room in enumerate(rooms)}
    spans = [Span(room.pk, told, heads[room.pk]) for room in rooms for told in (0, 1)]
    with CaptureQueriesContext(connection) as queries:
        counts = unread.new_messages(spans)
    assert len(queries) == 2
    assert [counts[span] for span in spans] == [
        Count(posted, Counter({ANN: posted} if posted else {})) for posted in (0, 0, 1, 0, 2, 1, 3, 2)
    ]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL has statistics to plan by.
def test_what_is_unread_costs_the_same_however_much_was_said(database: str) -> None:
    def steps_with(said: int) -> int:
        room = Room.objects.create(slug=f"room-{said}")
        with transaction.atomic():
            for _ in range(said):
                say(room, BOB)
        steps = itertools.count()
        connection.connection.set_progress_handler(lambda: next(steps) < 0, 10)  # Tens of steps of SQLite's machine.
        try:
            unread.unread({room.slug: 0}, ANN)
        finally:
            connection.connection.set_progress_handler(None, 0)
        return next(steps)

    assert steps_with(6 * UNREAD_LIMIT) < 1.2 * steps_with(2 * UNREAD_LIMIT)
