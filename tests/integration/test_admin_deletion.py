"""Deletions at /admin: busy rooms and many messages, without a trace of their text."""

import threading
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.test import Client

from chat.log import committer, deletion, search_index, sql
from chat.log.committer import Committed, RoomBusy
from chat.log.operations import Post
from chat.log.reader import RoomGone, RoomRow
from chat.log.slices import Budget
from chat.models import Ban, Mention, Message, ModerationAction, Room
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from tests import deeds

pytestmark = pytest.mark.usefixtures("database")

ANN = Member(MemberId(str(uuid.uuid4())), "Ann")


@pytest.fixture
def moderator() -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def room() -> RoomRow:
    return RoomRow.of(Room.objects.create(slug="lobby", title="The lobby"))


def post(room: RoomRow, body: str = "hello") -> Post:
    """One by somebody whom a locked room lets write."""
    return deeds.post(room, uuid.uuid4(), ANN, body, moderator=deeds.MO)


def say(room: RoomRow, *bodies: str) -> list[Message]:
    """Messages as the log has them, oldest first. It waits while another writer has the room locked."""
    posts = [post(room, body) for body in bodies]
    outcomes = committer.write_waiting(posts)
    while isinstance(outcomes[0], RoomBusy):  # All are, or none.
        outcomes = committer.write_waiting(posts)
    assert all(isinstance(outcome, Committed) for outcome in outcomes), outcomes
    return list(Message.objects.filter(nonce__in=[one.nonce for one in posts]).order_by("pk"))


def select(messages: list[Message], **fields: object) -> dict[str, object]:
    """The form of the list of messages, with these selected."""
    return {"action": "delete_selected", "_selected_action": [message.pk for message in messages], **fields}


@pytest.fixture
def writer(room: RoomRow) -> Iterator[tuple[threading.Thread, list[object]]]:
    """A thread that posts in the room, one after the other, until something else comes of it; and what that was."""
    began, end = threading.Event(), threading.Event()
    ends: list[object] = []

    def write() -> None:
        try:
            while not end.wait(0.005):  # On SQLite others need the time in between.
                (outcome,) = committer.write([post(room)])
                began.set()
                if not isinstance(outcome, Committed | RoomBusy):
                    ends.append(outcome)
                    return
        except Exception as error:
            ends.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert began.wait(60), ends
        yield thread, ends
    finally:
        end.set()
        thread.join(60)


