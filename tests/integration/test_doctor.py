"""`manage.py doctor`: each finding, on real servers, and none where all is well."""

import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest
from django.core import signing

from chat.web import reflection
from tests import servers
from tests.integration.test_restored import execute
from tests.servers import ChattyServer, NginxServer, PostgresServer
from tests.servers.redis import redis_server

Start = Callable[..., ChattyServer]
PRODUCTION = {"SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1"}


def doctor(*arguments: str, **settings: str) -> tuple[list[str], int]:
    """What isn't in order, and the exit code."""
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor", *arguments],
        cwd=servers.ROOT,
        env=servers.clean_environ(**PRODUCTION | settings),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "Traceback" not in done.stderr, done.stderr
    lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("ok ")]
    return [line for line in lines if "HTTPS is false" not in line], done.returncode


def test_an_installation_without_faults_has_no_findings(database_url: str, redis_url: str) -> None:
    assert doctor(DATABASE_URL=database_url, REDIS_URL=redis_url) == ([], 0)


def test_wrong_settings_are_named(sqlite_url: str) -> None:
    lines, code = doctor(DATABASE_URL=sqlite_url, WEB_CONCURRENCY="2", ALLOWED_HOSTS="")
    assert code == 1
    assert any("ALLOWED_HOSTS is not set; expected" in line for line in lines)
    assert any("WEB_CONCURRENCY is 2 and REDIS_URL is not set" in line for line in lines)
    lines, code = doctor(PORT="x")
    assert (code, lines) == (1, ['PORT is "x"; expected a port number, 1-65535'])


def test_missing_tables_are_named(postgres_server: PostgresServer) -> None:
    lines, code = doctor(DATABASE_URL=postgres_server.create_database())
    assert code == 1
    assert "migrations aren't applied" in lines[0]
    assert "run `manage.py migrate`" in lines[0]


