"""Rooms that stay open for some seconds without anybody in them, for the next request of a program that posts there."""

from collections.abc import Callable

IDLE_SECONDS = 5
IDLE_LIMIT = 100  # A room without members takes 20 KB and its share of BUFFER_LIMIT.


class IdleRooms:
    """By name, the one that was used last at the end. `clock()` is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}

    def keep(self, name: str) -> str | None:
        """Keeps this room from now on. Returns the one that has to make room for it, if one has to."""
        self.forget(name)
        self._until[name] = self._clock() + IDLE_SECONDS
        if len(self._until) <= IDLE_LIMIT:
            return None
        oldest = next(iter(self._until))
        del self._until[oldest]
        return oldest

    def is_kept(self, name: str) -> bool:
        """Whether the time of this room isn't over. After it, the room isn't kept any more."""
        if self._until.get(name, 0) > self._clock():
            return True
        self.forget(name)
        return False

    def forget(self, name: str) -> None:
        self._until.pop(name, None)
