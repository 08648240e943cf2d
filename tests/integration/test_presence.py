"""The presence store on a real Redis."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable

import pytest

from chat.cluster import presence_store, redis_presence
from chat.cluster.messages import MemberGone, MemberPresent
from chat.cluster.names import ScreenName
from chat.cluster.presence_shares import Known, Seen, Share
from chat.cluster.presence_store import MemoryPresence, PresenceUnavailable
from chat.cluster.redis_presence import RedisPresence
from chat.cluster.redis_servers import place_of_room
from chat.protocol.fields import MemberId
from tests.servers import RedisServer

ANN, BOB = MemberId("ann"), MemberId("bob")
ANN_NAMED, BOB_NAMED = ScreenName(1, "Ann"), ScreenName(2, "Bob")
HELD_ANN, HELD_BOB = MemberPresent(ANN, ANN_NAMED), MemberPresent(BOB, BOB_NAMED)
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


def nothing(room: str, process: str) -> Known:
    return Known()


async def shares_of_others(store: RedisPresence, rooms: list[str]) -> dict[str, dict[str, Share | None]]:
    """As somebody finds them who knows nothing yet."""
    found = await store.others(rooms, nothing)
    return {room: {process: seen.share for process, seen in shares.items()} for room, shares in found.items()}


async def apply(store: RedisPresence, *changes: tuple[str, MemberPresent | MemberGone]) -> None:
    await store.apply([(room, store.stamp(room, change)) for room, change in changes])


async def test_a_process_sees_whom_the_others_hold_and_not_its_own(stores: Stores) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN), ("lobby", HELD_BOB), ("other", HELD_BOB))
    assert await shares_of_others(there, ["lobby", "other", "third"]) == {
        "lobby": {here.process: {ANN: ANN_NAMED, BOB: BOB_NAMED}},
        "other": {here.process: {BOB: BOB_NAMED}},
        "third": {},
    }
    assert await shares_of_others(here, ["lobby"]) == {"lobby": {}}


async def test_who_is_away_is_seen_and_shares_of_other_releases_are_read(stores: Stores) -> None:
    here, there = stores
    await apply(here, ("lobby", MemberPresent(ANN, ScreenName(1, "Ann", True))))
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {ANN: ScreenName(1, "Ann", True)}}}
    (server, _), *_ = here._by_server(["lobby"])
    older, newer = '[1,"Ann"]', '[2,"Ann",true,false,"what is said of members one day"]'
    await server.redis.hset(here._share_key("lobby"), mapping={ANN: older, "revision": 9})
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {ANN: ScreenName(1, "Ann")}}}
    await server.redis.hset(here._share_key("lobby"), mapping={ANN: newer, "revision": 10})
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {ANN: ScreenName(2, "Ann", True)}}}


async def test_changes_are_seen_in_the_order_they_were_made(stores: Stores) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN), ("lobby", MemberGone(ANN)), ("lobby", HELD_BOB))
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}
    await apply(here, ("lobby", MemberPresent(BOB, ScreenName(3, "Robert"))))
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {BOB: ScreenName(3, "Robert")}}}
    await apply(here, ("lobby", MemberGone(BOB)))
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {}}}


async def test_a_share_that_is_known_is_not_read_and_one_that_stays_behind_is(stores: Stores) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN), ("lobby", HELD_BOB))

    async def look(revision: int, size: int) -> Seen:
        found = await there.renew(["lobby"], nobody, lambda room, process: Known(revision, size))
        return found["lobby"][here.process]

    everybody = {ANN: ANN_NAMED, BOB: BOB_NAMED}
    assert await look(2, 2) == Seen(2, None)
    assert await look(3, 2) == Seen(2, None), "what was heard is newer"
    assert await look(2, 1) == Seen(2, everybody), "somebody is missing"
    assert await look(0, 0) == Seen(2, everybody), "something was missed"
    assert await look(1, 1) == Seen(2, None), "the news may be on its way"
    assert await look(1, 1) == Seen(2, everybody), "it isn't"
    assert await look(2, 2) == Seen(2, None)


async def test_a_share_of_many_members_is_read_in_parts_and_rooms_are_renewed_in_parts(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = stores
    monkeypatch.setattr(redis_presence, "ROOMS_AT_ONCE", 3)
    many = {MemberId(f"member-{number}"): ScreenName(1, f"Member {number}") for number in range(1_000)}
    rooms = [f"room-{number}" for number in range(10)]
    await here.renew(rooms, lambda room: many, nothing)
    assert await shares_of_others(there, rooms) == {room: {here.process: many} for room in rooms}
    seen = await there.renew(rooms, nobody, nothing)
    assert {room: seen[room][here.process].share for room in rooms} == dict.fromkeys(rooms, many)


async def test_processes_agree_on_the_log_of_a_room_without_a_row(stores: Stores, redis_server: RedisServer) -> None:
    here, there = stores
    mine, yours = ({room: uuid.uuid4() for room in ("lobby", "tea", "milk")} for _ in range(2))
    assert await here.propose(mine) == mine
    assert await there.propose(yours) == mine
    assert await there.proposed(["lobby", "nowhere"]) == {"lobby"}
    assert all(
        0 < redis_server.client.ttl(key) <= redis_presence.PROPOSAL_SECONDS for key in redis_server.client.keys("*:log")
    )
    await here.withdraw("lobby")
    assert await there.propose(yours) == mine | {"lobby": yours["lobby"]}


async def test_a_renewal_puts_back_what_the_store_lost(stores: Stores, redis_server: RedisServer) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN))
    redis_server.client.flushall()
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {}}
    await here.renew(["lobby"], lambda _: {ANN: ANN_NAMED}, nothing)
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {ANN: ANN_NAMED}}}


async def test_a_renewal_takes_away_what_should_not_be_there(stores: Stores) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN), ("lobby", HELD_BOB))
    await here.renew(["lobby"], lambda _: {BOB: BOB_NAMED}, nothing)
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}


async def test_a_process_that_stops_renewing_is_forgotten(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = stores
    monkeypatch.setattr(redis_presence, "LEASE_SECONDS", 1)
    await apply(here, ("lobby", HELD_ANN))
    assert (await shares_of_others(there, ["lobby"]))["lobby"]
    async with asyncio.timeout(60):
        while (await shares_of_others(there, ["lobby"]))["lobby"]:
            await asyncio.sleep(0.05)


async def test_a_farewell_outlasts_the_process(stores: Stores) -> None:
    here, _ = stores
    await apply(here, ("lobby", HELD_ANN))
    await here.farewell(["lobby"])
    (server, _), *_ = here._by_server(["lobby"])
    left = await server.redis.ttl(f"chatty:presence:{{lobby}}:{here.process}")
    assert presence_store.LEASE_SECONDS < left <= presence_store.FAREWELL_SECONDS


async def test_a_store_that_is_away_says_so_and_is_mended_when_it_is_back(own_redis_server: RedisServer) -> None:
    here, there = RedisPresence([own_redis_server.url]), RedisPresence([own_redis_server.url])
    try:
        await apply(here, ("lobby", HELD_ANN))
        assert await here.try_writing() == [None]
        own_redis_server.stop()
        await apply(here, ("lobby", MemberGone(ANN)), ("lobby", HELD_BOB))  # Lost, and no error.
        (failure,) = await here.try_writing()
        assert failure is not None
        for asked in (here.others(["lobby"], nothing), here.renew(["lobby"], nobody, nothing)):
            with pytest.raises(PresenceUnavailable):
                await asked
        own_redis_server.start()
        await here.renew(["lobby"], lambda _: {BOB: BOB_NAMED}, nothing)
        assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}
    finally:
        await here.close()
        await there.close()


@pytest.fixture
async def two_servers(own_redis_server: RedisServer, redis_server: RedisServer) -> AsyncIterator[RedisPresence]:
    """A process that spreads its rooms over two servers; the first is the test's own."""
    store = RedisPresence([own_redis_server.url, redis_server.url])
    yield store
    await store.close()


