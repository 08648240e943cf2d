"""One room in one process: the version it has reached, and everybody here who wants to know.

Everything here runs on the event loop. Between two awaits nothing else happens, which is what makes a join without
a gap possible: the welcome and the place in the audience are one step.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from msgspec import UNSET, Raw

from . import mentions, pages, protocol
from .attendance import Attendance, IsShut
from .audience import Audience
from .connection import Connection, Frame
from .log import Log, Opening, Reading, RoomRow, RoomState
from .mentions import People
from .peers import Held, IsTyping, Item, News, Released, Written
from .presence import Share, Shares
from .protocol import (
    Changes,
    CloseCode,
    Event,
    Found,
    History,
    Member,
    MemberId,
    Pulse,
    RoomInfo,
    RoomNow,
    Search,
    Since,
    TypingNow,
    Welcome,
    or_unset,
)
from .ring import Entry, Ring
from .search import Wanted
from .words import Phrase

logger = logging.getLogger(__name__)

HOLE_SECONDS = 0.05  # A version that is late by more than a trip through Redis is read from the log.

Tell = Callable[[str, Item], None]


class RoomHub:
    """A room, opened: `tell(name, item)` reaches the other processes, `on_empty(hub)` is called when nobody is left.

    A member may resume over `resume_limit` changes, and gets messages of `answer_limit` bytes in one answer.
    """

    def __init__(
        self,
        room: RoomRow,
        opening: Opening,
        log: Log,
        process: str,
        *,
        tell: Tell,
        on_empty: Callable[["RoomHub"], None],
        resume_limit: int,
        answer_limit: int,
        build: str,
    ) -> None:
        self.room = room
        self.arriving = 0  # Joins under way.
        self._log = log
        self._tell = tell
        self._on_empty = on_empty
        self._resume_limit = resume_limit
        self._answer_limit = answer_limit
        self._build = build

        self.rules, self.about = opening.rules, opening.about
        self._open(opening)
        self._ahead: dict[int, Entry] = {}  # Versions that came before their turn.
        self._hole_timer: asyncio.TimerHandle | None = None
        self._filling: asyncio.Task[None] | None = None
        self._deepening = asyncio.Lock()

        self._audience = Audience(lambda: protocol.encode(Pulse(self.head, self._attendance.online)))
        self._attendance = Attendance(
            process,
            announce=self._emit,
            tell=lambda change: self._tell(self.room.name, change),
            on_departure=self._departed,
        )

    # --- members ---

    @property
    def is_empty(self) -> bool:
        return not self._attendance.has_own and not self.arriving

    @property
    def own_share(self) -> Share:
        return self._attendance.own_share

    @property
    def connection_count(self) -> int:
        return len(self._audience)

    async def join(
        self,
        connection: Connection,
        member: Member,
        since: Since | None,
        *,
        network: str = "",
        is_moderator: bool = False,
        is_idle: bool = False,
    ) -> None:
        """Welcomes a connection, and from then on sends it whatever happens here.

        `network` is where bans by address look for it.

        Raises:
            LogUnavailable, RoomGone: the log was needed and couldn't be read.
        """
        if since is not None and since.log == self.room.log:
            await self._reach(since.version)
        if not connection.is_open:  # Gone while the log was read.
            return
        self._attendance.arrive(connection, member, network, is_idle=is_idle)
        self._audience.admit(connection)
        connection.answer(Frame.of(self._welcome(member, since, is_moderator)))

    def leave(self, connection: Connection, member_id: MemberId) -> None:
        """Forgets a connection. Its member leaves a moment after the last one, unless this process is stopping."""
        self._audience.dismiss(connection)
        self._attendance.leave(connection, member_id)

    def show_out(self, is_shut: IsShut) -> list[tuple[MemberId, str]]:
        """Closes all connections that may not be here any more; whose they were, and from where."""
        shown_out = self._attendance.show_out(is_shut)
        for connection, _, _ in shown_out:
            self._audience.dismiss(connection)
            connection.close(CloseCode.BANNED, reconnect=False)
        return [(member_id, network) for _, member_id, network in shown_out]

    def _departed(self) -> None:
        if self.is_empty:
            self._on_empty(self)

    def rename(self, member_id: MemberId, name: str) -> None:
        """Changes a member's name, a clean one, for everybody."""
        self._attendance.rename(member_id, name)

    def set_idle(self, connection: Connection, member_id: MemberId, is_idle: bool) -> None:
        """Nobody does anything at this connection's end, or somebody does again: its member may be away, or back."""
        self._attendance.set_idle(connection, member_id, is_idle)

    def author(self, member_id: MemberId) -> Member:
        """The member as it is called now."""
        return self._attendance.member(member_id)

    def name_of(self, member_id: MemberId) -> str:
        """As a member is called now; empty for one that isn't here."""
        return self._attendance.name_of(member_id)

    def people_in(self, body: str) -> People:
        """Those here whom the body may call by `@name`."""
        return self._attendance.called(mentions.candidates(body)) if "@" in body else mentions.NOBODY

    def type(self, member_id: MemberId) -> None:
        """Says that a member is typing, unless it was said a moment ago."""
        if self._attendance.may_type(member_id):
            self._emit(TypingNow(member_id))
            self._tell(self.room.name, IsTyping(member_id))

    def hear(self, news: News) -> None:
        """Takes what another process says."""
        for item in news.items:
            match item:
                case Written(entries):
                    self.apply(entries)
                case IsTyping(member_id):
                    self._emit(TypingNow(member_id))
                case Held() | Released():
                    self._attendance.hear(news.process, item)

    def take_state(self, state: RoomState) -> None:
        """Takes who may write here, and what the room is about, as the database has it."""
        before = self.info
        self.rules, self.about = state.rules, state.about
        if self.info != before:
            self._emit(RoomNow(self.info))

    @property
    def info(self) -> RoomInfo:
        """The room, as everybody here is told of it."""
        title = self.about.title or self.room.slug
        return RoomInfo(self.room.slug, title, self.about.topic, self.rules.locked, self.rules.slow)

    def reconcile(self, shares: Shares, read_at: float) -> None:
        """Compares the roster with the presence store, as it was at `read_at` (the loop's time) or later."""
        self._attendance.reconcile(shares, read_at)

    # --- the log ---

    def apply(self, entries: Iterable[Entry]) -> None:
        """Takes committed changes, of this process or another, in any order and any number of times."""
        for entry in entries:
            if entry.version == self.head + 1:
                self._take(entry)
            elif entry.version > self.head and len(self._ahead) < self._resume_limit:  # Else the log has it.
                self._ahead[entry.version] = entry
        while (next_entry := self._ahead.get(self.head + 1)) is not None:
            self._take(next_entry)
        if self._ahead and self._hole_timer is None:
            self._hole_timer = asyncio.get_running_loop().call_later(HOLE_SECONDS, self._close_hole)

    def _take(self, entry: Entry) -> None:
        self.head = entry.version
        self._ahead.pop(entry.version, None)  # It may have come twice.
        self._ring.add(entry)
        self._audience.emit(entry.encoded)

    def _close_hole(self) -> None:
        self._hole_timer = None
        if self._ahead:
            self.catch_up()

    def catch_up(self) -> "asyncio.Task[None]":
        """Reads what this hub has missed; one reading at a time, however many ask.

        The task raises LogUnavailable or RoomGone where the log couldn't be read: whoever looks at the heads next
        tries again.
        """
        if self._filling is None:
            self._filling = asyncio.create_task(self._fill())
            self._filling.add_done_callback(self._filled)
        return self._filling

    async def _fill(self) -> None:
        reading = await self._log.changes(self.room.id, self.head, self._resume_limit)
        if reading.is_cut:
            self._start_over(await self._log.opening(self.room.id, self._resume_limit))
        else:
            self._take_reading(reading)

    def _filled(self, task: "asyncio.Task[None]") -> None:
        self._filling = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("Room %s could not catch up with its log: %r", self.room.slug, error)

    def _take_reading(self, reading: Reading) -> None:
        if reading.head <= self.head:  # The group has told it all meanwhile.
            return
        news = [entry for entry in reading.entries if entry.version > self.head]
        if len(news) == reading.head - self.head:  # Every version is there: members see them one by one, as always.
            self.apply(news)
            return
        # A message changed twice meanwhile, and its first change is nowhere to be had: members get the sum of it all.
        since, self.head = self.head, reading.head
        for entry in news:
            self._ring.add(entry)
        self._told(Changes(since, _raw(entry.encoded for entry in news), since > 0, self.head, reset=False))

    def _start_over(self, opening: Opening) -> None:
        """Too much was missed to be told change by change."""
        if opening.changes.head <= self.head:  # The group has told it all meanwhile.
            return
        since = self.head
        self._open(opening)
        messages, more, _ = self._changed_after(-1)
        self._told(Changes(since, _raw(messages), more, self.head, reset=True))

    def _open(self, opening: Opening) -> None:
        self.head = opening.changes.head
        self._ring = Ring(self._resume_limit, opening.changes.floor, opening.page, opening.changes.entries)

    def _told(self, changes: Changes) -> None:
        self._emit(changes)
        self._ahead = {version: entry for version, entry in self._ahead.items() if version > self.head}
        self.apply(())

    async def _reach(self, since: int) -> None:
        """Makes the ring hold what changed after `since`, as far as members may resume. One reading serves a storm."""
        for _ in range(2):  # A reading that was under way may have begun too early; the next one hasn't.
            if since > self.head:  # The client was served by a process that is ahead of this one.
                await asyncio.shield(self.catch_up())
        if self._can_resume(since) and since < self._ring.floor:
            async with self._deepening:
                if since < self._ring.floor:
                    reading = await self._log.newest(self.room.id, self._resume_limit)
                    self._ring.deepen(reading.floor, reading.head, reading.entries)

    def _can_resume(self, since: int) -> bool:
        return 0 <= self.head - since <= self._resume_limit

    def _changed_after(self, since: int) -> tuple[list[bytes], bool, bool]:
        """The messages that bring a client up to date, whether there are older ones, and whether it starts afresh."""
        changed = self._ring.since(since) if self._can_resume(since) else None
        if changed is not None and sum(map(len, changed)) <= self._answer_limit:
            return changed, since > 0, False
        page = self._ring.newest_page()
        fitting = pages.fitting(page, self._answer_limit)
        return fitting, self._has_older or len(fitting) < len(page), True

    @property
    def _has_older(self) -> bool:
        return self._ring.oldest_seq > 1  # The first change of a room is a message: seq 1 is its oldest.

    # --- answers to one connection ---

    def _welcome(self, member: Member, since: Since | None, is_moderator: bool) -> Welcome:
        known = since.version if since is not None and since.log == self.room.log else -1
        messages, more, reset = self._changed_after(known)
        return Welcome(
            me=member,
            room=self.info,
            log=self.room.log,
            head=self.head,
            reset=reset,
            messages=_raw(messages),
            more=more,
            members=self._attendance.encoded(),
            online=self._attendance.online,
            build=self._build,
            moderator=is_moderator or UNSET,
            may_describe=is_moderator or member.id == self.about.made_by or UNSET,
        )

    def repeat(self, connection: Connection, entry: Entry) -> None:
        """Answers a repeated nonce, unless the message is still on its way to everybody."""
        if entry.version <= self.head:
            self._audience.reply(connection, entry.encoded)

    async def send_page(self, connection: Connection, asked: History) -> None:
        """Answers `history`, with no message older than this connection was told it is.

        A client that doesn't hold a message yet may have passed its change over: the page must not bring it as it was
        before.
        """
        while True:
            head = self.head
            read = await self._log.page(self.room.id, asked)
            if (changes := self._ring.entries_since(head)) is not None:  # Else more changed than the ring holds.
                self.reply(connection, pages.page(asked, read, changes, self._answer_limit))
                return

    async def send_found(self, connection: Connection, command: Search, phrases: Sequence[Phrase]) -> None:
        """Answers `search`, whose query asks for `phrases`."""
        wanted = Wanted(phrases, command.before, command.author, command.at_from, command.at_before)
        results, more = await self._log.search(self.room.id, wanted, command.limit)
        found = Found(
            command.query,
            results,
            more,
            before=or_unset(command.before),
            author=or_unset(command.author),
            at_from=or_unset(command.at_from),
            at_before=or_unset(command.at_before),
        )
        self.reply(connection, found)

    async def send_changes(self, connection: Connection, since: int) -> None:
        """Answers `sync`."""
        await self._reach(since)
        messages, more, reset = self._changed_after(since)
        self.reply(connection, Changes(since, _raw(messages), more, self.head, reset))

    def reply(self, connection: Connection, event: Event) -> None:
        """Sends an event to one connection, behind everything that the room was told before."""
        self._audience.reply(connection, protocol.encode(event))

    # --- everybody ---

    def beat(self, beat: int) -> None:
        """Tells those whose turn it is how far the room is, so that whoever missed something asks."""
        self._audience.beat(beat)

    def cut_off_silent(self, beat: int) -> None:
        """Closes those who gave no sign of life since their beat."""
        self._audience.cut_off_silent(beat)

    def _emit(self, event: Event) -> None:
        self._audience.emit(protocol.encode(event))

    def close(self, code: CloseCode, *, after: Callable[[], float] = lambda: 0.0) -> None:
        """Sends everybody away, to come back after as many seconds as `after()` says for each."""
        self._audience.close()
        if self._hole_timer is not None:
            self._hole_timer.cancel()
        for connection in self._attendance.close():
            connection.close(code, reconnect=True, after=after())


def _raw(encoded: Iterable[bytes]) -> list[Raw]:
    return [Raw(message) for message in encoded]
