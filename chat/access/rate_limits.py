"""Limits of a member, a connection and an address in this process: token buckets and counters.

Nothing here waits or does I/O. A bucket that is full again equals a new one and is dropped, so nothing is kept of
inactive clients.
"""

import random
import time
from collections.abc import Callable
from enum import Enum, auto
from functools import cache
from math import ceil
from typing import Generic, NamedTuple, Protocol, TypeVar

from chat.conf import chatty
from chat.protocol.commands import Command, History, Join, ListHooks, Move, People, Search, Sync, Typing, Watch
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId

Clock = Callable[[], float]

CHARACTERS_A_TOKEN = 1_000  # Long bodies cost more, because they take longer to render.
READING_COST = 5  # Tokens for reading many messages: `history`, `sync`, `watch` and the welcome.
SEARCH_COST = 10  # Tokens for `search`, and `history` with several filters: they may read an index of millions.
# New rooms of a member and of an address, in one process. Each is a row that stays.
MEMBERS_ROOMS_LIMIT = (5, 1 / 20)
ADDRESS_ROOMS_LIMIT = (20, 1 / 5)
SWEEP_AT = 1_024  # Entries before the first sweep. Later sweeps come when they have doubled.
# Members, and addresses, without a connection here: 50 MB of each. Past it the oldest are dropped.
ACCOUNTS_LIMIT = 50_000
ACCOUNT_BYTES = 1_000  # The most that one takes. A test measures it.
CROWD_SECONDS = (1, 3)  # Members whose reactions were refused retry after a random time between these.
FLOOD_SECONDS = 10  # The wait before reconnecting, for a client that was disconnected for flooding.


class Rate(NamedTuple):
    """A limit: `burst` at once, and `per_second` after that. A burst of 0 means no limit."""

    burst: float
    per_second: float


NO_LIMIT = Rate(0, 0)
# Refusals. A client with more is disconnected. Neither the page nor a person typing gets near it.
REFUSALS = Rate(50, 5)


class Bucket:
    """A token bucket, as one number: the time when it is full again. `now`: seconds of any steady clock."""

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
        if wait > 1e-6:  # Less is a rounding error.
            return wait
        self._full_at = full_at
        return 0.0

    def charge(self, tokens: float, now: float) -> None:
        """Takes tokens that were used elsewhere, even if too few are left. The debt is at most one burst."""
        burst, per_second = self._rate
        if burst:
            self._full_at = min(max(self._full_at, now) + tokens / per_second, now + 2 * burst / per_second)

    def missing(self, now: float) -> float:
        """The share of the bucket that is used: 0 is full, 1 is empty."""
        burst, per_second = self._rate
        return max(0.0, self._full_at - now) * per_second / burst if burst else 0.0


class Account(Protocol):
    """The usage of a member or an address."""

    connections: int  # Open connections here. With any, the account isn't dropped.

    def is_settled(self, now: float) -> bool:
        """Whether it equals a new account and can be dropped."""


A = TypeVar("A", bound=Account)
K = TypeVar("K", bound=str)


class Accounts(Generic[K, A]):
    """The accounts by key, created when needed. Settled ones are swept when there may be many of them.

    So it holds at most twice the accounts in use, and the sweeps cost each new account a constant time. If many are in
    use, it holds at most ACCOUNTS_LIMIT without a connection.
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
    """A member's account for all its connections in this process."""

    __slots__ = ("changes", "commands", "connections", "refusals", "rooms", "unshared")

    def __init__(self, changes: Rate, commands: Rate) -> None:
        self.changes = Bucket(changes)
        self.commands = Bucket(commands)
        self.refusals = refusals(commands)
        self.rooms = Bucket(Rate(*MEMBERS_ROOMS_LIMIT) if commands.burst else NO_LIMIT)
        self.connections = 0
        self.unshared = Used(0.0, 0.0)  # Usage that other processes don't know yet.

    def is_settled(self, now: float) -> bool:
        return not self.connections and not any(
            bucket.missing(now) for bucket in (self.changes, self.commands, self.refusals, self.rooms)
        )


def refusals(commands: Rate) -> Bucket:
    """A bucket for refusals. Without a limit on commands it has none either."""
    return Bucket(REFUSALS if commands.burst else NO_LIMIT)