ROOMS = [next(name for name in map(str, range(100)) if place_of_room(name, 2) == place) for place in (0, 1)]


@pytest.mark.parametrize("failure", ["stop", "pause"])
async def test_a_server_that_fails_takes_no_other_servers_rooms_with_it(
    two_servers: RedisPresence, own_redis_server: RedisServer, redis_server: RedisServer, failure: str
) -> None:
    redis_server.client.flushall()
    here, there = two_servers, RedisPresence([own_redis_server.url, redis_server.url])
    try:
        await apply(there, *((room, HELD_BOB) for room in ROOMS))
        getattr(own_redis_server, failure)()
        await apply(here, *((room, HELD_ANN) for room in ROOMS))
        for asked in (here.others(ROOMS, nothing), here.renew(ROOMS, lambda _: {ANN: ANN_NAMED}, nothing)):
            found = await asked
            assert list(found) == [ROOMS[1]]
            assert found[ROOMS[1]][there.process].share == {BOB: BOB_NAMED}
        logs = {room: uuid.uuid4() for room in ROOMS}
        assert await here.propose(logs) == {ROOMS[1]: logs[ROOMS[1]]}
        assert await there.proposed(ROOMS) == {ROOMS[1]}
        lost, well = await here.try_writing()
        assert (lost is None, well) == (False, None)
        own_redis_server.resume() if failure == "pause" else own_redis_server.start()
        async with asyncio.timeout(60):
            while ROOMS[0] not in await here.renew(ROOMS, lambda _: {ANN: ANN_NAMED}, nothing):
                await asyncio.sleep(0.1)
            while (await shares_of_others(there, ROOMS)).get(ROOMS[0], {}).get(here.process) != {ANN: ANN_NAMED}:
                await asyncio.sleep(0.1)
    finally:
        await there.close()


