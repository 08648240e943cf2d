"""SQLite's search index, and the words that were deleted."""

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
    return outcome.entry.seq  # type: ignore[union-attr]


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
