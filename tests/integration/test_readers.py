"""One address's queries delay neither joins nor others' queries, on both databases."""

import asyncio
import threading
from typing import Any

import pytest

from chat.content.search_terms import parse
from chat.log import deadline, reader, unread
from chat.log.pagination import PageEntries
from chat.log.search import SearchQuery
from chat.log.turns import Asker
from chat.protocol.commands import History
from chat.protocol.errors import Refusal
from tests.integration.desk import ANN, Desk

EVES_LIMIT = 7  # Of the pages that are held up.
HERE = Asker("192.0.2.1", ANN.id)


class RoomBusy:
    """Takes the place of a reading: Eve's begins, and doesn't end before it is released."""

    def __init__(self, reading: Any) -> None:
        self._reading = reading
        self.begun, self.gate = threading.Event(), threading.Event()

    def __call__(self, room_id: int, asked: History) -> PageEntries:
        if asked.limit == EVES_LIMIT:
            self.begun.set()
            self.gate.wait()
        found: PageEntries = self._reading(room_id, asked)
        return found


@pytest.mark.parametrize("narrowed", [{}, {"links": True, "author": ANN.id}], ids=["plain", "with filters"])
async def test_many_questions_of_one_address_hold_up_neither_a_join_nor_another_address(
    desk: Desk, narrowed: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await desk.room("lobby")
    await desk.post(room, "the tide at example.org")
    held_up = RoomBusy(reader._page)
    monkeypatch.setattr(reader, "_page", held_up)
    asked = History(limit=EVES_LIMIT, before=9, **narrowed)
    eves = [
        asyncio.create_task(desk.log.page(room.id, asked, Asker("192.0.2.66", f"eve {number}")))
        for number in range(reader.SEARCHES_WAITING)
    ]
    try:
        await asyncio.to_thread(held_up.begun.wait)
        assert (await desk.log.rows(["lobby"], HERE))["lobby"] == room
        assert (await desk.log.opening(room.id, 10, HERE)).changes.head == 1
        assert (await desk.log.states([room.id]))[room.id].head == 1
        assert len((await desk.log.page(room.id, History(limit=1, before=9), HERE)).below) == 1
        assert len((await desk.log.page(room.id, History(limit=1, before=9, **narrowed), HERE)).below) == 1
        assert (await desk.log.search(room.id, SearchQuery(parse("tide")), 5, HERE))[0]
        assert (await desk.log.unread({"lobby": 0}, ANN.id, HERE))[room.id].head == 1
        assert not any(eve.done() for eve in eves)
    finally:
        held_up.gate.set()
        assert {len(page.below) for page in await asyncio.gather(*eves)} == {1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL has its statement_timeout.
async def test_each_question_has_a_deadline(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await desk.room("lobby")
    monkeypatch.setattr(deadline, "SECONDS", -1)
    with pytest.raises(Refusal, match="Ask for less"):
        await desk.log.page(room.id, History(limit=1, before=9), HERE)
    with pytest.raises(Refusal, match="Watch fewer rooms"):
        await desk.log.unread({"lobby": 0}, ANN.id, HERE)
    assert await desk.log.run(unread.unread, {"lobby": 0}, ANN.id)
