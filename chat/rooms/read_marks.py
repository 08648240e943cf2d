"""Notes how far members with an account of the host have been in their rooms, for the host's pages.

Who is in a room has seen it. Nothing is written when somebody comes or goes: the marks are gathered, and written
together every few seconds. A process that is killed loses the last of them: then a few messages too many are unread.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from chat.log import read_marks
from chat.log.read_marks import Place
from chat.log.reader import Log
from chat.protocol.fields import MemberId
from chat.rooms.connection import Connection
from chat.rooms.hub import RoomHub
from chat.rooms.scheduler import in_slices

WRITE_SECONDS = 5
PLACES_AT_ONCE = 1_000  # Looked at in one step of the event loop: less than a millisecond.
ROWS_AT_ONCE = 500  # In one transaction: about 10 ms.
DUE_LIMIT = 100_000  # Of 300 bytes, while the database is away. Past it no more is kept.


@dataclass(slots=True)
class Reader:
    """A member on one connection. Everything up to `noted` is, or will be, written."""

    hub: RoomHub
    member_id: MemberId
    noted: int = 0


class ReadMarks:
    """How far this process's members with an account have been."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._inside: dict[Connection, Reader] = {}
        self._due: dict[Place, int] = {}

    def enter(self, connection: Connection, hub: RoomHub, member_id: MemberId) -> None:
        """The member sees the room from now on."""
        self._inside[connection] = Reader(hub, member_id)
        self._note([self._inside[connection]])

    def leave(self, connection: Connection) -> None:
        """The connection is closed, or never entered."""
        if (reader := self._inside.pop(connection, None)) is not None:
            self._note([reader])

    def _note(self, readers: Iterable[Reader]) -> None:
        for reader in readers:
            room, head = reader.hub.room, reader.hub.head
            if head > reader.noted and room.is_written and len(self._due) < DUE_LIMIT:
                reader.noted = head
                place = Place(reader.member_id, room.id)
                self._due[place] = max(head, self._due.get(place, 0))

    async def write(self) -> None:
        """Writes what is new. Call it every WRITE_SECONDS, and at the end.

        Raises:
            LogUnavailable: the database failed. The next call writes it.
        """
        for readers in in_slices(self._inside.values(), PLACES_AT_ONCE):
            self._note(readers)
        while self._due:
            some = dict(islice(self._due.items(), ROWS_AT_ONCE))
            await self._log.run(read_marks.write, some)
            for place, seq in some.items():
                if self._due[place] == seq:
                    del self._due[place]
