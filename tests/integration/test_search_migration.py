"""The index is made anew from what has been said already, and goes back to what it was."""

import sqlite3
import uuid

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chat import search
from chat.models import Message, Room
from chat.protocol import moment
from chat.search import Wanted
from chat.words import Phrase, parse

SAID = ["The tide is high", "今日は天気がいい", "고등학교에서", "ฉันอยู่ที่บ้าน", "ＤＪＡＮＧＯのｶﾞｲﾄﾞ", "Die Flut 🙂steigt"]
BEFORE = "0006_describe_rooms"
AFTER = "0007_search_unspaced"


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("chat", name)])


def say(room: Room, body: str, seq: int) -> None:
    Message.objects.create(
        room=room, seq=seq, version=seq, nonce=uuid.uuid4(), author_id=uuid.UUID(int=1), body=body, at=moment(seq)
    )


def found(room: Room, *phrases: Phrase) -> list[int]:
    return [result.seq for result in search.find(room.pk, Wanted(phrases), 50)[0]]


def check_index() -> None:
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:  # Raises where index and messages differ.
            cursor.execute("INSERT INTO chat_message_fts (chat_message_fts, rank) VALUES ('integrity-check', 1)")


def test_what_was_said_before_is_found_after_the_migration_and_after_its_way_back(database: str) -> None:
    room = Room.objects.create(slug="lobby")
    migrate(BEFORE)
    for seq, body in enumerate(SAID, 1):
        say(room, body, seq)
    assert found(room, *parse("天気")) == []

    migrate(AFTER)
    say(room, "天気予報", 7)
    Message.objects.filter(seq=3).update(body="大学で")
    queries = {"tide": [1], "天気": [7, 2], "학교": [], "学": [3], "บ้าน": [4], "django ガイド": [5], "steigt flut": [6]}
    assert {query: found(room, *parse(query)) for query in queries} == queries
    check_index()

    migrate(BEFORE)
    say(room, "明日の天気", 8)
    Message.objects.filter(seq=1).update(body="The ebb is low")
    assert found(room, Phrase(("tide",))) == []
    assert found(room, Phrase(("ebb",))) == [1]
    assert found(room, Phrase(("明日",), is_open=True)) == [8]
    check_index()

    migrate(AFTER)
    assert found(room, *parse("天気")) == [8, 7, 2]
    check_index()


def test_any_tool_may_write_messages_and_they_are_found(database: str) -> None:
    """On SQLite as well: its index needs no function that only Chatty's connections have."""
    room = Room.objects.create(slug="lobby")
    say(room, "今日は天気がいい", 1)
    say(room, "明日の天気", 2)
    statements = ["UPDATE chat_message SET body = '雨が降る' WHERE seq = 1", "DELETE FROM chat_message WHERE seq = 2"]
    if connection.vendor == "sqlite":
        with sqlite3.connect(database.removeprefix("sqlite:///")) as tool:
            for statement in statements:
                tool.execute(statement)
        tool.close()
    else:
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    assert (found(room, *parse("天気")), found(room, *parse("が降"))) == ([], [1])
    check_index()
