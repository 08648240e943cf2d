"""A room in one process: order, missing versions, joins without a gap."""

import asyncio

import pytest

from chat.access.policy import Rules
from chat.cluster.messages import ClusterMessage, EntriesWritten, IsTyping, MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Seen, Shares
from chat.log.entries import ENTRY_BYTES
from chat.log.reader import About, LogUnavailable, RoomState
from chat.log.readers import Askers
from chat.log.turns import ITSELF, Asker
from chat.protocol.commands import History, Since
from chat.protocol.errors import CloseCode
from chat.protocol.events import Done, Member
from chat.protocol.fields import MemberId
from chat.rooms import hub, presence
from chat.rooms.change_buffer import ChangeBuffers
from tests.unit.fakes import ANN, BOB, EVE, ROOM, FakeConnection, FakeLog, HubOnTheTable, entry, request_of, tick, until


def table(*messages: int, resume_limit: int = 1000, opening_limit: int = 100) -> HubOnTheTable:
    return HubOnTheTable(FakeLog(*map(entry, messages)), resume_limit, opening_limit)


def seen(shares: dict[str, dict[MemberId, ScreenName]]) -> Shares:
    """As a look at the store has them."""
    return {process: Seen(1, share) for process, share in shares.items()}


def since(version: int) -> Since:
    return Since(ROOM.log, version)


# --- order ---


async def test_versions_are_told_in_turn_whatever_order_they_come_in() -> None:
    room = table()
    ann = await room.join(ANN)
    room.hub.apply([entry(2), entry(3)])
    room.hub.apply([entry(1), entry(2)])
    await tick()
    assert ann.versions == [1, 2, 3]


async def test_a_version_that_came_twice_before_its_turn_leaves_nothing_to_look_for() -> None:
    room = table()
    await room.join(ANN)
    room.hub.apply([entry(2)])
    room.hub.apply([room.log.write(entry(1)), room.log.write(entry(2))])
    await asyncio.sleep(hub.HOLE_SECONDS * 3)
    assert room.log.reads == 0


async def test_a_version_that_never_comes_is_read_from_the_log() -> None:
    room = table()
    ann = await room.join(ANN)
    for seq in (1, 2, 3):
        room.log.write(entry(seq))
    room.hub.apply([entry(3)])
    await until(lambda: ann.versions == [1, 2, 3])
    assert room.log.reads == 1


async def test_a_version_is_reached_when_everybody_was_told_of_it() -> None:
    room = table()
    ann = await room.join(ANN)
    for seq in (1, 2, 3):
        room.log.write(entry(seq))
    room.hub.apply([entry(3)])
    await room.hub.reach(3)
    room.hub.reply(ann, Done(re="x"))
    assert ann.kinds()[-4:] == ["message", "message", "message", "done"]


async def test_a_log_that_is_away_is_asked_again() -> None:
    room = table()
    ann = await room.join(ANN)
    room.log.write(entry(1))
    room.log.is_down = True
    with pytest.raises(LogUnavailable):
        await room.hub.catch_up()
    room.log.is_down = False
    await room.hub.catch_up()
    await until(lambda: ann.versions == [1])


async def test_a_hole_whose_change_was_changed_again_is_told_as_the_sum() -> None:
    room = table(1)
    ann = await room.join(ANN)
    room.log.write(entry(2))
    room.log.write(entry(1, 5))  # Versions 3 and 4 were changes of message 1 as well.
    await room.hub.catch_up()
    await until(lambda: "changes" in ann.kinds())
    changes = ann.events[-1]
    assert (changes["since"], changes["head"], changes["reset"]) == (1, 5, False)
    assert [(message["seq"], message["version"]) for message in changes["messages"]] == [(2, 2), (1, 5)]
    room.hub.apply([entry(6)])
    await until(lambda: ann.versions == [6])


