"""/readyz tries the operations of a post and names the part that fails. Each failure is a real one."""

import asyncio
import errno
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import servers
from tests.client import Client
from tests.servers import ChattyServer, PostgresServer, RedisServer

Readyz = tuple[int, list[str]]


def readyz(server: ChattyServer) -> Readyz:
    """Its status and its words."""
    answer = httpx.get(f"{server.http_url}/readyz", timeout=30, trust_env=False)
    return answer.status_code, answer.json().get("problems", [])


def until_readyz(server: ChattyServer, expected: Readyz) -> None:
    servers.wait_until(lambda: readyz(server) == expected, 60, f"{expected}, is {readyz(server)}")


def failing(*words: str) -> Readyz:
    return 503, list(words)


READY: Readyz = (200, [])
NEEDS = "Redis doesn't give this user the rights that Chatty needs (~chatty* &chatty* +@all)."


@contextmanager
def chatty_on(redis: RedisServer, **settings: str) -> Iterator[ChattyServer]:
    with servers.chatty_server(**{"REDIS_URL": redis.url, **settings}) as server:
        yield server


# Redis.


def test_a_redis_that_is_full_is_said_and_so_is_that_it_has_room_again() -> None:
    with servers.redis_server() as redis, chatty_on(redis) as server:
        assert readyz(server) == READY
        redis.client.config_set("maxmemory-policy", "noeviction")
        redis.client.config_set("maxmemory", "1")
        until_readyz(server, failing("Redis is full and takes no writes (its maxmemory)."))
        redis.client.config_set("maxmemory", "0")
        until_readyz(server, READY)
        assert "Not ready: Redis is full" in server.log
        assert f"127.0.0.1:{redis.port}" in server.log
        assert "Ready again" in server.log


def test_a_read_only_replica_is_said() -> None:
    with (
        servers.redis_server() as primary,
        servers.redis_server(replicaof=f"127.0.0.1 {primary.port}") as replica,
        chatty_on(replica) as server,
    ):
        until_readyz(server, failing("Redis is a read-only replica; REDIS_URL must name the primary."))


async def test_a_user_limited_to_chattys_own_keys_and_channels_will_do(
    own_redis_server: RedisServer, postgres_url: str, room: str
) -> None:
    own_redis_server.client.acl_setuser(
        "chatty", enabled=True, passwords=["+pw"], keys=["chatty*"], channels=["chatty*"], categories=["+@all"]
    )
    url = own_redis_server.url.replace("//", "//chatty:pw@")
    one, other = (servers.chatty_server(REDIS_URL=url, DATABASE_URL=postgres_url) for _ in range(2))
    with servers.all_of(one, other):
        assert readyz(one) == READY
        async with Client(one.http_url, "Ann", room) as ann, Client(other.http_url, "Bob", room) as bob:
            await ann.until(lambda c: bob.id in c.members, "Bob")
            await bob.send(type="typing")
            await ann.next("typing")  # Which only the group carries.
        assert "NOPERM" not in one.log + other.log
        assert "ermission" not in one.log + other.log


@pytest.mark.parametrize(
    ("rights", "words"),
    [
        ({"channels": [], "categories": ["+@all"]}, NEEDS),
        ({"channels": ["chatty*"], "categories": ["+@all"], "commands": ["-hset"]}, NEEDS),
        (
            {"channels": ["chatty*"], "categories": ["+@all"], "commands": ["-subscribe"]},
            "Redis accepts messages but delivers none (an ACL without the channels &chatty*?).",
        ),
    ],
    ids=["no channels", "no hset", "no subscribe"],
)
def test_a_user_who_lacks_a_right_is_said(own_redis_server: RedisServer, rights: dict[str, Any], words: str) -> None:
    def set_rights(**rights: Any) -> None:
        own_redis_server.client.acl_setuser(
            "chatty", enabled=True, reset=True, passwords=["+pw"], keys=["chatty*"], **rights
        )

    set_rights(**rights)
    with chatty_on(own_redis_server, REDIS_URL=own_redis_server.url.replace("//", "//chatty:pw@")) as server:
        until_readyz(server, failing(words))
        set_rights(channels=["chatty*"], categories=["+@all"])
        until_readyz(server, READY)  # By itself: the subscriptions are made anew.


def test_of_several_redis_servers_the_one_that_fails_is_named(own_redis_server: RedisServer) -> None:
    """All workers see it: no load balancer shall take all of them out for a part of the rooms."""
    with (
        servers.redis_server() as other,
        servers.chatty_server(REDIS_URL=f"{other.url},{own_redis_server.url}") as server,
    ):
        assert readyz(server) == READY
        own_redis_server.stop()
        until_readyz(server, (200, ["Redis 2 of 2 can't be reached."]))
        answer = httpx.get(f"{server.http_url}/readyz", timeout=30, trust_env=False).json()
        assert (answer["status"], answer["database"], answer["redis"]) == ("degraded", "ok", "degraded")
        other.stop()
        until_readyz(server, failing("Redis 1 of 2 can't be reached.", "Redis 2 of 2 can't be reached."))
        other.start()
        own_redis_server.start()
        own_redis_server.pause()
        until_readyz(server, (200, ["Redis 2 of 2 doesn't answer."]))
        own_redis_server.resume()
        until_readyz(server, READY)
        assert "Degraded: Redis 2 of 2" in server.log


def test_what_is_tried_leaves_nothing_in_redis(own_redis_server: RedisServer) -> None:
    with chatty_on(own_redis_server) as server:
        for _ in range(3):
            assert readyz(server) == READY
            time.sleep(1.1)  # Longer than an answer is given again.
        assert own_redis_server.client.keys("chatty:presence:*") == []


