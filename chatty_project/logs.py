"""The format of log lines. They never contain a message, name or token."""

import json
import logging
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.utils import Error as DatabaseError

from chatty_project import trace


class Concise(logging.Formatter):
    """`2026-01-31T12:34:56.789+00:00 warning chat.hub: ...`: the time is UTC, whatever the machine's zone."""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")

    def format(self, record: logging.LogRecord) -> str:
        record.word = record.levelname.lower()
        record.trace = f" [{trace.current.get()}]" if trace.current.get() else ""
        return super().format(record)

    def formatException(self, ei: Any) -> str:
        """The call stack. Of a database error only the first line: PostgreSQL quotes a whole row in later ones."""
        errors = list(_chain(ei[1]))
        if not any(isinstance(error, DatabaseError) for error in errors):
            return super().formatException(ei)
        return "\n\n".join(map(_in_short, reversed(errors)))


class Json(Concise):
    """One JSON object a line: `at`, `level`, `logger`, `message`, `process`, and perhaps `trace` and `stack`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if name := trace.current.get():
            line["trace"] = name
        if record.exc_info:
            line["stack"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, its cause, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _in_short(error: BaseException) -> str:
    stack = "".join(traceback.format_tb(error.__traceback__))
    message = str(error).partition("\n")[0]
    return f"Traceback (most recent call last):\n{stack}{type(error).__name__}: {message}"


class WithoutTraceback(logging.Filter):
    """Removes the call stack. A stranger's wrong Host header is no error of ours."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True


class OncePerMinute(logging.Filter):
    """Passes one line a minute of each type of error, without its call stack.

    For channels_redis, which logs one a second, with a call stack, while a Redis is away.
    """

    def __init__(self) -> None:
        super().__init__()
        self._passed_at: dict[str, float] = {}  # By the error's type.

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        kind, now = type(error).__name__, time.monotonic()
        if now - self._passed_at.get(kind, float("-inf")) < 60:
            return False
        self._passed_at[kind] = now
        if error is not None:
            record.msg, record.args, record.exc_info = f"{record.getMessage()}: {error!r}", None, None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
