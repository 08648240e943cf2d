"""When work for an address begins on the event loop (addresses are networks of `client_address.client_network`).

An address has a budget of CPU time (`ADDRESS_CPU`). While it has some left, a few pieces of its work begin in each
iteration of the event loop, so that 200 connections that send at the same moment aren't all served before another's.
While the budget is nearly used up, one piece is done at a time. While the address is in debt, none begins. What waits
is in order for each member, and the members of the address take turns. No other address waits for it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from time import monotonic, perf_counter
from types import coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from chat.access.rate_limits import Bucket, Limiter, Rate, current_limiter, too_much
from chat.log.turns import Asker, Turns
from chat.protocol.errors import Refusal

logger = logging.getLogger(__name__)

BEGIN_AT_ONCE = 4  # Pieces of work of an address, in one iteration of the event loop. Most take 0.1 to 0.3 ms of it.
NEARLY_EMPTY = 0.9  # The used share of the budget from which on one piece is done at a time.
WAIT_SECONDS = 5  # Then the work is refused, and its client asks again.
WAITING_BYTES = 1024 * 1024  # Of an address.
WAITER_BYTES = 4_000  # The memory for work that waits, without its text.
_warnings = Bucket(Rate(1, 1 / 60))  # One warning a minute is enough.

T = TypeVar("T")


class _Waiter:
    """A piece of work that waits for its turn."""

    __slots__ = ("future", "places", "size")

    def __init__(self, size: int) -> None:
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.places: set[Asker] = set()
        self.size = size


class _Line:
    """What waits of one address."""

    __slots__ = ("size", "timer", "turns")

    def __init__(self) -> None:
        self.turns: Turns[_Waiter] = Turns()
        self.size = 0  # Bytes.
        self.timer: asyncio.TimerHandle | None = None  # For the end of the debt.


class AddressTurns:
    """Begins the work of each address as far as its budget allows. It charges nothing itself, except in `pay`."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter
        self._begun: Counter[str] = Counter()  # In this iteration of the event loop.
        self._in_work: Counter[str] = Counter()
        self._lines: dict[str, _Line] = {}
        self._next: asyncio.Handle | None = None

    async def begin(self, asker: Asker, size: int = 0) -> None:
        """Returns when a piece of the asker's work may begin. Then `end` must follow. `size`: the bytes that wait.

        Without a budget (`ADDRESS_CPU=0`) it may wait as long as it takes.

        Raises:
            Refusal: `rate_limited`, too much waits already, or it has waited for too long.
        """
        network = asker.network
        if network not in self._lines and self._may_begin(network):
            self._let_in(network)
            return
        line = self._lines.setdefault(network, _Line())
        waiter = _Waiter(size + WAITER_BYTES)
        if self._limiter.limits_cpu and line.size + waiter.size > WAITING_BYTES:
            raise self._refusal(network)
        line.turns.put(asker, waiter)
        line.size += waiter.size
        self._advance(network)
        timer = None
        if self._limiter.limits_cpu:
            timer = asyncio.get_running_loop().call_later(WAIT_SECONDS, self._give_up, network, waiter)
        try:
            await waiter.future
        except asyncio.CancelledError:
            if waiter.places:
                self._remove(network, waiter)
            elif waiter.future.done() and not waiter.future.cancelled() and waiter.future.exception() is None:
                self.end(network)
            raise
        finally:
            if timer is not None:
                timer.cancel()

    def end(self, network: str) -> None:
        """Ends a piece of work that has begun. Its cost should be charged before."""
        self._in_work[network] -= 1
        if not self._in_work[network]:
            del self._in_work[network]
        if network in self._lines:
            self._advance(network)

    async def pay(self, asker: Asker, seconds: float) -> None:
        """Returns when the asker's network may have work of a known cost done, and charges it.

        Raises:
            Refusal: as `begin`.
        """
        await self.begin(asker)
        self._limiter.charge_cpu(asker.network, seconds)
        self.end(asker.network)

    def _may_begin(self, network: str) -> bool:
        used = self._limiter.cpu_used(network)
        if used > NEARLY_EMPTY:
            return used <= 1 and not self._in_work[network]
        return self._begun[network] < BEGIN_AT_ONCE

    def _let_in(self, network: str) -> None:
        self._begun[network] += 1
        self._in_work[network] += 1
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._begin_iteration)

    def _begin_iteration(self) -> None:
        self._next = None
        self._begun.clear()
        for network in list(self._lines):
            self._advance(network)

    def _advance(self, network: str) -> None:
        """Begins what may begin of an address that has a line. Else sees to it that this is called again."""
        line, has_begun = self._lines[network], False
        while self._may_begin(network) and (turn := line.turns.take()) is not None:
            line.size -= turn[1].size
            if not turn[1].future.done():
                turn[1].future.set_result(None)
                self._let_in(network)
                has_begun = True
        if has_begun:
            self._begun[network] = BEGIN_AT_ONCE  # What comes later doesn't pass these: they run in the next iteration.
        if not line.size:
            self._drop(network)
        elif line.timer is None and (wait := self._limiter.cpu_wait(network)):
            line.timer = asyncio.get_running_loop().call_later(wait, self._end_debt, network)

    def _end_debt(self, network: str) -> None:
        self._lines[network].timer = None
        self._advance(network)

    def _give_up(self, network: str, waiter: _Waiter) -> None:
        if waiter.places and not waiter.future.done():
            waiter.future.set_exception(self._refusal(network))
            self._remove(network, waiter)

    def _refusal(self, network: str) -> Refusal:
        if not _warnings.take(1, monotonic()):
            logger.warning(
                "ADDRESS_CPU is used up by %s; where that is a proxy, TRUSTED_PROXIES should name it", network
            )
        return too_much(max(1, self._limiter.cpu_wait(network)))

    def _remove(self, network: str, waiter: _Waiter) -> None:
        line = self._lines[network]
        line.turns.discard(waiter)
        line.size -= waiter.size
        if not line.size:
            self._drop(network)

    def _drop(self, network: str) -> None:
        if (timer := self._lines.pop(network).timer) is not None:
            timer.cancel()


@coroutine
def metered(work: Coroutine[Any, Any, T], charge: Callable[[float], object]) -> Generator[Any, Any, T]:
    """Awaits `work`, and calls `charge` with the seconds that each of its steps takes on the event loop.

    They are seconds of the clock: the thread's CPU clock would be a system call for each step (6 us instead of 0.6).
    """
    step: Callable[[Any], Any] = work.send
    argument: Any = None
    while True:
        began_at = perf_counter()
        try:
            awaited = step(argument)
        except StopIteration as ended:
            result: T = ended.value
            return result
        finally:
            charge(perf_counter() - began_at)
        try:
            argument, step = (yield awaited), work.send
        except BaseException as error:  # Such as the task's cancellation.
            argument, step = error, work.throw


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, AddressTurns]" = WeakKeyDictionary()


def current_turns() -> AddressTurns:
    """The running event loop's turns."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = AddressTurns(current_limiter())
    return _by_loop[loop]
