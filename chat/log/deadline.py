"""Time limits and cancellation for queries and for work in Python.

SQLite has no time limit of its own, PostgreSQL has its statement_timeout. Work in Python calls `Watch.look`.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import OperationalError, connection

from chat.protocol.errors import Refusal, RefusalCode

SECONDS = 3  # The limit for SQLite and Python.
LOOK_EVERY = 100_000  # Steps of SQLite's virtual machine between two looks at the clock: about 1 ms.
QUERY_CANCELED = "57014"  # PostgreSQL's code for a statement that took too long or was cancelled.

T = TypeVar("T")
_thread = threading.local()


class CancellableQuery:
    """Work in a thread that can be cancelled: its statement is stopped, and no further one begins."""

    def __init__(self) -> None:
        self.is_called_off = False
        self._lock = threading.Lock()
        self._stop: Callable[[], None] | None = None

    def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Runs `work` and returns its result. A `deadline` inside it can be cancelled through this query."""
        _thread.query = self
        try:
            return work(*arguments)
        finally:
            _thread.query = None

    def call_off(self) -> None:
        """Cancels the work, from any thread. Waits until PostgreSQL has the request. The work may have ended."""
        self.is_called_off = True
        with self._lock:  # Stop this query's statement, not the thread's next one.
            if self._stop is not None:
                self._stop()

    @contextmanager
    def stopped_by(self, stop: Callable[[], None] | None) -> Iterator[None]:
        """Lets `call_off` call `stop` within the context."""
        with self._lock:
            self._stop = stop
        try:
            yield
        finally:
            with self._lock:
                self._stop = None


class Watch:
    """A running deadline."""

    def __init__(self, detail: str, query: CancellableQuery) -> None:
        self._detail = detail
        self._query = query
        self._ends_at = time.monotonic() + SECONDS

    @property
    def is_over(self) -> bool:
        return self._query.is_called_off or time.monotonic() > self._ends_at

    def look(self) -> None:
        """Checks the time.

        Raises:
            Refusal: the deadline has passed.
        """
        if self.is_over:
            raise self.refusal()

    def refusal(self) -> Refusal:
        return Refusal(RefusalCode.UNAVAILABLE, self._detail, retry_after=SECONDS)


@contextmanager
def deadline(detail: str) -> Iterator[Watch]:
    """Stops a query after SECONDS, or when it is cancelled.

    Raises:
        Refusal: the query was stopped; `detail` says what the client can do.
    """
    query: CancellableQuery = getattr(_thread, "query", None) or CancellableQuery()
    watch = Watch(detail, query)
    connection.ensure_connection()
    database = connection.connection
    is_sqlite = connection.vendor == "sqlite"
    if is_sqlite:
        database.set_progress_handler(lambda: watch.is_over, LOOK_EVERY)
    try:
        with query.stopped_by(None if is_sqlite else database.cancel):
            watch.look()
            yield watch
    except OperationalError as error:
        was_stopped = watch.is_over if is_sqlite else getattr(error.__cause__, "sqlstate", None) == QUERY_CANCELED
        if not was_stopped:
            raise
        raise watch.refusal() from error
    finally:
        if is_sqlite:
            database.set_progress_handler(None, 0)
