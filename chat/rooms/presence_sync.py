"""Keeps the presence store in step with the open rooms: shares, the lease, and the logs of rooms without a row."""

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping

from chat.cluster.broker import Broker
from chat.cluster.messages import Item, MemberGone, MemberPresent
from chat.cluster.presence_shares import Known, Share, Shares
from chat.cluster.presence_store import ROOMS_AT_ONCE, Presence, PresenceUnavailable
from chat.cluster.redis_servers import place_of_room
from chat.protocol.fields import MemberId
from chat.rooms.hub import RoomHub
from chat.rooms.scheduler import in_slices

logger = logging.getLogger(__name__)

PROPOSAL_LOOKS = 30  # Renewals of the lease from one renewal of a proposal to the next: a third of what it lasts.


class PresenceSync:
    """`hubs`: the open rooms by name. `start_anew(hub)` makes a room's members rejoin. There are `servers` of Redis."""

    def __init__(
        self,
        presence: Presence,
        broker: Broker,
        hubs: Mapping[str, RoomHub],
        servers: int,
        start_anew: Callable[[RoomHub], None],
    ) -> None:
        self._presence = presence
        self._broker = broker
        self._hubs = hubs
        self._servers = servers
        self._start_anew = start_anew
        # Changes of presence that aren't stored yet, by the room's Redis, so that no Redis waits for another. Each
        # room and member has its latest change here.
        self._unstored: dict[int, dict[tuple[str, MemberId], MemberPresent | MemberGone]] = {}
        self._storing: dict[int, asyncio.Task[None]] = {}
        self._unsettled: set[str] = set()  # Rooms from whose shares a process was missing at the last look.
        self._proposed: dict[str, None] = {}  # Rooms whose proposal is renewed in this round, those still to do.
        self._losses = 0  # Of the store, when the proposals were last renewed.

    # --- this process's members ---

    def publish(self, name: str, item: Item) -> None:
        """Sends to the other processes. Presence is stored first, so that receivers find it in the store."""
        if not isinstance(item, MemberPresent | MemberGone):
            self.send(name, item)
            return
        place = place_of_room(name, self._servers)
        unstored = self._unstored.setdefault(place, {})
        unstored.pop((name, item.member_id), None)  # The latest change counts, at its place in the order.
        unstored[name, item.member_id] = item
        if place not in self._storing:
            self._storing[place] = asyncio.create_task(self._store(place))

    def send(self, name: str, item: Item) -> None:
        """Sends to the room's group, unless this process alone has the room open.

        Another one that has just opened it is told how far it is as soon as this process hears of it.
        """
        hub = self._hubs.get(name)
        if hub is None or hub.has_peers:
            self._broker.send(name, item)

    async def _store(self, place: int) -> None:
        try:
            while unstored := self._unstored.pop(place, None):
                changes = [(name, self._presence.stamp(name, item)) for (name, _), item in unstored.items()]
                await self._presence.apply(changes)
                for name, change in changes:
                    self.send(name, change)
        finally:
            del self._storing[place]

    async def flush(self) -> None:
        """Returns when all changes are stored."""
        await asyncio.gather(*self._storing.values())

    # --- the lease, and other processes' members ---

    async def renew(self) -> None:
        """Renews the lease, and takes what other processes have changed. Call it every RENEW_SECONDS."""
        read_at = asyncio.get_running_loop().time()
        try:
            shares = await self._presence.renew(self._hubs.keys(), self._own_share, self._known, self._unsettled)
        except PresenceUnavailable as error:
            logger.warning("Who is on other servers can't be told just now: %s", error)
        else:
            for some in in_slices(shares, ROOMS_AT_ONCE):
                for name in some:
                    await self._reconcile(name, shares, read_at)
                await asyncio.sleep(0)
        await self._renew_proposals()

    async def _reconcile(self, name: str, shares: Mapping[str, Shares], read_at: float) -> None:
        self._unsettled.discard(name)
        if (hub := self._hubs.get(name)) is not None:
            await hub.reconcile(shares[name], read_at)
            if not hub.is_settled:
                self._unsettled.add(name)

    def _own_share(self, name: str) -> Share | None:
        hub = self._hubs.get(name)
        return None if hub is None else hub.own_share

    def _known(self, name: str, process: str) -> Known:
        hub = self._hubs.get(name)
        return Known() if hub is None else hub.known(process)

    async def release(self, hub: RoomHub) -> None:
        """Ends this process's share of a room that it has closed."""
        if hub.room.name not in self._hubs:
            await self._presence.release(hub.room.name, is_last=not hub.has_peers)

    # --- rooms without a row ---

    async def proposed_log(self, slug: str) -> uuid.UUID:
        """The log for the room's future row."""
        if (hub := self._hubs.get(slug)) is not None:
            return hub.room.log
        return (await self.agree_on_logs({slug: uuid.uuid4()}))[slug]

    async def agree_on_logs(self, proposals: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        """The logs for these rooms' future rows. If processes can't agree, the first message decides."""
        try:
            return {**proposals, **await self._presence.propose(proposals)}
        except PresenceUnavailable as error:
            logger.warning("Other servers may propose other logs for %d new rooms: %s", len(proposals), error)
            return dict(proposals)

    async def find_open(self, slugs: Iterable[str]) -> set[str]:
        """The rooms among these, without a row, that have a member in any process."""
        here = {slug for slug in slugs if slug in self._hubs}
        try:
            return here | await self._presence.proposed(set(slugs) - here)
        except PresenceUnavailable:
            return here

    async def _renew_proposals(self) -> None:
        """Keeps the logs of open rooms without a row: of a part of them at a time, or of all if the store lost them."""
        has_lost, self._losses = self._presence.losses > self._losses, self._presence.losses
        if has_lost or not self._proposed:
            self._proposed = {hub.room.name: None for hub in self._hubs.values() if not hub.room.is_written}
        count = len(self._proposed) if has_lost else len(self._hubs) // PROPOSAL_LOOKS + 1
        names = [self._proposed.popitem()[0] for _ in range(min(count, len(self._proposed)))]
        for some in in_slices(names, ROOMS_AT_ONCE):
            await self._renew_some(some)

    async def _renew_some(self, names: Iterable[str]) -> None:
        hubs = [hub for name in names if (hub := self._hubs.get(name)) is not None and not hub.room.is_written]
        if not hubs:
            return
        for name, log in (await self.agree_on_logs({hub.room.name: hub.room.log for hub in hubs})).items():
            hub = self._hubs.get(name)
            if hub is not None and not hub.room.is_written and hub.room.log != log:
                logger.warning("Room %s was opened with another log elsewhere; its members start anew", name)
                self._start_anew(hub)
