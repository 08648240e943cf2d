"""One thread that does one thing after the other for an event loop.

concurrent.futures has a future, a condition and a lock of its own for each job: with asyncio's, they take longer than
a small commit's statements.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

from django.db import connections

T = TypeVar("T")
_Job = tuple["asyncio.Future[Any]", Callable[..., Any], tuple[object, ...]]


class WorkThread:
    """Starts with the first job, whose event loop gives all others. `close` must follow."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop

    def run(self, work: Callable[..., T], *arguments: object) -> "asyncio.Future[T]":
        """A future of what `work` returns or raises. Cancelled, it is done all the same."""
        if self._thread is None:
            self._loop = asyncio.get_running_loop()
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((future, work, arguments))
        return future

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, work, arguments = job
            result, error = None, None
            try:
                result = work(*arguments)
            except BaseException as raised:
                error = raised
            with suppress(RuntimeError):  # The loop was closed: nobody waits.
                self._loop.call_soon_threadsafe(_settle, future, result, error)
            del job, future, arguments, result, error  # Not until the next job comes.

    async def close(self) -> None:
        """Ends the thread, behind what waits, and the database connection that it holds."""
        if self._thread is not None:
            await self.run(connections.close_all)
            self._jobs.put(None)
            self._thread = None


def _settle(future: "asyncio.Future[Any]", result: object, error: BaseException | None) -> None:
    if future.cancelled():
        return
    if error is None:
        future.set_result(result)
    else:
        future.set_exception(error)
