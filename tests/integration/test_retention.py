"""Messages and audit entries that are older than they are kept."""

import asyncio
import math
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone

from chat.log import retention
from chat.log.slices import Budget
from chat.models import Mention, Message, ModerationAction, Room
from tests.client import Client
from tests.integration.test_restored import execute, known
from tests.servers import ChattyServer

NOW = timezone.now()
LONG = Budget(math.inf)


def old_room(slug: str, *ages: float, **fields: Any) -> Room:
    """A room with a message of each of these ages in days, oldest first."""
    room = Room.objects.create(slug=slug, head=len(ages), **fields)
    member = uuid.uuid4()
    for seq, age in enumerate(ages, 1):
        Message.objects.create(
            room=room,
            seq=seq,
            version=seq,
            nonce=uuid.uuid4(),
            author_id=member,
            author_name="Ann",
            body=f"{age} days old",
            at=NOW - timedelta(days=age),
            mentions=[str(member)],
        )
        Mention.objects.create(member_id=member, room=room, seq=seq)
    return room


def seqs(room: Room) -> list[int]:
    return list(Message.objects.filter(room=room).order_by("seq").values_list("seq", flat=True))


@pytest.fixture
def kept(database: str) -> Iterator[None]:
    """Messages and audit entries stay 30 days."""
    with override_settings(CHATTY={"KEEP_MESSAGES_DAYS": 30, "KEEP_AUDIT_DAYS": 30}):
        yield


@pytest.mark.usefixtures("kept")
def test_messages_go_when_they_are_older_than_the_setting_or_their_room_says() -> None:
    usual = old_room("usual", 90, 31, 29, 1)
    short = old_room("short", 90, 31, 29, 1, keep_days=7)
    for_ever = old_room("for-ever", 9_000, 1, keep_days=0)
    assert retention.delete_expired(LONG)
    assert [seqs(room) for room in (usual, short, for_ever)] == [[3, 4], [4], [1, 2]]
    for room, count in ((usual, 2), (short, 1), (for_ever, 2)):
        assert Mention.objects.filter(room=room).count() == count
    usual.refresh_from_db()
    assert (usual.expired, usual.head) == (2, 4)


@pytest.mark.usefixtures("database")
def test_without_a_setting_everything_stays() -> None:
    room = old_room("room", 9_000, 1)
    ModerationAction.objects.create(kind="lock", moderator_name="Ann")
    ModerationAction.objects.update(at=NOW - timedelta(days=9_000))
    assert retention.delete_expired(LONG)
    assert seqs(room) == [1, 2]
    assert ModerationAction.objects.count() == 1


@pytest.mark.usefixtures("kept")
def test_many_messages_go_in_slices_and_the_rest_at_the_next_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS", 2)
    room = old_room("room", 90, 89, 88, 87, 86, 1)
    assert not retention.delete_expired(Budget(-1))
    assert seqs(room) == [3, 4, 5, 6]
    assert retention.delete_expired(LONG)
    assert seqs(room) == [6]


@pytest.mark.usefixtures("kept")
def test_a_process_looks_once_an_hour_unless_something_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    this = retention.Retention()
    monkeypatch.setattr(retention, "ROWS", 1)
    monkeypatch.setattr(retention, "BUDGET_SECONDS", -1)
    room = old_room("room", 90, 89)
    this.follow()
    assert seqs(room) == [2]
    this.follow()
    this.follow()
    assert seqs(room) == []
    later = old_room("later", 90)
    this.follow()
    assert seqs(later) == [1]


@pytest.mark.usefixtures("kept")
def test_entries_of_the_audit_log_go_too() -> None:
    for age in (90, 1):
        entry = ModerationAction.objects.create(kind="lock", moderator_name="Ann", detail=str(age))
        ModerationAction.objects.filter(pk=entry.pk).update(at=NOW - timedelta(days=age))
    assert retention.delete_expired(LONG)
    assert [entry.detail for entry in ModerationAction.objects.all()] == ["1"]


async def test_members_go_on_and_newcomers_do_not_get_what_has_expired(database_url: str) -> None:
    """Also if a worker has it in memory. Who knows only expired messages starts again."""
    with ChattyServer(DATABASE_URL=database_url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            for number in range(3):
                await ann.post(f"old {number}")
            since = known(ann)
        execute(database_url, "UPDATE chat_message SET at = '2020-01-01 00:00:00+00:00'")
    with ChattyServer(DATABASE_URL=database_url, KEEP_MESSAGES_DAYS="1") as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            assert ann.bodies == ["old 0", "old 1", "old 2"]
            await ann.post("new")
            async with asyncio.timeout(120):
                while execute(database_url, "SELECT count(*) FROM chat_message")[0][0] > 1:
                    await asyncio.sleep(0.2)
                while True:
                    async with Client(server.http_url, "Bob", "lobby") as bob:
                        if bob.bodies == ["new"]:
                            break
            assert not [event for event in bob.events if event["type"] == "welcome" and event["more"]]
            assert (await ann.post("newer"))["seq"] == 5
        back = Client(server.http_url, "Back", "lobby")
        await back.open()
        assert (await back.join(since))["reset"]
        assert back.bodies == ["new", "newer"]
        await back.close()
