"""Database URLs of real providers, and the state of a database after Chatty has ended."""

import shutil
import sqlite3
import subprocess
import sys
import uuid
from pathlib import Path

import psycopg
import pytest

from chatty_project import databases
from tests import servers
from tests.client import Client
from tests.servers import ChattyServer, DevelopmentServer, PgBouncerServer, PostgresServer

PRODUCTION = {"SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1"}
PREPARE = [sys.executable, "-c", "from chatty_project import serve; serve.main()"]
SHOW = """
import django; django.setup()
from django.db import connection
with connection.cursor() as cursor:
    for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "search_path"):
        cursor.execute(f"SHOW {name}")
        print(cursor.fetchone()[0])
"""


def refusal(url: str, tmp_path: Path) -> str:
    """What bin/serve said, having ended with an error and no call stack."""
    settings = PRODUCTION | {"DATABASE_URL": url, "PORT": str(servers.free_port()), "STATIC_ROOT": str(tmp_path)}
    environ = servers.clean_environ(**settings)
    done = subprocess.run(PREPARE, cwd=servers.ROOT, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr


# --- what stays when Chatty has ended ---


@pytest.mark.parametrize("kind", [ChattyServer, DevelopmentServer], ids=["uvicorn", "daphne"])
async def test_the_file_alone_is_the_database_after_a_clean_end(kind: type[ChattyServer], tmp_path: Path) -> None:
    path = tmp_path / "chatty.sqlite3"
    servers.migrated(f"sqlite:///{path}")
    with kind(DATABASE_URL=f"sqlite:///{path}") as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            await ann.send(type="post", nonce=str(uuid.uuid4()), body="kept")
            await ann.until(lambda ann: ann.head == 1, "her own message")
        server.stop()
    copy = shutil.copyfile(path, tmp_path / "copy.sqlite3")
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT body FROM chat_message").fetchall() == [("kept",)]
    connection.close()


# --- the parameters of a URL ---


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", ""),
        ("?currentSchema=app", "-c search_path=app "),
        ("?options=-c%20search_path%3Dapp", "-c search_path=app "),
        ("?currentSchema=app&options=-c%20work_mem%3D8MB", "-c work_mem=8MB -c search_path=app "),
        ("?options=-c%20lock_timeout%3D0", "-c lock_timeout=0 "),
    ],
)
def test_what_a_url_asks_for_stands_before_the_limits_of_time(query: str, options: str) -> None:
    """PostgreSQL takes the last of two."""
    limits = "-c idle_in_transaction_session_timeout=3s -c lock_timeout=5s -c statement_timeout=8s"
    described = databases.describe(f"postgres://a:b@db.example/chatty{query}")
    assert described["OPTIONS"]["options"] == options + limits
    assert databases.why_not(f"postgres://a:b@db.example/chatty{query}") is None


@pytest.mark.parametrize(
    ("query", "mode"),
    [("?ssl=true", "require"), ("?ssl=false", "disable"), ("?sslmode=verify-full&ssl=true", "verify-full"), ("", None)],
)
def test_ssl_is_a_mode(query: str, mode: str | None) -> None:
    options = databases.describe(f"postgres://a:b@db.example/chatty{query}")["OPTIONS"]
    assert options.get("sslmode") == mode
    assert "ssl" not in options


@pytest.mark.parametrize(
    ("query", "reason"),
    [("pool_max=20&sslmode=require", "got pool_max"), ("ssl=maybe", "got ssl=maybe")],
)
def test_a_parameter_that_nobody_knows_is_refused_by_its_name(query: str, reason: str, tmp_path: Path) -> None:
    said = refusal(f"postgres://a:hunter2@127.0.0.1:1/chatty?{query}", tmp_path)
    assert said.startswith("DATABASE_URL can't be used; expected ")
    assert reason in said
    assert "hunter2" not in said


def test_the_limits_of_time_are_in_force_whatever_the_url_says(postgres_server: PostgresServer) -> None:
    url = f"{postgres_server.create_database()}?currentSchema=app&options=-c%20lock_timeout%3D0"
    environ = servers.clean_environ(**PRODUCTION, DATABASE_URL=url)
    command = [sys.executable, "-c", SHOW]
    done = subprocess.run(command, cwd=servers.ROOT, env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5s", "8s", "3s", "app"]


# --- databases that can't be used ---


def test_a_schema_that_is_not_there_is_named(postgres_server: PostgresServer, tmp_path: Path) -> None:
    said = refusal(f"{postgres_server.create_database()}?currentSchema=elsewhere", tmp_path)
    assert "no schema has been selected" in said
    assert "?currentSchema=" in said


def test_an_account_without_rights_gets_a_sentence(postgres_server: PostgresServer, tmp_path: Path) -> None:
    url = postgres_server.create_database()
    with postgres_server.connect() as connection:
        connection.execute("DROP ROLE IF EXISTS guest")
        connection.execute("CREATE ROLE guest LOGIN")
    said = refusal(url.replace("chatty@", "guest@"), tmp_path)
    assert "permission denied for schema public" in said
    assert "GRANT USAGE, CREATE ON SCHEMA" in said
    # The same at bin/run, which migrates by manage.py.
    with pytest.raises(servers.ServerError) as failed:
        servers.migrated(url.replace("chatty@", "guest@"))
    assert "GRANT USAGE" in str(failed.value)
    assert "Traceback" not in str(failed.value)


@pytest.mark.parametrize("ignores_options", [False, True], ids=["as it is", "told to ignore options"])
def test_a_pooler_that_takes_the_limits_away_is_refused(
    postgres_server: PostgresServer, tmp_path: Path, ignores_options: bool
) -> None:
    name = postgres_server.create_database().rpartition("/")[2]
    with PgBouncerServer(postgres_server, ignores_options=ignores_options) as pooler:
        said = refusal(pooler.url(name), tmp_path)
    assert "PgBouncer" in said
    assert "let DATABASE_URL lead to PostgreSQL itself" in said


# --- several machines ---


@pytest.mark.long
def test_a_machine_waits_for_the_migrations_of_another_however_long_they_take(
    postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """For longer than a connection's own limit for locks, by the database's clock."""
    from chatty_project.serve import MIGRATION_LOCK

    url = postgres_server.create_database()
    port = str(servers.free_port())
    settings = PRODUCTION | {"DATABASE_URL": url, "PORT": port, "STATIC_ROOT": str(tmp_path / "static")}
    output = tmp_path / "output"
    waited = (
        "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE locktype = 'advisory' AND NOT granted AND now() - query_start > interval '6s'"
    )
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
        with output.open("wb") as file:
            environ = servers.clean_environ(**settings)
            process = subprocess.Popen(PREPARE, cwd=servers.ROOT, env=environ, stdout=file, stderr=file)
        try:
            with postgres_server.connect() as looking:
                servers.wait_until(
                    lambda: looking.execute(waited).fetchone() == (1,), 60, "a machine that has waited for 6 s"
                )
            other.execute("SELECT pg_advisory_unlock(%s)", [MIGRATION_LOCK])
            servers.wait_until(lambda: "Chatty starts on" in output.read_text(), 60, "the start of the second machine")
        finally:
            process.terminate()
            process.wait(servers.STOP_SECONDS)
    assert "Another machine is migrating the database" in output.read_text()
