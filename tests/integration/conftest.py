"""Servers that a whole module of tests shares: each kind that Chatty runs on."""

import sys
from collections.abc import Iterator

import pytest

from tests.servers import ChattyServer


class DevelopmentServer(ChattyServer):
    """`manage.py runserver`, that is Daphne: frames go the portable way."""

    name = "chatty-development"

    def command(self) -> list[str]:
        return [sys.executable, "manage.py", "runserver", "--noreload", str(self.port)]


@pytest.fixture(scope="module", params=[ChattyServer, DevelopmentServer], ids=["uvicorn", "daphne"])
def server(request: pytest.FixtureRequest) -> Iterator[ChattyServer]:
    """A server on SQLite, without Redis. Tests keep out of each other's way by using rooms of their own."""
    with request.param() as started:
        yield started
        assert "Traceback" not in started.log
