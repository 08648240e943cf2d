"""The store where processes publish their members. Entries have a lease, so those of a dead process expire.

The store needn't be reliable. A hub knows its own members. It reads other processes' members from the store,
and rewrites its own if the store has lost them.
"""

import secrets
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from chat.cluster.messages import MemberGone, MemberPresent
from chat.cluster.presence_shares import Known, Share, Shares
from chat.log.epoch_proof import Epoch

RENEW_SECONDS = 2
LEASE_SECONDS = 7  # Three missed renewals: a slow disk or a GC pause is not a departure.
FAREWELL_SECONDS = 10  # The lease of a process that stops: time for its members to come back elsewhere.
ROOMS_AT_ONCE = 50  # Checked together: 2 ms of the loop.

# Called just before writing, so that the written share includes all applied changes. None: the room was closed.
Own = Callable[[str], Share | None]
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

    async def renew(
        self, rooms: Collection[str], own: Own, known: FindKnown, unsettled: AbstractSet[str] = frozenset()
    ) -> dict[str, Shares]:
        """Renew this process's lease. Return what `others` does, of the rooms where something may have changed.

        Those are the `unsettled` ones, others that processes changed or that ended processes were in, and a few more
        each time. It mends this process's shares where the store lost them.

        Raises:
            PresenceUnavailable: every server fails.
        """

    @property
    def losses(self) -> int:
        """How often a server had lost this process's lease: then it may have lost everything."""

    async def propose(self, logs: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        """For rooms without a row, the logs that all processes agree on, by room; holds them for PROPOSAL_SECONDS.

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

    async def release(self, room: str, *, is_last: bool) -> None:
        """Ends this process's share of a room that it has closed, and, of the last process, the proposal for it."""

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

    losses = 0

    async def renew(
        self, rooms: Collection[str], own: Own, known: FindKnown, unsettled: AbstractSet[str] = frozenset()
    ) -> dict[str, Shares]:
        return {}

    async def propose(self, logs: Mapping[str, uuid.UUID]) -> dict[str, uuid.UUID]:
        return dict(logs)

    async def proposed(self, rooms: Iterable[str]) -> set[str]:
        return set()  # This process knows its own proposals.

    async def withdraw(self, room: str) -> None:
        pass

    async def release(self, room: str, *, is_last: bool) -> None:
        pass

    async def farewell(self, rooms: Iterable[str]) -> None:
        pass

    async def try_writing(self) -> list[Exception | None]:
        return []

    async def tell_epoch(self, epoch: Epoch) -> list[Epoch]:
        return [epoch]

    async def close(self) -> None:
        pass
