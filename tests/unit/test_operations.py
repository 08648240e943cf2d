"""The rules of edits, deletions and reactions."""

import uuid
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from chat.access.person import Moderator, Person
from chat.access.policy import OPEN
from chat.content import validation
from chat.content.markdown import Rendered
from chat.log.operations import Change, Delete, Edit, React, alter, edition
from chat.log.reader import RoomRow
from chat.models import Message
from chat.protocol.constants import REACTION_KINDS_LIMIT, REACTIONS_LIMIT
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId
from tests.unit.fakes import ROOM

ANN, BOB, EVE = (MemberId(str(uuid.UUID(int=number))) for number in (1, 2, 3))
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EMOJI = list(islice(validation._EMOJI.values(), REACTION_KINDS_LIMIT + 1))


@pytest.fixture
def message() -> Message:
    """Ann's."""
    return Message(room_id=1, seq=7, author_id=uuid.UUID(ANN), body="hello", html="<p>hello</p>", at=NOON)


def change(message: Message, change: Change) -> bool:
    return alter(message, change, NOON, OPEN)


def edit(room: RoomRow, seq: int, member_id: MemberId, body: str, **fields: Any) -> Edit:
    return Edit(
        room, seq, Person(member_id), body, Rendered("<p>html</p>", [ANN], has_link=True, search_text="words"), **fields
    )


def react(message: Message, member_id: MemberId, emoji: str, on: bool = True) -> bool:
    return change(message, React(ROOM, 7, Person(member_id), emoji, on))


def refusal_of(message: Message, what: Change) -> str:
    before = {field.name: getattr(message, field.attname) for field in Message._meta.concrete_fields}
    with pytest.raises(Refusal) as caught:
        change(message, what)
    assert caught.value.seq == 7
    assert before == {field.name: getattr(message, field.attname) for field in Message._meta.concrete_fields}
    return caught.value.code


def test_an_edit_gives_the_message_another_body_and_says_so(message: Message) -> None:
    assert change(message, edit(ROOM, 7, ANN, "bye"))
    assert (message.body, message.html, message.edited_at) == ("bye", "<p>html</p>", NOON)
    assert (message.mentions, message.has_link, message.search_text) == ([ANN], True, "words")


def test_an_edit_to_the_same_body_changes_nothing(message: Message) -> None:
    assert not change(message, edit(ROOM, 7, ANN, "hello"))
    assert message.edited_at is None


def test_an_edit_of_an_edition_that_is_gone_is_refused(message: Message) -> None:
    assert change(message, edit(ROOM, 7, ANN, "in one tab", base=0))
    first = edition(message)
    assert refusal_of(message, edit(ROOM, 7, ANN, "in another", base=0)) == "edited_meanwhile"
    assert not change(message, edit(ROOM, 7, ANN, "in one tab", base=0))  # Its answer got lost.
    react(message, BOB, "👍")
    assert change(message, edit(ROOM, 7, ANN, "again", base=first))
    assert edition(message) > first  # In the same millisecond, by the clock.
    assert refusal_of(message, edit(ROOM, 7, ANN, "late", base=first)) == "edited_meanwhile"
    assert change(message, edit(ROOM, 7, ANN, "by a client that knows no editions"))


def test_only_its_author_edits_or_deletes_a_message(message: Message) -> None:
    assert refusal_of(message, edit(ROOM, 7, BOB, "bye")) == "not_yours"
    assert refusal_of(message, Delete(ROOM, 7, Person(BOB))) == "not_yours"


@pytest.mark.parametrize(
    "delete", [Delete(ROOM, 7, Person(ANN)), Delete(ROOM, 7, Person(BOB, moderator=Moderator(1, "mo")))]
)
def test_a_deletion_leaves_nothing_of_what_was_said(message: Message, delete: Delete) -> None:
    react(message, BOB, "👍")
    message.mentions, message.reply_to, message.has_link, message.search_text = [BOB], 3, True, "hello"
    assert change(message, delete)
    assert (message.body, message.html, message.reactions, message.deleted_at) == ("", "", {}, NOON)
    assert [message.mentions, message.reply_to, message.has_link, message.search_text] == [None] * 4
    assert not change(message, delete)


def test_a_tombstone_is_not_edited_nor_reacted_to(message: Message) -> None:
    change(message, Delete(ROOM, 7, Person(ANN)))
    assert refusal_of(message, edit(ROOM, 7, ANN, "bye")) == "no_such_message"
    assert refusal_of(message, React(ROOM, 7, Person(ANN), "👍", True)) == "no_such_message"
    assert refusal_of(message, Delete(ROOM, 7, Person(BOB))) == "not_yours"


def test_a_member_reacts_once_with_each_emoji_until_it_is_taken_away(message: Message) -> None:
    assert react(message, ANN, "👍")
    assert react(message, BOB, "👍")
    assert react(message, BOB, "🎉")
    assert not react(message, BOB, "👍")
    assert message.reactions == {"👍": [ANN, BOB], "🎉": [BOB]}
    assert react(message, ANN, "👍", on=False)
    assert react(message, BOB, "🎉", on=False)
    assert not react(message, ANN, "🎉", on=False)
    assert message.reactions == {"👍": [BOB]}


def test_a_message_takes_so_many_different_emoji(message: Message) -> None:
    for emoji in EMOJI[:-1]:
        react(message, ANN, emoji)
    assert refusal_of(message, React(ROOM, 7, Person(ANN), EMOJI[-1], True)) == "too_many_reactions"
    assert react(message, BOB, EMOJI[0])
    assert react(message, ANN, EMOJI[1], on=False)
    assert react(message, ANN, EMOJI[-1])


def test_a_message_takes_so_many_reactions(message: Message) -> None:
    for number in range(REACTIONS_LIMIT):
        react(message, MemberId(str(uuid.UUID(int=number))), EMOJI[number % 2])
    assert refusal_of(message, React(ROOM, 7, Person(BOB), EMOJI[2], True)) == "too_many_reactions"
    assert refusal_of(message, React(ROOM, 7, Person(MemberId("x")), EMOJI[0], True)) == "too_many_reactions"
    assert not react(message, ANN, EMOJI[1])
    assert react(message, ANN, EMOJI[1], on=False)
    assert react(message, BOB, EMOJI[2])
