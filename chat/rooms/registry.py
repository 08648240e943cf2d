"""All open rooms of this process, and their shared log, groups and presence store."""

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from chat.access import tokens
from chat.access.person import Person
from chat.access.policy import Answer
from chat.access.rate_limits import Rate, current_limiter
from chat.build import current_build
from chat.cluster.broker import Broker
from chat.cluster.messages import (
    EVERYWHERE,
    BansChanged,
    ClusterMessage,
    EntriesWritten,
    Item,
    LimitsUsed,
    MemberGone,
    MemberPresent,
    RoomChanged,
    mailbox,
    weight,
)
from chat.cluster.presence_shares import Known, Share
from chat.cluster.presence_store import (
    RENEW_SECONDS,
    ROOMS_AT_ONCE,
    MemoryPresence,
    Presence,
    PresenceUnavailable,
    RedisPresence,
)
from chat.cluster.redis_servers import place_of_room
from chat.conf import chatty
from chat.log import epoch, epoch_proof, room_rows
from chat.log.committer import Committed, Committer
from chat.log.entries import Entry
from chat.log.epoch_proof import Epoch, Proof
from chat.log.operations import Operation
from chat.log.reader import NOTHING_SAID, Log, LogUnavailable, RoomRow, WentBack
from chat.log.readers import Askers
from chat.log.rendering import Renderer
from chat.log.turns import Asker
from chat.moderation.ban_enforcement import BanEnforcement
from chat.protocol.constants import PULSE_SECONDS
from chat.protocol.errors import CloseCode
from chat.protocol.events import RoomInfo
from chat.protocol.fields import MemberId
from chat.rooms.broadcaster import BEATS
from chat.rooms.change_buffer import ChangeBuffers
from chat.rooms.hub import OPENING_CHANGES, JoinRequest, RoomHub
from chat.rooms.readiness import Readiness
from chat.rooms.send_buffers import current_send_buffers
from chat.rooms.watch import WATCH_SECONDS, Watching

logger = logging.getLogger(__name__)
T = TypeVar("T")

HEADS_SECONDS = 2  # Maximum delay until lost messages are found: one query for all rooms.
BEAT_SECONDS = PULSE_SECONDS / BEATS
ANSWER_BEATS = 6  # 3 s to answer a pulse. With pulse and grace, a member with a pulled cable leaves within 9 s.
TIDY_SECONDS = 60  # The addresses of ended bans are deleted within a minute.
CLOSE_SECONDS = 2  # For each part of the shutdown: the process must end within 10 s.
FIRST_COMPARISON_SECONDS = 5  # Joins wait so long for it: longer than for a Redis that hangs.
PROVEN_LIMIT = 10_000  # Texts of about 200 bytes.
EARLY_BYTES = 16 * 1024 * 1024  # Messages for rooms that are opening, in all of them.
SPENT_SECONDS = 0.5  # Maximum delay until other processes know a member's usage of limits.


