"""`CHATTY["CAN_JOIN"]`: the host says who may enter a room. To others it is as if there were no such room."""

import asyncio
import json
import threading
import uuid
from typing import Any

import pytest
from channels.routing import URLRouter
from channels.testing import HttpCommunicator
from django.contrib.auth.models import Group, User
from django.test import AsyncRequestFactory, Client

from chat.access import tokens
from chat.access.person import Person
from chat.models import Room
from chat.protocol.errors import CloseCode
from chat.routing import http_urlpatterns
from chat.web import views
from tests.integration.members import connect, join, receive, send_join

pytestmark = pytest.mark.usefixtures("database", "rooms", "host")
COURSE = "course-1"
threads: list[threading.Thread] = []


def attends(person: Person, slug: str) -> bool:
    """A rule as a host has it: the room of a course is for those who are in its group."""
    threads.append(threading.current_thread())
    if not slug.startswith("course-"):
        return True
    return person.account is not None and User.objects.filter(pk=person.account, groups__name=slug).exists()


@pytest.fixture
def host(settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": "chat.access.authentication.account", "CAN_JOIN": f"{__name__}.attends"}
    threads.clear()


def session_of(name: str, *groups: str) -> str:
    user = User.objects.create_user(name)
    user.groups.set([Group.objects.get_or_create(name=group)[0] for group in groups])
    web = Client()
    web.force_login(user)
    return web.cookies["sessionid"].value


@pytest.fixture
def dora() -> str:
    """The session of one who attends the course."""
    Room.objects.create(slug="lobby")
    Room.objects.create(slug=COURSE, title="The course")
    return session_of("dora", COURSE)


@pytest.fixture
def emil() -> str:
    """The session of one who doesn't."""
    return session_of("emil")


async def bye(room: str, session: str = "", token: str | None = None) -> int:
    """The code that a socket to this room is closed with."""
    communicator = await connect(room, session)
    await send_join(communicator, "Ann", token)
    code: int = (await receive(communicator, "bye"))["code"]
    await communicator.disconnect()
    return code


async def test_a_socket_goes_only_where_the_host_admits(dora: str, emil: str) -> None:
    communicator, _ = await join("Dora", session=dora)
    await communicator.send_json_to({"type": "move", "room": COURSE})
    assert (await receive(communicator, "welcome"))["room"]["slug"] == COURSE
    await communicator.disconnect()

    communicator, _ = await join("Emil", session=emil)
    refusals = []
    for room in (COURSE, "Not a room"):
        await communicator.send_json_to({"type": "move", "room": room})
        refusals.append(await receive(communicator, "refused"))
    assert refusals[0] == refusals[1]
    assert refusals[0]["code"] == "no_such_room"
    await communicator.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "still in the lobby"})
    await receive(communicator, "message")
    await communicator.disconnect()


