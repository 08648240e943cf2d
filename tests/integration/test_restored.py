"""A database that went back in time: restored from a copy, or a replica that lacked the newest messages.

It assigns versions that members know again, to other messages. Clients that know the former ones must start anew, and
no later message may be lost.
"""

import asyncio
import shutil
import sqlite3
import subprocess
import uuid
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import servers
from tests.client import Client
from tests.servers import ChattyServer, PostgresServer, RedisServer


class Copy:
    """A copy of a database, made while Chatty runs."""

    def __init__(self, url: str, folder: Path, postgres: PostgresServer | None) -> None:
        self.url, self.postgres = url, postgres
        self.path = folder / "copy"
        if postgres is None:
            with closing(sqlite3.connect(self.file)) as database, closing(sqlite3.connect(self.path)) as copy:
                database.backup(copy)
        else:
            self._run("pg_dump", "--format=custom", f"--file={self.path}", url)

    @property
    def file(self) -> Path:
        return Path(self.url.removeprefix("sqlite:///"))

    def _run(self, program: str, *arguments: str) -> None:
        assert self.postgres is not None
        command = [self.postgres._binary(program), *arguments]
        subprocess.run(command, check=True, capture_output=True, text=True)

    def restore(self) -> None:
        """Puts it in the place of the database that is."""
        if self.postgres is None:
            for path in (self.file.with_name(f"{self.file.name}-wal"), self.file.with_name(f"{self.file.name}-shm")):
                path.unlink(missing_ok=True)
            shutil.copyfile(self.path, self.file)
        else:
            self._run("pg_restore", "--clean", "--if-exists", f"--dbname={self.url}", str(self.path))


