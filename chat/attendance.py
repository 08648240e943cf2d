"""Who is in a room: this process's own members, and the roster that they make with those of other processes."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from msgspec import Raw

from . import protocol
from .connection import Connection
from .mentions import NAMESAKES_LIMIT, People, fold
from .peers import Held, Released
from .presence import RENEW_SECONDS, Share, Shares
from .protocol import TYPING_SECONDS, WELCOME_MEMBERS, AwayNow, Event, Joined, Member, MemberId
from .roster import Named, Roster

GRACE_SECONDS = 2  # From the last tab closed to `left`: time for a reload.
# A share must be missing from more than one look at the store: Redis may have been emptied a moment ago, and its
# owner puts it back with its next renewal.
ABSENCE_SECONDS = 1.5 * RENEW_SECONDS
# Who is away, or back, is told together with whoever else is within this time. Nobody waits for it, and in a room of
# thousands somebody or other stops doing something all the time: each would be a frame for everybody.
AWAY_SECONDS = 2

Announce = Callable[[Event], None]
IsShut = Callable[[MemberId, str], bool]  # Whether a member may not be here, coming from that network.
Tell = Callable[[Held | Released], None]


@dataclass(slots=True)
class OwnMember:
    """A member of this process, with its connections here and whence they come. Without any it is about to leave."""

    id: MemberId
    named: Named
    connections: dict[Connection, str] = field(default_factory=dict)  # By connection, its network.
    idle: set[Connection] = field(default_factory=set)
    leaving: asyncio.TimerHandle | None = None
    typed_at: float = float("-inf")

    @property
    def is_away(self) -> bool:
        """Whether nobody does anything in any tab here. One without a tab is as it was: it may be coming back."""
        return len(self.idle) == len(self.connections) if self.connections else self.named.away


class Attendance:
    """`announce` gets every visible change of the roster; `tell` gets every change of this process's own share."""

    def __init__(self, process: str, *, announce: Announce, tell: Tell, on_departure: Callable[[], None]) -> None:
        self._process = process
        self._announce = announce
        self._tell = tell
        self._on_departure = on_departure
        self._loop = asyncio.get_running_loop()
        self._roster = Roster()
        self._own: dict[MemberId, OwnMember] = {}
        self._heard_at: dict[str, float] = {}  # Other processes: when they last spoke.
        self._missing_since: dict[str, float] = {}  # Other processes that the store doesn't know just now.
        self._shifted: set[MemberId] = set()  # Who was away and is back, or the other way, and nobody was told yet.
        self._telling: asyncio.TimerHandle | None = None
        self._encoded: Raw | None = None
        self._by_name: dict[str, list[MemberId]] | None = None  # Made when somebody is called.

    @property
    def online(self) -> int:
        return self._roster.online

    @property
    def has_own(self) -> bool:
        return bool(self._own)

    @property
    def own_share(self) -> Share:
        """This process's members, as the presence store shall have them."""
        return {member.id: member.named for member in self._own.values()}

    def encoded(self) -> Raw:
        """The roster's first WELCOME_MEMBERS, encoded; made again only after it changed."""
        if self._encoded is None:
            listed = [member for _, member in zip(range(WELCOME_MEMBERS), self._roster, strict=False)]
            self._encoded = Raw(protocol.encode(listed))
        return self._encoded

    # --- own members ---

    def arrive(self, connection: Connection, member: Member, network: str = "", *, is_idle: bool = False) -> None:
        """A member has come, or one that is here has opened another tab. `network`: where a ban would look for it."""
        own = self._own.get(member.id)
        is_new = own is None
        if own is None:
            own = self._own[member.id] = OwnMember(member.id, _named_now(member.name))
        if own.leaving is not None:
            own.leaving.cancel()
            own.leaving = None
        own.connections[connection] = network
        if is_idle:
            own.idle.add(connection)
        named = own.named if own.named.name == member.name else _named_now(member.name)
        named = named._replace(away=own.is_away)
        if is_new or named != own.named:
            own.named = named
            self._hold(own)

    def leave(self, connection: Connection, member_id: MemberId) -> None:
        """A tab was closed. Its member leaves a moment after the last one.

        When this process is stopping, what it holds is held on until its leases end.
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

    def show_out(self, is_shut: IsShut) -> list[tuple[Connection, MemberId, str]]:
        """Takes away the connections that may not be here any more. Whoever has no other one has left, at once."""
        shown_out = []
        for own in list(self._own.values()):
            found = [(one, own.id, network) for one, network in own.connections.items() if is_shut(own.id, network)]
            for connection, _, _ in found:
                del own.connections[connection]
                own.idle.discard(connection)
            if own.connections:
                self._look_whether_away(own)
            elif found or is_shut(own.id, ""):
                self._depart(own)
            shown_out += found
        return shown_out

    def _depart(self, own: OwnMember) -> None:
        if own.leaving is not None:
            own.leaving.cancel()
        del self._own[own.id]
        self._changed(self._roster.release(self._process, own.id))
        self._tell(Released(own.id))
        self._on_departure()

    def rename(self, member_id: MemberId, name: str) -> None:
        """Changes a member's name for everybody. `name` is a clean one."""
        own = self._own[member_id]
        own.named = _named_now(name)._replace(away=own.named.away)
        self._hold(own)

    def set_idle(self, connection: Connection, member_id: MemberId, is_idle: bool) -> None:
        """Nobody does anything at this connection's end, or somebody does again."""
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
        """An own member, as it is called now."""
        return Member(member_id, self._own[member_id].named.name)

    def name_of(self, member_id: MemberId) -> str:
        """As a member is called now, of whatever process; empty for one that isn't here."""
        return self._roster.name(member_id) if member_id in self._roster else ""

    def called(self, names: Iterable[str]) -> People:
        """The members of these (folded) names, as far as they are here."""
        if self._by_name is None:
            self._by_name = {}
            for member in self._roster:
                self._by_name.setdefault(fold(member.name), []).append(member.id)
        return {name: tuple(self._by_name[name][:NAMESAKES_LIMIT]) for name in names if name in self._by_name}

    def may_type(self, member_id: MemberId) -> bool:
        """Whether the room shall hear that this own member types: not more often than every TYPING_SECONDS."""
        own = self._own[member_id]
        now = self._loop.time()
        if now - own.typed_at < TYPING_SECONDS:
            return False
        own.typed_at = now
        return True

    def _hold(self, own: OwnMember) -> None:
        self._changed(self._roster.hold(self._process, own.id, own.named))
        self._tell(Held(own.id, own.named))

    # --- members of other processes ---

    def hear(self, process: str, change: Held | Released) -> None:
        """Takes what another process says of its share."""
        self._heard_at[process] = self._loop.time()
        self._missing_since.pop(process, None)
        match change:
            case Held(member_id, named):
                self._changed(self._roster.hold(process, member_id, named))
                own = self._own.get(member_id)
                if own is not None and own.named[:2] < named[:2]:  # Renamed in another tab.
                    own.named = named._replace(away=own.named.away)
                    self._hold(own)
            case Released(member_id):
                self._changed(self._roster.release(process, member_id))

    def reconcile(self, shares: Shares, read_at: float) -> None:
        """Compares the roster with the presence store, as it was at `read_at` (the loop's time) or later."""
        for process, share in shares.items():
            self._missing_since.pop(process, None)
            if self._heard_at.get(process, float("-inf")) < read_at:  # Else the news may be newer than the look.
                self._replace(process, share)
        for process in self._roster.processes:
            if process == self._process or process in shares or self._heard_at.get(process, read_at) > read_at:
                continue
            if read_at - self._missing_since.setdefault(process, read_at) >= ABSENCE_SECONDS:
                del self._missing_since[process]
                self._heard_at.pop(process, None)
                self._replace(process, {})
        # Processes come and go for as long as a room is open.
        silent = {name for name, heard in self._heard_at.items() if heard < read_at - 10 * ABSENCE_SECONDS}
        for process in silent - shares.keys():
            del self._heard_at[process]

    def _replace(self, process: str, share: Share) -> None:
        self._changed(self._roster.replace(process, share))

    def _changed(self, events: Iterable[Event]) -> None:
        for event in events:
            if not (isinstance(event, Joined) and event.online > WELCOME_MEMBERS):  # A late joiner is not listed.
                self._encoded = None
            if isinstance(event, AwayNow):
                self._shifted.add(event.id)
                if self._telling is None:
                    self._telling = self._loop.call_later(AWAY_SECONDS, self._tell_shifted)
            else:
                self._by_name = None
                self._announce(event)

    def _tell_shifted(self) -> None:
        """Says who is away now and who isn't, of those who shifted: as they are, however often they did."""
        shifted, self._shifted, self._telling = self._shifted, set(), None
        for member_id in sorted(shifted):
            if member_id in self._roster:
                self._announce(AwayNow(member_id, self._roster.is_away(member_id)))

    def close(self) -> list[Connection]:
        """All connections of own members, who stay in the store for a while: they come back on another process."""
        if self._telling is not None:
            self._telling.cancel()
        for own in self._own.values():
            if own.leaving is not None:
                own.leaving.cancel()
        return [connection for own in self._own.values() for connection in own.connections]


def _named_now(name: str) -> Named:
    return Named(time.time_ns() // 1_000_000, name)
