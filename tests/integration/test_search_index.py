"""SQLite's search index, and the words that were deleted."""

import asyncio
import uuid

import pytest
from django.db import connection, transaction

from chat.access.person import Person
from chat.log import committer, search_index, sql
from chat.log.operations import Delete
from chat.log.reader import RoomRow
from chat.log.search_index import IndexCleanup
from chat.models import Message, Room
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from chat.rooms.registry import close_registry, current_registry
from tests.deeds import post

ANN = Member(MemberId(str(uuid.uuid4())), "Ann")


@pytest.fixture
def room(database: str) -> RoomRow:
    return RoomRow.of(Room.objects.create(slug="lobby"))


@pytest.fixture
def index_cleanup(monkeypatch: pytest.MonkeyPatch) -> IndexCleanup:
    """A process that has forgotten what was deleted before."""
    index_cleanup = IndexCleanup()
    index_cleanup._has_deleted.clear()
    for module in (search_index, sql):
        monkeypatch.setattr(module, "index_cleanup", index_cleanup)
    monkeypatch.setattr(search_index, "SHARE", 0)
    return index_cleanup


def say(room: RoomRow, body: str) -> int:
    (outcome,) = committer.write([post(room, uuid.uuid4(), ANN, body)])
    search_index.catch_up()
    return outcome.entry.seq  # type: ignore[union-attr]


def indexed() -> list[int]:
    """The messages in the index, which is then as the messages are."""
    with connection.cursor() as cursor:  # The first raises where index and messages differ.
        cursor.execute("INSERT INTO chat_message_fts (chat_message_fts, rank) VALUES ('integrity-check', 1)")
        cursor.execute("SELECT rowid FROM chat_message_fts WHERE chat_message_fts MATCH 'tide' ORDER BY rowid")
        return [row[0] for row in cursor.fetchall()]


def write(room: RoomRow, *bodies: str) -> list[int]:
    """Posts that nobody has searched for. Returns their ids."""
    committer.write([post(room, uuid.uuid4(), ANN, body) for body in bodies])
    return list(Message.objects.order_by("-pk").values_list("pk", flat=True)[: len(bodies)])[::-1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_index_lacks_the_newest_messages_until_it_catches_up_in_slices(
    room: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "MESSAGES", 2)
    ids = write(room, "tide", "tide", "tide", "ebb", "tide")
    assert indexed() == []
    search_index.catch_up()
    assert indexed() == [*ids[:3], ids[4]]
    search_index.catch_up()
    assert indexed() == [*ids[:3], ids[4]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_process_that_ends_while_it_indexes_leaves_no_gap_and_nothing_twice(room: RoomRow) -> None:
    (first,) = write(room, "tide")
    search_index.catch_up()
    (second,) = write(room, "tide")
    with transaction.atomic():
        search_index.catch_up()
        assert indexed() == [first, second]
        transaction.set_rollback(True)
    assert indexed() == [first]
    search_index.catch_up()
    assert indexed() == [first, second]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_edited_or_deleted_is_so_in_the_index_whether_it_was_indexed_or_not(room: RoomRow) -> None:
    old = write(room, "tide", "ebb", "tide", "tide")
    search_index.catch_up()
    new = write(room, "tide", "ebb", "tide", "tide")
    for ids in (old, new):
        Message.objects.filter(pk=ids[0]).update(body="ebb")
        Message.objects.filter(pk=ids[1]).update(body="the tide")
        Message.objects.filter(pk=ids[2]).delete()
    assert indexed() == [old[1], old[3]]
    search_index.catch_up()
    assert indexed() == [old[1], old[3], new[1], new[3]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_message_with_the_id_of_a_deleted_one_is_indexed(room: RoomRow) -> None:
    """Django's `flush` starts ids anew."""
    ids = write(room, "tide", "tide", "tide")
    search_index.catch_up()
    Message.objects.filter(pk__in=ids[1:]).delete()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE sqlite_sequence SET seq = %s WHERE name = 'chat_message'", [ids[0]])
    assert write(room, "the tide") == [ids[1]]
    assert indexed() == [ids[0]]
    search_index.catch_up()
    assert indexed() == ids[:2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_index_catches_up_without_a_search(room: RoomRow) -> None:
    ids = await asyncio.to_thread(write, room, "tide", "tide")
    registry = current_registry()  # It has the tasks of a server.
    try:
        async with asyncio.timeout(60):
            while await registry.log.read(indexed) != ids:
                await asyncio.sleep(0.05)
    finally:
        await close_registry()


def is_kept(word: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT block FROM chat_message_fts_data")
        return any(word.encode() in block for (block,) in cursor.fetchall())


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_deleted_words_leave_the_index_and_all_others_stay(room: RoomRow, index_cleanup: IndexCleanup) -> None:
    for number in range(30):
        say(room, f"marimba {number}")
    seq = say(room, "xylophone")
    for number in range(30):
        say(room, f"triangle {number}")
    index_cleanup.forget()
    assert is_kept("xylophone")
    committer.write([Delete(room, seq, Person(ANN.id))])
    assert is_kept("xylophone")  # FTS5 only noted it.
    index_cleanup.forget()
    assert not is_kept("xylophone")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM chat_message_fts WHERE chat_message_fts MATCH 'marimba OR triangle'")
        assert cursor.fetchone() == (60,)
        cursor.execute("INSERT INTO chat_message_fts (chat_message_fts) VALUES ('integrity-check')")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_big_index_is_merged_in_steps_and_over_several_times(
    room: RoomRow, index_cleanup: IndexCleanup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "PAGES", 1)
    monkeypatch.setattr(search_index, "BUDGET_SECONDS", -1)  # One step a time.
    seq = say(room, "xylophone")
    for _ in range(12):
        say(room, " ".join(uuid.uuid4().hex for _ in range(60)))
    committer.write([Delete(room, seq, Person(ANN.id))])
    times = 0
    while index_cleanup._has_deleted.is_set():
        assert not connection.in_atomic_block
        index_cleanup.forget()
        times += 1
        assert times < 1_000
    assert times > 3
    assert not is_kept("xylophone")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_deletion_counts_when_it_is_committed(room: RoomRow, index_cleanup: IndexCleanup) -> None:
    with transaction.atomic():
        index_cleanup.note_deletion()
        assert not index_cleanup._has_deleted.is_set()
    assert index_cleanup._has_deleted.is_set()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_is_left_alone(room: RoomRow, index_cleanup: IndexCleanup) -> None:
    seq = say(room, "xylophone")
    committer.write([Delete(room, seq, Person(ANN.id))])
    index_cleanup.forget()
    assert Message.objects.get().body == ""
