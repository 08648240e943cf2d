from itertools import chain, combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from chat.cluster.names import ScreenName
from chat.content.confusables import skeleton
from chat.protocol.events import AwayNow, Event, Joined, Left, Member, Renamed
from chat.protocol.fields import MemberId
from chat.rooms.roster import Roster

ANN, BOB = MemberId("ann"), MemberId("bob")


def replace(roster: Roster, process: str, members: dict[MemberId, ScreenName]) -> list[Event]:
    return list(chain.from_iterable(roster.replace(process, members)))


def test_a_member_is_here_while_one_process_holds_it() -> None:
    roster = Roster()
    assert roster.hold("p", ANN, ScreenName(1, "Ann")) == [Joined(Member(ANN, "Ann"), 1)]
    assert roster.hold("q", ANN, ScreenName(1, "Ann")) == []
    assert roster.release("p", ANN) == []
    assert roster.release("q", ANN) == [Left(ANN, 0)]
    assert roster.release("q", ANN) == []


def test_the_later_name_counts_wherever_it_was_taken() -> None:
    roster = Roster()
    roster.hold("p", ANN, ScreenName(5, "Ann"))
    assert roster.hold("q", ANN, ScreenName(3, "Old")) == []
    assert roster.hold("q", ANN, ScreenName(7, "Anna")) == [Renamed(Member(ANN, "Anna"), 1)]
    assert roster.release("q", ANN) == [Renamed(Member(ANN, "Ann"), 1)]


def test_the_next_name_of_a_member_counts_more_than_all_that_were_seen() -> None:
    roster = Roster()
    assert roster.named_next(ANN, "Ann") == ScreenName(1, "Ann")
    roster.hold("p", ANN, ScreenName(1, "Ann"))
    roster.hold("q", ANN, ScreenName(2**50, "Anna"))
    assert roster.named_next(ANN, "Annie") == ScreenName(2**50 + 1, "Annie")
    assert roster.named_next(ANN, "Anna") == ScreenName(2**50, "Anna")


@given(
    renames=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["Ann", "Anna", "Annie"])), max_size=12),
    chance=st.randoms(use_true_random=False),
)
def test_processes_that_heard_the_same_call_a_member_the_same(renames: list[tuple[int, str]], chance: Random) -> None:
    rosters = [Roster() for _ in range(3)]
    waiting: dict[tuple[int, int], list[ScreenName]] = {(here, there): [] for here in range(3) for there in range(3)}

    def handle(here: int, there: int) -> None:
        if waiting[here, there]:
            rosters[there].hold(str(here), ANN, waiting[here, there].pop(0))

    last = {}
    for process, name in renames:
        last[process] = rosters[process].named_next(ANN, name)
        rosters[process].hold(str(process), ANN, last[process])
        for other in {0, 1, 2} - {process}:
            waiting[process, other].append(last[process])
        for _ in range(chance.randrange(4)):
            handle(chance.randrange(3), chance.randrange(3))
    for here, there in waiting:
        while waiting[here, there]:
            handle(here, there)
    if renames:
        assert len({roster.name(ANN) for roster in rosters}) == 1
        assert rosters[0].name(ANN) == max(last.values()).name


def test_a_process_that_is_replaced_keeps_those_it_still_holds() -> None:
    roster = Roster()
    roster.hold("p", ANN, ScreenName(1, "Ann"))
    assert replace(roster, "p", {ANN: ScreenName(1, "Ann"), BOB: ScreenName(1, "Bob")}) == [
        Joined(Member(BOB, "Bob"), 2)
    ]
    assert replace(roster, "p", {}) == [Left(ANN, 1), Left(BOB, 0)]
    assert roster.processes == []


def test_a_name_that_looks_like_a_present_members_is_marked_while_both_are_here() -> None:
    roster, eve = Roster(), MemberId("eve")
    assert roster.hold("p", ANN, ScreenName(1, "Ann")) == [Joined(Member(ANN, "Ann"), 1)]
    assert roster.hold("p", BOB, ScreenName(1, "Bob")) == [Joined(Member(BOB, "Bob"), 2)]
    assert roster.hold("q", eve, ScreenName(1, "\u0391nn")) == [
        Joined(Member(eve, "\u0391nn", like=ANN), 3)
    ]  # A Greek A.
    assert list(roster) == [Member(ANN, "Ann"), Member(BOB, "Bob"), Member(eve, "\u0391nn", like=ANN)]
    assert roster.hold("q", eve, ScreenName(2, "B0B")) == [Renamed(Member(eve, "B0B", like=BOB), 3)]
    assert roster.hold("p", ANN, ScreenName(2, "Eve")) == [Renamed(Member(ANN, "Eve"), 3)]
    roster.release("p", BOB)
    assert list(roster) == [Member(ANN, "Eve"), Member(eve, "B0B")]


