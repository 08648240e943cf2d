"""Who may not come in, held in memory by every process. Pure: moderation/acts.py reads it from the database."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class ActiveBan:
    """A ban as a process holds it. `by_address`: it takes in networks as well.

    `ends_at` is by the monotonic clock: one that is set while the process runs makes no ban longer or shorter.
    """

    id: int
    member_id: MemberId | None
    networks: frozenset[str]
    by_address: bool
    ends_at: float | None


class Bans:
    """The bans in force, by member and by network, and the members' generations. A ban ends by the clock."""

    def __init__(self, bans: Iterable[ActiveBan] = (), generations: Mapping[MemberId, int] | None = None) -> None:
        self._by_member: dict[MemberId, list[ActiveBan]] = {}
        self._by_network: dict[str, list[ActiveBan]] = {}
        self._generations = generations or {}  # Of members whose tokens were revoked.
        for ban in bans:
            if ban.member_id is not None:
                self._by_member.setdefault(ban.member_id, []).append(ban)
            for network in ban.networks:
                self._by_network.setdefault(network, []).append(ban)

    def of(self, member_id: MemberId) -> list[ActiveBan]:
        """Those that name this member."""
        return _in_force(self._by_member.get(member_id, ()))

    def shut_out(self, member_id: MemberId, network: str) -> bool:
        """Whether a ban keeps out this member, coming from this network."""
        return bool(self.of(member_id) or _in_force(self._by_network.get(network, ())))

    def generation_of(self, member_id: MemberId) -> int:
        """The lowest generation of this member's tokens that is taken."""
        return self._generations.get(member_id, 0)

    def is_revoked(self, member_id: MemberId, generation: int) -> bool:
        """Whether this member's tokens of this generation were revoked."""
        return generation < self.generation_of(member_id)


def _in_force(bans: Iterable[ActiveBan]) -> list[ActiveBan]:
    return [ban for ban in bans if ban.ends_at is None or ban.ends_at > time.monotonic()]
