"""The order in which bodies are rendered, and the limits of its queue."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Iterator

import pytest

from chat.access.rate_limits import NO_LIMIT, Rate
from chat.content.markdown import Rendered, render
from chat.content.mentions import NOBODY, People
from chat.log import committer, render_process, rendering
from chat.log.render_process import RenderingFailed, RenderProcess
from chat.log.rendering import AT_ONCE_SECONDS, Renderer, estimate
from chat.protocol.constants import BODY_LIMIT
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId
from tests.unit.fakes import cpu_limiter, until
from tests.unit.test_rate_limits import Clock

HERE, THERE = "198.51.100.1", "203.0.113.1"
ANN, BOB, EVE = MemberId("ann"), MemberId("bob"), MemberId("eve")
SECONDS = 0.25  # What the process of these tests says that a body took.


def heavy(word: str) -> str:
    return f"{word} " + "a.co " * 100


class FakeProcess(RenderProcess):
    """It renders one body each time that it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []  # The first of each body, as they were begun.
        self.turns = threading.Semaphore(0)
        self.is_closed = False

    def render(self, body: str, people: People) -> tuple[Rendered, float]:
        self.words.append(body.split()[0])
        self.turns.acquire()
        if self.is_closed or "fail" in body:
            raise RenderingFailed("as it was told to")
        return Rendered(body.split()[0], []), SECONDS

    def let(self, count: int = 1) -> None:
        self.turns.release(count)

    def kill(self) -> None:
        self.is_closed = True
        self.let(100)


class Desk:
    """A renderer, with an address' budget and a process in one's hand. What was passed on is in `passed`."""

    def __init__(self, cpu: Rate = NO_LIMIT) -> None:
        self.clock = Clock()
        self.limiter = cpu_limiter(cpu, self.clock)
        self.process = FakeProcess()
        self.renderer = Renderer(self.limiter, self.process)
        self.passed: list[str] = []

    async def say(self, network: str, member_id: MemberId, body: str) -> None:
        await self.renderer.render(network, member_id, body)
        self.passed.append(body.split()[0])

    async def delete(self, network: str, member_id: MemberId) -> None:
        await self.renderer.turn(network, member_id)
        self.passed.append("delete")

    def missing(self, network: str = HERE) -> float:
        """The seconds of its budget that the network has used."""
        return self.limiter._addresses.of(network).cpu.missing(self.clock.now) * 10


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.process.kill()
    await desk.renderer.close()
    assert (desk.renderer._waiting, desk.renderer._waiting_of, desk.renderer._lines) == (0, {}, {})


