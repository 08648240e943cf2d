"""What a post costs on SQLite, by the database's own count: the pages that it writes. No clock, no other process."""

import random
import struct
import uuid
from itertools import count
from pathlib import Path

import pytest
from django.db import connection

from chat.log.committer import write
from chat.log.reader import RoomRow
from chat.models import Room
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from tests.deeds import post

ROOMS, MEMBERS, WARM_UP, POSTS = 10, 50, 1_000, 200
PAGES_A_POST = 8.2  # 7.9 are measured; one more index would be one more page.
WORDS = ["the", "tide", "is", "high", "at", "noon", "says", "harbour", "master", "and", "so", "will", "be", "wind"]
FRAME_HEADER_BYTES, WAL_HEADER_BYTES = 24, 32  # https://www.sqlite.org/fileformat2.html#the_write_ahead_log


def frames_of(wal: Path) -> int:
    """The pages in a write-ahead log."""
    with wal.open("rb") as log:
        page_size: int
        (page_size,) = struct.unpack(">8xI", log.read(12))
    return (wal.stat().st_size - WAL_HEADER_BYTES) // (FRAME_HEADER_BYTES + page_size)


@pytest.mark.django_db(transaction=True)
def test_a_post_writes_few_pages() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL counts WAL bytes of the whole cluster")
    chance, numbers = random.Random(1), count(1)

    def new_uuid() -> uuid.UUID:
        return uuid.UUID(int=chance.getrandbits(128), version=4)

    rooms = [Room.objects.create(slug=f"room-{number}") for number in range(ROOMS)]
    rows = [RoomRow(room.pk, room.slug, room.log) for room in rooms]
    members = [Member(MemberId(str(new_uuid())), f"member {number}") for number in range(MEMBERS)]

    def say(times: int) -> None:
        for number in (next(numbers) for _ in range(times)):
            body = f"t{number}. {' '.join(chance.sample(WORDS, 10))}"
            assert write([post(rows[number % ROOMS], new_uuid(), members[number % MEMBERS], body)])[0].is_new  # type: ignore[union-attr]

    say(WARM_UP)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        cursor.execute("PRAGMA database_list")
        wal = Path(f"{cursor.fetchone()[2]}-wal")
        cursor.execute("PRAGMA wal_autocheckpoint")
        (before,) = cursor.fetchone()
        cursor.execute("PRAGMA wal_autocheckpoint = 0")
    try:
        say(POSTS)
        assert frames_of(wal) / POSTS <= PAGES_A_POST
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"PRAGMA wal_autocheckpoint = {before}")
