"""All open rooms of this process, and their shared log, groups and presence store."""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from chat.access import policy, tokens
from chat.access.person import Person
from chat.access.policy import Answer
from chat.access.rate_limits import Rate, current_limiter
from chat.build import current_build
from chat.cluster.broker import Broker
from chat.cluster.messages import (
    EVERYWHERE,
    AccessChanged,
    BansChanged,
    ClusterMessage,
    EntriesWritten,
    Item,
    LimitsUsed,
    RoomChanged,
    mailbox,
    weight,
)
from chat.cluster.presence_store import (
    RENEW_SECONDS,
    MemoryPresence,
    Presence,
    PresenceUnavailable,
)
from chat.cluster.redis_presence import RedisPresence
from chat.conf import chatty
from chat.counters import counters
from chat.log import visitors
from chat.log.committer import Committed, Committer
from chat.log.entries import Entry
from chat.log.operations import Operation
from chat.log.reader import NOTHING_SAID, Log, RoomRow, WentBack
from chat.log.readers import Askers
from chat.log.rendering import Renderer
from chat.log.retention import LOOK_SECONDS, Retention
from chat.log.search_index import INDEX_SECONDS
from chat.log.turns import Asker
from chat.moderation.ban_enforcement import BanEnforcement
from chat.protocol.constants import PULSE_SECONDS
from chat.protocol.errors import CloseCode
from chat.protocol.events import Member, RoomInfo
from chat.protocol.fields import MemberId
from chat.rooms.change_buffer import ChangeBuffers
from chat.rooms.comparison import HEADS_SECONDS, ROOMS_AT_ONCE, Comparison
from chat.rooms.hub import OPENING_CHANGES, JoinRequest, RoomHub
from chat.rooms.idle_rooms import IdleRooms
from chat.rooms.presence_sync import PresenceSync
from chat.rooms.read_marks import WRITE_SECONDS, ReadMarks
from chat.rooms.readiness import Readiness
from chat.rooms.rechecks import Rechecks
from chat.rooms.roster import read_members
from chat.rooms.scheduler import PART_SECONDS, PulseWheel, Scheduler, in_slices
from chat.rooms.visits import NOTE_SECONDS, Visits
from chat.rooms.watch import WATCH_SECONDS, Watching
from chat.signals import member_joined, message_posted, send_joined, send_posted
from chat.webhooks.deliverer import Deliverer

logger = logging.getLogger(__name__)
T = TypeVar("T")

TIDY_SECONDS = 60  # The addresses of ended bans are deleted within a minute.
CLOSE_SECONDS = 2  # For each part of the shutdown: the process must end within 10 s.
EARLY_BYTES = 16 * 1024 * 1024  # Messages for rooms that are opening, in all of them.
SPENT_SECONDS = 0.5  # Maximum delay until other processes know a member's usage of limits.


