"""Fixtures for all tests. The servers behind them are real; a missing one fails the run and says what to install."""

import functools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
import pytest
from httpx._config import create_ssl_context

from chatty_project import env
from tests import servers
from tests.client import new_slug

is_worker = "PYTEST_XDIST_WORKER" in os.environ  # Its environment is that of a run that was checked already.
if not is_worker and (given := [setting.name for setting in env.SETTINGS if setting.name in os.environ]):
    raise pytest.UsageError(
        f"{', '.join(given)} set in the environment; expected none of Chatty's settings, tests choose theirs: "
        f"env {' '.join(f'-u {name}' for name in given)} pytest"
    )

# How long an example takes, or is in the making, says more of the machine than of the code.
hypothesis.settings.register_profile("thorough", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("usual", hypothesis.settings.get_profile("thorough"), max_examples=20)
REDUCTION = 4  # Of members, rounds and seconds, without `--thorough`.

# For asgi.py, which refuses to be imported half set up. The servers that tests start don't inherit these.
os.environ["SECRET_KEY"] = servers.SECRET_KEY
os.environ["ALLOWED_HOSTS"] = "testserver,localhost,127.0.0.1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--thorough", action="store_true", help="five times the random examples, four times the members")


def pytest_configure(config: pytest.Config) -> None:
    """What the tests' own process needs of settings that have no default outside development."""
    hypothesis.settings.load_profile("thorough" if config.getoption("--thorough") else "usual")
    servers.run_folder()  # Before there are workers, which share it.
    from django.conf import settings

    settings.SECRET_KEY = servers.SECRET_KEY
    settings.ALLOWED_HOSTS = os.environ["ALLOWED_HOSTS"].split(",")
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}  # Needs no collectstatic.
    }
    # httpx reads the certificates of all authorities for each client, which takes 20 ms. Tests' clients share them.
    mock.patch("httpx._transports.default.create_ssl_context", functools.cache(create_ssl_context)).start()
    # The tests' own process serves no static files. Each new client of a test would look at all of them, for 0.15 s.
    settings.SERVESTATIC_USE_FINDERS = settings.SERVESTATIC_USE_STATIC_ROOT = False


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long tests start first, on every second worker: they wait, and the workers between them compute meanwhile.

    xdist's `worksteal` gives each worker an equal slice of the tests, and to a worker without any the end of another's.
    """
    long = [item for item in items if item.get_closest_marker("long")]
    others = [item for item in items if not item.get_closest_marker("long")]
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    starting = (workers + 1) // 2
    total = len(items)
    items.clear()
    for worker in range(workers):
        size = (total - len(items)) // (workers - worker)
        share = [] if worker % 2 else long[worker // 2 :: starting]
        rest = max(0, size - len(share))
        items += share + others[:rest]
        del others[:rest]
    items += others


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    """The `db` fixtures' database is a file, as in real life: in memory, threads would share one connection."""
    from django.conf import settings

    path = tmp_path_factory.mktemp("database") / "chatty.sqlite3"
    settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = str(path)


@pytest.fixture
def reduced(request: pytest.FixtureRequest) -> Callable[[int], int]:
    """A quarter of a number of members, rounds or seconds; with `--thorough` all of it."""
    is_thorough = request.config.getoption("--thorough")
    return lambda number: number if is_thorough else number // REDUCTION


# Redis.


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.RedisServer]:
    """One Redis for the whole run. A test that stops it takes `own_redis_server` instead."""
    with servers.redis_server() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: servers.RedisServer) -> str:
    """An empty Redis."""
    redis_server.client.flushall()
    return redis_server.url


@pytest.fixture
def own_redis_server() -> Iterator[servers.RedisServer]:
    """A Redis that this test may stop, kill and restart."""
    with servers.redis_server() as server:
        yield server


# PostgreSQL and SQLite.


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.PostgresServer]:
    """One PostgreSQL for the whole run. A test that stops it takes `own_postgres_server` instead."""
    with servers.postgres_server() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[servers.PostgresServer]:
    """A PostgreSQL that this test may stop, kill and restart."""
    with servers.postgres_server() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: servers.PostgresServer) -> str:
    """A database of this test's own, with Chatty's tables."""
    return postgres_server.create_migrated_database()


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A SQLite file of this test's own, with Chatty's tables."""
    return servers.sqlite_database(tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A database of this test's own, with Chatty's tables: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def database(database_url: str, django_db_setup: None, django_db_blocker: Any) -> Iterator[str]:
    """Puts the test's own process on `database_url`, in all its threads, with real transactions.

    Takes the place of pytest-django's `db`. What opens connections on threads of its own must close them before the
    test ends.
    """
    from django.db import connections

    from chatty_project.databases import describe

    settings = connections.settings["default"]
    before = dict(settings)
    with django_db_blocker.unblock():
        connections["default"].close()
        del connections["default"]
        settings.clear()
        settings.update(connections.configure_settings({"default": describe(database_url)})["default"])
        try:
            yield database_url
        finally:
            connections["default"].close()
            del connections["default"]
            settings.clear()
            settings.update(before)


# Chatty.


@pytest.fixture
def room() -> str:
    """A room that no other test is in."""
    return new_slug()


@pytest.fixture
def chatty_server() -> Iterator[Callable[..., servers.ChattyServer]]:
    """Starts Chatty servers with the settings given by name; all end with the test."""
    started: list[servers.ChattyServer] = []

    def start(**settings: str) -> servers.ChattyServer:
        server = servers.chatty_server(**settings)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.close()
