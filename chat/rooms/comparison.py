"""Compares the open rooms with the database: finds what the fan-out lost, and what the database itself has lost."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from chat.cluster.presence_store import Presence, PresenceUnavailable
from chat.log import epoch, epoch_proof, room_rows
from chat.log.epoch_proof import Epoch, Proof
from chat.log.reader import Log, LogUnavailable, RoomRow, RoomState
from chat.rooms.hub import RoomHub
from chat.rooms.scheduler import in_slices

logger = logging.getLogger(__name__)

HEADS_SECONDS = 2  # Maximum delay until lost messages are found: one query for ROOMS_AT_ONCE rooms.
ROOMS_AT_ONCE = 250  # Compared in one step: a millisecond of the loop.
FIRST_COMPARISON_SECONDS = 5  # Joins wait so long for it: longer than for a Redis that hangs.
PROVEN_LIMIT = 10_000  # Texts of about 200 bytes.


class Comparison:
    """The database's state of all rooms of one process.

    `hubs`: the open rooms by name. `start_anew(hub)` makes a room's members rejoin, `announce(room)` tells all
    processes that a room has changed.
    """

    def __init__(
        self,
        log: Log,
        presence: Presence,
        hubs: Mapping[str, RoomHub],
        *,
        start_anew: Callable[[RoomHub], None],
        announce: Callable[[RoomRow], None],
    ) -> None:
        self._log = log
        self._presence = presence
        self._hubs = hubs
        self._start_anew = start_anew
        self._announce = announce
        self.proof = Proof()
        self.has_written = True  # This process, since the epoch was moved on.
        self._epoch: Epoch | None = None  # The newest epoch seen in the database. None before the first comparison.
        self._proven: set[str] = set()  # Clients' epochs that the database has.
        self._epoch_due = 0.0  # The time of the next advance, by the loop's clock.
        self._comparing = asyncio.Lock()
        self._first_comparison: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()  # Keeps the reads of rooms' state in order.

    async def compare_all(self) -> None:
        """Finds messages that the fan-out lost, and versions that the database lost, in all rooms.

        Raises:
            LogUnavailable: the database can't be read.
        """
        await self._follow_epoch()
        for hubs in in_slices(self._hubs.values(), ROOMS_AT_ONCE):
            await self.look_at(hubs)

    async def _follow_epoch(self) -> None:
        """Finds a database that was replaced by an older copy of itself, and moves the epoch on."""
        async with self._comparing:
            found = await self._log.read(epoch.read)
            now = asyncio.get_running_loop().time()
            known = [] if self._epoch in (None, found) else [self._epoch]
            if known:  # Another process has moved it on.
                self._epoch_due = now + epoch.ADVANCE_SECONDS
            is_due = now >= self._epoch_due and self.has_written
            if is_due:  # Compare before advancing: an advanced copy would look as new as its original.
                known += await self._tell_epoch(found)
            if await self._leave_lost_behind(known):
                found = await self._log.read(epoch.read)
            if is_due:
                found = await self._log.run(epoch.advance)
                await self._tell_epoch(found)
                self._epoch_due, self.has_written = now + epoch.ADVANCE_SECONDS, False
            self._epoch = found
            self.proof.renew(found)

    async def _tell_epoch(self, found: Epoch) -> list[Epoch]:
        """Publishes the database's epoch to Redis. Returns the epochs that Redis knows."""
        try:
            return await self._presence.tell_epoch(found)
        except PresenceUnavailable as error:
            logger.warning("The database's epoch could not be compared with that of Redis: %s", error)
            return []

    async def _leave_lost_behind(self, known: Sequence[Epoch]) -> bool:
        """Gives all rooms new logs if the database lacks one of these epochs. Returns whether it did."""
        lost = await self._log.run(epoch.find_lost, known) if known else None
        if lost is None:
            return False
        logger.error(
            "The database lacks its epoch %d, which was seen: it was restored from an older copy. All rooms get new"
            " logs, and their members start anew",
            lost.number,
        )
        self._proven.clear()
        await self._log.run(epoch.leave_behind, lost)
        return True

    async def compare_first(self) -> None:
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

    async def check_proof(self, text: str) -> None:
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
            await self.compare_all()

    async def look_at(self, hubs: Iterable[RoomHub]) -> None:
        """Updates these rooms from the database: messages, rules, title and topic.

        Raises:
            LogUnavailable: they couldn't be read.
        """
        async with self._looking:
            hubs = list(hubs)
            await self._find_rows([hub for hub in hubs if not hub.room.is_written])
            written = {hub.room.id: hub for hub in hubs if hub.room.is_written}
            heads = {id: hub.head for id, hub in written.items()}  # Before the query: on disk by then.
            known = {id: hub.state for id, hub in written.items() if hub.state is not None}
            states = await self._log.states(list(written), known) if written else {}
            for room_id, hub in written.items():
                state = states.get(room_id)
                if state is None or state is not hub.state or state.head != hub.head:
                    await self._take(hub, state, heads[room_id])

    async def _take(self, hub: RoomHub, state: RoomState | None, head: int) -> None:
        """Takes what the database says of a room whose members were told of all up to `head` before."""
        if state is None:
            logger.warning("Room %s was deleted; its members start anew", hub.room.slug)
            self._start_anew(hub)
        elif state.log != hub.room.log:
            logger.warning("Room %s has got another history; its members start anew", hub.room.slug)
            self._start_anew(hub)
        elif state.head < head:
            await self._log.run(room_rows.renew_log, hub.room)
            self.start_new_history(hub.room)
        else:
            hub.take_state(state)
            if state.head > hub.head:
                hub.catch_up()

    def start_new_history(self, room: RoomRow) -> None:
        """Restarts a room whose database lost versions that members had got. The database has its new log already."""
        hub = self._hubs.get(room.name)
        if hub is None or hub.room.log != room.log:  # Done before.
            return
        logger.error(
            "Room %s went back, from version %d: the database was restored, or a replica took over that lacked the"
            " newest messages. The room has got a new log, and its members start anew",
            room.slug,
            hub.head,
        )
        self._start_anew(hub)
        self._announce(room)

    async def _find_rows(self, hubs: Sequence[RoomHub]) -> None:
        """Checks whether these rooms have got a row, in one query."""
        rows = await self._log.rows([hub.room.slug for hub in hubs]) if hubs else {}
        for hub in hubs:
            if (row := rows.get(hub.room.slug)) is not None and not hub.take_row(row):
                logger.warning("Room %s got its first message under another log; its members start anew", row.slug)
                self._start_anew(hub)

    async def look_again(self, hub: RoomHub) -> None:
        """As `look_at`, of one room. If the database can't be read, the next comparison does it."""
        try:
            await self.look_at([hub])
        except LogUnavailable as error:
            logger.warning("What was changed of room %s will be known later: %s", hub.room.slug, error)
