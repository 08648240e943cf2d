"""Two server processes that share Redis and a database: members on different ones are in the same room."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import httpx
import pytest

from tests import servers
from tests.client import Client
from tests.servers import Pair, PostgresServer, RedisServer


@pytest.fixture
async def ann(pair: Pair, room: str) -> AsyncIterator[Client]:
    async with Client(pair[0].http_url, "Ann", room) as client:
        yield client


@pytest.fixture
async def bob(pair: Pair, room: str, ann: Client) -> AsyncIterator[Client]:
    async with Client(pair[1].http_url, "Bob", room) as client:
        await ann.next("joined")
        yield client


async def test_a_message_crosses_over(ann: Client, bob: Client) -> None:
    mine = await ann.post("hello")
    assert await bob.next("message") == mine
    yours = await bob.post("hello yourself")
    assert await ann.next("message", lambda event: event["seq"] == 2) == yours


async def test_changes_of_a_message_cross_over(ann: Client, bob: Client) -> None:
    await ann.post("hello")
    await bob.until(lambda c: c.head == 1, "the message")
    reacted = await bob.change(1, type="react", emoji="👍", on=True)
    told = await ann.next("reacted")
    assert (told["version"], told["after"], ann.messages) == (2, 1, {1: reacted})
    async with Client(ann.http_url, "Eve", ann.room) as eve:  # Both processes buffer the whole message.
        assert eve.messages == ann.messages
    edited = await ann.change(1, type="edit", body="hello again")
    assert await bob.next("message", lambda event: event["version"] == 3) == edited
    deleted = await ann.change(1, type="delete")
    assert await bob.next("message", lambda event: event["version"] == 4) == deleted
    assert ann.messages == bob.messages == {1: deleted}


async def test_both_processes_tell_one_order(ann: Client, bob: Client) -> None:
    for number in range(50):
        await ann.send(type="post", nonce=str(uuid.uuid4()), body=f"a{number}")
        await bob.send(type="post", nonce=str(uuid.uuid4()), body=f"b{number}")
    for client in (ann, bob):
        await client.until(lambda c: c.head == 100, "100 messages")
        assert client.versions == list(range(1, 101))
    assert ann.bodies == bob.bodies


async def test_a_join_a_rename_typing_and_a_leave_cross_over(ann: Client, bob: Client) -> None:
    assert bob.members == ann.members == {ann.id: "Ann", bob.id: "Bob"}
    assert bob.online == ann.online == 2
    await bob.send(type="rename", name="Robert")
    assert (await ann.next("renamed"))["member"] == {"id": bob.id, "name": "Robert"}
    await bob.send(type="typing")
    assert (await ann.next("typing"))["id"] == bob.id
    await bob.close()
    assert await ann.next("left") == {"type": "left", "id": bob.id, "online": 1}


async def test_a_member_is_away_when_its_tabs_on_all_processes_are(
    pair: Pair, room: str, ann: Client, bob: Client
) -> None:
    second = Client(pair[0].http_url, "Bob", room)
    second.token = bob.token
    await second.open()
    await second.join(away=True)
    await bob.send(type="away", on=True)
    away = {"type": "away", "id": bob.id, "on": True}
    assert await ann.next("away") == await bob.next("away") == await second.next("away") == away
    async with Client(pair[1].http_url, "Eve", room) as eve:
        members = {member["id"]: member for member in eve.events[0]["members"]}
        assert members[bob.id] == {"id": bob.id, "name": "Bob", "away": True}
        await second.send(type="away", on=False)
        assert await ann.next("away") == await eve.next("away") == away | {"on": False}
        await second.close()
        assert await ann.next("away") == await eve.next("away") == away
    assert [event["on"] for event in ann.events if event["type"] == "away"] == [True, False, True]


async def test_two_tabs_on_two_processes_are_one_member(pair: Pair, room: str, ann: Client, bob: Client) -> None:
    second = Client(pair[0].http_url, "Bob", room)
    second.token = bob.token
    async with second:
        assert second.online == 2
        await bob.close()
        await second.post("still here")
        kinds = [event["type"] for event in await ann.settle()]
        assert "left" not in kinds
        assert "joined" not in kinds
    assert (await ann.next("left"))["id"] == bob.id


async def test_a_nonce_is_known_on_every_process(pair: Pair, room: str, ann: Client, bob: Client) -> None:
    nonce = str(uuid.uuid4())
    first = await ann.post("once", nonce)
    await ann.close()
    ann.http_url = pair[1].http_url
    await ann.come_back()
    assert await ann.post("once", nonce) == first
    await bob.until(lambda c: c.head == 1, "the message")
    assert bob.versions == [1]


async def test_a_member_resumes_on_another_process(pair: Pair, room: str, ann: Client, bob: Client) -> None:
    await ann.post("one")
    await bob.until(lambda c: c.head == 1, "the first message")
    await bob.close()
    await ann.post("two")
    bob.http_url = pair[0].http_url
    welcome = await bob.come_back()
    assert [message["body"] for message in welcome["messages"]] == ["two"]


async def test_a_message_that_the_group_lost_is_found_in_the_log(
    pair: Pair, room: str, ann: Client, bob: Client, redis_server: RedisServer
) -> None:
    await ann.post("one")
    await bob.until(lambda c: c.head == 1, "the first message")
    # As if Redis had forgotten this process for a moment: the group loses what is sent meanwhile.
    redis_server.client.client_kill_filter(_type="pubsub")
    await ann.post("two")
    await bob.until(lambda c: c.head == 2, "the second message")
    assert bob.bodies == ["one", "two"]


async def test_readyz_says_what_answers(pair: Pair) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"{pair[0].http_url}/readyz")
    assert answer.json() == {"status": "ok", "database": "ok", "redis": "ok"}


async def test_a_process_that_stops_says_bye_and_its_members_stay_present(
    redis_server: RedisServer, postgres_server: PostgresServer, room: str
) -> None:
    settings = {"REDIS_URL": redis_server.url, "DATABASE_URL": postgres_server.create_migrated_database()}
    one, other = servers.chatty_server(**settings), servers.chatty_server(**settings)
    with servers.all_of(one, other):
        async with Client(one.http_url, "Ann", room) as ann, Client(other.http_url, "Bob", room) as bob:
            await ann.next("joined")
            other.process.terminate()  # type: ignore[union-attr]
            bye = await bob.next("bye")
            assert bye["code"] == 1012
            assert bye["reconnect"] is True
            assert 0 <= bye["after"] <= 3
            assert await bob.closed() == 1012
            bob.http_url = one.http_url
            await bob.come_back()
            await asyncio.to_thread(other.stop)
            assert not {"joined", "left"} & {event["type"] for event in await ann.settle()}
