"""A watcher of a room gets each message counted once, even if the room changes during the query."""

import asyncio
import tracemalloc
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.log.reader import LogUnavailable, RoomRow
from chat.log.turns import Asker
from chat.log.unread import Count, Span
from chat.protocol.events import UnreadRoom
from chat.protocol.fields import MemberId
from chat.rooms.connection import Frame
from chat.rooms.watch import Watching
from tests.examples import examples
from tests.unit.fakes import ANN, BOB, FakeConnection

ROOMS = {"tea": 1, "milk": 2, "cocoa": 3}


class FakeRooms:
    """Rooms in a dictionary, as `Log` counts them. While the gate is shut, what was read isn't handed over."""

    def __init__(self) -> None:
        # Whether Ann is called. The room for cocoa has no row before the first message.
        self.said: dict[int, list[tuple[MemberId, bool]]] = {room_id: [] for room_id in ROOMS.values() if room_id != 3}
        self.asked: list[str] = []
        self.open: set[str] = set()  # Rooms without a row that somebody is in.
        self.gate = asyncio.Event()
        self.gate.set()
        self.is_down = False

    def say(self, slug: str, calls: bool = False) -> None:
        self.said.setdefault(ROOMS[slug], []).append((BOB.id, calls))

    def delete(self, slug: str) -> None:
        del self.said[ROOMS[slug]]

    async def _answer(self, what: str) -> None:
        self.asked.append(what)
        if self.is_down:
            raise LogUnavailable("down")
        await self.gate.wait()

    async def rows(self, slugs: list[str]) -> dict[str, RoomRow]:
        found = {slug: RoomRow(ROOMS[slug], slug, uuid.UUID(int=1)) for slug in slugs if ROOMS.get(slug) in self.said}
        await self._answer("rows")
        return found

    async def find_open(self, slugs: Iterable[str]) -> set[str]:
        await self.gate.wait()
        return {slug for slug in slugs if slug in self.open}

    async def heads(self, room_ids: list[int]) -> dict[int, int]:
        found = {room_id: len(self.said[room_id]) for room_id in room_ids if room_id in self.said}
        await self._answer("heads")
        return found

    async def unread(self, read: Mapping[str, int], member_id: MemberId, asker: Asker) -> dict[int, UnreadRoom]:
        found = {}
        for slug, seq in read.items():
            if (said := self.said.get(ROOMS.get(slug, 0))) is not None:
                called = sum(calls for _, calls in said[seq:]) if member_id == ANN.id else 0
                found[ROOMS[slug]] = UnreadRoom(slug, slug.title(), len(said[seq:]), called, len(said))
        await self._answer("unread")
        return found

    async def new_messages(self, spans: list[Span]) -> dict[Span, Count]:
        found = {}
        for span in spans:
            said = self.said.get(span.room_id, [])[span.since : span.head]
            found[span] = Count(len(said), Counter({ANN.id: called} if (called := sum(c for _, c in said)) else {}))
        await self._answer("news")
        return found


def watch_over(rooms: FakeRooms) -> Watching:
    return Watching(rooms, rooms.find_open)


def tally(connection: FakeConnection) -> dict[str, tuple[int, int]]:
    """What a client has summed up of each room: messages, and calls."""
    sums: dict[str, tuple[int, int]] = {}
    for event in connection.events:
        if event["type"] == "unread":
            sums = {room["slug"]: (room["unread"], room["called"]) for room in event["rooms"]}
        else:
            for room in event["rooms"]:
                posted, called = sums[room["slug"]]
                sums[room["slug"]] = (posted + room["posted"], called + room.get("called", 0))
    return sums


