"""The limit on unsent data for all slow readers of a process. Each reader also has its own limit."""

import logging
import time
from functools import cache
from typing import Protocol

from chat.access.rate_limits import Bucket, Rate
from chat.conf import chatty

logger = logging.getLogger(__name__)

_warnings = Bucket(Rate(1, 1 / 60))  # One a minute says it.


class SendBuffer(Protocol):
    """A connection, as far as it holds what its client hasn't read."""

    @property
    def unsent(self) -> int:
        """The bytes that wait."""

    def drop(self) -> None:
        """Gives up what waits, and the socket with it. The client comes back and resumes."""


class SendBuffers:
    """At most `limit` bytes wait in all, and what was sent within the last half second.

    Past the limit it drops the connections with the most waiting bytes, but only those that were slow at the look
    before, too: a client that was just sent much needs time to read it. Fast readers cost nothing here.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._noted: set[SendBuffer] = set()  # Something may wait here.
        self._slow: set[SendBuffer] = set()  # Something did, at the last look.

    def note(self, outbox: SendBuffer) -> None:
        """Something may wait for this connection from now on."""
        self._noted.add(outbox)

    def look(self) -> int:
        """Sees to the limit; to be called every half second. Returns how many bytes wait.

        Looks at those connections alone for which something waited, or that were answered since the last look.
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
    """This process's."""
    return SendBuffers(chatty.BUFFER_LIMIT)
