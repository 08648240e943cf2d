"""Threads that read the database, each group behind a fair queue.

Networks (by `client_address.client_network`) take turns, and so do the members of each: a member with many queries
waits behind their own. No network occupies all threads of a group. The queue is limited in number and in time. A
query that nobody waits for any more is removed from the queue, or stopped.
"""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

from django.db import connection, connections

from chat.log.deadline import CancellableQuery
from chat.log.turns import ITSELF, Asker, Turns
from chat.protocol.errors import Refusal, RefusalCode

WAITING_LIMIT = 2_048  # Jobs in one group. Each takes 6 KB, with the task that waits for it.
WAIT_SECONDS = 10  # In the queue. By then the client has given up or asked again.
RETRY_SECONDS = 2

T = TypeVar("T")
Charge = Callable[[str, float], None]


class Askers:
    """The callers that wait for the same job. The job runs when the first of them has its turn.

    Otherwise everybody would wait if the first caller for a room has many queries waiting.
    """

    __slots__ = ("_counts", "_on_more")

    def __init__(self, *askers: Asker) -> None:
        self._counts = Counter(askers)
        self._on_more: Callable[[Asker], None] | None = None

    @contextmanager
    def with_one_more(self, asker: Asker) -> Iterator[None]:
        """Adds `asker` within the context."""
        self._counts[asker] += 1
        if self._on_more is not None:
            self._on_more(asker)
        try:
            yield
        finally:
            self._counts[asker] -= 1
            if not self._counts[asker]:
                del self._counts[asker]

    def follow(self, on_more: Callable[[Asker], None] | None) -> tuple[Asker, ...]:
        """The current askers. `on_more` is called for each later one, until this is called again."""
        self._on_more = on_more
        return tuple(self._counts) or (ITSELF,)


class Job:
    """Work for a thread, and the future of its result. `seconds`: the time it took."""

    __slots__ = ("askers", "future", "places", "query", "seconds", "timer", "work")

    def __init__(self, askers: Askers, work: Callable[[], Any], future: "asyncio.Future[Any]") -> None:
        self.askers = askers
        self.work = work
        self.future = future
        self.query = CancellableQuery()
        self.places: set[Asker] = set()  # The askers in whose lines it waits. Empty once it has begun.
        self.timer: asyncio.TimerHandle | None = None
        self.seconds = 0.0

    def run(self) -> Any:
        """Runs in a thread. Measures CPU time for SQLite, which works in the thread, and wall time for PostgreSQL."""
        clock = time.thread_time if connection.vendor == "sqlite" else time.monotonic
        began_at = clock()
        try:
            return self.query.run(self.work)
        finally:
            self.seconds = clock() - began_at


class Readers:
    """`count` threads, each with its own database connection from its first job on.

    A network uses at most `count - 1` of them at once. At most `limit_of_network` of its jobs wait, for at most
    WAIT_SECONDS. The process itself has no limit. `charge(network, seconds)` is called with each job's time.
    """

    def __init__(
        self, name: str, count: int, limit_of_network: int = WAITING_LIMIT, charge: Charge = lambda *_: None
    ) -> None:
        self._count = count
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._charge = charge
        self._limit_of_network = limit_of_network
        self._turns: Turns[Job] = Turns()
        self._waiting = 0
        self._running: Counter[str] = Counter()  # By network.
        self._is_closed = False

    @property
    def waiting(self) -> int:
        """The number of jobs that wait for a thread."""
        return self._waiting

    async def read(self, asker: Asker | Askers, work: Callable[..., T], *arguments: object) -> T:
        """Runs `work` in its turn and returns its result. Cancelling removes it from the queue or stops its query.

        Raises:
            Refusal: `unavailable`, too many jobs wait, or it has waited for too long.
        """
        if self._is_closed:
            raise RuntimeError("these readers are closed")
        loop = asyncio.get_running_loop()
        askers = asker if isinstance(asker, Askers) else Askers(asker)
        future: asyncio.Future[T] = loop.create_future()
        job = Job(askers, partial(work, *arguments), future)
        self._put(job)
        self._begin_what_can()
        try:
            return await future
        except asyncio.CancelledError:
            if job.places:
                self._forget(job)
            else:
                loop.run_in_executor(None, job.query.call_off)
            raise

    def _put(self, job: Job) -> None:
        askers = job.askers.follow(lambda asker: self._wait_as_well(asker, job))
        if askers != (ITSELF,):
            if self._waiting >= WAITING_LIMIT or all(
                self._turns.count(asker.network) >= self._limit_of_network for asker in askers
            ):
                job.askers.follow(None)
                raise _busy()
            job.timer = asyncio.get_running_loop().call_later(WAIT_SECONDS, self._give_up, job)
        for asker in askers:
            self._turns.put(asker, job)
        self._waiting += 1

    def _wait_as_well(self, asker: Asker, job: Job) -> None:
        self._turns.put(asker, job)
        self._begin_what_can()

    def _begin_what_can(self) -> None:
        while not self._is_closed and self._running.total() < self._count:
            if (turn := self._turns.take(self._may)) is None:
                return
            network, job = turn
            self._forget(job)
            self._running[network] += 1
            running = asyncio.get_running_loop().run_in_executor(self._executor, job.run)
            running.add_done_callback(partial(self._end, network, job))

    def _may(self, network: str) -> bool:
        return network == ITSELF.network or self._running[network] < self._count - 1

    def _forget(self, job: Job) -> None:
        """Removes the job from the queue."""
        self._turns.discard(job)
        self._waiting -= 1
        job.askers.follow(None)
        if job.timer is not None:
            job.timer.cancel()

    def _give_up(self, job: Job) -> None:
        self._forget(job)
        if not job.future.done():
            job.future.set_exception(_busy())

    def _end(self, network: str, job: Job, ended: "asyncio.Future[Any]") -> None:
        self._running[network] -= 1
        if not self._running[network]:
            del self._running[network]
        if network != ITSELF.network:
            self._charge(network, job.seconds)
        error = None if ended.cancelled() else ended.exception()
        if job.future.done():
            pass
        elif ended.cancelled():
            job.future.cancel()
        elif error is not None:
            job.future.set_exception(error)
        else:
            job.future.set_result(ended.result())
        self._begin_what_can()

    async def close(self) -> None:
        """Ends the threads and their connections. Waiting jobs never run."""
        self._is_closed = True
        await close_threads(self._executor, self._count)


def _busy() -> Refusal:
    return Refusal(
        RefusalCode.UNAVAILABLE, "The server has too much to look up just now. Try again.", retry_after=RETRY_SECONDS
    )


async def close_threads(executor: ThreadPoolExecutor, count: int) -> None:
    """Ends the executor's threads and closes their database connections."""
    together = threading.Barrier(count)  # So that no thread takes the job of another.

    def close() -> None:
        together.wait(timeout=10)
        connections.close_all()

    run = asyncio.get_running_loop().run_in_executor
    try:
        await asyncio.gather(*(run(executor, close) for _ in range(count)))
    finally:
        executor.shutdown(wait=False)  # A thread that hangs in the database is not waited for.
