"""The protocol of docs/protocol.md, tested by an outside client on each kind of server and database."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from tests.client import Client, identity
from tests.servers import ChattyServer

NONCE = "6d1f6b0a-2b9b-4b43-8d5b-4f5fdb9f0a55"


@pytest.fixture
async def ann(server: ChattyServer, room: str) -> AsyncIterator[Client]:
    async with Client(server.http_url, "Ann", room) as client:
        yield client


@pytest.fixture
async def bob(server: ChattyServer, room: str, ann: Client) -> AsyncIterator[Client]:
    async with Client(server.http_url, "Bob", room) as client:
        await ann.next("joined")
        yield client


# --- joining ---


async def test_a_welcome_says_who_is_here_and_how_far_the_room_is(ann: Client, bob: Client, room: str) -> None:
    welcome = bob.events[0]
    assert welcome["me"] == {"id": bob.id, "name": "Bob"}
    assert welcome["room"] == {"slug": room, "title": room}
    assert (welcome["head"], welcome["messages"], welcome["more"], welcome["reset"]) == (0, [], False, True)
    assert welcome["members"] == [{"id": ann.id, "name": "Ann"}, {"id": bob.id, "name": "Bob"}]
    assert welcome["online"] == 2
    assert welcome["limits"] == {"body": 4000, "name": 40}
    assert uuid.UUID(welcome["log"])
    assert welcome["pulse"] <= 5
    assert welcome["build"]


async def test_a_newcomer_gets_the_newest_page(server: ChattyServer, room: str, ann: Client) -> None:
    for number in range(1, 54):
        await ann.post(f"message {number}")
    async with Client(server.http_url, "Bob", room) as bob:
        assert bob.bodies == [f"message {number}" for number in range(4, 54)]
        assert bob.events[0]["more"] is True
        assert bob.head == 53


async def test_a_page_of_long_messages_reaches_a_newcomer(server: ChattyServer, room: str, ann: Client) -> None:
    for _ in range(20):  # 320 KB as text alone; a server's limit to what comes in is none to what goes out.
        await ann.post("\U0001f600" * 4_000)
    async with Client(server.http_url, "Bob", room) as bob:
        assert len(bob.bodies) == 20
    await ann.send(type="sync", since=0)
    assert len((await ann.next("changes"))["messages"]) == 20


async def test_a_second_join_is_refused(ann: Client) -> None:
    await ann.send(type="join", token=ann.token, name="Ann", v=1)
    assert (await ann.refused())["code"] == "already_joined"


@pytest.mark.parametrize("token", ["", "nobody", "x" * 1000])
async def test_a_bad_token_closes_with_4401(server: ChattyServer, room: str, token: str) -> None:
    client = await Client(server.http_url, room=room).open()
    await client.send(type="join", token=token, name="Ann", v=1)
    assert await client.next() == {"type": "bye", "code": 4401, "reconnect": False, "after": 0}
    assert await client.closed() == 4401


async def test_another_version_of_the_protocol_closes_with_4400(server: ChattyServer, room: str) -> None:
    client = await Client(server.http_url, room=room).open()
    await client.send(type="join", token=client.token, name="Ann", v=2)
    assert (await client.next())["code"] == 4400
    assert await client.closed() == 4400


@pytest.mark.parametrize("slug", ["No_Such", "x" * 51, "", "a/b", "%00", "é", "a%2fb", "..."])
async def test_a_room_that_cannot_be_closes_with_4404(server: ChattyServer, slug: str) -> None:
    client = await Client(server.http_url, room=slug).open()
    assert (await client.next())["code"] == 4404
    assert await client.closed() == 4404


async def test_a_socket_that_never_joins_is_closed_with_4001(server: ChattyServer, room: str) -> None:
    client = await Client(server.http_url, room=room).open()
    assert (await client.next("bye"))["code"] == 4001
    assert await client.closed() == 4001


# --- messages ---


async def test_a_message_reaches_everyone_in_the_room_and_nobody_outside_it(
    server: ChattyServer, ann: Client, bob: Client
) -> None:
    async with Client(server.http_url, "Eve", "somewhere-else") as eve:
        nonce = str(uuid.uuid4())
        mine = await ann.post("see https://example.com", nonce)
        assert await bob.next("message") == mine
        assert mine["seq"] == mine["version"] == 1
        assert mine["nonce"] == nonce
        assert mine["author"] == {"id": ann.id, "name": "Ann"}
        assert mine["body"] == "see https://example.com"
        assert 'rel="noopener noreferrer nofollow"' in mine["html"]
        assert mine.keys() == {"type", "seq", "version", "nonce", "author", "body", "html", "at"}
        assert not [event for event in await eve.settle() if event["type"] == "message"]


async def test_versions_are_given_out_in_turn_and_everyone_sees_the_same(ann: Client, bob: Client) -> None:
    await asyncio.gather(
        *(ann.send(type="post", nonce=str(uuid.uuid4()), body=f"a{n}") for n in range(30)),
        *(bob.send(type="post", nonce=str(uuid.uuid4()), body=f"b{n}") for n in range(30)),
    )
    for client in (ann, bob):
        await client.until(lambda c: c.head == 60, "60 messages")
        assert client.versions == list(range(1, 61))
    assert ann.bodies == bob.bodies
    assert [body for body in ann.bodies if body[0] == "a"] == [f"a{n}" for n in range(30)]


async def test_a_repeated_nonce_is_the_same_message(ann: Client, bob: Client) -> None:
    nonce = str(uuid.uuid4())
    first = await ann.post("once", nonce)
    await ann.post("another")
    assert await ann.post("once more", nonce) == first
    assert ann.bodies == ["once", "another"]
    await bob.until(lambda c: c.head == 2, "both messages")
    assert not [event for event in await bob.settle() if event["type"] == "message"]


async def test_a_nonce_repeated_at_once_makes_one_message(ann: Client, bob: Client) -> None:
    nonce = str(uuid.uuid4())
    for _ in range(5):
        await ann.send(type="post", nonce=nonce, body="once")
    await ann.settle()
    assert ann.versions == [1]
    await bob.until(lambda c: c.head == 1, "the message")
    assert [event["version"] for event in bob.events if event["type"] == "message"] == [1]


async def test_the_same_nonce_of_somebody_else_is_another_message(ann: Client, bob: Client) -> None:
    assert (await ann.post("mine", NONCE))["seq"] == 1
    assert (await bob.post("mine, too", NONCE))["seq"] == 2


async def test_author_and_place_are_the_servers_to_say(ann: Client, bob: Client) -> None:
    fields = {"author": {"id": bob.id, "name": "Bob"}, "seq": 99, "room": "lobby", "at": 0, "html": "<b>"}
    await ann.send(type="post", nonce=NONCE, body="hi", **fields)
    message = await bob.next("message")
    assert message["author"] == {"id": ann.id, "name": "Ann"}
    assert (message["seq"], message["html"]) == (1, "<p>hi</p>")


# --- changes of messages ---


async def test_an_edited_message_reaches_everyone_in_its_place(ann: Client, bob: Client) -> None:
    before = await ann.post("hello")
    await ann.post("another")
    edited = await ann.change(1, type="edit", body="goodbye <b>")
    assert edited == before | {
        "version": 3,
        "body": "goodbye <b>",
        "html": "<p>goodbye &lt;b&gt;</p>",
        "edited_at": edited["edited_at"],
    }
    assert edited["edited_at"] >= before["at"]
    assert await bob.next("message", lambda event: event["version"] == 3) == edited
    assert bob.bodies == ["goodbye <b>", "another"]
    await ann.send(type="edit", seq=1, body="from a tab that didn't see it", base=0)
    assert (await ann.refused())["code"] == "edited_meanwhile"
    assert (await ann.change(1, type="edit", body="hello again", base=edited["edited_at"]))["version"] == 4


async def test_a_deleted_message_is_a_tombstone_for_everyone_and_in_the_history(
    server: ChattyServer, room: str, ann: Client, bob: Client
) -> None:
    before = await ann.post("a secret")
    await bob.until(lambda c: c.head == 1, "the message")
    await bob.change(1, type="react", emoji="👍", on=True)
    await ann.until(lambda c: c.head == 2, "the reaction")
    deleted = await ann.change(1, type="delete")
    assert deleted == before | {"version": 3, "body": "", "html": "", "deleted": True}
    assert await bob.next("message", lambda event: event["version"] == 3) == deleted
    async with Client(server.http_url, "Eve", room) as eve:
        assert eve.messages == {1: deleted}
    await ann.send(type="history", before=2, limit=1)
    assert (await ann.next("page"))["messages"] == [deleted]


async def test_reactions_come_and_go_for_everyone(ann: Client, bob: Client) -> None:
    await ann.post("hello")
    await bob.until(lambda c: c.head == 1, "the message")
    assert (await bob.change(1, type="react", emoji="❤", on=True))["reactions"] == {"❤️": [bob.id]}
    await ann.until(lambda c: c.head == 2, "Bob's reaction")
    both = await ann.change(1, type="react", emoji="❤️", on=True)
    assert both["reactions"] == {"❤️": [bob.id, ann.id]}
    told = await bob.next("reacted", lambda event: event["version"] == 3)
    expected = {"type": "reacted", "seq": 1, "version": 3, "after": 2, "id": ann.id, "emoji": "❤️", "on": True}
    assert (told, bob.messages) == (expected, {1: both})
    await ann.change(1, type="react", emoji="❤️", on=False)
    await bob.until(lambda c: c.head == 4, "Ann's change of mind")
    assert "reactions" not in await bob.change(1, type="react", emoji="❤️", on=False)


async def test_a_change_that_changes_nothing_is_answered_to_its_sender_alone(ann: Client, bob: Client) -> None:
    await ann.post("hello")
    await ann.post("oops")
    await ann.change(1, type="react", emoji="👍", on=True)
    await ann.change(2, type="delete")
    await bob.until(lambda c: c.head == 4, "all changes")
    for command in (
        {"type": "edit", "seq": 1, "body": "hello"},
        {"type": "react", "seq": 1, "emoji": "👍", "on": True},
        {"type": "react", "seq": 1, "emoji": "🎉", "on": False},
        {"type": "delete", "seq": 2},
    ):
        await ann.send(**command)
        assert await ann.next("message") == ann.messages[int(str(command["seq"]))]
    assert not [event for event in await bob.settle() if event["type"] in ("message", "reacted")]
    assert (await ann.post("next"))["version"] == 5


async def test_a_change_that_may_not_be_is_refused_by_its_seq(ann: Client, bob: Client) -> None:
    await ann.post("mine")
    await ann.post("gone")
    await ann.change(2, type="delete")
    for command, code in (
        ({"type": "edit", "seq": 1, "body": "yours"}, "not_yours"),
        ({"type": "delete", "seq": 1}, "not_yours"),
        ({"type": "delete", "seq": 2}, "not_yours"),
        ({"type": "edit", "seq": 2, "body": "back"}, "no_such_message"),
        ({"type": "react", "seq": 2, "emoji": "👍", "on": True}, "no_such_message"),
        ({"type": "edit", "seq": 3, "body": "a version, not a message"}, "no_such_message"),
        ({"type": "delete", "seq": 2**53 - 1}, "no_such_message"),
        ({"type": "edit", "seq": 1, "body": " "}, "body_empty"),
        ({"type": "edit", "seq": 1, "body": "x" * 4001}, "body_too_long"),
        ({"type": "edit", "seq": 1, "body": "\0"}, "body_empty"),
        ({"type": "edit", "seq": 1}, "bad_frame"),
        ({"type": "react", "seq": 1, "emoji": "like", "on": True}, "bad_frame"),
        ({"type": "react", "seq": 1, "emoji": "👍👍", "on": True}, "bad_frame"),
        ({"type": "react", "seq": 1, "emoji": "👍", "on": "yes"}, "bad_frame"),
    ):
        await bob.send(**command)
        refused = await bob.refused()
        assert (refused["code"], refused["seq"]) == (code, command["seq"]), command
        assert refused["detail"]
    await ann.send(type="edit", seq=0, body="nowhere")
    assert (await ann.refused())["code"] == "bad_frame"
    assert ann.head == 3
    assert ann.bodies == ["mine", ""]


async def test_a_message_takes_so_many_different_emoji(ann: Client) -> None:
    await ann.post("hello")
    faces = [chr(0x1F600 + number) for number in range(21)]
    for face in faces:
        await ann.send(type="react", seq=1, emoji=face, on=True)
    refused = await ann.refused()
    assert (refused["code"], refused["seq"]) == ("too_many_reactions", 1)
    assert ann.messages[1]["reactions"] == {face: [ann.id] for face in faces[:20]}


async def test_a_member_who_comes_back_gets_what_changed_meanwhile(ann: Client, bob: Client) -> None:
    for number in range(1, 4):
        await ann.post(f"{number}")
    await bob.until(lambda c: c.head == 3, "the messages")
    await bob.close()
    await ann.change(1, type="edit", body="won")
    await ann.change(2, type="delete")
    await ann.change(1, type="react", emoji="👍", on=True)
    welcome = await bob.come_back()
    assert welcome["reset"] is False
    assert [(message["seq"], message["version"]) for message in welcome["messages"]] == [(2, 5), (1, 6)]
    assert bob.messages == ann.messages
    await bob.send(type="sync", since=4)
    assert (await bob.next("changes"))["messages"] == welcome["messages"]


# --- coming back ---


async def test_a_member_who_comes_back_gets_exactly_what_was_missed(ann: Client, bob: Client) -> None:
    await ann.post("before")
    await bob.until(lambda c: c.head == 1, "the first message")
    await bob.close()
    for number in range(80):
        await ann.post(f"meanwhile {number}")
    welcome = await bob.come_back()
    assert welcome["reset"] is False
    assert [message["version"] for message in welcome["messages"]] == list(range(2, 82))
    assert bob.bodies == ann.bodies
    await ann.post("after")
    assert (await bob.next("message"))["version"] == 82


async def test_a_member_who_missed_nothing_gets_nothing(ann: Client) -> None:
    await ann.post("one")
    welcome = await ann.come_back()
    assert (welcome["reset"], welcome["messages"], welcome["head"]) == (False, [], 1)


@pytest.mark.parametrize("since", [{"log": NONCE, "version": 1}, {"log": None, "version": 1000}])
async def test_a_history_that_is_not_this_rooms_starts_afresh(ann: Client, since: dict[str, Any]) -> None:
    await ann.post("one")
    await ann.post("two")
    await ann.close()
    await ann.open()
    welcome = await ann.join({"log": since["log"] or ann.log, "version": since["version"]})
    assert welcome["reset"] is True
    assert [message["body"] for message in welcome["messages"]] == ["one", "two"]


async def test_sync_brings_everything_after_a_version(ann: Client) -> None:
    for number in range(5):
        await ann.post(f"{number}")
    await ann.send(type="sync", since=3)
    changes = await ann.next("changes")
    assert [message["version"] for message in changes["messages"]] == [4, 5]
    assert (changes["since"], changes["head"], changes["reset"], changes["more"]) == (3, 5, False, True)
    await ann.send(type="sync", since=5)
    assert (await ann.next("changes"))["messages"] == []


async def test_history_pages_back_to_the_beginning(ann: Client, bob: Client) -> None:
    for number in range(1, 8):
        await (ann if number % 2 else bob).post(f"{number}")
    await ann.send(type="history", before=7, limit=4)
    page = await ann.next("page")
    assert ([message["seq"] for message in page["messages"]], page["more"]) == ([3, 4, 5, 6], True)
    await ann.send(type="history", before=3, limit=4)
    page = await ann.next("page")
    assert ([message["seq"] for message in page["messages"]], page["more"], page["before"]) == ([1, 2], False, 3)
    await ann.send(type="history", before=100, limit=2, author=bob.id)
    page = await ann.next("page")
    assert ([message["seq"] for message in page["messages"]], page["more"], page["author"]) == ([4, 6], True, bob.id)


async def test_history_pages_around_a_place_and_on_from_it(ann: Client, bob: Client) -> None:
    for number in range(1, 10):
        await (ann, bob)[number % 2].post(f"message {number}")

    async def page(**fields: Any) -> tuple[list[int], bool, bool]:
        await ann.send(type="history", **fields)
        answer = await ann.next("page")
        assert {name: answer.get(name) for name in fields if name != "limit"} == {
            name: value for name, value in fields.items() if name != "limit"
        }
        return [message["seq"] for message in answer["messages"]], answer["more"], answer["newer"]

    assert await page(around=5, limit=4) == ([3, 4, 5, 6], True, True)
    assert await page(around=1, limit=4) == ([1, 2], False, True)
    assert await page(around=99, limit=4) == ([8, 9], True, False)
    assert await page(after=6, limit=2) == ([7, 8], True, True)
    assert await page(after=8, limit=2) == ([9], True, False)
    assert await page(after=0, limit=2) == ([1, 2], False, True)
    assert await page(after=9, limit=2) == ([], True, False)
    assert await page(around=5, limit=2, author=ann.id) == ([4, 6], True, True)


async def test_history_can_be_narrowed_down(server: ChattyServer, room: str, ann: Client, bob: Client) -> None:
    async with Client(server.http_url, "Eve", room) as eve:
        await ann.post("@Bob see example.org")
        await bob.post("example.org")
        await eve.post("@bob")
        await ann.post("@Bob @Ann")

        async def page(**fields: Any) -> tuple[list[int], bool]:
            await ann.send(type="history", limit=2, **fields)
            answer = await ann.next("page")
            assert answer.items() >= fields.items()
            return [message["seq"] for message in answer["messages"]], answer["more"]

        assert await page(before=9, authors=[ann.id, eve.id]) == ([3, 4], True)
        assert await page(before=9, authors=[bob.id, bob.id]) == ([2], False)
        assert await page(before=4, mentions=bob.id) == ([1, 3], False)
        assert await page(around=3, mentions=bob.id) == ([1, 3], False)
        assert await page(after=0, links=True) == ([1, 2], False)
        assert await page(before=9, links=True, mentions=bob.id, author=ann.id) == ([1], False)
        await ann.change(1, type="edit", body="nothing")
        assert await page(before=9, links=True) == ([2], False)
        assert await page(seqs=[4, 99, 2]) == ([2, 4], False)


async def test_search_finds_what_this_room_says_and_marks_it(server: ChattyServer, ann: Client, bob: Client) -> None:
    async with Client(server.http_url, "Eve", f"other-{uuid.uuid4().hex[:8]}") as eve:
        await eve.post("the tide elsewhere")
    first = await ann.post("The <b>tide</b> is high")
    await bob.post("what tide?")
    await ann.post("the ebb")
    await bob.send(type="search", query="TIDE", limit=1)
    found = await bob.next("found")
    assert (found["query"], found["more"]) == ("TIDE", True)
    assert found["results"][0]["excerpt"] == [["what ", False], ["tide", True], ["?", False]]
    last = found["results"][0]["seq"]
    await bob.send(type="search", query="TIDE", limit=5, before=last, author=ann.id, at_from=first["at"])
    assert await bob.next("found") == {
        "type": "found",
        "query": "TIDE",
        "results": [
            {
                "seq": first["seq"],
                "author": first["author"],
                "at": first["at"],
                "excerpt": [["The <b>", False], ["tide", True], ["</b> is high", False]],
            }
        ],
        "more": False,
        "before": last,
        "author": ann.id,
        "at_from": first["at"],
    }
    await bob.send(type="search", query="tide", limit=5, at_before=first["at"])
    assert (await bob.next("found"))["results"] == []


# --- presence ---


async def test_a_member_is_seen_to_come_and_to_go(server: ChattyServer, room: str, ann: Client) -> None:
    bob = Client(server.http_url, "Bob", room)
    async with bob:
        assert await ann.next("joined") == {"type": "joined", "member": {"id": bob.id, "name": "Bob"}, "online": 2}
    assert await ann.next("left") == {"type": "left", "id": bob.id, "online": 1}


async def test_two_tabs_are_one_member_until_both_are_closed(
    server: ChattyServer, room: str, ann: Client, bob: Client
) -> None:
    second = Client(server.http_url, "Bob", room)
    second.token = bob.token
    async with second:
        assert second.id == bob.id
        assert second.online == 2
        await second.close()
        await bob.post("still here")
        assert (await ann.next(test=_is_no_pulse))["type"] == "message"
    await bob.close()
    assert (await ann.next(test=_is_no_pulse))["type"] == "left"


def _is_no_pulse(event: dict[str, Any]) -> bool:
    return bool(event["type"] != "pulse")


async def test_a_member_who_closes_as_a_server_would_is_gone_all_the_same(ann: Client, bob: Client) -> None:
    await bob.socket.close(1012)
    assert (await ann.next("left"))["id"] == bob.id


async def test_a_reload_is_not_a_departure(ann: Client, bob: Client) -> None:
    await bob.come_back()
    await bob.post("back")
    assert not {"joined", "left"} & {event["type"] for event in await ann.settle()}


async def test_a_member_can_change_its_name(ann: Client, bob: Client) -> None:
    await bob.send(type="rename", name="  Robert ")
    renamed = {"type": "renamed", "member": {"id": bob.id, "name": "Robert"}, "online": 2}
    assert await ann.next("renamed") == renamed
    assert await bob.next("renamed") == renamed
    assert (await bob.post("hi"))["author"]["name"] == "Robert"


async def test_typing_is_passed_on_but_not_all_of_it(ann: Client, bob: Client) -> None:
    for _ in range(5):
        await bob.send(type="typing")
    assert await ann.next("typing") == {"type": "typing", "id": bob.id}
    await bob.settle()
    assert not [event for event in await ann.settle() if event["type"] == "typing"]


async def test_a_pulse_says_how_far_the_room_is(ann: Client) -> None:
    await ann.post("one")
    pulse = await ann.next("pulse")
    pulse.pop("epoch", None)  # In pulses after the database's epoch moved on.
    assert pulse == {"type": "pulse", "head": 1, "online": 1}


# --- refusals: the connection stays ---

NAMES = ["", "   ", "\u200b\u200b", "\u202eevil", "\x07", "\0", "x" * 41, "\u2066"]


@pytest.mark.parametrize("name", NAMES)
async def test_a_bad_name_is_refused_and_a_good_one_then_taken(server: ChattyServer, room: str, name: str) -> None:
    client = await Client(server.http_url, room=room).open()
    await client.send(type="join", token=client.token, name=name, v=1)
    assert (await client.refused())["code"] == "name_invalid"
    assert (await client.join())["me"]["name"] == "Ann"
    await client.send(type="rename", name=name)
    assert (await client.refused())["code"] == "name_invalid"
    await client.close()


BAD_FRAMES: list[tuple[str | bytes, str]] = [
    ("", "bad_frame"),
    ("hello", "bad_frame"),
    ("[]", "bad_frame"),
    ('[{"type":"typing"}]', "bad_frame"),
    ("null", "bad_frame"),
    ('{"type":"dance"}', "unknown_command"),
    ('{"type":"websocket.close"}', "unknown_command"),
    ('{"type":"room.news"}', "unknown_command"),
    ('{"type":"_handle_post"}', "unknown_command"),
    ('{"type":"post"}', "bad_frame"),
    ('{"type":"post","nonce":"mine","body":"hi"}', "bad_frame"),
    ('{"type":"post","nonce":"' + NONCE + '"}', "bad_frame"),
    ('{"type":"post","nonce":"' + NONCE + '","body":3}', "bad_frame"),
    ('{"type":"post","nonce":"' + NONCE + '","body":null}', "bad_frame"),
    ('{"type":"post","nonce":"' + NONCE + '","body":"\\ud800"}', "bad_frame"),
    ('{"type":"post","nonce":"' + NONCE + '","body":""}', "body_empty"),
    ('{"type":"post","nonce":"' + NONCE + '","body":" \\n "}', "body_empty"),
    ('{"type":"post","nonce":"' + NONCE + '","body":"' + "x" * 4001 + '"}', "body_too_long"),
    ('{"type":"post","nonce":"' + "6" * 5000 + '","body":"hi"}', "bad_frame"),
    ('{"type":"history","before":1}', "bad_frame"),
    ('{"type":"history","limit":1}', "bad_frame"),
    ('{"type":"history","before":1,"around":1,"limit":1}', "bad_frame"),
    ('{"type":"history","before":1,"seqs":[1],"limit":1}', "bad_frame"),
    ('{"type":"history","seqs":[]}', "bad_frame"),
    ('{"type":"history","seqs":[0]}', "bad_frame"),
    ('{"type":"history","seqs":[1],"links":true}', "bad_frame"),
    ('{"type":"history","before":1,"limit":1,"authors":[]}', "bad_frame"),
    ('{"type":"history","before":1,"limit":1,"links":1}', "bad_frame"),
    ('{"type":"search","query":"%s","limit":1}' % ("x" * 201), "bad_frame"),
    ('{"type":"search","query":"x","limit":51}', "bad_frame"),
    ('{"type":"search","query":"x","limit":1,"at_from":1e18}', "bad_frame"),
    ('{"type":"search","query":" … ","limit":1}', "query_empty"),
    ('{"type":"history","before":1,"limit":1e9}', "bad_frame"),
    ('{"type":"history","before":99999999999999999999,"limit":1}', "bad_frame"),
    ('{"type":"sync","since":-1}', "bad_frame"),
    ('{"type":"rename"}', "bad_frame"),
    ('{"type":"rename","name":["x"]}', "bad_frame"),
    ('{"x":' * 10_000, "bad_frame"),
    (b"", "bad_frame"),
    (b"\x00\xff", "bad_frame"),
    (b'{"type":"typing"}', "bad_frame"),
]


async def test_whatever_is_no_command_is_refused_and_nothing_is_lost(ann: Client) -> None:
    for frame, code in BAD_FRAMES:
        await ann.send_raw(frame)
        refused = await ann.refused()
        assert refused["code"] == code, frame
        assert refused["detail"], frame
        if isinstance(frame, str) and NONCE in frame:
            assert refused["nonce"] == NONCE
    assert (await ann.post("still here", NONCE))["version"] == 1


async def test_commands_before_join_are_refused(server: ChattyServer, room: str) -> None:
    client = await Client(server.http_url, room=room).open()
    await client.send(type="post", nonce=NONCE, body="hi")
    assert await client.refused() == {
        "type": "refused",
        "code": "not_joined",
        "detail": "Expected `join` first.",
        "nonce": NONCE,
    }
    for command in (
        {"type": "typing"},
        {"type": "sync", "since": 0},
        {"type": "history", "before": 1, "limit": 1},
        {"type": "rename", "name": "Eve"},
    ):
        await client.send(**command)
        assert (await client.refused())["code"] == "not_joined"
    assert (await client.join())["head"] == 0
    await client.close()


async def test_a_frame_over_the_limit_closes_that_socket_only(ann: Client, bob: Client) -> None:
    await bob.send_raw(json.dumps({"type": "post", "nonce": NONCE, "body": "x" * 70_000}))
    code = await bob.closed()
    assert code == 1009 or bob.events[-1]["code"] == 1009  # Daphne can't close with 1009; `bye` says it.
    await ann.post("still here")


async def test_a_name_that_is_json_or_markup_is_only_a_name(server: ChattyServer, room: str, ann: Client) -> None:
    name = '"><script>alert(1)</script>'
    async with Client(server.http_url, name, room):
        assert (await ann.next("joined"))["member"]["name"] == name


# --- HTTP ---


async def test_an_identity_holds_as_long_as_its_token_does(server: ChattyServer) -> None:
    first = await identity(server.http_url)
    assert uuid.UUID(first["uuid"])
    assert first["socketURL"] == server.ws_url
    assert (await identity(server.http_url, first["token"]))["uuid"] == first["uuid"]
    assert (await identity(server.http_url, first["token"][:-1]))["uuid"] != first["uuid"]


def test_pages_and_probes(server: ChattyServer) -> None:
    with httpx.Client(base_url=server.http_url, trust_env=False, timeout=60) as http:
        for path in ("/chatty", "/chatty/", "/chatty/some-room"):
            assert http.get(path).status_code == 200
        assert http.get("/").headers["location"] == "/chatty"
        assert http.get("/chatty/No_Room").status_code == 404
        assert http.post("/chatty").status_code in (403, 405)
        assert http.get("/get_user_info").json().keys() == {"uuid", "token", "socketURL", "httpURL"}
        assert "no-store" in http.get("/get_user_info").headers["cache-control"]
        assert http.get("/healthz").json() == {"status": "ok"}
        assert http.get("/readyz").json() == {"status": "ok", "database": "ok", "redis": "not used"}


def test_a_page_holds_nothing_personal(server: ChattyServer) -> None:
    with httpx.Client(base_url=server.http_url, trust_env=False, timeout=60) as http:
        first, second = http.get("/chatty"), http.get("/chatty", headers={"Authorization": "Bearer x", "Cookie": "a=b"})
    assert first.text == second.text
    assert "set-cookie" not in first.headers
    # The language is all that it depends on, which one cookie says (test_room_page.py), and whether gzip is taken.
    assert set(first.headers["vary"].lower().split(", ")) == {"accept-language", "accept-encoding", "cookie"}


def test_pages_of_other_sites_get_no_socket(server: ChattyServer) -> None:
    url = f"{server.ws_url}/lobby"
    for origin in ("http://evil.example", "null", "http://127.0.0.1:1", "http://[", f"http://127.0.0.1:{10**6}"):
        with pytest.raises(InvalidStatus) as caught:
            connect(url, origin=Origin(origin), proxy=None)
        assert caught.value.response.status_code in (400, 403)
    rebound = {"Host": f"evil.example:{server.port}"}  # A name of somebody else's that leads here.
    with (
        pytest.raises(InvalidStatus) as caught,
        connect(url, origin=Origin(f"http://{rebound['Host']}"), additional_headers=rebound, proxy=None),
    ):
        pass
    assert caught.value.response.status_code == 403
    for allowed in (Origin(server.http_url), Origin(server.http_url.replace("http", "https")), None):
        with connect(url, origin=allowed, proxy=None) as socket:
            socket.send("hello")
            assert "bad_frame" in str(socket.recv(timeout=60))


# --- what is written ---


async def test_members_are_called_by_name_and_found_again_in_the_log(
    server: ChattyServer, ann: Client, bob: Client
) -> None:
    called = f'<span class="mention" data-member="{bob.id}">@bob</span>'
    message = await ann.post("**hi** @bob, `@bob` @carol")
    assert message["mentions"] == [bob.id]
    assert message["html"] == f"<p><strong>hi</strong> {called}, <code>@bob</code> @carol</p>"
    edited = await ann.change(message["seq"], type="edit", body="hi @Ann")
    assert edited["mentions"] == [ann.id]
    nobody = await ann.change(message["seq"], type="edit", body="hi")
    assert "mentions" not in nobody
    await bob.send(type="rename", name="Robert Brown")
    await ann.next("renamed")
    assert (await ann.post("@bob @robert brown"))["mentions"] == [bob.id]
    await ann.send(type="history", before=100, limit=1)
    assert (await ann.next("page"))["messages"][0]["mentions"] == [bob.id]


async def test_an_answer_calls_the_author_of_what_it_answers(server: ChattyServer, ann: Client, bob: Client) -> None:
    await ann.post("a question")
    nonce = str(uuid.uuid4())
    await bob.send(type="post", nonce=nonce, body="aye", reply_to=1)
    message = await ann.next("message", lambda event: event["nonce"] == nonce)
    assert (message["reply_to"], message["mentions"]) == (1, [ann.id])
    await bob.next("message", lambda event: event["nonce"] == nonce)
    edited = await bob.change(2, type="edit", body="no")
    assert (edited["reply_to"], edited["mentions"]) == (1, [ann.id])
    await ann.send(type="history", before=100, limit=5, mentions=ann.id)
    assert (await ann.next("page"))["messages"] == [edited]
    await bob.settle()
    await bob.send(type="post", nonce=nonce, body="nobody", reply_to=2)  # Sent again: the same message.
    assert await bob.next("message") == edited
    lost = str(uuid.uuid4())
    await bob.send(type="post", nonce=lost, body="to nobody", reply_to=99)
    refused = await bob.next("refused")
    assert (refused["code"], refused["nonce"], "seq" in refused) == ("no_such_message", lost, False)
