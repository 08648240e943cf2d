"""Fixtures for fault tests: workers that share a Redis and a PostgreSQL. Tests may stop, kill and restart them."""

from collections.abc import Callable, Iterator

import pytest

from tests import servers
from tests.servers import ChattyServer, PostgresServer, RedisServer

StartWorkers = Callable[[int], list[ChattyServer]]


@pytest.fixture
def workers(own_redis_server: RedisServer, postgres_server: PostgresServer) -> Iterator[StartWorkers]:
    """Starts so many workers, with a Redis of this test's own."""
    url = postgres_server.create_migrated_database()
    started: list[ChattyServer] = []

    def start(count: int) -> list[ChattyServer]:
        new = [servers.chatty_server(REDIS_URL=own_redis_server.url, DATABASE_URL=url) for _ in range(count)]
        started.extend(new)
        for worker in new:
            worker.start(wait=False)
        for worker in new:
            worker.wait_until_ready()
        return new

    yield start
    for worker in started:
        worker.close()
    assert not [line for worker in started for line in worker.log.splitlines() if "Exception in ASGI" in line]
