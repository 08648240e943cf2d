"""Sessions over HTTP on two processes that share Redis and PostgreSQL: any process takes any request."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.client import Client, Enter
from tests.http_client import Requester, events_of, stream
from tests.integration.test_http_transport import kinds
from tests.moderators import sign_in
from tests.servers import Pair, RedisServer, all_of, chatty_server


@pytest.fixture
async def ann(pair: Pair, room: str) -> AsyncIterator[Requester]:
    """On the first process."""
    async with Requester(pair[0].http_url, room) as ann:
        yield ann


@pytest.fixture
async def elsewhere(pair: Pair, ann: Requester) -> AsyncIterator[Requester]:
    """The same client, whose requests come to the second process."""
    async with Requester(pair[1].http_url, ann.room) as elsewhere:
        elsewhere.token, elsewhere.session = ann.token, ann.session
        await elsewhere.identify()
        yield elsewhere


async def test_commands_at_another_process_are_those_of_the_stream(
    ann: Requester, elsewhere: Requester, enter: Enter
) -> None:
    bob = await enter("Bob")
    async with stream(ann, name="Ann") as events:
        await events.next("welcome")
        await elsewhere.command({"type": "typing"})
        assert (await bob.next("typing"))["id"] == ann.id
        await elsewhere.command({"type": "rename", "name": "Anna"})
        assert (await bob.next("renamed"))["member"]["name"] == "Anna"
        message = await elsewhere.post("hello")
        assert message["author"]["name"] == "Anna"
        assert await events.next("message") == message
        answers = await elsewhere.command(
            [{"type": "history", "before": 9, "limit": 5, "id": "a"}, {"type": "edit", "seq": 99, "body": "x"}]
        )
        assert kinds(events_of(answers)) == ["page", "refused"]
        lone = await elsewhere.command({"type": "edit", "seq": 99, "body": "x"})
        assert lone.status_code == 404


async def test_polls_may_come_to_any_process(ann: Requester, elsewhere: Requester, enter: Enter) -> None:
    bob = await enter("Bob", on=1)
    assert kinds(await ann.poll(name="Ann")) == ["welcome"]
    await bob.next("joined")
    for number, turn in enumerate((elsewhere, ann, elsewhere, elsewhere, ann)):
        await bob.send(type="typing")
        await bob.post(str(number))
        await bob.settle()
        told: list[object] = []
        while f"{number}" not in told:
            told += [event.get("body") for event in await turn.poll()]
    waiting = asyncio.create_task(elsewhere.poll())
    await bob.post("at last")
    assert [event["body"] for event in await waiting if event["type"] == "message"] == ["at last"]
    assert "left" not in kinds(bob.events)


@pytest.mark.long
async def test_a_poll_without_news_waits_as_long_at_another_process(ann: Requester, elsewhere: Requester) -> None:
    await ann.poll(name="Ann")
    started_at = asyncio.get_running_loop().time()
    assert kinds(await elsewhere.poll()) == ["pulse"]
    assert asyncio.get_running_loop().time() - started_at > 24


async def test_who_aborts_a_poll_at_another_process_leaves_too(
    ann: Requester, elsewhere: Requester, enter: Enter
) -> None:
    bob = await enter("Bob")
    await ann.poll(name="Ann")
    await bob.next("joined")
    poll = asyncio.create_task(elsewhere.poll())
    await asyncio.sleep(0.5)
    poll.cancel()
    async with asyncio.timeout(5.5):
        assert (await bob.next("left"))["id"] == ann.id


async def test_a_session_is_left_by_way_of_any_process(ann: Requester, elsewhere: Requester, enter: Enter) -> None:
    bob = await enter("Bob")
    await ann.poll(name="Ann")
    await bob.next("joined")
    poll = asyncio.create_task(ann.poll())
    await asyncio.sleep(0.2)
    assert (await elsewhere.leave()).status_code == 204
    await poll  # It is answered.
    assert (await bob.next("left"))["id"] == ann.id
    assert kinds(await ann.poll()) == ["welcome"]  # The session had ended.
    async with stream(ann, name="Ann") as events:
        await events.next("welcome")
        assert (await elsewhere.leave()).status_code == 204
        await events.ended()


async def test_a_stream_may_move_to_another_process(ann: Requester, elsewhere: Requester, enter: Enter) -> None:
    bob = await enter("Bob")
    async with stream(ann, name="Ann") as older:
        await older.next("welcome")
        async with stream(elsewhere, name="Ann") as newer:
            assert (await older.next("bye"))["reconnect"] is False
            await ann.command({"type": "typing"})
            await newer.next("typing")
    assert kinds(bob.events).count("left") == 0


async def test_a_session_of_a_process_that_died_begins_anew_elsewhere(redis_url: str, postgres_url: str) -> None:
    settings = {"REDIS_URL": redis_url, "DATABASE_URL": postgres_url}
    one, other = chatty_server(**settings), chatty_server(**settings)
    with all_of(one, other):
        async with (
            Requester(one.http_url, "harbour") as ann,
            Requester(other.http_url, "harbour") as elsewhere,
            Client(other.http_url, "Bob", "harbour") as bob,
        ):
            elsewhere.token, elsewhere.session = ann.token, ann.session
            await elsewhere.identify()
            welcome = (await ann.poll(name="Ann"))[0]
            await ann.post("one")
            await bob.next("message")
            one.kill()
            await bob.post("two")
            again = (await elsewhere.poll(name="Ann", since=f"{welcome['log']}:1"))[0]
            assert (again["type"], again["reset"]) == ("welcome", False)
            assert [message["body"] for message in again["messages"]] == ["two"]
            assert (await elsewhere.post("three"))["author"]["name"] == "Ann"


async def test_without_redis_a_session_begins_anew_and_posts_are_not_doubled(
    own_redis_server: RedisServer, postgres_url: str
) -> None:
    settings = {"REDIS_URL": own_redis_server.url, "DATABASE_URL": postgres_url}
    one, other = chatty_server(**settings), chatty_server(**settings)
    with all_of(one, other):
        async with Requester(one.http_url, "harbour") as ann, Requester(other.http_url, "harbour") as elsewhere:
            elsewhere.token, elsewhere.session = ann.token, ann.session
            await elsewhere.identify()
            welcome = (await ann.poll(name="Ann"))[0]
            own_redis_server.kill()
            post = {"type": "post", "nonce": "6f1d3c52-1d9c-4cf0-9f3e-0d8a4c7a2b10", "body": "hello"}
            one_answer, other_answer = await ann.command(post), await elsewhere.command(post)
            assert events_of(one_answer)[0]["seq"] == events_of(other_answer)[0]["seq"] == 1
            again = (await elsewhere.poll(name="Ann", since=f"{welcome['log']}:0"))[0]
            assert [message["body"] for message in again["messages"]] == ["hello"]


async def test_a_banned_member_loses_the_stream_and_may_send_nothing(
    pair: Pair, ann: Requester, elsewhere: Requester, enter: Enter, moderators_browser: httpx.Client
) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in moderators_browser.cookies.items())
    mo = await enter("Mo", Cookie=cookie)
    async with stream(ann, name="Ann") as events:
        await events.next("welcome")
        await mo.send(type="ban", id=ann.id, reason="spam")
        assert (await events.next("bye"))["code"] == 4003
        await events.ended()
        answer = await ann.command({"type": "typing"})
        assert (answer.status_code, events_of(answer)[0]["code"]) == (403, "banned")
        async with asyncio.timeout(30):  # The other process hears of the ban by itself.
            while (await elsewhere.command({"type": "typing"})).status_code != 403:
                await asyncio.sleep(0.1)
        answer = await ann.http.get(f"{ann.base}/events?name=Ann")
        assert (answer.status_code, events_of(answer)[0]["code"]) == (403, 4003)
    await mo.send(type="unban", id=ann.id)
    await mo.next("unbanned")


async def test_a_banned_listener_hears_nothing_more(
    ann: Requester, enter: Enter, moderators_browser: httpx.Client
) -> None:
    cookie = "; ".join(f"{name}={value}" for name, value in moderators_browser.cookies.items())
    mo = await enter("Mo", Cookie=cookie)
    async with stream(ann) as events:
        await events.next("welcome")
        await mo.send(type="ban", id=ann.id, reason="spam")
        assert (await events.next("bye"))["code"] == 4003
        await events.ended()
    await mo.send(type="unban", id=ann.id)
    await mo.next("unbanned")


async def test_a_moderator_moderates_by_requests(pair: Pair, room: str, enter: Enter) -> None:
    bob = await enter("Bob", room)
    browser = await asyncio.to_thread(sign_in, pair[1].http_url, "max")  # Bob's connection must answer pings meanwhile.
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    browser.close()
    async with Requester(pair[1].http_url, room, Cookie=cookie) as max_:
        locked = events_of(await max_.command({"type": "lock", "on": True, "reason": "calm"}, session=False))
        assert (locked[0]["type"], locked[0]["room"]["locked"]) == ("room", True)
        assert (await bob.next("room"))["room"]["locked"]
    async with Requester(pair[0].http_url, room) as ann:
        answer = await ann.command({"type": "post", "nonce": ann.id, "body": "hi"}, session=False)
        assert (answer.status_code, events_of(answer)[0]["code"]) == (403, "locked")
