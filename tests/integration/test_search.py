"""Search on both databases: the same words find the same messages."""

import uuid
from collections.abc import AsyncIterator

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat import deadline, search
from chat.log import LogUnavailable, RoomRow
from chat.models import Message, Room
from chat.operations import Delete, Edit
from chat.protocol import QUERY_LIMIT, Refusal, RefusalCode, Result, moment
from chat.search import Wanted
from chat.words import parse
from tests.integration.test_log import ANN, BOB, Desk

SAID = [
    "The tide is high at noon.",  # 1
    "High noon, and the tide is out",  # 2
    "Une crème brûlée, s'il vous plaît",  # 3
    "see https://example.com/a-b?c=tideway and don't panic",  # 4
    "Ёлка ΛΌΓΟΣ λόγος",  # 5
    "日本語のテキスト。次の文",  # 6
    "v2.0 costs 1,500 (or 1e5) snake_case",  # 7
    "हिन्दी में लिखा",  # 8
    "to be \\ or 'not' to \"be\"; DROP TABLE x --",  # 9
]


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.committer.close()
    await desk.log.close()


@pytest.fixture
async def lobby(desk: Desk) -> RoomRow:
    """A room in which SAID was said, in turns, and another one with words of its own."""
    room, other = await desk.log.room("lobby"), await desk.log.room("other")
    for number, body in enumerate(SAID):
        await desk.post(room, body, (ANN, BOB)[number % 2])
        await desk.post(other, f"{body} elsewhere")
    return room


async def found(desk: Desk, room: RoomRow, query: str, **narrower: object) -> list[int]:
    results, more = await desk.log.search(room.id, Wanted(parse(query), **narrower), 50)  # type: ignore[arg-type]
    assert not more
    return [result.seq for result in results]


async def test_words_are_found_wherever_they_stand(desk: Desk, lobby: RoomRow) -> None:
    expected = {
        "tide": [4, 2, 1],  # The last word may go on: tideway.
        "tide noon": [2, 1],
        "NOON tide at": [1],
        '"tide"': [2, 1],
        '"high noon"': [2],
        '"noon high"': [],
        '"the ti': [2, 1],
        "no": [9, 2, 1],
        "t": [4],
        "o": [],
        "creme brulee": [3],
        "CRÈME": [3],
        "brûlee": [3],
        "example": [4],
        "example.com": [4],
        "a-b": [4],
        "don't": [4],
        "λόγος": [5],
        "Λόγοσ": [5],
        "ёлка": [5],
        "日本": [6],
        "次の文": [6],
        "v2.0": [7],
        "1e5": [7],
        "1,500": [7],
        "snake_case": [7],
        "snake": [7],
        "हिन्दी": [8],
        "drop": [9],
        "'not'": [9],
        "NOT": [9],
        "elsewhere": [],
        "room": [],
    }
    assert {query: await found(desk, lobby, query) for query in expected} == expected


async def test_a_search_is_narrowed_by_author_time_and_place(desk: Desk, lobby: RoomRow) -> None:
    def age() -> None:
        for seq in range(1, 10):
            Message.objects.filter(room_id=lobby.id, seq=seq).update(at=moment(seq * 1000))

    await desk.log._read(age)
    assert await found(desk, lobby, "tide", author=uuid.UUID(ANN.id)) == [1]
    assert await found(desk, lobby, "tide", author=uuid.UUID(BOB.id)) == [4, 2]
    assert await found(desk, lobby, "tide", at_from=2000) == [4, 2]
    assert await found(desk, lobby, "tide", at_before=2000) == [1]
    assert await found(desk, lobby, "tide", at_from=2000, at_before=3000) == [2]
    assert await found(desk, lobby, "tide", before=4) == [2, 1]


async def test_a_search_comes_in_pages_newest_first(desk: Desk, lobby: RoomRow) -> None:
    results, more = await desk.log.search(lobby.id, Wanted(parse("tide")), 2)
    assert ([result.seq for result in results], more) == ([4, 2], True)
    rest, more = await desk.log.search(lobby.id, Wanted(parse("tide"), before=2), 2)
    assert ([result.seq for result in rest], more) == ([1], False)
    assert isinstance(rest[0], Result)
    assert (rest[0].author, rest[0].excerpt) == (
        ANN,
        [("The ", False), ("tide", True), (" is high at noon.", False)],
    )


async def test_what_was_changed_is_found_by_what_it_says_now(desk: Desk, lobby: RoomRow) -> None:
    await desk.committer.commit(Edit(lobby, 1, ANN.id, "The ebb is low"))
    assert (await found(desk, lobby, "tide"), await found(desk, lobby, "ebb")) == ([4, 2], [1])
    await desk.committer.commit(Delete(lobby, 2, BOB.id))
    assert (await found(desk, lobby, "tide"), await found(desk, lobby, "noon")) == ([4], [])
    await desk.post(lobby, "the tide again")
    assert await found(desk, lobby, "tide") == [12, 4]

    def forget() -> None:
        Room.objects.filter(slug="other").delete()
        Message.objects.filter(room_id=lobby.id, seq=4).delete()
        if connection.vendor == "sqlite":
            with connection.cursor() as cursor:  # Raises where index and messages differ.
                cursor.execute("INSERT INTO chat_message_fts (chat_message_fts, rank) VALUES ('integrity-check', 1)")

    await desk.log._read(forget)
    assert await found(desk, lobby, "tide") == [12]


async def test_a_search_that_takes_too_long_is_refused(
    desk: Desk, lobby: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow() -> None:
        with connection.cursor() as cursor:
            if connection.vendor == "sqlite":
                monkeypatch.setattr(deadline, "SECONDS", -1)
                monkeypatch.setattr(deadline, "LOOK_EVERY", 1)
            else:
                cursor.execute("SET statement_timeout = '1ms'")
                monkeypatch.setitem(
                    search._BACKENDS,
                    "postgresql",
                    lambda messages, *_: messages.extra(where=["pg_sleep(1) IS NOT NULL"]),
                )
        search.find(lobby.id, Wanted(parse("tide")), 10)

    with pytest.raises(Refusal) as refused:
        await desk.log._read(slow)
    assert refused.value.code == RefusalCode.UNAVAILABLE
    monkeypatch.undo()
    if connection.vendor == "sqlite":
        assert await found(desk, lobby, "ebb") == []


@pytest.mark.parametrize("fold", [str, lambda text: f'"{text}"'], ids=["typed", "quoted"])
async def test_nothing_that_is_typed_is_an_error_of_the_database(desk: Desk, lobby: RoomRow, fold: object) -> None:
    texts = st.text(max_size=QUERY_LIMIT) | st.text(
        st.sampled_from("\"'\\*()^:-+<>|&!{}NEAROT \u0301\0é本🙂\U0001d160")
    )

    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(texts)
    def search_for(query: str) -> None:
        try:
            phrases = parse(fold(query)[:QUERY_LIMIT])  # type: ignore[operator]
        except Refusal:
            return
        search.find(lobby.id, Wanted(phrases), 3)

    try:
        await desk.log._read(search_for)
    except LogUnavailable as error:
        pytest.fail(str(error))
