"""Servers that a whole module of tests shares: each kind that Chatty runs on."""

from collections.abc import Iterator

import pytest

from tests.servers import ChattyServer, DevelopmentServer


@pytest.fixture(scope="module", params=[ChattyServer, DevelopmentServer], ids=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> Iterator[ChattyServer]:
    """A server on SQLite, without Redis. Tests keep out of each other's way by using rooms of their own."""
    with request.param() as started:
        yield started
        assert "Traceback" not in started.log