async def over_http(room: str, token: str, *commands: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    headers = [(b"host", b"testserver"), (b"authorization", f"Bearer {token}".encode())]
    body = json.dumps(commands).encode()
    path = f"/chatty/{room}/commands"
    communicator = HttpCommunicator(URLRouter(http_urlpatterns), "POST", path, body, headers)
    answer = await communicator.get_response(timeout=60)
    return answer["status"], json.loads(answer["body"])


async def token_of(session: str) -> str:
    browser = AsyncRequestFactory()
    browser.cookies["sessionid"] = session
    request: Any = browser.get("/get_user_info.json")
    token: str = json.loads((await views.user_info(request)).content)["token"]
    return token


async def test_who_may_enter_does_and_to_others_there_is_no_such_room(dora: str, emil: str) -> None:
    communicator, _ = await join("Ann", COURSE, session=dora)
    await communicator.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    assert (await receive(communicator, "message"))["author"]["name"] == "dora"
    await communicator.disconnect()
    not_there = await bye("NO ROOM HAS THIS ADDRESS".replace(" ", "_"))
    assert not_there == CloseCode.NO_SUCH_ROOM
    for room in (COURSE, "course-never-made"):
        assert await bye(room, emil) == not_there
        assert await bye(room) == not_there
    communicator, _ = await join("Ann", "lobby", session=emil)
    await communicator.disconnect()
    assert threading.current_thread() not in threads, "it may wait for the database"


async def test_a_socket_without_the_session_has_the_account_in_its_token(dora: str) -> None:
    communicator, welcome = await join("Ann", COURSE, token=await token_of(dora))
    assert welcome["me"]["name"] == "dora"
    await communicator.disconnect()


async def test_over_http_it_is_the_same(dora: str, emil: str) -> None:
    history = {"type": "history", "before": 9, "limit": 1}
    assert (await over_http(COURSE, await token_of(dora), history))[0] == 200
    for token in (await token_of(emil), tokens.issue(tokens.new_member_id())):
        status, answer = await over_http(COURSE, token, history)
        assert (status, answer[0]["code"]) == (404, "no_such_room")
        assert (status, answer) == await over_http("course-never-made", token, history)


async def test_nobody_watches_or_makes_a_room_that_they_may_not_enter(dora: str, emil: str) -> None:
    communicator, _ = await join("Ann", "lobby", session=emil)
    rooms = [{"slug": COURSE, "seq": 0}, {"slug": "course-never-made", "seq": 0}]
    await communicator.send_json_to({"type": "watch", "rooms": rooms})
    assert (await receive(communicator, "unread"))["rooms"] == []
    for slug in (COURSE, "course-never-made"):
        await communicator.send_json_to({"type": "make", "slug": slug, "title": "Mine"})
        assert (await receive(communicator, "refused"))["code"] == "no_such_room"
    await communicator.disconnect()
    assert not await asyncio.to_thread(Room.objects.filter(slug="course-never-made").exists)
    communicator, _ = await join("Ann", "lobby", session=dora)
    await communicator.send_json_to({"type": "watch", "rooms": rooms[:1]})
    assert [room["slug"] for room in (await receive(communicator, "unread"))["rooms"]] == [COURSE]
    await communicator.disconnect()


@pytest.mark.usefixtures("own_limits")
async def test_a_search_finds_nothing_in_a_room_that_one_may_not_enter(settings: Any, dora: str, emil: str) -> None:
    settings.CHATTY = {**settings.CHATTY, "COMMAND_LIMIT": (1_000, 1)}
    nonces = [str(uuid.uuid4()) for _ in range(2)]
    for slug, nonce in zip((COURSE, "lobby"), nonces, strict=True):
        communicator, _ = await join("Dora", slug, session=dora)
        await communicator.send_json_to({"type": "post", "nonce": nonce, "body": "the tide"})
        await receive(communicator, "message")
        await communicator.disconnect()
    asked = {"type": "search", "query": "tide", "limit": 5, "rooms": [COURSE, "lobby"]}
    communicator, _ = await join("Emil", "lobby", session=emil)
    await communicator.send_json_to(asked)
    assert [result["room"] for result in (await receive(communicator, "found"))["results"]] == ["lobby"]
    refusals = []
    for slug in (COURSE, "course-never-made"):
        await communicator.send_json_to({**asked, "before": 1, "before_room": slug})
        refusals.append(await receive(communicator, "refused"))
    assert refusals[0] == refusals[1]
    assert refusals[0]["code"] == "no_such_message"
    for wrong in ({"rooms": ["Not a room"]}, {"before": 1}):
        await communicator.send_json_to({**asked, **wrong})
        assert (await receive(communicator, "refused"))["code"] == "bad_frame"
    await communicator.disconnect()
    communicator, _ = await join("Dora", "lobby", session=dora)
    await communicator.send_json_to(asked)
    assert {result["room"] for result in (await receive(communicator, "found"))["results"]} == {COURSE, "lobby"}
    await communicator.disconnect()


async def test_a_rule_that_fails_lets_nobody_in(settings: Any, dora: str) -> None:
    settings.CHATTY = {**settings.CHATTY, "CAN_JOIN": f"{__name__}.broken"}
    communicator = await connect(COURSE, dora)
    await send_join(communicator, "Ann")
    assert (await receive(communicator, "refused"))["code"] == "unavailable"
    await communicator.disconnect()


def broken(person: Person, slug: str) -> bool:
    raise ValueError("the host's own")
