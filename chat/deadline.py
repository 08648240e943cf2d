"""An end to what the database takes too long for: SQLite knows none by itself, PostgreSQL has its statement_timeout."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, connection

from .protocol import Refusal, RefusalCode

SECONDS = 3  # SQLite stops then.
LOOK_EVERY = 100_000  # Steps of SQLite's machine between two looks at the clock: about a millisecond.
QUERY_CANCELED = "57014"  # PostgreSQL's code for a statement that took too long.


@contextmanager
def deadline(detail: str) -> Iterator[None]:
    """What is read within it is given up after a while.

    Raises:
        Refusal: it was; `detail` says to its reader what to do.
    """
    ends_at = time.monotonic() + SECONDS
    is_sqlite = connection.vendor == "sqlite"
    if is_sqlite:
        connection.ensure_connection()
        connection.connection.set_progress_handler(lambda: time.monotonic() > ends_at, LOOK_EVERY)
    try:
        yield
    except OperationalError as error:
        was_stopped = (
            time.monotonic() > ends_at if is_sqlite else getattr(error.__cause__, "sqlstate", None) == QUERY_CANCELED
        )
        if not was_stopped:
            raise
        raise Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=SECONDS) from error
    finally:
        if is_sqlite:
            connection.connection.set_progress_handler(None, 0)