# SQLite.


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 8 MiB. Needs root, or the right to make namespaces."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"No disk can be mounted here: {mounted.stderr}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_is_said_and_that_there_is_room_again(tmp_path: Path, room: str) -> None:
    with (
        small_disk(tmp_path / "disk") as disk,
        servers.chatty_server(DATABASE_URL=servers.sqlite_database(disk)) as server,
    ):
        assert readyz(server) == READY
        fill(disk / "filler")
        status, words = _until_not_ready(server)
        assert status == 503
        assert words[0].startswith("The database")
        assert "disk" in words[0]
        (disk / "filler").unlink()
        until_readyz(server, READY)
        async with Client(server.http_url, "Ann", room) as ann:
            await ann.post("there is room")


def fill(path: Path) -> None:
    """Writes until the disk is full."""
    try:
        with path.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _until_not_ready(server: ChattyServer) -> Readyz:
    servers.wait_until(lambda: readyz(server) != READY, 60, "a word of the full disk")
    return readyz(server)


def test_a_read_only_database_file_is_said(tmp_path: Path) -> None:
    url = servers.sqlite_database(tmp_path)
    Path(url.removeprefix("sqlite:///")).chmod(0o444)
    server = servers.chatty_server(DATABASE_URL=url)
    server.prefix = servers.unprivileged()
    with server:
        words = "its file or its folder is read-only."
        assert readyz(server) == failing(f"The database can't be written to: {words}")


def test_what_is_tried_does_not_let_the_database_grow(tmp_path: Path) -> None:
    url = servers.sqlite_database(tmp_path)
    with servers.chatty_server(DATABASE_URL=url) as server:
        for _ in range(3):
            assert readyz(server) == READY
            time.sleep(1.1)
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            assert connection.execute("SELECT count(*), max(id) FROM chat_probe").fetchall() == [(1, 1)]
        connection.close()


# PostgreSQL.


def test_a_read_only_postgresql_is_said(postgres_server: PostgresServer, postgres_url: str) -> None:
    name = postgres_url.rpartition("/")[2]
    with servers.chatty_server(DATABASE_URL=postgres_url) as server:
        assert readyz(server) == READY
        with postgres_server.connect() as admin:

            def set_read_only(value: str) -> None:
                admin.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = {value}'.encode())
                admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])

            set_read_only("on")
            until_readyz(server, failing("The database is read-only: a standby, or a server in read-only mode."))
            set_read_only("off")
            until_readyz(server, READY)


def test_a_postgresql_user_without_the_right_to_post_is_said(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    name = postgres_url.rpartition("/")[2]
    with postgres_server.connect(name) as admin:
        admin.execute("CREATE ROLE reader LOGIN")
        admin.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO reader")
        admin.execute("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO reader")
        with servers.chatty_server(DATABASE_URL=postgres_url.replace("chatty@", "reader@")) as server:
            assert readyz(server) == READY
            admin.execute("REVOKE INSERT ON chat_message FROM reader")
            until_readyz(server, failing("The database doesn't let this user write Chatty's tables."))
        admin.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM reader")
        admin.execute("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM reader")
        admin.execute("DROP ROLE reader")


# Many who ask.


def test_however_many_ask_it_is_tried_once_a_second(
    own_postgres_server: PostgresServer, chatty_server: Callable[..., ChattyServer]
) -> None:
    url = own_postgres_server.create_migrated_database()
    server = chatty_server(DATABASE_URL=url)
    readyz(server)
    with own_postgres_server.connect(url.rpartition("/")[2]) as looking:
        counted = "SELECT n_tup_upd + n_tup_ins FROM pg_stat_user_tables WHERE relname = 'chat_probe'"

        def writes() -> int:
            looking.execute("SELECT pg_stat_clear_snapshot()")
            row = looking.execute(counted).fetchone()
            assert row
            return int(str(row[0]))

        servers.wait_until(lambda: writes() > 0, 60, "the first write, counted")
        before, started = writes(), time.monotonic()
        with httpx.Client(trust_env=False, timeout=60) as browser:
            for _ in range(60):
                assert browser.get(f"{server.http_url}/readyz", timeout=30).status_code == 200
        most = 2 + int(time.monotonic() - started)
        server.stop()  # Which makes its backends report what they counted.
        assert writes() - before <= most


def database_connections(server: ChattyServer) -> int:
    return server.socket_count - server.client_socket_count


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.long
async def test_a_database_that_hangs_is_tried_by_one_and_the_others_wait_for_the_same(
    own_postgres_server: PostgresServer, chatty_server: Callable[..., ChattyServer]
) -> None:
    server = chatty_server(DATABASE_URL=own_postgres_server.create_migrated_database())
    assert readyz(server) == READY
    before = database_connections(server)
    backends = children(own_postgres_server.pid)
    for pid in backends:
        os.kill(pid, signal.SIGSTOP)
    own_postgres_server.pause()
    try:
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
            await asyncio.sleep(1.1)
            for _ in range(2):
                answers = await asyncio.gather(*(http.get(f"{server.http_url}/readyz") for _ in range(20)))
                assert {answer.status_code for answer in answers} == {503}
                assert {tuple(answer.json()["problems"]) for answer in answers} == {
                    ("The database takes longer than 3 s.",)
                }
        # The server's periodic work may have opened its own few connections meanwhile, but 40 have asked.
        assert database_connections(server) < before + 10
    finally:
        own_postgres_server.resume()
        for pid in backends:
            os.kill(pid, signal.SIGCONT)
    until_readyz(server, READY)
