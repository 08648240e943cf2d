"""Connections and rooms leave nothing behind when they close."""

import asyncio
import random

import pytest

from tests import servers
from tests.faults.members import Books, Member, keep, until
from tests.servers import ChattyServer

pytestmark = pytest.mark.alone
MEMBERS = 100


async def visit(server: ChattyServer, round_: int) -> None:
    """A hundred members in twenty rooms come, talk, lose their connections, come back, and leave."""
    books = Books()
    members = [Member(f"m{n}", f"room-{n % 20}", [server], books, random.Random(round_ * n)) for n in range(MEMBERS)]
    staying = [asyncio.create_task(member.stay()) for member in members]
    for _ in range(2):
        await until(lambda: all(member.is_welcome.is_set() for member in members), 60)
        for member in members:
            for _ in range(3):
                keep(asyncio.create_task(member.post()))
        await until(lambda: not any(member.unacknowledged for member in members), 60)
        connects = books.connects + MEMBERS
        for member in members:
            member.cut()
        await until(lambda connects=connects: books.connects >= connects, 60)  # type: ignore[misc]
    await until(lambda: all(member.is_welcome.is_set() for member in members), 60)
    for member in members:
        await member.leave()
    await asyncio.gather(*staying)
    await until(lambda: server.counts()["rooms"] == 0, 60)
    assert not books.violations


async def test_after_members_have_come_and_gone_a_worker_holds_what_it_held_before(
    redis_url: str, postgres_url: str
) -> None:
    with servers.chatty_server(REDIS_URL=redis_url, DATABASE_URL=postgres_url) as server:
        for round_ in range(2):  # Until every cache and pool is as large as it gets.
            await visit(server, round_)
        before = server.counts()
        for round_ in range(2):
            await visit(server, round_)
        # A periodic task may be at work in the moment of a look; one that leaked is there at every look.
        await until(lambda: server.counts()["tasks"] <= before["tasks"], 60)
        after = server.counts()
    assert [after[what] for what in ("rooms", "members", "connections", "watched")] == [0, 0, 0, 0]
    assert after["rss_kib"] <= before["rss_kib"] * 1.1
