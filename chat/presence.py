"""Where processes tell each other whom they hold: under a lease, so that a process that dies is forgotten.

Nothing here has to be reliable. A hub knows its own members by itself; it looks at the store to learn of those of
other processes, and puts its own back where the store has lost them.
"""

import asyncio
import itertools
import logging
import secrets
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from .peers import Held, Released
from .protocol import MemberId
from .roster import Named

logger = logging.getLogger(__name__)

RENEW_SECONDS = 2
LEASE_SECONDS = 7  # Three missed renewals: a slow disk or a GC pause is not a departure.
FAREWELL_SECONDS = 10  # The lease of a process that stops: time for its members to come back elsewhere.
REDIS_TIMEOUT_SECONDS = 2  # Less than a renewal, so that a Redis that hangs costs one of them at most.

Share = Mapping[MemberId, Named]  # A process's members in one room.
Own = Callable[[str], Share]  # Asked at the last moment, so that what is written is not older than what was applied.
Shares = dict[str, Share]  # Every other process's share in one room, by process.


class PresenceUnavailable(Exception):
    """The store can't be reached just now."""


class Presence(Protocol):
    """A store of shares. `process` names this process in it, differently after every start."""

    process: str

    async def apply(self, changes: Sequence[tuple[str, Held | Released]]) -> None:
        """Takes changes of this process's shares, by room, in order. A store that fails is mended by `renew`."""

    async def others(self, rooms: Sequence[str]) -> dict[str, Shares]:
        """Everybody else's shares in these rooms.

        Raises:
            PresenceUnavailable: nothing is known.
        """

    async def renew(self, rooms: Sequence[str], own: Own) -> dict[str, Shares]:
        """Everybody else's shares in these rooms; renews the lease of this process's and mends where they differ.

        Raises:
            PresenceUnavailable: nothing is known.
        """

    async def farewell(self, rooms: Iterable[str]) -> None:
        """Leaves this process's shares in place a little longer than it lives, for members who reconnect elsewhere."""

    async def ping(self) -> None:
        """Nothing, where the store answers.

        Raises:
            PresenceUnavailable: it doesn't.
        """

    async def close(self) -> None:
        """Ends the connections; the leases end by themselves."""


class MemoryPresence:
    """For the only process: there is nobody to tell."""

    def __init__(self) -> None:
        self.process = secrets.token_hex(8)

    async def apply(self, changes: Sequence[tuple[str, Held | Released]]) -> None:
        pass

    async def others(self, rooms: Sequence[str]) -> dict[str, Shares]:
        return {room: {} for room in rooms}

    async def renew(self, rooms: Sequence[str], own: Own) -> dict[str, Shares]:
        return await self.others(rooms)

    async def farewell(self, rooms: Iterable[str]) -> None:
        pass

    async def ping(self) -> None:
        pass

    async def close(self) -> None:
        pass


_REVISION = b"revision"  # No member's id, so it can stand among them.


