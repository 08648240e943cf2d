"""Token buckets and counts, on a clock that the test moves."""

import math
import tracemalloc
import uuid
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.access import rate_limits
from chat.access.rate_limits import (
    ACCOUNT_BYTES,
    NO_LIMIT,
    READING_COST,
    SEARCH_COST,
    SWEEP_AT,
    Admission,
    Bucket,
    Limiter,
    Rate,
    Used,
    cost,
)
from chat.protocol.commands import (
    Away,
    Command,
    Delete,
    Describe,
    Edit,
    History,
    Post,
    Rename,
    Search,
    Sync,
    Typing,
    Watch,
)
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId

CHANGES, COMMANDS, IDENTITIES, CPU = Rate(10, 2), Rate(100, 20), Rate(3, 1), Rate(10, 0.25)
ANN, BOB = MemberId("ann"), MemberId("bob")


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Desk:
    """A limiter with a clock in one's hand."""

    clock: Clock = field(default_factory=Clock)
    changes: Rate = CHANGES
    commands: Rate = COMMANDS
    identities: Rate = IDENTITIES
    cpu: Rate = CPU
    per_address: int = 3
    per_member: int = 2

    def __post_init__(self) -> None:
        self.limiter = Limiter(
            changes=self.changes,
            commands=self.commands,
            identities=self.identities,
            cpu=self.cpu,
            connections_per_address=self.per_address,
            connections_per_member=self.per_member,
            clock=self.clock,
        )

    def waits(self, member_id: MemberId, command: Command, times: int) -> list[float]:
        """What a member who joins and sends the command so many times is asked to wait, each time."""
        membership = self.limiter.join(member_id)
        assert membership is not None
        waits = []
        for _ in range(times):
            try:
                membership.spend(command)
                waits.append(0.0)
            except Refusal as refusal:
                waits.append(refusal.retry_after or math.nan)
        membership.leave()
        return waits


def post(body: str = "") -> Post:
    return Post(uuid.uuid4(), body)


def test_a_member_makes_a_few_rooms_and_an_address_not_many_with_ever_new_members() -> None:
    desk = Desk()

    def make(member: str) -> float:
        membership = desk.limiter.join(MemberId(member))
        assert membership is not None
        try:
            membership.make_room("198.51.100.1")
        except Refusal as refusal:
            return refusal.retry_after or math.nan
        finally:
            membership.leave()
        return 0.0

    assert [make("ann") for _ in range(6)] == [0, 0, 0, 0, 0, 20]
    assert [make(f"new{number}") for number in range(16)] == [0] * 15 + [5]
    desk.clock.now += 20
    assert make("ann") == 0


# --- one bucket ---


def test_a_burst_then_a_pace_and_what_is_refused_costs_nothing() -> None:
    bucket = Bucket(Rate(3, 2))

    assert [bucket.take(1, 10) for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert bucket.take(1, 10.25) == 0.25
    assert bucket.take(1, 10.5) == 0
    assert bucket.missing(10.5) == 1
    assert bucket.missing(11.25) == pytest.approx(0.5)
    assert bucket.missing(99) == 0


def test_more_than_a_bucket_holds_takes_a_full_one() -> None:
    bucket = Bucket(Rate(3, 1))

    assert bucket.take(5, 10) == 0
    assert bucket.take(5, 11) == 2
    assert bucket.take(5, 13) == 0


def test_a_rate_of_nothing_is_no_limit() -> None:
    bucket = Bucket(NO_LIMIT)
    bucket.charge(1_000, 0)

    assert {bucket.take(1_000, 0) for _ in range(1_000)} == {0}


def test_debts_made_elsewhere_are_paid_but_never_more_than_a_burst() -> None:
    bucket = Bucket(Rate(4, 1))
    bucket.charge(6, 10)
    assert bucket.take(1, 10) == 3

    bucket.charge(1_000, 10)
    assert bucket.take(1, 10) == 5


@given(
    st.integers(1, 50),
    st.floats(0.1, 50),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 60)), min_size=1, max_size=60),
)
def test_never_more_than_the_burst_and_the_pace_and_waiting_as_told_is_enough(
    burst: int, per_second: float, steps: list[tuple[float, float]]
) -> None:
    bucket = Bucket(Rate(burst, per_second))
    now, taken = 1000.0, 0.0
    for pause, tokens in steps:
        now += pause
        if wait := bucket.take(tokens, now):
            assert not Bucket(Rate(burst, per_second)).take(tokens, now)  # A full one would have had them.
            now += wait
            assert bucket.take(tokens, now) == 0
        taken += min(tokens, burst)
        assert taken <= burst + (now - 1000) * per_second + 1e-3


