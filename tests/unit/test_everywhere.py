"""What is told to every process, whatever rooms it has."""

from collections.abc import AsyncIterator

import pytest

from chat.hubs import Hubs
from chat.peers import BansChanged
from tests.unit.fakes import until


@pytest.fixture
async def pair() -> AsyncIterator[tuple[Hubs, Hubs]]:
    """Two processes, as far as the channel layer is concerned, without a room."""
    one, other = Hubs(), Hubs()
    yield one, other
    await one.close()
    await other.close()


async def test_every_process_hears_it_once_and_the_own_one_at_once(pair: tuple[Hubs, Hubs]) -> None:
    one, other = pair
    heard: list[str] = []
    one.listen_everywhere(BansChanged, lambda _: heard.append("one"))
    other.listen_everywhere(BansChanged, lambda _: heard.append("other"))
    one.tell_everywhere(BansChanged())
    assert heard == ["one"]
    await until(lambda: heard == ["one", "other"])
    other.tell_everywhere(BansChanged())
    await until(lambda: heard == ["one", "other", "other", "one"])