async def loop_steps(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_unread_is_told_and_then_what_comes() -> None:
    rooms = FakeRooms()
    watching, ann, bob = watch_over(rooms), FakeConnection(), FakeConnection()
    rooms.say("tea")
    rooms.say("tea", calls=True)
    await watching.watch(ann, ANN.id, {"tea": 1, "unknown": 0})
    await watching.watch(bob, BOB.id, {"tea": 2, "milk": 0})
    assert ann.events == [
        {"type": "unread", "rooms": [{"slug": "tea", "title": "Tea", "unread": 1, "called": 1, "head": 2}]}
    ]
    rooms.say("tea", calls=True)
    rooms.say("milk")
    await watching.tick()
    of_tea = {"slug": "tea", "posted": 1, "head": 3}
    assert ann.events[1:] == [{"type": "activity", "rooms": [of_tea | {"called": 1}]}]
    assert bob.events[1:] == [{"type": "activity", "rooms": [of_tea, {"slug": "milk", "posted": 1, "head": 1}]}]
    await watching.tick()
    assert len(ann.events) == len(bob.events) == 2


async def test_equal_news_is_one_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms = FakeRooms()
    watching, sent = watch_over(rooms), list[Frame]()
    watchers = [FakeConnection() for _ in range(3)]
    for one in watchers:
        await watching.watch(one, BOB.id, {"tea": 0, "milk": 0})
        monkeypatch.setattr(one, "send", sent.append)
    rooms.say("tea")
    rooms.say("milk")
    await watching.tick()
    assert len(sent) == 3
    assert len(set(map(id, sent))) == 1


async def test_nothing_is_asked_where_nobody_watches_and_one_thing_where_nothing_happens() -> None:
    rooms = FakeRooms()
    watching, ann = watch_over(rooms), FakeConnection()
    await watching.tick()
    assert rooms.asked == []
    await watching.watch(ann, ANN.id, dict.fromkeys(ROOMS, 0))
    await watching.tick()
    assert rooms.asked == ["unread", "heads"]
    await watching.watch(ann, ANN.id, {})
    assert ann.events[-1] == {"type": "unread", "rooms": []}
    await watching.tick()
    assert rooms.asked == ["unread", "heads"]
    assert watching.room_count == watching.size == 0


async def test_who_begins_to_watch_during_a_tick_is_told_of_each_message_once() -> None:
    rooms = FakeRooms()
    watching, early, late, later = watch_over(rooms), *(FakeConnection() for _ in range(3))
    await watching.watch(early, ANN.id, {"tea": 0})
    rooms.say("tea")
    rooms.gate.clear()
    tick = asyncio.create_task(watching.tick())  # Sees the head 1, and hangs.
    await loop_steps()
    rooms.say("tea")
    arrivals = [asyncio.create_task(watching.watch(late, ANN.id, {"tea": 0}))]
    await loop_steps()
    rooms.gate.set()
    await asyncio.gather(tick, *arrivals)
    await watching.watch(later, ANN.id, {"tea": 0})
    rooms.say("tea")
    await watching.tick()
    for one in (early, late, later):
        assert tally(one) == {"tea": (3, 0)}


async def test_a_deleted_room_and_a_watcher_that_left_are_dropped() -> None:
    rooms = FakeRooms()
    watching, ann, bob = watch_over(rooms), FakeConnection(), FakeConnection()
    for one in (ann, bob):
        await watching.watch(one, ANN.id, dict.fromkeys(ROOMS, 0))
    rooms.delete("tea")
    rooms.say("milk")
    await watching.tick()
    assert [room["slug"] for room in ann.events[-1]["rooms"]] == ["milk"]
    assert watching.room_count == 1
    watching.forget(ann)
    watching.forget(bob)
    watching.forget(bob)
    assert watching.room_count == 0


async def test_a_room_without_a_row_is_watched_like_an_empty_one_while_somebody_is_in_it() -> None:
    rooms = FakeRooms()
    watching, ann, bob = watch_over(rooms), FakeConnection(), FakeConnection()
    await watching.watch(bob, BOB.id, {"cocoa": 0})
    assert bob.events == [{"type": "unread", "rooms": []}]
    rooms.open.add("cocoa")
    await watching.watch(ann, ANN.id, {"cocoa": 0})
    nothing = {"slug": "cocoa", "title": "cocoa", "unread": 0, "called": 0, "head": 0}
    assert ann.events == [{"type": "unread", "rooms": [nothing]}]
    await watching.tick()
    rooms.say("cocoa", calls=True)
    await watching.tick()
    assert ann.events[1:] == [{"type": "activity", "rooms": [{"slug": "cocoa", "posted": 1, "head": 1, "called": 1}]}]
    assert len(bob.events) == 1
    watching.forget(ann)
    assert watching.room_count == watching.size == 0


async def test_what_is_watched_is_bounded_in_bytes_and_counted_with_what_it_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Many(FakeRooms):
        async def unread(self, read: Mapping[str, int], member_id: MemberId, asker: Asker) -> dict[int, UnreadRoom]:
            return {int(slug): UnreadRoom(slug, slug, 0, 0, 10**9 + int(slug)) for slug in read}

    rooms = Many()
    watching, connections = watch_over(rooms), [FakeConnection() for _ in range(100)]
    for number, connection in enumerate(connections):
        connection.answer = lambda frame: None  # type: ignore[method-assign]
        if number == 50:
            tracemalloc.start()
        half = number % 2 * 1000  # Some rooms are watched by one alone, others by many.
        await watching.watch(connection, ANN.id, {str(10**6 + half * number + room): 0 for room in range(50)})
        if number == 49:
            size = watching.size
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < watching.size - size < 10 * taken

    limit = watching.size
    monkeypatch.setattr("chat.rooms.watch.BYTES_LIMIT", limit)
    late = FakeConnection()
    await watching.watch(late, ANN.id, {"1": 0})
    assert [room["slug"] for room in late.events[0]["rooms"]] == ["1"], "told, though not followed"
    assert watching.size == limit
    for connection in connections:
        watching.forget(connection)
    assert watching.size == 0


async def test_a_connection_that_is_gone_when_its_answer_comes_watches_nothing() -> None:
    rooms = FakeRooms()
    watching, ann = watch_over(rooms), FakeConnection()
    rooms.gate.clear()
    watch = asyncio.create_task(watching.watch(ann, ANN.id, {"tea": 0}))
    await loop_steps()
    ann.abandon()
    rooms.gate.set()
    await watch
    assert watching.room_count == 0
    assert ann.frames == []


async def test_what_a_tick_could_not_read_the_next_one_tells() -> None:
    rooms = FakeRooms()
    watching, ann = watch_over(rooms), FakeConnection()
    await watching.watch(ann, ANN.id, {"tea": 0})
    rooms.say("tea")
    rooms.is_down = True
    with pytest.raises(LogUnavailable):
        await watching.tick()
    rooms.is_down = False
    await watching.tick()
    assert tally(ann) == {"tea": (1, 0)}


deeds = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(sorted(ROOMS)), st.booleans()),
    st.tuples(st.just("watch"), st.integers(0, 2), st.sets(st.sampled_from(sorted(ROOMS)))),
    st.tuples(st.just("leave"), st.integers(0, 2), st.none()),
    st.tuples(st.sampled_from(["tick", "shut", "open"]), st.none(), st.none()),
    st.tuples(st.just("step"), st.integers(1, 6), st.none()),
)


