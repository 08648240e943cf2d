"""One room in one process: its version, roster and connections.

Everything here runs on the event loop. Nothing else runs between two awaits. So a join has no gap: the welcome and
the subscription are one step.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from msgspec import UNSET, Raw, UnsetType
from msgspec.structs import replace

from chat.access import policy
from chat.access.person import Person
from chat.access.policy import OPEN
from chat.access.rate_limits import Bucket, Rate, crowded
from chat.cluster.broker import OUTSIDE
from chat.cluster.messages import ClusterMessage, EntriesWritten, IsTyping, Item, MemberGone, MemberPresent
from chat.cluster.presence_shares import Known, Share, Shares
from chat.content import mentions
from chat.content.mentions import People
from chat.content.search_terms import Phrase
from chat.counters import counters
from chat.log import pagination
from chat.log.entries import Entry
from chat.log.epoch_proof import Proof
from chat.log.reader import Log, Opening, Reading, RoomRow, RoomState
from chat.log.readers import Askers
from chat.log.search import SearchQuery
from chat.log.turns import ITSELF, Asker
from chat.protocol import codec
from chat.protocol.commands import History, Search, Since, Sync
from chat.protocol.errors import CloseCode
from chat.protocol.events import (
    Changes,
    Event,
    Found,
    Member,
    Pulse,
    Renamed,
    RoomInfo,
    RoomNow,
    TypingNow,
    Welcome,
    or_unset,
)
from chat.protocol.fields import MemberId
from chat.rooms.broadcaster import Broadcaster
from chat.rooms.change_buffer import ChangeBuffer, ChangeBuffers, ReorderBuffer
from chat.rooms.connection import Connection, Frame
from chat.rooms.presence import MayStay, RoomPresence

logger = logging.getLogger(__name__)

OPENING_CHANGES = 100  # Read when a hub opens. It reads more when the first client resumes from an older version.
_NONCE_WITHIN = 150  # First bytes of an encoded message that contain its nonce, after type, seq and version.
HOLE_SECONDS = 0.05  # A version that is late by more than a trip through Redis is read from the log.

Publish = Callable[[str, Item], None]
NoteVisit = Callable[[RoomRow, MemberId, str], None]


@dataclass(frozen=True, slots=True)
class JoinRequest:
    """A request to join a room over this connection. `name` is validated.

    `since`: the client's state of the room. `asker` is charged for the log's queries. `re` is the welcome's. A person
    who isn't `is_listed` listens without being in the roster.
    """

    connection: Connection
    person: Person
    name: str
    since: Since | None = None
    is_idle: bool = False
    asker: Asker = ITSELF
    re: str | UnsetType = UNSET
    is_listed: bool = True


class RoomHub:
    """An open room. `publish(name, item)` sends to other processes. `on_empty(hub)` is called when nobody is left.

    `on_written(hub)` is called when the room has got a row, `on_other_log(hub)` when another process or the database
    has another log for it, `note_visit(room, member, name)` when somebody comes or goes. A client may resume over at
    most `resume_limit` changes. An answer has at most `answer_limit` bytes of messages. `reactions` limits the
    reactions of all members here together.
    """

    def __init__(
        self,
        room: RoomRow,
        opening: Opening,
        log: Log,
        process: str,
        *,
        publish: Publish,
        note_visit: NoteVisit = lambda *_: None,
        on_empty: Callable[["RoomHub"], None],
        on_written: Callable[["RoomHub"], None],
        on_other_log: Callable[["RoomHub"], None],
        resume_limit: int,
        answer_limit: int,
        buffers: ChangeBuffers,
        reactions: Rate,
        build: str,
        proof: Proof,
    ) -> None:
        self.room = room
        self.joining = 0  # Joins under way.
        self._log = log
        self._process = process
        self._publish = publish
        self._note_visit = note_visit
        self._on_empty = on_empty
        self._on_written = on_written
        self._on_other_log = on_other_log
        self._resume_limit = resume_limit
        self._answer_limit = answer_limit
        self._buffers = buffers
        self._reactions = Bucket(reactions)
        self._build = build
        self._proof = proof

        self.rules, self.about = opening.rules, opening.about
        self._expired = opening.expired  # The messages up to this seq were deleted by their age.
        self.state: RoomState | None = None  # The last one that was taken.
        # Other processes that have this room open, and when that was last heard or seen, by the loop's clock.
        self._peers: dict[str, float] = {}
        self.head = opening.changes.head
        self._buffer = self._buffer_of(opening)
        self._reorder_buffer = ReorderBuffer(resume_limit, answer_limit)
        self._hole_timer: asyncio.TimerHandle | None = None
        self._filling: asyncio.Task[None] | None = None
        self._deepening = asyncio.Lock()
        self._askers = Askers()  # The callers that wait for `_deepening`.
        self._lookups: dict[Since, asyncio.Task[bool]] = {}  # Under way.

        self._broadcaster = Broadcaster(
            lambda: codec.encode(Pulse(self.head, self._presence.online, proof.update)),
            lambda: (self.room.log, self.head),
        )
        self._listeners: dict[Connection, Person] = {}  # Those who aren't in the roster.
        self._presence = RoomPresence(
            process,
            announce=self._emit,
            publish=lambda change: self._publish(self.room.name, change),
            on_departure=self._departed,
        )

    # --- members ---

    @property
    def is_empty(self) -> bool:
        return not self._presence.has_own and not self.joining and not self._listeners

    @property
    def has_peers(self) -> bool:
        """Whether another process is known to have this room open: only then anything is sent to the group."""
        return bool(self._peers)

    def _note_peer(self, process: str, at: float) -> None:
        """Another process has the room open. A new one is told how far this room is, in case it has missed something.

        What this process committed before it heard of the new one wasn't sent to the group.
        """
        is_new = process not in self._peers
        self._peers[process] = max(at, self._peers.get(process, at))
        if is_new and self.room.is_written and (newest := self._buffer.entries_since(self.head - 1)):
            self._publish(self.room.name, EntriesWritten(self.room.log, self.room.id, newest))

    @property
    def is_settled(self) -> bool:
        """Whether no process is missing from the presence store that was there before."""
        return self._presence.is_settled

    @property
    def own_share(self) -> Share:
        return self._presence.own_share

    @property
    def connection_count(self) -> int:
        return len(self._broadcaster)

    async def join(self, request: JoinRequest) -> bool:
        """Sends a connection the welcome, then all later events of the room. Returns whether its member is new there.

        Raises:
            LogUnavailable, RoomGone: the log was needed and couldn't be read.
        """
        connection, since, asker = request.connection, request.since, request.asker
        if since is not None and (since.log != self.room.log or await self._is_of_other_history(since, asker)):
            since = None
        await self._prepare(None if since is None else since.version, asker)
        if not connection.is_open:  # It was closed while the log was read.
            return False
        is_new = request.is_listed and not self._presence.name_of(request.person.id)
        if request.is_listed:
            self._presence.arrive(connection, request.person, request.name, is_idle=request.is_idle)
            self._note(request.person.id)
        else:
            self._listeners[connection] = request.person
        self._broadcaster.admit(connection)
        welcome = codec.frame([codec.encode(self._welcome(request, since))])
        connection.answer(Frame(welcome, (self.room.log, self.head)))
        return is_new

    def leave(self, connection: Connection, member_id: MemberId) -> None:
        """Removes a connection. Its member leaves a moment after the last one, unless this process is stopping."""
        self._broadcaster.dismiss(connection)
        if self._listeners.pop(connection, None) is not None:
            self._departed()
        else:
            self._note(member_id)
            self._presence.leave(connection, member_id)

    def disconnect_banned(self, may_stay: MayStay) -> list[Person]:
        """Closes all connections that may not stay. Returns the people who were banned."""
        closed = self._presence.disconnect_banned(may_stay)
        for connection, person in list(self._listeners.items()):
            if not (answer := may_stay(person)):
                del self._listeners[connection]
                closed.append((connection, person, answer))
        for connection, _, answer in closed:
            self._broadcaster.dismiss(connection)
            connection.close(answer.close_code, reconnect=False)
        return [person for _, person, answer in closed if answer.close_code is CloseCode.BANNED]

    def _departed(self) -> None:
        if self.is_empty:
            self._on_empty(self)

    @property
    def visitors(self) -> list[tuple[Connection, Person]]:
        """All connections here with their people, also those who aren't in the roster."""
        return [*self._presence.visitors, *self._listeners.items()]

    @property
    def members(self) -> list[Member]:
        """The members in all processes, the longest present first."""
        return self._presence.members

    def rename(self, member_id: MemberId, name: str) -> None:
        """Changes a member's name for everybody. `name` is validated."""
        self._presence.rename(member_id, name)
        self._note(member_id)

    def _note(self, member_id: MemberId) -> None:
        """Notes who is here under which name, for mentions when they are gone."""
        if name := self._presence.name_of(member_id):
            self._note_visit(self.room, member_id, name)

    def renamed(self, member_id: MemberId) -> Renamed:
        """What everybody is told of a member's new name."""
        return Renamed(self._presence.member(member_id), self._presence.online)

    def set_idle(self, connection: Connection, member_id: MemberId, is_idle: bool) -> None:
        """Sets whether this connection's user is idle. Its member may become away or active by it."""
        self._presence.set_idle(connection, member_id, is_idle)

    def author(self, member_id: MemberId) -> Member:
        """The member with its current name."""
        return self._presence.member(member_id)

    def name_of(self, member_id: MemberId) -> str:
        """The member's current name. Empty if the member isn't here."""
        return self._presence.name_of(member_id)

    def people_in(self, body: str) -> People:
        """The members here whom the body may mention with `@name`."""
        return (
            self._presence.called(mentions.candidates(body))
            if any(sign in body for sign in mentions.SIGNS)
            else mentions.NOBODY
        )

    def type(self, member_id: MemberId) -> bool:
        """Publishes that a member is typing, unless it did so a moment ago. Returns whether it did."""
        if not self._presence.may_type(member_id):
            return False
        self._emit(TypingNow(member_id))
        self._publish(self.room.name, IsTyping(member_id))
        return True

    def take_reaction(self) -> None:
        """Charges a member's reaction to the room's limit.

        Raises:
            Refusal: `rate_limited`: the members here react too often in total.
        """
        if wait := self._reactions.take(1, asyncio.get_running_loop().time()):
            raise crowded(wait)

    def handle(self, message: ClusterMessage) -> None:
        """Handles a message of another process."""
        if message.process not in (self._process, OUTSIDE):
            self._note_peer(message.process, asyncio.get_running_loop().time())
        for item in message.items:
            match item:
                case EntriesWritten(log, room_id, entries):
                    if self.take_row(RoomRow(room_id, self.room.slug, log)):
                        self.apply(entries)
                    else:
                        self._on_other_log(self)
                case IsTyping(member_id):
                    self._emit(TypingNow(member_id))
                case MemberPresent() | MemberGone():
                    self._presence.handle(message.process, item)

    def take_row(self, row: RoomRow) -> bool:
        """Adopts the room's new row. Returns False, and ignores the row, if it has another log."""
        if row.log != self.room.log:
            return False
        if not self.room.is_written:
            self.room = row
            self._on_written(self)
            for member_id in self._presence.own_share:
                self._note(member_id)
        return True

    def take_state(self, state: RoomState) -> None:
        """Adopts the database's rules, title and topic of the room."""
        self.state = state
        before = self.info
        self.rules, self.about = state.rules, state.about
        if state.expired > self._expired:
            self._expired = state.expired
            self._buffer.expire(state.expired)
        if self.info != before:
            self._emit(RoomNow(self.info))

    @property
    def info(self) -> RoomInfo:
        """The room's description for members."""
        title = self.about.title or self.room.slug
        return RoomInfo(self.room.slug, title, self.about.topic, self.rules.locked, self.rules.slow)

    def known(self, process: str) -> Known:
        """The known state of another process's share, which needn't be read."""
        return self._presence.known(process)

    async def reconcile(self, shares: Shares, read_at: float) -> None:
        """Compares the roster with the presence store's state at `read_at` (the loop's time) or later."""
        for process in shares:
            self._note_peer(process, read_at)
        self._peers = {process: at for process, at in self._peers.items() if process in shares or at >= read_at}
        await self._presence.reconcile(shares, read_at)

    # --- the log ---

    def apply(self, entries: Iterable[Entry]) -> None:
        """Applies committed changes of any process, in any order and any number of times."""
        for entry in entries:
            if entry.version == self.head + 1:
                self._take(entry)
            elif entry.version > self.head:
                self._reorder_buffer.put(entry)
        while (next_entry := self._reorder_buffer.pop(self.head + 1)) is not None:
            self._take(next_entry)
        if self._reorder_buffer and self._hole_timer is None:
            self._hole_timer = asyncio.get_running_loop().call_later(HOLE_SECONDS, self._close_hole)

    def _take(self, entry: Entry) -> None:
        self.head = entry.version
        self._reorder_buffer.pop(entry.version)  # It may have come twice.
        self._buffer.add(entry.whole)
        self._broadcaster.emit(entry.update)

    def _close_hole(self) -> None:
        self._hole_timer = None
        if self._reorder_buffer:
            counters.hole_fills += 1
            self.catch_up()

    def catch_up(self) -> "asyncio.Task[None]":
        """Reads the changes that this hub missed. There is one reading at a time, shared by all callers.

        The task raises LogUnavailable or RoomGone if the log can't be read. The next comparison of heads tries again.
        """
        if self._filling is None:
            self._filling = asyncio.create_task(self._fill())
            self._filling.add_done_callback(self._filled)
        return self._filling

    async def _fill(self) -> None:
        if not self.room.is_written:
            row = (await self._log.rows([self.room.slug])).get(self.room.slug)
            if row is not None and not self.take_row(row):
                self._on_other_log(self)
            if not self.room.is_written:
                return
        reading = await self._log.changes(self.room.id, self.head, self._resume_limit)
        if reading.is_cut:
            self._start_over(await self._log.opening(self.room.id, self._resume_limit))
        else:
            self._take_reading(reading)

    async def reach(self, version: int) -> None:
        """Returns when all members here have got the changes up to `version`.

        Raises:
            LogUnavailable, RoomGone: the log was needed and couldn't be read.
        """
        for _ in range(2):  # A reading that is already under way may have begun too early.
            if version > self.head:
                await asyncio.shield(self.catch_up())

    def _filled(self, task: "asyncio.Task[None]") -> None:
        self._filling = None
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("Room %s could not catch up with its log: %r", self.room.slug, error)

    def _take_reading(self, reading: Reading) -> None:
        if reading.head <= self.head:  # The group has told it all meanwhile.
            return
        missing = [entry for entry in reading.entries if entry.version > self.head]
        if len(missing) == reading.head - self.head:  # Every version is there: members see them one by one, as always.
            self.apply(missing)
            return
        # A message changed twice meanwhile. Its first change is lost, so members get each message's current state.
        since, self.head = self.head, reading.head
        for entry in missing:
            self._buffer.add(entry)
        self._send_changes(Changes(since, _raw(entry.encoded for entry in missing), since > 0, self.head, reset=False))

    def _start_over(self, opening: Opening) -> None:
        """Resets the room to its newest page, because too many changes were missed to send each."""
        if opening.changes.head <= self.head:  # The group has told it all meanwhile.
            return
        since = self.head
        self._open(opening)
        messages, more, _ = self._changed_after(-1)
        self._send_changes(Changes(since, _raw(messages), more, self.head, reset=True))

    def _open(self, opening: Opening) -> None:
        self.head = opening.changes.head
        self._buffer.close()
        self._buffer = self._buffer_of(opening)

    def _buffer_of(self, opening: Opening) -> ChangeBuffer:
        reading = opening.changes
        return ChangeBuffer(
            self._resume_limit, self._answer_limit, reading.floor, opening.page, reading.entries, self._buffers
        )

    async def _is_of_other_history(self, since: Since, asker: Asker) -> bool:
        """Whether the log contradicts the client's state.

        The buffer answers if it can. Otherwise all clients with the same state share one lookup.
        """
        checks = (self._buffer_has_newest(since), self._buffer_has_change(since))
        if False in checks:
            return True
        if None not in checks or not self.room.is_written:
            return False
        if (lookup := self._lookups.get(since)) is None:
            lookup = self._lookups[since] = asyncio.create_task(self._log.contradicts(self.room.id, since, asker))
            lookup.add_done_callback(lambda _: self._lookups.pop(since))
        return await asyncio.shield(lookup)

    def _buffer_has_newest(self, since: Since) -> bool | None:
        """Whether the client's newest message is the one with its seq here. None if only the log knows."""
        if since.seq is None or since.nonce is None:
            return True
        entry = self._buffer.find(since.seq)
        return None if entry is None else str(since.nonce).encode() in entry.encoded[:_NONCE_WITHIN]

    def _buffer_has_change(self, since: Since) -> bool | None:
        """Whether the client's newest change may be the one with its version here. None if only the log knows."""
        if since.changed is None:
            return True
        if since.version > self.head or (entry := self._buffer.find(since.changed)) is None:
            return None
        if entry.version <= since.version:
            return entry.version == since.version
        # The message has changed again. So no other message may have this version.
        newer = self._buffer.entries_since(since.version - 1)
        return None if newer is None else not newer or newer[0].version != since.version

    async def _prepare(self, since: int | None, asker: Asker) -> None:
        """Loads the newest page, and the changes after `since` if that is given, into the buffer."""
        for _ in range(3):  # Other rooms may need the memory while the log is read.
            if since is not None:
                await self._reach(since, asker)
            if self._buffer.has_page:
                return
            with self._askers.with_one_more(asker):
                async with self._deepening:
                    if not self._buffer.has_page:
                        await self._read_again()

    async def _read_again(self) -> None:
        """Reads the newest page and changes again after the buffer was emptied for other rooms."""
        opening = await self._log.opening(self.room.id, OPENING_CHANGES, self._askers)
        reading = opening.changes
        if reading.head > self.head and reading.floor > self.head:
            self._start_over(opening)
            return
        self._take_reading(reading)
        if (newer := self._buffer.entries_since(reading.head)) is None:
            return  # The buffer lacks some of the changes since then: `_prepare` tries again.
        self._buffer.close()
        self._buffer = self._buffer_of(opening)
        for entry in newer:
            self._buffer.add(entry)

    def _send_changes(self, changes: Changes) -> None:
        self._emit(changes)
        self._reorder_buffer.drop_until(self.head)
        self.apply(())

    async def _reach(self, since: int, asker: Asker) -> None:
        """Loads the changes after `since` into the buffer, if the client may resume. One reading serves a storm."""
        await self.reach(since)  # The client may have been served by a process that is ahead of this one.
        if self._is_in_log_only(since):
            with self._askers.with_one_more(asker):
                async with self._deepening:
                    if self._is_in_log_only(since):
                        reading = await self._log.newest(self.room.id, self._resume_limit, self._askers)
                        self._buffer.deepen(
                            reading.floor, reading.head, reading.entries, is_cut_by_size=reading.is_cut_by_size
                        )

    def _is_in_log_only(self, since: int) -> bool:
        """Whether a client may resume from `since`, but the buffer lacks the changes."""
        return self._can_resume(since) and self._buffer.bottom <= since < self._buffer.floor

    def _can_resume(self, since: int) -> bool:
        return 0 <= self.head - since <= self._resume_limit

    def _changed_after(self, since: int) -> tuple[list[bytes], bool, bool]:
        """The messages that bring a client up to date, whether older ones exist, and whether it must reset."""
        changed = self._buffer.since(since) if self._can_resume(since) else None
        if changed is not None and sum(map(len, changed)) <= self._answer_limit:
            return changed, since > 0, False
        page = self._buffer.newest_page()
        fitting = pagination.fitting(page, self._answer_limit)
        return fitting, self._has_older or len(fitting) < len(page), True

    @property
    def _has_older(self) -> bool:
        # The first change of a room is a message: without expired ones, seq 1 is its oldest.
        return self._buffer.oldest_seq > self._expired + 1

    # --- answers to one connection ---

    def _welcome(self, request: JoinRequest, since: Since | None) -> Welcome:
        person = request.person
        known = -1 if since is None else since.version
        messages, more, reset = self._changed_after(known)
        if request.since is not None:
            counters.resets += reset
            counters.resumes += not reset
        return Welcome(
            me=Member(person.id, request.name, bot=person.is_bot or UNSET),
            room=self.info,
            log=self.room.log,
            head=self.head,
            reset=reset,
            messages=_raw(messages),
            more=more,
            members=self._presence.encoded(),
            online=self._presence.online,
            build=self._build,
            epoch=self._proof.text,
            moderator=bool(policy.can_moderate(person)) or UNSET,
            # A lock may have ended when the member describes the room.
            may_describe=bool(policy.can_describe(person, self.about.made_by, OPEN)) or UNSET,
            re=request.re,
        )

    def repeat(self, connection: Connection, entry: Entry) -> None:
        """Answers a repeated nonce, unless the message is still on its way to everybody."""
        if entry.version <= self.head:
            self._broadcaster.reply(connection, entry.encoded)

    async def send_page(self, connection: Connection, asked: History, asker: Asker = ITSELF) -> None:
        """Answers `history`. No message in the page is older than a change that this connection got.

        A client ignores changes of messages that it doesn't hold. So the page must include these changes.
        """
        if asked.at is not None:
            asked = replace(asked, around=await self._log.seq_at(self.room.id, asked.at, asker))
        while True:
            head = self.head
            read = await self._log.page(self.room.id, asked, asker)
            if (changes := self._buffer.entries_since(head)) is not None:  # Else the buffer lacks some: read again.
                self.reply(connection, pagination.page(asked, read, changes, self._answer_limit))
                return

    async def send_found(
        self,
        connection: Connection,
        command: Search,
        phrases: Sequence[Phrase],
        asker: Asker = ITSELF,
        readable: Sequence[str] | None = None,
    ) -> None:
        """Answers `search`. `phrases` are the query's. `readable`: those of its `rooms` that the asker may read."""
        wanted = SearchQuery.of(command, phrases)
        if readable is None:
            results, more = await self._log.search(self.room.id, wanted, command.limit, asker)
        else:
            results, more = await self._log.search_rooms(readable, wanted, command.limit, asker)
        found = Found(
            command.query,
            results,
            more,
            before=or_unset(command.before),
            author=or_unset(command.author),
            at_from=or_unset(command.at_from),
            at_before=or_unset(command.at_before),
            mentions=or_unset(command.mentions),
            links=command.links or UNSET,
            rooms=or_unset(command.rooms),
            before_room=or_unset(command.before_room),
            re=command.re,
        )
        self.reply(connection, found)

    async def send_changes(self, connection: Connection, command: Sync, asker: Asker = ITSELF) -> None:
        """Answers `sync`."""
        since = command.since
        await self._prepare(since, asker)
        messages, more, reset = self._changed_after(since)
        self.reply(connection, Changes(since, _raw(messages), more, self.head, reset, re=command.re))

    def reply(self, connection: Connection, event: Event) -> None:
        """Sends an event to one connection, after all earlier events of the room."""
        self._broadcaster.reply(connection, codec.encode(event))

    # --- everybody ---

    @property
    def beats(self) -> int:
        """A bit for each beat in which a connection here has its turn."""
        return self._broadcaster.beats

    def beat(self, beat: int) -> None:
        """Sends the head to this beat's connections. A client that missed a change then requests it."""
        self._broadcaster.beat(beat)

    def cut_off_silent(self, beat: int) -> None:
        """Closes connections that haven't answered since their beat."""
        self._broadcaster.cut_off_silent(beat)

    def _emit(self, event: Event) -> None:
        self._broadcaster.emit(codec.encode(event))

    def close(self, code: CloseCode, *, after: Callable[[], float] = lambda: 0.0) -> None:
        """Closes all connections. `after()` returns the seconds after which a client should reconnect."""
        self._broadcaster.close()
        self._buffer.close()
        if self._hole_timer is not None:
            self._hole_timer.cancel()
        for connection in (*self._presence.close(), *self._listeners):
            connection.close(code, reconnect=True, after=after())


def _raw(encoded: Iterable[bytes]) -> list[Raw]:
    return [Raw(message) for message in encoded]
