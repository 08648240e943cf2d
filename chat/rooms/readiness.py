"""Tries whether this process can write and deliver a post, and names the problems, for /readyz.

A check leaves nothing behind. It runs at most once at a time and once a second, however many requests arrive. A check
that hangs is waited for, not repeated.
"""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from redis import exceptions as redis_errors

from chat import open_files
from chat.cluster.broker import Broker, Unheard
from chat.cluster.presence_store import Presence
from chat.conf import chatty
from chat.log.reader import Log, LogUnavailable

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 3  # A database or Redis that takes longer is not ready.
FRESH_SECONDS = 1  # The time for which a report is reused.
LEAST_FREE_BYTES = 1_048_576  # On a SQLite file's disk. With less, one of the next posts doesn't fit.


@dataclass(frozen=True, slots=True)
class Problem:
    """A failure. `words` describe it to anybody. `detail` is for the log: it may name hosts, paths and accounts.

    With an `is_partial` problem, posts are written in all rooms, and delivered at once in most.
    """

    words: str
    detail: str = field(default="", compare=False)
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    database: tuple[Problem, ...] = ()
    redis: tuple[Problem, ...] = ()
    files: tuple[Problem, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self.database + self.redis + self.files

    @property
    def is_ready(self) -> bool:
        """Whether a proxy may send members here. Partial failures don't count: they affect all processes alike."""
        return all(problem.is_partial for problem in self.problems)


class Part:
    """One check. There is one attempt at a time: later callers wait for an attempt that hangs."""

    def __init__(self, name: str, attempt: Callable[[], Awaitable[tuple[Problem, ...]]]) -> None:
        self._name = name
        self._attempt = attempt
        self._running: asyncio.Future[tuple[Problem, ...]] | None = None

    async def problems(self) -> tuple[Problem, ...]:
        if self._running is None:
            self._running = asyncio.ensure_future(self._attempt())
        done, _ = await asyncio.wait([self._running], timeout=ANSWER_SECONDS)
        if not done:
            return (Problem(f"{self._name} takes longer than {ANSWER_SECONDS} s."),)
        finished, self._running = self._running, None
        return finished.result()


class Readiness:
    """Runs the checks and keeps the latest report."""

    def __init__(self, log: Log, presence: Presence, fanout: Broker) -> None:
        self._log = log
        self._presence = presence
        self._broker = fanout
        self._database = Part("The database", self._try_database)
        self._redis = Part("Redis", self._try_redis)
        self._looking: asyncio.Task[Report] | None = None
        self._report = Report()
        self._known_until = float("-inf")

    async def report(self) -> Report:
        """The current failures, at most FRESH_SECONDS old."""
        if asyncio.get_running_loop().time() < self._known_until:
            return self._report
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        return await asyncio.shield(self._looking)

    async def _look(self) -> Report:
        try:
            database, redis = await asyncio.gather(self._database.problems(), self._redis.problems())
            files = _file_problems()
            before, self._report = self._report, Report(database, redis, files)
            self._known_until = asyncio.get_running_loop().time() + FRESH_SECONDS
            self._log_changes(before)
            return self._report
        finally:
            self._looking = None

    def _log_changes(self, before: Report) -> None:
        for problem in self._report.problems:
            if problem not in before.problems:
                state = "Degraded" if problem.is_partial else "Not ready"
                logger.warning("%s: %s %s", state, problem.words, problem.detail)
        if before.problems and not self._report.problems:
            logger.warning("Ready again")

    async def _try_database(self) -> tuple[Problem, ...]:
        try:
            await self._log.try_writing()
        except (LogUnavailable, DatabaseError) as error:
            return (_database_problem(error),)
        return _disk_problems()

    async def _try_redis(self) -> tuple[Problem, ...]:
        if not chatty.REDIS_URLS:
            return ()
        written, delivered = await asyncio.gather(self._presence.try_writing(), self._broker.try_delivering())
        count = len(chatty.REDIS_URLS)
        found = []
        for number, (url, *errors) in enumerate(zip(chatty.REDIS_URLS, written, delivered, strict=True), 1):
            error = next((error for error in errors if error is not None), None)
            if error is not None:
                name = "Redis" if count == 1 else f"Redis {number} of {count}"
                parts = urlsplit(url)
                where = f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
                found.append(Problem(f"{name} {redis_words(error)}.", f"({where}: {_in_short(error)})"))
        is_partial = len(found) < count
        return tuple(replace(problem, is_partial=is_partial) for problem in found)


def _in_short(error: BaseException) -> str:
    """The error's type and first line. PostgreSQL quotes a whole row in later lines."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]


# The descriptions of failures. The first that matches counts.

_REDIS_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (redis_errors.OutOfMemoryError, "is full and takes no writes (its maxmemory)"),
    (redis_errors.ReadOnlyError, "is a read-only replica; REDIS_URL must name the primary"),
    (redis_errors.NoPermissionError, "doesn't give this user the rights that Chatty needs (~chatty* &chatty* +@all)"),
    (redis_errors.AuthenticationError, "refuses the user or the password"),
    (redis_errors.BusyLoadingError, "is still loading its data"),
    (Unheard, "accepts messages but delivers none (an ACL without the channels &chatty*?)"),
    (redis_errors.TimeoutError, "doesn't answer"),
    (TimeoutError, "doesn't answer"),
    (redis_errors.ConnectionError, "can't be reached"),
    (OSError, "can't be reached"),
)


def redis_words(error: BaseException) -> str:
    """What is wrong with a Redis, after its name."""
    if "NOAUTH" in str(error) or "Authentication required" in str(error):
        return "requires a password"
    if "MISCONF" in str(error):
        return "can't save to its disk and takes no writes"
    return next((words for kind, words in _REDIS_WORDS if isinstance(error, kind)), "answers with an error")


_SQLITE_WORDS = {
    "SQLITE_READONLY": "can't be written to: its file or its folder is read-only",
    "SQLITE_FULL": "takes no writes: its disk is full",
    "SQLITE_CANTOPEN": "can't be opened",
    "SQLITE_BUSY": "is locked by another program",
    "SQLITE_IOERR": "takes no writes: its disk answers with an error",
    "SQLITE_CORRUPT": "is damaged",
    "SQLITE_NOTADB": "is damaged",
}
_POSTGRES_WORDS = {
    "25006": "is read-only: a standby, or a server in read-only mode",
    "42501": "doesn't let this user write Chatty's tables",
    "42P01": "lacks Chatty's tables",
    "53100": "takes no writes: its disk is full",
    "53300": "has no connections left",
    "55P03": "is locked by another program",
    "57014": "takes too long to write",
}


def _database_problem(error: BaseException) -> Problem:
    causes = [error]
    while (cause := causes[-1].__cause__) is not None:
        causes.append(cause)
    words = "can't be reached"
    for cause in causes:
        if isinstance(cause, sqlite3.Error):
            name = getattr(cause, "sqlite_errorname", "")  # Such as SQLITE_READONLY_DIRECTORY.
            known = (found for beginning, found in _SQLITE_WORDS.items() if name.startswith(beginning))
            words = next(known, "answers with an error")
        elif (state := getattr(cause, "sqlstate", None)) is not None:
            words = _POSTGRES_WORDS.get(state, "answers with an error")
    return Problem(f"The database {words}.", f"({_in_short(causes[-1])})")


def _disk_problems() -> tuple[Problem, ...]:
    """Reports a nearly full disk of a SQLite file. The check's own write is small and may fit where a post doesn't."""
    if connection.vendor != "sqlite":
        return ()
    try:
        disk = os.statvfs(Path(settings.DATABASES["default"]["NAME"]).parent)
    except OSError:
        return ()
    free = (disk.f_bfree if os.geteuid() == 0 else disk.f_bavail) * disk.f_frsize
    if free >= LEAST_FREE_BYTES:
        return ()
    return (Problem("The database's disk is full.", f"({free:,} bytes are free)"),)


def _file_problems() -> tuple[Problem, ...]:
    if not open_files.is_nearly_full():
        return ()
    words = f"New connections are refused: nearly all of the {open_files.limit():,} allowed open files are in use."
    return (Problem(words, "(raise the limit: ulimit -n, LimitNOFILE=)"),)
