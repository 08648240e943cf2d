"""Resuming: after many changes, after too many, and everybody at once."""

import asyncio
import random
import uuid
from collections.abc import Callable

import pytest

from tests import servers
from tests.client import Client
from tests.faults.members import Books, Member, until
from tests.servers import PostgresServer


async def fill(client: Client, count: int) -> None:
    """Posts so many messages, all on their way together."""
    target = client.head + count
    for number in range(count):
        await client.send(type="post", nonce=str(uuid.uuid4()), body=f"message {number}")
    await client.until(lambda c: c.head == target, f"{count} messages")


async def test_after_500_changes_a_member_gets_exactly_those(database_url: str, room: str) -> None:
    with servers.chatty_server(DATABASE_URL=database_url) as server:
        async with Client(server.http_url, "Ann", room) as ann:
            await fill(ann, 200)
            bob = await Client(server.http_url, "Bob", room).__aenter__()
            await bob.close()
            await fill(ann, 500)
            for restarted in (False, True):
                if restarted:  # The hub starts with little in memory, and reads the rest.
                    await asyncio.to_thread(server.restart)
                await bob.open()
                welcome = await bob.join({"log": bob.log, "version": 200})
                assert welcome["reset"] is False
                assert [message["version"] for message in welcome["messages"]] == list(range(201, 701))
                await bob.close()


async def test_after_too_many_changes_a_member_starts_with_the_newest_page(room: str) -> None:
    with servers.chatty_server(RESUME_LIMIT="100") as server:
        async with Client(server.http_url, "Ann", room) as ann:
            await fill(ann, 10)
            bob = await Client(server.http_url, "Bob", room).__aenter__()
            await bob.close()
            await fill(ann, 101)
            welcome = await bob.come_back()
            assert welcome["reset"] is True
            assert welcome["more"] is True
            assert [message["seq"] for message in welcome["messages"]] == list(range(62, 112))
            await bob.send(type="history", before=62, limit=100)
            assert [message["seq"] for message in (await bob.next("page"))["messages"]] == list(range(1, 62))
            await bob.close()


async def reads(postgres: PostgresServer, database: str) -> int:
    """How often anybody looked into the messages, by any index or none. Only for when all servers have gone:
    PostgreSQL adds a session's counts up when it ends."""
    with postgres.connect(database) as connection:
        others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        await until(lambda: not connection.execute(others).fetchone(), 60)
        query = "SELECT seq_scan + coalesce(idx_scan, 0) FROM pg_stat_user_tables WHERE relname = 'chat_message'"
        (count,) = connection.execute(query).fetchone() or (0,)
    return int(str(count))


@pytest.mark.alone
async def test_a_storm_of_reconnects_reads_the_database_a_few_times(
    own_postgres_server: PostgresServer, room: str, reduced: Callable[[int], int]
) -> None:
    url = own_postgres_server.create_migrated_database()
    database = url.rpartition("/")[2]
    books = Books()
    with servers.chatty_server(DATABASE_URL=url) as server:
        async with Client(server.http_url, "Ann", room) as ann:
            await fill(ann, 400)
            log = ann.log
        server.kill()
        before = await reads(own_postgres_server, database)
        await asyncio.to_thread(server.start)

        members = [Member(f"m{n}", room, [server], books, random.Random(n)) for n in range(reduced(2000))]
        for number, member in enumerate(members):
            member.log, member.head = log, 10 + number % 350  # Each was away since another change.
        staying = [asyncio.create_task(member.stay()) for member in members]
        await until(lambda: all(member.is_welcome.is_set() for member in members), 60)
        assert all(member.head == 400 for member in members)
        assert all(len(member.messages) == 400 - (10 + n % 350) for n, member in enumerate(members))
        for member in members:
            await member.leave()
        await asyncio.gather(*staying)
        await asyncio.to_thread(server.stop)
        assert 1 <= await reads(own_postgres_server, database) - before < 20
    assert not books.violations
