"""A message of the log in the form that members receive."""

from typing import NamedTuple

# CPython's memory for an entry without its encoded message: the tuple, its numbers, a place in a dict.
ENTRY_BYTES = 300


class Entry(NamedTuple):
    """A message in its current state. `encoded` is its `message` event.

    `delta`: an event with only the change since the message's last version, if there is such an event.
    """

    seq: int
    version: int
    encoded: bytes
    delta: bytes | None = None

    @property
    def is_new_message(self) -> bool:
        """Whether nothing has changed since it was posted."""
        return self.seq == self.version

    @property
    def update(self) -> bytes:
        """The event for members who have all earlier versions."""
        return self.encoded if self.delta is None else self.delta

    @property
    def whole(self) -> "Entry":
        """The entry without its delta, which only the first delivery needs."""
        return self if self.delta is None else self._replace(delta=None)

    @property
    def size(self) -> int:
        """The bytes of its events."""
        return len(self.encoded) + len(self.delta or b"")
