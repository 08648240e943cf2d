"""The store where processes publish their members. Entries have a lease, so those of a dead process expire.

The store needn't be reliable. A hub knows its own members. It reads other processes' members from the store,
and rewrites its own if the store has lost them.
"""

import asyncio
import itertools
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
from redis.exceptions import RedisError

from chat.cluster.messages import MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Known, Seen, Share, Shares
from chat.cluster.redis_servers import RedisServer, place_of_room
from chat.log.epoch_proof import Epoch
from chat.protocol.fields import MemberId

logger = logging.getLogger(__name__)
T = TypeVar("T")

RENEW_SECONDS = 2
LEASE_SECONDS = 7  # Three missed renewals: a slow disk or a GC pause is not a departure.
FAREWELL_SECONDS = 10  # The lease of a process that stops: time for its members to come back elsewhere.
MEMBERS_AT_ONCE = 200  # Members of a share in one read: 2 ms of the loop.
ROOMS_AT_ONCE = 50  # Rooms in one renewal: 2 ms of the loop.

Own = Callable[[str], Share]  # Called just before writing, so that the written share includes all applied changes.
FindKnown = Callable[[str, str], Known]  # Room and process -> the known share, which needn't be read.


class PresenceUnavailable(Exception):
    """The store is unavailable."""


