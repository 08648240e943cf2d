"""A process follows another one's members by its changes, and reads the store only if it missed one."""

import asyncio
import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.access.person import Person
from chat.cluster import presence_shares
from chat.cluster.messages import MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Known, Seen
from chat.cluster.redis_presence import RedisPresence
from chat.protocol.events import Event
from chat.protocol.fields import MemberId
from chat.rooms import presence
from chat.rooms.presence import RoomPresence
from tests.unit.fakes import FakeConnection

Change = MemberPresent | MemberGone


class Neighbour:
    """Another process's share of a room, as it tells of it and as the store has it."""

    def __init__(self) -> None:
        self.members: dict[MemberId, ScreenName] = {}
        self.stamper = RedisPresence([])

    def change(self, member: int, turn: int) -> Change:
        member_id = MemberId(f"m{member}")
        if turn == 0 and member_id in self.members:
            del self.members[member_id]
            return self.stamper.stamp("room", MemberGone(member_id))
        self.members[member_id] = ScreenName(turn + 1, f"{turn}")
        return self.stamper.stamp("room", MemberPresent(member_id, self.members[member_id]))

    @property
    def revision(self) -> int:
        return self.stamper._revisions.get("room", 0)


def listener() -> tuple[RoomPresence, list[Event]]:
    told: list[Event] = []
    there = RoomPresence("here", announce=told.append, publish=lambda _: None, on_departure=lambda: None)
    return there, told


async def look(here: RoomPresence, there: Neighbour, reader: RedisPresence, *meanwhile: Change) -> bool:
    """A look at the store, and news that come while it is under way. Whether the share had to be read."""
    read_at = asyncio.get_running_loop().time()
    stored, share = Known(there.revision, len(there.members)), dict(there.members)
    must_read = stored.revision > 0 and reader._must_read("room", "there", here.known("there"), stored)
    for change in meanwhile:
        here.handle("there", change)
    if stored.revision:
        await here.reconcile({"there": Seen(stored.revision, share if must_read else None)}, read_at)
    return must_read


deeds = st.lists(
    st.one_of(
        st.tuples(st.just("change"), st.integers(0, 5), st.integers(0, 3)),
        st.tuples(st.sampled_from(["hear", "hear", "lose", "look", "look and hear"]), st.none(), st.none()),
    ),
    max_size=60,
)


@given(deeds, st.randoms(use_true_random=False))
def test_whatever_news_are_lost_the_roster_is_that_of_the_other_process_after_three_looks(
    happened: list[tuple[str, int | None, int | None]], chance: random.Random
) -> None:
    asyncio.run(live(happened, chance))


async def live(happened: list[tuple[str, int | None, int | None]], chance: random.Random) -> None:
    here, _ = listener()
    there, reader, on_their_way = Neighbour(), RedisPresence([]), list[Change]()
    for what, member, turn in happened:
        if what == "change":
            assert member is not None
            assert turn is not None
            on_their_way.append(there.change(member, turn))
        elif what == "look and hear":
            number = chance.randrange(len(on_their_way) + 1)
            later = there.change(chance.randrange(6), chance.randrange(4)) if chance.random() < 0.5 else None
            await look(here, there, reader, *on_their_way[:number])
            del on_their_way[:number]
            if later is not None:
                on_their_way.append(later)
        elif what == "look":
            await look(here, there, reader)
        elif on_their_way:
            change = on_their_way.pop(0)
            if what == "hear":
                here.handle("there", change)
    for change in on_their_way:
        here.handle("there", change)
    for _ in range(3):
        await look(here, there, reader)
    holders = here._roster._holders
    assert {member_id: holders[member_id]["there"] for member_id in here._roster.held("there")} == there.members
    assert not await look(here, there, reader), "and is known from then on"


async def test_a_share_whose_changes_were_all_heard_is_never_read() -> None:
    here, _ = listener()
    there, reader = Neighbour(), RedisPresence([])
    for number in range(500):
        change = there.change(number % 50, number % 4)
        if number % 3 == 0:  # It may come during a look or before it.
            here.handle("there", change)
            assert not await look(here, there, reader)
        else:
            assert not await look(here, there, reader, change) or number == 0
    assert len(here._roster.held("there")) == len(there.members)


async def test_a_change_that_is_only_late_is_waited_for_and_a_lost_one_is_read() -> None:
    here, _ = listener()
    there, reader = Neighbour(), RedisPresence([])
    here.handle("there", there.change(1, 1))
    late = there.change(2, 1)
    assert not await look(here, there, reader, late)
    there.change(3, 1)
    assert not await look(here, there, reader)
    assert await look(here, there, reader)
    assert len(here._roster.held("there")) == 3


async def test_a_share_of_thousands_leaves_the_loop_to_others_every_few_members() -> None:
    here, told = listener()
    share = {MemberId(f"m{number}"): ScreenName(1, f"Member {number}") for number in range(5_000)}
    steps, most = count(), 0
    taking = asyncio.create_task(here.reconcile({"there": Seen(1, share)}, 0.0))
    while not taking.done():
        before = len(told)
        await asyncio.sleep(0)
        most = max(most, len(told) - before)
        if next(steps) == 3:
            here.handle("there", MemberGone(MemberId("m4900"), 1, 2))
            here.handle("there", MemberPresent(MemberId("m10"), ScreenName(2, "Another"), 2, 3))
            here.handle("there", MemberPresent(MemberId("m20"), ScreenName(0, "Late"), 0, 1))
    assert most <= presence.MEMBERS_AT_ONCE + 1
    assert len(here._roster.held("there")) == 4_999
    assert here.name_of(MemberId("m10")) == "Another"
    assert here.name_of(MemberId("m20")) == "Member 20"
    assert here.known("there") == Known(3, 4_999)


async def test_what_did_not_change_is_not_held_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = listener()
    share = {MemberId(f"m{number}"): ScreenName(1, f"Member {number}") for number in range(100)}
    await here.reconcile({"there": Seen(1, share)}, 0.0)
    held: list[MemberId] = []
    real = here._roster.hold

    def hold(process: str, member_id: MemberId, named: ScreenName) -> list[Event]:
        held.append(member_id)
        return real(process, member_id, named)

    monkeypatch.setattr(here._roster, "hold", hold)
    await here.reconcile({"there": Seen(1, None)}, 1.0)
    assert held == []
    changed = share | {MemberId("m7"): ScreenName(2, "Seven")}
    await here.reconcile({"there": Seen(2, changed)}, 2.0)
    assert held == ["m7"]


async def test_a_rename_that_only_the_store_has_is_the_own_members_name_as_well() -> None:
    here, _ = listener()
    ann = MemberId("ann")
    here.arrive(FakeConnection(), Person(ann), "Ann")
    await here.reconcile({"there": Seen(1, {ann: ScreenName(2, "Anna")})}, 0.0)
    assert here.member(ann).name == "Anna"
    await here.reconcile({"there": Seen(2, {})}, 1.0)
    assert here.member(ann).name == here.name_of(ann) == "Anna", "not lost with the other tab"


async def test_news_that_wait_for_a_look_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = listener()
    there, reader = Neighbour(), RedisPresence([])
    monkeypatch.setattr(presence_shares, "RECENT_LIMIT", 50)
    for number in range(500):
        here.handle("there", there.change(number % 7, number % 4))
        assert len(here._followed["there"]._recent) <= 50
        assert len(here._followed["there"]._latest) <= 50
    assert not await look(here, there, reader)
    assert len(here._roster.held("there")) == len(there.members)
