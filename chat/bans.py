"""Who may not come in, held in memory by every process. Pure: moderation.py reads the bans from the database."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from .protocol import MemberId


@dataclass(frozen=True, slots=True)
class ActiveBan:
    """A ban as a process holds it. `ends_at` is in seconds since 1970; `by_address`: it takes in networks as well."""

    id: int
    member_id: MemberId | None
    networks: frozenset[str]
    by_address: bool
    ends_at: float | None


class Bans:
    """The bans in force, by member and by network. One that ends does so by the clock, without anybody's help."""

    def __init__(self, bans: Iterable[ActiveBan] = ()) -> None:
        self._by_member: dict[MemberId, list[ActiveBan]] = {}
        self._by_network: dict[str, list[ActiveBan]] = {}
        for ban in bans:
            if ban.member_id is not None:
                self._by_member.setdefault(ban.member_id, []).append(ban)
            for network in ban.networks:
                self._by_network.setdefault(network, []).append(ban)

    def of(self, member_id: MemberId) -> list[ActiveBan]:
        """Those that name this member."""
        return _in_force(self._by_member.get(member_id, ()))

    def shut_out(self, member_id: MemberId, network: str) -> bool:
        """Whether this member, coming from this network, stays outside."""
        return bool(self.of(member_id) or _in_force(self._by_network.get(network, ())))


def _in_force(bans: Iterable[ActiveBan]) -> list[ActiveBan]:
    return [ban for ban in bans if ban.ends_at is None or ban.ends_at > time.time()]
