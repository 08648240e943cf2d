"""All permission rules."""

from typing import Any

import pytest

from chat.access import policy
from chat.access.bans import ActiveBan, Bans
from chat.access.person import ANYBODY, Moderator, Person
from chat.access.policy import OPEN, Answer, Rules
from chat.protocol.errors import CloseCode, Refusal, RefusalCode
from chat.protocol.fields import MemberId

ANN = Person(MemberId("ann"), network="192.0.2.1", generation=0)
BOB = Person(MemberId("bob"), network="192.0.2.2", generation=0)
MO = Person(MemberId("mo"), moderator=Moderator(1, "mo"), network="192.0.2.1", generation=0)
CHIEF = Person(MemberId("chief"), moderator=Moderator(2, "chief", may_delete_rooms=True))
HOSTS = Person(MemberId("dora"), name="Dora")
LOCKED, SLOW = Rules(locked=True), Rules(slow=10)


def ban(member: Person | None, *networks: str) -> Bans:
    return Bans(
        [ActiveBan(1, None if member is None else member.id, frozenset(networks), bool(networks), ends_at=None)]
    )


REVOKED = Bans([], {person.id: 7 for person in (ANN, HOSTS)})


@pytest.mark.parametrize(
    ("person", "bans", "code"),
    [
        (ANN, Bans(), None),
        (ANN, ban(ANN), CloseCode.BANNED),
        (BOB, ban(ANN), None),
        (ANN, ban(None, "192.0.2.1"), CloseCode.BANNED),
        (BOB, ban(None, "192.0.2.1"), None),
        (MO, ban(None, "192.0.2.1"), None),  # It may be their own that a moderator bans.
        (MO, ban(MO), CloseCode.BANNED),
        (Person(ANN.id), ban(BOB, "192.0.2.1"), None),
        (ANN, REVOKED, CloseCode.BAD_TOKEN),
        (Person(ANN.id, generation=7), REVOKED, None),
        (BOB, REVOKED, None),
        (HOSTS, REVOKED, None),  # No token says who they are.
        # After BAD_TOKEN its page would come back under a new identity.
        (ANN, Bans([ActiveBan(1, ANN.id, frozenset(), False, None)], {ANN.id: 7}), CloseCode.BANNED),
    ],
)
def test_who_may_be_in_a_room(person: Person, bans: Bans, code: CloseCode | None) -> None:
    answer = policy.can_join(person, "lobby", bans)
    assert bool(answer) is (code is None)
    assert answer or answer.close_code is code


def test_a_token_for_named_rooms_finds_no_other_room() -> None:
    bot = Person(MemberId("bot"), name="Bot", generation=0, is_bot=True, rooms=frozenset({"harbour", "quay"}))
    assert policy.can_join(bot, "harbour", Bans())
    assert policy.can_read(bot, "quay")
    assert policy.can_make(bot, "quay")
    for answer in (
        policy.can_join(bot, "lobby", Bans()),
        policy.can_read(bot, "lobby"),
        policy.can_make(bot, "lobby"),
        policy.can_make(bot, "pier"),
    ):
        assert (answer.code, answer.close_code) == (RefusalCode.NO_SUCH_ROOM, CloseCode.NO_SUCH_ROOM)
    # A ban from all rooms is answered before anything else.
    assert policy.can_join(bot, "lobby", ban(bot)).close_code is CloseCode.BANNED
    assert policy.can_join(bot, "lobby", Bans([], {bot.id: 7})).close_code is CloseCode.BAD_TOKEN


def nobody_but_dora_at_the_quay(person: Person, slug: str) -> bool:
    return slug != "quay" or person.id == HOSTS.id


def test_the_host_decides_who_sees_a_room(settings: Any) -> None:
    assert not policy.asks_host()
    assert policy.host_admits(ANN, "quay")
    settings.CHATTY = {"CAN_JOIN": f"{__name__}.nobody_but_dora_at_the_quay"}
    assert policy.asks_host()
    assert policy.host_admits(HOSTS, "quay")
    answer = policy.host_admits(MO, "quay")
    assert (answer.code, answer.close_code) == (RefusalCode.NO_SUCH_ROOM, CloseCode.NO_SUCH_ROOM)
    assert policy.readable(ANN, ["quay", "harbour"]) == ["harbour"]
    bot = Person(HOSTS.id, rooms=frozenset({"quay"}))
    assert policy.readable(bot, ["quay", "harbour"]) == ["quay"], "a token's rooms still count"


@pytest.mark.parametrize("person", [ANN, MO, HOSTS, ANYBODY])
def test_everybody_reads_every_room(person: Person) -> None:
    assert policy.can_read(person, "lobby")