class NotAdmitted(Exception):
    """The member is banned, or its token was revoked. `code` is the close code."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name)
        self.code = code


class RoomRegistry:
    """The hubs of all open rooms. It starts with the first join and lives as long as its event loop."""

    def __init__(self) -> None:
        self._limiter = current_limiter()
        self.log = Log(chatty.UNSENT_LIMIT, self._limiter.charge_cpu)
        self._buffers = ChangeBuffers(chatty.BUFFER_LIMIT)
        self.presence: Presence = RedisPresence(chatty.REDIS_URLS) if chatty.REDIS_URLS else MemoryPresence()
        self.renderer = Renderer(self._limiter)
        self._committer = Committer(self._publish)
        self._broker = Broker(self.presence.process, self._deliver)
        self.readiness = Readiness(self.log, self.presence, self._broker)
        self._build = current_build()
        self._by_name: dict[str, RoomHub] = {}
        self._opening: dict[str, tuple[asyncio.Task[RoomHub], Askers]] = {}  # And the callers that wait for it.
        self._early: dict[str, list[ClusterMessage]] = {}  # By name: messages for a room that is opening.
        self._early_size = 0
        # Changes of presence that aren't stored yet, by the room's Redis, so that no Redis waits for another. Each
        # room and member has its latest change here.
        self._unstored: dict[int, dict[tuple[str, MemberId], MemberPresent | MemberGone]] = {}
        self._storing: dict[int, asyncio.Task[None]] = {}
        self._beat_number = 0
        self._beat_at = asyncio.get_running_loop().time()
        self._mailbox = mailbox(self.presence.process)
        self._handlers_everywhere: dict[type, Callable[[Any], None]] = {}  # By the item's type.
        self._epoch: Epoch | None = None  # The newest epoch seen in the database. None before the first comparison.
        self._proof = Proof()
        self._proven: set[str] = set()  # Clients' epochs that the database has.
        self._epoch_due = 0.0  # The time of the next advance, by the loop's clock.
        self._comparing = asyncio.Lock()
        self._first_comparison: asyncio.Task[None] | None = None
        self._has_written = True
        self._looking = asyncio.Lock()  # Keeps the reads of rooms' state in order.
        self.watching = Watching(self.log, self._find_open)
        self._ban_enforcement = BanEnforcement(
            self.log, enforce=self._disconnect_banned, publish=lambda: self.publish_everywhere(BansChanged())
        )
        self.subscribe_everywhere(BansChanged, lambda _: self._ban_enforcement.wake())
        self.subscribe_everywhere(RoomChanged, self._handle_room_changed)
        _in_background(self._broker.subscribe(EVERYWHERE))
        self.subscribe_everywhere(LimitsUsed, lambda spent: self._limiter.charge(spent.used))
        self._at_end: list[Callable[[], Awaitable[None]]] = []
        self._routines = [
            asyncio.create_task(_repeat(HEADS_SECONDS, self._compare_heads)),
            asyncio.create_task(_repeat(WATCH_SECONDS, self.watching.tick)),
            asyncio.create_task(_repeat(BEAT_SECONDS, self._beat)),
            asyncio.create_task(_repeat(PULSE_SECONDS, self._drop_empty)),
            asyncio.create_task(_repeat(PULSE_SECONDS, self._broker.keep)),
            asyncio.create_task(_repeat(RENEW_SECONDS, self._renew_presence)),
            asyncio.create_task(_repeat(SPENT_SECONDS, self._tell_spent)),
            asyncio.create_task(_repeat(0, self._ban_enforcement.follow)),
            asyncio.create_task(_repeat(TIDY_SECONDS, self._ban_enforcement.tidy)),
            asyncio.create_task(_repeat(TIDY_SECONDS, self.log.tidy)),
        ]

    # --- members ---

    async def identify(self, token: str) -> tokens.Claims:
        """The content of this token, if it is valid.

        Raises:
            BadToken: it is invalid or revoked.
            LogUnavailable: the revocations couldn't be read.
        """
        claims = tokens.verify(token, chatty.TOKEN_MAX_AGE_DAYS)
        await self._ban_enforcement.ready()
        if self._ban_enforcement.is_revoked(claims):
            raise tokens.BadToken("revoked")
        return claims

    async def generation_of(self, member_id: MemberId) -> int:
        """The generation of this member's next token.

        Raises:
            LogUnavailable: it couldn't be read.
        """
        await self._ban_enforcement.ready()
        return self._ban_enforcement.generation_of(member_id)

    async def join(self, slug: str, request: JoinRequest) -> RoomHub:
        """Joins a connection to the room called `slug`. Opens the room if necessary, without a row in the database.

        Raises:
            LogUnavailable, RoomGone: the log couldn't be read.
            Refusal: too many callers wait.
            NotAdmitted: the member is banned, or its token is revoked.
        """
        epoch_seen = None if request.since is None else request.since.epoch
        async with self.visit(slug, request.person, request.asker, epoch_seen) as hub:
            await hub.join(request)
            if not self.can_join(request.person, slug):  # Since the room began to open.
                self._disconnect_banned()
        return hub

    @asynccontextmanager
    async def visit(
        self, slug: str, person: Person, asker: Asker, epoch_seen: str | None = None
    ) -> AsyncIterator[RoomHub]:
        """The room called `slug`, kept open meanwhile for somebody who needn't be in it.

        `epoch_seen`: the last epoch that a returning client received.

        Raises:
            As `join`.
        """
        await self._ban_enforcement.ready()
        await self._compare_first()
        if epoch_seen is not None:
            await self._check_proof(epoch_seen)
        if not (answer := self.can_join(person, slug)):
            if answer.close_code is CloseCode.BANNED:
                self._ban_enforcement.note(person, is_attempt=True)
            raise NotAdmitted(answer.close_code)
        hub = await self._open(slug, asker)
        hub.joining += 1
        try:
            yield hub
        finally:
            hub.joining -= 1
            if hub.is_empty:
                self._drop(hub)

    def can_join(self, person: Person, slug: str) -> Answer:
        """Whether the person may join a room or stay there, by the bans that this process knows."""
        return self._ban_enforcement.can_join(person, slug)

    async def commit(self, operation: Operation) -> Committed:
        """The message after the operation, which is then on disk. If it is new, it is on its way to everybody.

        Raises:
            LogUnavailable, RoomGone: it may not be on disk. The operation may be repeated.
            Refusal: the message doesn't exist, or the operation isn't allowed.
        """
        try:
            return await self._committer.commit(operation)
        except WentBack:
            self._start_new_history(operation.room)
            raise

    async def _open(self, slug: str, asker: Asker) -> RoomHub:
        """The room's hub. Callers that arrive while it opens wait for the same opening."""
        while (hub := self._by_name.get(slug)) is None:
            if slug not in self._opening:
                askers = Askers(asker)
                self._opening[slug] = asyncio.create_task(self._make(slug, askers)), askers
                self._opening[slug][0].add_done_callback(lambda _: self._opening.pop(slug))
            opening, askers = self._opening[slug]
            with askers.with_one_more(asker):
                await asyncio.shield(opening)
        return hub

    async def _make(self, slug: str, askers: Askers) -> RoomHub:
        """Opens the hub. Subscribes first, then reads the log, then applies messages of the meantime: no gap."""
        early = self._early[slug] = []
        try:
            await self._broker.subscribe(slug)
            room = (await self.log.rows([slug], askers)).get(slug)
            if room is None:
                agreed = await self._agree_on_logs({slug: uuid.uuid4()})
                room = RoomRow(0, slug, agreed[slug])
            hub = await self._read(room, askers)
        except BaseException:
            _in_background(self._broker.unsubscribe(slug))
            raise
        finally:
            del self._early[slug]
            self._early_size -= sum(weight(item) for message in early for item in message.items)
        self._by_name[hub.room.name] = hub
        for message in early:
            hub.handle(message)
        return hub

    async def _read(self, room: RoomRow, askers: Askers) -> RoomHub:
        opening = await self.log.opening(room.id, OPENING_CHANGES, askers) if room.is_written else NOTHING_SAID
        hub = RoomHub(
            room,
            opening,
            self.log,
            self.presence.process,
            publish=self._publish_change,
            on_empty=self._drop,
            on_written=lambda hub: _in_background(self.presence.withdraw(hub.room.name)),
            on_other_log=lambda hub: _in_background(self._look_again(hub)),
            resume_limit=chatty.RESUME_LIMIT,
            answer_limit=chatty.UNSENT_LIMIT,
            buffers=self._buffers,
            reactions=Rate(*chatty.ROOM_REACTION_LIMIT),
            build=self._build,
            proof=self._proof,
        )
        read_at = asyncio.get_running_loop().time()
        try:
            # A single room: if its server fails, all requested servers fail.
            shares = await self.presence.others([room.name], lambda room, process: hub.known(process))
            await hub.reconcile(shares[room.name], read_at)
        except PresenceUnavailable as error:
            logger.warning("Room %s opens without knowing who is elsewhere: %s", room.slug, error)
        return hub

    def _drop(self, hub: RoomHub) -> None:
        if self._by_name.get(hub.room.name) is hub:
            del self._by_name[hub.room.name]
            hub.close(CloseCode.GOING_AWAY)
            _in_background(self._broker.unsubscribe(hub.room.name))

    def _start_anew(self, hub: RoomHub) -> None:
        """Closes the connections of a room's members. They rejoin at once and get the database's state."""
        hub.close(CloseCode.RESTARTING)
        self._drop(hub)

    # --- rooms without a row ---

    async def proposed_log(self, slug: str) -> uuid.UUID:
        """The log for the room's future row."""
        if (hub := self._by_name.get(slug)) is not None:
            return hub.room.log
        return (await self._agree_on_logs({slug: uuid.uuid4()}))[slug]

    async def _agree_on_logs(self, proposals: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        """The logs for these rooms' future rows. If processes can't agree, the first message decides."""
        try:
            return {**proposals, **await self.presence.propose(proposals)}
        except PresenceUnavailable as error:
            logger.warning("Other servers may propose other logs for %d new rooms: %s", len(proposals), error)
            return dict(proposals)

    async def _find_open(self, slugs: Iterable[str]) -> set[str]:
        """The rooms among these, without a row, that have a member in any process."""
        here = {slug for slug in slugs if slug in self._by_name}
        try:
            return here | await self.presence.proposed(set(slugs) - here)
        except PresenceUnavailable:
            return here

    async def _renew_proposals(self) -> None:
        """Keeps the logs of open rooms without a row. One query for each Redis, however many rooms there are."""
        proposals = {hub.room.name: hub.room.log for hub in self._by_name.values() if not hub.room.is_written}
        if not proposals:
            return
        for name, log in (await self._agree_on_logs(proposals)).items():
            hub = self._by_name.get(name)
            if hub is not None and not hub.room.is_written and hub.room.log != log:
                logger.warning("Room %s was opened with another log elsewhere; its members start anew", name)
                self._start_anew(hub)

    def _disconnect_banned(self) -> None:
        """Closes the connections of members who are banned or whose tokens were revoked, in all rooms."""
        for hub in list(self._by_name.values()):
            for person in hub.disconnect_banned(partial(self.can_join, slug=hub.room.slug)):
                self._ban_enforcement.note(person)

    # --- messages between processes ---

    def _publish(self, room: RoomRow, entries: list[Entry]) -> None:
        """Applies this process's own commits at once, without the group."""
        self._has_written = True
        written = EntriesWritten(room.log, room.id, entries)
        if (hub := self._by_name.get(room.name)) is not None and entries[0].version <= hub.head:
            _in_background(self._look_again(hub))  # This version exists already: the database may have gone back.
        self._deliver(ClusterMessage(room.name, self.presence.process, [written]))
        self._broker.send(room.name, written)

    def publish_everywhere(self, item: Item) -> None:
        """Sends to every process, to this one at once. It may be lost, so listeners must also poll."""
        self._deliver(ClusterMessage(EVERYWHERE, self.presence.process, [item]))
        self._broker.send(EVERYWHERE, item)

    def subscribe_everywhere(self, kind: type[T], take: Callable[[T], None]) -> None:
        """Registers `take` for all items of this type that are sent to every process, or to this one."""
        self._handlers_everywhere[kind] = take

    async def receive_mail(self) -> None:
        """From now on this process gets what others `mail` to it."""
        await self._broker.subscribe(self._mailbox)

    def mail(self, process: str, item: Item) -> None:
        """Sends to one process, another than this. It may be lost."""
        self._broker.send(mailbox(process), item)

    def repeat(
        self, seconds: float, work: Callable[[], Awaitable[None]], at_end: Callable[[], Awaitable[None]]
    ) -> None:
        """Runs `work` every few seconds until this registry closes, and `at_end` then."""
        self._routines.append(asyncio.create_task(_repeat(seconds, work)))
        self._at_end.append(at_end)

    def _deliver(self, message: ClusterMessage) -> None:
        if message.room in (EVERYWHERE, self._mailbox):
            for item in message.items:
                if (take := self._handlers_everywhere.get(type(item))) is not None:
                    take(item)
        elif (hub := self._by_name.get(message.room)) is not None:
            hub.handle(message)
        elif message.room in self._early:
            self._buffer_early(message)

    def _buffer_early(self, message: ClusterMessage) -> None:
        """Keeps the message until the room is open. Beyond the limit, the log and the store have it."""
        size = sum(map(weight, message.items))
        if self._early_size + size <= EARLY_BYTES:
            self._early[message.room].append(message)
            self._early_size += size

    def _publish_change(self, name: str, item: Item) -> None:
        """Sends to the other processes. Presence is stored first, so that receivers find it in the store."""
        if not isinstance(item, MemberPresent | MemberGone):
            self._broker.send(name, item)
            return
        place = place_of_room(name, len(chatty.REDIS_URLS) or 1)
        unstored = self._unstored.setdefault(place, {})
        unstored.pop((name, item.member_id), None)  # The latest change counts, at its place in the order.
        unstored[name, item.member_id] = item
        if place not in self._storing:
            self._storing[place] = asyncio.create_task(self._store(place))

    async def _store(self, place: int) -> None:
        try:
            while unstored := self._unstored.pop(place, None):
                changes = [(name, self.presence.stamp(name, item)) for (name, _), item in unstored.items()]
                await self.presence.apply(changes)
                for name, change in changes:
                    self._broker.send(name, change)
        finally:
            del self._storing[place]

    # --- periodic work ---

    async def _compare_heads(self) -> None:
        """Finds messages that the fan-out lost, and versions that the database lost."""
        await self._follow_epoch()
        await self.look_at(list(self._by_name.values()))

    async def _follow_epoch(self) -> None:
        """Finds a database that was replaced by an older copy of itself, and moves the epoch on."""
        async with self._comparing:
            found = await self.log.read(epoch.read)
            now = asyncio.get_running_loop().time()
            known = [] if self._epoch in (None, found) else [self._epoch]
            if known:  # Another process has moved it on.
                self._epoch_due = now + epoch.ADVANCE_SECONDS
            is_due = now >= self._epoch_due and self._has_written
            if is_due:  # Compare before advancing: an advanced copy would look as new as its original.
                known += await self._tell_epoch(found)
            if await self._leave_lost_behind(known):
                found = await self.log.read(epoch.read)
            if is_due:
                found = await self.log.run(epoch.advance)
                await self._tell_epoch(found)
                self._epoch_due, self._has_written = now + epoch.ADVANCE_SECONDS, False
            self._epoch = found
            self._proof.renew(found)

    async def _tell_epoch(self, found: Epoch) -> list[Epoch]:
        """Publishes the database's epoch to Redis. Returns the epochs that Redis knows."""
        try:
            return await self.presence.tell_epoch(found)
        except PresenceUnavailable as error:
            logger.warning("The database's epoch could not be compared with that of Redis: %s", error)
            return []

    async def _leave_lost_behind(self, known: Sequence[Epoch]) -> bool:
        """Gives all rooms new logs if the database lacks one of these epochs. Returns whether it did."""
        lost = await self.log.run(epoch.find_lost, known) if known else None
        if lost is None:
            return False
        logger.error(
            "The database lacks its epoch %d, which was seen: it was restored from an older copy. All rooms get new"
            " logs, and their members start anew",
            lost.number,
        )
        self._proven.clear()
        await self.log.run(epoch.leave_behind, lost)
        return True

    async def _compare_first(self) -> None:
        """Waits for the first comparison of epochs, at most FIRST_COMPARISON_SECONDS: renewing logs may take longer.

        Raises:
            LogUnavailable: the database can't be read.
        """
        if self._epoch is not None:
            return
        if self._first_comparison is None or self._first_comparison.done():
            self._first_comparison = asyncio.create_task(self._follow_epoch())
        done, _ = await asyncio.wait([self._first_comparison], timeout=FIRST_COMPARISON_SECONDS)
        for task in done:
            task.result()

    async def _check_proof(self, text: str) -> None:
        """Checks with a client's epoch whether the database went back.

        An epoch without our signature is ignored. Each epoch costs one query.
        """
        if text in self._proven or (seen := epoch_proof.verify(text)) is None:
            return
        async with self._comparing:
            if text in self._proven:
                return
            is_lost = await self._leave_lost_behind([seen])
            if len(self._proven) >= PROVEN_LIMIT:
                self._proven.clear()
            self._proven.add(text)
        if is_lost:
            await self._compare_heads()

    async def look_at(self, hubs: Sequence[RoomHub]) -> None:
        """Updates these rooms from the database: messages, rules, title and topic.

        Raises:
            LogUnavailable: they couldn't be read.
        """
        async with self._looking:
            await self._find_rows([hub for hub in hubs if not hub.room.is_written])
            hubs = [hub for hub in hubs if hub.room.is_written]
            known = {hub.room.id: hub.head for hub in hubs}  # Read before the query: these versions are on disk.
            states = await self.log.states(list(known)) if hubs else {}
            for hub in hubs:
                if (state := states.get(hub.room.id)) is None:
                    logger.warning("Room %s was deleted; its members start anew", hub.room.slug)
                    self._start_anew(hub)
                    continue
                if state.log != hub.room.log:
                    logger.warning("Room %s has got another history; its members start anew", hub.room.slug)
                    self._start_anew(hub)
                    continue
                if state.head < known[hub.room.id]:
                    await self.log.run(room_rows.renew_log, hub.room)
                    self._start_new_history(hub.room)
                    continue
                hub.take_state(state)
                if state.head > hub.head:
                    hub.catch_up()

    def _start_new_history(self, room: RoomRow) -> None:
        """Restarts a room whose database lost versions that members had got. The database has its new log already."""
        hub = self._by_name.get(room.name)
        if hub is None or hub.room.log != room.log:  # Done before.
            return
        logger.error(
            "Room %s went back, from version %d: the database was restored, or a replica took over that lacked the"
            " newest messages. The room has got a new log, and its members start anew",
            room.slug,
            hub.head,
        )
        self._start_anew(hub)
        self.publish_everywhere(RoomChanged(room.name))

    async def _find_rows(self, hubs: Sequence[RoomHub]) -> None:
        """Checks whether these rooms have got a row, in one query."""
        rows = await self.log.rows([hub.room.slug for hub in hubs]) if hubs else {}
        for hub in hubs:
            if (row := rows.get(hub.room.slug)) is not None and not hub.take_row(row):
                logger.warning("Room %s got its first message under another log; its members start anew", row.slug)
                self._start_anew(hub)

    async def show_change(self, hub: RoomHub, before: RoomInfo) -> bool:
        """Publishes a change that this process made in a room's row to all processes and members.

        Returns whether members have got a change since `before`. Another look may have published it already.

        Raises:
            LogUnavailable: it couldn't be read.
        """
        await self.look_at([hub])
        self.publish_everywhere(RoomChanged(hub.room.name))
        return hub.info != before

    async def show_made(self, room: RoomRow) -> None:
        """The same as `show_change`, for a new room. Members may be there already, for example by a link."""
        if (hub := self._by_name.get(room.name)) is not None:
            await self.show_change(hub, hub.info)
        else:
            self.publish_everywhere(RoomChanged(room.name))

    def _handle_room_changed(self, message: RoomChanged) -> None:
        if (hub := self._by_name.get(message.room)) is not None:
            _in_background(self._look_again(hub))

    async def _look_again(self, hub: RoomHub) -> None:
        try:
            await self.look_at([hub])
        except LogUnavailable as error:
            logger.warning("What was changed of room %s will be known later: %s", hub.room.slug, error)

    async def _beat(self) -> None:
        """Sends one beat of all rooms' pulses. Cuts off members who haven't answered their last one."""
        now = asyncio.get_running_loop().time()
        is_late = now - self._beat_at > 2 * BEAT_SECONDS  # This process hung: answers may be waiting unread.
        self._beat_at = now
        self._beat_number += 1
        current_send_buffers().look()
        for hub in self._by_name.values():
            hub.beat(self._beat_number % BEATS)
            if not is_late:
                hub.cut_off_silent((self._beat_number - ANSWER_BEATS) % BEATS)

    async def _drop_empty(self) -> None:
        """Closes rooms whose only joiner left while they were opening."""
        for hub in [hub for hub in self._by_name.values() if hub.is_empty]:
            self._drop(hub)

    async def _renew_presence(self) -> None:
        read_at = asyncio.get_running_loop().time()
        await self._renew_proposals()
        try:
            shares = await self.presence.renew(list(self._by_name), self._own_share, self._known)
        except PresenceUnavailable as error:
            logger.warning("Who is on other servers can't be told just now: %s", error)
            return
        for number, (name, others) in enumerate(shares.items(), 1):
            if (hub := self._by_name.get(name)) is not None:
                await hub.reconcile(others, read_at)
            if number % ROOMS_AT_ONCE == 0:
                await asyncio.sleep(0)

    async def _tell_spent(self) -> None:
        """Shares members' usage of limits between processes."""
        if used := self._limiter.drain():
            self._broker.send(EVERYWHERE, LimitsUsed(used))

    def counts(self) -> dict[str, int]:
        """Counts of this process's rooms, members and connections, for logs and tests."""
        hubs = list(self._by_name.values())
        return {
            "rooms": len(hubs) + len(self._opening),
            "members": sum(len(hub.own_share) for hub in hubs),
            "connections": sum(hub.connection_count for hub in hubs),
            "watched": self.watching.room_count,
        }

    def _own_share(self, name: str) -> Share:
        hub = self._by_name.get(name)
        return {} if hub is None else hub.own_share

    def _known(self, name: str, process: str) -> Known:
        hub = self._by_name.get(name)
        return Known() if hub is None else hub.known(process)

    async def close(self) -> None:
        """Writes and sends everything that waits. Members who reconnect elsewhere in time don't appear to leave.

        A part that fails or hangs, because its server is away, doesn't stop the others from closing.
        """
        for routine in self._routines:
            routine.cancel()
        await asyncio.gather(*self._routines, return_exceptions=True)
        await _in_time("storing presence", _all_of(self._storing.values()))
        await _in_time("the farewell", self.presence.farewell(list(self._by_name)))
        await _in_time("rendering", self.renderer.close())
        await _in_time("the committer", self._committer.close())
        await _in_time("the fan-out", self._broker.close())
        for hub in list(self._by_name.values()):
            hub.close(CloseCode.RESTARTING)
        for end in self._at_end:
            await _in_time(end.__qualname__, end())
        await _in_time("presence", self.presence.close())
        await _in_time("the log", self.log.close())


async def _all_of(tasks: Iterable[Awaitable[None]]) -> None:
    await asyncio.gather(*tasks)


async def _in_time(name: str, work: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await work
    except Exception as error:
        logger.warning("While stopping, %s did not end well: %r", name, error)


_background: set["asyncio.Task[None]"] = set()  # The loop itself holds its tasks only weakly.


def _in_background(work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    _background.add(task)
    task.add_done_callback(_background.discard)


async def _repeat(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """Runs `work` every few seconds, even if it failed."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except LogUnavailable as error:
            logger.warning("The database can't be reached: %s", error)
        except Exception:
            logger.exception("%s failed", work.__qualname__)


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, RoomRegistry]" = WeakKeyDictionary()


def current_registry() -> RoomRegistry:
    """The running event loop's registry, created on first use."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = RoomRegistry()
    return _by_loop[loop]


def current_counts() -> dict[str, int]:
    """Counts of the running event loop's registry; empty if it doesn't exist."""
    hubs = _by_loop.get(asyncio.get_running_loop())
    return hubs.counts() if hubs is not None else {"rooms": 0, "members": 0, "connections": 0, "watched": 0}


async def close_registry() -> None:
    """Closes the running loop's registry, if it was used."""
    if (hubs := _by_loop.pop(asyncio.get_running_loop(), None)) is not None:
        await hubs.close()
