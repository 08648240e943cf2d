"""Real servers for tests: Redis, PostgreSQL and Chatty, each a process of its own on a free port of 127.0.0.1.

    with redis_server() as redis, postgres_server() as postgres:
        url = postgres.create_migrated_database()
        with chatty_server(REDIS_URL=redis.url, DATABASE_URL=url) as ann, chatty_server(REDIS_URL=...) as bob:
            httpx.get(f"{ann.http_url}/chatty"); websockets.connect(f"{bob.ws_url}/lobby")

A server that starts has answered before `start()` returns. `stop()` asks it to end, `kill()` doesn't ask, `start()`
brings it back on the same port, `pause()` and `resume()` freeze and thaw it; `log` is what it has written so far.
"""

from tests.servers.chatty import NO_LIMITS, SECRET_KEY, ChattyServer, DevelopmentServer, Pair, chatty_server
from tests.servers.commands import manage, migrated
from tests.servers.machine import (
    ROOT,
    MissingProgram,
    ServerError,
    clean_environ,
    free_port,
    program,
    unprivileged,
    wait_until,
)
from tests.servers.once import copy_static_files, made_once, run_folder, sqlite_database, unbundled_static_root
from tests.servers.postgres import PgBouncerServer, PostgresServer, postgres_server
from tests.servers.process import STOP_SECONDS, Server, all_of
from tests.servers.proxies import CaddyServer, HaproxyServer, NginxServer
from tests.servers.redis import RedisServer, redis_server

__all__ = [
    "NO_LIMITS",
    "ROOT",
    "SECRET_KEY",
    "STOP_SECONDS",
    "CaddyServer",
    "ChattyServer",
    "DevelopmentServer",
    "HaproxyServer",
    "MissingProgram",
    "NginxServer",
    "Pair",
    "PgBouncerServer",
    "PostgresServer",
    "RedisServer",
    "Server",
    "ServerError",
    "all_of",
    "chatty_server",
    "clean_environ",
    "copy_static_files",
    "free_port",
    "made_once",
    "manage",
    "migrated",
    "postgres_server",
    "program",
    "redis_server",
    "run_folder",
    "sqlite_database",
    "unbundled_static_root",
    "unprivileged",
    "wait_until",
]