def test_a_room_that_somebody_writes_in_is_deleted(
    web: Client, room: RoomRow, writer: tuple[threading.Thread, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ROWS", 8)
    say(room, *["before"] * 20)
    thread, ends = writer
    answer = web.post(f"/admin/chat/room/{room.id}/delete/", {"post": "yes"}, follow=True)
    assert answer.status_code == 200
    assert not Room.objects.exists()
    assert not Message.objects.exists()
    thread.join(60)
    assert [type(outcome) for outcome in ends] == [RoomGone]
    acts = ModerationAction.objects.values_list("kind", "moderator_name", "room", "detail")
    assert list(acts) == [("room", "root", "lobby", "The lobby")]


def test_a_room_goes_with_its_mentions_and_no_other_room_is_touched(web: Client, room: RoomRow) -> None:
    other = RoomRow.of(Room.objects.create(slug="other"))
    for one in (room, other):
        say(one, "hello")
        Mention.objects.create(member_id=uuid.uuid4(), room_id=one.id, seq=1)
    web.post("/admin/chat/room/", {"action": "delete_selected", "_selected_action": [room.id], "post": "yes"})
    assert [one.pk for one in Room.objects.all()] == [other.id]
    assert Message.objects.get().room_id == other.id
    assert Mention.objects.get().room_id == other.id


def test_a_room_is_deleted_in_slices_that_let_others_write_in_between(
    web: Client, room: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ROWS", 3)
    elsewhere = RoomRow.of(Room.objects.create(slug="elsewhere"))
    say(room, *"abcdefg")
    left = []

    def pause(_seconds: float) -> None:
        assert not connection.in_atomic_block
        left.append(Message.objects.filter(room_id=room.id).count())
        say(elsewhere, "meanwhile")

    monkeypatch.setattr(time, "sleep", pause)
    web.post(f"/admin/chat/room/{room.id}/delete/", {"post": "yes"})
    assert left == [4, 1]
    assert not Room.objects.filter(pk=room.id).exists()
    assert Message.objects.count() == 2


def test_a_room_that_is_too_big_for_one_request_stays_locked_and_goes_with_the_next(
    web: Client, room: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "ROWS", 2)
    monkeypatch.setattr(Budget, "is_spent", True)
    say(room, *"abcde")
    answer = web.post(f"/admin/chat/room/{room.id}/delete/", {"post": "yes"}, follow=True)
    said = answer.content.decode()
    assert "Delete it again" in said
    assert "successfully" not in said
    assert Room.objects.get().locked
    assert Message.objects.count() == 3
    monkeypatch.undo()
    web.post(f"/admin/chat/room/{room.id}/delete/", {"post": "yes"})
    assert not Room.objects.exists()


def test_many_messages_are_deleted_in_slices_a_transaction_each(
    web: Client, room: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MESSAGES", 10)
    doomed = say(room, *(f"word {number}" for number in range(35)))
    sizes, delete = [], deletion._delete

    def noted(messages: Any, *arguments: Any) -> Any:
        assert not connection.in_atomic_block
        sizes.append(len(messages))
        return delete(messages, *arguments)

    monkeypatch.setattr(deletion, "_delete", noted)
    fields = select(doomed[:1], select_across="1")
    confirmation = web.post("/admin/chat/message/", fields | {"index": "0"})
    assert "Messages to delete: 35" in confirmation.content.decode()
    assert len(confirmation.content) < 30_000
    later = say(room, "said meanwhile")
    sizes.clear()
    form = {"post": "yes", "reason": "spam", "newest": confirmation.context["newest"]}
    assert "Messages deleted: 35." in web.post("/admin/chat/message/", fields | form, follow=True).content.decode()
    assert sizes == [10, 10, 10, 5]
    assert list(Message.objects.exclude(body="").values_list("pk", flat=True)) == [later[0].pk]
    room_now = Room.objects.get()
    assert room_now.head == 36 + 35
    assert ModerationAction.objects.filter(kind="delete", reason="spam").count() == 35


def test_messages_are_deleted_from_a_room_that_somebody_else_has_locked_for_a_moment(
    web: Client, room: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    doomed = say(room, "a", "b")
    is_locked, asked, lock_rooms = threading.Event(), threading.Event(), sql.lock_rooms

    def lock() -> None:
        with transaction.atomic():
            lock_rooms({room.id})
            is_locked.set()
            asked.wait(60)
            time.sleep(0.3)  # A deletion that doesn't wait for the lock would end before it.
        connections.close_all()

    def ask(*arguments: Any, **named: Any) -> Any:
        asked.set()
        return lock_rooms(*arguments, **named)

    holder = threading.Thread(target=lock)
    holder.start()
    assert is_locked.wait(60)
    monkeypatch.setattr(sql, "lock_rooms", ask)
    if connection.vendor == "sqlite":  # There it is the whole database that is locked.
        asked.set()
    try:
        said = web.post("/admin/chat/message/", select(doomed, post="yes"), follow=True).content.decode()
    finally:
        asked.set()
        holder.join(60)
    assert "Messages deleted: 2." in said
    assert set(Message.objects.values_list("body", flat=True)) == {""}


def test_messages_too_many_for_one_request_are_said_to_be_left(
    web: Client, room: RoomRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deletion, "MESSAGES", 2)
    monkeypatch.setattr(Budget, "is_spent", True)
    doomed = say(room, *"abcde")
    said = web.post("/admin/chat/message/", select(doomed, post="yes"), follow=True).content.decode()
    assert "Messages deleted: 2." in said
    assert "Not all messages were deleted" in said
    monkeypatch.setattr(Budget, "is_spent", False)
    said = web.post("/admin/chat/message/", select(doomed, post="yes"), follow=True).content.decode()
    assert "Messages deleted: 3." in said
    assert "Not all messages were deleted" not in said


def everything_kept() -> str:
    """Every value of every column of every table, but the messages themselves."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table != Message._meta.db_table:
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                found += map(str, cursor.fetchall())
    return "\n".join(found)


def test_nothing_keeps_the_words_of_a_message_that_was_deleted(web: Client, room: RoomRow) -> None:
    one, two, three = say(room, "xylophone one", "xylophone two", "xylophone three")
    web.post(f"/admin/chat/message/{one.pk}/delete/", {"post": "yes"})
    pages = web.post("/admin/chat/message/", select([two, three], post="yes"), follow=True)
    assert set(Message.objects.values_list("body", "html")) == {("", "")}
    search_index.IndexCleanup().forget()  # As the server does within a minute.
    assert "xylophone" not in everything_kept()
    assert "xylophone" not in pages.content.decode() + str(web.cookies)
    found = web.get("/admin/chat/message/?q=xylophone")
    assert list(found.context["cl"].queryset) == []


def test_nothing_keeps_the_addresses_of_a_ban_that_was_lifted(web: Client) -> None:
    form = {"member_id": "", "reason": "", "networks-TOTAL_FORMS": 1, "networks-INITIAL_FORMS": 0}
    web.post("/admin/chat/ban/add/", form | {"networks-0-network": "203.0.113.77"})
    assert "203.0.113.77" in everything_kept()
    web.post("/admin/chat/ban/", {"action": "lift", "_selected_action": [Ban.objects.get().pk]})
    assert ModerationAction.objects.filter(kind="unban").exists()
    assert LogEntry.objects.exists()
    assert "203.0.113.77" not in everything_kept()
