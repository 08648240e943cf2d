"""An address's work begins as far as its CPU budget allows, and nobody else's waits for it."""

import asyncio
from collections.abc import Callable

import pytest

from chat.access.rate_limits import NO_LIMIT, Bucket, Rate
from chat.conf import chatty
from chat.log.committer import COMMIT_SECONDS_LIMIT
from chat.log.turns import Asker
from chat.protocol.errors import Refusal
from chat.sessions import address_turns
from chat.sessions import session as costs
from chat.sessions.address_turns import BEGIN_AT_ONCE, WAITER_BYTES, WAITING_BYTES, AddressTurns, current_turns, metered
from chat.web import request_threads as pages
from tests.unit.fakes import cpu_limiter
from tests.unit.test_rate_limits import Clock

HERE, THERE = "198.51.100.1", "203.0.113.1"
# Debts are paid within a moment of the event loop's clock, but only when the test moves the limiter's.
CPU = Rate(1, 1_000)


class Desk:
    """The turns, with a limiter whose clock is in one's hand. What has begun is in `begun`."""

    def __init__(self, cpu: Rate = CPU) -> None:
        self.clock = Clock()
        self.limiter = cpu_limiter(cpu, self.clock)
        self.turns = AddressTurns(self.limiter)
        self.begun: list[str] = []

    def ask(self, member: str, network: str = HERE, size: int = 0) -> "asyncio.Task[None]":
        async def work() -> None:
            await self.turns.begin(Asker(network, member), size)
            self.begun.append(member)

        return asyncio.create_task(work())

    @property
    def is_forgotten(self) -> bool:
        turns = self.turns
        return turns._next is None and not turns._lines and not turns._begun and not turns._in_work


async def as_far_as_it_can() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_work_begins_after_a_little_of_an_address_with_much() -> None:
    desk = Desk()
    many, few = 5 * BEGIN_AT_ONCE, 2
    tasks = [desk.ask(f"{number}") for number in range(many)] + [desk.ask("other", THERE) for _ in range(few)]
    await asyncio.gather(*tasks)
    assert desk.begun[BEGIN_AT_ONCE : BEGIN_AT_ONCE + few] == ["other"] * few
    assert [member for member in desk.begun if member != "other"] == [f"{number}" for number in range(many)]


async def test_what_comes_later_doesnt_pass_what_waits() -> None:
    desk = Desk()
    tasks = [desk.ask(f"{number}") for number in range(3 * BEGIN_AT_ONCE)]
    for number in range(3 * BEGIN_AT_ONCE, 4 * BEGIN_AT_ONCE):
        await asyncio.sleep(0)
        tasks.append(desk.ask(f"{number}"))
    await asyncio.gather(*tasks)
    assert desk.begun == [f"{number}" for number in range(4 * BEGIN_AT_ONCE)]


