"""Mentions and links on both databases: the indexed columns agree with the messages."""

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from chat.access.person import Person
from chat.log import committer
from chat.log.operations import Delete, Operation, Post, React
from chat.log.reader import RoomRow
from chat.models import Mention, Message, Room
from chat.protocol.errors import Refusal
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from tests import deeds
from tests.deeds import edit
from tests.integration.desk import ANN, BOB, EVE_ID, Desk
from tests.integration.test_log import decoded

T = TypeVar("T")

PEOPLE = {"ann": (ANN.id,), "bob": (BOB.id,)}
BODIES = ["nobody", "@ann", "@bob https://example.org", "@ann @bob", "@ann example.org", "`@bob https://e.org`"]


def post(room: RoomRow, body: str, nonce: uuid.UUID | None = None) -> Post:
    return deeds.post(room, nonce or uuid.uuid4(), ANN, body, PEOPLE)


async def in_thread(work: Callable[[], T]) -> T:
    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)


def listed() -> set[tuple[str, int, int]]:
    """The table: members, rooms and seqs."""
    return {(str(one.member_id), one.room_id, one.seq) for one in Mention.objects.all()}


def said() -> set[tuple[str, int, int]]:
    """The same, as the messages have it."""
    return {(called, one.room_id, one.seq) for one in Message.objects.all() for called in one.mentions or ()}


def linking() -> set[tuple[int, int]]:
    return set(Message.objects.filter(has_link=True).values_list("room_id", "seq"))


async def test_whom_a_message_calls_is_listed_until_it_no_longer_does(desk: Desk) -> None:
    room = await desk.room("lobby")
    nonce = uuid.uuid4()
    for _ in range(2):  # The second one was sent again.
        await desk.committer.commit(post(room, "@ann @bob", nonce))
        assert await in_thread(listed) == {(ANN.id, room.id, 1), (BOB.id, room.id, 1)}
    await desk.committer.commit(edit(room, 1, ANN.id, "@bob", people=PEOPLE))
    await desk.committer.commit(React(room, 1, Person(BOB.id), "👍", True))
    assert await in_thread(listed) == {(BOB.id, room.id, 1)}
    await desk.committer.commit(Delete(room, 1, Person(ANN.id)))
    assert await in_thread(listed) == set()


async def test_what_waits_together_is_listed_as_it_ends(desk: Desk) -> None:
    rooms = [await desk.room("lobby"), await desk.room("other")]
    chance = random.Random(1)
    for _ in range(12):
        batch: list[Operation] = []
        for _ in range(12):
            room, seq = chance.choice(rooms), chance.randint(1, 60)
            body = chance.choice(BODIES)
            batch.append(
                chance.choice(
                    (
                        post(room, body),
                        edit(room, seq, ANN.id, body, people=PEOPLE),
                        Delete(room, seq, Person(ANN.id)),
                        React(room, seq, Person(MemberId(EVE_ID)), "👍", True),
                    )
                )
            )
        await asyncio.gather(*map(desk.committer.commit, batch), return_exceptions=True)
        assert await in_thread(listed) == await in_thread(said)
    assert len(await in_thread(listed)) > 10


async def test_a_deleted_room_takes_its_calls_with_it(desk: Desk) -> None:
    rooms = [await desk.room("lobby"), await desk.room("other")]
    for room in rooms:
        await desk.committer.commit(post(room, "@bob"))
    await in_thread(Room.objects.filter(slug="lobby").delete)
    assert await in_thread(listed) == {(BOB.id, rooms[1].id, 1)}


async def test_a_link_is_one_in_what_is_shown(desk: Desk) -> None:
    room = await desk.room("lobby")
    for body in BODIES:
        await desk.committer.commit(post(room, body))
    assert await in_thread(linking) == {(room.id, 3), (room.id, 5)}
    await desk.committer.commit(edit(room, 3, ANN.id, "none"))
    await desk.committer.commit(edit(room, 1, ANN.id, "https://example.org"))
    await desk.committer.commit(Delete(room, 5, Person(ANN.id)))
    assert await in_thread(linking) == {(room.id, 1)}


def answer(room: RoomRow, seq: int, body: str = "aye", author: Member = BOB) -> Post:
    return deeds.post(room, uuid.uuid4(), author, body, PEOPLE, reply_to=seq)


