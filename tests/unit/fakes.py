"""Stand-ins for what lies around a hub: a connection that keeps what it was sent, and a log in a dictionary."""

import asyncio
import json
import uuid
from typing import Any

from chat import protocol
from chat.connection import Frame
from chat.hub import RoomHub
from chat.log import LogUnavailable, Opening, Reading, RoomRow
from chat.pages import Filter, Stretch, place_of
from chat.peers import Item
from chat.protocol import WELCOME_MESSAGES, CloseCode, History, Member, MemberId
from chat.ring import Entry

ROOM = RoomRow(1, "lobby", uuid.UUID("33333333-3333-4333-8333-333333333333"))
ANN, BOB, EVE = (Member(MemberId(name), name.title()) for name in ("ann", "bob", "eve"))


def entry(seq: int, version: int | None = None) -> Entry:
    """A message of that place and version."""
    version = version or seq
    message = protocol.Message(seq, version, uuid.UUID(int=seq), ANN, f"{seq}@{version}", "", 0)
    return Entry(seq, version, protocol.encode(message))


class FakeConnection:
    def __init__(self) -> None:
        self.is_open = True
        self.is_restarting = False
        self.frames: list[list[dict[str, Any]]] = []
        self.closed_with: tuple[int, bool] | None = None

    def send(self, frame: Frame) -> None:
        self.frames.append(json.loads(frame.text))

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
        return [event["version"] for event in self.events if event["type"] == "message"]


class FakeLog:
    """A room's log. `reads` counts the readings; `gate`, while set, holds them up."""

    def __init__(self, *entries: Entry) -> None:
        self.messages = {one.seq: one for one in entries}
        self.reads = 0
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

    async def opening(self, room_id: int, limit: int) -> Opening:
        await self._read()
        return self.opening_now(limit)

    async def changes(self, room_id: int, since: int, limit: int) -> Reading:
        await self._read()
        return self._changes(since, limit)

    async def page(self, room_id: int, asked: History) -> Stretch:
        await self._read()
        wanted = Filter.of(asked)
        held = [self.messages[seq] for seq in sorted(self.messages) if wanted.takes(self.messages[seq])]
        if asked.seqs is not None:
            read = Stretch([one for one in held if one.seq in asked.seqs], [], False, False)
        else:
            at, below, above = place_of(asked)
            older, rest = [one for one in held if one.seq < at], [one for one in held if one.seq >= at]
            cut = max(0, len(older) - below)
            read = Stretch(older[cut:], rest[:above], cut > 0, len(rest) > above)
        await self.way_back.wait()
        return read

    async def newest(self, room_id: int, limit: int) -> Reading:
        return await self.changes(room_id, 0, limit)


class HubOnTheTable:
    """A hub with nothing real around it; `told` is what other processes would hear."""

    def __init__(
        self, log: FakeLog, resume_limit: int = 1000, opening_limit: int = 100, answer_limit: int = 10**6
    ) -> None:
        self.log = log
        self.told: list[Item] = []
        self.emptied = 0
        self.hub = RoomHub(
            ROOM,
            log.opening_now(opening_limit),
            log,  # type: ignore[arg-type]
            "here",
            tell=lambda _, item: self.told.append(item),
            on_empty=lambda _: setattr(self, "emptied", self.emptied + 1),
            resume_limit=resume_limit,
            answer_limit=answer_limit,
            build="build",
        )

    async def join(self, member: Member, since: protocol.Since | None = None) -> FakeConnection:
        connection = FakeConnection()
        await self.hub.join(connection, member, since)
        return connection


async def tick() -> None:
    """Lets the loop do what is due at once; a room's next tick is due within it, too."""
    for _ in range(5):
        await asyncio.sleep(0)
    await asyncio.sleep(0.005)


async def until(test: Any) -> None:
    async with asyncio.timeout(5):
        while not test():
            await asyncio.sleep(0.005)
