"""A program that posts where nobody is: the room stays open for its next request, and not for ever."""

import asyncio
import uuid

import pytest

from chat.access import tokens
from chat.rooms import idle_rooms
from chat.rooms.registry import current_registry
from tests.integration.members import join, receive
from tests.integration.test_can_join import over_http

pytestmark = pytest.mark.usefixtures("own_limits", "rooms")


async def post(room: str) -> int:
    token = tokens.issue(tokens.new_member_id())
    status, _ = await over_http(room, token, {"type": "post", "nonce": str(uuid.uuid4()), "body": "hello"})
    return status


async def test_a_room_stays_open_for_the_next_request_and_is_closed_after_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idle_rooms, "IDLE_SECONDS", 1_000)
    assert await post("builds") == 200
    hub = current_registry()._by_name["builds"]
    assert await post("builds") == 200
    member, welcome = await join("Ann", "builds")
    assert [message["seq"] for message in welcome["messages"]] == [1, 2]
    assert current_registry()._by_name["builds"] is hub, "it was opened once"
    assert await post("builds") == 200
    assert (await receive(member, "message"))["seq"] == 3
    await member.disconnect()
    async with asyncio.timeout(60):
        while current_registry().counts()["rooms"]:  # When its last member goes, it isn't kept.
            await asyncio.sleep(0.01)
    monkeypatch.setattr(idle_rooms, "IDLE_SECONDS", 0.001)
    assert await post("builds") == 200
    async with asyncio.timeout(60):
        while current_registry().counts()["rooms"]:
            await asyncio.sleep(0.01)


async def test_rooms_without_messages_are_not_kept_and_of_others_only_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idle_rooms, "IDLE_SECONDS", 1_000)
    monkeypatch.setattr(idle_rooms, "IDLE_LIMIT", 2)
    token = tokens.issue(tokens.new_member_id())
    assert (await over_http("nothing-here", token, {"type": "history", "before": 9, "limit": 1}))[0] == 200
    assert current_registry().counts()["rooms"] == 0
    for room in ("one", "two", "three"):
        assert await post(room) == 200
    assert set(current_registry()._by_name) == {"two", "three"}