class RedisPresence:
    """Shares in Redis, under keys that expire when their lease ends. A room has its place on one of several servers.

    chatty:presence:{room}            set: the processes that have members in the room
    chatty:presence:{room}:{process}  hash: member id -> [time, name]; and a revision, new with every change, so that
                                      others fetch only the shares that they don't know yet
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self.process = secrets.token_hex(8)
        self._servers = [
            Redis.from_url(
                url,
                socket_timeout=REDIS_TIMEOUT_SECONDS,
                socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
                retry=Retry(NoBackoff(), 1),  # A connection that a restart of Redis cut is replaced at once.
            )
            for url in urls
        ]
        self._revisions = itertools.count(1)
        self._writing = asyncio.Lock()  # Changes reach the store in the order in which they happened.
        self._doubtful: set[str] = set()  # Rooms where a write failed: the store may hold something else.
        self._known: dict[str, dict[str, tuple[bytes, Share]]] = {}  # Room, process: revision and share.

    async def apply(self, changes: Sequence[tuple[str, Held | Released]]) -> None:
        async with self._writing:
            for server, rooms in self._by_server({room for room, _ in changes}):
                pipe = server.pipeline()
                for room, change in changes:
                    if room not in rooms:
                        continue
                    if isinstance(change, Held):
                        self._put(pipe, room, {change.member_id: change.named})
                    else:
                        pipe.hdel(self._share_key(room), change.member_id)
                        self._put(pipe, room, {})
                try:
                    await pipe.execute()
                except (RedisError, OSError) as error:
                    logger.warning("Presence of %d rooms could not be stored: %s", len(rooms), error)
                    self._doubtful |= rooms

    async def others(self, rooms: Sequence[str]) -> dict[str, Shares]:
        found: dict[str, Shares] = {}
        try:
            for server, names in self._by_server(rooms):
                found |= await self._read_others(server, sorted(names))
        except (RedisError, OSError) as error:
            raise PresenceUnavailable(str(error)) from error
        return found

    async def renew(self, rooms: Sequence[str], own: Own) -> dict[str, Shares]:
        try:
            for server, names in self._by_server(rooms):
                async with self._writing:
                    await self._renew_own(server, sorted(names), own)
        except (RedisError, OSError) as error:
            raise PresenceUnavailable(str(error)) from error
        self._known = {room: self._known[room] for room in self._known.keys() & set(rooms)}
        self._doubtful.intersection_update(rooms)
        return await self.others(rooms)

    async def _renew_own(self, server: "Redis", rooms: Sequence[str], own: Own) -> None:
        pipe = server.pipeline(transaction=False)
        for room in rooms:
            pipe.expire(self._share_key(room), LEASE_SECONDS)
            pipe.expire(self._room_key(room), 10 * LEASE_SECONDS)
            pipe.sismember(self._room_key(room), self.process)
            pipe.hlen(self._share_key(room))
        answers = iter(await pipe.execute())
        pipe = server.pipeline()
        for room in rooms:
            is_leased, _, is_listed, size = next(answers), next(answers), next(answers), next(answers)
            share = own(room)
            if room in self._doubtful or not (is_leased and is_listed and size == len(share) + 1):
                pipe.delete(self._share_key(room))
                self._put(pipe, room, share)
        await pipe.execute()
        self._doubtful.difference_update(rooms)

    async def _read_others(self, server: "Redis", rooms: Sequence[str]) -> dict[str, Shares]:
        pipe = server.pipeline(transaction=False)
        for room in rooms:
            pipe.smembers(self._room_key(room))
        processes = [sorted(name.decode() for name in names) for names in await pipe.execute()]
        others = [(room, name) for room, names in zip(rooms, processes, strict=True) for name in names]
        others = [(room, process) for room, process in others if process != self.process]

        for room, process in others:
            pipe.hget(self._share_key(room, process), _REVISION)
        revisions = dict(zip(others, await pipe.execute(), strict=True))
        unknown = [other for other in others if revisions[other] not in (None, self._revision_known(*other))]
        for room, process in unknown:
            pipe.hgetall(self._share_key(room, process))
        for (room, process), fields in zip(unknown, await pipe.execute(), strict=True):
            if revision := fields.pop(_REVISION, None):
                share = {MemberId(key.decode()): _named(value) for key, value in fields.items()}
                self._known.setdefault(room, {})[process] = revision, share

        found: dict[str, Shares] = {room: {} for room in rooms}
        for room, process in others:
            if revisions[room, process] is None:
                self._known.get(room, {}).pop(process, None)
                pipe.srem(self._room_key(room), process)
            elif process in self._known.get(room, {}):
                found[room][process] = self._known[room][process][1]
        await pipe.execute()
        return found

    def _revision_known(self, room: str, process: str) -> bytes | None:
        known = self._known.get(room, {}).get(process)
        return known and known[0]

    def _put(self, pipe: Any, room: str, share: Share) -> None:
        """Adds members to this process's share, with a new revision and a whole lease."""
        fields: dict[Any, Any] = {member_id: msgspec.json.encode(named) for member_id, named in share.items()}
        pipe.hset(self._share_key(room), mapping=fields | {_REVISION: next(self._revisions)})
        pipe.expire(self._share_key(room), LEASE_SECONDS)
        pipe.sadd(self._room_key(room), self.process)
        pipe.expire(self._room_key(room), 10 * LEASE_SECONDS)

    async def farewell(self, rooms: Iterable[str]) -> None:
        for server, names in self._by_server(rooms):
            pipe = server.pipeline(transaction=False)
            for room in names:
                pipe.expire(self._share_key(room), FAREWELL_SECONDS)
            try:
                await pipe.execute()
            except (RedisError, OSError) as error:
                logger.warning("Members may seem gone for a moment, Redis was not told to keep them: %s", error)

    async def ping(self) -> None:
        try:
            for server in self._servers:
                await server.ping()
        except (RedisError, OSError) as error:
            raise PresenceUnavailable(str(error)) from error

    async def close(self) -> None:
        for server in self._servers:
            await server.aclose()

    def _by_server(self, rooms: Iterable[str]) -> list[tuple["Redis", set[str]]]:
        sorted_out: dict[int, set[str]] = {}
        for room in rooms:
            sorted_out.setdefault(zlib.crc32(room.encode()) % len(self._servers), set()).add(room)
        return [(self._servers[index], names) for index, names in sorted_out.items()]

    def _share_key(self, room: str, process: str | None = None) -> str:
        return f"chatty:presence:{{{room}}}:{process or self.process}"

    def _room_key(self, room: str) -> str:
        return f"chatty:presence:{{{room}}}"


def _named(value: bytes) -> Named:
    """What a later release says of a member besides is passed over: while it is rolled out, it isn't alone."""
    return msgspec.convert(msgspec.json.decode(value)[: len(Named._fields)], Named)
