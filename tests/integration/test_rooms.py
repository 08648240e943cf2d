"""Creating and describing rooms: on two servers that share Redis and PostgreSQL, and in the database."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest
from django.db import connections

from chat.access.person import Person
from chat.log import room_management
from chat.log.reader import RoomGone, RoomRow
from chat.models import Room
from chat.paths import DEFAULT_ROOM
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId
from tests.client import Client, Enter, new_slug
from tests.moderators import cookie_of, post

ANN, BOB = (MemberId(str(uuid.UUID(int=number))) for number in (1, 2))


async def made(maker: Client, slug: str, **fields: str) -> dict[str, Any]:
    await maker.send(type="make", slug=slug, **({"title": "Tea"} | fields))
    return dict((await maker.next("made"))["room"])


async def refusal_of(client: Client, **command: Any) -> str:
    await client.send(**command)
    return str((await client.refused())["code"])


# --- on the wire ---


async def test_who_makes_a_room_may_describe_it_and_others_may_not(enter: Enter) -> None:
    slug = new_slug()
    maker = await enter("Ann", "hall")
    assert await made(maker, slug, title="  Tea   room ", topic="Leaves only") == {
        "slug": slug,
        "title": "Tea room",
        "topic": "Leaves only",
    }
    ann = await enter("Ann", slug, token=maker.token)
    bob = await enter("Bob", slug, on=1)
    assert ann.events[0]["may_describe"] is True
    assert "may_describe" not in bob.events[0]
    assert bob.events[0]["room"]["title"] == "Tea room"

    await ann.send(type="describe", title="Coffee", topic="")
    for client in (ann, bob):
        assert (await client.next("room"))["room"] == {"slug": slug, "title": "Coffee"}
    await ann.send(type="describe", title="Coffee", topic="")
    assert (await ann.next("room"))["room"]["title"] == "Coffee", "answered, though nothing changed"
    assert await refusal_of(bob, type="describe", title="Mine", topic="") == "not_allowed"
    assert await refusal_of(ann, type="describe", title="", topic="") == "title_invalid"
    assert await refusal_of(ann, type="describe", title="x", topic="\u202e") == "title_invalid"
    assert "room" not in [event["type"] for event in await bob.settle()]


async def test_a_room_is_made_once_and_its_maker_may_ask_again(enter: Enter) -> None:
    slug = new_slug()
    ann, bob = await enter("Ann", "hall"), await enter("Bob", "hall", on=1)
    first = await made(ann, slug)
    assert await refusal_of(bob, type="make", slug=slug, title="Mine") == "room_exists"
    assert await made(ann, slug, title="Other words") == first, "as it stands"
    assert await refusal_of(ann, type="make", slug="Tea Room", title="Tea") == "slug_invalid"
    assert await refusal_of(ann, type="make", slug=new_slug(), title=" ") == "title_invalid"
    assert await refusal_of(ann, type="make", slug=DEFAULT_ROOM, title="Mine") == "room_exists"


async def test_a_room_that_was_only_visited_is_made_where_nobody_has_said_anything(enter: Enter) -> None:
    slug = new_slug()
    maker = await enter("Ann", "hall")
    visitor = await enter("Bob", slug, on=1)
    assert await made(maker, slug, title="Tea") == {"slug": slug, "title": "Tea"}
    assert (await visitor.next("room"))["room"]["title"] == "Tea"
    assert (await enter("Ann", slug, on=0, token=maker.token)).events[0]["may_describe"] is True

    busy = new_slug()
    await (await enter("Bob", busy)).post("first")
    assert await refusal_of(maker, type="make", slug=busy, title="Mine") == "room_exists"


async def test_a_moderator_describes_any_room_even_a_locked_one_and_is_recorded(
    enter: Enter, moderators_browser: httpx.Client, shared_database: str
) -> None:
    slug = new_slug()
    maker = await enter("Ann", "hall")
    await made(maker, slug)
    ann = await enter("Ann", slug, on=1, token=maker.token)
    mo = await enter("Mo", slug, **cookie_of(moderators_browser))
    assert mo.events[0]["may_describe"] is True
    await mo.send(type="lock", on=True)
    await ann.next("room", lambda event: event["room"].get("locked"))
    assert await refusal_of(ann, type="describe", title="Mine", topic="") == "locked"
    await mo.send(type="describe", title="Quiet", topic="Read only")
    assert (await ann.next("room"))["room"] == {"slug": slug, "title": "Quiet", "topic": "Read only", "locked": True}
    with psycopg.connect(shared_database.replace("postgres://", "postgresql://")) as database:
        query = "SELECT moderator_name, detail FROM chat_moderationaction WHERE kind = 'describe' AND room = %s"
        assert database.execute(query, (slug,)).fetchall() == [("mo", "Quiet (Read only)")]


async def test_a_title_from_the_admin_or_the_database_itself_reaches_open_rooms(
    enter: Enter, moderators_browser: httpx.Client, shared_database: str
) -> None:
    slug = new_slug()
    ann = await enter("Ann", slug, on=1)
    await ann.post("first")
    with psycopg.connect(shared_database.replace("postgres://", "postgresql://"), autocommit=True) as database:
        (key,) = database.execute("SELECT id FROM chat_room WHERE slug = %s", (slug,)).fetchone() or ()
        page = f"/admin/chat/room/{key}/change/"
        assert post(moderators_browser, page, title=" Tea  room", topic="Leaves", slow_seconds="0").status_code == 302
        assert (await ann.next("room"))["room"] == {"slug": slug, "title": "Tea room", "topic": "Leaves"}
        assert "invisible" in post(moderators_browser, page, title="a\u200bb", topic="", slow_seconds="0").text
        database.execute("UPDATE chat_room SET topic = 'Behind your backs' WHERE slug = %s", (slug,))
    assert (await ann.next("room"))["room"]["topic"] == "Behind your backs"


# --- in the database ---


@pytest.mark.parametrize("is_visited", [False, True])
def test_of_two_who_make_a_room_at_once_one_gets_it(database: str, is_visited: bool) -> None:
    slug, together = new_slug(), threading.Barrier(4)
    if is_visited:
        Room.objects.create(slug=slug)

    def make(maker: MemberId) -> object:
        together.wait()
        try:
            return room_management.make(slug, f"{maker}'s", "", Person(maker), uuid.uuid4())[1].title
        except Refusal as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(make, (ANN, BOB, ANN, BOB)))
    (winner,) = {outcome for outcome in outcomes if outcome is not RefusalCode.ROOM_EXISTS}
    assert outcomes.count(winner) == 2
    assert Room.objects.get(slug=slug).title == winner


def test_what_a_moderator_did_to_a_room_keeps_others_from_making_it(database: str) -> None:
    for fields in ({"title": "Tea"}, {"locked": True}, {"slow_seconds": 3}, {"head": 1}):
        room = Room.objects.create(slug=new_slug(), **fields)
        with pytest.raises(Refusal, match="room_exists"):
            room_management.make(room.slug, "Mine", "", Person(ANN), uuid.uuid4())


def test_a_room_that_is_gone_is_not_described(database: str) -> None:
    with pytest.raises(RoomGone):
        room_management.describe(RoomRow(999, "gone", uuid.uuid4()), "Title", "", Person(ANN))
