"""The presence store in Redis: one lease a process, a share for each room, and a list of what each process changed."""

import asyncio
import itertools
import logging
import secrets
import uuid
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial
from typing import Any, TypeVar

import msgspec
from redis.exceptions import RedisError

from chat.cluster.messages import MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Known, Seen, Share, Shares
from chat.cluster.presence_store import (
    FAREWELL_SECONDS,
    LEASE_SECONDS,
    ROOMS_AT_ONCE,
    FindKnown,
    Own,
    PresenceUnavailable,
)
from chat.cluster.redis_servers import RedisServer, place_of_room
from chat.log.epoch_proof import Epoch
from chat.protocol.fields import MemberId

logger = logging.getLogger(__name__)
T = TypeVar("T")

SHARE_SECONDS = 600  # A share outlives its process's lease, which alone says whether it counts.
PROPOSAL_SECONDS = 180  # The log of a room without a row, after the last process that renewed it.
MEMBERS_AT_ONCE = 200  # Read of a share: 2 ms of the loop.
SWEEP_LOOKS = 60  # After so many looks each room was checked, though nothing was heard of it: in two minutes.
SWEEP_ROOMS = 10  # The fewest in one look.
_EPOCHS_KEPT = 10  # Of a database. Where some are lost, the newest one shows it.
_REVISION = b"revision"  # No member's id, so it can stand among them.
_LEASED = "leased-"  # How the names of processes begin that have a lease: older releases have one for each room.
_LEASES_KEY = "chatty:leases"
_CHANGED_AT_ONCE = 500  # Rooms.


def _lease_key(process: str) -> str:
    return f"chatty:lease:{process}"


def _changed_key(process: str) -> str:
    return f"chatty:changed:{process}"