class Presence(Protocol):
    """A store of shares. `process` is this process's name in it, new after every start."""

    process: str

    def stamp(self, room: str, change: MemberPresent | MemberGone) -> MemberPresent | MemberGone:
        """The change with the revision of this process's share after it."""

    async def apply(self, changes: Sequence[tuple[str, MemberPresent | MemberGone]]) -> None:
        """Applies stamped changes, by room, in order. After a failure `renew` repairs the store."""

    # If one of several servers fails, its rooms are missing in the results below.

    async def others(self, rooms: Sequence[str], known: FindKnown) -> dict[str, Shares]:
        """The other processes' shares in these rooms, unless they are known.

        Raises:
            PresenceUnavailable: every server fails.
        """

    async def renew(self, rooms: Sequence[str], own: Own, known: FindKnown) -> dict[str, Shares]:
        """The same as `others`. Also renews the leases of this process's shares and repairs differences.

        Raises:
            PresenceUnavailable: every server fails.
        """

    async def propose(self, logs: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        """The logs that all processes agree on, by room, for rooms without a row. Holds them for LEASE_SECONDS.

        The first proposal for a room counts.

        Raises:
            PresenceUnavailable: every server fails.
        """

    async def proposed(self, rooms: Iterable[str]) -> set[str]:
        """The rooms among these that have a proposed log. They have no row, but a member in some process.

        Raises:
            PresenceUnavailable: every server fails.
        """

    async def withdraw(self, room: str) -> None:
        """Deletes the proposals for a room that has a row now."""

    async def farewell(self, rooms: Iterable[str]) -> None:
        """Keeps this process's shares for FAREWELL_SECONDS, so that members can reconnect elsewhere."""

    async def try_writing(self) -> list[Exception | None]:
        """Runs every command that a share needs. Returns each server's error or None, in the order of REDIS_URL."""

    async def tell_epoch(self, epoch: Epoch) -> list[Epoch]:
        """Stores this epoch of the database. Returns the newest few that any process has stored.

        Raises:
            PresenceUnavailable: every server fails.
        """

    async def close(self) -> None:
        """Closes the connections. The leases expire by themselves."""


class MemoryPresence:
    """The store of a single process, which has no others to share with."""

    def __init__(self) -> None:
        self.process = secrets.token_hex(8)

    def stamp(self, room: str, change: MemberPresent | MemberGone) -> MemberPresent | MemberGone:
        return change

    async def apply(self, changes: Sequence[tuple[str, MemberPresent | MemberGone]]) -> None:
        pass

    async def others(self, rooms: Sequence[str], known: FindKnown) -> dict[str, Shares]:
        return {room: {} for room in rooms}

    async def renew(self, rooms: Sequence[str], own: Own, known: FindKnown) -> dict[str, Shares]:
        return await self.others(rooms, known)

    async def propose(self, logs: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        return dict(logs)

    async def proposed(self, rooms: Iterable[str]) -> set[str]:
        return set()  # This process knows its own proposals.

    async def withdraw(self, room: str) -> None:
        pass

    async def farewell(self, rooms: Iterable[str]) -> None:
        pass

    async def try_writing(self) -> list[Exception | None]:
        return []

    async def tell_epoch(self, epoch: Epoch) -> list[Epoch]:
        return [epoch]

    async def close(self) -> None:
        pass


_EPOCHS_KEPT = 10  # Of a database. Its newest one shows whether some were lost.
_REVISION = b"revision"  # No member's id, so it can stand among them.


class RedisPresence:
    """Shares in Redis, under keys that expire with their lease. Each room belongs to one of several servers.

    chatty:presence:{room}            set: the processes that have members in the room
    chatty:presence:{room}:{process}  hash: member id -> [turn, name, away]; and a revision, new with every change.
                                      Others follow the changes in the room's group, and read a share if they
                                      missed a change
    chatty:presence:{room}:log        string: the log that a room without a row will have
    chatty:epoch:<lineage>            sorted set: the marks of the database's newest epochs, by number
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self.process = secrets.token_hex(8)
        self._servers = [RedisServer(url) for url in urls]
        self._numbers = itertools.count(1)
        self._revisions: dict[str, int] = {}  # Of this process's share, by room.
        # Revisions by room and process, for shares that were newer at the last read than the received changes.
        self._behind: dict[tuple[str, str], int] = {}
        self._doubtful: set[str] = set()  # Rooms where a write failed: the store may differ.

    def stamp(self, room: str, change: MemberPresent | MemberGone) -> MemberPresent | MemberGone:
        after, revision = self._revisions.get(room, 0), next(self._numbers)
        self._revisions[room] = revision
        return msgspec.structs.replace(change, after=after, revision=revision)

    async def apply(self, changes: Sequence[tuple[str, MemberPresent | MemberGone]]) -> None:
        rooms = {room for room, _ in changes}
        await asyncio.gather(*(self._apply(server, names, changes) for server, names in self._by_server(rooms)))

    async def _apply(
        self, server: RedisServer, rooms: set[str], changes: Sequence[tuple[str, MemberPresent | MemberGone]]
    ) -> None:
        async with server.writing:
            pipe = server.redis.pipeline()
            for room, change in changes:
                if room not in rooms:
                    continue
                if isinstance(change, MemberPresent):
                    self._put(pipe, room, {change.member_id: change.named}, change.revision)
                else:
                    pipe.hdel(self._share_key(room), change.member_id)
                    self._put(pipe, room, {}, change.revision)
            try:
                await server.run(pipe.execute)
            except (RedisError, OSError) as error:
                logger.warning("Presence of %d rooms could not be stored: %s", len(rooms), error)
                self._doubtful |= rooms

    async def others(self, rooms: Sequence[str], known: FindKnown) -> dict[str, Shares]:
        return await self._of_each_server(rooms, lambda server, names: self._read_others(server, names, known))

    async def renew(self, rooms: Sequence[str], own: Own, known: FindKnown) -> dict[str, Shares]:
        async def renew(server: RedisServer, names: Sequence[str]) -> dict[str, Shares]:
            found: dict[str, Shares] = {}
            for some in _parts(names):
                async with server.writing:
                    await self._renew_own(server, some, own)
                found |= await self._read_others(server, some, known)
            return found

        found = await self._of_each_server(rooms, renew)
        self._revisions = {room: self._revisions[room] for room in self._revisions.keys() & set(rooms)}
        self._behind = {place: revision for place, revision in self._behind.items() if place[0] in found}
        self._doubtful.intersection_update(rooms)
        return found

    async def _of_each_server(
        self, rooms: Iterable[str], work: Callable[[RedisServer, Sequence[str]], Awaitable[dict[str, T]]]
    ) -> dict[str, T]:
        """Runs `work` on each server at the same time. Returns the merged results, without those of failed servers.

        Raises:
            PresenceUnavailable: all of them fail.
        """
        asked = self._by_server(rooms)
        answers = await asyncio.gather(
            *(work(server, sorted(names)) for server, names in asked), return_exceptions=True
        )
        found: dict[str, T] = {}
        failed: list[BaseException] = []
        for (_, names), answer in zip(asked, answers, strict=True):
            if isinstance(answer, RedisError | OSError):
                failed.append(answer)
                if len(asked) > 1:
                    logger.warning("Who is in %d rooms on other servers can't be told just now: %s", len(names), answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found |= answer
        if failed and len(failed) == len(asked):
            raise PresenceUnavailable(str(failed[0])) from failed[0]
        return found

    async def _renew_own(self, server: RedisServer, rooms: Sequence[str], own: Own) -> None:
        pipe = server.redis.pipeline(transaction=False)
        for room in rooms:
            pipe.expire(self._share_key(room), LEASE_SECONDS)
            pipe.expire(self._room_key(room), 10 * LEASE_SECONDS)
            pipe.sismember(self._room_key(room), self.process)
            pipe.hlen(self._share_key(room))
        answers = iter(await server.run(pipe.execute))
        pipe = server.redis.pipeline()
        for room in rooms:
            is_leased, _, is_listed, size = next(answers), next(answers), next(answers), next(answers)
            share = own(room)
            if room in self._doubtful or not (is_leased and is_listed and size == len(share) + 1):
                pipe.delete(self._share_key(room))
                self._revisions[room] = self._revisions.get(room) or next(self._numbers)
                self._put(pipe, room, share, self._revisions[room])
        await server.run(pipe.execute)
        self._doubtful.difference_update(rooms)

    async def _read_others(self, server: RedisServer, rooms: Sequence[str], known: FindKnown) -> dict[str, Shares]:
        pipe = server.redis.pipeline(transaction=False)
        for room in rooms:
            pipe.smembers(self._room_key(room))
        processes = [sorted(name.decode() for name in names) for names in await server.run(pipe.execute)]
        others = [(room, name) for room, names in zip(rooms, processes, strict=True) for name in names]
        others = [(room, process) for room, process in others if process != self.process]

        for room, process in others:
            pipe.hget(self._share_key(room, process), _REVISION)
            pipe.hlen(self._share_key(room, process))
        answers = iter(await server.run(pipe.execute))
        found: dict[str, Shares] = {room: {} for room in rooms}
        for room, process in others:
            revision, size = next(answers), next(answers)
            if revision is None:
                pipe.srem(self._room_key(room), process)
            elif self._must_read(room, process, known(room, process), Known(int(revision), size - 1)):
                found[room][process] = Seen(int(revision), await self._read_share(server, room, process))
            else:
                found[room][process] = Seen(int(revision), None)
        await server.run(pipe.execute)
        return found

    def _must_read(self, room: str, process: str, known: Known, stored: Known) -> bool:
        """Whether a change of this share was missed. A newer revision may still be on its way."""
        behind = self._behind.pop((room, process), None)
        if not known.revision:
            return True
        if known.revision < stored.revision:
            self._behind[room, process] = stored.revision
            return behind is not None and known.revision < behind
        return known.revision == stored.revision and known.size != stored.size

    async def _read_share(self, server: RedisServer, room: str, process: str) -> Share:
        """Reads a share in parts. Changes during the read arrive through the group, with a higher revision."""
        share: dict[MemberId, ScreenName] = {}
        cursor = 0
        while True:
            scan = partial(server.redis.hscan, self._share_key(room, process), cursor, count=MEMBERS_AT_ONCE)
            answer: Any = await server.run(scan)
            cursor, fields = answer
            fields.pop(_REVISION, None)
            share |= {MemberId(key.decode()): _named(value) for key, value in fields.items()}
            if cursor == 0:
                return share

    def _put(self, pipe: Any, room: str, share: Share, revision: int) -> None:
        """Adds members to this process's share, sets its revision and renews its lease."""
        fields: dict[Any, Any] = {member_id: msgspec.json.encode(named) for member_id, named in share.items()}
        pipe.hset(self._share_key(room), mapping=fields | {_REVISION: revision})
        pipe.expire(self._share_key(room), LEASE_SECONDS)
        pipe.sadd(self._room_key(room), self.process)
        pipe.expire(self._room_key(room), 10 * LEASE_SECONDS)

    async def propose(self, logs: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        async def propose(server: RedisServer, rooms: Sequence[str]) -> dict[str, uuid.UUID]:
            pipe = server.redis.pipeline()
            for room in rooms:
                pipe.set(self._log_key(room), logs[room].hex, ex=LEASE_SECONDS, nx=True)
                pipe.expire(self._log_key(room), LEASE_SECONDS)
                pipe.get(self._log_key(room))
            answers = await server.run(pipe.execute)
            return {room: uuid.UUID(log.decode()) for room, log in zip(rooms, answers[2::3], strict=True)}

        return await self._of_each_server(logs, propose)

    async def proposed(self, rooms: Iterable[str]) -> set[str]:
        async def read(server: RedisServer, names: Sequence[str]) -> dict[str, bytes | str | None]:
            logs = await server.run(partial(server.redis.mget, [self._log_key(room) for room in names]))
            return dict(zip(names, logs, strict=True))

        return {room for room, log in (await self._of_each_server(rooms, read)).items() if log is not None}

    async def withdraw(self, room: str) -> None:
        ((server, _),) = self._by_server([room])
        try:
            await server.run(partial(server.redis.delete, self._log_key(room)))
        except (RedisError, OSError) as error:
            logger.debug("What was proposed for room %s ends with its lease: %s", room, error)

    async def farewell(self, rooms: Iterable[str]) -> None:
        await asyncio.gather(*(self._say_farewell(server, names) for server, names in self._by_server(rooms)))

    async def _say_farewell(self, server: RedisServer, rooms: set[str]) -> None:
        pipe = server.redis.pipeline(transaction=False)
        for room in rooms:
            pipe.expire(self._share_key(room), FAREWELL_SECONDS)
        try:
            await server.run(pipe.execute)
        except (RedisError, OSError) as error:
            logger.warning("Members may seem gone for a moment, Redis was not told to keep them: %s", error)

    async def try_writing(self) -> list[Exception | None]:
        return await asyncio.gather(*(self._try_writing(server) for server in self._servers))

    async def _try_writing(self, server: RedisServer) -> Exception | None:
        """Runs every command that presence needs in one round trip. Deletes its keys at the end."""
        key = f"chatty:presence:{{ready}}:{self.process}"
        share, room, log, epochs = (key + end for end in ("", ":room", ":log", ":epochs"))
        pipe = server.redis.pipeline()
        pipe.hset(share, mapping={_REVISION: 0, "member": "[]"})
        pipe.expire(share, LEASE_SECONDS)
        pipe.sadd(room, self.process)
        pipe.set(log, "", ex=LEASE_SECONDS, nx=True)
        pipe.get(log)
        pipe.mget([log])
        pipe.hget(share, _REVISION)
        pipe.hlen(share)
        pipe.hscan(share, 0, count=1)
        pipe.hdel(share, "member")
        pipe.smembers(room)
        pipe.sismember(room, self.process)
        pipe.srem(room, self.process)
        pipe.zadd(epochs, {"mark": 0})
        pipe.zremrangebyrank(epochs, 0, -2)
        pipe.zrange(epochs, 0, -1, withscores=True)
        pipe.delete(share, log, epochs)
        try:
            await pipe.execute()
        except (RedisError, OSError) as error:
            return error
        return None

    async def tell_epoch(self, epoch: Epoch) -> list[Epoch]:
        async def tell(server: RedisServer) -> list[Epoch]:
            key = f"chatty:epoch:{epoch.lineage.hex}"
            pipe = server.redis.pipeline()
            pipe.zadd(key, {epoch.mark.hex: epoch.number})
            pipe.zremrangebyrank(key, 0, -_EPOCHS_KEPT - 1)
            pipe.zrange(key, 0, -1, withscores=True)
            *_, kept = await server.run(pipe.execute)
            return [Epoch(epoch.lineage, int(number), uuid.UUID(mark.decode())) for mark, number in kept]

        # All servers store it, so that the failure of one loses nothing.
        answers = await asyncio.gather(*(tell(server) for server in self._servers), return_exceptions=True)
        known: list[list[Epoch]] = []
        for answer in answers:
            if isinstance(answer, list):
                known.append(answer)
            elif not isinstance(answer, RedisError | OSError):
                raise answer
        if not known:
            raise PresenceUnavailable(str(answers[0]))
        return [one for epochs in known for one in epochs]

    async def close(self) -> None:
        for server in self._servers:
            await server.redis.aclose()

    def _by_server(self, rooms: Iterable[str]) -> list[tuple[RedisServer, set[str]]]:
        by_place: dict[int, set[str]] = {}
        for room in rooms:
            by_place.setdefault(place_of_room(room, len(self._servers)), set()).add(room)
        return [(self._servers[place], names) for place, names in by_place.items()]

    def _share_key(self, room: str, process: str | None = None) -> str:
        return f"chatty:presence:{{{room}}}:{process or self.process}"

    def _log_key(self, room: str) -> str:
        return f"chatty:presence:{{{room}}}:log"

    def _room_key(self, room: str) -> str:
        return f"chatty:presence:{{{room}}}"


def _parts(rooms: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(rooms), ROOMS_AT_ONCE):
        yield rooms[start : start + ROOMS_AT_ONCE]


def _named(value: bytes) -> ScreenName:
    """Ignores fields that a newer release adds: both releases run during an upgrade."""
    return msgspec.convert(msgspec.json.decode(value)[: len(ScreenName._fields)], ScreenName)
