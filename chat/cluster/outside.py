"""An event loop on a thread, for code that has none: task queues, commands, shells, WSGI.

The connections to Redis belong to one event loop and last as long as it. So all calls of such a process share this one
instead of opening a connection each.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")

END_SECONDS = 2  # At the process's end, for what is still being sent: as long as one send may take.


class OutsideLoop:
    """Starts its thread with the first call."""

    def __init__(self) -> None:
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: set[Future[Any]] = set()

    def run(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """A future of the coroutine's result, which other threads may wait for."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, name="chatty-outside", daemon=True).start()
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    def finish(self) -> None:
        """Waits for the calls under way."""
        wait(list(self._running), END_SECONDS)


_current = OutsideLoop()


def run_outside(work: Coroutine[Any, Any, T]) -> "Future[T]":
    """The same as `OutsideLoop.run`, on the loop of this process."""
    return _current.run(work)


def _begin_anew() -> None:
    """A forked process has no thread of its parent, and must not share its parent's connections."""
    global _current
    _current = OutsideLoop()


atexit.register(lambda: _current.finish())
os.register_at_fork(after_in_child=_begin_anew)
