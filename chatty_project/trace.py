"""Names the connection or the request that a log line belongs to.

The name is in the context of its task, and so of all tasks that this one starts. What many members share, such as a
commit, has none.
"""

import itertools
import os
import re
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

current: ContextVar[str] = ContextVar("chatty_trace", default="")

_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")  # An X-Request-Id of a proxy that may stand in a log line.
_numbers = itertools.count(1)

Application = Callable[[Any, Any, Any], Awaitable[Any]]


def traced(application: Application, kind: str) -> Application:
    """The application, whose log lines have a name such as `socket-4711-12`, or the request's `X-Request-Id`.

    A plain function: another coroutine for each connection would take memory.
    """

    def named(scope: Any, receive: Any, send: Any) -> Awaitable[Any]:
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"").decode("latin-1")
        current.set(given if _GIVEN.fullmatch(given) else f"{kind}-{os.getpid()}-{next(_numbers)}")
        return application(scope, receive, send)

    return named
