"""A session's connection over HTTP: a stream of server-sent events, the answers to polls, or one request's answer."""

import asyncio

from chat.protocol.errors import CloseCode
from chat.rooms.connection import Frame, Note
from chat.transports.connections import FrameQueue


class Outbox(FrameQueue):
    """Frames that wait for whoever fetches them: the writer of a stream, or the next poll."""

    def __init__(self, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self.is_restarting = False
        self._ready = asyncio.Event()

    def _wake(self) -> None:
        self._ready.set()

    def abandon(self) -> None:
        super().abandon()
        self._ready.set()  # Whoever waits has nothing to wait for any more.

    def end(self, code: CloseCode, after: float) -> None:
        """The process was told to stop: the member comes back to another one and isn't seen to leave."""
        self.is_restarting = True
        self.close(code, reconnect=True, after=after)

    @property
    def is_empty(self) -> bool:
        return not self._queue

    async def wait(self) -> None:
        """Returns when there is something to take, or never will be."""
        while self.is_open and not self._queue:
            self._ready.clear()
            await self._ready.wait()

    def take(self) -> list[Frame]:
        """All that waits. It doesn't count as unsent any more."""
        frames = list(self._queue)
        self._clear()
        return frames


class StreamOutbox(Outbox):
    """A stream's. What the writer has taken and not sent yet counts as unsent."""

    def __init__(self, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self.too_slow = asyncio.Event()

    def drop(self) -> None:
        super().drop()
        self.too_slow.set()

    def take_next(self) -> Frame | None:
        """The next frame, which `sent` shall follow."""
        return self._queue.popleft() if self._queue else None

    def sent(self, frame: Frame) -> None:
        self.unsent = max(0, self.unsent - len(frame))


class PollOutbox(Outbox):
    """Polls'. A pulse alone is no reason to answer one: the newest is kept for when there is nothing else to say."""

    def __init__(self, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self.pulse: Frame | None = None

    def probe(self, frame: Frame) -> None:
        if frame.is_pulse:
            self.pulse = frame
        else:
            self.send(frame)


class Collected:
    """What answers a request's commands: up to `limit` bytes, and one answer beyond."""

    is_open = True
    is_restarting = False

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.frames: list[Frame] = []
        self.close_code: CloseCode | None = None

    def send(self, frame: Frame) -> None:
        self.frames.append(frame)

    answer = probe = send

    @property
    def is_full(self) -> bool:
        return sum(map(len, self.frames)) > self._limit

    def cut_off_if_silent(self) -> None:
        """Nothing: it waits for no client."""

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        self.close_code = code

    def abandon(self) -> None:
        """Nothing: the request ends by itself."""
