"""Rooms that stay open without members: for how long, and how many."""

from chat.rooms.idle_rooms import IDLE_LIMIT, IDLE_SECONDS, IdleRooms


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_room_is_kept_for_some_seconds_after_its_last_use() -> None:
    clock = Clock()
    rooms = IdleRooms(clock)
    assert not rooms.is_kept("builds")
    rooms.keep("builds")
    clock.now += IDLE_SECONDS - 1
    assert rooms.is_kept("builds")
    rooms.keep("builds")
    clock.now += IDLE_SECONDS - 1
    assert rooms.is_kept("builds")
    clock.now += 1
    assert not rooms.is_kept("builds")
    rooms.keep("builds")
    rooms.forget("builds")
    assert not rooms.is_kept("builds")


def test_past_the_limit_the_one_that_was_used_longest_ago_makes_room() -> None:
    rooms = IdleRooms(Clock())
    names = [f"room-{number}" for number in range(IDLE_LIMIT)]
    assert [rooms.keep(name) for name in names] == [None] * IDLE_LIMIT
    assert rooms.keep("room-0") is None
    assert rooms.keep("another") == "room-1"
    assert not rooms.is_kept("room-1")
    assert all(rooms.is_kept(name) for name in ("room-0", "room-2", "another"))
