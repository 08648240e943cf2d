"""A room's connections in one process, and the tick that batches events into frames for them."""

import asyncio
import random
from collections.abc import Callable

from chat.counters import counters
from chat.protocol import codec
from chat.rooms.connection import Connection, Frame, Reached

WAIT_LIMIT_SECONDS = 0.1  # The longest tick of a busy room: readers don't notice it.
PENDING_BYTES = 1024 * 1024  # The most that a tick batches. A larger frame is sent at once.
BEATS = 8  # Per pulse. Each beat serves an eighth of the members, so nobody waits for 5,000 answers.
TOGETHER = 16  # Members who share a turn: a small room has one, and one frame for all.


class Broadcaster:
    """Sends every event to every connection once, in order, encoded once.

    An idle room's event goes out at once. After a fan-out that took t, the next one waits for about t, and the events
    of this time share its frame. So a busy room costs members x frames instead of members x events, and never more
    than about half of the process's time.

    `pulse()` returns the encoded event that all connections get every few seconds. `reached()` returns the version that
    a connection has reached which was sent all emitted events.
    """

    def __init__(self, pulse: Callable[[], bytes], reached: Callable[[], Reached | None] = lambda: None) -> None:
        self._loop = asyncio.get_running_loop()
        self._pulse = pulse
        self._reached = reached
        self._turns: dict[Connection, int] = {}  # The beat of each connection's pulse.
        self._next_turn = random.randrange(BEATS)
        self._turn_sizes = [0] * BEATS  # The connections of each beat.
        self.beats = 0  # A bit for each beat in which a connection has its turn.
        # Connections added since the last tick, each with the number of pending events that its welcome included.
        self._newcomers: dict[Connection, int] = {}
        self._pending: list[bytes] = []
        self._pending_size = 0
        self._due: set[int] = set()  # Beats whose pulse goes with the next frame.
        self._tick: asyncio.Handle | None = None
        self._next_tick_at = 0.0

    def __len__(self) -> int:
        return len(self._turns)

    def admit(self, connection: Connection) -> None:
        """Adds a connection: it gets all later events."""
        if len(self._turns) % TOGETHER == 0:
            self._next_turn = (self._next_turn + 1) % BEATS
        self.dismiss(connection)
        self._turns[connection] = turn = self._next_turn
        self._turn_sizes[turn] += 1
        self.beats |= 1 << turn
        if self._pending:
            self._newcomers[connection] = len(self._pending)

    def dismiss(self, connection: Connection) -> None:
        if (turn := self._turns.pop(connection, None)) is not None:
            self._turn_sizes[turn] -= 1
            if not self._turn_sizes[turn]:
                self.beats &= ~(1 << turn)
        self._newcomers.pop(connection, None)

    def emit(self, event: bytes) -> None:
        """Sends an encoded event to everybody: at once in an idle room, in the next frame of a busy one."""
        self._pending.append(event)
        self._pending_size += len(event)
        if self._pending_size > PENDING_BYTES:
            if self._tick is not None:
                self._tick.cancel()
            self._fan_out()
        else:
            self._wake()

    def _wake(self) -> None:
        if self._tick is None:
            wait = self._next_tick_at - self._loop.time()
            fan_out = self._fan_out
            self._tick = self._loop.call_later(wait, fan_out) if wait > 0 else self._loop.call_soon(fan_out)

    def beat(self, beat: int) -> None:
        """Sends the pulse and a ping to the connections of this beat."""
        if self._turn_sizes[beat]:
            self._due.add(beat)
            self._wake()

    def cut_off_silent(self, beat: int) -> None:
        """Closes connections that haven't answered since their last beat."""
        for connection, turn in self._turns.items():
            if turn == beat:
                connection.cut_off_if_silent()

    def reply(self, connection: Connection, event: bytes) -> None:
        """Sends an event to one connection, behind everything that was emitted before it.

        One that isn't here (the answer to a request) gets the event alone.
        """
        if not connection.is_open:
            return
        if self._pending and connection in self._turns:
            known = self._newcomers.get(connection, 0)
            connection.answer(self._frame([*self._pending[known:], event]))
            self._newcomers[connection] = len(self._pending)
        else:
            connection.answer(self._frame([event]))

    def _frame(self, events: list[bytes]) -> Frame:
        return Frame(codec.frame(events), self._reached())

    def _fan_out(self) -> None:
        """Sends the pending events to everybody."""
        started_at = self._loop.time()
        events, self._pending, self._pending_size = self._pending, [], 0
        newcomers, self._newcomers = self._newcomers, {}
        due, self._due = self._due, set()
        counters.deliveries += len(events) * len(self._turns)
        if due or newcomers:
            self._hand_out(events, due, newcomers)
        else:
            frame = self._frame(events)
            for connection in self._turns:
                connection.send(frame)
        if len(self._turns) <= TOGETHER:
            self._settle(started_at)  # Their time is too short to be worth another turn of the loop.
        else:  # This runs after the writers that the frames woke, so that their time is measured, too.
            self._tick = self._loop.call_soon(self._settle, started_at)

    def _hand_out(self, events: list[bytes], due: set[int], newcomers: dict[Connection, int]) -> None:
        """Sends each connection the events that it lacks, and the pulse if it is due. Equal frames are made once."""
        pulse = self._pulse()
        frames: dict[tuple[int, bool], Frame] = {}
        for connection, turn in self._turns.items():
            known, is_due = newcomers.get(connection, 0), turn in due
            if known == len(events) and not is_due:
                continue
            if (frame := frames.get((known, is_due))) is None:
                told = [*events[known:], pulse] if is_due else events[known:]
                frame = frames[known, is_due] = self._frame(told)
            if is_due:
                connection.probe(frame)
            else:
                connection.send(frame)

    def _settle(self, started_at: float) -> None:
        now = self._loop.time()
        counters.fan_out.observe(now - started_at)
        self._next_tick_at = now + min(now - started_at, WAIT_LIMIT_SECONDS)
        self._tick = self._loop.call_at(self._next_tick_at, self._fan_out) if self._pending or self._due else None

    def close(self) -> None:
        """Ends the tick without sending pending events."""
        if self._tick is not None:
            self._tick.cancel()
