"""A room's connections in one process, and the tick that gathers what happens into frames for them."""

import asyncio

from . import protocol
from .connection import Connection, Frame

WAIT_LIMIT_SECONDS = 0.1  # The longest that a busy room gathers: what a reader doesn't notice.


class Audience:
    """Everybody here gets every event once, in order, encoded once.

    An idle room's event goes out at once. After a fan-out that took t, the next waits for about t; what comes
    meanwhile shares its frame. So a busy room costs members x frames instead of members x events, and never more
    than about half of the process's time.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        # Connections that came since the last tick, with how many of the pending events their welcome told already.
        self._newcomers: dict[Connection, int] = {}
        self._pending: list[bytes] = []
        self._tick: asyncio.Handle | None = None
        self._next_tick_at = 0.0

    def __len__(self) -> int:
        return len(self._connections) + len(self._newcomers)

    def admit(self, connection: Connection) -> None:
        """Sends whatever is emitted from now on to this connection, too."""
        if self._pending:
            self._newcomers[connection] = len(self._pending)
        else:
            self._connections.add(connection)

    def dismiss(self, connection: Connection) -> None:
        self._connections.discard(connection)
        self._newcomers.pop(connection, None)

    def emit(self, event: bytes) -> None:
        """Sends an encoded event to everybody: at once in an idle room, in the next frame of a busy one."""
        self._pending.append(event)
        if self._tick is None:
            wait = self._next_tick_at - self._loop.time()
            fan_out = self._fan_out
            self._tick = self._loop.call_later(wait, fan_out) if wait > 0 else self._loop.call_soon(fan_out)

    def reply(self, connection: Connection, event: bytes) -> None:
        """Sends an event to one connection, behind everything that was emitted before it."""
        if not connection.is_open:
            return
        if self._pending:
            known = self._newcomers.get(connection, 0)
            connection.answer(Frame(protocol.frame([*self._pending[known:], event])))
            self._connections.discard(connection)
            self._newcomers[connection] = len(self._pending)
        else:
            connection.answer(Frame(protocol.frame([event])))

    def _fan_out(self) -> None:
        """Hands what is pending to everybody."""
        started_at = self._loop.time()
        events, self._pending = self._pending, []
        newcomers, self._newcomers = self._newcomers, {}
        frame = Frame(protocol.frame(events))
        for connection in self._connections:
            connection.send(frame)
        for connection, known in newcomers.items():
            if known < len(events):
                connection.send(Frame(protocol.frame(events[known:])))
        self._connections.update(newcomers)
        # Behind the writers that the frames have woken: only then is it known what they took.
        self._tick = self._loop.call_soon(self._settle, started_at)

    def _settle(self, started_at: float) -> None:
        now = self._loop.time()
        self._next_tick_at = now + min(now - started_at, WAIT_LIMIT_SECONDS)
        self._tick = self._loop.call_at(self._next_tick_at, self._fan_out) if self._pending else None

    def close(self) -> None:
        """Ends the tick; what is pending is not sent."""
        if self._tick is not None:
            self._tick.cancel()