async def test_a_hub_that_missed_more_than_it_may_tell_starts_over() -> None:
    room = table(1, resume_limit=10)
    ann = await room.join(ANN)
    for seq in range(2, 40):
        room.log.write(entry(seq))
    await room.hub.catch_up()
    await until(lambda: "changes" in ann.kinds())
    changes = ann.events[-1]
    assert (changes["reset"], changes["head"]) == (True, 39)
    assert [message["seq"] for message in changes["messages"]] == list(range(1, 40))


# --- joining ---


async def test_nothing_falls_between_a_welcome_and_what_follows() -> None:
    room = table(1)
    ann = await room.join(ANN)
    room.hub.apply([entry(2)])
    bob = await room.join(BOB)  # Before the tick that tells Ann of 2.
    room.hub.apply([entry(3)])
    await tick()
    assert ann.versions == [2, 3]
    assert bob.events[0]["head"] == 2
    assert bob.versions == [3]


async def test_a_newcomer_is_not_told_of_itself() -> None:
    room = table()
    ann = await room.join(ANN)
    bob = await room.join(BOB)
    await tick()
    assert ann.kinds() == ["welcome", "joined"]
    assert bob.kinds() == ["welcome"]


async def test_a_returning_member_gets_what_was_missed_without_a_query() -> None:
    room = table(*range(1, 61))
    ann = await room.join(ANN, since(57))
    assert [message["version"] for message in ann.events[0]["messages"]] == [58, 59, 60]
    assert ann.events[0]["reset"] is False
    assert room.log.reads == 0


async def test_a_storm_from_farther_back_reads_the_log_once() -> None:
    room = table(*range(1, 501), opening_limit=100)
    room.log.gate.clear()
    joins = [asyncio.create_task(room.join(ANN, since(version))) for version in (20, 30, 20, 300, 100)]
    await tick()
    room.log.gate.set()
    joined = await asyncio.gather(*joins)
    assert room.log.reads == 1
    assert [len(one.events[0]["messages"]) for one in joined] == [480, 470, 480, 200, 400]


async def test_all_who_wait_for_a_reading_ask_for_it() -> None:
    room = table(*range(1, 501), opening_limit=100)
    room.log.gate.clear()
    askers = [Asker("192.0.2.1", ANN.id), Asker("192.0.2.2", BOB.id)]
    joins = [
        asyncio.create_task(room.hub.join(request_of(FakeConnection(), ANN, since=since(20), asker=asker)))
        for asker in askers
    ]
    await tick()
    assert isinstance(room.log.asker, Askers)
    assert list(room.log.asker.follow(None)) == askers
    room.log.gate.set()
    await asyncio.gather(*joins)
    assert room.log.asker.follow(None) == (ITSELF,)


async def test_a_member_who_was_away_for_too_long_starts_with_the_newest_page() -> None:
    room = table(*range(1, 101), resume_limit=30)
    ann = await room.join(ANN, since(69))
    assert ann.events[0]["reset"] is True
    assert len(ann.events[0]["messages"]) == 50
    bob = await room.join(BOB, since(70))
    assert bob.events[0]["reset"] is False
    assert len(bob.events[0]["messages"]) == 30


async def test_a_member_served_by_a_process_that_is_ahead_is_caught_up_with() -> None:
    room = table(1)
    room.log.write(entry(2))
    ann = await room.join(ANN, since(2))
    assert (ann.events[0]["reset"], ann.events[0]["messages"], ann.events[0]["head"]) == (False, [], 2)
    bob = await room.join(BOB, since(7))  # From a future that the log doesn't know.
    assert bob.events[0]["reset"] is True


async def test_a_connection_that_closed_meanwhile_leaves_nothing_behind() -> None:
    room = table(*range(1, 200))
    connection = FakeConnection()
    room.log.gate.clear()
    joining = asyncio.create_task(room.hub.join(request_of(connection, ANN, since=since(1))))
    await tick()
    connection.abandon()
    room.log.gate.set()
    await joining
    assert connection.frames == []
    assert room.hub.is_empty
    assert room.told == []


