"""How a line of the log looks. No message, name or token is ever in one."""

import logging
import traceback
from collections.abc import Iterator
from typing import Any

from django.db.utils import Error as DatabaseError


class Concise(logging.Formatter):
    """`12:34:56 warning chat.hub: ...`"""

    def format(self, record: logging.LogRecord) -> str:
        record.word = record.levelname.lower()
        return super().format(record)

    def formatException(self, ei: Any) -> str:
        """The call stack. Errors of the database say one line: in the next ones PostgreSQL quotes a whole row."""
        errors = list(_chain(ei[1]))
        if not any(isinstance(error, DatabaseError) for error in errors):
            return super().formatException(ei)
        return "\n\n".join(map(_in_short, reversed(errors)))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what caused it, and so on."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _in_short(error: BaseException) -> str:
    stack = "".join(traceback.format_tb(error.__traceback__))
    message = str(error).partition("\n")[0]
    return f"Traceback (most recent call last):\n{stack}{type(error).__name__}: {message}"


class WithoutTraceback(logging.Filter):
    """Leaves the sentence: a stranger who sends a wrong Host header is no error, and no reason for a call stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