def test_the_first_one_here_of_a_name_is_like_nobody_and_all_others_are_like_it() -> None:
    roster = Roster()
    for number in range(4):
        roster.hold("p", MemberId(str(number)), ScreenName(number, "Ann"))
    assert [member.like for member in roster] == [UNSET, "0", "0", "0"]
    roster.release("p", MemberId("0"))
    assert [member.like for member in roster] == [UNSET, "1", "1"]
    assert roster.hold("q", MemberId("1"), ScreenName(9, "Ann")) == []  # Another server has it, too: nothing new.


def test_a_member_is_away_where_all_that_hold_it_say_so() -> None:
    roster = Roster()
    assert roster.hold("p", ANN, ScreenName(1, "Ann", True)) == [Joined(Member(ANN, "Ann", away=True), 1)]
    assert roster.hold("q", ANN, ScreenName(1, "Ann")) == [AwayNow(ANN, False)]
    assert list(roster) == [Member(ANN, "Ann")]
    assert roster.hold("p", ANN, ScreenName(1, "Ann")) == []
    assert roster.hold("p", ANN, ScreenName(1, "Ann", True)) == []
    assert roster.release("q", ANN) == [AwayNow(ANN, True)]
    changed = Member(ANN, "Anna")
    assert replace(roster, "p", {ANN: ScreenName(2, "Anna")}) == [Renamed(changed, 1), AwayNow(ANN, False)]
    assert roster.release("p", ANN) == [Left(ANN, 0)]


def test_a_bot_is_listed_and_not_counted_among_the_people() -> None:
    roster = Roster()
    bot = Member(BOB, "Bob", bot=True)
    assert roster.hold("p", BOB, ScreenName(1, "Bob", is_bot=True)) == [Joined(bot, 0)]
    assert roster.hold("p", ANN, ScreenName(1, "Ann")) == [Joined(Member(ANN, "Ann"), 1)]
    assert (list(roster), roster.online, len(roster)) == ([bot, Member(ANN, "Ann")], 1, 2)
    assert roster.release("p", BOB) == [Left(BOB, 1)]
    assert (roster.online, len(roster)) == (1, 1)


def test_a_bot_with_the_name_of_somebody_present_is_marked_like_anybody_else() -> None:
    roster = Roster()
    roster.hold("p", ANN, ScreenName(1, "Ann"))
    (joined,) = roster.hold("p", BOB, ScreenName(1, "ANN", is_bot=True))
    assert joined == Joined(Member(BOB, "ANN", like=ANN, bot=True), 1)


names = ["x", "y", "X", "x\u0443"]  # The last looks like "xy".
BOTS = {"c", "d"}
shares = st.dictionaries(
    st.sampled_from("abcd").map(MemberId),
    st.builds(ScreenName, st.integers(0, 5), st.sampled_from(names), st.booleans(), st.just(False)),
).map(lambda share: {member_id: named._replace(is_bot=member_id in BOTS) for member_id, named in share.items()})


@given(st.lists(st.tuples(st.sampled_from("pqr"), shares)))
def test_the_events_add_up_to_the_union_of_all_shares(changes: list[tuple[str, dict[MemberId, ScreenName]]]) -> None:
    roster = Roster()
    held: dict[str, dict[MemberId, ScreenName]] = {}
    seen: dict[str, str] = {}
    away: set[str] = set()
    for process, share in changes:
        held[process] = share
        for event in replace(roster, process, share):
            match event:
                case Joined(member) | Renamed(member):
                    assert (member.id in seen) == isinstance(event, Renamed)
                    seen[member.id] = member.name
                    if isinstance(event, Joined) and member.away is True:
                        away.add(member.id)
                case AwayNow(member_id, on):
                    assert (member_id in away) is not on
                    (away.add if on else away.discard)(member_id)
                case Left(member_id):
                    del seen[member_id]
                    away.discard(member_id)
        union: dict[str, list[ScreenName]] = {}
        for one in held.values():
            for member_id, named in one.items():
                union.setdefault(member_id, []).append(named)
        assert seen == {member_id: max(names).name for member_id, names in union.items()}
        assert {member.id: member.name for member in roster} == seen
        assert away == {member_id for member_id, names in union.items() if all(named.away for named in names)}
        assert away == {member.id for member in roster if member.away is True}
        assert {member.id for member in roster if member.bot is True} == seen.keys() & BOTS
        assert (roster.online, len(roster)) == (len(seen.keys() - BOTS), len(seen))
        for first, second in combinations(roster, 2):
            if set(skeleton(first.name)) & set(skeleton(second.name)):
                assert not (first.like is UNSET and second.like is UNSET)
        for member in roster:
            if member.like is not UNSET:
                assert member.like != member.id
                assert set(skeleton(member.name)) & set(skeleton(seen[member.like]))