# --- memory ---


async def test_a_room_that_gave_up_its_memory_answers_from_the_log() -> None:
    room = table(*range(1, 61))
    ann = await room.join(ANN)
    room.hub._buffer.forget()
    room.hub.apply([room.log.write(entry(61))])
    bob, eve = await room.join(BOB), await room.join(EVE, since(40))
    assert [message["seq"] for message in bob.events[0]["messages"]] == list(range(12, 62))
    assert (eve.events[0]["reset"], len(eve.events[0]["messages"])) == (False, 21)
    assert bob.events[0]["more"] is True
    await tick()
    assert ann.versions == [61]


async def test_a_room_that_gives_up_its_memory_while_somebody_comes_loses_nothing() -> None:
    room = table(*range(1, 61))
    ann = await room.join(ANN)
    room.hub._buffer.forget()
    room.log.gate.clear()
    joins = [asyncio.create_task(room.join(member, point)) for member, point in ((BOB, None), (EVE, since(55)))]
    await tick()
    room.hub.apply([room.log.write(entry(61)), room.log.write(entry(20, 62))])
    room.log.write(entry(63))  # The hub hasn't heard of it.
    room.hub._buffer.forget()
    room.log.gate.set()
    bob, eve = await asyncio.gather(*joins)
    await tick()
    assert ann.versions == [61, 62, 63]
    assert [message["seq"] for message in bob.events[0]["messages"]] == [*range(13, 62), 63]
    assert eve.events[0]["reset"] is False
    told = [(message["seq"], message["version"]) for message in eve.events[0]["messages"]]
    assert told == [(56, 56), (57, 57), (58, 58), (59, 59), (60, 60), (61, 61), (20, 62), (63, 63)]


async def test_rooms_share_a_bounded_memory_and_a_storm_is_served_all_the_same() -> None:
    buffers = ChangeBuffers(30_000)
    rooms = [HubOnTheTable(FakeLog(*map(entry, range(1, 61))), buffers=buffers) for _ in range(4)]
    for round in range(3):
        for room in rooms:
            joined = await asyncio.gather(*(room.join(Member(MemberId(f"m{round}{n}"), "M")) for n in range(3)))
            for connection in joined:
                assert [message["seq"] for message in connection.events[0]["messages"]] == list(range(11, 61))
            assert buffers.size <= 30_000 + room.hub._buffer.size
    for room in rooms:
        room.hub.close(CloseCode.GOING_AWAY)
    assert buffers.size == 0


async def test_messages_too_big_to_be_told_again_are_not_read_again_for_each_who_comes() -> None:
    size = len(entry(10).encoded)
    room = HubOnTheTable(FakeLog(*map(entry, range(1, 101))), answer_limit=30 * size)
    for _ in range(3):
        ann = await room.join(ANN, since(20))
        assert ann.events[0]["reset"] is True
        assert ann.events[0]["messages"][-1]["seq"] == 100
    assert room.log.reads <= 1
    assert room.hub._buffer.size <= 2 * 30 * (size + ENTRY_BYTES)


# --- answers keep their place ---


async def test_a_repeated_message_comes_behind_what_was_told_before() -> None:
    room = table(1)
    ann = await room.join(ANN)
    room.hub.apply([entry(2), entry(3)])
    room.hub.repeat(ann, entry(2))
    await tick()
    assert ann.versions == [2, 3, 2]


async def test_a_repeated_message_that_is_on_its_way_is_not_told_twice() -> None:
    room = table()
    ann = await room.join(ANN)
    room.hub.repeat(ann, entry(1))
    room.hub.apply([entry(1)])
    await tick()
    assert ann.versions == [1]


