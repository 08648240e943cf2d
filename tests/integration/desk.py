"""A log of the test's own process, and two members who write in it."""

import uuid
from typing import Any

from chat.log import room_rows
from chat.log.committer import Committer
from chat.log.entries import Entry
from chat.log.reader import Log, RoomRow
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from tests.deeds import post

ANN = Member(MemberId("11111111-1111-4111-8111-111111111111"), "Ann")
BOB = Member(MemberId("22222222-2222-4222-8222-222222222222"), "Bob")
EVE_ID = "33333333-3333-4333-8333-333333333333"


class Desk:
    """A log, a committer, and what the committer published."""

    def __init__(self) -> None:
        self.log = Log(10**6)
        self.published: list[tuple[str, list[int]]] = []
        self.committer = Committer(self._publish)

    def _publish(self, room: RoomRow, entries: list[Entry]) -> None:
        self.published.append((room.slug, [entry.version for entry in entries]))

    async def room(self, slug: str) -> RoomRow:
        """A room with a row."""
        return await self.log.run(room_rows.written, RoomRow(0, slug, uuid.uuid4()))

    async def post(self, room: RoomRow, body: str, author: Member = ANN, nonce: uuid.UUID | None = None) -> Any:
        return await self.committer.commit(post(room, nonce or uuid.uuid4(), author, body))
