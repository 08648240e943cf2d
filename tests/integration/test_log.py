"""The log on both databases: written messages are read in order, once."""

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError, connection, connections
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from chat.access.person import Moderator, Person
from chat.access.rate_limits import current_limiter
from chat.content import search_terms
from chat.content.markdown import Rendered
from chat.log import committer, reader, room_rows
from chat.log.committer import Committer
from chat.log.entries import Entry
from chat.log.operations import Delete, Operation, Post, React
from chat.log.reader import NOTHING_SAID, Log, LogUnavailable, RoomGone, RoomRow, WentBack
from chat.log.rendering import Renderer
from chat.log.search import SearchQuery
from chat.log.slow_mode import Pace
from chat.models import Message, Room
from chat.protocol.commands import History
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId
from chat.rooms.registry import RoomRegistry
from tests.deeds import edit, post
from tests.integration.desk import ANN, BOB, EVE_ID, Desk
from tests.unit.fakes import until
from tests.unit.test_clocks import Clock
from tests.unit.test_rendering import FakeProcess, heavy

# SQLite locks the whole database: there is no room that is locked alone.
only_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def decoded(entries: list[Entry]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(entry.encoded) for entry in entries]


async def test_a_room_gets_its_row_with_its_first_message(desk: Desk) -> None:
    room = RoomRow(0, "tea", uuid.uuid4())
    assert await desk.log.rows(["tea"]) == {}
    refused: list[Operation] = [
        post(room, uuid.uuid4(), ANN, "an answer to nothing", reply_to=1),
        edit(room, 1, ANN.id, "won"),
        React(room, 1, Person(ANN.id), "👍", True),
        Delete(room, 1, Person(ANN.id)),
    ]
    for operation in refused:
        with pytest.raises(Refusal, match="no_such_message"):
            await desk.committer.commit(operation)
    assert await desk.log.rows(["tea"]) == {}
    first = await desk.post(room, "first")
    row = (await desk.log.rows(["tea"]))["tea"]
    assert (first.room, row.log, first.entry.version) == (row, room.log, 1)
    assert (await desk.log.changes(row.id, 0, 10)).entries == [first.entry]


