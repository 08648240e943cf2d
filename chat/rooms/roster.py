"""The people in a room: the union of all processes' members.

A member is in the room while at least one process holds it, over any number of tabs and processes. There is no counter
that could leak: a process publishes its share, which can be replaced or dropped as a whole at any time.
"""

from collections.abc import Callable, Collection, Iterator, Mapping

from msgspec import UNSET, UnsetType

from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Known
from chat.cluster.presence_store import Presence
from chat.content.confusables import skeleton
from chat.protocol.events import AwayNow, Event, Joined, Left, Member, Renamed
from chat.protocol.fields import MemberId


class Roster:
    """The members of one room. Every change returns its events, or none if nothing visible changed."""

    def __init__(self) -> None:
        self._holders: dict[MemberId, dict[str, ScreenName]] = {}
        self._held: dict[str, set[MemberId]] = {}  # By process.
        self._looks: dict[MemberId, tuple[str, ...]] = {}
        self._alike: dict[str, dict[MemberId, None]] = {}  # The members by look, the longest present first.
        self._shared: set[str] = set()  # The looks of more than one member. Usually empty.
        self._bots: set[MemberId] = set()

    @property
    def online(self) -> int:
        """The people. Bots are members, but nobody waits for them."""
        return len(self._holders) - len(self._bots)

    def __len__(self) -> int:
        """All members, bots as well."""
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
        return (self._as_listed(member_id, like.get(member_id, UNSET)) for member_id in self._holders)

    def name(self, member_id: MemberId) -> str:
        """The current name of a present member."""
        holders = self._holders[member_id]
        return (next(iter(holders.values())) if len(holders) == 1 else max(holders.values())).name

    def named_next(self, member_id: MemberId, name: str) -> ScreenName:
        """`name` as the member's latest name: one turn after the current name, unless that is the same."""
        holders = self._holders.get(member_id)
        if holders is None:
            return ScreenName(1, name)
        latest = max(holders.values())
        return ScreenName(latest.turn if latest.name == name else latest.turn + 1, name)

    def is_away(self, member_id: MemberId) -> bool:
        """Whether a present member is away."""
        return all(named.away for named in self._holders[member_id].values())

    def hold(self, process: str, member_id: MemberId, named: ScreenName) -> list[Event]:
        """Adds this member of `process` under this name, or updates it."""
        holders = self._holders.get(member_id)
        self._held.setdefault(process, set()).add(member_id)
        if holders is None:
            self._holders[member_id] = {process: named}
            if named.is_bot:
                self._bots.add(member_id)
            self._look(member_id, skeleton(named.name))
            return [Joined(self._member(member_id), self.online)]
        before = self.name(member_id), self.is_away(member_id)
        holders[process] = named
        return self._differences(member_id, *before)

    def release(self, process: str, member_id: MemberId) -> list[Event]:
        """Removes this member of `process`."""
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
        self._bots.discard(member_id)
        self._look(member_id, ())
        return [Left(member_id, self.online)]

    def held(self, process: str) -> Collection[MemberId]:
        """The members of this process."""
        return self._held.get(process, ())

    def replace(
        self,
        process: str,
        members: Mapping[MemberId, ScreenName],
        is_newer: Callable[[MemberId], bool] = lambda _: False,
    ) -> Iterator[list[Event]]:
        """Replaces the members of `process`, except members that have a newer change by `is_newer`.

        Each step handles one member. The caller may pause between steps and apply other changes.
        """
        for member_id in sorted(set(self.held(process)) - members.keys()):
            yield [] if is_newer(member_id) else self.release(process, member_id)
        for member_id, named in members.items():
            is_known = (holders := self._holders.get(member_id)) is not None and holders.get(process) == named
            yield [] if is_known or is_newer(member_id) else self.hold(process, member_id, named)

    def _differences(self, member_id: MemberId, name_before: str, was_away: bool) -> list[Event]:
        events: list[Event] = []
        if (name := self.name(member_id)) != name_before:
            self._look(member_id, skeleton(name))
            events.append(Renamed(self._member(member_id), self.online))
        if (is_away := self.is_away(member_id)) != was_away:
            events.append(AwayNow(member_id, is_away))
        return events

    def _look(self, member_id: MemberId, now: tuple[str, ...]) -> None:
        """Replaces the looks of a member."""
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
        return self._as_listed(member_id, self._like(member_id))

    def _as_listed(self, member_id: MemberId, like: MemberId | UnsetType) -> Member:
        is_away, is_bot = self.is_away(member_id), member_id in self._bots
        return Member(member_id, self.name(member_id), like, is_away or UNSET, is_bot or UNSET)

    def _like(self, member_id: MemberId) -> MemberId | UnsetType:
        """The member who has had one of this member's look-alike names for longest, if it is another member."""
        for look in self._looks[member_id]:
            longest = next(iter(self._alike[look]))
            if longest != member_id:
                return longest
        return UNSET


async def read_members(store: Presence, room: str) -> list[Member]:
    """The members of a room that the store has.

    Raises:
        PresenceUnavailable: the store failed.
    """
    roster = Roster()
    for process, seen in (await store.others([room], lambda *_: Known()))[room].items():
        for member_id, named in (seen.share or {}).items():
            roster.hold(process, member_id, named)
    return list(roster)