class _Server(RedisServer):
    """One Redis, and how far this process has followed the other processes there."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.was_leased = False  # The lease was there when it was last renewed or should have been.
        self.has_lost_lease = False  # All shares are written anew: the store may have lost some, or have older ones.
        self.has_failed = True  # At the last look: the next one is at all rooms.
        self.seen: dict[str, int] = {}  # By process, its newest change at the last look.
        # By process, the rooms that it had a share of. Those of a process without a lease are read at each look.
        self.places: dict[str, set[str]] = {}
        self.unsettled: set[str] = set()  # Rooms of which a share wasn't known at the last look.
        self.opened: set[str] = set()  # Rooms that were opened since: what is left of a share from before is mended.
        self.sweep: list[str] = []  # Rooms that this round has still to check.
        self.looks = 0
        self.kept_from = 0  # This process's changes up to this number are dropped next.


class RedisPresence:
    """Shares in Redis. They count while their process has a lease. A room has its place on one of several servers.

    chatty:lease:{process}            string: the number of the process's newest change; it expires with the lease
    chatty:leases                     set: the processes that have or had a lease
    chatty:changed:{process}          sorted set: the rooms that the process has or had members in, by the number of
                                      the newest change there
    chatty:presence:{room}            set: the processes that have members in the room
    chatty:presence:{room}:{process}  hash: member id -> [turn, name, away]; and a revision, new with every change.
                                      Others follow the changes by the group, and read the shares of which they
                                      missed something
    chatty:presence:{room}:log        string: the log that a room without a row shall have
    chatty:epoch:<lineage>            sorted set: the marks of the database's newest epochs, by number

    So what nobody changes costs nothing, however many rooms there are. A process of an older release has no lease:
    its share counts while it is there, and expires like a lease.
    """

    def __init__(self, urls: Iterable[str]) -> None:
        self.process = _LEASED + secrets.token_hex(8)
        self.losses = 0
        self._servers = [_Server(url) for url in urls]
        self._numbers = itertools.count(1)
        self._change_numbers = itertools.count(1)
        self._revisions: dict[str, int] = {}  # Of this process's share, by room.
        # Other processes' shares, by room and process, that were newer at the last look than what was heard of them.
        self._behind: dict[tuple[str, str], int] = {}
        self._doubtful: set[str] = set()  # Rooms where a write failed: the store may hold something else.
        self._placed: set[str] = set()  # Rooms in whose set this process is.

    def stamp(self, room: str, change: MemberPresent | MemberGone) -> MemberPresent | MemberGone:
        after, revision = self._revisions.get(room, 0), next(self._numbers)
        self._revisions[room] = revision
        return msgspec.structs.replace(change, after=after, revision=revision)

    async def apply(self, changes: Sequence[tuple[str, MemberPresent | MemberGone]]) -> None:
        rooms = {room for room, _ in changes}
        await asyncio.gather(*(self._apply(place, names, changes) for place, names in self._by_server(rooms)))

    async def _apply(
        self, place: _Server, rooms: Collection[str], changes: Sequence[tuple[str, MemberPresent | MemberGone]]
    ) -> None:
        async with place.writing:
            pipe = place.redis.pipeline()
            self._put_lease(pipe, rooms)
            for room, change in changes:
                if room not in rooms:
                    continue
                if isinstance(change, MemberPresent):
                    self._put(pipe, room, {change.member_id: change.named}, change.revision)
                else:
                    pipe.hdel(self._share_key(room), change.member_id)
                    self._put(pipe, room, {}, change.revision)
            try:
                had_lease, *_ = await place.run(pipe.execute)
            except (RedisError, OSError) as error:
                logger.warning("Presence of %d rooms could not be stored: %s", len(rooms), error)
                self._doubtful.update(rooms)
                self._placed.difference_update(rooms)
            else:
                self._note_lease(place, had_lease)

    def _put_lease(self, pipe: Any, changed: Collection[str] = ()) -> None:
        """Adds what renews the lease and notes changes of these rooms. Its first answer tells the lease before it."""
        numbers = {room: next(self._change_numbers) for room in changed}
        pipe.get(_lease_key(self.process))
        pipe.set(_lease_key(self.process), next(self._change_numbers), ex=LEASE_SECONDS)
        if numbers:
            pipe.zadd(_changed_key(self.process), numbers)

    def _note_lease(self, place: _Server, had_lease: bytes | None) -> None:
        """Where the lease was lost, others may have removed the shares, or the store has lost them: all are checked."""
        if had_lease is None and place.was_leased:
            self.losses += 1
            place.has_lost_lease = place.has_failed = True
        place.was_leased = True

    async def others(self, rooms: Sequence[str], known: FindKnown) -> dict[str, Shares]:
        async def read(place: _Server, names: Collection[str]) -> dict[str, Shares]:
            place.opened.update(names)
            return await self._read_others(place, list(names), known)

        return await self._of_each_server(rooms, read)

    async def renew(
        self, rooms: Collection[str], own: Own, known: FindKnown, unsettled: AbstractSet[str] = frozenset()
    ) -> dict[str, Shares]:
        found = await self._of_each_server(rooms, lambda place, names: self._renew(place, names, own, known, unsettled))
        if len(self._revisions) > len(rooms):
            self._revisions = {room: self._revisions[room] for room in self._revisions.keys() & set(rooms)}
        self._behind = {pair: revision for pair, revision in self._behind.items() if pair[0] in found}
        return found

    async def _renew(
        self, place: _Server, rooms: Collection[str], own: Own, known: FindKnown, unsettled: AbstractSet[str]
    ) -> dict[str, Shares]:
        """As `renew`, for the rooms of one server. After a failure all rooms are checked."""
        is_lost = False
        try:
            async with place.writing:
                pipe = place.redis.pipeline()
                self._put_lease(pipe)
                self._keep_changed(place, pipe)
                pipe.sadd(_LEASES_KEY, self.process)
                pipe.expire(_LEASES_KEY, SHARE_SECONDS)
                pipe.smembers(_LEASES_KEY)
                had_lease, *_, leases = await place.run(pipe.execute)
            self._note_lease(place, had_lease)
            changed = await self._find_changed(place, [name.decode() for name in leases])
            is_lost, names = place.has_lost_lease, set(rooms)
            checked = set(names) if place.has_failed else self._next_of_sweep(place, rooms)
            checked |= (self._doubtful | place.opened) & names
            place.opened -= checked
            place.has_failed = place.has_lost_lease = False
            for some in _parts(list(checked)):
                async with place.writing:
                    await self._mend_own(place, some, own, is_lost)
            found: dict[str, Shares] = {}
            for some in _parts(list((checked | changed | place.unsettled | unsettled) & names)):
                found |= await self._read_others(place, some, known)
        except BaseException:
            place.has_failed, place.has_lost_lease = True, place.has_lost_lease or is_lost
            raise
        return found

    def _keep_changed(self, place: _Server, pipe: Any) -> None:
        """Lets the list of changes last, and drops what all who look every RENEW_SECONDS have seen."""
        pipe.expire(_changed_key(self.process), SHARE_SECONDS)
        place.looks += 1
        if place.looks % SWEEP_LOOKS == 0:
            pipe.zremrangebyscore(_changed_key(self.process), "-inf", place.kept_from)
            place.kept_from = next(self._change_numbers)

    def _next_of_sweep(self, place: _Server, rooms: Collection[str]) -> set[str]:
        """A few rooms, others each time."""
        count = max(SWEEP_ROOMS, len(rooms) // SWEEP_LOOKS)
        if not place.sweep:
            place.sweep = list(rooms)
            for process, shared in list(place.places.items()):
                place.places[process] = shared & set(place.sweep)
        chosen, place.sweep = place.sweep[:count], place.sweep[count:]
        return set(chosen)

    async def _find_changed(self, place: _Server, processes: Iterable[str]) -> set[str]:
        """The rooms that other processes have changed since the last look, and those of processes that ended."""
        others = [process for process in processes if process != self.process]
        pipe = place.redis.pipeline(transaction=False)
        for process in others:
            pipe.get(_lease_key(process))
        newest = {
            process: int(number)
            for process, number in zip(others, await place.run(pipe.execute), strict=True)
            if number is not None
        }
        changed: set[str] = set()
        for process, number in newest.items():
            if number != (since := place.seen.get(process, 0)):
                changed |= await self._rooms_changed(place, process, since)
        if ended := [process for process in others if process not in newest]:
            pipe = place.redis.pipeline(transaction=False)
            pipe.srem(_LEASES_KEY, *ended)
            await place.run(pipe.execute)
        place.seen = newest
        for process in place.places.keys() - newest.keys():
            changed |= place.places[process]
        return changed

    async def _rooms_changed(self, place: _Server, process: str, since: int) -> set[str]:
        """The rooms that a process has changed after the number `since`, read a part at a time."""
        changed: set[str] = set()
        while True:
            read = partial(
                place.redis.zrangebyscore,
                _changed_key(process),
                f"({since}",
                "+inf",
                start=0,
                num=_CHANGED_AT_ONCE,
                withscores=True,
            )
            part: Any = await place.run(read)
            changed |= {name.decode() for name, _ in part}
            if len(part) < _CHANGED_AT_ONCE:
                return changed
            since = int(part[-1][1])

    async def _of_each_server(
        self, rooms: Collection[str], work: Callable[[_Server, Collection[str]], Awaitable[dict[str, T]]]
    ) -> dict[str, T]:
        """What `work` finds for the rooms of each server, asked at the same time, without the servers that fail.

        Raises:
            PresenceUnavailable: all of them fail.
        """
        asked = self._by_server(rooms)
        answers = await asyncio.gather(*(work(place, names) for place, names in asked), return_exceptions=True)
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

    async def _mend_own(self, place: _Server, rooms: Sequence[str], own: Own, is_lost: bool) -> None:
        """Writes this process's shares where the store has something else, and lets them last longer.

        `is_lost`: it writes all of them anew. Others may have taken this process for ended; they are told of all.
        """
        pipe = place.redis.pipeline(transaction=False)
        pipe.expire(_lease_key(self.process), LEASE_SECONDS)  # All rooms together may take longer than it lasts.
        for room in rooms:
            pipe.expire(self._share_key(room), SHARE_SECONDS)
            pipe.expire(self._room_key(room), SHARE_SECONDS)
            pipe.sismember(self._room_key(room), self.process)
            pipe.hlen(self._share_key(room))
        _, *found = await place.run(pipe.execute)
        answers = iter(found)
        pipe = place.redis.pipeline()
        mended = []
        for room in rooms:
            is_kept, _, is_listed, size = next(answers), next(answers), next(answers), next(answers)
            if (share := own(room)) is None:
                continue
            if is_lost or room in self._doubtful or not (is_kept and is_listed and size == len(share) + 1):
                pipe.delete(self._share_key(room))
                self._placed.discard(room)
                self._revisions[room] = self._revisions.get(room) or next(self._numbers)
                self._put(pipe, room, share, self._revisions[room])
                mended.append(room)
        if mended:
            self._put_lease(pipe, mended)
            await place.run(pipe.execute)
        self._doubtful.difference_update(rooms)

    async def _read_others(self, place: _Server, rooms: Sequence[str], known: FindKnown) -> dict[str, Shares]:
        pipe = place.redis.pipeline(transaction=False)
        pipe.expire(_lease_key(self.process), LEASE_SECONDS)
        for room in rooms:
            pipe.smembers(self._room_key(room))
        _, *members = await place.run(pipe.execute)
        processes = [sorted(name.decode() for name in names) for names in members]
        shares = [(room, name) for room, names in zip(rooms, processes, strict=True) for name in names]
        shares = [(room, process) for room, process in shares if process != self.process]
        found: dict[str, Shares] = {room: {} for room in rooms}
        place.unsettled.difference_update(rooms)
        for room in rooms:
            self._forget_places(place, room, known)
        if not shares:
            return found

        leased = sorted({process for _, process in shares if process.startswith(_LEASED)})
        for room, process in shares:
            pipe.hget(self._share_key(room, process), _REVISION)
            pipe.hlen(self._share_key(room, process))
        for process in leased:
            pipe.get(_lease_key(process))
        answers = await place.run(pipe.execute)
        ended = {process for process, lease in zip(leased, answers[2 * len(shares) :], strict=True) if lease is None}
        left: dict[str, list[str]] = {}
        for (room, process), revision, size in zip(
            shares, answers[: 2 * len(shares) : 2], answers[1 : 2 * len(shares) : 2], strict=True
        ):
            if process in ended or (revision is None and not process.startswith(_LEASED)):
                left.setdefault(process, []).append(room)
                continue
            if revision is None:  # Its process mends it, or has just closed the room.
                continue
            place.places.setdefault(process, set()).add(room)
            if self._must_read(room, process, known(room, process), Known(int(revision), size - 1)):
                found[room][process] = Seen(int(revision), await self._read_share(place, room, process))
                place.unsettled.add(room)  # What came meanwhile may not follow it.
            else:
                found[room][process] = Seen(int(revision), None)
                if (room, process) in self._behind:
                    place.unsettled.add(room)
        await self._remove(place, left)
        return found

    def _forget_places(self, place: _Server, room: str, known: FindKnown) -> None:
        """Forgets that processes had a share of the room, where nothing is left of them in the roster."""
        for process, rooms in list(place.places.items()):
            if room in rooms and known(room, process) == Known():
                rooms.discard(room)
                if not rooms:
                    del place.places[process]

    async def _remove(self, place: _Server, left: Mapping[str, Sequence[str]]) -> None:
        """Removes the shares of processes that ended, by process. One that came back just now is told to check all."""
        if not left:
            return
        pipe = place.redis.pipeline()
        for process, rooms in left.items():
            for room in rooms:
                pipe.srem(self._room_key(room), process)
                pipe.unlink(self._share_key(room, process))
            if process.startswith(_LEASED):
                pipe.delete(_lease_key(process))
        await place.run(pipe.execute)

    def _must_read(self, room: str, process: str, known: Known, stored: Known) -> bool:
        """Whether something of this share was missed. What is newer than what is known may just be on its way."""
        behind = self._behind.pop((room, process), None)
        if not known.revision:
            return True
        if known.revision < stored.revision:
            self._behind[room, process] = stored.revision
            return behind is not None and known.revision < behind
        return known.revision == stored.revision and known.size != stored.size

    async def _read_share(self, server: RedisServer, room: str, process: str) -> Share:
        """A share, a part at a time. What changes meanwhile is told by the group, under a higher revision."""
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
        """Adds members to this process's share, under its revision."""
        fields: dict[Any, Any] = {member_id: msgspec.json.encode(named) for member_id, named in share.items()}
        pipe.hset(self._share_key(room), mapping=fields | {_REVISION: revision})
        pipe.expire(self._share_key(room), SHARE_SECONDS)
        if room not in self._placed:
            pipe.sadd(self._room_key(room), self.process)
            pipe.expire(self._room_key(room), SHARE_SECONDS)
            self._placed.add(room)

    async def propose(self, logs: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        async def propose(place: _Server, names: Collection[str]) -> dict[str, uuid.UUID]:
            rooms, found = list(names), dict[str, uuid.UUID]()
            for some in _parts(rooms):
                pipe = place.redis.pipeline()
                for room in some:
                    pipe.set(self._log_key(room), logs[room].hex, ex=PROPOSAL_SECONDS, nx=True)
                    pipe.expire(self._log_key(room), PROPOSAL_SECONDS)
                    pipe.get(self._log_key(room))
                answers = await place.run(pipe.execute)
                found |= {room: uuid.UUID(log.decode()) for room, log in zip(some, answers[2::3], strict=True)}
            return found

        return await self._of_each_server(logs, propose)

    async def proposed(self, rooms: Iterable[str]) -> set[str]:
        async def read(place: _Server, names: Collection[str]) -> dict[str, bytes | str | None]:
            logs = await place.run(partial(place.redis.mget, [self._log_key(room) for room in names]))
            return dict(zip(names, logs, strict=True))

        found = await self._of_each_server(list(rooms), read)
        return {room for room, log in found.items() if log is not None}

    async def withdraw(self, room: str) -> None:
        ((place, _),) = self._by_server([room])
        try:
            await place.run(partial(place.redis.delete, self._log_key(room)))
        except (RedisError, OSError) as error:
            logger.debug("What was proposed for room %s ends by itself: %s", room, error)

    async def release(self, room: str, *, is_last: bool) -> None:
        ((place, _),) = self._by_server([room])
        async with place.writing:
            self._placed.discard(room)
            self._doubtful.discard(room)
            place.opened.discard(room)
            pipe = place.redis.pipeline()
            self._put_lease(pipe, [room])
            pipe.srem(self._room_key(room), self.process)
            pipe.expire(self._share_key(room), LEASE_SECONDS)
            if is_last:
                pipe.expire(self._log_key(room), LEASE_SECONDS)
            try:
                had_lease, *_ = await place.run(pipe.execute)
                self._note_lease(place, had_lease)
            except (RedisError, OSError) as error:
                logger.debug("This process's share of room %s ends by itself: %s", room, error)

    async def farewell(self, rooms: Iterable[str]) -> None:
        await asyncio.gather(*(self._say_farewell(place, names) for place, names in self._by_server(list(rooms))))

    async def _say_farewell(self, place: _Server, rooms: Collection[str]) -> None:
        pipe = place.redis.pipeline(transaction=False)
        pipe.expire(_lease_key(self.process), FAREWELL_SECONDS)
        for room in rooms:
            pipe.expire(self._share_key(room), FAREWELL_SECONDS)
        try:
            await place.run(pipe.execute)
        except (RedisError, OSError) as error:
            logger.warning("Members may seem gone for a moment, Redis was not told to keep them: %s", error)

    async def try_writing(self) -> list[Exception | None]:
        return await asyncio.gather(*(self._try_writing(place) for place in self._servers))

    async def _try_writing(self, server: RedisServer) -> Exception | None:
        """One round trip with every command that presence needs, on keys that are gone after it."""
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
        pipe.zrangebyscore(epochs, "(0", "+inf", 0, 1)
        pipe.unlink(room)
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

        # Each of them is told, so that one that is away takes nothing from what is known.
        answers = await asyncio.gather(*(tell(place) for place in self._servers), return_exceptions=True)
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
        for place in self._servers:
            await place.redis.aclose()

    def _by_server(self, rooms: Collection[str]) -> list[tuple[_Server, Collection[str]]]:
        if len(self._servers) == 1 and rooms:
            return [(self._servers[0], rooms)]
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
