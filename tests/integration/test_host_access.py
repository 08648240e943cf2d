"""`chat.api.recheck` and `unread_counts`: who may stay, and what somebody hasn't seen."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Group, User
from django.db import connections, transaction
from django.test import Client

from chat import api
from chat.access.person import Person
from chat.log import access_revision
from chat.models import Room
from chat.protocol.errors import CloseCode
from chat.protocol.fields import MemberId
from chat.rooms import registry
from chat.rooms.registry import current_registry
from tests.integration.members import connect, join, receive, send_join
from tests.integration.test_can_join import attends

pytestmark = pytest.mark.usefixtures("own_limits", "rooms", "host", "own_threads")
T = TypeVar("T")
COURSE = "course-1"
TEACHER = Person(MemberId("00000000-0000-4000-8000-000000000009"), "The teacher")


@pytest.fixture
def host(settings: Any) -> None:
    rule = f"{attends.__module__}.{attends.__name__}"
    settings.CHATTY = {"AUTHENTICATE": "chat.access.authentication.account", "CAN_JOIN": rule}


@pytest.fixture
async def own_threads() -> AsyncIterator[None]:
    """Takes this test's database from the thread for synchronous code, which other tests use, too."""

    def forget() -> None:
        connections["default"].close()
        del connections["default"]

    yield
    await sync_to_async(forget)()


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    def closing() -> T:
        try:
            return work(*arguments)
        finally:
            connections.close_all()

    return await asyncio.to_thread(closing)


class Student:
    """A user who attends the course, and their session."""

    def __init__(self, name: str) -> None:
        self.user = User.objects.create_user(name)
        self.group, _ = Group.objects.get_or_create(name=COURSE)
        self.user.groups.add(self.group)
        web = Client()
        web.force_login(self.user)
        self.session = web.cookies["sessionid"].value

    def expel(self) -> None:
        self.user.groups.remove(self.group)


@pytest.fixture
async def dora(database: str) -> Student:
    await in_thread(partial(Room.objects.create, slug=COURSE))
    return await in_thread(Student, "dora")


@pytest.fixture
async def emil(dora: Student) -> Student:
    return await in_thread(Student, "emil")


async def closed_with(member: WebsocketCommunicator) -> int:
    code: int = (await receive(member, "bye"))["code"]
    await member.disconnect()
    return code


async def is_still_there(member: WebsocketCommunicator) -> bool:
    await member.send_json_to({"type": "history", "before": 9, "limit": 1})
    return bool(await receive(member, "page"))


@pytest.mark.parametrize(
    "asked", [{}, {"room": COURSE}, {"person": "dora"}, {"room": COURSE, "person": "dora"}], ids=str
)
async def test_who_may_no_longer_be_there_is_disconnected(dora: Student, emil: Student, asked: dict[str, str]) -> None:
    member, _ = await join("", COURSE, session=dora.session)
    other, _ = await join("", COURSE, session=emil.session)
    elsewhere, _ = await join("", "lobby", session=dora.session)
    await in_thread(dora.expel)
    await api.arecheck(**asked)
    assert await closed_with(member) == CloseCode.NO_SUCH_ROOM
    assert await is_still_there(other)
    assert await is_still_there(elsewhere)
    again = await connect(COURSE, dora.session)
    await send_join(again, "")
    assert await closed_with(again) == CloseCode.NO_SUCH_ROOM
    await other.disconnect()
    await elsewhere.disconnect()


async def test_others_are_not_asked_about(dora: Student, emil: Student) -> None:
    member, _ = await join("", COURSE, session=dora.session)
    other, _ = await join("", COURSE, session=emil.session)
    while current_registry()._rechecks._done is None:  # Before its first look, a process asks about everybody.
        await asyncio.sleep(0.01)
    await in_thread(dora.expel)
    await in_thread(emil.expel)
    await api.arecheck(person="dora")
    assert await closed_with(member) == CloseCode.NO_SUCH_ROOM
    assert await is_still_there(other)
    await api.arecheck(room="course-2")
    await api.arecheck(room=COURSE)
    assert await closed_with(other) == CloseCode.NO_SUCH_ROOM


async def test_it_happens_after_the_transaction_and_not_if_that_is_rolled_back(dora: Student) -> None:
    member, _ = await join("", COURSE, session=dora.session)

    def expel(error: Exception | None) -> None:
        with transaction.atomic():
            dora.expel()
            api.recheck(person=dora.user)
            assert access_revision.read() == 0
            if error:
                raise error

    with pytest.raises(ValueError, match="undone"):
        await in_thread(expel, ValueError("undone"))
    assert await in_thread(access_revision.read) == 0
    assert await is_still_there(member)
    await in_thread(expel, None)
    assert await closed_with(member) == CloseCode.NO_SUCH_ROOM


