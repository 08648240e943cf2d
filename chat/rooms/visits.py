"""Notes who is in which room, for mentions of people who have left."""

from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime

from chat.log.reader import RoomRow
from chat.log.visitors import Visit
from chat.protocol.fields import MemberId

NOTE_SECONDS = 1  # Less than the GRACE_SECONDS of presence: who is gone from the list is found by their visit.
WAITING_LIMIT = 20_000  # Visits that wait. A storm of more members loses some, who are noted when they leave.


class Visits:
    """The visits of this process that aren't stored yet, one for each member and room. `store` stores them."""

    def __init__(self, store: Callable[[Collection[Visit]], Awaitable[None]]) -> None:
        self._store = store
        self._waiting: dict[tuple[int, MemberId], Visit] = {}

    def note(self, room: RoomRow, member_id: MemberId, name: str) -> None:
        """The member is in the room, or leaves it. A room without a row is none that anybody was mentioned in."""
        key = room.id, member_id
        if room.is_written and (key in self._waiting or len(self._waiting) < WAITING_LIMIT):
            self._waiting[key] = Visit(*key, name, datetime.now(UTC))

    async def flush(self) -> None:
        """Stores what waits.

        Raises:
            LogUnavailable: it couldn't be stored, and waits on.
        """
        if not self._waiting:
            return
        visits, self._waiting = self._waiting, {}
        try:
            await self._store(visits.values())
        except BaseException:
            self._waiting = visits | self._waiting
            raise
