"""Fixtures for integration tests: shared state of this process, and servers that a module's tests share."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client as DjangoClient

from chat.access.rate_limits import current_limiter
from chat.rooms.registry import close_registry
from tests import servers
from tests.client import Client, Enter
from tests.integration.desk import Desk
from tests.moderators import make_moderators, sign_in
from tests.servers import ChattyServer, DevelopmentServer, Pair, PostgresServer, RedisServer


@pytest.fixture
async def rooms(database: str) -> AsyncIterator[None]:
    """The rooms of the test's own process are closed when it ends."""
    yield
    await close_registry()


@pytest.fixture
def own_limits() -> Iterator[None]:
    """Limits of this test's own. Without it, accounts with the same key in other tests' databases share them."""
    current_limiter.cache_clear()
    yield
    current_limiter.cache_clear()


@pytest.fixture
async def desk(database: str) -> AsyncIterator[Desk]:
    """A log of the test's own process, and what writes it."""
    desk = Desk()
    yield desk
    await desk.committer.close()
    await desk.log.close()


@pytest.fixture
def web(moderator: User) -> DjangoClient:
    """The browser of the module's `moderator`, who is signed in."""
    web = DjangoClient()
    web.force_login(moderator)
    return web


KINDS = {"uvicorn": ChattyServer, "daphne": DevelopmentServer, "postgresql": ChattyServer}


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest) -> Iterator[ChattyServer]:
    """A server without Redis, on PostgreSQL where the name says so, else on SQLite. Tests use rooms of their own."""
    settings = {}
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        settings["DATABASE_URL"] = postgres.create_migrated_database()
    with KINDS[request.param](**settings) as started:
        yield started
        assert "Traceback" not in started.log


@pytest.fixture(scope="module")
def shared_database(postgres_server: PostgresServer) -> str:
    """What `pair` is on; `mo` and `max` may moderate there."""
    url = postgres_server.create_migrated_database()
    make_moderators(url, "mo", "max")
    return url


@pytest.fixture(scope="module")
def pair(redis_server: RedisServer, shared_database: str) -> Iterator[Pair]:
    """Two server processes that share Redis and PostgreSQL."""
    settings = {"REDIS_URL": redis_server.url, "DATABASE_URL": shared_database}
    one, other = servers.chatty_server(**settings), servers.chatty_server(**settings)
    with servers.all_of(one, other):
        yield one, other
        # Where a test cuts the connections to Redis, channels_redis says so; nothing else may fail for it.
        assert not re.findall(r"^\S+ error (?!channels_redis).*", one.log + other.log, re.MULTILINE)


@pytest.fixture(scope="module")
def moderators_browser(pair: Pair) -> Iterator[httpx.Client]:
    """Mo's, signed in."""
    with closing(sign_in(pair[0].http_url, "mo")) as browser:
        yield browser


@pytest.fixture
async def enter(pair: Pair, room: str) -> AsyncIterator[Enter]:
    """Somebody comes into the test's room, on the first process of the pair, unless told otherwise."""
    came: list[Client] = []

    async def enter(name: str, room: str = room, on: int = 0, token: str = "", **headers: str) -> Client:
        client = Client(pair[on].http_url, name, room, headers=headers)
        client.token = token
        came.append(client)
        await client.open()
        await client.join()
        return client

    yield enter
    for client in came:
        await client.close()
