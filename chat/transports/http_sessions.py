"""The sessions over HTTP of one process, by member, room and the UUID that the client chose."""

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

from chat.counters import counters
from chat.protocol.errors import CloseCode
from chat.protocol.fields import MemberId
from chat.rooms.connection import Reached
from chat.sessions.session import ClientSession
from chat.transports.http_connections import Outbox, PollOutbox, RawStream, StreamOutbox
from chat.transports.http_requests import POLL_SECONDS, joined_payloads

IDLE_SECONDS = 10  # Without a poll the session ends after this.
ABORTED_SECONDS = 2  # The same after a poll whose client went: with the grace of presence, its member leaves in 4 s.


class Key(NamedTuple):
    """Names a session. Another member who names the same UUID names another session."""

    slug: str
    member_id: MemberId
    session: UUID


class HttpSession:
    """A client's session and where its events wait. `on_close()` is called once."""

    def __init__(
        self, key: Key, session: ClientSession, outbox: Outbox | RawStream, on_close: Callable[[], None]
    ) -> None:
        self.key = key
        self.session = session
        self._outbox = outbox
        self._on_close = on_close
        self.is_closed = False

    def note_request(self) -> None:
        """A request of the client has come: it lives."""

    def replace(self) -> None:
        """The same client begins anew: what it had before ends."""
        self._outbox.close(CloseCode.GOING_AWAY, reconnect=False)
        self.close()

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.session.close()
            self._on_close()


class StreamSession(HttpSession):
    """A stream's: it ends with its request.

    A proxy, or a network that is gone without a word, may take a stream's bytes for ever. So a client can promise that
    its requests come at least every so many seconds (`alive`).
    """

    _outbox: RawStream | StreamOutbox

    def __init__(
        self,
        key: Key,
        session: ClientSession,
        outbox: RawStream | StreamOutbox,
        on_close: Callable[[], None],
        alive: float | None,
    ) -> None:
        super().__init__(key, session, outbox, on_close)
        self._alive = alive
        self._timer: asyncio.TimerHandle | None = None
        counters.streams += 1
        self.note_request()

    def note_request(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._alive is not None and not self.is_closed:
            self._timer = asyncio.get_running_loop().call_later(self._alive, self._outbox.drop)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        counters.streams -= not self.is_closed
        super().close()

    def replace(self) -> None:
        """As above; its request, which says `bye` first, closes it."""
        self._outbox.close(CloseCode.GOING_AWAY, reconnect=False)


class PollSession(HttpSession):
    """A polling client's: it lives from poll to poll, and for IDLE_SECONDS after the last one."""

    _outbox: PollOutbox

    def __init__(self, key: Key, session: ClientSession, outbox: PollOutbox, on_close: Callable[[], None]) -> None:
        super().__init__(key, session, outbox, on_close)
        counters.polls += 1
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._reached: Reached | None = None  # With what was taken last.
        self._waiting: asyncio.Future[None] | None = None  # Of the poll that waits; a newer one takes its place.

    async def poll(
        self, gone: "asyncio.Future[None]", seconds: float = POLL_SECONDS, *, is_last: bool = True
    ) -> bytes | None:
        """What happened since the poll before, as soon as there is something; None where the client has `gone`.

        After so many seconds it is the pulse; no bytes at all where another call continues this one.
        """
        self._stop_timer()
        if self._waiting is not None:
            _wake(self._waiting)
        waiting = self._waiting = self._loop.create_future()
        wake = partial(_wake, waiting)  # One future for all that ends it: this runs for each event of each member.
        timeout = self._loop.call_later(seconds, wake)
        gone.add_done_callback(wake)
        self._outbox.when_ready = wake
        if self.has_news:
            wake()
        try:
            await waiting
        finally:
            timeout.cancel()
            gone.remove_done_callback(wake)
            if is_newest := self._waiting is waiting:
                self._waiting = self._outbox.when_ready = None
                self._start_timer(ABORTED_SECONDS if gone.done() else IDLE_SECONDS)
        if not is_newest:
            return b"[]"
        if gone.done():
            return None
        return self.take() if is_last or self.has_news else b""

    def is_behind(self, reached: Reached | None) -> bool:
        """Whether its client, which has `reached` so much, has got further elsewhere and knows what waits here.

        It began anew at another process while this one could not be reached.
        """
        if reached is None or self._reached is None:
            return False
        (log, version), (own_log, own_version) = reached, self._reached
        return log != own_log or version > own_version

    @property
    def has_news(self) -> bool:
        """Whether a poll would be answered at once."""
        return not (self._outbox.is_open and self._outbox.is_empty)

    def take_first(self) -> bytes:
        """The first answer, which begins with `welcome`: a pulse that came since has nothing to add."""
        self._outbox.pulse = None
        return self.take()

    def take(self) -> bytes:
        """All that waits, or else the newest pulse. A session that said `bye` is over."""
        outbox = self._outbox
        frames = outbox.take()
        self._reached = next((frame.reached for frame in reversed(frames) if frame.reached is not None), self._reached)
        if (pulse := outbox.pulse) is not None and (not frames or b'"epoch"' in pulse.payload):
            frames.insert(0, pulse)
        outbox.pulse = None
        if not outbox.is_open:
            self.close()
        return joined_payloads(frames)

    def wait_for_poll(self, gone: "asyncio.Future[None]") -> None:
        """The first answer is on its way: the next poll shall follow."""
        if self._waiting is None and self._timer is None:  # It may have come already.
            self._start_timer(ABORTED_SECONDS if gone.done() else IDLE_SECONDS)

    def restart(self, after: float) -> None:
        """The process was told to stop: the member comes back to another one, and isn't seen to leave."""
        self._outbox.end(CloseCode.RESTARTING, after)

    def _start_timer(self, seconds: float) -> None:
        if not self.is_closed:
            self._timer = self._loop.call_later(seconds, self.close)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def close(self) -> None:
        self._stop_timer()
        counters.polls -= not self.is_closed
        super().close()


def _wake(waiting: "asyncio.Future[None]", _: object = None) -> None:
    if not waiting.done():
        waiting.set_result(None)


class HttpSessions:
    """This process's sessions."""

    def __init__(self) -> None:
        self._sessions: dict[Key, HttpSession] = {}
        self.on_end: Callable[[Key], None] = lambda key: None

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._sessions)

    def find(self, key: Key) -> HttpSession | None:
        return self._sessions.get(key)

    def add_stream(
        self, key: Key, session: ClientSession, outbox: RawStream | StreamOutbox, alive: float | None = None
    ) -> StreamSession:
        stream = StreamSession(key, session, outbox, partial(self._forget, key), alive)
        self._put(stream)
        return stream

    def add_poll(self, key: Key, session: ClientSession, outbox: PollOutbox) -> PollSession:
        poll = PollSession(key, session, outbox, partial(self._forget, key))
        self._put(poll)
        return poll

    def close(self, key: Key, session: ClientSession) -> None:
        """Ends this session, whether or not it was added."""
        found = self._sessions.get(key)
        if found is not None and found.session is session:
            found.close()
        else:
            session.close()

    def _put(self, session: HttpSession) -> None:
        before = self._sessions.get(session.key)
        self._sessions[session.key] = session
        if before is not None:
            before.replace()

    def _forget(self, key: Key) -> None:
        found = self._sessions.get(key)
        if found is not None and found.is_closed:  # Else another one has taken its place.
            del self._sessions[key]
            self.on_end(key)


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, HttpSessions]" = WeakKeyDictionary()


def current_sessions() -> HttpSessions:
    """The running event loop's."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = HttpSessions()
    return _by_loop[loop]