@examples(300)
@given(st.lists(deeds, max_size=40))
def test_sums_are_right_however_ticks_and_watches_overlap(happened: list[tuple[str, object, object]]) -> None:
    asyncio.run(live(happened))


async def live(happened: list[tuple[str, object, object]]) -> None:
    rooms, clients = FakeRooms(), [FakeConnection() for _ in range(3)]
    rooms.open.add("cocoa")
    watching, ticks, doing = watch_over(rooms), [], [asyncio.Lock() for _ in clients]

    async def watch(number: int, slugs: set[str]) -> None:
        async with doing[number]:  # A consumer carries out one command at a time, and leaves after the last.
            if clients[number].is_open:
                await watching.watch(clients[number], ANN.id, dict.fromkeys(sorted(slugs), 0))

    async def leave(number: int) -> None:
        clients[number].abandon()
        async with doing[number]:
            watching.forget(clients[number])

    tick: asyncio.Task[None] | None = None
    for what, first, second in happened:
        match what, first, second:
            case "say", str(slug), bool(calls):
                rooms.say(slug, calls)
            case "watch", int(number), set(slugs):
                ticks.append(asyncio.create_task(watch(number, slugs)))
            case "leave", int(number), _:
                ticks.append(asyncio.create_task(leave(number)))
            case "tick", _, _ if tick is None or tick.done():
                tick = asyncio.create_task(watching.tick())
                ticks.append(tick)
            case "shut", _, _:
                rooms.gate.clear()
            case "open", _, _:
                rooms.gate.set()
            case "step", int(count), _:
                await loop_steps(count)
    rooms.gate.set()
    await asyncio.gather(*ticks)
    await watching.tick()
    for client in clients:
        if client.is_open:
            for slug, sums in tally(client).items():
                said = rooms.said.get(ROOMS[slug], [])
                assert sums == (len(said), sum(calls for _, calls in said))
        else:
            assert client not in watching._watchers