async def test_an_answer_calls_whom_it_answers_by_the_same_rule_after_an_edit(desk: Desk) -> None:
    room = await desk.room("lobby")
    await desk.committer.commit(post(room, "a question"))
    told = {
        "aye": [ANN.id],
        "@bob @ann": [ANN.id, BOB.id],
        "@bob": [ANN.id, BOB.id],
        "@ann": [ANN.id],
    }
    for body, called in told.items():
        (message,) = decoded([(await desk.committer.commit(answer(room, 1, body))).entry])
        assert (message["reply_to"], message["mentions"]) == (1, called)
    for body, called in reversed(told.items()):
        (message,) = decoded([(await desk.committer.commit(edit(room, 2, BOB.id, f"{body}!", people=PEOPLE))).entry])
        assert (message["reply_to"], message["mentions"]) == (1, called)
        assert await in_thread(listed) == await in_thread(said)
    (own,) = decoded([(await desk.committer.commit(answer(room, 1, "I know", ANN))).entry])
    assert (own["reply_to"], "mentions" in own) == (1, False)
    (gone,) = decoded([(await desk.committer.commit(Delete(room, 2, Person(BOB.id)))).entry])
    assert gone.keys().isdisjoint({"reply_to", "mentions"})
    assert await in_thread(listed) == await in_thread(said)


async def test_what_is_answered_is_in_this_room_and_may_be_a_tombstone(desk: Desk) -> None:
    room, other = await desk.room("lobby"), await desk.room("other")
    await desk.committer.commit(post(room, "a question"))
    await desk.committer.commit(Delete(room, 1, Person(ANN.id)))
    (message,) = decoded([(await desk.committer.commit(answer(room, 1))).entry])
    assert message["mentions"] == [ANN.id]
    for refused in (answer(room, 2), answer(room, 2**53 - 1), answer(other, 1)):
        with pytest.raises(Refusal) as caught:
            await desk.committer.commit(refused)
        assert caught.value.code == "no_such_message"
    assert {slug: versions for slug, versions in desk.published if slug == "other"} == {}


async def test_answers_that_wait_together_find_what_is_born_with_them(desk: Desk) -> None:
    room, other = await desk.room("lobby"), await desk.room("other")
    await desk.committer.commit(post(room, "one"))

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            outcomes = committer.write(
                [
                    answer(room, 1),  # 2
                    answer(room, 2, "to the one before", ANN),  # 3
                    answer(room, 4),  # Not yet there.
                    answer(other, 1),
                    post(other, "born"),  # 1
                    answer(other, 1),  # 2
                    edit(room, 3, ANN.id, "nobody knew"),  # Not yet there when the batch is looked up.
                    edit(room, 2, BOB.id, "edited as it was born", people=PEOPLE),
                ]
            )
        told = [
            decoded([one.entry])[0] if isinstance(one, committer.Committed) else one.code  # type: ignore[union-attr]
            for one in outcomes
        ]
        assert [one if isinstance(one, str) else one.get("mentions") for one in told] == [
            *([ANN.id], [BOB.id], "no_such_message", "no_such_message", None, [ANN.id], [BOB.id], [ANN.id]),
        ]
        return len([query for query in captured if query["sql"].startswith("SELECT")])

    assert await in_thread(statements) == 4  # The rooms, the nonces, the places of edits, whom answers answer.
    assert await in_thread(listed) == await in_thread(said)
    await desk.committer.commit(post(room, "still two"))


async def test_an_answer_that_is_sent_again_is_the_same(desk: Desk) -> None:
    room = await desk.room("lobby")
    await desk.committer.commit(post(room, "one"))
    first = answer(room, 1)
    told = (await desk.committer.commit(first)).entry
    again = await desk.committer.commit(replace(first, body="aye again", reply_to=77))
    assert (again.entry, again.is_new) == (told, False)
    assert await in_thread(listed) == {(ANN.id, room.id, 2)}


async def test_a_post_that_calls_nobody_costs_no_further_statement(desk: Desk) -> None:
    room = await desk.room("lobby")

    def statements_of(*bodies: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            committer.write([post(room, body) for body in bodies])
        return len([query for query in captured if not query["sql"].startswith(("BEGIN", "COMMIT"))])

    assert await in_thread(lambda: statements_of("one", "see example.org", "three")) == 4
    assert await in_thread(lambda: statements_of("@ann", "@ann @bob", "three")) == 5
