"""The index follows all writes to messages, also without Chatty. `manage.py refold` updates the rest."""

import sqlite3
import uuid

import pytest
from django.core.management import call_command
from django.db import connection

from chat.content import folding
from chat.content.search_terms import Phrase, parse, search_text
from chat.log import refolding, search
from chat.log.search import SearchQuery
from chat.models import Message, Room, SearchFolding
from chat.protocol.events import moment


def say(room: Room, body: str, seq: int, text: str | None = None) -> None:
    Message.objects.create(
        room=room,
        seq=seq,
        version=seq,
        nonce=uuid.uuid4(),
        author_id=uuid.UUID(int=1),
        body=body,
        search_text=text,
        at=moment(seq),
    )


def found(room: Room, *phrases: Phrase) -> list[int]:
    return [result.seq for result in search.find(room.pk, SearchQuery(phrases), 50)[0]]


def check_index() -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:  # Raises where index and messages differ.
            cursor.execute("INSERT INTO chat_message_fts (chat_message_fts, rank) VALUES ('integrity-check', 1)")


@pytest.mark.parametrize("is_indexed", [True, False])
def test_any_tool_may_write_messages_and_they_are_found(database: str, is_indexed: bool) -> None:
    """On SQLite as well: its index needs no function that only Chatty's connections have."""
    room = Room.objects.create(slug="lobby")
    say(room, "今日は天気がいい", 1, search_text("今日は天気がいい"))
    say(room, "明日の天気", 2, search_text("明日の天気"))
    say(room, "the ebb", 3)
    if is_indexed:
        assert found(room, *parse("ebb")) == [3]
    statements = [
        "UPDATE chat_message SET body = 'High TIDE: 雨が降る', search_text = NULL WHERE seq = 1",
        "DELETE FROM chat_message WHERE seq = 2",
        f"UPDATE chat_message SET body = '{'x' * 4000} tide, é {'é' * 3000}' WHERE seq = 3",
    ]
    if connection.vendor == "sqlite":
        with sqlite3.connect(database.removeprefix("sqlite:///")) as tool:
            for statement in statements:
                tool.execute(statement)
        tool.close()
    else:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    assert (found(room, *parse("天気")), found(room, *parse("ebb"))) == ([], [])
    assert (found(room, *parse('"high tide"')), found(room, *parse("tide"))) == ([1], [3, 1])
    call_command("refold", verbosity=0)
    assert (found(room, *parse("が降")), found(room, *parse('"tide e"'))) == ([1], [3])
    check_index()


def test_what_another_version_folded_is_folded_anew_in_slices(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert refolding.advice() is None  # A new database.
    monkeypatch.setattr(refolding, "VERSION", "2/99.0.0")
    room = Room.objects.create(slug="lobby")
    for seq in range(1, 251):
        say(room, f"ёлка {seq}", seq, f"ёлка {seq}" if seq % 2 else search_text(f"ёлка {seq}"))
    say(room, "", 251, "ёлка")  # Deleted by somebody who left a copy.
    advice = refolding.advice()
    assert advice is not None
    assert folding.VERSION in advice
    assert refolding.refold() == 126
    assert refolding.advice() is None
    assert SearchFolding.objects.count() == 1
    assert found(room, *parse("елка"))[:2] == [250, 249]
    assert Message.objects.get(seq=251).search_text is None
    assert refolding.refold() == 0
    check_index()


def test_a_text_that_is_edited_meanwhile_keeps_its_own_words(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room.objects.create(slug="lobby")
    say(room, "ёлка", 1)

    def search_text_after_an_edit(body: str) -> str | None:
        Message.objects.update(body="Сосна", search_text="сосна")
        return search_text(body)

    monkeypatch.setattr(refolding, "search_text", search_text_after_an_edit)
    refolding.refold()
    assert Message.objects.get().search_text == "сосна"