async def test_a_page_on_its_way_brings_no_message_as_it_was_before_its_change() -> None:
    room = table(*range(1, 61))
    ann = await room.join(ANN)
    room.log.way_back.clear()
    asking = asyncio.create_task(room.hub.send_page(ann, History(limit=3, before=11)))
    await tick()
    room.hub.apply([room.log.write(entry(9, 61))])
    room.log.way_back.set()
    await asking
    await until(lambda: ann.kinds()[-1] == "page")
    assert ann.versions == [61]
    assert [(message["seq"], message["version"]) for message in ann.events[-1]["messages"]] == [
        (8, 8),
        (9, 61),
        (10, 10),
    ]


@pytest.mark.parametrize(
    ("asked", "seqs"),
    [
        (History(limit=3, after=8), [(9, 61), (10, 10), (11, 11)]),
        (History(limit=4, around=9), [(7, 7), (8, 8), (9, 61), (10, 10)]),
        (History(seqs=[11, 99, 9]), [(9, 61), (11, 11)]),
    ],
)
async def test_no_other_page_brings_a_message_as_it_was_either(asked: History, seqs: list[tuple[int, int]]) -> None:
    room = table(*range(1, 61))
    ann = await room.join(ANN)
    room.log.way_back.clear()
    asking = asyncio.create_task(room.hub.send_page(ann, asked))
    await tick()
    room.hub.apply([room.log.write(entry(9, 61))])
    room.log.way_back.set()
    await asking
    await until(lambda: ann.kinds()[-1] == "page")
    page = ann.events[-1]
    assert [(message["seq"], message["version"]) for message in page["messages"]] == seqs
    assert asked.seqs or (page["more"], page["newer"]) == (True, True)


async def test_a_page_that_is_too_big_is_cut_where_the_next_one_goes_on() -> None:
    log = FakeLog(*map(entry, range(1, 21)))
    room = HubOnTheTable(log, answer_limit=4 * len(entry(10).encoded))
    ann = await room.join(ANN)
    await room.hub.send_page(ann, History(limit=16, after=4))
    await room.hub.send_page(ann, History(limit=20, around=10))
    await tick()
    after, around = ann.events[-2:]
    assert ([message["seq"] for message in after["messages"]], after["more"], after["newer"]) == (
        [5, 6, 7, 8],
        True,
        True,
    )
    seqs = [message["seq"] for message in around["messages"]]
    assert (seqs, around["more"], around["newer"]) == ([8, 9, 10, 11], True, True)


async def test_a_page_is_read_again_where_more_changed_meanwhile_than_the_buffer_holds() -> None:
    room = table(*range(1, 61), resume_limit=2)
    ann = await room.join(ANN)
    room.log.way_back.clear()
    asking = asyncio.create_task(room.hub.send_page(ann, History(limit=1, before=11)))
    await tick()
    room.hub.apply([room.log.write(entry(seq, version)) for version, seq in enumerate((10, 20, 30, 40), start=61)])
    room.log.way_back.set()
    await asking
    await until(lambda: ann.kinds()[-1] == "page")
    assert [message["version"] for message in ann.events[-1]["messages"]] == [61]


# --- what the room is about ---


async def test_a_change_of_the_rooms_row_is_told_once_and_to_later_members() -> None:
    room = table()
    ann = await room.join(ANN)
    state = RoomState(ROOM.log, 0, Rules(), About("Tea", "Leaves", BOB.id))
    room.hub.take_state(state)
    room.hub.take_state(state)
    await tick()
    bob = await room.join(BOB)
    told = {"slug": "lobby", "title": "Tea", "topic": "Leaves"}
    assert [event["room"] for event in ann.events if event["type"] == "room"] == [told]
    assert (bob.events[0]["room"], bob.events[0]["may_describe"]) == (told, True)
    assert "may_describe" not in ann.events[0]


# --- the tick ---


async def test_what_comes_together_shares_a_frame() -> None:
    room = table()
    ann, bob = await room.join(ANN), await room.join(BOB)
    await tick()
    before = len(ann.frames), len(bob.frames)
    room.hub.apply(map(entry, range(1, 21)))
    await tick()
    assert (len(ann.frames), len(bob.frames)) == (before[0] + 1, before[1] + 1)
    assert ann.versions == bob.versions == list(range(1, 21))


