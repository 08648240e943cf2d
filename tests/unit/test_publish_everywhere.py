"""Messages to every process, independent of its rooms."""

from collections.abc import AsyncIterator

import pytest

from chat.cluster.messages import BansChanged
from chat.rooms.registry import RoomRegistry
from tests.unit.fakes import until


@pytest.fixture
async def pair() -> AsyncIterator[tuple[RoomRegistry, RoomRegistry]]:
    """Two processes, as far as the channel layer is concerned, without a room."""
    one, other = RoomRegistry(), RoomRegistry()
    yield one, other
    await one.close()
    await other.close()


async def test_every_process_hears_it_once_and_the_own_one_at_once(pair: tuple[RoomRegistry, RoomRegistry]) -> None:
    one, other = pair
    heard: list[str] = []
    one.subscribe_everywhere(BansChanged, lambda _: heard.append("one"))
    other.subscribe_everywhere(BansChanged, lambda _: heard.append("other"))
    one.publish_everywhere(BansChanged())
    assert heard == ["one"]
    await until(lambda: heard == ["one", "other"])
    other.publish_everywhere(BansChanged())
    await until(lambda: heard == ["one", "other", "other", "one"])
