"""Renders bodies to HTML before they are written: cheap ones at once, others in a queue for a separate process.

Networks (by `client_address.client_network`) take turns, and so do the members of each. The expensive bodies of a
network wait behind each other, and others' bodies wait for one of them at most. A member's later commands wait behind
a waiting body, so they are written in order.

Waiting commands aren't acknowledged yet. They are rendered and written even if their client has gone. If the server
stops first, they are refused or lost, and the client repeats them.
"""

import asyncio
import logging
import re
import sys
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import perf_counter
from typing import Protocol

from chat.content.markdown import Rendered, render
from chat.content.mentions import AT_LIMIT, NOBODY, SIGNS, People
from chat.log.render_process import RenderingFailed, RenderProcess
from chat.log.turns import Asker, Turns
from chat.protocol.constants import NAME_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId

logger = logging.getLogger(__name__)

AT_ONCE_SECONDS = 0.002  # Estimated: a few lines of code. The event loop renders nothing more expensive.
WAITING_BYTES = 16 * 1024 * 1024  # Of all waiting bodies.
WAITING_BYTES_OF_NETWORK = 1024 * 1024
JOB_BYTES = 4_000  # The memory for a job without its body, with the tasks that wait for it.
RETRY_SECONDS = 2

# The constants of `estimate`. For the worst texts it is within a tenth of the times on 2 cores with Python 3.11.
_SECONDS = 0.000_15
_SECONDS_A_CHARACTER = 0.000_002
_SECONDS_A_MARK = 0.000_1
_SECONDS_A_COMPARISON = 0.000_02  # Of a name with the text after an `@`. A third of it for ASCII.
# Characters at which the Markdown and link parsers stop.
_MARKS = re.compile(rf"[*_~`\[\]()<>{SIGNS}:/#+\-&\\|=!\n]|\.(?=\S)|[^\x00-\x7f](?=\.)")


# Returns the members whom a body may mention.
FindPeople = Callable[[str], People]


def _nobody(body: str) -> People:
    return NOBODY


class Budget(Protocol):
    """The CPU seconds that networks use."""

    def charge_cpu(self, network: str, seconds: float) -> None:
        """Charges a cost."""


def estimate(body: str) -> float:
    """An upper estimate of the seconds to render a body. Ten times too high for some bodies."""
    signs = min(AT_LIMIT, sum(map(body.count, SIGNS)))
    comparisons = signs * min(len(body), 2 * NAME_LIMIT) / (3 if body.isascii() else 1)
    return (
        _SECONDS
        + len(body) * _SECONDS_A_CHARACTER
        + len(_MARKS.findall(body)) * _SECONDS_A_MARK
        + comparisons * _SECONDS_A_COMPARISON
    )


class _Job:
    """A waiting body, or a command that waits behind one and needs no rendering (`body` is None)."""

    __slots__ = ("body", "find_people", "future", "network", "places", "size")

    def __init__(self, network: str, body: str | None = None, find_people: FindPeople = _nobody) -> None:
        self.network = network
        self.body = body
        self.find_people = find_people
        self.places: set[Asker] = set()
        self.size = JOB_BYTES + (0 if body is None else sys.getsizeof(body))
        self.future: asyncio.Future[Rendered | None] = asyncio.get_running_loop().create_future()