async def begin(*work: "asyncio.Future[None]") -> None:
    """All of it goes as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_cheap_bodies_wait_for_nobodys_expensive_ones(desk: Desk) -> None:
    waiting = asyncio.gather(*(desk.say(HERE, MemberId(f"{number}"), heavy("heavy")) for number in range(40)))
    await until(lambda: desk.process.words)
    await desk.say(THERE, BOB, "there")
    await desk.say(HERE, EVE, "here")
    assert desk.passed == ["there", "here"]
    desk.process.let(40)
    await waiting


async def test_addresses_take_turns_and_so_do_the_members_of_each(desk: Desk) -> None:
    waiting = asyncio.gather(
        *(desk.say(HERE, ANN, heavy(f"ann{number}")) for number in range(3)),
        *(desk.say(HERE, BOB, heavy(f"bob{number}")) for number in range(3)),
        *(desk.say(THERE, EVE, heavy(f"eve{number}")) for number in range(2)),
    )
    desk.process.let(8)
    await waiting
    assert desk.process.words == ["ann0", "eve0", "bob0", "eve1", "ann1", "bob1", "ann2", "bob2"]


async def test_what_a_member_sends_is_passed_on_in_its_order(desk: Desk) -> None:
    waiting = asyncio.gather(
        desk.say(HERE, ANN, heavy("first")),
        desk.say(HERE, ANN, "second"),
        desk.delete(HERE, ANN),
        desk.say(THERE, ANN, heavy("third")),  # Its network has changed.
        desk.say(THERE, ANN, "fourth"),
    )
    await until(lambda: desk.process.words)
    assert desk.passed == []
    desk.process.let()
    await until(lambda: len(desk.passed) == 3)
    await begin()
    assert desk.passed == ["first", "second", "delete"]
    desk.process.let()
    await waiting
    assert desk.passed == ["first", "second", "delete", "third", "fourth"]


async def test_what_comes_as_a_body_is_ready_does_not_overtake_it(desk: Desk) -> None:
    first = asyncio.create_task(desk.say(HERE, ANN, heavy("first")))
    await until(lambda: desk.process.words)
    (line,) = desk.renderer._lines.values()
    late: list[asyncio.Task[None]] = []
    # In the very step in which it becomes ready, before the one who waits for it goes on.
    line[0].future.add_done_callback(lambda _: late.append(asyncio.create_task(desk.say(HERE, ANN, "late"))))
    line[0].future._callbacks.reverse()
    desk.process.let()
    await first
    await late[0]
    assert desk.passed == ["first", "late"]


async def test_who_has_gone_waits_no_more_and_holds_nobody_up(desk: Desk) -> None:
    running = asyncio.create_task(desk.say(HERE, ANN, heavy("running")))
    gone = [asyncio.create_task(desk.say(HERE, BOB, heavy(word))) for word in ("gone", "too")]
    left = asyncio.create_task(desk.say(HERE, BOB, heavy("left")))
    await until(lambda: desk.process.words)
    for each in (running, *gone):
        each.cancel()
    desk.process.let(2)
    await left
    assert desk.process.words == ["running", "left"]
    assert desk.passed == ["left"]


async def test_what_waits_is_bounded_in_bytes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendering, "WAITING_BYTES_OF_NETWORK", 20_000)
    monkeypatch.setattr(rendering, "WAITING_BYTES", 30_000)

    async def outcome(network: str, number: int) -> str:
        try:
            await desk.say(network, MemberId(f"{network} {number}"), heavy("heavy"))
        except Refusal as refusal:
            return refusal.code
        return "passed on"

    here = [asyncio.create_task(outcome(HERE, number)) for number in range(9)]
    there = [asyncio.create_task(outcome(THERE, number)) for number in range(9)]
    await begin()
    assert desk.renderer._waiting == sum(desk.renderer._waiting_of.values()) <= 30_000
    assert 0 < desk.renderer._waiting_of[THERE] < desk.renderer._waiting_of[HERE] <= 20_000
    desk.process.let(20)
    assert sorted(await asyncio.gather(*here)) == ["passed on"] * 4 + ["unavailable"] * 5
    assert sorted(await asyncio.gather(*there)) == ["passed on"] * 2 + ["unavailable"] * 7


async def test_a_body_that_fails_is_refused_and_those_behind_it_are_not(desk: Desk) -> None:
    waiting = asyncio.gather(
        desk.say(HERE, ANN, heavy("fail")), desk.say(HERE, ANN, heavy("next")), return_exceptions=True
    )
    desk.process.let(2)
    failed, _ = await waiting
    assert isinstance(failed, Refusal)
    assert failed.code == "unavailable"
    assert desk.passed == ["next"]


async def test_names_are_looked_up_when_it_is_the_bodys_turn(desk: Desk) -> None:
    asked: list[str] = []

    def find_people(body: str) -> People:
        asked.append(body.split()[0])
        if "broken" in body:
            raise KeyError(body)
        return NOBODY

    def say(body: str) -> "asyncio.Task[Rendered]":
        return asyncio.create_task(desk.renderer.render(HERE, ANN, body, find_people))

    first, broken, last = say(heavy("first")), say(heavy("broken")), say(heavy("last"))
    await until(lambda: desk.process.words)
    assert asked == ["first"]
    desk.process.let(2)
    outcomes = await asyncio.gather(first, broken, last, return_exceptions=True)
    assert isinstance(outcomes[1], Refusal)
    assert (asked, desk.process.words) == (["first", "broken", "last"], ["first", "last"])


def test_the_committer_renders_nothing() -> None:
    assert not {"markup", "render", "rendering"} & vars(committer).keys()


async def test_an_address_pays_what_its_expensive_bodies_cost() -> None:
    desk = Desk(cpu=Rate(10, 0.25))
    desk.process.let(100)
    await desk.say(HERE, ANN, heavy("heavy"))
    assert desk.missing() == pytest.approx(SECONDS, abs=0.01)
    await desk.say(HERE, ANN, "cheap")  # The session measures it.
    assert desk.missing() == pytest.approx(SECONDS, abs=0.01)
    await desk.renderer.close()


async def test_what_was_not_rendered_costs_nothing() -> None:
    desk = Desk(cpu=Rate(10, 0.25))
    running = asyncio.create_task(desk.say(THERE, ANN, heavy("running")))
    waiting = asyncio.create_task(desk.say(HERE, BOB, heavy("waiting")))
    await until(lambda: desk.process.words)
    waiting.cancel()
    running.cancel()
    desk.process.let()
    await until(lambda: desk.renderer._running is None)
    assert desk.missing() == pytest.approx(0, abs=0.01)
    assert desk.missing(THERE) == pytest.approx(SECONDS, abs=0.01)
    await desk.renderer.close()


async def test_the_end_renders_what_waits_and_refuses_what_comes_later() -> None:
    desk = Desk()
    waiting = [asyncio.create_task(desk.say(HERE, ANN, heavy(f"{number}"))) for number in range(3)]
    await begin()
    closing = asyncio.create_task(desk.renderer.close())
    await begin()
    with pytest.raises(Refusal) as caught:
        await desk.say(HERE, BOB, heavy("late"))
    assert caught.value.code == "unavailable"
    desk.process.let(3)
    await closing
    await asyncio.gather(*waiting)
    assert desk.passed == ["0", "1", "2"]


async def test_an_end_that_takes_too_long_refuses_what_waits() -> None:
    desk = Desk()
    waiting = asyncio.gather(*(desk.say(HERE, ANN, heavy(f"{number}")) for number in range(3)), return_exceptions=True)
    await until(lambda: desk.process.words)
    closing = asyncio.create_task(desk.renderer.close())
    await begin()
    closing.cancel()
    outcomes = await waiting
    assert [outcome.code for outcome in outcomes if isinstance(outcome, Refusal)] == ["unavailable"] * 3
    assert desk.process.words == ["0"]


@pytest.mark.parametrize(
    "body",
    ["hi", "The tide is high at noon.", "@ann can you have a look at this?", "see https://example.com", "天気 👍"],
)
def test_what_people_type_is_rendered_at_once(body: str) -> None:
    assert estimate(body) <= AT_ONCE_SECONDS


@pytest.mark.parametrize("part", ["a.co ", "https://a.b/(((", "[a](", "- a\n", "*a", "@é ", "> ", "`", "!", "ä.de "])
def test_what_is_expensive_to_render_is_not_rendered_at_once(part: str) -> None:
    assert estimate((part * BODY_LIMIT)[:200]) > AT_ONCE_SECONDS
    assert estimate((part * BODY_LIMIT)[:BODY_LIMIT]) > 10 * AT_ONCE_SECONDS


# --- the process ---


@pytest.fixture
def process() -> Iterator[RenderProcess]:
    process = RenderProcess()
    yield process
    process.close()
    assert process._process is None


def test_a_process_renders_as_this_one_does(process: RenderProcess) -> None:
    people = {"ann": (ANN, BOB)}
    for body in ("*a* @ann https://example.com", "```python\nx = 1\n```", "\N{GRINNING FACE}"):
        rendered, seconds = process.render(body, people)
        assert rendered == render(body, people)
        assert isinstance(rendered, Rendered)
        assert seconds >= 0


def test_a_process_that_was_killed_is_replaced(process: RenderProcess) -> None:
    process.render("one", NOBODY)
    assert process._process is not None
    first = process._process.pid
    os.kill(first, signal.SIGKILL)
    assert process.render("two", NOBODY)[0] == render("two")
    assert process._process.pid != first


def test_a_process_that_takes_too_long_is_ended(process: RenderProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(render_process, "PATIENCE_SECONDS", 0)
    with pytest.raises(RenderingFailed):
        process.render("one", NOBODY)
    assert process._process is None


def test_a_process_ends_with_its_worker_and_not_before(process: RenderProcess) -> None:
    process.render("one", NOBODY)
    assert process._process is not None
    assert process._pipe is not None
    for number in (signal.SIGTERM, signal.SIGINT):
        process._process.send_signal(number)
    process.render("two", NOBODY)
    process._pipe.close()  # As the kernel does it for a worker that was killed.
    assert process._process.wait(30) == 0


def test_a_bug_is_told_without_the_body() -> None:
    def broken(body: str, people: People) -> Rendered:
        raise ValueError(body)

    job = render_process._encode(render_process.Job("secret words", {}))
    said = render_process.answer(job, broken)
    assert b"secret" not in said
    assert render_process._done.decode(said).error == "ValueError"
