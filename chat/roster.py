"""Who is in a room: the union of what every server process says of its own members.

A member is here while at least one process holds it, however many tabs and processes that is. There is no counter
that could leak: a process says whom it holds, and its whole share can be replaced or dropped at any time.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from .lookalikes import looks
from .protocol import AwayNow, Event, Joined, Left, Member, MemberId, Renamed


class Named(NamedTuple):
    """A screen name, and when it was taken (ms since 1970): where two processes differ, the later one counts.

    `away`: nobody does anything in any of the member's tabs there. It is away where all processes say so.
    """

    at: int
    name: str
    away: bool = False


class Roster:
    """The members of one room. Every change returns the events that tell of it: none where nobody would notice."""

    def __init__(self) -> None:
        self._holders: dict[MemberId, dict[str, Named]] = {}
        self._held: dict[str, set[MemberId]] = {}  # By process.
        self._looks: dict[MemberId, tuple[str, ...]] = {}
        self._alike: dict[str, dict[MemberId, None]] = {}  # By look, those who have it, the longest present first.
        self._shared: set[str] = set()  # The looks that several have: seldom any.

    @property
    def online(self) -> int:
        return len(self._holders)

    @property
    def processes(self) -> list[str]:
        return list(self._held)

    def __contains__(self, member_id: MemberId) -> bool:
        return member_id in self._holders

    def __iter__(self) -> Iterator[Member]:
        """The members, the longest present first."""
        like: dict[MemberId, MemberId] = {}
        for look in self._shared:
            longest, *others = self._alike[look]
            like |= dict.fromkeys(others, longest)
        return (
            Member(member_id, self.name(member_id), like.get(member_id, UNSET), self.is_away(member_id) or UNSET)
            for member_id in self._holders
        )

    def name(self, member_id: MemberId) -> str:
        """As this member is called now, which is here."""
        holders = self._holders[member_id]
        return (next(iter(holders.values())) if len(holders) == 1 else max(holders.values())).name

    def is_away(self, member_id: MemberId) -> bool:
        """Whether this member, which is here, is away."""
        return all(named.away for named in self._holders[member_id].values())

    def hold(self, process: str, member_id: MemberId, named: Named) -> list[Event]:
        """`process` has this member, under this name."""
        holders = self._holders.get(member_id)
        self._held.setdefault(process, set()).add(member_id)
        if holders is None:
            self._holders[member_id] = {process: named}
            self._look(member_id, looks(named.name))
            return [Joined(self._member(member_id), self.online)]
        before = self.name(member_id), self.is_away(member_id)
        holders[process] = named
        return self._differences(member_id, *before)

    def release(self, process: str, member_id: MemberId) -> list[Event]:
        """`process` doesn't have this member any more."""
        holders = self._holders.get(member_id)
        if holders is None or process not in holders:
            return []
        before = self.name(member_id), self.is_away(member_id)
        del holders[process]
        self._held[process].discard(member_id)
        if not self._held[process]:
            del self._held[process]
        if holders:
            return self._differences(member_id, *before)
        del self._holders[member_id]
        self._look(member_id, ())
        return [Left(member_id, self.online)]

    def replace(self, process: str, members: Mapping[MemberId, Named]) -> list[Event]:
        """`process` has exactly these members."""
        gone = self._held.get(process, set()) - members.keys()
        events = [event for member_id in sorted(gone) for event in self.release(process, member_id)]
        for member_id, named in members.items():
            events += self.hold(process, member_id, named)
        return events

    def _differences(self, member_id: MemberId, name_before: str, was_away: bool) -> list[Event]:
        events: list[Event] = []
        if (name := self.name(member_id)) != name_before:
            self._look(member_id, looks(name))
            events.append(Renamed(self._member(member_id), self.online))
        if (is_away := self.is_away(member_id)) != was_away:
            events.append(AwayNow(member_id, is_away))
        return events

    def _look(self, member_id: MemberId, now: tuple[str, ...]) -> None:
        """The member looks like this from now on, and not as before."""
        for look in self._looks.pop(member_id, ()):
            alike = self._alike[look]
            del alike[member_id]
            if not alike:
                del self._alike[look]
            elif len(alike) == 1:
                self._shared.discard(look)
        if now:
            self._looks[member_id] = now
        for look in now:
            alike = self._alike.setdefault(look, {})
            alike[member_id] = None
            if len(alike) == 2:
                self._shared.add(look)

    def _member(self, member_id: MemberId) -> Member:
        return Member(member_id, self.name(member_id), self._like(member_id), self.is_away(member_id) or UNSET)

    def _like(self, member_id: MemberId) -> MemberId | UnsetType:
        """Whoever has one of the member's looks for longest, if that is somebody else."""
        for look in self._looks[member_id]:
            longest = next(iter(self._alike[look]))
            if longest != member_id:
                return longest
        return UNSET
