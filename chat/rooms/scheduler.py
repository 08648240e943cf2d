"""Periodic work of a process, spread over time so that no part of it holds the event loop up.

Work over all rooms is done in slices (`in_slices`), or each room has its own time (`PulseWheel`).
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

from chat.counters import counters
from chat.log.reader import LogUnavailable
from chat.protocol.constants import PULSE_SECONDS
from chat.rooms.broadcaster import BEATS
from chat.rooms.send_buffers import current_send_buffers

logger = logging.getLogger(__name__)
T = TypeVar("T")

PARTS = 20  # Of a beat. Each room has its turn in one of them: with 10,000 small rooms, 60 have their pulse at a time.
PART_SECONDS = PULSE_SECONDS / BEATS / PARTS
ANSWER_BEATS = 6  # 3 s to answer a pulse. With the pulse and the grace, a member whose cable was pulled is gone in 9.
LATE_SECONDS = 0.5  # A wheel that is this late was asleep, or the loop is overloaded: answers may be waiting unread.


class Scheduler:
    """Tasks that do something every few seconds."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def repeat(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Does `work` every few seconds from now on, even if it failed."""
        self._tasks.append(asyncio.create_task(_repeat(seconds, work)))

    async def close(self) -> None:
        """Ends the tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except LogUnavailable as error:
            logger.warning("The database can't be reached: %s", error)
        except Exception:
            logger.exception("%s failed", work.__qualname__)


def in_slices(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """The items as they are now, `size` at a time: await something after each."""
    everything = list(items)
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


class Pulsed(Protocol):
    """What has pulses: a room's hub."""

    @property
    def beats(self) -> int:
        """A bit for each beat in which a connection has its turn."""

    def beat(self, beat: int) -> None: ...
    def cut_off_silent(self, beat: int) -> None: ...


class PulseWheel:
    """The pulses of all rooms. Who doesn't answer one is cut off before the next.

    A pulse has BEATS beats, and a beat has PARTS parts. A room belongs to one part of each beat, in which those of its
    members have their pulse whose turn the beat is. So a large room's pulses are spread over its members, and small
    rooms' over the rooms.
    """

    def __init__(self) -> None:
        self._rooms: list[dict[Pulsed, None]] = [{} for _ in range(PARTS)]
        self._number = 0
        self._next = 0
        self._due_at = asyncio.get_running_loop().time() + PART_SECONDS  # When the next part is.
        self._patient_until = 0.0  # Nobody is cut off before.

    def add(self, room: Pulsed) -> None:
        """Gives the room a part of its own, in turn."""
        self._next = (self._next + 1) % PARTS
        self._rooms[self._next][room] = None

    def remove(self, room: Pulsed) -> None:
        for part in self._rooms:
            part.pop(room, None)

    async def turn(self) -> None:
        """Pulses those whose turn has come. Call it every PART_SECONDS. It makes up for one beat at most."""
        now = asyncio.get_running_loop().time()
        counters.loop_lag.observe(max(now - self._due_at, 0))
        if now - self._due_at > LATE_SECONDS:
            self._due_at = max(self._due_at, now - PARTS * PART_SECONDS)
            self._patient_until = now + ANSWER_BEATS * PARTS * PART_SECONDS
        while self._due_at <= now:
            self._due_at += PART_SECONDS
            self._turn_part(may_cut_off=now >= self._patient_until)

    def _turn_part(self, *, may_cut_off: bool) -> None:
        self._number += 1
        beat, part = divmod(self._number, PARTS)
        if part == 0:
            current_send_buffers().look()
        due, silent = beat % BEATS, (beat - ANSWER_BEATS) % BEATS
        for room in list(self._rooms[part]):
            if room.beats >> due & 1:
                room.beat(due)
            if may_cut_off and room.beats >> silent & 1:
                room.cut_off_silent(silent)