# --- presence ---


@pytest.fixture
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0.01)


@pytest.mark.usefixtures("short_grace")
async def test_the_last_one_to_leave_empties_the_hub() -> None:
    room = table()
    ann, bob = await room.join(ANN), await room.join(BOB)
    room.hub.leave(bob, BOB.id)
    await until(lambda: "left" in ann.kinds())
    assert not room.emptied
    room.hub.leave(ann, ANN.id)
    await until(lambda: room.emptied)
    assert room.told[-2:] == [MemberGone(BOB.id), MemberGone(ANN.id)]


@pytest.mark.usefixtures("short_grace")
async def test_members_of_a_process_that_stops_are_not_let_go() -> None:
    room = table()
    ann, bob = await room.join(ANN), await room.join(BOB)
    bob.is_restarting = True
    room.hub.leave(bob, BOB.id)
    await asyncio.sleep(0.05)
    assert "left" not in ann.kinds()
    assert BOB.id in room.hub.own_share


async def test_who_comes_with_another_name_is_renamed() -> None:
    room = table()
    ann = await room.join(ANN)
    await room.join(BOB)
    await room.join(type(BOB)(BOB.id, "Robert"))
    await tick()
    assert ann.kinds() == ["welcome", "joined", "renamed"]


async def test_news_of_another_process_reaches_everybody() -> None:
    room = table()
    ann = await room.join(ANN)
    held = MemberPresent(EVE.id, ScreenName(1, "Eve"))
    room.hub.handle(
        ClusterMessage(
            "x", "there", [held, EntriesWritten(ROOM.log, ROOM.id, [entry(1)]), IsTyping(EVE.id), MemberGone(EVE.id)]
        )
    )
    await tick()
    assert ann.kinds() == ["welcome", "joined", "message", "typing", "left"]


async def test_the_store_puts_right_what_the_news_left_wrong() -> None:
    room = table()
    ann = await room.join(ANN)
    now = asyncio.get_running_loop().time()
    await room.hub.reconcile(seen({"there": {BOB.id: ScreenName(1, "Bob"), EVE.id: ScreenName(1, "Eve")}}), now)
    await room.hub.reconcile(seen({"there": {EVE.id: ScreenName(2, "Eva")}}), now + 2)
    await tick()
    assert ann.kinds() == ["welcome", "joined", "joined", "left", "renamed"]


async def test_news_that_is_newer_than_a_look_at_the_store_counts() -> None:
    room = table()
    ann = await room.join(ANN)
    looked_at = asyncio.get_running_loop().time()
    room.hub.handle(ClusterMessage("x", "there", [MemberPresent(EVE.id, ScreenName(1, "Eve"))]))
    await room.hub.reconcile(seen({}), looked_at - 1)
    await room.hub.reconcile(seen({"there": {}}), looked_at - 1)
    await tick()
    assert ann.kinds() == ["welcome", "joined"]


async def test_a_process_that_the_store_forgot_for_one_look_keeps_its_members() -> None:
    room = table()
    ann = await room.join(ANN)
    now = asyncio.get_running_loop().time()
    shares = {"there": {EVE.id: ScreenName(1, "Eve")}}
    await room.hub.reconcile(seen(shares), now)
    await room.hub.reconcile(seen({}), now + 20)  # Redis was away for long, came back empty,
    await room.hub.reconcile(seen({}), now + 22)
    await room.hub.reconcile(seen(shares), now + 24)  # and the other process has put its share back.
    await tick()
    assert ann.kinds() == ["welcome", "joined"]
    await room.hub.reconcile(seen({}), now + 26)
    await room.hub.reconcile(seen({}), now + 26 + presence.ABSENCE_SECONDS)
    await tick()
    assert ann.kinds() == ["welcome", "joined", "left"]


