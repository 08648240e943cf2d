"""Who is kept out, as a process knows it."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from chat.access.bans import ActiveBan, Bans
from chat.access.person import Person
from chat.log.reader import LogUnavailable
from chat.moderation import acts, ban_enforcement
from chat.moderation.ban_enforcement import BanEnforcement
from chat.protocol.fields import MemberId
from tests.unit.fakes import until

EVE, ANN = MemberId("eve"), MemberId("ann")


def ban(number: int = 1, *networks: str, **fields: Any) -> ActiveBan:
    fields = {"member_id": EVE, "by_address": bool(networks), "ends_at": None} | fields
    return ActiveBan(number, networks=frozenset(networks), **fields)


def test_a_ban_is_of_a_member_at_any_address_and_of_any_member_at_a_network() -> None:
    bans = Bans([ban(1, "203.0.113.7")])
    assert bans.shut_out(EVE, "198.51.100.9")
    assert bans.shut_out(ANN, "203.0.113.7")
    assert not bans.shut_out(ANN, "198.51.100.9")
    assert not bans.shut_out(ANN, ""), "whose network doesn't count"


def test_a_ban_of_a_network_alone_names_no_member() -> None:
    bans = Bans([ban(1, "203.0.113.7", member_id=None)])
    assert bans.shut_out(ANN, "203.0.113.7")
    assert not bans.shut_out(EVE, "198.51.100.9")


def test_a_ban_ends_by_the_clock_and_another_one_may_still_hold() -> None:
    over = ban(1, ends_at=time.monotonic() - 1)
    assert not Bans([over]).shut_out(EVE, "")
    assert Bans([over, ban(2, ends_at=time.monotonic() + 60)]).shut_out(EVE, "")


def test_tokens_below_a_members_generation_are_refused_and_nobody_elses() -> None:
    bans = Bans([], {EVE: 7})
    assert (bans.is_revoked(EVE, 6), bans.is_revoked(EVE, 7), bans.is_revoked(ANN, 0)) == (True, False, False)
    assert (bans.generation_of(EVE), bans.generation_of(ANN)) == (7, 0)


class FakeLog:
    """A database with bans in it, asked as `Log.run` asks it."""

    def __init__(self) -> None:
        self.revision = 1
        self.bans: list[ActiveBan] = []
        self.generations: dict[MemberId, int] = {}
        self.networks: list[tuple[int, set[str]]] = []
        self.is_down = False
        self.reads = 0

    async def read(self, work: Callable[..., Any], *arguments: Any) -> Any:
        await asyncio.sleep(0)
        if self.is_down:
            raise LogUnavailable("down")
        if work is acts.add_networks:
            self.networks.append(arguments)  # type: ignore[arg-type]
            return None
        assert work is acts.read_exclusions
        self.reads += 1
        if arguments[0] == self.revision:
            return None
        return acts.Exclusions(self.revision, self.bans, self.generations)

    run = read


class DoorOnTheTable:
    def __init__(self) -> None:
        self.log = FakeLog()
        self.enforced = 0
        self.told = 0
        self.door = BanEnforcement(
            self.log,  # type: ignore[arg-type]
            enforce=lambda: setattr(self, "enforced", self.enforced + 1),
            tell=lambda: setattr(self, "told", self.told + 1),
        )


async def test_nobody_comes_in_before_the_bans_are_known() -> None:
    table = DoorOnTheTable()
    table.log.bans = [ban()]
    table.log.is_down = True
    with pytest.raises(LogUnavailable):
        await table.door.ready()
    table.log.is_down = False
    await table.door.ready()
    assert not table.door.can_join(Person(EVE), "lobby")
    await table.door.ready()
    assert table.log.reads == 1


async def test_what_a_process_is_told_it_enforces_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    table = DoorOnTheTable()
    await table.door.ready()
    table.log.bans, table.log.revision = [ban()], 2
    monkeypatch.setattr(ban_enforcement, "FOLLOW_SECONDS", 1_000)
    table.door.wake()
    await table.door.follow()
    assert not table.door.can_join(Person(EVE), "lobby")
    assert table.enforced == 2


async def test_many_who_wait_for_the_first_reading_cost_one() -> None:
    table = DoorOnTheTable()
    await asyncio.gather(*(table.door.ready() for _ in range(50)))
    assert table.log.reads == 1


async def test_bans_that_have_not_changed_are_not_enforced_again() -> None:
    table = DoorOnTheTable()
    await table.door.ready()
    await table.door.follow()
    assert (table.log.reads, table.enforced) == (2, 1)


async def test_a_ban_by_address_takes_in_every_network_that_its_member_was_at() -> None:
    table = DoorOnTheTable()
    table.log.bans = [ban(1, by_address=True), ban(2)]
    await table.door.ready()
    for network in ("203.0.113.7", "203.0.113.8", ""):
        table.door.note(Person(EVE, network=network))
    await until(lambda: table.told)
    assert table.log.networks == [(1, {"203.0.113.7", "203.0.113.8"})]


async def test_of_attempts_only_the_first_network_is_taken_in() -> None:
    table = DoorOnTheTable()
    table.log.bans = [ban(1, "203.0.113.7")]
    await table.door.ready()
    table.door.note(Person(EVE, network="198.51.100.9"), is_attempt=True)
    await asyncio.sleep(0.02)
    assert table.log.networks == []
