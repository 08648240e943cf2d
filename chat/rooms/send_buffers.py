"""The limit on unsent data for all slow readers of a process. Each reader also has its own limit."""

import logging
import time
from functools import cache
from typing import Protocol

from chat.access.rate_limits import Bucket, Rate
from chat.conf import chatty

logger = logging.getLogger(__name__)

_warnings = Bucket(Rate(1, 1 / 60))  # One warning a minute is enough.


class SendBuffer(Protocol):
    """A connection's unsent data."""

    @property
    def unsent(self) -> int:
        """The number of unsent bytes."""

    def drop(self) -> None:
        """Drops the unsent data and the socket. The client reconnects and resumes."""


class SendBuffers:
    """Limits all unsent data to `limit` bytes, plus the data sent within the last half second.

    Past the limit it drops the connections with the most unsent bytes, but only those that were also slow at the
    previous look: a client needs time to read a large answer. Fast readers cost nothing here.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._noted: set[SendBuffer] = set()  # These may have unsent data.
        self._slow: set[SendBuffer] = set()  # These had unsent data at the last look.

    def note(self, outbox: SendBuffer) -> None:
        """Registers a connection that may have unsent data."""
        self._noted.add(outbox)

    def look(self) -> int:
        """Enforces the limit. Returns the number of unsent bytes. Call it every half second.

        It looks only at connections that had unsent data, or that were answered since the last look.
        """
        sizes = {outbox: size for outbox in self._noted | self._slow if (size := outbox.unsent)}
        was_slow, self._slow, self._noted = self._slow, set(sizes), set()
        total = sum(sizes.values())
        if total > self._limit:
            dropped = 0
            for outbox in sorted(was_slow & sizes.keys(), key=sizes.__getitem__, reverse=True):
                if total <= 0.9 * self._limit:
                    break
                total -= sizes[outbox]
                self._slow.discard(outbox)
                outbox.drop()
                dropped += 1
            if dropped and not _warnings.take(1, time.monotonic()):
                logger.warning("BUFFER_LIMIT is met: %d sockets of slow readers were dropped", dropped)
        return total


@cache
def current_send_buffers() -> SendBuffers:
    """This process's send buffers, created on first use."""
    return SendBuffers(chatty.BUFFER_LIMIT)