def away_told(connection: FakeConnection) -> list[bool]:
    return [event["on"] for event in connection.events if event["type"] == "away"]


@pytest.mark.usefixtures("short_grace")
async def test_a_member_is_away_when_all_its_tabs_are_idle() -> None:
    room = table()
    ann, bob, bobs_other = await room.join(ANN), await room.join(BOB), await room.join(BOB)
    room.hub.set_idle(bob, BOB.id, True)
    await tick()
    assert away_told(ann) == []
    room.hub.set_idle(bobs_other, BOB.id, True)
    room.hub.set_idle(bobs_other, BOB.id, True)
    room.hub.rename(BOB.id, "Robert")
    await tick()
    assert away_told(ann) == away_told(bob) == [True]
    assert (await room.join(EVE)).events[0]["members"][1] == {"id": "bob", "name": "Robert", "away": True}
    room.hub.set_idle(bob, BOB.id, False)
    await tick()
    room.hub.leave(bob, BOB.id)  # The tab that somebody was at.
    await tick()
    assert away_told(ann) == [True, False, True]
    assert room.told[-1] == MemberPresent(BOB.id, room.hub.own_share[BOB.id])
    assert room.hub.own_share[BOB.id].away


@pytest.mark.usefixtures("short_grace")
async def test_an_idle_tab_that_resumes_is_not_seen_to_come_back() -> None:
    room = table()
    ann, bob = await room.join(ANN), await room.join(BOB)
    room.hub.set_idle(bob, BOB.id, True)
    room.hub.leave(bob, BOB.id)
    await room.hub.join(request_of(FakeConnection(), BOB, is_idle=True))
    await tick()
    assert away_told(ann) == [True]
    await room.join(BOB)
    await tick()
    assert away_told(ann) == [True, False]


@pytest.mark.usefixtures("short_grace")
async def test_who_is_away_is_told_together_as_it_then_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "AWAY_SECONDS", 1_000)
    room = table()
    ann = await room.join(ANN)
    mia = Member(MemberId("mia"), "Mia")
    others = {member.id: await room.join(member) for member in (BOB, EVE, mia)}
    await tick()
    for member_id, connection in others.items():
        room.hub.set_idle(connection, member_id, True)
        await tick()
    room.hub.set_idle(others[EVE.id], EVE.id, False)
    late = await room.join(Member(MemberId("late"), "Late"))
    assert [member.get("away", False) for member in late.events[0]["members"]] == [False, True, False, True, False]
    room.hub.leave(others[mia.id], mia.id)
    await until(lambda: "left" in ann.kinds())
    assert away_told(ann) == []
    before = len(ann.frames)
    room.hub._presence._publish_shifted()
    await tick()
    assert [(event["id"], event["on"]) for event in ann.events if event["type"] == "away"] == [
        (BOB.id, True),
        (EVE.id, False),
    ]
    assert len(ann.frames) == before + 1


async def test_a_process_that_stops_lets_nobody_seem_away() -> None:
    room = table()
    ann, bob, idle = await room.join(ANN), await room.join(BOB), await room.join(BOB)
    room.hub.set_idle(idle, BOB.id, True)
    bob.is_restarting = True
    room.hub.leave(bob, BOB.id)
    await tick()
    assert away_told(ann) == []


async def test_a_member_is_away_when_it_is_so_on_all_processes() -> None:
    room = table()
    ann, bob = await room.join(ANN), await room.join(BOB)
    named = room.hub.own_share[BOB.id]
    room.hub.handle(ClusterMessage("x", "there", [MemberPresent(BOB.id, named._replace(away=True))]))
    await tick()
    assert away_told(ann) == []
    room.hub.set_idle(bob, BOB.id, True)
    await tick()
    room.hub.handle(ClusterMessage("x", "there", [MemberPresent(BOB.id, named)]))
    await tick()
    now = asyncio.get_running_loop().time()
    await room.hub.reconcile(seen({"there": {BOB.id: named._replace(away=True)}}), now + 1)  # News of it was lost.
    await tick()
    room.hub.handle(
        ClusterMessage("x", "there", [MemberPresent(BOB.id, named._replace(turn=named.turn + 1, name="Robert"))])
    )
    await tick()
    assert away_told(ann) == [True, False, True, False]
    assert room.hub.own_share[BOB.id] == named._replace(turn=named.turn + 1, name="Robert", away=True)