# --- members ---


def test_all_connections_of_a_member_share_one_account_and_others_have_their_own() -> None:
    desk = Desk()

    assert desk.waits(ANN, post(), 8) == [0] * 8
    assert desk.waits(ANN, post(), 4) == [0, 0, 0.5, 0.5]
    assert desk.waits(BOB, post(), 3) == [0] * 3
    desk.clock.now += 1
    assert desk.waits(ANN, post(), 3) == [0, 0, 0.5]


def test_posts_cost_their_size_reading_costs_more_and_the_rest_costs_little() -> None:
    assert [cost(post("x" * size)).changes for size in (0, 1_000, 1_001, 4_000)] == [1, 1, 2, 4]
    assert cost(Rename("Ann")) == cost(Delete(seq=1)) == Used(1, 1)
    assert cost(Edit(seq=1, body="x" * 2_000)) == Used(2, 1)
    assert cost(Typing()) == Used(0, 1)
    assert cost(History(before=1, limit=100)) == cost(Sync(since=1)) == Used(0, READING_COST)
    assert (
        cost(History(before=1, limit=100, authors=[uuid.uuid4(), uuid.uuid4()]))
        == cost(History(seqs=[1]))
        == Used(0, READING_COST)
    )
    assert cost(History(before=1, limit=100, author=uuid.uuid4(), links=True)) == Used(0, SEARCH_COST)
    assert cost(Watch([])) == Used(0, READING_COST)
    assert cost(Away(on=True)) == cost(Describe(title="Tea", topic="")) == Used(1, 1)  # Everybody is told.
    assert cost(Search(query="tide", limit=50)) == Used(0, SEARCH_COST)

    desk = Desk()
    assert desk.waits(ANN, Typing(), 96)[-3:] == [0, 0, 0.1]  # The welcome has its price, too: 5 of the 100.
    assert desk.waits(BOB, Sync(since=1), 20)[-2:] == [0, 0.3]


def test_a_member_has_so_many_connections_and_one_more_when_one_has_gone() -> None:
    limiter = Desk().limiter
    first, second = limiter.join(ANN), limiter.join(ANN)
    assert first
    assert second

    assert limiter.join(ANN) is None
    assert limiter.join(BOB)
    first.leave()
    assert limiter.join(ANN)
    assert limiter.join(ANN) is None


def test_joining_again_and_again_is_a_flood_like_any_other() -> None:
    desk = Desk(per_member=0)

    memberships = [desk.limiter.join(ANN) for _ in range(21)]
    assert None not in memberships[:20]
    assert memberships[20] is None


# --- addresses ---


def test_an_address_has_so_many_sockets_and_one_more_when_one_has_gone() -> None:
    limiter = Desk().limiter

    assert [limiter.open_socket("a") for _ in range(4)] == [*[Admission.GRANTED] * 3, Admission.TOO_MANY]
    assert limiter.open_socket("b") is Admission.GRANTED
    limiter.close_socket("a")
    assert limiter.open_socket("a") is Admission.GRANTED


def test_an_address_that_goes_on_trying_is_told_less() -> None:
    desk = Desk()

    answers = [desk.limiter.open_socket("a") for _ in range(8)]
    assert answers == [*[Admission.GRANTED] * 3, *[Admission.TOO_MANY] * 3, *[Admission.HAMMERING] * 2]
    desk.clock.now += 4
    assert desk.limiter.open_socket("a") is Admission.TOO_MANY


def test_an_address_gets_so_many_identities() -> None:
    desk = Desk()

    assert [desk.limiter.issue("a") for _ in range(5)] == [0, 0, 0, 1, 1]
    assert desk.limiter.issue("b") == 0
    desk.clock.now += 1
    assert desk.limiter.issue("a") == 0


