"""All the rooms that are open in this process, and what they share: the log, the groups, the presence store."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings

from .audience import BEATS
from .build import current_build
from .committer import Committed, Committer
from .connection import Connection
from .door import Door
from .fanout import Fanout
from .hub import RoomHub
from .limits import current_limiter
from .log import Log, LogUnavailable, RoomRow
from .operations import Operation
from .peers import EVERYWHERE, BansChanged, Held, Item, News, Released, RoomChanged, Spent, Written
from .presence import RENEW_SECONDS, MemoryPresence, Presence, PresenceUnavailable, RedisPresence, Share
from .protocol import PULSE_SECONDS, CloseCode, Member, Since
from .ring import Entry
from .watching import WATCH_SECONDS, Watching

logger = logging.getLogger(__name__)
T = TypeVar("T")

HEADS_SECONDS = 2  # What the fan-out lost is found after this long at most: one query for all rooms.
BEAT_SECONDS = PULSE_SECONDS / BEATS
ANSWER_BEATS = 6  # 3 s to answer a pulse. With the pulse and the grace, a member whose cable was pulled is gone in 9.
TIDY_SECONDS = 60  # Addresses of bans are forgotten within a minute of their end.
CLOSE_SECONDS = 2  # For each part of the end: the process shall be gone within 10.
SPENT_SECONDS = 0.5  # How far processes are behind in what a member who uses a lot has used.
OPENING_CHANGES = 100  # What a hub starts with; it reads deeper when the first member comes back from farther away.


class ShutOut(Exception):
    """A ban keeps this member out."""


class Hubs:
    """The registry of hubs, one a room. It starts with the first join and lives as long as its event loop."""

    def __init__(self) -> None:
        self.log = Log()
        self.presence: Presence = RedisPresence(settings.REDIS_URLS) if settings.REDIS_URLS else MemoryPresence()
        self._committer = Committer(self._publish)
        self._fanout = Fanout(self.presence.process, self._deliver)
        self._build = current_build()
        self._by_slug: dict[str, RoomHub] = {}
        self._by_name: dict[str, RoomHub] = {}
        self._opening: dict[str, asyncio.Task[RoomHub]] = {}
        self._early: dict[str, list[News]] = {}  # By name: what is said of a room that is just being opened.
        self._unstored: list[tuple[str, Held | Released]] = []  # Changes of presence, on their way to the store.
        self._storing: asyncio.Task[None] | None = None
        self._beat_number = 0
        self._beat_at = asyncio.get_running_loop().time()
        self._heard_everywhere: dict[type, Callable[[Any], None]] = {}  # Who takes what, by the item's type.
        self._looking = asyncio.Lock()  # At what the database says of rooms: an older look never follows a newer one.
        self.watching = Watching(self.log)
        self._door = Door(self.log, enforce=self._show_out, tell=lambda: self.tell_everywhere(BansChanged()))
        self.listen_everywhere(BansChanged, lambda _: self._door.wake())
        self.listen_everywhere(RoomChanged, self._hear_of_change)
        _in_background(self._fanout.subscribe(EVERYWHERE))
        self._limiter = current_limiter()
        self.listen_everywhere(Spent, lambda spent: self._limiter.charge(spent.used))
        self._routines = [
            asyncio.create_task(_repeat(HEADS_SECONDS, self._compare_heads)),
            asyncio.create_task(_repeat(WATCH_SECONDS, self.watching.tick)),
            asyncio.create_task(_repeat(BEAT_SECONDS, self._beat)),
            asyncio.create_task(_repeat(PULSE_SECONDS, self._drop_empty)),
            asyncio.create_task(_repeat(PULSE_SECONDS, self._fanout.mend)),
            asyncio.create_task(_repeat(RENEW_SECONDS, self._renew_presence)),
            asyncio.create_task(_repeat(SPENT_SECONDS, self._tell_spent)),
            asyncio.create_task(_repeat(0, self._door.follow)),
            asyncio.create_task(_repeat(TIDY_SECONDS, self._door.tidy)),
        ]

    # --- members ---

    async def join(
        self,
        slug: str,
        connection: Connection,
        member: Member,
        since: Since | None,
        *,
        network: str = "",
        is_moderator: bool = False,
        is_idle: bool = False,
    ) -> RoomHub:
        """Welcomes a connection to the room called `slug`, made and opened where need be.

        `network` is where bans by address look for it.

        Raises:
            LogUnavailable, RoomGone: the log couldn't be read.
            ShutOut: a ban keeps the member out.
        """
        await self._door.ready()
        if self._door.is_shut(member.id, network):
            self._door.note(member.id, network, is_attempt=True)
            raise ShutOut
        hub = await self._open(slug)
        hub.arriving += 1
        try:
            await hub.join(connection, member, since, network=network, is_moderator=is_moderator, is_idle=is_idle)
            if self._door.is_shut(member.id, network):  # Banned while the room was being opened.
                self._show_out()
        finally:
            hub.arriving -= 1
            if hub.is_empty:
                self._drop(hub)
        return hub

    async def commit(self, operation: Operation) -> Committed:
        """The message as the operation made it, when that is on disk; what is new is then on its way to everybody.

        Raises:
            LogUnavailable, RoomGone: it may not be; the same may be asked for again.
            Refusal: the message isn't there, or may not be changed so.
        """
        return await self._committer.commit(operation)

    async def _open(self, slug: str) -> RoomHub:
        """The room's hub; whoever comes while it is being opened waits for the same opening."""
        while (hub := self._by_slug.get(slug)) is None:
            if slug not in self._opening:
                self._opening[slug] = asyncio.create_task(self._make(slug))
                self._opening[slug].add_done_callback(lambda _: self._opening.pop(slug))
            await asyncio.shield(self._opening[slug])
        return hub

    async def _make(self, slug: str) -> RoomHub:
        """First the group, then the log, then what the group said meanwhile: so nothing falls in between."""
        room = await self.log.room(slug)
        early = self._early[room.name] = []
        try:
            await self._fanout.subscribe(room.name)
            hub = await self._read(room)
        except BaseException:
            _in_background(self._fanout.unsubscribe(room.name))
            raise
        finally:
            del self._early[room.name]
        self._by_slug[slug] = self._by_name[room.name] = hub
        for news in early:
            hub.hear(news)
        return hub

    async def _read(self, room: RoomRow) -> RoomHub:
        opening = await self.log.opening(room.id, OPENING_CHANGES)
        hub = RoomHub(
            room,
            opening,
            self.log,
            self.presence.process,
            tell=self._tell,
            on_empty=self._drop,
            resume_limit=settings.RESUME_LIMIT,
            answer_limit=settings.UNSENT_LIMIT,
            build=self._build,
        )
        read_at = asyncio.get_running_loop().time()
        try:
            hub.reconcile((await self.presence.others([room.name]))[room.name], read_at)
        except PresenceUnavailable as error:
            logger.warning("Room %s opens without knowing who is elsewhere: %s", room.slug, error)
        return hub

    def _drop(self, hub: RoomHub) -> None:
        if self._by_name.get(hub.room.name) is hub:
            del self._by_slug[hub.room.slug], self._by_name[hub.room.name]
            hub.close(CloseCode.GOING_AWAY)
            _in_background(self._fanout.unsubscribe(hub.room.name))

    def _show_out(self) -> None:
        """Closes the connections of whoever is banned, in all rooms."""
        for hub in list(self._by_name.values()):
            for member_id, network in hub.show_out(self._door.is_shut):
                self._door.note(member_id, network)

    # --- what is told to other processes, and what they tell ---

    def _publish(self, room: RoomRow, entries: list[Entry]) -> None:
        """Takes this process's own commits: they are applied at once, without the way through the group."""
        if (hub := self._by_name.get(room.name)) is not None:
            hub.apply(entries)
        elif room.name in self._early:
            self._early[room.name].append(News(room.name, self.presence.process, [Written(entries)]))
        self._fanout.send(room.name, Written(entries))

    def tell_everywhere(self, item: Item) -> None:
        """Tells every process, this one at once. It may be lost: whoever listens must learn it in another way, too."""
        self._deliver(News(EVERYWHERE, self.presence.process, [item]))
        self._fanout.send(EVERYWHERE, item)

    def listen_everywhere(self, kind: type[T], take: Callable[[T], None]) -> None:
        """`take` gets every item of this type that any process tells everywhere."""
        self._heard_everywhere[kind] = take

    def _deliver(self, news: News) -> None:
        if news.room == EVERYWHERE:
            for item in news.items:
                if (take := self._heard_everywhere.get(type(item))) is not None:
                    take(item)
        elif (hub := self._by_name.get(news.room)) is not None:
            hub.hear(news)
        elif news.room in self._early:
            self._early[news.room].append(news)

    def _tell(self, name: str, item: Item) -> None:
        """Tells the other processes. Presence is stored first: who hears of it finds it in the store as well."""
        if not isinstance(item, Held | Released):
            self._fanout.send(name, item)
            return
        self._unstored.append((name, item))
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())

    async def _store(self) -> None:
        try:
            while self._unstored:
                changes, self._unstored = self._unstored, []
                await self.presence.apply(changes)
                for name, change in changes:
                    self._fanout.send(name, change)
        finally:
            self._storing = None

    # --- what is done every few seconds ---

    async def _compare_heads(self) -> None:
        """Finds what the fan-out lost."""
        await self.look_at(list(self._by_name.values()))

    async def look_at(self, hubs: Sequence[RoomHub]) -> None:
        """Brings these rooms to where the database has them: what was said, who may write, what they are about.

        Raises:
            LogUnavailable: they couldn't be read.
        """
        async with self._looking:
            states = await self.log.states([hub.room.id for hub in hubs]) if hubs else {}
            for hub in hubs:
                if (state := states.get(hub.room.id)) is None:
                    logger.warning("Room %s was deleted; its members are sent to make a new one", hub.room.slug)
                    hub.close(CloseCode.RESTARTING)
                    self._drop(hub)
                    continue
                hub.take_state(state)
                if state.head > hub.head:
                    hub.catch_up()

    async def show_change(self, hub: RoomHub) -> bool:
        """Tells everybody, everywhere, what this process has just changed of a room's row. Whether it was anything.

        Raises:
            LogUnavailable: it couldn't be read.
        """
        before = hub.info
        await self.look_at([hub])
        self.tell_everywhere(RoomChanged(hub.room.name))
        return hub.info != before

    async def show_made(self, room: RoomRow) -> None:
        """As `show_change`, for a room that is made: somebody may be there already, by a link or by chance."""
        if (hub := self._by_name.get(room.name)) is not None:
            await self.show_change(hub)
        else:
            self.tell_everywhere(RoomChanged(room.name))

    def _hear_of_change(self, news: RoomChanged) -> None:
        if (hub := self._by_name.get(news.room)) is not None:
            _in_background(self._look_again(hub))

    async def _look_again(self, hub: RoomHub) -> None:
        try:
            await self.look_at([hub])
        except LogUnavailable as error:
            logger.warning("What was changed of room %s will be known later: %s", hub.room.slug, error)

    async def _beat(self) -> None:
        """The pulse of all rooms, a part of the members at a time; who doesn't answer is cut off before the next."""
        now = asyncio.get_running_loop().time()
        is_late = now - self._beat_at > 2 * BEAT_SECONDS  # This process was asleep: answers may be waiting unread.
        self._beat_at = now
        self._beat_number += 1
        for hub in self._by_name.values():
            hub.beat(self._beat_number % BEATS)
            if not is_late:
                hub.cut_off_silent((self._beat_number - ANSWER_BEATS) % BEATS)

    async def _drop_empty(self) -> None:
        """Closes rooms that whoever they were opened for had left before they were open."""
        for hub in [hub for hub in self._by_name.values() if hub.is_empty]:
            self._drop(hub)

    async def _renew_presence(self) -> None:
        read_at = asyncio.get_running_loop().time()
        try:
            shares = await self.presence.renew(list(self._by_name), self._own_share)
        except PresenceUnavailable as error:
            logger.warning("Who is on other servers can't be told just now: %s", error)
            return
        for name, others in shares.items():
            if (hub := self._by_name.get(name)) is not None:
                hub.reconcile(others, read_at)

    async def _tell_spent(self) -> None:
        """Lets no member have on every process what it may have on one."""
        if used := self._limiter.drain():
            self._fanout.send(EVERYWHERE, Spent(used))

    def counts(self) -> dict[str, int]:
        """What this process holds at the moment; all zero when nobody is here."""
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

    async def close(self) -> None:
        """Writes and sends what waits. Members who come back elsewhere meanwhile are never seen to leave.

        A part that fails or hangs, because what it talks to is away, doesn't keep the others from ending.
        """
        for routine in self._routines:
            routine.cancel()
        await asyncio.gather(*self._routines, return_exceptions=True)
        await _in_time("storing presence", self._storing)
        await _in_time("the farewell", self.presence.farewell(list(self._by_name)))
        await _in_time("the committer", self._committer.close())
        await _in_time("the fan-out", self._fanout.close())
        for hub in list(self._by_name.values()):
            hub.close(CloseCode.RESTARTING)
        await _in_time("presence", self.presence.close())
        await _in_time("the log", self.log.close())


async def _in_time(name: str, work: Awaitable[None] | None) -> None:
    if work is None:
        return
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
    """Does `work` every few seconds, whatever becomes of the last time."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except LogUnavailable as error:
            logger.warning("The database can't be reached: %s", error)
        except Exception:
            logger.exception("%s failed", work.__qualname__)


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, Hubs]" = WeakKeyDictionary()


def current_hubs() -> Hubs:
    """The running loop's registry, made on first use."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = Hubs()
    return _by_loop[loop]


def current_counts() -> dict[str, int]:
    """What the running loop's registry holds; nothing where nobody has used it yet."""
    hubs = _by_loop.get(asyncio.get_running_loop())
    return hubs.counts() if hubs is not None else {"rooms": 0, "members": 0, "connections": 0, "watched": 0}


async def close_hubs() -> None:
    """Closes the running loop's registry, if it was used."""
    if (hubs := _by_loop.pop(asyncio.get_running_loop(), None)) is not None:
        await hubs.close()
