"""A room over plain HTTP, as docs/protocol.md has it: streams, polls and commands, on each server and database."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from chat.protocol.constants import COMMANDS_LIMIT, FRAME_LIMIT_BYTES
from tests.client import Client, new_slug
from tests.examples import examples
from tests.http_client import Requester, events_of, stream
from tests.servers import ChattyServer, DevelopmentServer

LOG = "3f1c2b52-1d9c-4cf0-9f3e-0d8a4c7a2b10"
POST = {"type": "post", "nonce": "6f1d3c52-1d9c-4cf0-9f3e-0d8a4c7a2b10", "body": "hello"}


once = pytest.mark.parametrize("server", ["uvicorn"], indirect=True)  # For tests that wait long.


@pytest.fixture
async def ann(server: ChattyServer, room: str) -> AsyncIterator[Requester]:
    async with Requester(server.http_url, room) as ann:
        yield ann


@pytest.fixture
async def bob(server: ChattyServer, room: str) -> AsyncIterator[Client]:
    """On a socket."""
    async with Client(server.http_url, "Bob", room) as bob:
        yield bob


def kinds(events: list[dict[str, object]]) -> list[object]:
    return [event["type"] for event in events]


# --- streams ---


async def test_a_stream_begins_with_welcome_and_says_in_each_id_how_far_its_reader_is(ann: Requester) -> None:
    async with stream(ann, name="Ann") as events:
        headers = events.answer.headers
        assert headers["content-type"] == "text/event-stream"
        assert (headers["cache-control"], headers["x-accel-buffering"]) == ("no-store", "no")
        welcome = await events.next()
        assert (welcome["type"], welcome["me"]) == ("welcome", {"id": ann.id, "name": "Ann"})
        message = await ann.post("hello")
        assert await events.next("message") == message
        assert events.frames[0][0] == f"{welcome['log']}:0"
        assert events.frames[-1][0] == f"{welcome['log']}:1"
        await events.next("pulse")


async def test_a_member_by_http_is_seen_like_any_other(ann: Requester, bob: Client) -> None:
    async with stream(ann, name="Ann") as events:
        assert (await bob.next("joined"))["member"] == {"id": ann.id, "name": "Ann"}
        assert [member["name"] for member in (await events.next("welcome"))["members"]] == ["Bob", "Ann"]
        await ann.command({"type": "typing"})
        assert (await bob.next("typing"))["id"] == ann.id
        renamed = events_of(await ann.command({"type": "rename", "name": "Anna"}))
        assert renamed[0]["member"] == (await bob.next("renamed"))["member"] == {"id": ann.id, "name": "Anna"}
        await ann.command({"type": "away", "on": True})
        assert (await bob.next("away"))["on"]
        assert (await ann.post("hi"))["author"]["name"] == "Anna"
        assert (await bob.next("message"))["body"] == "hi"
        await bob.post("and you")
        assert (await events.next("message", lambda event: event["body"] == "and you"))["author"]["name"] == "Bob"
    assert (await bob.next("left"))["id"] == ann.id


async def test_who_gives_no_name_listens_and_is_not_listed(ann: Requester, bob: Client) -> None:
    async with stream(ann) as events:
        assert [member["name"] for member in (await events.next("welcome"))["members"]] == ["Bob"]
        await bob.post("hello")
        assert (await events.next("message"))["body"] == "hello"
        assert (await ann.command({"type": "typing"})).status_code == 400
        assert (await ann.post("hello Bob", session=False, name="Robot"))["author"]["name"] == "Robot"
    assert not {"joined", "left"} & set(kinds(await bob.settle()))


@pytest.mark.parametrize("by_header", [True, False])
async def test_a_stream_resumes_after_the_version_that_its_reader_has(ann: Requester, by_header: bool) -> None:
    async with stream(ann, name="Ann") as events:
        await ann.post("one")
        await events.next("message")
        last = events.ids[-1]
    await ann.post("two", session=False)
    options = {"headers": {"Last-Event-ID": last}} if by_header else {"since": last}
    async with stream(ann, name="Ann", **options) as events:
        welcome = await events.next("welcome")
        assert not welcome["reset"]
        assert [message["body"] for message in welcome["messages"]] == ["two"]


async def test_a_new_stream_of_a_session_ends_the_older_one(ann: Requester, bob: Client) -> None:
    async with stream(ann, name="Ann") as older:
        await older.next("welcome")
        async with stream(ann, name="Ann") as newer:
            assert (await older.next("bye"))["reconnect"] is False
            await older.ended()
            await ann.command({"type": "typing"})
            await newer.next("typing")
    assert kinds(bob.events).count("left") == 0


@once
async def test_a_stream_says_bye_when_the_server_stops(ann: Requester, room: str) -> None:
    with ChattyServer() as stopping:
        async with Requester(stopping.http_url, room) as eve, stream(eve, name="Eve") as events:
            await events.next("welcome")
            polling = Requester(stopping.http_url, room)
            await polling.identify()
            await polling.poll(name="Pia")
            poll = asyncio.create_task(polling.poll())
            await events.next("joined")
            await asyncio.sleep(0.5)  # So that it waits; one that doesn't yet is told the same.
            await asyncio.to_thread(stopping.stop)
            bye = await events.next("bye")
            assert (bye["code"], bye["reconnect"]) == (1012, True)
            await events.ended()
            assert kinds(await poll)[-1] == "bye"
            await polling.http.aclose()


# --- polls ---


async def test_polls_miss_nothing_in_between_and_nobody_sees_the_member_leave(ann: Requester, bob: Client) -> None:
    assert kinds(await ann.poll(name="Ann")) == ["welcome"]
    await bob.next("joined")
    await bob.post("one")
    await bob.send(type="typing")
    await bob.settle()
    told = await ann.poll()
    assert kinds(told) == ["message", "typing"]
    waiting = asyncio.create_task(ann.poll())
    await bob.post("two")
    assert [event["body"] for event in await waiting] == ["two"]
    await ann.post("three")
    assert [event["body"] for event in await ann.poll()] == ["three"]
    await bob.settle()
    assert "left" not in kinds(bob.events)


@pytest.mark.long
@once
async def test_a_poll_without_news_is_answered_with_a_pulse(ann: Requester) -> None:
    await ann.poll(name="Ann")
    assert kinds(await ann.poll()) == ["pulse"]


async def test_a_poll_may_say_how_long_it_waits(ann: Requester) -> None:
    other = str(uuid.uuid4())
    for session in (ann.session, other):
        assert kinds(await ann.poll(name="Ann", session=session)) == ["welcome"]
    longer = asyncio.create_task(ann.poll(session=other))
    assert kinds(await ann.poll(wait="1")) in ([], ["pulse"])
    assert not longer.done()
    longer.cancel()
    for wait in ("0", "26", "x"):
        answer = await ann.http.get(f"{ann.base}/events", params={"poll": "1", "session": ann.session, "wait": wait})
        assert (answer.status_code, events_of(answer)[0]["code"]) == (400, "bad_frame")


@pytest.mark.long
@once
async def test_a_session_without_polls_ends_and_the_next_poll_resumes(ann: Requester, bob: Client) -> None:
    welcome = (await ann.poll(name="Ann"))[0]
    await bob.next("joined")
    await bob.until(lambda client: "left" in kinds(client.events), "left")
    await bob.post("meanwhile")
    again = (await ann.poll(name="Ann", since=f"{welcome['log']}:{welcome['head']}"))[0]
    assert (again["type"], again["reset"]) == ("welcome", False)
    assert [message["body"] for message in again["messages"]] == ["meanwhile"]


async def test_who_aborts_a_poll_leaves_within_5_seconds(ann: Requester, bob: Client) -> None:
    await ann.poll(name="Ann")
    await bob.next("joined")
    poll = asyncio.create_task(ann.poll())
    await asyncio.sleep(0.5)
    poll.cancel()
    assert (await bob.next("left"))["id"] == ann.id


async def test_who_says_that_it_leaves_is_gone_though_its_request_stays_open(ann: Requester, bob: Client) -> None:
    await ann.poll(name="Ann")
    await bob.next("joined")
    poll = asyncio.create_task(ann.poll())
    await asyncio.sleep(0.2)
    answer = await ann.leave()
    assert (answer.status_code, answer.content) == (204, b"")
    await poll  # It is answered.
    assert (await bob.next("left"))["id"] == ann.id
    async with stream(ann, name="Ann") as events:
        await bob.next("joined")
        await events.next("welcome")
        assert (await ann.leave()).status_code == 204
        await events.ended()
        assert (await bob.next("left"))["id"] == ann.id
    assert (await ann.leave()).status_code == 204  # Again, after its end.
    assert (await ann.http.delete(f"{ann.base}/events")).status_code == 400
    assert (await ann.http.delete(f"{ann.base}/events?session=mine")).status_code == 400


async def test_of_two_polls_at_once_the_newer_one_gets_the_events(ann: Requester, bob: Client) -> None:
    await ann.poll(name="Ann")
    older = asyncio.create_task(ann.poll())
    await asyncio.sleep(0.2)
    newer = asyncio.create_task(ann.poll())
    assert await older == []
    await bob.post("hello")
    assert [event["body"] for event in await newer if event["type"] == "message"] == ["hello"]


async def test_another_member_cannot_use_a_session(ann: Requester, bob: Client, server: ChattyServer) -> None:
    async with stream(ann, name="Ann"), Requester(server.http_url, ann.room) as eve:
        await bob.next("joined")
        eve.session = ann.session
        assert (await eve.leave()).status_code == 204
        assert (await eve.command({"type": "typing"})).status_code == 400
        assert (await eve.post("it's me"))["author"]["id"] == eve.id
        assert kinds(await eve.poll(name="Eve"))[0] == "welcome"
        await ann.command({"type": "typing"})
        assert (await bob.next("typing"))["id"] == ann.id


# --- commands ---


async def test_commands_are_answered_by_their_events(ann: Requester) -> None:
    message = (events_of(await ann.command(POST, session=False)))[0]
    assert (message["body"], message["author"]) == ("hello", {"id": ann.id, "name": f"Guest {ann.id[:4]}"})
    assert events_of(await ann.command(POST, session=False)) == [message], "the same nonce is the same message"
    seq = message["seq"]
    answers = events_of(
        await ann.command(
            [
                {"type": "edit", "seq": seq, "body": "hello there", "id": "a"},
                {"type": "react", "seq": seq, "emoji": "👍", "on": True},
                {"type": "history", "before": 9, "limit": 5, "id": "b"},
                {"type": "nonsense"},
                {"type": "search", "query": "there", "limit": 5},
                {"type": "sync", "since": 0},
                {"type": "delete", "seq": seq},
            ],
            session=False,
        )
    )
    assert kinds(answers) == ["message", "done", "reacted", "page", "refused", "found", "changes", "message"]
    assert (answers[1]["re"], answers[3]["re"]) == ("a", "b")
    assert answers[-1]["deleted"]


async def test_answers_come_to_the_request_and_not_to_the_stream(ann: Requester) -> None:
    async with stream(ann, name="Ann") as events:
        await events.next("welcome")
        page = await ann.command({"type": "history", "before": 9, "limit": 5})
        assert kinds(events_of(page)) == ["page"]
        refused = await ann.command({"type": "edit", "seq": 99, "body": "x"})
        assert (refused.status_code, kinds(events_of(refused))) == (404, ["refused"])
        watched = await ann.command({"type": "watch", "rooms": [{"slug": "lobby", "seq": 0}]})
        assert kinds(events_of(watched)) == ["unread"]
        await ann.command({"type": "typing"})
        await events.next("typing")
        assert set(kinds(events.events)) <= {"welcome", "typing", "pulse"}


async def test_a_watching_stream_hears_of_other_rooms(ann: Requester, server: ChattyServer) -> None:
    async with (
        Requester(server.http_url, new_slug()) as elsewhere,
        stream(elsewhere, name="Eve"),
        stream(ann, name="Ann") as events,
    ):
        await ann.command({"type": "watch", "rooms": [{"slug": elsewhere.room, "seq": 0}]})
        await elsewhere.post("news")
        assert (await events.next("activity"))["rooms"][0]["slug"] == elsewhere.room


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_frame"),
        (b"nothing", 400, "bad_frame"),
        (b"\xff\xfe", 400, "bad_frame"),
        (b"[" * 100_000, 400, "bad_frame"),
        (json.dumps([POST] * (COMMANDS_LIMIT + 1)).encode(), 400, "bad_frame"),
        (b'{"type":"join","token":"","name":"Ann","v":1}', 400, "bad_frame"),
        (b'{"type":"nonsense"}', 400, "unknown_command"),
        (json.dumps(POST | {"body": " "}).encode(), 400, "body_empty"),
        (json.dumps(POST | {"body": "x" * 4_001}).encode(), 400, "body_too_long"),
        (json.dumps(POST | {"body": "x" * FRAME_LIMIT_BYTES}).encode(), 413, "too_big"),
        (json.dumps(POST | {"body": "é" * (FRAME_LIMIT_BYTES // 2)}, ensure_ascii=False).encode(), 413, "too_big"),
        (b'{"type":"delete","seq":99}', 404, "no_such_message"),
        (b'{"type":"lock","on":true}', 403, "not_allowed"),
        (b'{"type":"make","slug":"lobby","title":"Lobby"}', 409, "room_exists"),
    ],
    ids=lambda value: value[:30] if isinstance(value, bytes) else None,
)
async def test_a_lone_refusal_sets_the_status(ann: Requester, body: bytes, status: int, code: str) -> None:
    answer = await ann.command(body, session=False)
    assert (answer.status_code, events_of(answer)[0]["code"]) == (status, code)


async def test_a_body_over_the_limit_is_refused(ann: Requester) -> None:
    answer = await ann.command(b" " * (COMMANDS_LIMIT * FRAME_LIMIT_BYTES + 1), session=False)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("name=", 400),
        ("name=%ff", 400),
        ("name=" + "x" * 41, 400),
        ("v=2", 400),
        ("session=mine", 400),
        ("poll=perhaps", 400),
        ("since=1", 400),
        (f"since={LOG}", 400),
        (f"since={LOG}" + ":-1", 400),
        (f"since={LOG}" + ":99999999999999999999", 400),
        ("&".join(f"a{number}=1" for number in range(50)), 400),
        ("epoch=" + "x" * 300 + "&since=" + LOG + ":1", 400),
    ],
)
async def test_an_invalid_query_gets_an_answer(ann: Requester, query: str, status: int) -> None:
    answer = await ann.http.get(f"{ann.base}/events?{query}")
    assert answer.status_code == status
    assert kinds(events_of(answer)) in (["refused"], ["bye"])


async def test_who_has_no_valid_token_gets_401(ann: Requester) -> None:
    for token in ("", "Bearer", "Bearer nobody", f"Basic {ann.token}", f"Bearer {ann.token}x"):
        headers = {"Authorization": token}
        assert (await ann.http.get(f"{ann.base}/events", headers=headers)).status_code == 401, token
        answer = await ann.http.post(f"{ann.base}/commands", json=POST, headers=headers)
        assert (answer.status_code, events_of(answer)[0]["code"]) == (401, "bad_token")
        assert (await ann.http.get(f"{ann.base}/events?token={ann.token}", headers=headers)).status_code == 401


@pytest.mark.parametrize("slug", ["No_Such", "x" * 51, "%00", "é", "..."])
async def test_a_room_that_cannot_be_is_not_found(ann: Requester, slug: str) -> None:
    base = ann.base.rpartition("/")[0]
    assert (await ann.http.get(f"{base}/{slug}/events?name=Ann")).status_code == 404
    answer = await ann.http.post(f"{base}/{slug}/commands", json=POST)
    assert (answer.status_code, events_of(answer)[0]["code"]) == (404, "no_such_room")


async def test_other_methods_are_refused(ann: Requester) -> None:
    for method, path in (("POST", "events"), ("GET", "commands"), ("PUT", "commands"), ("OPTIONS", "events")):
        answer = await ann.http.request(method, f"{ann.base}/{path}")
        assert (answer.status_code, "allow" in answer.headers) == (405, True)


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.binary(max_size=200), query=st.binary(max_size=60))
def test_whatever_bytes_come_get_an_answer(server: ChattyServer, body: bytes, query: bytes) -> None:
    headers = {"Authorization": f"Bearer {_token(server)}"}
    with httpx.Client(trust_env=False, headers=headers, timeout=60) as http:
        text = "".join(f"%{byte:02x}" for byte in query)
        for address in (f"?session={text}", f"?{text}", ""):
            answer = http.post(f"{server.http_url}/chatty/fuzzed/commands{address}", content=body)
            if answer.status_code == 200:  # Of all that may come, only no commands at all.
                assert json.loads(body) == answer.json() == []
                continue
            assert answer.status_code in (400, 413), answer.text
            assert events_of(answer)[0]["type"] == "refused"


_tokens: dict[str, str] = {}


def _token(server: ChattyServer) -> str:
    if server.http_url not in _tokens:
        answer = httpx.get(f"{server.http_url}/get_user_info.json", trust_env=False, timeout=60)
        _tokens[server.http_url] = answer.json()["token"]
    return _tokens[server.http_url]


# --- other origins ---


@pytest.fixture(scope="module", params=[ChattyServer, DevelopmentServer], ids=["uvicorn", "daphne"])
def open_server(request: pytest.FixtureRequest) -> Iterator[ChattyServer]:
    with request.param(ALLOWED_ORIGINS="https://friend.example") as started:
        yield started


async def test_pages_of_allowed_origins_may_use_it_and_no_others(open_server: ChattyServer, room: str) -> None:
    async with Requester(open_server.http_url, room) as ann:
        friend = {"Origin": "https://friend.example"}
        preflight = friend | {"Access-Control-Request-Method": "POST"}
        allowed = await ann.http.options(f"{ann.base}/commands", headers=preflight)
        assert allowed.status_code == 204
        assert allowed.headers["access-control-allow-origin"] == "https://friend.example"
        assert "Authorization" in allowed.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in allowed.headers
        for answer in (
            await ann.http.post(f"{ann.base}/commands", json=POST, headers=friend),
            await ann.http.post(f"{ann.base}/commands", json=POST, headers=friend | {"Authorization": ""}),
            await ann.http.get(f"{ann.base}/events?poll=1", headers=friend),
        ):
            assert answer.headers["access-control-allow-origin"] == "https://friend.example"
            assert "Origin" in answer.headers["vary"]
        for origin in ("https://stranger.example", "null", "https://friend.example.evil", "http://friend.example"):
            for method, path in (("GET", "events?poll=1"), ("POST", "commands"), ("OPTIONS", "commands")):
                answer = await ann.http.request(method, f"{ann.base}/{path}", headers={"Origin": origin})
                assert answer.status_code == 403
                assert "access-control-allow-origin" not in answer.headers


async def test_a_stranger_who_leads_his_name_here_gets_nothing(ann: Requester) -> None:
    answer = await ann.http.get(f"{ann.base}/events?poll=1", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    origin = {"Host": "evil.example", "Origin": "http://evil.example"}
    assert (await ann.http.post(f"{ann.base}/commands", json=POST, headers=origin)).status_code == 403
