"""Bans and revoked tokens in a process's memory. Pure: moderation/acts.py reads them from the database."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class ActiveBan:
    """A ban in memory. `by_address`: it also bans the member's networks.

    `ends_at` is by the monotonic clock, so that setting the machine's clock changes no ban's length.
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
        """The bans of this member that are in force."""
        return _in_force(self._by_member.get(member_id, ()))

    def is_banned(self, member_id: MemberId, network: str) -> bool:
        """Whether this member, or this network, is banned."""
        return bool(self.of(member_id) or _in_force(self._by_network.get(network, ())))

    def generation_of(self, member_id: MemberId) -> int:
        """The lowest valid generation of this member's tokens."""
        return self._generations.get(member_id, 0)

    def is_revoked(self, member_id: MemberId, generation: int) -> bool:
        """Whether this member's tokens of this generation were revoked."""
        return generation < self.generation_of(member_id)


def _in_force(bans: Iterable[ActiveBan]) -> list[ActiveBan]:
    return [ban for ban in bans if ban.ends_at is None or ban.ends_at > time.monotonic()]