async def test_without_a_budget_any_number_waits_for_its_turn() -> None:
    desk = Desk(NO_LIMIT)
    tasks = [desk.ask(f"{number}") for number in range(2 * WAITING_BYTES // WAITER_BYTES)]
    await asyncio.gather(*tasks)
    assert len(desk.begun) == len(tasks)


async def test_an_address_in_debt_waits_until_it_has_paid_and_others_dont() -> None:
    desk = Desk()
    desk.limiter.charge_cpu(HERE, 1.5)
    here, there = desk.ask("here"), desk.ask("there", THERE)
    await there
    await asyncio.sleep(0.01)  # Its timer comes and goes.
    assert desk.begun == ["there"]
    desk.clock.now += 0.000_5
    await here
    assert desk.begun == ["there", "here"]


async def test_of_an_address_with_little_left_one_thing_is_done_at_a_time() -> None:
    desk = Desk()
    desk.limiter.charge_cpu(HERE, 0.95)
    tasks = [desk.ask(member) for member in "abc"]
    await as_far_as_it_can()
    assert desk.begun == ["a"]
    desk.turns.end(HERE)
    await as_far_as_it_can()
    assert desk.begun == ["a", "b"]
    desk.limiter.charge_cpu(HERE, 0.1)
    desk.turns.end(HERE)
    await as_far_as_it_can()
    assert desk.begun == ["a", "b"]
    desk.clock.now += 1
    await asyncio.gather(*tasks)
    assert desk.begun == ["a", "b", "c"]


async def test_members_of_an_address_take_turns() -> None:
    desk = Desk()
    desk.limiter.charge_cpu(HERE, 1.5)
    tasks = [desk.ask(member) for member in ("eve", "eve", "eve", "ann", "eve", "bob")]
    await as_far_as_it_can()
    desk.clock.now += 1
    await asyncio.gather(*tasks)
    assert desk.begun == ["eve", "ann", "bob", "eve", "eve", "eve"]


async def test_what_waits_is_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_turns, "WAITING_BYTES", 3 * WAITER_BYTES)
    desk = Desk(Rate(1, 0.1))
    desk.limiter.charge_cpu(HERE, 1.5)
    first = desk.ask("first", size=WAITER_BYTES)
    await as_far_as_it_can()
    with pytest.raises(Refusal) as caught:
        await desk.ask("second", size=1)
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after == pytest.approx(5)
    third = desk.ask("third")
    await as_far_as_it_can()
    for task in (first, third):
        task.cancel()
    await asyncio.wait((first, third))
    assert desk.is_forgotten


async def test_what_has_waited_for_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(address_turns, "WAIT_SECONDS", 0.01)
    monkeypatch.setattr(address_turns, "_warnings", Bucket(Rate(1, 0.000_1)))
    desk = Desk(Rate(1, 0.1))
    desk.limiter.charge_cpu(HERE, 1.5)
    with pytest.raises(Refusal) as caught:
        await desk.ask("here")
    assert caught.value.code == "rate_limited"
    assert caught.value.retry_after == pytest.approx(5)
    with pytest.raises(Refusal):
        await desk.ask("here")
    assert [record.args for record in caplog.records] == [(HERE,)]  # An operator may see that it is a proxy.
    assert desk.is_forgotten


async def test_what_was_given_up_takes_nobodys_turn() -> None:
    desk = Desk()
    tasks = [desk.ask(f"{number}") for number in range(3 * BEGIN_AT_ONCE)]
    await asyncio.sleep(0)
    for task in tasks[BEGIN_AT_ONCE:-1]:
        task.cancel()
    await asyncio.wait(tasks)
    assert desk.begun == [*(f"{number}" for number in range(BEGIN_AT_ONCE)), f"{3 * BEGIN_AT_ONCE - 1}"]
    for _ in desk.begun:
        desk.turns.end(HERE)
    await as_far_as_it_can()
    assert desk.is_forgotten


async def test_what_is_given_up_as_it_is_let_in_is_ended() -> None:
    desk = Desk()
    desk.limiter.charge_cpu(HERE, 0.95)
    first, second, third = (desk.ask(member) for member in "abc")
    await first
    desk.turns.end(HERE)  # Lets the second in, which hasn't run yet.
    second.cancel()
    await asyncio.wait((second, third))
    assert desk.begun == ["a", "c"]


async def test_a_known_cost_is_charged_in_turn() -> None:
    desk = Desk()
    await desk.turns.pay(Asker(HERE, ""), 0.25)
    assert desk.limiter.cpu_used(HERE) == pytest.approx(0.25)
    await as_far_as_it_can()
    assert desk.is_forgotten
    assert current_turns() is current_turns()


# --- measuring ---


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Lets so many seconds pass."""
    now = 0.0

    def pass_by(by: float) -> None:
        nonlocal now
        now += by

    monkeypatch.setattr(address_turns, "perf_counter", lambda: now)
    return pass_by


async def test_time_on_the_event_loop_is_measured_and_waiting_isnt(seconds: Callable[[float], None]) -> None:
    charged: list[float] = []

    async def work() -> str:
        seconds(1)
        asyncio.get_running_loop().call_soon(seconds, 100)
        await asyncio.sleep(0)
        seconds(2)
        try:
            await asyncio.wait_for(asyncio.sleep(60), 0.001)
        except TimeoutError:
            seconds(3)
        return "done"

    assert await metered(work(), charged.append) == "done"
    assert sum(charged) == 6


async def test_work_that_fails_or_is_cancelled_is_charged(seconds: Callable[[float], None]) -> None:
    charged: list[float] = []

    async def fail() -> None:
        seconds(1)
        raise KeyError("as it was told to")

    async def wait() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            seconds(2)

    with pytest.raises(KeyError):
        await metered(fail(), charged.append)

    async def run() -> None:
        await metered(wait(), charged.append)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait((task,))
    assert task.cancelled()
    assert sum(charged) == 3


# --- whole companies ---

COMMAND = 0.000_5  # Measured on 2 cores, rendering included: 0.2 to 0.4 ms for a post, 0.6 for a join.
PEOPLE = 200
EVERYBODY_TOLD = PEOPLE * (costs.SEND_SECONDS + 500 * costs.SEND_SECONDS_A_BYTE)
ARRIVAL = (
    pages.PAGE_SECONDS
    + 7 * pages.FILE_SECONDS
    + costs.CONNECT_SECONDS
    + costs.DECODE_SECONDS
    + COMMAND
    + 2 * EVERYBODY_TOLD
)
POST = costs.DECODE_SECONDS + COMMAND + COMMIT_SECONDS_LIMIT + EVERYBODY_TOLD
TYPING = costs.DECODE_SECONDS + 0.000_1 + EVERYBODY_TOLD


@pytest.mark.parametrize("arrival", [10, 60], ids=["all within ten seconds", "within a minute"])
async def test_an_office_of_200_people_in_one_room_never_waits(arrival: int) -> None:
    desk = Desk(Rate(*chatty.ADDRESS_CPU))
    for second in range(300):
        desk.clock.now += 1
        if second < arrival:
            desk.limiter.charge_cpu(HERE, ARRIVAL * PEOPLE / arrival)
        else:  # Each of them writes every ten seconds, and is seen typing before.
            desk.limiter.charge_cpu(HERE, PEOPLE / 10 * (POST + TYPING))
        assert desk.limiter.cpu_used(HERE) < 0.9


async def test_an_office_of_200_people_comes_back_at_once_after_an_outage() -> None:
    desk = Desk(Rate(*chatty.ADDRESS_CPU))
    back = costs.CONNECT_SECONDS + costs.DECODE_SECONDS + COMMAND + EVERYBODY_TOLD
    desk.limiter.charge_cpu(HERE, PEOPLE * back)
    assert desk.limiter.cpu_wait(HERE) == 0
