"""Periodic work is spread over time."""

import asyncio
from typing import Any

import pytest

from chat.protocol.constants import PULSE_SECONDS
from chat.rooms import broadcaster
from chat.rooms.broadcaster import BEATS, Broadcaster
from chat.rooms.scheduler import ANSWER_BEATS, LATE_SECONDS, PART_SECONDS, PARTS, PulseWheel, in_slices
from tests.unit.fakes import FakeConnection

A_PULSE = BEATS * PARTS


class Room:
    """Counts what the wheel asks for."""

    def __init__(self, *beats: int) -> None:
        self.beats = sum(1 << beat for beat in beats)
        self.pulsed: list[int] = []
        self.cut_off: list[int] = []

    def beat(self, beat: int) -> None:
        self.pulsed.append(beat)

    def cut_off_silent(self, beat: int) -> None:
        self.cut_off.append(beat)


class Clock:
    """The loop's time, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1_000.0
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: self.now)

    async def turn(self, wheel: PulseWheel, parts: int) -> None:
        for _ in range(parts):
            self.now += PART_SECONDS
            await wheel.turn()


async def test_each_room_has_one_pulse_for_each_beat_of_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    wheel, rooms = PulseWheel(), [Room(number % BEATS) for number in range(100)]
    for room in rooms:
        wheel.add(room)
    await clock.turn(wheel, A_PULSE)
    assert [room.pulsed for room in rooms] == [[number % BEATS] for number in range(100)]


async def test_rooms_take_turns_within_a_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    wheel, rooms = PulseWheel(), [Room(1) for _ in range(10 * PARTS)]
    for room in rooms:
        wheel.add(room)
    before, most = 0, 0
    for _ in range(A_PULSE):
        await clock.turn(wheel, 1)
        pulsed = sum(len(room.pulsed) for room in rooms)
        most, before = max(most, pulsed - before), pulsed
    assert (before, most) == (len(rooms), len(rooms) // PARTS)


async def test_who_does_not_answer_has_three_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    wheel, room = PulseWheel(), Room(2)
    wheel.add(room)
    await clock.turn(wheel, A_PULSE)
    while len(room.pulsed) < 2:
        await clock.turn(wheel, 1)
    pulsed_at, cut_off = clock.now, len(room.cut_off)
    while len(room.cut_off) == cut_off:
        await clock.turn(wheel, 1)
    assert clock.now - pulsed_at == pytest.approx(ANSWER_BEATS * PULSE_SECONDS / BEATS)


async def test_after_a_sleep_nobody_is_cut_off_at_once_and_pulses_are_not_made_up_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    wheel, room = PulseWheel(), Room(*range(BEATS))
    wheel.add(room)
    await clock.turn(wheel, A_PULSE)
    pulsed, cut_off = len(room.pulsed), len(room.cut_off)
    clock.now += 100 * LATE_SECONDS
    await clock.turn(wheel, 1)
    assert len(room.pulsed) <= pulsed + 2
    await clock.turn(wheel, ANSWER_BEATS * PARTS - 2)
    assert len(room.cut_off) == cut_off
    await clock.turn(wheel, A_PULSE)
    assert len(room.cut_off) > cut_off


async def test_an_overloaded_loop_has_its_pulses_in_time_and_cuts_nobody_off(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    wheel, room = PulseWheel(), Room(2)
    wheel.add(room)
    await clock.turn(wheel, A_PULSE)
    pulsed, cut_off = len(room.pulsed), len(room.cut_off)
    for _ in range(40):
        clock.now += 1.1 * LATE_SECONDS  # As long as each turn of the loop takes.
        await wheel.turn()
    assert len(room.cut_off) == cut_off
    assert len(room.pulsed) - pulsed >= 40 * LATE_SECONDS / PULSE_SECONDS / 1.2


async def test_a_room_that_was_removed_has_no_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    wheel, room = PulseWheel(), Room(*range(BEATS))
    wheel.add(room)
    wheel.remove(room)
    await clock.turn(wheel, A_PULSE)
    assert room.pulsed == []


def test_slices_are_of_what_there_is_at_the_start() -> None:
    items = dict.fromkeys(range(5))
    found = []
    for some in in_slices(items, 2):
        items.clear()
        found.append(list(some))
    assert found == [[0, 1], [2, 3], [4]]


async def test_a_small_room_has_one_beat_and_a_large_one_all() -> None:
    room, members = Broadcaster(lambda: b"{}"), [FakeConnection() for _ in range(BEATS * broadcaster.TOGETHER)]
    connections: list[Any] = members
    for connection in connections[:5]:
        room.admit(connection)
    assert room.beats.bit_count() == 1
    for connection in connections[5:]:
        room.admit(connection)
    assert room.beats == (1 << BEATS) - 1
    for connection in connections[5:]:
        room.dismiss(connection)
    assert room.beats.bit_count() == 1
    for connection in connections:
        room.dismiss(connection)
    assert room.beats == 0
