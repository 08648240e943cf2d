"""The WebSocket consumer, tested with Channels' `WebsocketCommunicator`, without a server."""

import asyncio
import threading
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth import get_user_model

from chat.access import accounts
from chat.access.person import Moderator
from chat.access.tokens import issue, new_member_id
from chat.log import room_management
from chat.paths import SOCKET_PATH
from chat.protocol.constants import PROTOCOL_VERSION
from chat.protocol.errors import CloseCode
from chat.rooms.registry import current_registry
from chatty_project.asgi import sockets
from tests.integration.members import connect, join, receive, send_join

pytestmark = pytest.mark.usefixtures("rooms")


async def test_everybody_in_the_room_gets_a_message() -> None:
    ann, welcome = await join("Ann")
    assert [member["name"] for member in welcome["members"]] == ["Ann"]
    bob, welcome = await join("Bob")
    assert sorted(member["name"] for member in welcome["members"]) == ["Ann", "Bob"]

    await ann.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    for communicator in (ann, bob):
        message = await receive(communicator, "message")
        assert (message["seq"], message["author"]["name"], message["body"]) == (1, "Ann", "hello")

    await bob.disconnect()
    assert (await receive(ann, "left"))["online"] == 1
    await ann.disconnect()


async def test_another_rooms_members_get_nothing_of_it() -> None:
    ann, _ = await join("Ann", "lobby")
    bob, _ = await join("Bob", "elsewhere")
    await ann.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    await receive(ann, "message")
    await bob.send_json_to({"type": "sync", "since": 0})
    assert (await receive(bob, "changes"))["messages"] == []
    await ann.disconnect()
    await bob.disconnect()


async def test_a_command_before_join_is_refused_and_the_socket_stays() -> None:
    communicator = await connect()
    await communicator.send_json_to({"type": "typing"})
    assert (await receive(communicator, "refused"))["code"] == "not_joined"
    await communicator.send_to(bytes_data=b"\x00")
    assert (await receive(communicator, "refused"))["code"] == "bad_frame"
    await communicator.disconnect()


@pytest.mark.parametrize(
    ("path", "token", "code"),
    [
        (f"/{SOCKET_PATH}/no_room", "", CloseCode.NO_SUCH_ROOM),
        ("/somewhere", "", CloseCode.NO_SUCH_ROOM),
        (f"/{SOCKET_PATH}/lobby", "made up", CloseCode.BAD_TOKEN),
    ],
    ids=["no room's name", "no path of ours", "bad token"],
)
async def test_a_client_that_cant_come_in_is_told_why_and_closed(path: str, token: str, code: CloseCode) -> None:
    communicator = WebsocketCommunicator(sockets, path)
    connected, _ = await communicator.connect()
    assert connected
    if token:
        await send_join(communicator, "Ann", token)
    assert (await receive(communicator, "bye"))["code"] == code
    assert await communicator.receive_output(timeout=60) == {"type": "websocket.close", "code": code}
    await communicator.disconnect()


