"""How much one member, one connection and one address may ask of this process: token buckets and counts.

Nothing here waits or does any I/O, and nothing is kept of anybody who has used nothing lately: a bucket that is full
again is as good as a new one, and is dropped.
"""

import random
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import cache
from math import ceil
from typing import Generic, NamedTuple, Protocol, TypeVar

from chat.conf import chatty
from chat.protocol.commands import Command, History, Join, Search, Sync, Typing, Watch
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId

Clock = Callable[[], float]

CHARACTERS_A_TOKEN = 1_000  # A body costs its size, too: longer ones take longer to render.
READING_COST = 5  # Commands' tokens for what reads many messages: `history`, `sync`, `watch` and the welcome.
SEARCH_COST = 10  # Of `search`, and of `history` with more than one filter: they may read an index of millions.
# Rooms that somebody makes, each a row that stays: what a member needs, and an office. In one process.
MEMBERS_ROOMS_LIMIT = (5, 1 / 20)
ADDRESS_ROOMS_LIMIT = (20, 1 / 5)
SWEEP_AT = 1_024  # Entries before the first look for those that can go; then each time they have doubled.
# Of members, and of addresses, without a connection here: 50 MB of each. Past it the longest known are forgotten.
ACCOUNTS_LIMIT = 50_000
ACCOUNT_BYTES = 1_000  # What one takes, at most. A test measures it.
CROWD_SECONDS = (1, 3)  # Members whose reactions were refused retry after a random time between these.
FLOOD_SECONDS = 10  # A client that was disconnected for flooding is asked to wait this long.


class Rate(NamedTuple):
    """`burst` at once, and `per_second` after that. A burst of 0 is no limit."""

    burst: float
    per_second: float


NO_LIMIT = Rate(0, 0)
# Refusals: a client that goes on after so many is disconnected. Neither the page nor a person typing comes near it.
REFUSALS = Rate(50, 5)


class Bucket:
    """Tokens, as one number: when it is full again. `now` is of any clock that goes on evenly, in seconds."""

    __slots__ = ("_full_at", "_rate")

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._full_at = float("-inf")

    def take(self, tokens: float, now: float) -> float:
        """Takes tokens and returns 0. If there are too few, takes none and returns the seconds until there are enough.

        To take more than the bucket holds, it must be full.
        """
        burst, per_second = self._rate
        if not burst:
            return 0.0
        full_at = max(self._full_at, now) + min(tokens, burst) / per_second
        wait = full_at - now - burst / per_second
        if wait > 1e-6:  # Else it is but rounding.
            return wait
        self._full_at = full_at
        return 0.0

    def charge(self, tokens: float, now: float) -> None:
        """Takes tokens that were used elsewhere, there or not. Nobody gets deeper into debt than one burst."""
        burst, per_second = self._rate
        if burst:
            self._full_at = min(max(self._full_at, now) + tokens / per_second, now + 2 * burst / per_second)

    def missing(self, now: float) -> float:
        """The share of the bucket that is used: 0 is full, 1 is empty."""
        burst, per_second = self._rate
        return max(0.0, self._full_at - now) * per_second / burst if burst else 0.0


class Account(Protocol):
    """What somebody has used."""

    connections: int  # That are open here: it can't be forgotten meanwhile.

    def is_settled(self, now: float) -> bool:
        """Whether it is as good as a new one, and can be forgotten."""


A = TypeVar("A", bound=Account)
K = TypeVar("K", bound=str)


