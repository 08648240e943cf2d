"""Rooms without a row: on two servers that share Redis and PostgreSQL. A room's first message makes its row."""

import asyncio
import uuid
from collections.abc import Callable, Iterator

import httpx
import psycopg
import pytest

from tests.client import Client, Enter, new_slug
from tests.moderators import cookie_of
from tests.servers import ChattyServer, Pair, RedisServer, wait_until

Rows = Callable[..., list[tuple[str, str, int]]]  # Slug, log and head.


@pytest.fixture
def rows(shared_database: str) -> Iterator[Rows]:
    """The rows of rooms with these slugs."""
    url = shared_database.replace("postgres://", "postgresql://")
    with psycopg.connect(url, autocommit=True) as database:

        def rows(*slugs: str) -> list[tuple[str, str, int]]:
            query = "SELECT slug, log::text, head FROM chat_room WHERE slug = ANY(%s)"
            return database.execute(query, (list(slugs),)).fetchall()

        yield rows


async def test_a_room_that_nobody_writes_in_is_no_row_and_everybody_in_it_sees_the_others(
    enter: Enter, room: str, rows: Rows
) -> None:
    ann, bob = await enter("Ann"), await enter("Bob", on=1)
    await ann.until(lambda c: c.online == 2, "Bob")
    assert ann.members == bob.members == {ann.id: "Ann", bob.id: "Bob"}
    assert ann.log == bob.log
    await bob.send(type="typing")
    await ann.next("typing")
    await ann.send(type="search", query="hello", limit=5)
    assert (await ann.next("found"))["results"] == []
    await ann.send(type="sync", since=0)
    assert (await ann.next("changes"))["messages"] == []
    for command in ({"type": "edit", "body": "x"}, {"type": "delete"}, {"type": "react", "emoji": "👍", "on": True}):
        await ann.send(seq=1, **command)
        assert (await ann.refused())["code"] == "no_such_message"
    await ann.send(type="post", nonce=str(uuid.uuid4()), body="an answer to nothing", reply_to=1)
    assert (await ann.refused())["code"] == "no_such_message"
    await ann.send(type="describe", title="Mine", topic="")
    assert (await ann.refused())["code"] == "not_allowed"
    assert (await bob.come_back())["log"] == ann.log
    assert rows(room) == []


async def test_the_first_message_makes_the_row_with_the_log_that_everybody_knows(
    enter: Enter, room: str, rows: Rows
) -> None:
    ann, bob = await enter("Ann"), await enter("Bob", on=1)
    await ann.post("first")
    await bob.until(lambda c: c.bodies == ["first"], "the first message")
    await bob.post("second")
    assert rows(room) == [(room, ann.log, 2)]
    assert (await bob.come_back())["reset"] is False
    assert "bye" not in [event["type"] for client in (ann, bob) for event in client.events]
    await bob.send(type="history", before=3, limit=5)
    assert len((await bob.next("page"))["messages"]) == 2


async def test_servers_that_could_not_agree_on_a_log_lose_and_double_nothing(
    enter: Enter, rows: Rows, redis_server: RedisServer
) -> None:
    """As after an outage of Redis: each process has its own proposal."""
    for _ in range(20):  # Until no renewal comes in between.
        room = new_slug()
        ann = await enter("Ann", room)
        redis_server.client.delete(f"chatty:presence:{{{room}}}:log")
        bob = await enter("Bob", room, on=1)
        if ann.log != bob.log:
            break
    assert ann.log != bob.log
    nonces = {ann: str(uuid.uuid4()), bob: str(uuid.uuid4())}
    for client, nonce in nonces.items():
        await client.send(type="post", nonce=nonce, body=client.name)
    loser = await _the_one_sent_away(ann, bob)
    welcome = await loser.come_back()
    assert welcome["reset"] is True
    await loser.post(loser.name, nonces[loser])  # Sent again, as it wasn't acknowledged.
    for client in (ann, bob):
        await client.until(lambda c: sorted(c.bodies) == ["Ann", "Bob"], "both messages, once")
    assert ann.log == bob.log
    assert rows(room) == [(room, ann.log, 2)]


