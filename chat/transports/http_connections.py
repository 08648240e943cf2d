"""A session's connection over HTTP: a stream of server-sent events, the answers to polls, or one request's answer."""

import asyncio
from collections.abc import Callable

from chat.protocol.errors import CloseCode
from chat.protocol.events import Bye
from chat.rooms.connection import Frame, Note
from chat.transports.connections import FrameQueue
from chat.transports.extensions import RawRequest


class Outbox(FrameQueue):
    """Frames that wait for the writer of a stream, or for the next poll."""

    def __init__(self, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self.is_restarting = False

    def abandon(self) -> None:
        super().abandon()
        self._wake()  # No frame will come any more: waiting ends.

    def end(self, code: CloseCode, after: float) -> None:
        """The process was told to stop: the member comes back to another one and isn't seen to leave."""
        self.is_restarting = True
        self.close(code, reconnect=True, after=after)

    @property
    def is_empty(self) -> bool:
        return not self._queue

    def take(self) -> list[Frame]:
        """All that waits. It doesn't count as unsent any more."""
        frames = list(self._queue)
        self._clear()
        return frames


class StreamOutbox(Outbox):
    """A stream's, for any ASGI server. What the writer has taken and not sent yet counts as unsent."""

    def __init__(self, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self.too_slow: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._ready = asyncio.Event()

    def _wake(self) -> None:
        self._ready.set()

    async def wait(self) -> None:
        """Returns when there is something to take, or never will be."""
        while self.is_open and not self._queue:
            self._ready.clear()
            await self._ready.wait()

    def drop(self) -> None:
        super().drop()
        if not self.too_slow.done():
            self.too_slow.set_result(None)

    def take_next(self) -> Frame | None:
        """The next frame, which `sent` shall follow."""
        return self._queue.popleft() if self._queue else None

    def sent(self, frame: Frame) -> None:
        self.unsent = max(0, self.unsent - len(frame))


class RawStream:
    """A stream's connection for servers that offer the transport: what a fan-out costs is one write a member.

    Frames wait here until the response begins. `ended` is done when nothing more will be written.
    """

    def __init__(self, raw: RawRequest, unsent_limit: int, note: Note) -> None:
        self._raw = raw
        self._transport = raw.transport
        self._note = note
        self._unsent_limit = unsent_limit
        self._allowance = unsent_limit
        self._held: list[Frame] | None = []
        self.is_open = True
        self.is_restarting = False
        self.close_code: CloseCode | None = None
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, frame: Frame) -> None:
        if not self.is_open:
            return
        unsent = self.unsent
        if unsent > self._allowance:
            self.drop()
        elif self._held is not None:
            self._held.append(frame)
        elif not self._transport.is_closing():
            if unsent:
                self._note(self)
            self._transport.write(frame.chunk)

    probe = send

    def cut_off_if_silent(self) -> None:
        """Nothing: a stream's client says nothing. TCP's own time limits notice one that is gone."""

    def answer(self, frame: Frame) -> None:
        self.send(frame)
        self._allowance = self._unsent_limit + len(frame)
        self._note(self)

    @property
    def unsent(self) -> int:
        if self._held is not None:
            return sum(map(len, self._held))
        return 0 if self._transport.is_closing() else self._transport.get_write_buffer_size()

    def begin(self) -> None:
        """The response has begun: what waited is written, and from now on everything at once."""
        if not self._raw.is_open:
            self.abandon()
            return
        for frame in self.take():
            self._transport.write(frame.chunk)
        self._held = None

    def take(self) -> list[Frame]:
        """What waited for the response's beginning."""
        held, self._held = self._held or [], []
        return held

    def drop(self) -> None:
        self.close_code = CloseCode.TOO_SLOW
        self.abandon()
        self._raw.abort()

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        if self.is_open:
            self.close_code = code
            self.send(Frame.of(Bye(code, reconnect, after)))
            self.abandon()

    def end(self, code: CloseCode, after: float) -> None:
        """As `Outbox.end`."""
        self.is_restarting = True
        self.close(code, reconnect=True, after=after)

    def abandon(self) -> None:
        self.is_open = False
        if not self.ended.done():
            self.ended.set_result(None)


class PollOutbox(Outbox):
    """Polls'. A pulse alone is no reason to answer one: the newest is kept for when there is nothing else to say."""

    def __init__(self, unsent_limit: int, note: Note) -> None:
        super().__init__(unsent_limit, note)
        self.pulse: Frame | None = None
        self.when_ready: Callable[[], None] | None = None  # Of the poll that waits.

    def _wake(self) -> None:
        if self.when_ready is not None:
            self.when_ready()

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
