"""Fakes for a hub's surroundings: a connection that keeps its frames, and a log in a dictionary."""

import asyncio
import json
import uuid
from collections.abc import Sequence
from typing import Any

from chat.access.person import Person
from chat.access.rate_limits import NO_LIMIT, Clock, Limiter, Rate
from chat.cluster.messages import Item
from chat.log.entries import Entry
from chat.log.epoch_proof import Proof
from chat.log.pagination import Filter, PageEntries, bounds_of
from chat.log.reader import LogUnavailable, Opening, Reading, RoomRow
from chat.protocol import codec, commands, events
from chat.protocol.commands import History
from chat.protocol.constants import WELCOME_MESSAGES
from chat.protocol.errors import CloseCode
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from chat.rooms.change_buffer import ChangeBuffers
from chat.rooms.connection import Frame
from chat.rooms.hub import JoinRequest, RoomHub

ROOM = RoomRow(1, "lobby", uuid.UUID("33333333-3333-4333-8333-333333333333"))
ANN, BOB, EVE = (Member(MemberId(name), name.title()) for name in ("ann", "bob", "eve"))


def entry(seq: int, version: int | None = None) -> Entry:
    """A message of that place and version."""
    version = version or seq
    message = events.Message(seq, version, uuid.UUID(int=seq), ANN, f"{seq}@{version}", "", 0)
    return Entry(seq, version, codec.encode(message))


def cpu_limiter(cpu: Rate, clock: Clock) -> Limiter:
    """A limiter of addresses' CPU time, and of nothing else."""
    return Limiter(
        changes=NO_LIMIT,
        commands=NO_LIMIT,
        identities=NO_LIMIT,
        cpu=cpu,
        connections_per_address=0,
        connections_per_member=0,
        clock=clock,
    )


class FakeConnection:
    def __init__(self) -> None:
        self.is_open = True
        self.is_restarting = False
        self.frames: list[list[dict[str, Any]]] = []
        self.bytes_sent = 0
        self.closed_with: tuple[int, bool] | None = None

    def send(self, frame: Frame) -> None:
        self.frames.append(json.loads(frame.text))
        self.bytes_sent += len(frame.wire)

    answer = probe = send

    def cut_off_if_silent(self) -> None:
        pass

    def close(self, code: CloseCode, *, reconnect: bool, after: float = 0) -> None:
        self.is_open = False
        self.closed_with = (code, reconnect)

    def abandon(self) -> None:
        self.is_open = False

    @property
    def events(self) -> list[dict[str, Any]]:
        return [event for frame in self.frames for event in frame]

    def kinds(self) -> list[str]:
        return [event["type"] for event in self.events]

    @property
    def versions(self) -> list[int]:
        """Of what was told live."""
        return [event["version"] for event in self.events if event["type"] in ("message", "reacted")]


class FakeLog:
    """A room's log. `reads` counts the readings; `gate`, while set, holds them up."""

    def __init__(self, *entries: Entry) -> None:
        self.messages = {one.seq: one for one in entries}
        self.row: RoomRow | None = ROOM
        self.reads = 0
        self.asker: object = None  # Of the newest reading of changes.
        self.is_down = False
        self.gate = asyncio.Event()
        self.gate.set()
        self.way_back = asyncio.Event()  # While it isn't set, pages that were read are not handed over.
        self.way_back.set()

    @property
    def head(self) -> int:
        return max((one.version for one in self.messages.values()), default=0)

    def write(self, one: Entry) -> Entry:
        self.messages[one.seq] = one
        return one

    def opening_now(self, limit: int = 100) -> Opening:
        page = [self.messages[seq] for seq in sorted(self.messages)][-WELCOME_MESSAGES:]
        return Opening(page, self._changes(0, limit))

    def _changes(self, since: int, limit: int) -> Reading:
        newest = sorted((one for one in self.messages.values() if one.version > since), key=lambda one: -one.version)
        is_cut = len(newest) > limit
        return Reading(newest[:limit][::-1], newest[limit].version if is_cut else since, self.head, is_cut)

    async def _read(self) -> None:
        self.reads += 1
        await self.gate.wait()
        if self.is_down:
            raise LogUnavailable("down")

    async def contradicts(self, room_id: int, since: commands.Since, asker: object = None) -> bool:
        await self._read()
        newest, changed = (self.messages.get(seq) if seq else None for seq in (since.seq, since.changed))
        has_newest = since.seq is None or (newest is not None and since.nonce == uuid.UUID(int=newest.seq))
        return not has_newest or (since.changed is not None and (changed is None or changed.version < since.version))

    async def rows(self, slugs: Sequence[str], asker: object = None) -> dict[str, RoomRow]:
        await self._read()
        return {self.row.slug: self.row} if self.row is not None and self.row.slug in slugs else {}

    async def opening(self, room_id: int, limit: int, asker: object = None) -> Opening:
        await self._read()
        return self.opening_now(limit)

    async def changes(self, room_id: int, since: int, limit: int) -> Reading:
        await self._read()
        return self._changes(since, limit)

    async def page(self, room_id: int, asked: History, asker: object = None) -> PageEntries:
        await self._read()
        wanted = Filter.of(asked)
        held = [self.messages[seq] for seq in sorted(self.messages) if wanted.takes(self.messages[seq])]
        if asked.seqs is not None:
            read = PageEntries([one for one in held if one.seq in asked.seqs], [], False, False)
        else:
            at, below, above = bounds_of(asked)
            older, rest = [one for one in held if one.seq < at], [one for one in held if one.seq >= at]
            cut = max(0, len(older) - below)
            read = PageEntries(older[cut:], rest[:above], cut > 0, len(rest) > above)
        await self.way_back.wait()
        return read

    async def newest(self, room_id: int, limit: int, asker: object = None) -> Reading:
        self.asker = asker
        return await self.changes(room_id, 0, limit)


def request_of(connection: FakeConnection, member: Member, **fields: Any) -> JoinRequest:
    return JoinRequest(connection, Person(member.id), member.name, **fields)


class HubOnTheTable:
    """A hub with nothing real around it; `told` is what other processes would hear."""

    def __init__(
        self,
        log: FakeLog,
        resume_limit: int = 1000,
        opening_limit: int = 100,
        answer_limit: int = 10**6,
        room: RoomRow = ROOM,
        buffers: ChangeBuffers | None = None,
        reactions: Rate = NO_LIMIT,
    ) -> None:
        self.log = log
        self.told: list[Item] = []
        self.emptied = self.written = self.doubted = 0
        self.hub = RoomHub(
            room,
            log.opening_now(opening_limit),
            log,  # type: ignore[arg-type]
            "here",
            publish=lambda _, item: self.told.append(item),
            on_empty=lambda _: setattr(self, "emptied", self.emptied + 1),
            on_written=lambda _: setattr(self, "written", self.written + 1),
            on_other_log=lambda _: setattr(self, "doubted", self.doubted + 1),
            resume_limit=resume_limit,
            answer_limit=answer_limit,
            buffers=buffers or ChangeBuffers(10**9),
            reactions=reactions,
            build="build",
            proof=Proof(),
        )

    async def join(self, member: Member, since: commands.Since | None = None) -> FakeConnection:
        connection = FakeConnection()
        await self.hub.join(request_of(connection, member, since=since))
        return connection


async def tick() -> None:
    """Lets the loop do what is due at once; a room's next tick is due within it, too."""
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.sleep(0.005)


async def until(test: Any) -> None:
    async with asyncio.timeout(60):
        while not test():
            await asyncio.sleep(0.005)