async def test_a_lost_message_is_found_in_the_database(dora: Student, emil: Student) -> None:
    """Another process asks, and Redis loses what it sends."""
    member, _ = await join("", COURSE, session=dora.session)
    other, _ = await join("", COURSE, session=emil.session)
    await in_thread(dora.expel)
    await in_thread(access_revision.advance)
    assert await closed_with(member) == CloseCode.NO_SUCH_ROOM
    assert await is_still_there(other)
    await other.disconnect()


async def test_who_was_asked_about_before_the_change_and_comes_in_after_it_is_asked_again(
    dora: Student, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = registry.RoomRegistry._open

    async def open_late(self: registry.RoomRegistry, *arguments: Any) -> Any:
        await in_thread(dora.expel)
        await api.arecheck(person="dora")
        while self._rechecks.begun == begun:
            await asyncio.sleep(0.01)
        return await opened(self, *arguments)

    while current_registry()._rechecks._done is None:
        await asyncio.sleep(0.01)
    begun = current_registry()._rechecks.begun
    monkeypatch.setattr(registry.RoomRegistry, "_open", open_late)
    member, _ = await join("", COURSE, session=dora.session)
    assert await closed_with(member) == CloseCode.NO_SUCH_ROOM


async def test_a_stranger_is_asked_about_as_well_and_a_listener(dora: Student, settings: Any) -> None:
    member, _ = await join("Ann", "lobby")
    settings.CHATTY = {**settings.CHATTY, "CAN_JOIN": f"{__name__}.nobody"}
    await api.arecheck()
    assert await closed_with(member) == CloseCode.NO_SUCH_ROOM


def nobody(person: Person, slug: str) -> bool:
    raise ValueError("a rule that fails lets nobody stay")


async def test_what_somebody_watches_of_the_room_ends_as_well(dora: Student) -> None:
    await api.apost("open", TEACHER, "one")
    member, _ = await join("", "lobby", session=dora.session)
    rooms = [{"slug": slug, "seq": 0} for slug in (COURSE, "open", "course-2")]
    await member.send_json_to({"type": "watch", "rooms": rooms})
    assert {room["slug"] for room in (await receive(member, "unread"))["rooms"]} == {COURSE, "open"}
    await in_thread(dora.expel)
    await api.arecheck(person="dora")
    watching = current_registry().watching
    async with asyncio.timeout(60):
        while watching.room_count > 1:
            await asyncio.sleep(0.01)
    await api.apost(COURSE, TEACHER, "two")
    await api.apost("open", TEACHER, "two")
    assert [room["slug"] for room in (await receive(member, "activity"))["rooms"]] == ["open"]
    await member.disconnect()
    assert (watching.room_count, watching.size) == (0, 0)


async def test_a_wrong_room_or_user_is_refused(dora: Student) -> None:
    with pytest.raises(api.UnknownUser):
        await api.arecheck(person="nobody")
    with pytest.raises(api.Invalid):
        await api.arecheck(room="no_room")
    assert await in_thread(access_revision.read) == 0


# What is unread.


async def unread(student: Student, *rooms: str) -> dict[str, tuple[int, int]]:
    found = await api.aunread_counts(student.user, rooms or None)
    return {slug: (room.unread, room.called) for slug, room in found.items()}


async def test_what_was_posted_since_the_last_visit_is_unread(dora: Student, emil: Student) -> None:
    for body in ("one", "two"):
        await api.apost(COURSE, TEACHER, body)
    assert await unread(dora) == {}, "a room that was never visited isn't counted unless it is named"
    assert await unread(dora, COURSE, "lobby") == {COURSE: (2, 0)}
    member, _ = await join("", COURSE, session=dora.session)
    await api.apost(COURSE, TEACHER, "three")
    await receive(member, "message")
    await member.disconnect()
    await current_registry().read_marks.write()
    assert await unread(dora, COURSE) == {}
    await api.apost(COURSE, TEACHER, "four")
    await api.apost(COURSE, dora.user, "my own")
    other, _ = await join("", COURSE, session=emil.session)
    nonce = str(uuid.uuid4())
    await api.apost(COURSE, TEACHER, "hello @emil")
    assert await unread(dora) == {COURSE: (2, 0)}
    await current_registry().read_marks.write()
    assert await unread(emil, COURSE) == {}, "who is there has seen it"
    await other.send_json_to({"type": "post", "nonce": nonce, "body": "bye"})
    await other.disconnect()
    await in_thread(dora.expel)
    assert await unread(dora) == await unread(dora, COURSE) == {}, "the room isn't there for dora any more"


async def test_guests_leave_no_trace(dora: Student) -> None:
    member, _ = await join("Ann", "lobby")
    await api.apost("lobby", TEACHER, "one")
    await receive(member, "message")
    assert not current_registry().read_marks._inside
    await member.disconnect()
    assert not current_registry().read_marks._due
