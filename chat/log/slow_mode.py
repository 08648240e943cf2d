"""When a member last posted in a room with slow mode, by a monotonic clock. Pure."""

import time
import uuid
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from chat.protocol.constants import SLOW_LIMIT_SECONDS

NOTES_LIMIT = 50_000  # Of 400 bytes at most: 20 MB. Past it the oldest go, and the times in the log serve.


class Note(NamedTuple):
    """A post: its place in the room, and when this process wrote it."""

    seq: int
    at: float


class Pace:
    """The last posts of members in rooms with slow mode, as far as this process wrote them. For several threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noting = Lock()
        self._notes: dict[tuple[int, uuid.UUID], Note] = {}  # By room and author, the oldest first.

    def __len__(self) -> int:
        return len(self._notes)

    def note(self, room_id: int, author_id: uuid.UUID, seq: int) -> None:
        """The author posts the message with this seq now."""
        now = self._clock()
        with self._noting:
            self._notes.pop((room_id, author_id), None)
            self._notes[room_id, author_id] = Note(seq, now)
            while (oldest := next(iter(self._notes.items()))) and (
                len(self._notes) > NOTES_LIMIT or now - oldest[1].at > SLOW_LIMIT_SECONDS
            ):
                del self._notes[oldest[0]]

    def since(self, room_id: int, author_id: uuid.UUID, seq: int, by_the_log: float) -> float | None:
        """The seconds since the author posted the message with this seq, which is their last one in the room.

        `by_the_log`: the seconds since its time of day. They count where another process wrote the message, or this one
        before a restart; they may be negative where a clock was set back, and then nobody knows: None.
        """
        note = self._notes.get((room_id, author_id))
        if note is not None and note.seq == seq:
            return self._clock() - note.at
        return by_the_log if by_the_log >= 0 else None