async def test_authors_addresses_are_charged_for_the_transactions(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also for what is refused; at most so much each, however slow the disk is."""
    charged: list[tuple[str, float]] = []
    writer = Committer(lambda room, entries: None, lambda network, seconds: charged.append((network, seconds)))
    room = await desk.room("tea")
    try:
        await writer.commit(post(room, uuid.uuid4(), ANN, "from the host's code"))
        with pytest.raises(Refusal, match="no_such_message"):
            await writer.commit(React(room, 9, Person(BOB.id, network="192.0.2.1"), "👍", True))
        monkeypatch.setattr(committer, "COMMIT_SECONDS_LIMIT", 0.000_001)
        bob = Person(BOB.id, network="192.0.2.2")
        await writer.commit(Post(room, uuid.uuid4(), bob, "Bob", "hi", Rendered("hi", [])))
    finally:
        await writer.close()
    assert [network for network, _ in charged] == ["192.0.2.1", "192.0.2.2"]
    assert 0 < charged[0][1] <= 0.005
    assert charged[1][1] == 0.000_001


async def test_first_messages_at_once_make_one_row_and_are_all_there(desk: Desk) -> None:
    other = Committer(lambda room, entries: None)
    try:
        proposals = [RoomRow(0, "tea", uuid.uuid4()) for _ in range(2)]
        nonces = [uuid.uuid4() for _ in range(4)]
        committed = await asyncio.gather(
            *(desk.post(proposals[0], "here", ANN, nonce) for nonce in nonces),
            *(other.commit(post(proposals[1], nonce, BOB, "there")) for nonce in nonces),
            desk.post(proposals[0], "an answer", ANN, None),
        )
        rows = {outcome.room for outcome in committed}
        assert rows == set((await desk.log.rows(["tea"])).values())
        assert rows.pop().log in {proposal.log for proposal in proposals}
        assert sorted(outcome.entry.version for outcome in committed) == list(range(1, 10))
        again = await other.commit(post(proposals[1], nonces[0], BOB, "there"))
        assert (again.is_new, again.entry) == (False, committed[4].entry)
    finally:
        await other.close()


async def test_whatever_is_asked_of_a_room_without_a_row_answers_as_for_an_empty_one(desk: Desk) -> None:
    empty, none = await desk.room("empty"), RoomRow(0, "tea", uuid.uuid4())
    wanted = SearchQuery(search_terms.parse("hello"))
    for asked in (History(limit=5, before=9), History(limit=5, around=9), History(seqs=[1])):
        assert await desk.log.page(none.id, asked) == await desk.log.page(empty.id, asked)
    assert await desk.log.search(none.id, wanted, 5) == await desk.log.search(empty.id, wanted, 5) == ([], False)
    assert await desk.log.opening(empty.id, 10) == NOTHING_SAID


async def test_what_is_posted_is_read_as_it_was_told(desk: Desk) -> None:
    room = await desk.room("lobby")
    told = (await desk.post(room, "hello <b>")).entry
    reading = await desk.log.changes(room.id, 0, 10)
    assert reading.entries == [told]
    assert (reading.head, reading.floor, reading.is_cut) == (1, 0, False)
    assert decoded([told])[0]["html"] == "<p>hello &lt;b&gt;</p>"


async def test_posts_that_wait_together_are_committed_together_and_in_order(desk: Desk) -> None:
    lobby, other = await desk.room("lobby"), await desk.room("other")
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


@contextmanager
def locked(room: RoomRow, database: str) -> Iterator[None]:
    """Somebody else, on another connection, has the room's row locked."""
    with psycopg.connect(database) as other:
        other.execute("SELECT 1 FROM chat_room WHERE id = %s FOR UPDATE", [room.id])
        yield
        other.rollback()


@only_postgresql
async def test_a_locked_room_holds_up_no_other_and_keeps_its_order(desk: Desk, database: str) -> None:
    lobby, other = await desk.room("lobby"), await desk.room("other")
    with locked(lobby, database):
        held_up = [asyncio.create_task(desk.post(lobby, "0"))]
        for number in range(1, 4):
            await desk.post(other, f"{number}")  # None of them waits for the lobby.
            held_up.append(asyncio.create_task(desk.post(lobby, f"{number}")))
        assert [task.done() for task in held_up] == [False] * 4
    committed = await asyncio.gather(*held_up)
    assert [decoded([each.entry])[0]["body"] for each in committed] == ["0", "1", "2", "3"]
    assert [each.entry.version for each in committed] == [1, 2, 3, 4]
    assert (await desk.post(lobby, "later")).entry.version == 5


@only_postgresql
async def test_a_room_that_stays_locked_refuses_and_loses_nothing_twice(
    desk: Desk, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "BUSY_SECONDS", 0.1)
    lobby = await desk.room("lobby")
    nonce = uuid.uuid4()
    with locked(lobby, database), pytest.raises(LogUnavailable):
        await desk.post(lobby, "hello", nonce=nonce)
    assert (await desk.post(lobby, "hello", nonce=nonce)).is_new
    assert (await desk.log.states([lobby.id]))[lobby.id].head == 1


@only_postgresql
async def test_a_room_that_was_deleted_while_it_was_locked_is_gone(desk: Desk, database: str) -> None:
    lobby = await desk.room("lobby")
    with psycopg.connect(database) as other:
        other.execute("DELETE FROM chat_room WHERE id = %s", [lobby.id])
        waiting = asyncio.create_task(desk.post(lobby, "hello"))
        while lobby.slug not in desk.committer._busy:
            await asyncio.sleep(0)
    with pytest.raises(RoomGone):
        await waiting


async def test_a_nonce_counts_once_for_its_author_and_room(desk: Desk) -> None:
    lobby, other = await desk.room("lobby"), await desk.room("other")
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
    room = await desk.room("lobby")
    await desk.post(room, "one")
    await desk.post(room, "two")
    moderator = await desk.log.run(lambda: User.objects.create(username="mo"))
    changes: list[Operation] = [
        edit(room, 1, ANN.id, "won"),
        React(room, 1, Person(ANN.id), "👍", True),
        React(room, 1, Person(BOB.id), "🎉", True),
        Delete(room, 2, Person(MemberId(EVE_ID), moderator=Moderator(moderator.pk, "mo"))),
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
    assert [entry.delta is not None for entry in told] == [False, True, True, False]
    assert (await desk.log.changes(room.id, 0, 10)).entries == [entry.whole for entry in told[2:]]
    assert (await desk.log.page(room.id, History(limit=10, before=100))).below == [entry.whole for entry in told[2:]]
    assert [version for _, versions in desk.published for version in versions] == [1, 2, 3, 4, 5, 6]


async def test_a_change_that_changes_nothing_takes_no_version(desk: Desk) -> None:
    room = await desk.room("lobby")
    await desk.post(room, "one")
    await desk.post(room, "two")
    for change in (
        edit(room, 1, ANN.id, "won"),
        React(room, 1, Person(ANN.id), "👍", True),
        Delete(room, 2, Person(ANN.id)),
    ):
        first = await desk.committer.commit(change)
        again = await desk.committer.commit(change)
        assert (first.is_new, again.is_new) == (True, False)
        assert again.entry == first.entry.whole
    assert (await desk.log.states([room.id]))[room.id].head == 5
    assert len(desk.published) == 5


async def test_changes_that_wait_together_are_committed_together_and_in_order(desk: Desk) -> None:
    lobby, other = await desk.room("lobby"), await desk.room("other")
    nonce = uuid.uuid4()
    await desk.post(lobby, "one", nonce=nonce)
    await desk.post(other, "one")
    desk.published.clear()
    operations: list[Operation] = [
        edit(lobby, 1, ANN.id, "two"),
        edit(other, 1, ANN.id, "elsewhere"),
        post(lobby, nonce, ANN, "said again"),
        edit(lobby, 1, BOB.id, "not mine"),
        post(lobby, uuid.uuid4(), ANN, "born"),
        edit(lobby, 1, ANN.id, "three"),
        edit(lobby, 3, ANN.id, "born and changed"),
        React(lobby, 99, Person(ANN.id), "👍", True),
        Delete(other, 1, Person(ANN.id)),
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
    rooms = [await desk.room(slug) for slug in ("lobby", "other")]
    for room in rooms:
        await desk.post(room, "one")
        await desk.post(room, "two")
    changes = [React(room, seq, Person(ANN.id), "👍", True) for room in rooms for seq in (1, 2)]
    posts = [post(room, uuid.uuid4(), ANN, "three") for room in rooms]

    def count() -> list[str]:
        try:
            with CaptureQueriesContext(connection) as captured:
                committer.write([*changes, *posts])
            return [query["sql"] for query in captured]
        finally:
            connections.close_all()

    # Django logs what is done for many rows at once as "2 times: INSERT ...".
    kinds = [sql.rpartition(" times: ")[2].split()[0] for sql in await asyncio.to_thread(count)]
    assert kinds.count("SELECT") == 3  # The rooms, the nonces, the places.
    assert kinds.count("UPDATE") == 2  # The messages, the rooms.
    assert kinds.count("INSERT") == 1


async def test_a_room_that_lost_changes_gets_a_new_log_before_anything_is_written(desk: Desk) -> None:
    """Else posts would lift its head beyond what members know, and nobody would notice."""
    room, other = await desk.room("lobby"), await desk.room("other")
    await desk.post(room, "one")
    posts = [post(one, uuid.uuid4(), ANN, "two", known_head=head) for one, head in ((room, 1), (room, 2), (other, 0))]
    desk.published.clear()
    *refused, written = await asyncio.gather(*map(desk.committer.commit, posts), return_exceptions=True)
    assert [type(outcome) for outcome in refused] == [WentBack, WentBack]
    assert isinstance(written, committer.Committed)
    assert desk.published == [("other", [1])]
    found = (await desk.log.rows(["lobby"]))["lobby"]
    assert found.log != room.log
    with pytest.raises(RoomGone):  # It is of the former history.
        await desk.post(room, "two")
    assert (await desk.post(found, "two")).entry.version == 2


async def test_an_opening_has_every_birth_however_much_changes_while_it_is_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await desk.room("lobby")
    await desk.post(room, "one")
    read_page = reader._newest_page

    def read_slowly(*arguments: Any) -> Any:
        page = read_page(*arguments)
        monkeypatch.setattr(reader, "_newest_page", read_page)
        committer.write([post(room, uuid.uuid4(), ANN, "two"), *(edit(room, 1, ANN.id, f"{n}") for n in range(3))])
        return page

    monkeypatch.setattr(reader, "_newest_page", read_slowly)
    opening = await desk.log.opening(room.id, 1)
    assert [entry.seq for entry in opening.page] == [1, 2]
    assert opening.changes.head == 5


async def test_a_reading_is_cut_at_its_oldest_end_and_says_where(desk: Desk) -> None:
    room = await desk.room("lobby")
    for number in range(10):
        await desk.post(room, f"{number}")
    reading = await desk.log.changes(room.id, 2, 5)
    assert [entry.version for entry in reading.entries] == [6, 7, 8, 9, 10]
    assert (reading.floor, reading.head, reading.is_cut) == (5, 10, True)
    reading = await desk.log.changes(room.id, 5, 5)
    assert (len(reading.entries), reading.floor, reading.is_cut) == (5, 5, False)


async def test_a_post_into_a_deleted_room_is_refused_and_others_are_not(desk: Desk) -> None:
    gone, lobby = await desk.room("gone"), await desk.room("lobby")
    await asyncio.to_thread(_in_thread, Room.objects.filter(slug="gone").delete)
    outcomes = await asyncio.gather(desk.post(gone, "x"), desk.post(lobby, "y"), return_exceptions=True)
    assert isinstance(outcomes[0], RoomGone)
    assert outcomes[1].is_new  # type: ignore[union-attr]
    with pytest.raises(RoomGone):
        await desk.log.changes(gone.id, 0, 1)


async def test_a_post_that_cannot_be_written_does_not_take_others_with_it(desk: Desk) -> None:
    room = await desk.room("lobby")
    posts = [post(room, uuid.uuid4(), ANN, body) for body in ("first", "bad", "last")]
    posts[1] = replace(posts[1], rendered=None)  # type: ignore[arg-type]
    outcomes = await asyncio.gather(*map(desk.committer.commit, posts), return_exceptions=True)
    assert [getattr(outcome, "is_new", type(outcome)) for outcome in outcomes] == [True, AttributeError, True]
    assert (await desk.log.states([room.id]))[room.id].head == 2


async def test_a_connection_that_died_is_replaced_without_anybody_noticing(desk: Desk) -> None:
    room = await desk.room("lobby")
    await desk.post(room, "before")

    def cut() -> bool:
        """Closes the committer's connection behind Django's back, as a restart of PostgreSQL does."""
        if connection.vendor == "postgresql":
            connection.connection.close()
        return connection.vendor == "sqlite" or connection.connection.closed

    assert await desk.committer._thread.run(cut)
    assert (await desk.post(room, "after")).is_new


async def test_a_database_that_is_away_refuses_and_loses_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    room = await desk.room("lobby")
    nonce = uuid.uuid4()
    real = committer.write
    monkeypatch.setattr(committer, "write", _failing)
    with pytest.raises(LogUnavailable):
        await desk.post(room, "x", nonce=nonce)
    monkeypatch.setattr(committer, "write", real)
    assert (await desk.post(room, "x", nonce=nonce)).is_new


def _failing(posts: object) -> Any:
    raise OperationalError("gone")


def _in_thread(work: Any) -> None:
    work()
    connections.close_all()


async def test_names_and_places_cannot_be_given_out_twice(desk: Desk) -> None:
    room = await desk.room("lobby")
    await desk.post(room, "x")

    def twice() -> None:
        try:
            message = Message.objects.get(room_id=room.id)
            message.pk = None
            with pytest.raises(IntegrityError):
                message.save()
        finally:
            connections.close_all()

    await asyncio.to_thread(twice)


async def test_changes_are_read_up_to_a_size_and_in_parts(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "CHANGES_AT_ONCE", 3)
    room = await desk.room("lobby")
    entries = [(await desk.post(room, "x" * 1000)).entry for _ in range(10)]
    whole = await desk.log.changes(room.id, 2, 100)
    assert (whole.entries, whole.floor, whole.is_cut) == (entries[2:], 2, False)
    counted = await desk.log.newest(room.id, 4)
    assert (counted.entries, counted.floor, counted.is_cut, counted.is_cut_by_size) == (entries[6:], 6, True, False)
    small = Log(5 * len(entries[-1].encoded))
    try:
        sized = await small.newest(room.id, 100)
        assert (sized.entries, sized.floor, sized.head) == (entries[5:], 5, 10)
        assert sized.is_cut_by_size
    finally:
        await small.close()


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_that_is_set_makes_slow_mode_neither_longer_nor_shorter(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    room = await desk.room("lobby")
    await desk.log.run(lambda: Room.objects.update(slow_seconds=60))
    monkeypatch.setattr(committer, "_pace", Pace(clock := Clock()))
    await desk.post(room, "first")
    real = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(hours=hours))
    clock.now += 59
    with pytest.raises(Refusal) as refused:
        await desk.post(room, "too early")
    assert refused.value.retry_after == pytest.approx(1)
    clock.now += 1
    await desk.post(room, "second")
    monkeypatch.setattr(committer, "_pace", Pace())  # After a restart, the times in the log are all that is known.
    monkeypatch.setattr(timezone, "now", lambda: real() + timedelta(hours=-2))
    await desk.post(room, "nobody is held up for hours")


async def test_the_end_of_a_process_writes_what_waits_to_be_rendered(database: str) -> None:
    hubs, process = RoomRegistry(), FakeProcess()
    hubs.renderer = Renderer(current_limiter(), process)
    room = await hubs.log.run(room_rows.written, RoomRow(0, "lobby", uuid.uuid4()))

    async def say(number: int) -> bool:
        body = heavy(f"{number}")
        rendered = await hubs.renderer.render("198.51.100.9", ANN.id, body)
        return (await hubs.commit(Post(room, uuid.uuid4(), Person(ANN.id), ANN.name, body, rendered))).is_new

    waiting = [asyncio.create_task(say(number)) for number in range(3)]
    await until(lambda: process.words)
    process.let(3)
    await hubs.close()
    assert await asyncio.gather(*waiting) == [True] * 3