async def test_a_change_that_was_lost_is_mended_though_the_number_of_members_is_right(stores: Stores) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN))
    here._doubtful.add("lobby")
    await here.renew(["lobby"], lambda _: {BOB: BOB_NAMED}, nothing)
    assert await shares_of_others(there, ["lobby"]) == {"lobby": {here.process: {BOB: BOB_NAMED}}}
    assert not here._doubtful


async def test_the_only_process_has_nobody_to_ask() -> None:
    alone = MemoryPresence()
    await alone.apply([("lobby", HELD_ANN)])
    assert await alone.others(["lobby"], nothing) == {"lobby": {}}
    assert await alone.renew(["lobby"], nobody, nothing) == {}


async def commands_of(redis_server: RedisServer, work: Awaitable[object]) -> int:
    """How many commands the server executed meanwhile, without those that count."""
    before = redis_server.client.info("stats")["total_commands_processed"]
    await work
    return int(redis_server.client.info("stats")["total_commands_processed"] - before - 1)


async def test_quiet_rooms_cost_a_renewal_nothing_however_many_they_are(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = RedisPresence([redis_server.url]), RedisPresence([redis_server.url])
    monkeypatch.setattr(redis_presence, "SWEEP_ROOMS", 0)  # Those are a constant.
    rooms = {f"quiet-{number}": {ANN: ANN_NAMED} for number in range(redis_presence.SWEEP_LOOKS - 1)}

    def known(room: str, process: str) -> Known:
        return Known(here._revisions[room], 1)

    try:
        await apply(here, *((room, HELD_ANN) for room in rooms))
        await there.renew(rooms, lambda room: {}, known)
        await here.renew(rooms, rooms.__getitem__, known)
        await there.renew(rooms, lambda room: {}, known)
        assert await there.renew(rooms, lambda room: {}, known) == {}
        few = await commands_of(redis_server, there.renew(rooms, lambda room: {}, known))
        assert few <= 12, "whatever the number of rooms"
        await apply(here, ("quiet-7", HELD_BOB))
        assert list(await there.renew(rooms, lambda room: {}, known)) == ["quiet-7"]
    finally:
        await here.close()
        await there.close()


async def test_rooms_of_a_process_that_ended_are_looked_at_until_it_is_forgotten(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = RedisPresence([redis_server.url]), RedisPresence([redis_server.url])
    monkeypatch.setattr(redis_presence, "SWEEP_ROOMS", 0)
    rooms = [f"left-{number}" for number in range(5)]
    size = 1

    def known(room: str, process: str) -> Known:
        return Known(here._revisions[room], size) if size else Known()

    try:
        await apply(here, *((room, HELD_ANN) for room in rooms))
        await there.renew(rooms, nobody, known)
        redis_server.client.delete(f"chatty:lease:{here.process}")
        for _ in range(3):
            assert await there.renew(rooms, nobody, known) == {room: {} for room in rooms}
        size = 0
        await there.renew(rooms, nobody, known)
        assert await there.renew(rooms, nobody, known) == {}
    finally:
        await here.close()
        await there.close()


async def test_a_process_whose_lease_was_lost_writes_and_announces_all_its_shares(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = RedisPresence([redis_server.url]), RedisPresence([redis_server.url])
    monkeypatch.setattr(redis_presence, "SWEEP_ROOMS", 0)
    rooms = {f"back-{number}": {ANN: ANN_NAMED} for number in range(5)}
    try:
        await apply(here, *((room, HELD_ANN) for room in rooms))
        await here.renew(rooms, rooms.__getitem__, nothing)
        await there.renew(rooms, nobody, nothing)
        redis_server.client.delete(f"chatty:lease:{here.process}")
        await there.renew(rooms, nobody, nothing)
        assert here.losses == 0
        await here.renew(rooms, rooms.__getitem__, nothing)
        assert here.losses == 1
        found = await there.renew(rooms, nobody, nothing)
        assert {room: shares[here.process].share for room, shares in found.items()} == rooms
    finally:
        await here.close()
        await there.close()


async def test_a_room_that_was_closed_is_no_share_and_a_proposal_of_the_last_one_ends(
    stores: Stores, redis_server: RedisServer
) -> None:
    here, there = stores
    await apply(here, ("lobby", HELD_ANN), ("tea", HELD_ANN))
    await here.propose({"lobby": uuid.uuid4(), "tea": uuid.uuid4()})
    await here.release("lobby", is_last=True)
    await here.release("tea", is_last=False)
    assert await shares_of_others(there, ["lobby", "tea"]) == {"lobby": {}, "tea": {}}

    def left(room: str) -> int:
        clients = [redis_server.client, type(redis_server.client).from_url(redis_server.url.removesuffix("/0") + "/1")]
        return max(client.ttl(f"chatty:presence:{{{room}}}:log") for client in clients)

    assert 0 < left("lobby") <= presence_store.LEASE_SECONDS < left("tea")
    await apply(here, ("lobby", HELD_BOB))
    assert (await shares_of_others(there, ["lobby"]))["lobby"][here.process] is not None