class AddressAccount:
    """A network's account. Networks are those of `client_address.client_network`."""

    __slots__ = ("attempts", "connections", "cpu", "identities", "rooms")

    def __init__(self, attempts: Rate, identities: Rate, cpu: Rate) -> None:
        self.attempts = Bucket(attempts)
        self.cpu = Bucket(cpu)  # Its tokens are CPU seconds.
        self.identities = Bucket(identities)
        self.rooms = Bucket(Rate(*ADDRESS_ROOMS_LIMIT) if identities.burst else NO_LIMIT)
        self.connections = 0

    def is_settled(self, now: float) -> bool:
        return not self.connections and not any(
            bucket.missing(now) for bucket in (self.attempts, self.cpu, self.identities, self.rooms)
        )


class Used(NamedTuple):
    """Tokens that a member has used. Processes share them."""

    changes: float
    commands: float


class Admission(Enum):
    """The decision about a new socket."""

    GRANTED = auto()
    TOO_MANY = auto()  # It is closed with the reason.
    HAMMERING = auto()  # It gets no answer: it has got the reason often enough.
    UNCOUNTED = auto()  # It is a request, not a socket.


class Limiter:
    """All limits of this process. A limit of 0 isn't enforced."""

    def __init__(
        self,
        *,
        changes: Rate,
        commands: Rate,
        identities: Rate,
        cpu: Rate,
        connections_per_address: int,
        connections_per_member: int,
        clock: Clock = time.monotonic,
    ) -> None:
        self._clock = clock
        self._per_address = connections_per_address
        self._per_member = connections_per_member
        self._commands = commands
        # An office may reconnect twice at once, then a tenth of it per second.
        attempts = Rate(2 * connections_per_address, connections_per_address / 10)
        self._members: Accounts[MemberId, MemberAccount] = Accounts(lambda: MemberAccount(changes, commands), clock)
        self._addresses: Accounts[str, AddressAccount] = Accounts(
            lambda: AddressAccount(attempts, identities, cpu), clock
        )
        self.limits_cpu = cpu.burst > 0
        self._heavy: set[MemberId] = set()  # Members whose usage other processes should know.

    # --- addresses ---

    def open_socket(self, network: str) -> Admission:
        """Decides about a new socket of a network. After GRANTED, `close_socket` must follow in any case."""
        account = self._addresses.of(network)
        if account.attempts.take(1, self._clock()):
            return Admission.HAMMERING
        if 0 < self._per_address <= account.connections:
            return Admission.TOO_MANY
        account.connections += 1
        return Admission.GRANTED

    def attempt(self, network: str) -> None:
        """Charges a network for a socket that goes to another room, like a new socket.

        Raises:
            Refusal: `rate_limited`.
        """
        if wait := self._addresses.of(network).attempts.take(1, self._clock()):
            raise too_much(wait)

    def close_socket(self, network: str) -> None:
        self._addresses.of(network).connections -= 1

    def issue(self, network: str) -> float:
        """Charges a network a new identity and returns 0, or returns the seconds until one is allowed."""
        return self._addresses.of(network).identities.take(1, self._clock())

    def charge_cpu(self, network: str, seconds: float) -> None:
        """Charges a network the CPU seconds of its work, even if too few are left."""
        self._addresses.of(network).cpu.charge(seconds, self._clock())

    def cpu_used(self, network: str) -> float:
        """The used share of a network's CPU budget. Above 1 it is in debt."""
        return self._addresses.of(network).cpu.missing(self._clock())

    def cpu_wait(self, network: str) -> float:
        """The seconds until a network has paid its debt; 0 if it has none."""
        return self._addresses.of(network).cpu.take(0, self._clock())

    def stranger(self) -> Bucket:
        """The bucket for refusals of a connection that hasn't joined yet."""
        return refusals(self._commands)

    # --- members ---

    def join(self, member_id: MemberId) -> "Membership | None":
        """A new connection of a member. None if it has too many, or joins too often."""
        account = self._members.of(member_id)
        if 0 < self._per_member <= account.connections or self.spend(member_id, account, Used(0, READING_COST)):
            return None
        account.connections += 1
        return Membership(self, member_id, account)

    def visit(self, member_id: MemberId) -> "Membership":
        """The member's share for one request, which is no connection and is counted by its commands."""
        account = self._members.of(member_id)
        account.connections += 1  # It can't be forgotten meanwhile.
        return Membership(self, member_id, account)

    def spend(self, member_id: MemberId, account: MemberAccount, used: Used) -> float:
        """Charges a member and returns 0. If it has too few tokens, returns the seconds until it has enough."""
        now = self._clock()
        missing = max(account.changes.missing(now), account.commands.missing(now))
        wait = account.commands.take(used.commands, now)
        if not wait and used.changes:
            wait = account.changes.take(used.changes, now)
        if not wait:
            before = account.unshared if missing else Used(0.0, 0.0)
            account.unshared = Used(before.changes + used.changes, before.commands + used.commands)
            if missing > 0.5:
                self._heavy.add(member_id)
        return wait

    def make_room(self, account: MemberAccount, network: str) -> float:
        """Charges a member and its network a new room and returns 0, or returns the seconds until one is allowed."""
        now = self._clock()
        return account.rooms.take(1, now) or self._addresses.of(network).rooms.take(1, now)

    # --- between processes ---

    def drain(self) -> dict[MemberId, Used]:
        """The usage of the heaviest members since the last call, for other processes."""
        heavy, self._heavy = self._heavy, set()
        usage = {}
        for member_id in heavy:
            account = self._members.of(member_id)
            usage[member_id], account.unshared = account.unshared, Used(0.0, 0.0)
        return usage

    def charge(self, usage: dict[MemberId, Used]) -> None:
        """Charges members the usage that another process has drained."""
        now = self._clock()
        for member_id, used in usage.items():
            account = self._members.of(member_id)
            account.changes.charge(used.changes, now)
            account.commands.charge(used.commands, now)

    def counts(self) -> dict[str, int]:
        return {"member_accounts": len(self._members), "address_accounts": len(self._addresses)}