@pytest.mark.parametrize(
    ("person", "rules", "since", "code"),
    [
        (ANN, OPEN, None, None),
        (ANN, OPEN, 0.0, None),
        (ANN, LOCKED, None, "locked"),
        (MO, LOCKED, None, None),
        (ANN, SLOW, None, None),
        (ANN, SLOW, 9.5, "rate_limited"),
        (ANN, SLOW, 10.0, None),
        (MO, SLOW, 0.0, None),
        (ANN, Rules(locked=True, slow=10), 60.0, "locked"),
    ],
)
def test_who_may_post(person: Person, rules: Rules, since: float | None, code: str | None) -> None:
    answer = policy.can_post(person, rules, lambda: since)
    assert answer.code == code
    assert answer.retry_after == (0.5 if code == "rate_limited" else None)


@pytest.mark.parametrize("person", [ANN, MO])
@pytest.mark.parametrize("rules", [OPEN, LOCKED])
def test_the_last_post_is_looked_up_in_slow_mode_only(person: Person, rules: Rules) -> None:
    def last_post() -> float:
        raise AssertionError("a query for each post")

    policy.can_post(person, rules, last_post)


@pytest.mark.parametrize(
    ("person", "rules", "change", "delete", "react"),
    [
        (ANN, OPEN, None, None, None),
        (ANN, SLOW, None, None, None),
        (ANN, LOCKED, "locked", None, "locked"),  # One's own may be taken back.
        (BOB, OPEN, "not_yours", "not_yours", None),
        (BOB, LOCKED, "locked", "not_yours", "locked"),
        (MO, OPEN, "not_yours", None, None),  # Nobody puts words into another's mouth.
        (MO, LOCKED, "not_yours", None, None),
    ],
)
def test_who_may_do_what_to_anns_message(
    person: Person, rules: Rules, change: str | None, delete: str | None, react: str | None
) -> None:
    assert policy.can_change(person, ANN.id, rules).code == change
    assert policy.can_delete(person, ANN.id).code == delete
    assert policy.can_react(person, rules).code == react


@pytest.mark.parametrize(
    ("person", "made_by", "rules", "code"),
    [
        (ANN, ANN.id, OPEN, None),
        (ANN, ANN.id, LOCKED, "locked"),
        (ANN, BOB.id, OPEN, "not_allowed"),
        (ANN, None, OPEN, "not_allowed"),
        (MO, BOB.id, LOCKED, None),
        (MO, None, OPEN, None),
    ],
)
def test_who_may_describe_a_room(person: Person, made_by: MemberId | None, rules: Rules, code: str | None) -> None:
    assert policy.can_describe(person, made_by, rules).code == code


@pytest.mark.parametrize(
    ("person", "made_by", "rules", "code"),
    [
        (ANN, ANN.id, OPEN, None),
        (ANN, ANN.id, LOCKED, "locked"),
        (ANN, BOB.id, OPEN, "not_allowed"),
        (ANN, None, OPEN, "not_allowed"),
        (MO, BOB.id, LOCKED, None),
        (Person(ANN.id, is_bot=True), ANN.id, OPEN, "not_allowed"),
    ],
)
def test_who_may_manage_a_rooms_webhooks(
    person: Person, made_by: MemberId | None, rules: Rules, code: str | None
) -> None:
    assert policy.can_manage_hooks(person, made_by, rules).code == code


def test_anybody_makes_a_room_but_the_lobby() -> None:
    assert policy.can_make(ANN, "harbour")
    assert policy.can_make(MO, "lobby").code == "room_exists"


@pytest.mark.parametrize(
    ("person", "moderate", "ban_ann", "delete_room"),
    [(ANN, False, False, False), (HOSTS, False, False, False), (MO, True, True, False), (CHIEF, True, True, True)],
)
def test_who_has_power_over_others(person: Person, moderate: bool, ban_ann: bool, delete_room: bool) -> None:
    answers = policy.can_moderate(person), policy.can_ban(person, ANN.id), policy.can_delete_room(person)
    assert tuple(map(bool, answers)) == (moderate, ban_ann, delete_room)
    assert {answer.code for answer in answers} <= {None, RefusalCode.NOT_ALLOWED}


def test_nobody_bans_themselves() -> None:
    assert not policy.can_ban(MO, MO.id)


def test_whom_the_host_names_does_not_choose_another_name() -> None:
    assert policy.can_rename(ANN)
    assert policy.can_rename(HOSTS).code == "not_allowed"


def test_a_no_is_raised_with_its_reason_and_a_yes_is_not() -> None:
    policy.YES.expect()
    with pytest.raises(Refusal) as refused:
        Answer(RefusalCode.RATE_LIMITED, "Later.", retry_after=3).expect(seq=7)
    found: Any = refused.value
    assert (found.code, found.detail, found.retry_after, found.seq) == ("rate_limited", "Later.", 3, 7)