async def _the_one_sent_away(*clients: Client) -> Client:
    tasks = {asyncio.create_task(client.closed()): client for client in clients}
    done, others = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED, timeout=60)
    for task in others:
        task.cancel()
    (first,) = done
    assert first.result() == 1012
    return tasks[first]


async def test_a_deleted_room_is_without_a_row_until_somebody_writes_again(
    enter: Enter, room: str, rows: Rows, shared_database: str
) -> None:
    ann = await enter("Ann")
    await ann.post("first")
    log = ann.log
    with psycopg.connect(shared_database.replace("postgres://", "postgresql://"), autocommit=True) as database:
        database.execute("DELETE FROM chat_message WHERE room_id = (SELECT id FROM chat_room WHERE slug = %s)", (room,))
        database.execute("DELETE FROM chat_room WHERE slug = %s", (room,))
    assert await ann.closed() == 1012
    welcome = await ann.come_back()
    assert (welcome["reset"], welcome["head"], welcome["messages"]) == (True, 0, [])
    assert ann.log != log
    assert rows(room) == []
    await ann.post("anew")
    assert rows(room) == [(room, ann.log, 1)]


async def test_what_a_moderator_does_or_somebody_makes_is_a_row(
    enter: Enter, rows: Rows, moderators_browser: httpx.Client
) -> None:
    locked, described, slow, made = slugs = sorted(new_slug() for _ in range(4))
    mo = {slug: await enter("Mo", slug, **cookie_of(moderators_browser)) for slug in (locked, described, slow)}
    await mo[locked].send(type="lock", on=True)
    await mo[described].send(type="describe", title="Tea", topic="")
    await mo[slow].send(type="slow", seconds=5)
    for client in mo.values():
        await client.next("room")
    visitor = await enter("Bob", made, on=1)
    maker = await enter("Ann", "hall")
    await maker.send(type="make", slug=made, title="Milk")
    assert (await visitor.next("room"))["room"]["title"] == "Milk"
    logs = {slug: client.log for slug, client in (mo | {made: visitor}).items()}
    assert sorted(rows(*slugs)) == [(slug, logs[slug], 0) for slug in slugs]
    assert "bye" not in [event["type"] for event in visitor.events]


async def test_joining_makes_no_rows_and_leaves_nothing_behind(enter: Enter, rows: Rows, pair: Pair) -> None:
    def no_rooms() -> bool:
        return pair[0].counts()["rooms"] == 0

    await asyncio.to_thread(wait_until, no_rooms, 10, "the rooms of other tests to be dropped")
    slugs = [new_slug() for _ in range(60)]
    clients = [await enter("Eve", slug) for slug in slugs]
    assert pair[0].counts()["rooms"] == len(slugs)
    for client in clients:
        await client.close()
    await asyncio.to_thread(wait_until, no_rooms, 10, "the rooms to be dropped")
    assert rows(*slugs) == []


async def test_a_room_that_somebody_is_in_is_watched_like_an_empty_one(enter: Enter, room: str) -> None:
    ann, slug = await enter("Ann", "hall"), new_slug()
    nothing = {"slug": slug, "title": slug, "unread": 0, "called": 0, "head": 0}
    await ann.send(type="watch", rooms=[{"slug": slug, "seq": 0}])
    assert (await ann.next("unread"))["rooms"] == []
    bob = await enter("Bob", slug, on=1)
    await ann.send(type="watch", rooms=[{"slug": slug, "seq": 0}])
    assert (await ann.next("unread"))["rooms"] == [nothing]
    await bob.post("first")
    assert (await ann.next("activity"))["rooms"] == [{"slug": slug, "posted": 1, "head": 1}]


async def test_writing_first_in_many_rooms_is_limited_like_making_them() -> None:
    with ChattyServer(MAX_CONNECTIONS_PER_MEMBER="0", IDENTITY_LIMIT="200,1", COMMAND_LIMIT="100,20") as server:
        token, codes = "", []
        for _ in range(7):
            client = Client(server.http_url, "Eve", new_slug())
            client.token = token
            async with client:
                token = client.token
                await client.send(type="post", nonce=str(uuid.uuid4()), body="first")
                event = await client.next(None, lambda event: event["type"] in ("message", "refused"))
                codes.append(event.get("code"))
        assert codes == [None] * 5 + ["rate_limited"] * 2