async def test_closing_sends_everybody_away_to_come_back() -> None:
    room = table()
    ann = await room.join(ANN)
    room.hub.close(CloseCode.RESTARTING)
    assert ann.closed_with == (1012, True)


async def test_a_member_who_types_is_told_once_in_a_while() -> None:
    room = table()
    ann = await room.join(ANN)
    for _ in range(3):
        room.hub.type(MemberId("ann"))
    await tick()
    assert ann.kinds().count("typing") == 1
    assert room.told.count(IsTyping(MemberId("ann"))) == 1


# --- what a fresh look at the code found ---


async def test_a_catch_up_that_the_group_overtook_says_nothing_and_never_goes_back() -> None:
    room = table(1, resume_limit=3)
    ann = await room.join(ANN)
    for seq in range(2, 9):
        room.log.write(entry(seq))
    room.log.gate.clear()
    catching_up = room.hub.catch_up()
    await tick()
    written = [room.log.write(entry(seq)) for seq in range(9, 11)]
    room.log.gate.set()
    room.hub.apply([*(entry(seq) for seq in range(2, 9)), *written])
    await catching_up
    await tick()
    assert room.hub.head == 10
    assert ann.versions == list(range(2, 11))
    assert "changes" not in ann.kinds()


async def test_an_answer_is_bounded_and_says_that_there_is_more() -> None:
    size = len(entry(10).encoded)
    room = HubOnTheTable(FakeLog(*map(entry, range(10, 30))), answer_limit=5 * size)
    ann = await room.join(ANN)
    assert [message["seq"] for message in ann.events[0]["messages"]] == [25, 26, 27, 28, 29]
    assert ann.events[0]["more"] is True
    bob = await room.join(BOB, since(15))  # More than five.
    assert (bob.events[0]["reset"], len(bob.events[0]["messages"])) == (True, 5)
    eve = await room.join(EVE, since(25))
    assert (eve.events[0]["reset"], len(eve.events[0]["messages"])) == (False, 4)


async def test_a_name_taken_on_another_process_is_this_ones_as_well() -> None:
    room = table()
    ann = await room.join(ANN)
    later = ScreenName(2**50, "Anna")
    room.hub.handle(ClusterMessage("x", "there", [MemberPresent(ANN.id, later)]))
    await tick()
    assert room.hub.author(ANN.id).name == "Anna"
    assert room.told[-1] == MemberPresent(ANN.id, later)
    room.hub.handle(ClusterMessage("x", "there", [MemberGone(ANN.id)]))
    await tick()
    assert ann.kinds() == ["welcome", "renamed"]


async def test_a_rename_counts_though_the_last_one_was_on_a_process_whose_clock_is_ahead() -> None:
    room = table()
    ann = await room.join(ANN)
    room.hub.handle(ClusterMessage("x", "there", [MemberPresent(ANN.id, ScreenName(2**50, "Anna"))]))
    room.hub.rename(ANN.id, "Annie")
    room.hub.handle(ClusterMessage("x", "there", [MemberPresent(ANN.id, ScreenName(2**50, "Anna", True))]))
    await tick()
    assert room.hub.author(ANN.id).name == room.hub.name_of(ANN.id) == "Annie"
    assert room.told[-1] == MemberPresent(ANN.id, ScreenName(2**50 + 1, "Annie"))
    assert [event["member"]["name"] for event in ann.events if event["type"] == "renamed"] == ["Anna", "Annie"]
