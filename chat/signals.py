"""Django signals for the host's own code, and the thread that calls their receivers.

`message_posted`: a message is in the log. Arguments: `room`, the room's address, and `message`, a
`chat.protocol.events.Message`. Edits, deletions and reactions send nothing.

`member_joined`: somebody came into a room. Arguments: `room`; `member`, a `chat.protocol.events.Member`; and `account`,
the primary key of their account as text, None for guests and bots. Another tab or device of the same member sends
nothing.

The sender is None. Each is sent once, in the process that wrote the message or was joined, after the commit. Receivers
run on one thread per process, in order. Their errors are logged by Django. Signals wait in at most WAITING_BYTES; more
are dropped, with a warning. They aren't kept anywhere: those of a process that is killed are lost. For all messages
without a gap, outgoing webhooks read the log.
"""

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from django.db import close_old_connections
from django.dispatch import Signal

from chat.protocol.events import Member, Message

logger = logging.getLogger(__name__)

WAITING_BYTES = 16 * 1024 * 1024  # Of encoded messages and ITEM_BYTES each.
ITEM_BYTES = 1_000  # The memory for one without its message.
END_SECONDS = 2  # At the process's end, for receivers to take what waits.
WARNING_SECONDS = 60  # Between two warnings.

message_posted = Signal()
member_joined = Signal()

Arguments = Callable[[], Mapping[str, Any]]


class Sender:
    """Calls receivers on a thread, which starts with the first signal."""

    def __init__(self, waiting_bytes: int = WAITING_BYTES) -> None:
        self._limit = waiting_bytes
        self._waiting: deque[tuple[Signal, Arguments, int]] = deque()
        self._size = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_calling = False
        self._dropped = 0
        self._warn_at = float("-inf")

    def send(self, signal: Signal, arguments: Arguments, size: int = 0) -> None:
        """Sends soon. `arguments()` is called on the thread; it keeps `size` bytes."""
        size += ITEM_BYTES
        with self._changed:
            if self._size + size > self._limit:
                self._drop()
                return
            self._waiting.append((signal, arguments, size))
            self._size += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="chatty-signals", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _drop(self) -> None:
        self._dropped += 1
        if (now := time.monotonic()) >= self._warn_at:
            self._warn_at = now + WARNING_SECONDS
            logger.warning("Receivers of Chatty's signals are too slow: %d signals were dropped", self._dropped)

    def _run(self) -> None:
        while True:
            if not self._waiting:
                close_old_connections()  # As Django does after a request.
            signal, arguments, size = self._take()
            try:
                signal.send_robust(sender=None, **arguments())  # None is anybody.
            except Exception:
                logger.exception("A signal was not sent")
            with self._changed:
                self._size -= size

    def _take(self) -> tuple[Signal, Arguments, int]:
        with self._changed:
            self._is_calling = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting)
            self._is_calling = True
            return self._waiting.popleft()

    def finish(self, seconds: float = END_SECONDS) -> bool:
        """Waits until receivers have taken everything. Returns whether they have."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._is_calling), seconds)


_sender = Sender()


def send_posted(room: str, encoded: bytes) -> None:
    """Sends `message_posted` soon, for an encoded `message` event."""
    if message_posted.receivers:
        arguments = partial(_posted, room, encoded)
        _sender.send(message_posted, arguments, len(encoded))


def _posted(room: str, encoded: bytes) -> Mapping[str, Any]:
    return {"room": room, "message": msgspec.json.decode(encoded, type=Message)}


def send_joined(room: str, member: Member, account: str | None) -> None:
    """Sends `member_joined` soon."""
    if member_joined.receivers:
        _sender.send(member_joined, lambda: {"room": room, "member": member, "account": account})


def finish() -> bool:
    """The same as `Sender.finish`."""
    return _sender.finish()


def _begin_anew() -> None:
    """A forked process has no thread of its parent."""
    global _sender
    _sender = Sender()


atexit.register(finish)
os.register_at_fork(after_in_child=_begin_anew)
