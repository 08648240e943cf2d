"""Mentions of people who were in the room and have left."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator

from chat.access import tokens
from chat.content.mentions import NAMESAKES_LIMIT
from chat.log import deletion, visitors
from chat.log.reader import RoomRow
from chat.log.visitors import Visit
from chat.models import Room, Visitor
from chat.protocol.fields import MemberId
from chat.rooms import presence
from chat.rooms.registry import close_registry, current_registry
from tests.integration.members import join, receive
from tests.integration.test_mentions import in_thread
from tests.unit.fakes import until

pytestmark = pytest.mark.usefixtures("database", "rooms")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def said(by: WebsocketCommunicator, body: str, *chosen: str) -> dict[str, Any]:
    nonce = str(uuid.uuid4())
    await by.send_json_to({"type": "post", "nonce": nonce, "body": body, "mentions": list(chosen)})
    while (message := await receive(by, "message"))["nonce"] != nonce:
        pass
    return message


async def leave(member: WebsocketCommunicator, member_id: str) -> None:
    """The member leaves, and has done so for everybody."""
    await member.disconnect()
    registry = current_registry()
    await until(lambda: not registry._by_name["lobby"].name_of(MemberId(member_id)))
    await registry._visits.flush()


@pytest.fixture(autouse=True)
def no_time_for_a_reload(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0)


@pytest.fixture
async def bob() -> AsyncIterator[WebsocketCommunicator]:
    """He is in the lobby, which has a row."""
    communicator, _ = await join("Bob")
    await said(communicator, "the first message makes the row")
    yield communicator
    await communicator.disconnect()


async def gone(name: str) -> str:
    """The id of somebody who was in the lobby."""
    communicator, welcome = await join(name)
    await leave(communicator, welcome["me"]["id"])
    return str(welcome["me"]["id"])


async def test_who_has_left_is_mentioned(bob: WebsocketCommunicator) -> None:
    ann = await gone("Ann")
    message = await said(bob, "Thanks, @ann!")
    assert message["mentions"] == [ann]
    assert "@ann" in message["html"]
    assert message["html"] != "Thanks, @ann!"
    assert "mentions" not in await said(bob, "Thanks, @Annabel and @Dora!")


async def test_the_longest_name_counts_even_if_a_shorter_one_is_here(bob: WebsocketCommunicator) -> None:
    lee = await gone("Ann Lee")
    ann, welcome = await join("Ann")
    assert (await said(bob, "@Ann Lee, look"))["mentions"] == [lee]
    assert (await said(bob, "@Ann look"))["mentions"] == [welcome["me"]["id"]]
    await ann.disconnect()


async def test_of_namesakes_those_seen_last_are_meant_and_who_was_chosen_alone(bob: WebsocketCommunicator) -> None:
    gone_ones = [await gone("Ann") for _ in range(NAMESAKES_LIMIT + 2)]
    assert (await said(bob, "@Ann"))["mentions"] == gone_ones[:1:-1]
    assert (await said(bob, "@Ann", gone_ones[3]))["mentions"] == [gone_ones[3]]
    assert (await said(bob, "@Ann", gone_ones[0]))["mentions"] == [gone_ones[0]], "though five were seen after her"
    here, welcome = await join("Ann")
    assert (await said(bob, "@Ann"))["mentions"] == [welcome["me"]["id"]], "who is here comes first"
    assert (await said(bob, "@Ann", gone_ones[3]))["mentions"] == [gone_ones[3]]
    await here.disconnect()


async def test_who_is_chosen_and_not_named_is_not_mentioned(bob: WebsocketCommunicator) -> None:
    ann = await gone("Ann")
    stranger = str(uuid.uuid4())
    assert "mentions" not in await said(bob, "nobody", ann)
    assert (await said(bob, "@Ann", stranger))["mentions"] == [ann]
    await bob.send_json_to({"type": "edit", "seq": 2, "body": "now @Ann", "mentions": [ann]})
    assert (await receive(bob, "message"))["mentions"] == [ann]


async def test_a_mention_waits_for_who_is_not_there(bob: WebsocketCommunicator) -> None:
    ann_id = MemberId(str(uuid.uuid4()))
    token = tokens.issue(ann_id)
    ann, _ = await join("Ann", token=token)
    await leave(ann, ann_id)
    await said(bob, "@Ann, are you there?")
    ann, _ = await join("Ann", "harbour", token=token)
    await ann.send_json_to({"type": "watch", "rooms": [{"slug": "lobby", "seq": 1}]})
    (lobby,) = (await receive(ann, "unread"))["rooms"]
    assert (lobby["unread"], lobby["called"]) == (1, 1)
    await ann.disconnect()


async def test_people_are_those_seen_last(bob: WebsocketCommunicator) -> None:
    ids = [await gone(name) for name in ("Ann", "Cid")]
    await bob.send_json_to({"type": "people", "id": "who"})
    answer = await receive(bob, "people")
    assert answer["re"] == "who"
    assert [person["name"] for person in answer["people"]][:2] == ["Cid", "Ann"]
    assert {person["id"] for person in answer["people"]} > set(ids)
    times = [person["seen_at"] for person in answer["people"]]
    assert times == sorted(times, reverse=True)


async def test_a_room_without_messages_remembers_nobody() -> None:
    ann, _ = await join("Ann")
    await ann.send_json_to({"type": "people"})
    assert (await receive(ann, "people"))["people"] == []
    await current_registry()._visits.flush()
    assert await in_thread(Visitor.objects.count) == 0
    await ann.disconnect()


async def test_who_is_there_when_the_process_ends_is_known_afterwards(bob: WebsocketCommunicator) -> None:
    _, welcome = await join("Ann")
    await close_registry()
    known = await in_thread(lambda: {str(one.member_id) for one in Visitor.objects.all()})
    assert welcome["me"]["id"] in known


async def test_the_last_name_counts(bob: WebsocketCommunicator) -> None:
    ann, welcome = await join("Ann")
    await ann.send_json_to({"type": "rename", "name": "Anna"})
    await receive(ann, "renamed")
    await leave(ann, welcome["me"]["id"])
    assert "mentions" not in await said(bob, "@Ann")
    assert (await said(bob, "@anna"))["mentions"] == [welcome["me"]["id"]]


def test_only_so_many_visitors_are_kept(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(visitors, "KEPT", 3)
    room = Room.objects.create(slug="lobby")
    ids = [MemberId(str(uuid.UUID(int=number + 1))) for number in range(6)]
    visitors.note([Visit(room.pk, id_, f"Ann {id_[-1]}", NOW + timedelta(days=day)) for day, id_ in enumerate(ids)])
    assert {str(one.member_id) for one in Visitor.objects.all()} == set(ids[3:])


def test_a_visit_that_is_noted_late_and_one_of_a_deleted_room_change_nothing(database: str) -> None:
    room = Room.objects.create(slug="lobby")
    ann = MemberId(str(uuid.uuid4()))
    visitors.note([Visit(room.pk, ann, "Anna", NOW)])
    visitors.note([Visit(room.pk, ann, "Ann", NOW - timedelta(days=1)), Visit(room.pk + 1, ann, "Ann", NOW)])
    assert [(one.name, one.folded, one.seen_at) for one in Visitor.objects.all()] == [("Anna", "anna", NOW)]
    deletion._delete_rows(RoomRow.of(room).id)
    assert not Visitor.objects.exists()