def test_missing_rights_are_named(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_migrated_database()
    execute(
        url,
        "DROP ROLE IF EXISTS reader",
        "CREATE ROLE reader LOGIN",
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
    )
    lines, code = doctor(DATABASE_URL=url.replace("chatty@", "reader@"))
    execute(url, "DROP OWNED BY reader", "DROP ROLE reader")
    assert code == 1
    assert "permission denied for table" in lines[0]


def test_a_pooler_that_takes_the_time_limits_away_is_named(postgres_server: PostgresServer) -> None:
    url = postgres_server.create_migrated_database()
    with servers.PgBouncerServer(postgres_server, ignores_options=True) as pooler:
        lines, code = doctor(DATABASE_URL=pooler.url(url.rpartition("/")[2]))
    assert code == 1
    assert "let DATABASE_URL lead to PostgreSQL itself" in lines[0]


def test_too_few_connections_are_named_also_at_start(postgres_url: str, redis_url: str, tmp_path: object) -> None:
    lines, code = doctor(DATABASE_URL=postgres_url, REDIS_URL=redis_url, WEB_CONCURRENCY="40")
    assert code == 0
    assert "40 workers open up to 560; raise max_connections" in lines[0]
    said = subprocess.run(
        [sys.executable, "-c", "from chatty_project import serve; serve.prepare()"],
        cwd=servers.ROOT,
        env=servers.clean_environ(
            **PRODUCTION,
            DATABASE_URL=postgres_url,
            WEB_CONCURRENCY="40",
            DJANGO_SETTINGS_MODULE="chatty_project.settings",
            STATIC_ROOT=str(servers.copy_static_files(tmp_path / "static")),  # type: ignore[operator]
        ),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert "40 workers open up to 560; raise max_connections" in said.stderr


def test_faults_of_redis_are_named(sqlite_url: str) -> None:
    port = servers.free_port()
    lines, code = doctor(DATABASE_URL=sqlite_url, REDIS_URL=f"redis://127.0.0.1:{port}/0")
    assert code == 1
    assert f"127.0.0.1:{port} can't be reached" in lines[0]
    with redis_server(maxmemory="100mb", **{"maxmemory-policy": "allkeys-lru"}) as redis:
        lines, code = doctor(DATABASE_URL=sqlite_url, REDIS_URL=redis.url)
        assert code == 0
        assert "maxmemory-policy allkeys-lru" in lines[0]
        assert "set it to noeviction" in lines[0]
        redis.client.acl_setuser(
            "mute", True, passwords=["+word"], keys=["chatty*"], reset_channels=True, categories=["+@all"]
        )
        redis.client.config_set("maxmemory-policy", "noeviction")
        url = redis.url.replace("redis://", "redis://mute:word@")
        lines, code = doctor(DATABASE_URL=sqlite_url, REDIS_URL=url)
        assert code == 1
        assert "delivers no messages between workers; expected the rights" in lines[0]


# Through a proxy.

UPGRADE = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
HOST = "proxy_set_header Host $http_host;"
FORWARDED = "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;"
HOLDS_BACK = "proxy_ignore_headers X-Accel-Buffering; gzip on; gzip_types *; gzip_proxied any;"  # Until it is full.


@pytest.fixture
def through(chatty_server: Start) -> Callable[..., tuple[list[str], int]]:
    """What the doctor says of nginx with these lines before a server with these settings."""

    def ask(lines: str, host: str = "127.0.0.1", **settings: str) -> tuple[list[str], int]:
        server = chatty_server(**settings)
        location = f"location / {{ proxy_pass {server.http_url}; {lines} }}"
        with NginxServer("events {}", location) as nginx:
            url = f"http://{host}:{nginx.port}"
            return doctor("--url", url, **server.settings)

    return ask


def test_a_good_proxy_has_no_findings(through: Callable[..., tuple[list[str], int]]) -> None:
    assert through(HOST + FORWARDED + UPGRADE) == ([], 0)


@pytest.mark.parametrize(
    ("lines", "settings", "code", "words"),
    [
        (FORWARDED + UPGRADE, {}, 1, "let the proxy pass Host on, with its port"),
        (HOST + FORWARDED, {}, 0, "let the proxy pass Upgrade and Connection on"),
        (HOST + FORWARDED + UPGRADE + HOLDS_BACK, {}, 0, "turn buffering and compression off"),
        (HOST + FORWARDED + UPGRADE, {"TRUSTED_PROXIES": "10.0.0.1"}, 0, "add it to TRUSTED_PROXIES"),
        (HOST + UPGRADE, {"HTTPS": "true"}, 1, "let the proxy set X-Forwarded-Proto to https"),
    ],
)
def test_each_fault_of_a_proxy_is_named(
    lines: str, settings: dict[str, str], code: int, words: str, through: Callable[..., tuple[list[str], int]]
) -> None:
    found, ended_with = through(lines, **settings)
    assert ended_with == code
    assert any(words in line for line in found), found


def test_a_host_name_that_chatty_does_not_answer_to_is_named(through: Callable[..., tuple[list[str], int]]) -> None:
    found, code = through(HOST + UPGRADE, host="localhost", ALLOWED_HOSTS="127.0.0.1")
    assert code == 1
    assert "add localhost to ALLOWED_HOSTS" in found[0]


def test_a_server_that_is_not_there_or_not_this_one_is_named(chatty_server: Start, sqlite_url: str) -> None:
    port = servers.free_port()
    found, code = doctor("--url", f"http://127.0.0.1:{port}", DATABASE_URL=sqlite_url)
    assert code == 1
    assert "can't be reached" in found[0]
    server = chatty_server()
    found, code = doctor("--url", server.http_url, DATABASE_URL=sqlite_url, SECRET_KEY="x" * 50)
    assert code == 1
    assert "isn't this Chatty; expected the same SECRET_KEY" in found[0]


def test_the_reflection_is_for_the_doctor_only(chatty_server: Start) -> None:
    """To others it answers as an address that isn't there."""
    server = chatty_server()
    with httpx.Client(trust_env=False, timeout=60, base_url=server.http_url) as http:
        missing = http.get("/missing")
        other_use = signing.dumps("doctor", key=servers.SECRET_KEY)
        signed = signing.dumps("doctor", key=servers.SECRET_KEY, salt="chatty.doctor")
        for headers in ({}, {reflection.HEADER: ""}, {reflection.HEADER: other_use}, {reflection.HEADER: signed + "x"}):
            answer = http.get("/doctor", headers=headers)
            assert answer.status_code == 404
            assert answer.text.replace("/doctor", "/missing") == missing.text
        assert http.get("/doctor", headers={reflection.HEADER: signed}).json()["client"] == "127.0.0.1"
