"""Commits on SQLite, in a file, as the committer's thread does them."""

import uuid
from typing import Any

import pytest

from chat.access.tokens import new_member_id
from chat.log.committer import write
from chat.log.operations import Post
from chat.log.reader import RoomRow
from chat.models import Room
from chat.protocol.events import Member
from tests.deeds import post

ANN = Member(new_member_id(), "Ann")
BODIES = {
    "english": "The tide is high at noon.",
    # Each character is a word to the index.
    "japanese": "今日は天気がいいので、Djangoの設定ファイルを直してから散歩に行きます。",
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("posts", [1, 64])
@pytest.mark.parametrize("language", BODIES)
def test_commit(benchmark: Any, language: str, posts: int) -> None:
    room = Room.objects.create(slug="harbour")
    row = RoomRow(id=room.pk, slug=room.slug, log=room.log)

    def batch() -> tuple[tuple[list[Post]], dict[str, Any]]:
        return ([post(row, uuid.uuid4(), ANN, BODIES[language]) for _ in range(posts)],), {}

    outcomes = benchmark.pedantic(write, setup=batch, rounds=100, warmup_rounds=5)
    assert len(outcomes) == posts
