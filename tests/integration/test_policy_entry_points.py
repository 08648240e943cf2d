"""Every entry point asks the policy: with a policy that always refuses, nobody can do anything."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.test import AsyncRequestFactory, Client

from chat.access import policy
from chat.access.policy import Answer
from chat.models import Message, Room
from chat.protocol.errors import CloseCode, RefusalCode
from chat.rooms.registry import current_registry
from chat.web import views
from tests.integration.members import connect, join, receive, send_join

pytestmark = pytest.mark.usefixtures("database")
WHY = "The policy says no."
SOMEBODY = str(uuid.UUID(int=1))
COMMANDS: list[tuple[str, dict[str, Any]]] = [
    ("can_post", {"type": "post", "nonce": str(uuid.UUID(int=2)), "body": "refused"}),
    ("can_change", {"type": "edit", "seq": 1, "body": "refused"}),
    ("can_delete", {"type": "delete", "seq": 1}),
    ("can_react", {"type": "react", "seq": 1, "emoji": "👍", "on": True}),
    ("can_read", {"type": "history", "before": 9, "limit": 1}),
    ("can_read", {"type": "search", "query": "hello", "limit": 1}),
    ("can_read", {"type": "sync", "since": 0}),
    ("can_make", {"type": "make", "slug": "harbour", "title": "Harbour"}),
    ("can_describe", {"type": "describe", "title": "Harbour", "topic": ""}),
    ("can_manage_hooks", {"type": "make_hook", "name": "CI"}),
    ("can_manage_hooks", {"type": "hooks"}),
    ("can_manage_hooks", {"type": "revoke_hook", "hook": SOMEBODY}),
    ("can_rename", {"type": "rename", "name": "Anna"}),
    ("can_moderate", {"type": "lock", "on": True}),
    ("can_moderate", {"type": "slow", "seconds": 3}),
    ("can_moderate", {"type": "unban", "id": SOMEBODY}),
    ("can_ban", {"type": "ban", "id": SOMEBODY, "reason": ""}),
]


@pytest.fixture
def moderator() -> User:
    user = User.objects.create_user("mo", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["moderate_room", "delete_room"]))
    return user


@pytest.fixture
async def ann(web: Client, lobby: Room, rooms: None) -> AsyncIterator[WebsocketCommunicator]:
    """She moderates, and has said hello: whatever is refused to her, the policy alone refuses."""
    communicator, welcome = await join("Ann", session=web.cookies["sessionid"].value)
    assert welcome["moderator"]
    await communicator.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    await receive(communicator, "message")
    yield communicator
    await communicator.disconnect()


@pytest.fixture
def lobby() -> Room:
    return Room.objects.create(slug="lobby")


def refuse(monkeypatch: pytest.MonkeyPatch, question: str) -> None:
    monkeypatch.setattr(policy, question, lambda *_, **__: Answer(RefusalCode.NOT_ALLOWED, WHY))


async def test_every_command_asks_the_policy(monkeypatch: pytest.MonkeyPatch, ann: WebsocketCommunicator) -> None:
    for question, command in COMMANDS:
        with monkeypatch.context() as refusing:
            refuse(refusing, question)
            await ann.send_json_to(command)
            assert (await receive(ann, "refused"))["detail"] == WHY, command["type"]
    rows = await asyncio.to_thread(lambda: list(Message.objects.values_list("body", "reactions")))
    assert rows == [("hello", {})]
    (room,) = await asyncio.to_thread(lambda: list(Room.objects.all()))
    assert (room.slug, room.title, room.locked, room.slow_seconds) == ("lobby", "", False, 0)


async def test_watching_asks_the_policy_and_a_refused_room_is_as_one_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch, ann: WebsocketCommunicator
) -> None:
    await asyncio.to_thread(Room.objects.create, slug="harbour", title="Harbour")
    watch = {"type": "watch", "rooms": [{"slug": "harbour", "seq": 0}]}
    await ann.send_json_to(watch)
    assert [room["slug"] for room in (await receive(ann, "unread"))["rooms"]] == ["harbour"]
    refuse(monkeypatch, "can_read")
    await ann.send_json_to(watch)
    assert (await receive(ann, "unread"))["rooms"] == []


async def test_joining_asks_the_policy(monkeypatch: pytest.MonkeyPatch, rooms: None) -> None:
    refuse(monkeypatch, "can_join")
    communicator = await connect()
    await send_join(communicator, "Ann")
    assert (await receive(communicator, "bye"))["code"] == CloseCode.BANNED
    await communicator.disconnect()


async def test_going_to_another_room_asks_the_policy(
    monkeypatch: pytest.MonkeyPatch, ann: WebsocketCommunicator
) -> None:
    refuse(monkeypatch, "can_join")
    await ann.send_json_to({"type": "move", "room": "harbour"})
    assert (await receive(ann, "bye"))["code"] == CloseCode.BANNED


async def test_staying_asks_the_policy(monkeypatch: pytest.MonkeyPatch, ann: WebsocketCommunicator) -> None:
    refuse(monkeypatch, "can_join")
    await ann.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "refused"})
    assert (await receive(ann, "refused"))["detail"] == WHY
    current_registry()._disconnect_banned()
    assert (await receive(ann, "bye"))["code"] == CloseCode.BANNED


async def test_the_page_asks_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    request: Any = AsyncRequestFactory().get("/chatty/lobby")
    assert (await views.room(request, "lobby")).status_code == 200
    refuse(monkeypatch, "can_read")
    assert (await views.room(request, "lobby")).status_code == 404


def test_the_admin_asks_the_policy(monkeypatch: pytest.MonkeyPatch, web: Client) -> None:
    pages = [f"/admin/chat/{page}/" for page in ("room", "message", "ban", "revocation", "moderationaction")]
    assert {web.get(page).status_code for page in pages} == {200}
    refuse(monkeypatch, "can_moderate")
    assert {web.get(page).status_code for page in pages} == {403}


def test_deleting_at_the_admin_asks_the_policy(monkeypatch: pytest.MonkeyPatch, web: Client, lobby: Room) -> None:
    path = f"/admin/chat/room/{lobby.pk}/delete/"
    assert web.get(path).status_code == 200
    refuse(monkeypatch, "can_delete_room")
    assert web.post(path, {"post": "yes"}).status_code == 403
    assert Room.objects.exists()