class NotAdmitted(Exception):
    """The member is banned, or its token was revoked. `code` is the close code."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name)
        self.code = code


class RoomRegistry:
    """The hubs of all open rooms. It starts with its server or the first join, and lives as long as its event loop."""

    def __init__(self) -> None:
        self._limiter = current_limiter()
        self.log = Log(chatty.UNSENT_LIMIT, self._limiter.charge_cpu)
        self._buffers = ChangeBuffers(chatty.BUFFER_LIMIT)
        self.presence: Presence = RedisPresence(chatty.REDIS_URLS) if chatty.REDIS_URLS else MemoryPresence()
        self.renderer = Renderer(self._limiter)
        self._committer = Committer(self._publish, self._limiter.charge_cpu)
        self._broker = Broker(self.presence.process, self._deliver)
        self.readiness = Readiness(self.log, self.presence, self._broker)
        self._build = current_build()
        self._by_name: dict[str, RoomHub] = {}
        self._idle = IdleRooms(time.monotonic)
        self._opening: dict[str, tuple[asyncio.Task[RoomHub], Askers]] = {}  # And the callers that wait for it.
        self._early: dict[str, list[ClusterMessage]] = {}  # By name: messages for a room that is opening.
        self._early_size = 0
        self._mailbox = mailbox(self.presence.process)
        self._handlers_everywhere: dict[type, Callable[[Any], None]] = {}  # By the item's type.
        self._comparison = Comparison(
            self.log,
            self.presence,
            self._by_name,
            start_anew=self._start_anew,
            announce=lambda room: self.publish_everywhere(RoomChanged(room.name)),
        )
        self._presence_sync = PresenceSync(
            self.presence, self._broker, self._by_name, len(chatty.REDIS_URLS) or 1, self._start_anew
        )
        self.watching = Watching(self.log, self._presence_sync.find_open)
        self.read_marks = ReadMarks(self.log)
        self._ban_enforcement = BanEnforcement(
            self.log, enforce=self._disconnect_banned, publish=lambda: self.publish_everywhere(BansChanged())
        )
        self._visits = Visits(lambda visits: self.log.run(visitors.note, visits))
        self._webhooks = Deliverer(self.log, chatty.WEBHOOK_NETWORKS)
        self._rechecks = Rechecks(self.log, self._by_name, self.watching, self.can_join)
        self.subscribe_everywhere(AccessChanged, self._rechecks.handle)
        self.subscribe_everywhere(BansChanged, lambda _: self._ban_enforcement.wake())
        self.subscribe_everywhere(RoomChanged, self._handle_room_changed)
        _in_background(self._broker.subscribe(EVERYWHERE))
        self.subscribe_everywhere(LimitsUsed, lambda spent: self._limiter.charge(spent.used))
        self._at_end: list[Callable[[], Awaitable[None]]] = []
        self._pulses = PulseWheel()
        self._scheduler = Scheduler()
        retention = Retention()
        for seconds, work in (
            (PART_SECONDS, self._pulses.turn),
            (HEADS_SECONDS, self._comparison.compare_all),
            (WATCH_SECONDS, self.watching.tick),
            (PULSE_SECONDS, self._drop_empty),
            (PULSE_SECONDS, self._broker.keep),
            (RENEW_SECONDS, self._presence_sync.renew),
            (SPENT_SECONDS, self._tell_spent),
            (NOTE_SECONDS, self._visits.flush),
            (0, self._ban_enforcement.follow),
            (0, self._rechecks.follow),
            (0, self._webhooks.follow),
            (WRITE_SECONDS, self.read_marks.write),
            (TIDY_SECONDS, self._ban_enforcement.tidy),
            (INDEX_SECONDS, self.log.index),
            (TIDY_SECONDS, self.log.tidy),
            (LOOK_SECONDS, lambda: self.log.run(retention.follow)),
        ):
            self._scheduler.repeat(seconds, work)

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
            NotAdmitted: the member is banned, its token is revoked, or the host doesn't let it in.
        """
        rechecks = self._rechecks.begun
        epoch_seen = None if request.since is None else request.since.epoch
        async with self.visit(slug, request.person, request.asker, epoch_seen) as hub:
            if await hub.join(request) and member_joined.receivers:
                send_joined(slug, hub.author(request.person.id), request.person.account)
            if not self.can_join(request.person, slug):  # Since the room began to open.
                self._disconnect_banned()
        if self._rechecks.begun != rechecks:
            _in_background(self._rechecks.check_newcomer(request.person, slug))
        return hub

    @asynccontextmanager
    async def visit(
        self, slug: str, person: Person, asker: Asker, epoch_seen: str | None = None, *, asks_host: bool = True
    ) -> AsyncIterator[RoomHub]:
        """The room called `slug`, kept open meanwhile for somebody who needn't be in it.

        `epoch_seen`: the last epoch that a returning client received. `asks_host`: whether CAN_JOIN decides, too.

        Raises:
            As `join`.
        """
        await self._ban_enforcement.ready()
        await self._comparison.compare_first()
        if epoch_seen is not None:
            await self._comparison.check_proof(epoch_seen)
        if not (answer := self.can_join(person, slug)):
            if answer.close_code is CloseCode.BANNED:
                self._ban_enforcement.note(person, is_attempt=True)
            raise NotAdmitted(answer.close_code)
        if asks_host and not await self.readable(person, [slug], asker):
            raise NotAdmitted(CloseCode.NO_SUCH_ROOM)
        async with self.kept_open(slug, asker) as hub:
            yield hub

    @asynccontextmanager
    async def kept_open(self, slug: str, asker: Asker) -> AsyncIterator[RoomHub]:
        """The room called `slug`, which stays open until the end of the block, and keeps the log of its future row.

        Raises:
            LogUnavailable, RoomGone: the log couldn't be read.
            Refusal: too many callers wait.
        """
        hub = await self._open(slug, asker)
        hub.joining += 1
        try:
            yield hub
        finally:
            hub.joining -= 1
            if hub.is_empty:
                self._leave_open(hub)

    async def members(self, slug: str) -> list[Member]:
        """The members of a room in all processes.

        Raises:
            PresenceUnavailable: the room isn't open here, and Redis failed.
        """
        if (hub := self._by_name.get(slug)) is not None:
            return hub.members
        return await read_members(self.presence, slug)

    def can_join(self, person: Person, slug: str) -> Answer:
        """Whether the person may join a room or stay there, by the bans that this process knows."""
        return self._ban_enforcement.can_join(person, slug)

    async def readable(self, person: Person, slugs: Collection[str], asker: Asker) -> list[str]:
        """The rooms among these that the person may see, by their token and by the host.

        Raises:
            LogUnavailable: the host's function couldn't read its database.
            Refusal: too many callers wait.
        """
        if not policy.asks_host():
            return policy.readable(person, slugs)
        return await self.log.read(policy.readable, person, slugs, asker=asker)

    async def commit(self, operation: Operation) -> Committed:
        """The message after the operation, which is then on disk. If it is new, it is on its way to everybody.

        Raises:
            LogUnavailable, RoomGone: it may not be on disk. The operation may be repeated.
            Refusal: the message doesn't exist, or the operation isn't allowed.
        """
        try:
            return await self._committer.commit(operation)
        except WentBack:
            self._comparison.start_new_history(operation.room)
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
            self._broker.send(slug)  # Others that have the room open send to the group from now on.
            room = (await self.log.rows([slug], askers)).get(slug)
            if room is None:
                agreed = await self._presence_sync.agree_on_logs({slug: uuid.uuid4()})
                room = RoomRow(0, slug, agreed[slug])
            hub = await self._read(room, askers)
        except BaseException:
            _in_background(self._broker.unsubscribe(slug))
            raise
        finally:
            del self._early[slug]
            self._early_size -= sum(weight(item) for message in early for item in message.items)
        self._by_name[hub.room.name] = hub
        self._pulses.add(hub)
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
            publish=self._presence_sync.publish,
            note_visit=self._visits.note,
            on_empty=self._drop,
            on_written=lambda hub: _in_background(self.presence.withdraw(hub.room.name)),
            on_other_log=lambda hub: _in_background(self._comparison.look_again(hub)),
            resume_limit=chatty.RESUME_LIMIT,
            answer_limit=chatty.UNSENT_LIMIT,
            buffers=self._buffers,
            reactions=Rate(*chatty.ROOM_REACTION_LIMIT),
            build=self._build,
            proof=self._comparison.proof,
        )
        read_at = asyncio.get_running_loop().time()
        try:
            # A single room: if its server fails, all requested servers fail.
            shares = await self.presence.others([room.name], lambda room, process: hub.known(process))
            await hub.reconcile(shares[room.name], read_at)
        except PresenceUnavailable as error:
            logger.warning("Room %s opens without knowing who is elsewhere: %s", room.slug, error)
        return hub

    def _leave_open(self, hub: RoomHub) -> None:
        """Keeps a room without members for the next request, if it has messages: other names are endless."""
        if not hub.room.is_written:
            self._drop(hub)
            return
        oldest = self._idle.keep(hub.room.name)
        if oldest is not None and oldest in self._by_name and self._by_name[oldest].is_empty:
            self._drop(self._by_name[oldest])

    def _drop(self, hub: RoomHub) -> None:
        if self._by_name.get(hub.room.name) is hub:
            del self._by_name[hub.room.name]
            self._idle.forget(hub.room.name)
            self._pulses.remove(hub)
            hub.close(CloseCode.GOING_AWAY)
            _in_background(self._presence_sync.release(hub))
            _in_background(self._broker.unsubscribe(hub.room.name))

    def _start_anew(self, hub: RoomHub) -> None:
        """Closes the connections of a room's members. They rejoin at once and get the database's state."""
        hub.close(CloseCode.RESTARTING)
        self._drop(hub)

    async def proposed_log(self, slug: str) -> uuid.UUID:
        """The log for the room's future row."""
        return await self._presence_sync.proposed_log(slug)

    async def look_at(self, hubs: Iterable[RoomHub]) -> None:
        """As `Comparison.look_at`."""
        await self._comparison.look_at(hubs)

    def _disconnect_banned(self) -> None:
        """Closes the connections of members who are banned or whose tokens were revoked, in all rooms."""
        for hub in list(self._by_name.values()):
            for person in hub.disconnect_banned(partial(self.can_join, slug=hub.room.slug)):
                self._ban_enforcement.note(person)

    # --- messages between processes ---

    def _publish(self, room: RoomRow, entries: list[Entry]) -> None:
        """Applies this process's own commits at once, without the group."""
        self._comparison.has_written = True
        written = EntriesWritten(room.log, room.id, entries)
        if (hub := self._by_name.get(room.name)) is not None and entries[0].version <= hub.head:
            # A version that was told already: the database may have gone back.
            _in_background(self._comparison.look_again(hub))
        self._deliver(ClusterMessage(room.name, self.presence.process, [written]))
        self._presence_sync.send(room.name, written)
        self._webhooks.wake(room.id)
        posts = sum(entry.is_new_message for entry in entries)
        counters.posts += posts
        counters.changes += len(entries) - posts
        if message_posted.receivers:
            for entry in entries:
                if entry.is_new_message:
                    send_posted(room.slug, entry.encoded)

    def publish_written(self, room: RoomRow, entries: list[Entry]) -> None:
        """Publishes what this process has committed without its committer, as if that had done it."""
        self._publish(room, entries)

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
        self._scheduler.repeat(seconds, work)
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

    async def show_change(self, hub: RoomHub, before: RoomInfo) -> bool:
        """Publishes a change that this process made in a room's row to all processes and members.

        Returns whether members have got a change since `before`. Another look may have published it already.

        Raises:
            LogUnavailable: it couldn't be read.
        """
        await self._comparison.look_at([hub])
        self.publish_everywhere(RoomChanged(hub.room.name))
        return hub.info != before

    def _handle_room_changed(self, message: RoomChanged) -> None:
        if (hub := self._by_name.get(message.room)) is not None:
            _in_background(self._comparison.look_again(hub))

    async def _drop_empty(self) -> None:
        """Closes rooms whose only joiner left while they were opening, and those whose last request was a while ago."""
        for hubs in in_slices(self._by_name.values(), ROOMS_AT_ONCE):
            for hub in hubs:
                if hub.is_empty and not self._idle.is_kept(hub.room.name):
                    self._drop(hub)
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

    async def close(self) -> None:
        """Writes and sends everything that waits. Members who reconnect elsewhere in time don't appear to leave.

        A part that fails or hangs, because its server is away, doesn't stop the others from closing.
        """
        await self._scheduler.close()
        await _in_time("webhooks", self._webhooks.close())
        await _in_time("read marks", self.read_marks.write())
        await _in_time("visits", self._visits.flush())
        await _in_time("storing presence", self._presence_sync.flush())
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


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, RoomRegistry]" = WeakKeyDictionary()


def current_registry() -> RoomRegistry:
    """The running event loop's registry, created on first use."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = RoomRegistry()
    return _by_loop[loop]


def running_registries() -> list[tuple[asyncio.AbstractEventLoop, RoomRegistry]]:
    """The registries of this process with their event loops, from any thread. A server has one, other programs none."""
    return [(loop, registry) for loop, registry in list(_by_loop.items()) if loop.is_running()]


def current_counts() -> dict[str, int]:
    """Counts of the running event loop's registry; empty if it doesn't exist."""
    hubs = _by_loop.get(asyncio.get_running_loop())
    return hubs.counts() if hubs is not None else {"rooms": 0, "members": 0, "connections": 0, "watched": 0}


async def close_registry() -> None:
    """Closes the running loop's registry, if it was used."""
    if (hubs := _by_loop.pop(asyncio.get_running_loop(), None)) is not None:
        await hubs.close()
