"""Bans and revoked tokens in a process's memory."""

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
    given: dict[str, Any] = {"member_id": EVE, "by_address": bool(networks), "ends_at": None} | fields
    return ActiveBan(number, networks=frozenset(networks), **given)


def test_a_ban_is_of_a_member_at_any_address_and_of_any_member_at_a_network() -> None:
    bans = Bans([ban(1, "203.0.113.7")])
    assert bans.is_banned(EVE, "198.51.100.9")
    assert bans.is_banned(ANN, "203.0.113.7")
    assert not bans.is_banned(ANN, "198.51.100.9")
    assert not bans.is_banned(ANN, ""), "whose network doesn't count"


def test_a_ban_of_a_network_alone_names_no_member() -> None:
    bans = Bans([ban(1, "203.0.113.7", member_id=None)])
    assert bans.is_banned(ANN, "203.0.113.7")
    assert not bans.is_banned(EVE, "198.51.100.9")


def test_a_ban_ends_by_the_clock_and_another_one_may_still_hold() -> None:
    over = ban(1, ends_at=time.monotonic() - 1)
    assert not Bans([over]).is_banned(EVE, "")
    assert Bans([over, ban(2, ends_at=time.monotonic() + 60)]).is_banned(EVE, "")


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
            self.networks.append(arguments)
            return None
        assert work is acts.read_exclusions
        self.reads += 1
        if arguments[0] == self.revision:
            return None
        return acts.Exclusions(self.revision, self.bans, self.generations)

    run = read


class Bench:
    def __init__(self) -> None:
        self.log = FakeLog()
        self.enforced = 0
        self.published = 0
        self.enforcement = BanEnforcement(
            self.log,  # type: ignore[arg-type]
            enforce=lambda: setattr(self, "enforced", self.enforced + 1),
            publish=lambda: setattr(self, "published", self.published + 1),
        )


async def test_nobody_joins_before_the_bans_are_known() -> None:
    bench = Bench()
    bench.log.bans = [ban()]
    bench.log.is_down = True
    with pytest.raises(LogUnavailable):
        await bench.enforcement.ready()
    bench.log.is_down = False
    await bench.enforcement.ready()
    assert not bench.enforcement.can_join(Person(EVE), "lobby")
    await bench.enforcement.ready()
    assert bench.log.reads == 1


async def test_a_published_ban_is_enforced_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    await bench.enforcement.ready()
    bench.log.bans, bench.log.revision = [ban()], 2
    monkeypatch.setattr(ban_enforcement, "FOLLOW_SECONDS", 1_000)
    bench.enforcement.wake()
    await bench.enforcement.follow()
    assert not bench.enforcement.can_join(Person(EVE), "lobby")
    assert bench.enforced == 2


async def test_many_callers_share_the_first_reading() -> None:
    bench = Bench()
    await asyncio.gather(*(bench.enforcement.ready() for _ in range(50)))
    assert bench.log.reads == 1


async def test_bans_that_have_not_changed_are_not_enforced_again() -> None:
    bench = Bench()
    await bench.enforcement.ready()
    await bench.enforcement.follow()
    assert (bench.log.reads, bench.enforced) == (2, 1)


async def test_a_ban_by_address_bans_every_network_of_its_member() -> None:
    bench = Bench()
    bench.log.bans = [ban(1, by_address=True), ban(2)]
    await bench.enforcement.ready()
    for network in ("203.0.113.7", "203.0.113.8", ""):
        bench.enforcement.note(Person(EVE, network=network))
    await until(lambda: bench.published)
    assert bench.log.networks == [(1, {"203.0.113.7", "203.0.113.8"})]


async def test_attempts_add_only_the_first_network() -> None:
    bench = Bench()
    bench.log.bans = [ban(1, "203.0.113.7")]
    await bench.enforcement.ready()
    bench.enforcement.note(Person(EVE, network="198.51.100.9"), is_attempt=True)
    await asyncio.sleep(0.02)
    assert bench.log.networks == []