class Member:
    """A member who gives each command an id, and waits for its answer."""

    def __init__(self, communicator: WebsocketCommunicator) -> None:
        self._communicator = communicator
        self._unread: list[dict[str, Any]] = []

    async def ask(self, kind: str, **fields: Any) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """What comes before the answer to a command, and the answer."""
        request_id = fields.setdefault("id", uuid.uuid4().hex)
        await self._communicator.send_json_to({"type": kind, **fields})
        before: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while "re" not in (event := await self.next()):
                before.append(event)
        assert event["re"] == request_id
        return before, event

    async def next(self) -> dict[str, Any]:
        self._unread = self._unread or await self._communicator.receive_json_from(timeout=60)
        return self._unread.pop(0)

    async def answer(self, kind: str, **fields: Any) -> dict[str, Any]:
        return (await self.ask(kind, **fields))[1]

    async def effect(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        """What came before a command's `done`."""
        before, answer = await self.ask(kind, **fields)
        assert answer["type"] == "done"
        return [event for event in before if event["type"] != "pulse"]


@pytest.fixture
async def ann(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Member]:
    """A moderator."""
    user = await current_registry().log.run(get_user_model().objects.create)
    monkeypatch.setattr(accounts, "moderator_of", lambda session: Moderator(user.pk, "ann", session))
    communicator = await connect(session="a" * 32)  # As Django's keys are.
    member = Member(communicator)
    token = issue(new_member_id())
    assert (await member.answer("join", v=PROTOCOL_VERSION, token=token, name="Ann"))["type"] == "welcome"
    yield member
    await communicator.disconnect()


async def test_a_command_whose_effect_everybody_gets_is_done_after_it(ann: Member) -> None:
    nonce = str(uuid.uuid4())
    for _ in range(2):  # A repeated post is answered with its message, too.
        (message,) = await ann.effect("post", nonce=nonce, body="hello")
        assert (message["type"], message["nonce"]) == ("message", nonce)
    (message,) = await ann.effect("edit", seq=1, body="hallo")
    assert message["body"] == "hallo"
    (message,) = await ann.effect("edit", seq=1, body="hallo")  # Changes nothing.
    assert message["version"] == 2
    (reacted,) = await ann.effect("react", seq=1, emoji="👍", on=True)
    assert reacted["type"] == "reacted"
    (message,) = await ann.effect("delete", seq=1)
    assert message["deleted"]
    (renamed,) = await ann.effect("rename", name="Anna")
    assert renamed["member"]["name"] == "Anna"
    assert await ann.effect("rename", name="Anna") == []
    (room,) = await ann.effect("lock", on=True)
    assert room["room"]["locked"]
    (room,) = await ann.effect("slow", seconds=5)
    assert room["room"]["slow"] == 5
    (room,) = await ann.effect("describe", title="Tea", topic="")
    assert room["room"]["title"] == "Tea"
    (typing,) = await ann.effect("typing")
    assert typing["type"] == "typing"
    await ann.effect("away", on=False)


@pytest.mark.parametrize(("kind", "fields"), [("slow", {"seconds": 5}), ("describe", {"title": "Tea", "topic": ""})])
async def test_a_change_of_the_room_is_told_once_though_another_look_finds_it_first(
    ann: Member, monkeypatch: pytest.MonkeyPatch, kind: str, fields: dict[str, Any]
) -> None:
    registry = current_registry()
    run = registry.log.run

    async def run_and_look(*arguments: Any, **options: Any) -> Any:
        result = await run(*arguments, **options)
        await registry.look_at(list(registry._by_name.values()))
        return result

    await ann.effect("post", nonce=str(uuid.uuid4()), body="hello")  # The room gets a row.
    monkeypatch.setattr(registry.log, "run", run_and_look)
    (room,) = await ann.effect(kind, **fields)
    assert room["type"] == "room"


async def test_a_command_that_changes_nothing_of_the_room_tells_its_sender_how_it_is_and_is_done(ann: Member) -> None:
    for kind, fields in (
        ("lock", {"on": False}),
        ("slow", {"seconds": 0}),
        ("describe", {"title": "lobby", "topic": ""}),
    ):
        room = await ann.answer(kind, id="x", **fields)
        assert (room["type"], room["room"]) == ("room", {"slug": "lobby", "title": "lobby"})
        assert await ann.next() == {"type": "done", "re": "x"}


async def test_what_answers_one_client_has_its_id(ann: Member) -> None:
    assert (await ann.answer("history", before=9, limit=1))["type"] == "page"
    assert (await ann.answer("search", query="tea", limit=1))["type"] == "found"
    assert (await ann.answer("sync", since=0))["type"] == "changes"
    assert (await ann.answer("watch", rooms=[]))["type"] == "unread"
    assert (await ann.answer("make", slug="tea", title="Tea"))["type"] == "made"
    eve = str(uuid.uuid4())  # A ban's id is the member's.
    assert (await ann.answer("ban", id=eve, reason=""))["type"] == "banned"
    assert (await ann.answer("unban", id=eve))["type"] == "unbanned"


async def test_members_who_come_and_go_while_a_room_is_made_keep_its_log(
    ann: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, first = await join("Bob", "tea")
    begun, may_end, make = threading.Event(), threading.Event(), room_management.make

    def make_slowly(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert may_end.wait(60)
        return make(*arguments, **options)

    monkeypatch.setattr(room_management, "make", make_slowly)
    making = asyncio.create_task(ann.answer("make", slug="tea", title="Tea"))
    assert await asyncio.to_thread(begun.wait, 60)
    await bob.disconnect()
    async with asyncio.timeout(60):
        while await current_registry().members("tea"):  # Leavers stay in it for a moment.
            await asyncio.sleep(0.05)
    cid, second = await join("Cid", "tea")
    may_end.set()
    assert (await making)["type"] == "made"
    assert (await receive(cid, "room"))["room"] == {"slug": "tea", "title": "Tea"}
    dan, third = await join("Dan", "tea")
    assert first["log"] == second["log"] == third["log"]
    await cid.disconnect()
    await dan.disconnect()


async def test_a_refusal_has_the_id_of_what_is_refused(ann: Member) -> None:
    assert (await ann.answer("post", nonce=str(uuid.uuid4()), body=""))["code"] == "body_empty"
    assert (await ann.answer("delete", seq=1))["code"] == "no_such_message"
    assert (await ann.answer("history", limit=3))["code"] == "bad_frame"
    assert (await ann.answer("join", v=PROTOCOL_VERSION, token="", name="Ann"))["code"] == "already_joined"
    assert (await ann.answer("edit", seq=0, body="x"))["code"] == "bad_frame"
    assert (await ann.answer("dance"))["code"] == "unknown_command"


async def test_without_an_id_nothing_has_one() -> None:
    ann, welcome = await join("Ann")
    await ann.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    await ann.send_json_to({"type": "rename", "name": "Anna"})
    await ann.send_json_to({"type": "delete", "seq": 2})
    await ann.send_json_to({"type": "watch", "rooms": []})
    came = [welcome]
    while came[-1]["type"] != "unread":
        came += await ann.receive_json_from(timeout=60)
    assert [event["type"] for event in came if event["type"] != "pulse"] == [
        "welcome",
        "message",
        "renamed",
        "refused",
        "unread",
    ]
    assert not any("re" in event for event in came)
    await ann.disconnect()