@pytest.fixture
def copied(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> Callable[[], Copy]:
    postgres = None if database_url.startswith("sqlite") else request.getfixturevalue("postgres_server")
    return lambda: Copy(database_url, tmp_path, postgres)


def execute(url: str, *statements: str) -> list[Any]:
    """What the last one of these finds."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)) as database:
            return [database.execute(statement).fetchall() for statement in statements][-1]
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def known(client: Client) -> dict[str, Any]:
    """What a page says of how far it got."""
    newest = client.messages[max(client.messages)]
    since = {"log": client.log, "version": client.head, "seq": newest["seq"], "nonce": newest["nonce"]}
    changed = [seq for seq, message in client.messages.items() if message["version"] == client.head]
    return since | ({"changed": changed[0]} if changed else {})


async def say(server: ChattyServer, *bodies: str) -> None:
    async with Client(server.http_url, "Bob", "lobby") as bob:
        for body in bodies:
            await bob.post(body)


async def test_who_knows_messages_that_are_gone_starts_afresh(database_url: str, copied: Callable[[], Copy]) -> None:
    """The room has grown beyond what the member knows: only the message itself tells."""
    with ChattyServer(DATABASE_URL=database_url) as server:
        await say(server, "1", "2")
        copy = copied()
        ann = Client(server.http_url, "Ann", "lobby")
        await ann.open()
        await ann.join()
        await say(server, "lost 3", "lost 4")
        await ann.until(lambda ann: ann.head == 4, "what will be lost")
        since = known(ann)
        await ann.close()
        server.stop()
        copy.restore()
        server.start()
        await say(server, "3", "4", "5")
        await ann.open()
        welcome = await ann.join(since)
        assert welcome["reset"]
        assert ann.bodies == ["1", "2", "3", "4", "5"]
        again = known(ann)
        await ann.close()
        await ann.open()
        assert not (await ann.join(again))["reset"]
        await ann.close()


async def test_who_knows_a_message_that_the_restored_room_lacks_starts_afresh(
    database_url: str, copied: Callable[[], Copy]
) -> None:
    """The room has grown by changes of older messages: nothing stands where the member's newest message was."""
    with ChattyServer(DATABASE_URL=database_url) as server:
        await say(server, "1")
        copy = copied()
        ann = Client(server.http_url, "Ann", "lobby")
        await ann.open()
        await ann.join()
        await say(server, "lost 2")
        await ann.until(lambda ann: ann.head == 2, "what will be lost")
        since = known(ann)
        await ann.close()
        server.stop()
        copy.restore()
        server.start()
        async with Client(server.http_url, "Bob", "lobby") as bob:
            for emoji in ("👍", "🎉"):
                await bob.change(1, type="react", emoji=emoji, on=True)
            await ann.open()
            assert (await ann.join(since))["reset"]
            assert ann.bodies == ["1"]
            await ann.close()


@pytest.mark.parametrize(("lost", "since_then"), [((1,), (2, 2)), ((2, 1), (1, 2, 2)), ((1,), (2, 1))])
async def test_who_knows_a_reaction_that_is_gone_starts_afresh(
    database_url: str, copied: Callable[[], Copy], lost: tuple[int, ...], since_then: tuple[int, ...]
) -> None:
    """The member's newest message is there, and the room has grown beyond what the member knows.

    `lost` and `since_then` are the messages that were reacted to. The message of the last lost reaction wasn't changed
    since then, or earlier than that, or another one has the lost reaction's version.
    """

    async def react(*seqs: int) -> None:
        async with Client(server.http_url, "Bob", "lobby") as bob:
            for number, seq in enumerate(seqs):
                await bob.change(seq, type="react", emoji="👍🎉🚀"[number], on=True)

    with ChattyServer(DATABASE_URL=database_url) as server:
        await say(server, "1", "2")
        copy = copied()
        ann = Client(server.http_url, "Ann", "lobby")
        await ann.open()
        await ann.join()
        await react(*lost)
        await ann.until(lambda ann: ann.head == 2 + len(lost), "what will be lost")
        since = known(ann)
        await ann.close()
        server.stop()
        copy.restore()
        server.start()
        await react(*since_then)
        await ann.open()
        assert (await ann.join(since))["reset"]
        again = known(ann)
        await ann.close()
        await ann.open()
        assert not (await ann.join(again))["reset"]
        await ann.close()


async def test_a_database_that_goes_back_under_living_workers_gives_the_room_a_new_log(database_url: str) -> None:
    with ChattyServer(DATABASE_URL=database_url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            log = ann.log
            for body in ("1", "2", "3"):
                await ann.post(body)
            execute(database_url, "DELETE FROM chat_message WHERE seq > 1", "UPDATE chat_room SET head = 1")
            assert await ann.closed() == 1012
            since = known(ann)
            await ann.open()
            welcome = await ann.join(since)
            assert welcome["reset"]
            assert welcome["log"] != log
            assert ann.bodies == ["1"]
            assert (await ann.post("2 again"))["seq"] == 2
        assert "went back, from version 3" in server.log


async def test_what_is_posted_before_anybody_noticed_is_not_lost(database_url: str) -> None:
    with ChattyServer(DATABASE_URL=database_url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            for body in ("1", "2", "3"):
                await ann.post(body)
            execute(database_url, "DELETE FROM chat_message WHERE seq > 1", "UPDATE chat_room SET head = 1")
            nonce = "11111111-1111-4111-8111-111111111111"
            await ann.send(type="post", nonce=nonce, body="at once")
            assert await ann.closed() == 1012
            await ann.open()
            await ann.join(known(ann))
            if "at once" not in ann.bodies:  # The room had its new log already: it was refused, and is sent again.
                await ann.post("at once", nonce)
            assert ann.bodies == ["1", "at once"]


async def test_posts_do_not_hide_that_a_database_went_back(database_url: str) -> None:
    """As many as were lost, at once: the room's head is then where its members know it to be."""
    with ChattyServer(DATABASE_URL=database_url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            log = ann.log
            for body in ("1", "2", "3"):
                await ann.post(body)
            execute(database_url, "DELETE FROM chat_message WHERE seq > 1", "UPDATE chat_room SET head = 1")
            for number in range(8):
                await ann.send(type="post", nonce=str(uuid.uuid4()), body=f"at once {number}")
            assert await ann.closed() == 1012
            await ann.open()
            welcome = await ann.join(known(ann))
            assert welcome["reset"]
            assert welcome["log"] != log
            assert ann.bodies == ["1"]


async def test_redis_remembers_that_a_database_was_newer(
    database_url: str, copied: Callable[[], Copy], redis_server: RedisServer
) -> None:
    """Nobody is let in before it was asked: the first member after the restore starts afresh."""
    redis_server.client.flushall()
    with ChattyServer(DATABASE_URL=database_url, REDIS_URL=redis_server.url) as server:
        await say(server, "1")
        copy = copied()
        server.restart()  # That moves the epoch on, once. So does the start after the restore.
        ann = Client(server.http_url, "Ann", "lobby")
        await ann.open()
        await ann.join()
        since = {"log": ann.log, "version": ann.head}
        await ann.close()
        server.stop()
        copy.restore()
        server.start()
        await ann.open()
        assert (await ann.join(since))["reset"]
        assert ann.log != since["log"]
        await ann.close()
        assert "it was restored from an older copy" in server.log


async def test_a_client_remembers_that_a_database_was_newer(database_url: str, copied: Callable[[], Copy]) -> None:
    """One worker without Redis. The copy is as many epochs old by then as the lost database was."""
    with ChattyServer(DATABASE_URL=database_url) as server:
        await say(server, "1")
        copy = copied()
        server.restart()
        ann = Client(server.http_url, "Ann", "lobby")
        await ann.open()
        epoch = (await ann.join())["epoch"]
        since = {"log": ann.log, "version": ann.head}
        await ann.close()
        server.stop()
        copy.restore()
        server.start()
        async with Client(server.http_url, "Bob", "lobby") as bob:
            assert bob.log == since["log"]
            await ann.open()
            made_up = epoch.replace(epoch[:32], uuid.uuid4().hex), epoch[:-1] + ("a" if epoch[-1] != "a" else "b")
            for text in ("", *made_up):
                assert not (await ann.join(since | {"epoch": text}))["reset"]
                await ann.close()
                await ann.open()
            assert (await ann.join(since | {"epoch": epoch}))["reset"]
            assert await bob.closed() == 1012  # It is a new log for everybody.
        for _ in range(2):  # What was left behind once is never noticed again.
            log = ann.log
            await ann.close()
            await ann.open()
            assert not (await ann.join({"log": log, "version": ann.head, "epoch": epoch}))["reset"]
            server.restart()
        await ann.close()
        assert server.log.count("it was restored from an older copy") == 1


async def test_new_logs_can_be_asked_for(database_url: str) -> None:
    with ChattyServer(DATABASE_URL=database_url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            await ann.post("1")
            said = await asyncio.to_thread(
                servers.manage, "renew_logs", DATABASE_URL=database_url, SECRET_KEY=servers.SECRET_KEY, DEBUG="true"
            )
            assert "1 rooms have new logs" in said
            assert await ann.closed() == 1012
            await ann.open()
            assert (await ann.join(known(ann)))["reset"]
            assert ann.bodies == ["1"]
