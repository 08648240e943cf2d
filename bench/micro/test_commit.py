"""Commits on SQLite, in a file, as the committer's thread does them."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from chat.committer import write
from chat.identity import new_member_id
from chat.log import RoomRow
from chat.models import Room
from chat.operations import Post
from chat.protocol import Member

ANN = Member(new_member_id(), "Ann")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("posts", [1, 64])
def test_commit(benchmark: Callable[..., Any], posts: int) -> None:
    room = Room.objects.create(slug="harbour")
    row = RoomRow(id=room.pk, slug=room.slug, log=room.log)

    def batch() -> tuple[tuple[list[Post]], dict[str, Any]]:
        return ([Post(row, uuid.uuid4(), ANN, "The tide is high at noon.") for _ in range(posts)],), {}

    outcomes = benchmark.pedantic(write, setup=batch, rounds=100, warmup_rounds=5)
    assert len(outcomes) == posts