class Renderer:
    """Renders for all members of this process."""

    def __init__(self, budget: Budget, process: RenderProcess | None = None) -> None:
        self._budget = budget
        self._process = process or RenderProcess()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="renderer")  # It waits for the process.
        self._lines: dict[MemberId, deque[_Job]] = {}  # The waiting jobs of each member, in order.
        self._turns: Turns[_Job] = Turns()  # The first waiting body of each member.
        self._running: asyncio.Task[tuple[Rendered, float]] | None = None
        self._waiting = 0  # Bytes.
        self._waiting_of: Counter[str] = Counter()  # The same by network.
        self._is_closing = self._is_closed = False

    async def render(self, network: str, member_id: MemberId, body: str, find_people: FindPeople = _nobody) -> Rendered:
        """The rendered body of this member, who comes from `network` and is charged for what the process takes.

        `find_people` is called on the event loop when it is the body's turn, since finding names takes time, too.
        The caller's next steps, up to its next await, happen in the member's order.

        Raises:
            Refusal: `unavailable`, too many wait, or it failed.
        """
        if estimate(body) <= AT_ONCE_SECONDS:
            await self.turn(network, member_id)
            return render(body, find_people(body))
        rendered = await self._wait(member_id, _Job(network, body, find_people))
        assert rendered is not None
        return rendered

    async def turn(self, network: str, member_id: MemberId) -> None:
        """Returns when all earlier bodies of this member are rendered, like `render`.

        Raises:
            Refusal: `unavailable`.
        """
        if member_id in self._lines:
            await self._wait(member_id, _Job(network))

    async def _wait(self, member_id: MemberId, job: _Job) -> Rendered | None:
        self._check_room(job)
        self._waiting += job.size
        self._waiting_of[job.network] += job.size
        line = self._lines.setdefault(member_id, deque())
        line.append(job)
        if len(line) == 1:
            self._begin_line(member_id)
        try:
            return await job.future
        finally:  # Only now, so that later commands don't overtake this one.
            self._leave(member_id, job)

    def _check_room(self, job: _Job) -> None:
        if self._is_closing:
            raise _unavailable("The server is restarting. Try again.")
        of_network = self._waiting_of[job.network] + job.size
        if of_network > WAITING_BYTES_OF_NETWORK or self._waiting + job.size > WAITING_BYTES:
            raise _unavailable("Too many long messages are waiting to be shown. Try again.")

    def _leave(self, member_id: MemberId, job: _Job) -> None:
        self._waiting -= job.size
        self._waiting_of[job.network] -= job.size
        if not self._waiting_of[job.network]:
            del self._waiting_of[job.network]
        line = self._lines[member_id]
        was_first = line[0] is job
        line.remove(job)
        if was_first:
            self._turns.discard(job)
        if not line:
            del self._lines[member_id]
        elif was_first:
            self._begin_line(member_id)

    def _begin_line(self, member_id: MemberId) -> None:
        """Starts the first job of the member's line, or queues it."""
        job = self._lines[member_id][0]
        if job.body is None:
            if not job.future.done():
                job.future.set_result(None)
        else:
            self._turns.put(Asker(job.network, member_id), job)
            self._begin()

    def _begin(self) -> None:
        if self._running is not None or self._is_closed or (turn := self._turns.take()) is None:
            return
        _, job = turn
        self._running = asyncio.create_task(self._run(job))
        self._running.add_done_callback(partial(self._end, job))

    async def _run(self, job: _Job) -> tuple[Rendered, float]:
        """The rendered body, and its seconds here and in the process."""
        assert job.body is not None
        began_at = perf_counter()
        people = job.find_people(job.body)
        seconds = perf_counter() - began_at
        run = asyncio.get_running_loop().run_in_executor
        rendered, rendering_seconds = await run(self._thread, self._process.render, job.body, people)
        return rendered, seconds + rendering_seconds

    def _end(self, job: _Job, running: "asyncio.Task[tuple[Rendered, float]]") -> None:
        self._running = None
        self._turns.end_turn(job.network)
        rendered = None
        try:
            rendered, seconds = running.result()
        except asyncio.CancelledError:
            pass
        except RenderingFailed as error:
            logger.error("A body of %d characters was refused: %s", len(job.body or ""), error)
        except Exception:
            logger.exception("A body of %d characters was refused", len(job.body or ""))
        else:
            self._budget.charge_cpu(job.network, seconds)
        if not job.future.done():
            if rendered is not None:
                job.future.set_result(rendered)
            else:
                job.future.set_exception(_unavailable("The message could not be prepared just now. Try again."))
        # After the caller of this job has continued: its member and network are then last in their lines.
        asyncio.get_running_loop().call_soon(self._begin)

    async def close(self) -> None:
        """Renders the waiting bodies. If cancelled, it refuses the rest. Refuses all later bodies."""
        self._is_closing = True
        try:
            while self._lines:
                first = [line[0].future for line in self._lines.values()]  # One per waiting member.
                await asyncio.wait(first)
                await asyncio.sleep(0)  # Lets their callers continue.
        finally:
            self._is_closed = True
            for line in self._lines.values():
                for job in line:
                    if not job.future.done():
                        job.future.set_exception(_unavailable("The server is restarting. Try again."))
            self._process.kill()
            self._thread.submit(self._process.close)
            self._thread.shutdown(wait=False)


def _unavailable(detail: str) -> Refusal:
    return Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=RETRY_SECONDS)
