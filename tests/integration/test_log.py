"""The log on both databases: what is written comes back, in order, once."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError
from django.test.utils import CaptureQueriesContext

from chat import committer, log
from chat.committer import Committer
from chat.log import Log, LogUnavailable, RoomGone, RoomRow
from chat.models import Message, Room
from chat.moderation import Moderator
from chat.operations import Delete, Edit, Operation, Post, React
from chat.protocol import History, Member, MemberId
from chat.ring import Entry

ANN = Member(MemberId("11111111-1111-4111-8111-111111111111"), "Ann")
BOB = Member(MemberId("22222222-2222-4222-8222-222222222222"), "Bob")
EVE_ID = "33333333-3333-4333-8333-333333333333"


class Desk:
    """A log, a committer, and what the committer published."""

    def __init__(self) -> None:
        self.log = Log()
        self.published: list[tuple[str, list[int]]] = []
        self.committer = Committer(self._publish)

    def _publish(self, room: RoomRow, entries: list[Entry]) -> None:
        self.published.append((room.slug, [entry.version for entry in entries]))

    async def post(self, room: RoomRow, body: str, author: Member = ANN, nonce: uuid.UUID | None = None) -> Any:
        return await self.committer.commit(Post(room, nonce or uuid.uuid4(), author, body))


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.committer.close()
    await desk.log.close()


def decoded(entries: list[Entry]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(entry.encoded) for entry in entries]


async def test_a_room_is_made_on_the_first_visit_and_found_on_the_next(desk: Desk) -> None:
    rooms = await asyncio.gather(*(desk.log.room("lobby") for _ in range(4)))
    assert len(set(rooms)) == 1
    assert (await desk.log.room("other")).log != rooms[0].log


async def test_what_is_posted_is_read_as_it_was_told(desk: Desk) -> None:
    room = await desk.log.room("lobby")
    told = (await desk.post(room, "hello <b>")).entry
    reading = await desk.log.changes(room.id, 0, 10)
    assert reading.entries == [told]
    assert (reading.head, reading.floor, reading.is_cut) == (1, 0, False)
    assert decoded([told])[0]["html"] == "<p>hello &lt;b&gt;</p>"


async def test_posts_that_wait_together_are_committed_together_and_in_order(desk: Desk) -> None:
    lobby, other = await desk.log.room("lobby"), await desk.log.room("other")
    rooms = [lobby, other, lobby, lobby, other]
    committed = await asyncio.gather(*(desk.post(room, f"{n}") for n, room in enumerate(rooms)))
    assert [outcome.entry.version for outcome in committed] == [1, 1, 2, 3, 2]
    versions: dict[str, list[int]] = {"lobby": [], "other": []}
    for slug, news in desk.published:
        versions[slug] += news
    assert versions == {"lobby": [1, 2, 3], "other": [1, 2]}
    assert len(desk.published) < len(rooms)
    states = await desk.log.states([lobby.id, other.id, 999])
    assert {room_id: state.head for room_id, state in states.items()} == {lobby.id: 3, other.id: 2}


async def test_a_nonce_counts_once_for_its_author_and_room(desk: Desk) -> None:
    lobby, other = await desk.log.room("lobby"), await desk.log.room("other")
    nonce = uuid.uuid4()
    same = await asyncio.gather(*(desk.post(lobby, f"try {n}", ANN, nonce) for n in range(3)))
    assert [outcome.is_new for outcome in same] == [True, False, False]
    assert len({outcome.entry for outcome in same}) == 1
    again = await desk.post(lobby, "later", ANN, nonce)
    assert (again.is_new, again.entry) == (False, same[0].entry)
    assert (await desk.post(lobby, "bob's", BOB, nonce)).is_new
    assert (await desk.post(other, "elsewhere", ANN, nonce)).is_new
    assert (await desk.log.states([lobby.id]))[lobby.id].head == 2


async def test_a_change_takes_the_next_version_and_leaves_the_message_in_its_place(desk: Desk) -> None:
    room = await desk.log.room("lobby")
    await desk.post(room, "one")
    await desk.post(room, "two")
    moderator = await desk.log.run(lambda: User.objects.create(username="mo"))
    changes: list[Operation] = [
        Edit(room, 1, ANN.id, "won"),
        React(room, 1, ANN.id, "👍", True),
        React(room, 1, BOB.id, "🎉", True),
        Delete(room, 2, MemberId(EVE_ID), Moderator(moderator.pk, "mo", "")),
    ]
    told = [(await desk.committer.commit(change)).entry for change in changes]
    assert [(entry.seq, entry.version) for entry in told] == [(1, 3), (1, 4), (1, 5), (2, 6)]
    edited, deleted = decoded(told[2:])
    assert (edited["body"], edited["html"], edited["reactions"]) == (
        "won",
        "<p>won</p>",
        {"👍": [ANN.id], "🎉": [BOB.id]},
    )
    assert edited["edited_at"] >= edited["at"]
    assert (deleted["body"], deleted["html"], deleted["deleted"]) == ("", "", True)
    assert "reactions" not in deleted
    assert (await desk.log.changes(room.id, 0, 10)).entries == told[2:]
    assert (await desk.log.page(room.id, History(limit=10, before=100))).below == told[2:]
    assert [version for _, versions in desk.published for version in versions] == [1, 2, 3, 4, 5, 6]


async def test_a_change_that_changes_nothing_takes_no_version(desk: Desk) -> None:
    room = await desk.log.room("lobby")
    await desk.post(room, "one")
    await desk.post(room, "two")
    for change in (Edit(room, 1, ANN.id, "won"), React(room, 1, ANN.id, "👍", True), Delete(room, 2, ANN.id)):
        first = await desk.committer.commit(change)
        again = await desk.committer.commit(change)
        assert (first.is_new, again.is_new) == (True, False)
        assert again.entry == first.entry
    assert (await desk.log.states([room.id]))[room.id].head == 5
    assert len(desk.published) == 5


async def test_changes_that_wait_together_are_committed_together_and_in_order(desk: Desk) -> None:
    lobby, other = await desk.log.room("lobby"), await desk.log.room("other")
    nonce = uuid.uuid4()
    await desk.post(lobby, "one", nonce=nonce)
    await desk.post(other, "one")
    desk.published.clear()
    operations: list[Operation] = [
        Edit(lobby, 1, ANN.id, "two"),
        Edit(other, 1, ANN.id, "elsewhere"),
        Post(lobby, nonce, ANN, "said again"),
        Edit(lobby, 1, BOB.id, "not mine"),
        Post(lobby, uuid.uuid4(), ANN, "born"),
        Edit(lobby, 1, ANN.id, "three"),
        Edit(lobby, 3, ANN.id, "born and changed"),
        React(lobby, 99, ANN.id, "👍", True),
        Delete(other, 1, ANN.id),
    ]
    outcomes = await asyncio.gather(*map(desk.committer.commit, operations), return_exceptions=True)
    assert [getattr(one, "code", None) or (one.entry.version, one.is_new) for one in outcomes] == [  # type: ignore[union-attr]
        (2, True),
        (2, True),
        (2, False),
        "not_yours",
        (3, True),
        (4, True),
        (5, True),
        "no_such_message",
        (3, True),
    ]
    assert sorted(desk.published) == [("lobby", [2, 3, 4, 5]), ("other", [2, 3])]
    reading = await desk.log.changes(lobby.id, 0, 10)
    assert [(entry.seq, entry.version) for entry in reading.entries] == [(1, 4), (3, 5)]
    assert [message["body"] for message in decoded(reading.entries)] == ["three", "born and changed"]
    assert reading.head == 5


async def test_a_batch_looks_its_messages_up_at_once(desk: Desk) -> None:
    rooms = [await desk.log.room(slug) for slug in ("lobby", "other")]
    for room in rooms:
        await desk.post(room, "one")
        await desk.post(room, "two")
    changes = [React(room, seq, ANN.id, "👍", True) for room in rooms for seq in (1, 2)]
    posts = [Post(room, uuid.uuid4(), ANN, "three") for room in rooms]

    def count() -> list[str]:
        try:
            with CaptureQueriesContext(log.connection) as captured:
                committer.write([*changes, *posts])
            return [query["sql"] for query in captured]
        finally:
            log.connections.close_all()

    # Django logs what is done for many rows at once as "2 times: INSERT ...".
    kinds = [sql.rpartition(" times: ")[2].split()[0] for sql in await asyncio.to_thread(count)]
    assert kinds.count("SELECT") == 3  # The rooms, the nonces, the places.
    assert kinds.count("UPDATE") == 2  # The messages, the rooms.
    assert kinds.count("INSERT") == 1


async def test_an_opening_has_every_birth_however_much_changes_while_it_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await desk.log.room("lobby")
    await desk.post(room, "one")
    read_page = log._newest_page

    def read_slowly(*arguments: Any) -> Any:
        page = read_page(*arguments)
        monkeypatch.setattr(log, "_newest_page", read_page)
        committer.write([Post(room, uuid.uuid4(), ANN, "two"), *(Edit(room, 1, ANN.id, f"{n}") for n in range(3))])
        return page

    monkeypatch.setattr(log, "_newest_page", read_slowly)
    opening = await desk.log.opening(room.id, 1)
    assert [entry.seq for entry in opening.page] == [1, 2]
    assert opening.changes.head == 5


async def test_a_reading_is_cut_at_its_oldest_end_and_says_where(desk: Desk) -> None:
    room = await desk.log.room("lobby")
    for number in range(10):
        await desk.post(room, f"{number}")
    reading = await desk.log.changes(room.id, 2, 5)
    assert [entry.version for entry in reading.entries] == [6, 7, 8, 9, 10]
    assert (reading.floor, reading.head, reading.is_cut) == (5, 10, True)
    reading = await desk.log.changes(room.id, 5, 5)
    assert (len(reading.entries), reading.floor, reading.is_cut) == (5, 5, False)


async def test_a_post_into_a_deleted_room_is_refused_and_others_are_not(desk: Desk) -> None:
    gone, lobby = await desk.log.room("gone"), await desk.log.room("lobby")
    await asyncio.to_thread(_in_thread, Room.objects.filter(slug="gone").delete)
    outcomes = await asyncio.gather(desk.post(gone, "x"), desk.post(lobby, "y"), return_exceptions=True)
    assert isinstance(outcomes[0], RoomGone)
    assert outcomes[1].is_new  # type: ignore[union-attr]
    with pytest.raises(RoomGone):
        await desk.log.changes(gone.id, 0, 1)


async def test_a_post_that_cannot_be_written_does_not_take_others_with_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await desk.log.room("lobby")
    render = committer.markup.render
    monkeypatch.setattr(
        committer.markup, "render", lambda body, people: 1 / 0 if body == "bad" else render(body, people)
    )
    posts = [desk.post(room, body) for body in ("first", "bad", "last")]
    outcomes = await asyncio.gather(*posts, return_exceptions=True)
    assert [getattr(outcome, "is_new", type(outcome)) for outcome in outcomes] == [True, ZeroDivisionError, True]
    assert (await desk.log.states([room.id]))[room.id].head == 2


async def test_a_connection_that_died_is_replaced_without_anybody_noticing(desk: Desk) -> None:
    room = await desk.log.room("lobby")
    await desk.post(room, "before")

    def cut() -> bool:
        """Closes the committer's connection behind Django's back, as a restart of PostgreSQL does."""
        if log.connection.vendor == "postgresql":
            log.connection.connection.close()
        return log.connection.vendor == "sqlite" or log.connection.connection.closed

    assert await asyncio.get_running_loop().run_in_executor(desk.committer._thread, cut)
    assert (await desk.post(room, "after")).is_new


async def test_a_database_that_is_away_refuses_and_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await desk.log.room("lobby")
    nonce = uuid.uuid4()
    real = committer.write
    monkeypatch.setattr(committer, "write", _failing)
    with pytest.raises(LogUnavailable):
        await desk.post(room, "x", nonce=nonce)
    monkeypatch.setattr(committer, "write", real)
    assert (await desk.post(room, "x", nonce=nonce)).is_new


def _failing(posts: object) -> Any:
    raise log.OperationalError("gone")


def _in_thread(work: Any) -> None:
    work()
    log.connections.close_all()


async def test_names_and_places_cannot_be_given_out_twice(desk: Desk) -> None:
    room = await desk.log.room("lobby")
    await desk.post(room, "x")

    def twice() -> None:
        try:
            message = Message.objects.get(room_id=room.id)
            message.pk = None
            with pytest.raises(IntegrityError):
                message.save()
        finally:
            log.connections.close_all()

    await asyncio.to_thread(twice)
