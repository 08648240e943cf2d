"""The times of members' last posts in rooms with slow mode, by a monotonic clock. Pure."""

import time
import uuid
from collections.abc import Callable
from threading import Lock
from typing import NamedTuple

from chat.protocol.constants import SLOW_LIMIT_SECONDS

NOTES_LIMIT = 50_000  # Of at most 400 bytes: 20 MB. Past it the oldest are dropped, and the log's times count.


class Note(NamedTuple):
    """A post: its seq, and the time when this process wrote it."""

    seq: int
    at: float


class Pace:
    """This process's last posts of members in rooms with slow mode. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._noting = Lock()
        self._notes: dict[tuple[int, uuid.UUID], Note] = {}  # By room and author, the oldest first.

    def __len__(self) -> int:
        return len(self._notes)

    def note(self, room_id: int, author_id: uuid.UUID, seq: int) -> None:
        """Records that the author posts the message with this seq now."""
        now = self._clock()
        with self._noting:
            self._notes.pop((room_id, author_id), None)
            self._notes[room_id, author_id] = Note(seq, now)
            while (oldest := next(iter(self._notes.items()))) and (
                len(self._notes) > NOTES_LIMIT or now - oldest[1].at > SLOW_LIMIT_SECONDS
            ):
                del self._notes[oldest[0]]

    def since(self, room_id: int, author_id: uuid.UUID, seq: int, by_the_log: float) -> float | None:
        """The seconds since the author's last post in the room, which has this seq. None if unknown.

        `by_the_log`: the seconds since the post's time in the log. They count if another process wrote the post, or
        this one before a restart. They are negative, and so unknown, if a clock was set back.
        """
        note = self._notes.get((room_id, author_id))
        if note is not None and note.seq == seq:
            return self._clock() - note.at
        return by_the_log if by_the_log >= 0 else None
