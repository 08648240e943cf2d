"""The readers' queue: heavy users wait behind their own queries, the queue is limited, cancelled work is dropped."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.log import reader
from chat.log import readers as readers_module
from chat.log.deadline import CancellableQuery
from chat.log.readers import Askers, Job, Readers
from chat.log.turns import ITSELF, Asker, Turns
from chat.protocol.errors import Refusal, RefusalCode
from chat.web.request_threads import ADMIN_THREADS

EVE, ANN, BOB = Asker("192.0.2.66", "eve"), Asker("192.0.2.1", "ann"), Asker("192.0.2.2", "bob")


class Desk:
    """Two readers; what they did, in order; and what each network was charged for how often."""

    def __init__(self, limit_of_network: int = 1_000) -> None:
        self.charged: list[str] = []
        self.readers = Readers("test", 2, limit_of_network, lambda network, seconds: self.charged.append(network))
        self.done: list[str] = []
        self.release = ExitStack()

    def ask(self, asker: Asker | Askers, name: str) -> "asyncio.Task[str]":
        return asyncio.create_task(self.readers.read(asker, self._do, name))

    def _do(self, name: str) -> str:
        self.done.append(name)
        return name

    async def occupy(self, asker: Asker) -> Callable[[], None]:
        """One thread is taken by this asker. Returns what lets it go."""
        begun, gate = threading.Event(), threading.Event()
        self.release.callback(gate.set)

        def work() -> None:
            begun.set()
            gate.wait()

        task = asyncio.create_task(self.readers.read(asker, work))
        self.release.callback(lambda: task)  # The loop itself holds its tasks only weakly.
        await asyncio.to_thread(begun.wait)
        return gate.set


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    desk.release.close()
    await desk.readers.close()


async def steps() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_however_much_one_network_asks_for_another_has_its_answer_at_once(desk: Desk) -> None:
    await desk.occupy(EVE)
    waiting = [desk.ask(Asker(EVE.network, f"eve {number}"), f"eve {number}") for number in range(500)]
    await steps()
    assert await desk.ask(ANN, "ann") == "ann"
    assert (desk.done, desk.readers.waiting) == (["ann"], 500)
    desk.release.close()
    await asyncio.gather(*waiting)
    assert len(desk.done) == 501


async def test_the_process_itself_may_have_all_threads(desk: Desk) -> None:
    await desk.occupy(ITSELF)
    await desk.occupy(ITSELF)


async def test_errors_reach_who_asked_and_the_thread_goes_on(desk: Desk) -> None:
    def fail() -> None:
        raise ValueError("seen")

    with pytest.raises(ValueError, match="seen"):
        await desk.readers.read(ANN, fail)
    assert await desk.ask(ANN, "again") == "again"
    assert desk.charged == [ANN.network] * 2
    await desk.ask(ITSELF, "nobody is charged")
    assert desk.charged == [ANN.network] * 2


async def test_time_is_charged_to_the_network_that_had_the_turn() -> None:
    charged: list[tuple[str, float]] = []
    readers = Readers("test", 2, charge=lambda network, seconds: charged.append((network, seconds)))
    await readers.read(ANN, lambda: sum(range(10**6)))
    await readers.close()
    [(network, seconds)] = charged
    assert network == ANN.network
    assert seconds > 0


async def test_too_much_of_one_network_is_refused_and_of_others_it_isnt() -> None:
    desk = Desk(limit_of_network=3)
    await desk.occupy(EVE)
    waiting = [desk.ask(EVE, "waits") for _ in range(3)]
    await steps()
    with pytest.raises(Refusal) as refused:
        await desk.ask(Asker(EVE.network, "another"), "too much")
    assert (refused.value.code, refused.value.retry_after) == (RefusalCode.UNAVAILABLE, readers_module.RETRY_SECONDS)
    await desk.occupy(BOB)
    ann = desk.ask(ANN, "ann")
    await steps()
    assert desk.readers.waiting == 4
    desk.release.close()
    await asyncio.gather(ann, *waiting)
    assert "too much" not in desk.done
    await desk.readers.close()


async def test_what_waits_in_all_is_bounded_but_for_the_process_itself(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers_module, "WAITING_LIMIT", 10)
    await desk.occupy(EVE)
    await desk.occupy(BOB)
    waiting = [desk.ask(Asker(f"198.51.100.{number}", ""), "waits") for number in range(10)]
    await steps()
    with pytest.raises(Refusal):
        await desk.ask(ANN, "ann")
    waiting.append(desk.ask(ITSELF, "itself"))
    desk.release.close()
    await asyncio.gather(*waiting)


async def test_who_has_waited_for_too_long_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.occupy(EVE)
    monkeypatch.setattr(readers_module, "WAIT_SECONDS", 0)
    with pytest.raises(Refusal):
        await desk.ask(EVE, "eve")
    assert desk.readers.waiting == 0
    desk.release.close()
    await desk.ask(ANN, "ann")
    assert desk.done == ["ann"]


async def test_what_nobody_waits_for_any_more_is_not_begun(desk: Desk) -> None:
    await desk.occupy(EVE)
    waiting = [desk.ask(EVE, f"eve {number}") for number in range(3)]
    await steps()
    waiting[1].cancel()
    await steps()
    assert desk.readers.waiting == 2
    desk.release.close()
    await asyncio.gather(waiting[0], waiting[2])
    assert desk.done == ["eve 0", "eve 2"]


async def test_what_has_begun_is_called_off(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    called_off = threading.Event()
    monkeypatch.setattr(CancellableQuery, "call_off", lambda errand: called_off.set())
    begun = threading.Event()

    def work() -> None:
        begun.set()
        called_off.wait()

    task = asyncio.create_task(desk.readers.read(ANN, work))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await desk.ask(ANN, "next") == "next"


async def test_what_several_wait_for_has_its_turn_with_the_first_of_them(desk: Desk) -> None:
    await desk.occupy(EVE)
    waiting = [desk.ask(EVE, f"eve {number}") for number in range(20)]
    askers = Askers(EVE)
    room = desk.ask(askers, "room")
    await steps()
    assert desk.done == []
    with askers.with_one_more(ANN):
        assert await room == "room"
    assert desk.done == ["room"]
    desk.release.close()
    await asyncio.gather(*waiting)
    assert desk.done.count("room") == 1


async def test_closed_readers_begin_nothing() -> None:
    desk = Desk()
    await desk.readers.close()
    with pytest.raises(RuntimeError):
        await desk.ask(ANN, "late")


# --- the order ---


def job() -> Job:
    return Job(Askers(), lambda: None, None)  # type: ignore[arg-type]


def taken(turns: Turns[Job], may: Callable[[str], bool] = lambda network: True) -> Iterator[tuple[str, Any]]:
    while (turn := turns.take(may)) is not None:
        yield turn


def test_networks_take_turns_and_members_within_them() -> None:
    turns, names = Turns[Job](), dict[Job, str]()
    for network, member_id, count in (("a", "x", 3), ("a", "y", 2), ("b", "z", 2), ("c", "w", 1)):
        for number in range(count):
            each = job()
            names[each] = f"{network}{member_id}{number}"
            turns.put(Asker(network, member_id), each)
    assert [names[each] for _, each in taken(turns)] == ["ax0", "bz0", "cw0", "ay0", "bz1", "ax1", "ay1", "ax2"]
    assert turns.count("a") == 0


def test_a_network_that_may_not_have_a_turn_keeps_its_place() -> None:
    turns = Turns[Job]()
    for network in "aab":
        turns.put(Asker(network, ""), job())
    assert [network for network, _ in taken(turns, lambda network: network != "a")] == ["b"]
    assert [network for network, _ in taken(turns)] == ["a", "a"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), max_size=60))
def test_nobody_waits_for_more_than_one_turn_of_each_other_network(asked: list[tuple[str, str]]) -> None:
    turns = Turns[Job]()
    for network, member_id in asked:
        turns.put(Asker(network, member_id), job())
    order = [network for network, _ in taken(turns)]
    assert sorted(order) == sorted(network for network, _ in asked)
    for network in set(order):
        for since, until in zip(
            places := [at for at, each in enumerate(order) if each == network], places[1:], strict=False
        ):
            others = order[since + 1 : until]
            assert len(others) == len(set(others))


def test_the_readme_says_how_many_connections_a_worker_opens() -> None:
    committers = 2
    readers = reader.ROOM_READERS + reader.ANSWER_READERS + reader.SEARCH_READERS + reader.ACT_THREADS
    said = f"up to {readers + committers + ADMIN_THREADS} connections to PostgreSQL, {ADMIN_THREADS} of them only"
    assert said in (Path(__file__).parents[2] / "README.md").read_text()