class Membership:
    """The limits of one connection of a member."""

    __slots__ = ("_account", "_limiter", "_member_id")

    def __init__(self, limiter: Limiter, member_id: MemberId, account: MemberAccount) -> None:
        self._limiter = limiter
        self._member_id = member_id
        self._account = account

    @property
    def refusals(self) -> Bucket:
        return self._account.refusals

    def spend(self, command: Command) -> None:
        """Charges the command's cost.

        Raises:
            Refusal: `rate_limited`.
        """
        if wait := self._limiter.spend(self._member_id, self._account, cost(command)):
            raise too_much(wait)

    def make_room(self, network: str) -> None:
        """Charges a new room, in addition to its command, to the member and its network.

        Raises:
            Refusal: `rate_limited`.
        """
        if wait := self._limiter.make_room(self._account, network):
            raise too_much(wait)

    def leave(self) -> None:
        self._account.connections -= 1


def too_much(wait: float) -> Refusal:
    """The refusal of what is too much at once. `wait`: seconds until it may be repeated."""
    seconds = _tenths(wait)
    return Refusal(RefusalCode.RATE_LIMITED, f"Too much at once. Again after {seconds:g} seconds.", retry_after=seconds)


def crowded(wait: float) -> Refusal:
    """The refusal of a reaction when the members of a room together send too many. `wait`: seconds.

    Each refusal has a different time to retry, so that the members don't all retry at once.
    """
    seconds = _tenths(wait + random.uniform(*CROWD_SECONDS))
    detail = f"Too many reactions at once in this room. Retry after {seconds:g} seconds."
    return Refusal(RefusalCode.RATE_LIMITED, detail, retry_after=seconds, is_own_doing=False)


def _tenths(seconds: float) -> float:
    return ceil(seconds * 10) / 10


def cost(command: Command) -> Used:
    """The cost of a command. All cost `commands`; those whose effect the whole room gets also cost `changes`."""
    match command:
        case History() if command.is_combined:
            return Used(0, SEARCH_COST)
        case History() | Sync() | Watch() | ListHooks() | Move() | People():
            return Used(0, READING_COST)
        case Search():
            return Used(0, SEARCH_COST)
        case Join() | Typing():  # Most `typing` commands aren't passed on.
            return Used(0, 1)
        case _:
            return Used(max(1, ceil(len(getattr(command, "body", "")) / CHARACTERS_A_TOKEN)), 1)


@cache
def current_limiter() -> Limiter:
    """This process's limits, from the settings."""
    return Limiter(
        changes=Rate(*chatty.POST_LIMIT),
        commands=Rate(*chatty.COMMAND_LIMIT),
        identities=Rate(*chatty.IDENTITY_LIMIT),
        cpu=Rate(*chatty.ADDRESS_CPU),
        connections_per_address=chatty.MAX_CONNECTIONS_PER_ADDRESS,
        connections_per_member=chatty.MAX_CONNECTIONS_PER_MEMBER,
    )