class Accounts(Generic[K, A]):
    """An account for everybody who needs one. The settled ones are looked for when there may be many of them.

    So what this holds is at most twice what is in use at a time, and looking costs each newcomer a fixed share. Where
    many are in use, at most ACCOUNTS_LIMIT are held beside those who are connected.
    """

    def __init__(self, open_one: Callable[[], A], clock: Clock) -> None:
        self._open_one = open_one
        self._clock = clock
        self._accounts: dict[K, A] = {}
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._accounts)

    def of(self, key: K) -> A:
        account = self._accounts.get(key)
        if account is None:
            if len(self._accounts) >= self._sweep_at:
                self._sweep()
            account = self._accounts[key] = self._open_one()
        return account

    def _sweep(self) -> None:
        now = self._clock()
        self._accounts = {key: account for key, account in self._accounts.items() if not account.is_settled(now)}
        idle = [key for key, account in self._accounts.items() if not account.connections]
        for key in idle[: max(0, len(idle) - ACCOUNTS_LIMIT // 2)]:
            del self._accounts[key]
        self._sweep_at = min(max(SWEEP_AT, 2 * len(self._accounts)), len(self._accounts) + ACCOUNTS_LIMIT // 2)


class MemberAccount:
    """One member's, over all its connections in this process."""

    __slots__ = ("changes", "commands", "connections", "refusals", "rooms", "untold")

    def __init__(self, changes: Rate, commands: Rate) -> None:
        self.changes = Bucket(changes)
        self.commands = Bucket(commands)
        self.refusals = refusals(commands)
        self.rooms = Bucket(Rate(*MEMBERS_ROOMS_LIMIT) if commands.burst else NO_LIMIT)
        self.connections = 0
        self.untold = Used(0.0, 0.0)

    def is_settled(self, now: float) -> bool:
        return not self.connections and not any(
            bucket.missing(now) for bucket in (self.changes, self.commands, self.refusals, self.rooms)
        )


def refusals(commands: Rate) -> Bucket:
    """What is counted of refusals, where commands have this limit: nothing where they have none."""
    return Bucket(REFUSALS if commands.burst else NO_LIMIT)


class AddressAccount:
    """One network's, as `client_address.client_network` gives it."""

    __slots__ = ("attempts", "connections", "cpu", "identities", "requests", "rooms")

    def __init__(self, attempts: Rate, identities: Rate, cpu: Rate, requests: Rate) -> None:
        self.attempts = Bucket(attempts)
        self.cpu = Bucket(cpu)  # Its tokens are seconds of a core.
        self.identities = Bucket(identities)
        self.requests = Bucket(requests)
        self.rooms = Bucket(Rate(*ADDRESS_ROOMS_LIMIT) if identities.burst else NO_LIMIT)
        self.connections = 0

    def is_settled(self, now: float) -> bool:
        return not self.connections and not any(
            bucket.missing(now) for bucket in (self.attempts, self.cpu, self.identities, self.requests, self.rooms)
        )


class Used(NamedTuple):
    """Tokens that a member has used: what processes tell each other."""

    changes: float
    commands: float


class Admission(Enum):
    """What becomes of a socket that is being opened."""

    GRANTED = auto()
    TOO_MANY = auto()  # It may be told so.
    HAMMERING = auto()  # It has been told so often enough.


class Limiter:
    """All that is counted in this process. Where a limit is 0, nothing is."""

    def __init__(
        self,
        *,
        changes: Rate,
        commands: Rate,
        identities: Rate,
        cpu: Rate,
        requests: Rate,
        connections_per_address: int,
        connections_per_member: int,
        clock: Clock = time.monotonic,
    ) -> None:
        self._clock = clock
        self._per_address = connections_per_address
        self._per_member = connections_per_member
        self._commands = commands
        # A whole office that reconnects at once, twice; then a tenth of it a second.
        attempts = Rate(2 * connections_per_address, connections_per_address / 10)
        self._members: Accounts[MemberId, MemberAccount] = Accounts(lambda: MemberAccount(changes, commands), clock)
        self._addresses: Accounts[str, AddressAccount] = Accounts(
            lambda: AddressAccount(attempts, identities, cpu, requests), clock
        )
        self._heavy: set[MemberId] = set()  # Members of whom other processes should know.

    # --- addresses ---

    def open_socket(self, network: str) -> Admission:
        """Counts a socket from there, if it is GRANTED; `close_socket` must follow then, however it ends."""
        account = self._addresses.of(network)
        if account.attempts.take(1, self._clock()):
            return Admission.HAMMERING
        if 0 < self._per_address <= account.connections:
            return Admission.TOO_MANY
        account.connections += 1
        return Admission.GRANTED

    def close_socket(self, network: str) -> None:
        self._addresses.of(network).connections -= 1

    def issue(self, network: str) -> float:
        """0 where somebody there may get a new identity; else the seconds until then."""
        return self._addresses.of(network).identities.take(1, self._clock())

    def spend_cpu(self, network: str, seconds: float) -> None:
        """Takes seconds of a core that something asked for from there will cost; 0 where that is known afterwards only.

        Raises:
            Refusal: `rate_limited`, the network has used up its budget.
        """
        if wait := self._addresses.of(network).cpu.take(seconds, self._clock()):
            raise _too_much(wait)

    def charge_cpu(self, network: str, seconds: float) -> None:
        """Takes what something asked for from there has cost, there or not; negative seconds are given back."""
        self._addresses.of(network).cpu.charge(seconds, self._clock())

    def request(self, network: str, tokens: float) -> float:
        """0 where an HTTP request from there may be answered now; else the seconds until then."""
        return self._addresses.of(network).requests.take(tokens, self._clock())

    def stranger(self) -> Bucket:
        """What a connection may get wrong before it has joined."""
        return refusals(self._commands)

    # --- members ---

    def join(self, member_id: MemberId) -> "Membership | None":
        """A connection's share of what the member may do; None where it has too many, or comes too often."""
        account = self._members.of(member_id)
        if 0 < self._per_member <= account.connections or self.spend(member_id, account, Used(0, READING_COST)):
            return None
        account.connections += 1
        return Membership(self, member_id, account)

    def spend(self, member_id: MemberId, account: MemberAccount, used: Used) -> float:
        """0 where the member had the tokens; else the seconds until then."""
        now = self._clock()
        missing = max(account.changes.missing(now), account.commands.missing(now))
        wait = account.commands.take(used.commands, now)
        if not wait and used.changes:
            wait = account.changes.take(used.changes, now)
        if not wait:
            before = account.untold if missing else Used(0.0, 0.0)
            account.untold = Used(before.changes + used.changes, before.commands + used.commands)
            if missing > 0.5:
                self._heavy.add(member_id)
        return wait

    def make_room(self, account: MemberAccount, network: str) -> float:
        """0 where the member, coming from there, may make another room; else the seconds until then."""
        now = self._clock()
        return account.rooms.take(1, now) or self._addresses.of(network).rooms.take(1, now)

    # --- between processes ---

    def drain(self) -> dict[MemberId, Used]:
        """What other processes should know: how much members who use a lot have used since they were last told."""
        heavy, self._heavy = self._heavy, set()
        told = {}
        for member_id in heavy:
            account = self._members.of(member_id)
            told[member_id], account.untold = account.untold, Used(0.0, 0.0)
        return told

    def charge(self, told: dict[MemberId, Used]) -> None:
        """Takes what another process has drained."""
        now = self._clock()
        for member_id, used in told.items():
            account = self._members.of(member_id)
            account.changes.charge(used.changes, now)
            account.commands.charge(used.commands, now)

    def counts(self) -> dict[str, int]:
        return {"member_accounts": len(self._members), "address_accounts": len(self._addresses)}


class Membership:
    """One connection of a member, as far as limits go."""

    __slots__ = ("_account", "_limiter", "_member_id")

    def __init__(self, limiter: Limiter, member_id: MemberId, account: MemberAccount) -> None:
        self._limiter = limiter
        self._member_id = member_id
        self._account = account

    @property
    def refusals(self) -> Bucket:
        return self._account.refusals

    def spend(self, command: Command) -> None:
        """Takes what the command costs.

        Raises:
            Refusal: `rate_limited`.
        """
        if wait := self._limiter.spend(self._member_id, self._account, cost(command)):
            raise _too_much(wait)

    def make_room(self, network: str) -> None:
        """Takes what a new room costs beyond its command, from a member who comes from there.

        Raises:
            Refusal: `rate_limited`.
        """
        if wait := self._limiter.make_room(self._account, network):
            raise _too_much(wait)

    def leave(self) -> None:
        self._account.connections -= 1


def _too_much(wait: float) -> Refusal:
    seconds = _tenths(wait)
    return Refusal(RefusalCode.RATE_LIMITED, f"Too much at once. Again after {seconds:g} seconds.", retry_after=seconds)


def crowded(wait: float) -> Refusal:
    """The refusal of a reaction where all members of a room together send too many; it lasts for `wait` seconds.

    Each member is told another time to retry, so that they don't all come back at once.
    """
    seconds = _tenths(wait + random.uniform(*CROWD_SECONDS))
    detail = f"Too many reactions at once in this room. Retry after {seconds:g} seconds."
    return Refusal(RefusalCode.RATE_LIMITED, detail, retry_after=seconds, is_own_doing=False)


def _tenths(seconds: float) -> float:
    return ceil(seconds * 10) / 10


def cost(command: Command) -> Used:
    """What a command costs: everything is a command, and what everybody in the room then gets is a change."""
    match command:
        case History() if command.is_combined:
            return Used(0, SEARCH_COST)
        case History() | Sync() | Watch():
            return Used(0, READING_COST)
        case Search():
            return Used(0, SEARCH_COST)
        case Join() | Typing():  # `typing` is passed on once in a while only.
            return Used(0, 1)
        case _:
            return Used(max(1, ceil(len(getattr(command, "body", "")) / CHARACTERS_A_TOKEN)), 1)


def costs_cpu(command: Command) -> bool:
    """Whether an address must have some of its budget left for this. What a body costs is known from its text."""
    return isinstance(command, History | Search | Watch)


@cache
def current_limiter() -> Limiter:
    """This process's, as the settings want them."""
    return Limiter(
        changes=Rate(*chatty.POST_LIMIT),
        commands=Rate(*chatty.COMMAND_LIMIT),
        identities=Rate(*chatty.IDENTITY_LIMIT),
        cpu=Rate(*chatty.ADDRESS_CPU),
        requests=Rate(*chatty.REQUEST_LIMIT),
        connections_per_address=chatty.MAX_CONNECTIONS_PER_ADDRESS,
        connections_per_member=chatty.MAX_CONNECTIONS_PER_MEMBER,
    )