def test_without_limits_nothing_is_refused() -> None:
    desk = Desk(changes=NO_LIMIT, commands=NO_LIMIT, identities=NO_LIMIT, per_address=0, per_member=0)

    assert {desk.limiter.open_socket("a") for _ in range(5_000)} == {Admission.GRANTED}
    assert {desk.limiter.issue("a") for _ in range(5_000)} == {0}
    assert set(desk.waits(ANN, post("x" * 4_000), 5_000)) == {0}
    assert {desk.limiter.stranger().take(1, 0) for _ in range(5_000)} == {0}
    assert desk.limiter.drain() == {}


# --- memory ---


def test_members_who_come_and_go_are_forgotten_in_any_number() -> None:
    desk = Desk(changes=Rate(20, 2))
    stays = desk.limiter.join(ANN)
    for number in range(10 * SWEEP_AT):
        desk.clock.now += 0.01  # 100 newcomers a second, each of whom says something: 5 tokens are back in 0.5 s.
        desk.limiter.issue(f"198.51.{number}")
        assert not any(desk.waits(MemberId(str(number)), post(), 1))
        counts = desk.limiter.counts()
        assert counts["member_accounts"] <= SWEEP_AT
        assert counts["address_accounts"] <= SWEEP_AT
    assert stays
    assert desk.limiter.join(ANN)
    assert desk.limiter.join(ANN) is None  # The one who stayed was not forgotten.


def test_what_is_in_use_is_never_swept_away() -> None:
    desk = Desk(per_member=1)
    for number in range(3 * SWEEP_AT):
        desk.clock.now += 1
        assert desk.limiter.join(MemberId(str(number)))

    assert [desk.limiter.join(MemberId(str(number))) for number in range(3 * SWEEP_AT)] == [None] * (3 * SWEEP_AT)


def test_accounts_are_bounded_though_all_are_in_use_and_none_of_who_is_connected_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_limits, "ACCOUNTS_LIMIT", 4 * SWEEP_AT)
    desk = Desk(per_member=1)
    assert desk.limiter.join(ANN)
    tracemalloc.start()
    for number in range(8 * SWEEP_AT):
        membership = desk.limiter.join(MemberId(str(uuid.UUID(int=number))))
        assert membership is not None
        membership.leave()
        desk.limiter.open_socket(f"2001:db8:{number:x}::/64")
        desk.limiter.close_socket(f"2001:db8:{number:x}::/64")
        counts = desk.limiter.counts()
        assert counts["member_accounts"] <= 4 * SWEEP_AT + 1
        assert counts["address_accounts"] <= 4 * SWEEP_AT
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < (counts["member_accounts"] + counts["address_accounts"]) * ACCOUNT_BYTES
    assert desk.limiter.join(ANN) is None, "she is still connected"
    latest = desk.limiter.join(MemberId(str(uuid.UUID(int=8 * SWEEP_AT - 1))))
    assert latest is not None
    assert latest._account.commands.missing(desk.clock.now) > 0, "what was used lately is known"


def test_going_to_another_room_by_a_socket_is_charged_like_a_new_socket() -> None:
    desk = Desk()

    def go_on() -> None:
        for _ in range(100_000):
            desk.limiter.attempt("192.0.2.1")

    with pytest.raises(Refusal) as refused:
        go_on()
    assert refused.value.code is RefusalCode.RATE_LIMITED
    assert desk.limiter.open_socket("192.0.2.1") is Admission.HAMMERING
    assert desk.limiter.open_socket("192.0.2.2") is Admission.GRANTED


# --- between processes ---


def test_processes_tell_each_other_only_of_those_who_use_a_lot_and_each_token_once() -> None:
    here, there = Desk(), Desk()
    here.waits(BOB, post(), 3)
    assert here.limiter.drain() == {}

    here.waits(ANN, post(), 7)
    told = here.limiter.drain()
    assert told == {ANN: Used(7, READING_COST + 7)}  # It joined, too.
    assert here.limiter.drain() == {}
    there.limiter.charge(told)
    assert there.waits(ANN, post(), 4) == [0, 0, 0, 0.5]
    assert there.limiter.drain() == {ANN: Used(3, READING_COST + 3)}  # Not what it was told itself.

    here.waits(ANN, post(), 1)
    assert here.limiter.drain() == {ANN: Used(1, READING_COST + 1)}


def test_a_member_who_paused_is_told_of_as_if_new() -> None:
    desk = Desk()
    desk.waits(ANN, post(), 3)
    desk.clock.now += 60
    desk.waits(ANN, post(), 7)

    assert desk.limiter.drain() == {ANN: Used(7, READING_COST + 7)}
