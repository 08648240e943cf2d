"""Makes operations with rendered bodies, like a session does."""

import uuid
from typing import Any

from chat.access.person import Moderator, Person
from chat.content.markdown import render
from chat.content.mentions import NOBODY, People
from chat.log.operations import Edit, Post
from chat.log.reader import RoomRow
from chat.protocol.events import Member
from chat.protocol.fields import MemberId

MO = Moderator(1, "mo")


def post(
    room: RoomRow,
    nonce: uuid.UUID,
    author: Member,
    body: str,
    people: People = NOBODY,
    moderator: Moderator | None = None,
    **fields: Any,
) -> Post:
    by = Person(author.id, moderator=moderator)
    return Post(room, nonce, by, author.name, body, render(body, people), **fields)


def edit(room: RoomRow, seq: int, member_id: MemberId, body: str, people: People = NOBODY, **fields: Any) -> Edit:
    return Edit(room, seq, Person(member_id), body, render(body, people), **fields)
