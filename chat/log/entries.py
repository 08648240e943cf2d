"""A message of the log in the form that members receive."""

from typing import NamedTuple

# What CPython takes for an entry beside its encoded message: the tuple, its numbers, a place in a dict.
ENTRY_BYTES = 300


class Entry(NamedTuple):
    """A message as it now stands; `encoded` is its `message` event.

    `delta`: an event that says only what has changed since the message's last version, where there is one.
    """

    seq: int
    version: int
    encoded: bytes
    delta: bytes | None = None

    @property
    def update(self) -> bytes:
        """The event for members who have all earlier versions."""
        return self.encoded if self.delta is None else self.delta

    @property
    def whole(self) -> "Entry":
        """Without the delta, which is needed only for the first delivery."""
        return self if self.delta is None else self._replace(delta=None)

    @property
    def size(self) -> int:
        """The bytes of its events."""
        return len(self.encoded) + len(self.delta or b"")
