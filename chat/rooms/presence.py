"""The people in a room: this process's own members, and the roster of all processes."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec import UNSET, Raw

from chat.access.person import Person
from chat.access.policy import Answer
from chat.cluster.messages import MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Followed, Known, Seen, Share, ShareChange, Shares
from chat.cluster.presence_store import RENEW_SECONDS
from chat.content.mentions import NAMESAKES_LIMIT, People, fold
from chat.protocol import codec
from chat.protocol.constants import TYPING_SECONDS, WELCOME_MEMBERS
from chat.protocol.events import AwayNow, Event, Joined, Member
from chat.protocol.fields import MemberId
from chat.rooms.connection import Connection
from chat.rooms.roster import Roster

GRACE_SECONDS = 2  # From the last tab closed to `left`: time for a reload.
# A share must be missing in more than one look at the store: Redis may have just been emptied, and its
# owner puts it back with its next renewal.
ABSENCE_SECONDS = 1.5 * RENEW_SECONDS
# Changes of away within this time are sent together. They aren't urgent, and in a room of thousands they happen all
# the time: each would be a frame for everybody.
AWAY_SECONDS = 2
MEMBERS_AT_ONCE = 200  # Of another process's share. If all are new, they take the loop 1 to 2 ms.

Announce = Callable[[Event], None]
MayStay = Callable[[Person], Answer]
Publish = Callable[[MemberPresent | MemberGone], None]


@dataclass(slots=True)
class OwnMember:
    """A member of this process, and the person of each of its connections. Without connections it is about to leave."""

    id: MemberId
    named: ScreenName
    connections: dict[Connection, Person] = field(default_factory=dict)
    idle: set[Connection] = field(default_factory=set)
    leaving: asyncio.TimerHandle | None = None
    typed_at: float = float("-inf")

    @property
    def is_away(self) -> bool:
        """Whether the user is idle in all tabs here. Without a tab it keeps its state: the user may be reloading."""
        return len(self.idle) == len(self.connections) if self.connections else self.named.away


class RoomPresence:
    """`announce` gets every visible change of the roster; `publish` gets every change of this process's share."""

    def __init__(self, process: str, *, announce: Announce, publish: Publish, on_departure: Callable[[], None]) -> None:
        self._process = process
        self._announce = announce
        self._publish = publish
        self._on_departure = on_departure
        self._loop = asyncio.get_running_loop()
        self._roster = Roster()
        self._own: dict[MemberId, OwnMember] = {}
        self._followed: dict[str, Followed] = {}  # Other processes.
        self._missing_since: dict[str, float] = {}  # Other processes that the store lacks.
        self._shifted: set[MemberId] = set()  # Members whose away state changed and isn't published yet.
        self._shift_timer: asyncio.TimerHandle | None = None
        self._encoded: Raw | None = None
        self._by_name: dict[str, list[MemberId]] | None = None  # Built for the first mention.

    @property
    def online(self) -> int:
        return self._roster.online

    @property
    def members(self) -> list[Member]:
        return list(self._roster)

    @property
    def visitors(self) -> list[tuple[Connection, Person]]:
        """This process's connections, with their people."""
        return [visitor for own in self._own.values() for visitor in own.connections.items()]

    @property
    def has_own(self) -> bool:
        return bool(self._own)

    @property
    def own_share(self) -> Share:
        """This process's share for the presence store."""
        return {member.id: member.named for member in self._own.values()}

    def encoded(self) -> Raw:
        """The roster's first WELCOME_MEMBERS, encoded; made again only after it changed."""
        if self._encoded is None:
            listed = [member for _, member in zip(range(WELCOME_MEMBERS), self._roster, strict=False)]
            self._encoded = Raw(codec.encode(listed))
        return self._encoded

    # --- own members ---

    def arrive(self, connection: Connection, person: Person, name: str, *, is_idle: bool = False) -> None:
        """Adds a member with this screen name, or another tab of a member."""
        own = self._own.get(person.id)
        is_new = own is None
        if own is None:
            own = self._own[person.id] = OwnMember(person.id, self._roster.named_next(person.id, name))
        if own.leaving is not None:
            own.leaving.cancel()
            own.leaving = None
        own.connections[connection] = person
        if is_idle:
            own.idle.add(connection)
        named = self._roster.named_next(person.id, name)._replace(away=own.is_away, is_bot=person.is_bot)
        if is_new or named != own.named:
            own.named = named
            self._hold(own)

    def leave(self, connection: Connection, member_id: MemberId) -> None:
        """Removes a closed tab. Its member leaves a moment after the last one.

        A stopping process keeps its members in the store until their leases end.
        """
        own = self._own.get(member_id)
        if own is None or connection not in own.connections:
            return
        del own.connections[connection]
        own.idle.discard(connection)
        if connection.is_restarting:
            return
        if own.connections:
            self._look_whether_away(own)
        else:
            own.leaving = self._loop.call_later(GRACE_SECONDS, self._depart, own)

    def disconnect_banned(self, may_stay: MayStay) -> list[tuple[Connection, Person, Answer]]:
        """Removes the connections of people who may not stay. A member without another connection leaves at once."""
        removed = []
        for own in list(self._own.values()):
            found = [
                (connection, person, answer)
                for connection, person in own.connections.items()
                if not (answer := may_stay(person))
            ]
            for connection, *_ in found:
                del own.connections[connection]
                own.idle.discard(connection)
            if own.connections:
                self._look_whether_away(own)
            elif found or not may_stay(Person(own.id)):  # The address of a member whose last tab is closed is unknown.
                self._depart(own)
            removed += found
        return removed

    def _depart(self, own: OwnMember) -> None:
        if own.leaving is not None:
            own.leaving.cancel()
        del self._own[own.id]
        self._changed(self._roster.release(self._process, own.id))
        self._publish(MemberGone(own.id))
        self._on_departure()

    def rename(self, member_id: MemberId, name: str) -> None:
        """Changes a member's name for everybody. `name` is validated."""
        own = self._own[member_id]
        next_name = self._roster.named_next(member_id, name)
        own.named = next_name._replace(away=own.named.away, is_bot=own.named.is_bot)
        self._hold(own)

    def set_idle(self, connection: Connection, member_id: MemberId, is_idle: bool) -> None:
        """Sets whether this connection's user is idle."""
        own = self._own.get(member_id)
        if own is None or connection not in own.connections:
            return
        if is_idle:
            own.idle.add(connection)
        else:
            own.idle.discard(connection)
        self._look_whether_away(own)

    def _look_whether_away(self, own: OwnMember) -> None:
        if own.named.away != own.is_away:
            own.named = own.named._replace(away=own.is_away)
            self._hold(own)

    def member(self, member_id: MemberId) -> Member:
        """An own member with its current name."""
        named = self._own[member_id].named
        return Member(member_id, named.name, bot=named.is_bot or UNSET)

    def name_of(self, member_id: MemberId) -> str:
        """A member's current name, from any process. Empty if the member isn't here."""
        return self._roster.name(member_id) if member_id in self._roster else ""

    def called(self, names: Iterable[str]) -> People:
        """The present members with these folded names."""
        if self._by_name is None:
            self._by_name = {}
            for member in self._roster:
                self._by_name.setdefault(fold(member.name), []).append(member.id)
        return {name: tuple(self._by_name[name][:NAMESAKES_LIMIT]) for name in names if name in self._by_name}

    def may_type(self, member_id: MemberId) -> bool:
        """Whether to publish that this own member types: at most every TYPING_SECONDS."""
        own = self._own[member_id]
        now = self._loop.time()
        if now - own.typed_at < TYPING_SECONDS:
            return False
        own.typed_at = now
        return True

    def _hold(self, own: OwnMember) -> None:
        self._changed(self._roster.hold(self._process, own.id, own.named))
        self._publish(MemberPresent(own.id, own.named))

    # --- members of other processes ---

    def handle(self, process: str, change: MemberPresent | MemberGone) -> None:
        """Applies a change of another process's share."""
        self._missing_since.pop(process, None)
        followed = self._followed.setdefault(process, Followed())
        share_change = ShareChange(self._loop.time(), change.member_id, change.after, change.revision)
        if not followed.handle(share_change, is_first=not self._roster.held(process)):
            return
        match change:
            case MemberPresent(member_id, named):
                self._changed(self._roster.hold(process, member_id, named))
                self._adopt_name(member_id, named)
            case MemberGone(member_id):
                self._changed(self._roster.release(process, member_id))

    def _adopt_name(self, member_id: MemberId, named: ScreenName) -> None:
        """Adopts an own member's newer name from a tab on another process."""
        own = self._own.get(member_id)
        if own is not None and own.named[:2] < named[:2]:
            own.named = named._replace(away=own.named.away)
            self._hold(own)

    @property
    def is_settled(self) -> bool:
        """Whether no process was missing from the store at the last look, so that another one would show it gone."""
        return not self._missing_since

    def known(self, process: str) -> Known:
        """The revision of another process's share that is known and needn't be read."""
        followed = self._followed.get(process)
        return Known(followed.revision if followed is not None else 0, len(self._roster.held(process)))

    async def reconcile(self, shares: Shares, read_at: float) -> None:
        """Compares the roster with the presence store's state at `read_at` (the loop's time) or later.

        Known shares cost nothing. Others are applied a few members at a time, so that nobody waits for thousands.
        One call at a time.
        """
        for process, seen in shares.items():
            self._missing_since.pop(process, None)
            await self._take(process, seen, read_at)
        for process in self._roster.processes:
            if process == self._process or process in shares or self._received_at(process) > read_at:
                continue
            if read_at - self._missing_since.setdefault(process, read_at) >= ABSENCE_SECONDS:
                del self._missing_since[process]
                await self._take(process, Seen(0, {}), read_at)
                self._followed.pop(process, None)
        for process in self._missing_since.keys() - set(self._roster.processes):
            del self._missing_since[process]
        # Processes come and go for as long as a room is open.
        for process in [name for name in self._followed if self._received_at(name) < read_at - 10 * ABSENCE_SECONDS]:
            if process not in shares:
                del self._followed[process]

    async def _take(self, process: str, seen: Seen, read_at: float) -> None:
        followed = self._followed.setdefault(process, Followed())
        if seen.share is None:
            followed.prune(read_at)
            return

        def is_newer(member_id: MemberId) -> bool:
            return followed.is_newer(member_id, read_at, seen.revision)

        followed.update(seen.revision, read_at)  # First: a change that arrives meanwhile is late or follows it.
        changes = self._roster.replace(process, seen.share, is_newer)
        for number, events in enumerate(changes, 1):
            self._changed(events)
            if number % MEMBERS_AT_ONCE == 0:
                await asyncio.sleep(0)
        for member_id in seen.share.keys() & self._own.keys():
            self._adopt_name(member_id, seen.share[member_id])

    def _received_at(self, process: str) -> float:
        followed = self._followed.get(process)
        return float("-inf") if followed is None else followed.received_at

    def _changed(self, events: Iterable[Event]) -> None:
        for event in events:
            # Later joiners aren't listed.
            if not (isinstance(event, Joined) and len(self._roster) > WELCOME_MEMBERS):
                self._encoded = None
            if isinstance(event, AwayNow):
                self._shifted.add(event.id)
                if self._shift_timer is None:
                    self._shift_timer = self._loop.call_later(AWAY_SECONDS, self._publish_shifted)
            else:
                self._by_name = None
                self._announce(event)

    def _publish_shifted(self) -> None:
        """Publishes the current state of members who went away or came back."""
        shifted, self._shifted, self._shift_timer = self._shifted, set(), None
        for member_id in sorted(shifted):
            if member_id in self._roster:
                self._announce(AwayNow(member_id, self._roster.is_away(member_id)))

    def close(self) -> list[Connection]:
        """Stops the timers. Returns all connections. Own members stay in the store to reconnect elsewhere."""
        if self._shift_timer is not None:
            self._shift_timer.cancel()
        for own in self._own.values():
            if own.leaving is not None:
                own.leaving.cancel()
        return [connection for own in self._own.values() for connection in own.connections]
