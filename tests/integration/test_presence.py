"""The store of leases, on a real Redis."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from chat import presence
from chat.peers import Held, Released
from chat.presence import MemoryPresence, PresenceUnavailable, RedisPresence, Share
from chat.protocol import MemberId
from chat.roster import Named
from tests.servers import RedisServer

ANN, BOB = MemberId("ann"), MemberId("bob")
ANN_NAMED, BOB_NAMED = Named(1, "Ann"), Named(2, "Bob")
HELD_ANN, HELD_BOB = Held(ANN, ANN_NAMED), Held(BOB, BOB_NAMED)
Stores = tuple[RedisPresence, RedisPresence]


@pytest.fixture
async def stores(redis_url: str) -> AsyncIterator[Stores]:
    """Two processes' views of one Redis, sharded over two of its databases."""
    urls = [redis_url, redis_url.removesuffix("/0") + "/1"]
    pair = RedisPresence(urls), RedisPresence(urls)
    yield pair
    for store in pair:
        await store.close()


def nobody(room: str) -> Share:
    return {}


async def test_a_process_sees_whom_the_others_hold_and_not_its_own(stores: Stores) -> None:
    here, there = stores
    await here.apply([("lobby", HELD_ANN), ("lobby", HELD_BOB), ("other", HELD_BOB)])
    assert await there.others(["lobby", "other", "third"]) == {
        "lobby": {here.process: {ANN: ANN_NAMED, BOB: BOB_NAMED}},
        "other": {here.process: {BOB: BOB_NAMED}},
        "third": {},
    }
    assert await here.others(["lobby"]) == {"lobby": {}}


async def test_who_is_away_is_seen_and_shares_of_other_releases_are_read(stores: Stores) -> None:
    here, there = stores
    await here.apply([("lobby", Held(ANN, Named(1, "Ann", True)))])
    assert await there.others(["lobby"]) == {"lobby": {here.process: {ANN: Named(1, "Ann", True)}}}
    (server, _), *_ = here._by_server(["lobby"])
    older, newer = '[1,"Ann"]', '[2,"Ann",true,"what is said of members one day"]'
    await server.hset(here._share_key("lobby"), mapping={ANN: older, "revision": 9})
    assert await there.others(["lobby"]) == {"lobby": {here.process: {ANN: Named(1, "Ann")}}}
    await server.hset(here._share_key("lobby"), mapping={ANN: newer, "revision": 10})
    assert await there.others(["lobby"]) == {"lobby": {here.process: {ANN: Named(2, "Ann", True)}}}


async def test_changes_are_seen_in_the_order_they_were_made(stores: Stores) -> None:
    here, there = stores
    await here.apply([("lobby", HELD_ANN), ("lobby", Released(ANN)), ("lobby", HELD_BOB)])
    assert await there.others(["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}
    await here.apply([("lobby", Held(BOB, Named(3, "Robert")))])
    assert await there.others(["lobby"]) == {"lobby": {here.process: {BOB: Named(3, "Robert")}}}
    await here.apply([("lobby", Released(BOB))])
    assert await there.others(["lobby"]) == {"lobby": {here.process: {}}}


async def test_a_share_that_did_not_change_is_not_fetched_again(stores: Stores) -> None:
    here, there = stores
    await here.apply([("lobby", HELD_ANN)])
    first = (await there.others(["lobby"]))["lobby"][here.process]
    assert (await there.others(["lobby"]))["lobby"][here.process] is first


async def test_a_renewal_puts_back_what_the_store_lost(stores: Stores, redis_server: RedisServer) -> None:
    here, there = stores
    await here.apply([("lobby", HELD_ANN)])
    redis_server.client.flushall()
    assert await there.others(["lobby"]) == {"lobby": {}}
    await here.renew(["lobby"], lambda _: {ANN: ANN_NAMED})
    assert await there.others(["lobby"]) == {"lobby": {here.process: {ANN: ANN_NAMED}}}


async def test_a_renewal_takes_away_what_should_not_be_there(stores: Stores) -> None:
    here, there = stores
    await here.apply([("lobby", HELD_ANN), ("lobby", HELD_BOB)])
    await here.renew(["lobby"], lambda _: {BOB: BOB_NAMED})
    assert await there.others(["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}


async def test_a_process_that_stops_renewing_is_forgotten(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = stores
    monkeypatch.setattr(presence, "LEASE_SECONDS", 1)
    await here.apply([("lobby", HELD_ANN)])
    assert (await there.others(["lobby"]))["lobby"]
    async with asyncio.timeout(5):
        while (await there.others(["lobby"]))["lobby"]:
            await asyncio.sleep(0.05)


async def test_a_farewell_outlasts_the_process(stores: Stores) -> None:
    here, _ = stores
    await here.apply([("lobby", HELD_ANN)])
    await here.farewell(["lobby"])
    (server, _), *_ = here._by_server(["lobby"])
    left = await server.ttl(f"chatty:presence:{{lobby}}:{here.process}")
    assert presence.LEASE_SECONDS < left <= presence.FAREWELL_SECONDS


async def test_a_store_that_is_away_says_so_and_is_mended_when_it_is_back(own_redis_server: RedisServer) -> None:
    here, there = RedisPresence([own_redis_server.url]), RedisPresence([own_redis_server.url])
    try:
        await here.apply([("lobby", HELD_ANN)])
        await here.ping()
        own_redis_server.stop()
        await here.apply([("lobby", Released(ANN)), ("lobby", HELD_BOB)])  # Lost, and no error.
        for asked in (here.ping(), here.others(["lobby"]), here.renew(["lobby"], nobody)):
            with pytest.raises(PresenceUnavailable):
                await asked
        own_redis_server.start()
        await here.renew(["lobby"], lambda _: {BOB: BOB_NAMED})
        assert await there.others(["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}
    finally:
        await here.close()
        await there.close()


async def test_a_change_that_was_lost_is_mended_though_the_number_of_members_is_right(stores: Stores) -> None:
    here, there = stores
    await here.apply([("lobby", HELD_ANN)])
    here._doubtful.add("lobby")
    await here.renew(["lobby"], lambda _: {BOB: BOB_NAMED})
    assert await there.others(["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}
    assert not here._doubtful


async def test_the_only_process_has_nobody_to_ask() -> None:
    alone = MemoryPresence()
    await alone.apply([("lobby", HELD_ANN)])
    assert await alone.renew(["lobby"], nobody) == {"lobby": {}}
