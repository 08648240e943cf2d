"""Many requests at once, on a real server and both databases: each gets an answer, and the database few connections."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from tests.moderators import make_moderators, sign_in
from tests.servers import ChattyServer, PostgresServer, chatty_server

SESSION = {"Cookie": "sessionid=abcdefghijklmnopqrstuvwxyz012345"}  # That nobody has.
TOKEN = "a" * 32
CONNECTIONS = 4  # Of /admin to the database.


@pytest.fixture
def server(database_url: str) -> Iterator[ChattyServer]:
    make_moderators(database_url, "mo")
    with chatty_server(DATABASE_URL=database_url) as server:
        yield server
        assert "Traceback" not in server.log


Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def at_once(
    server: ChattyServer, count: int, ask: Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
) -> Counter[int]:
    """How many answers there were of each status."""

    async def ask_all() -> list[httpx.Response]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=server.http_url, trust_env=False, timeout=300, limits=limits) as client:
            return await asyncio.gather(*(ask(client) for _ in range(count)))

    answers = asyncio.run(ask_all())
    for answer in answers:
        if answer.status_code in (429, 503):
            assert int(answer.headers["Retry-After"]) > 0
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert "again in" in answer.text
    return Counter(answer.status_code for answer in answers)


def test_made_up_sessions_at_admin_are_answered_on_few_connections(
    server: ChattyServer, database_url: str, request: pytest.FixtureRequest
) -> None:
    for path in ("/admin/", "/admin/chat/message/"):
        statuses = at_once(server, 100, lambda client: client.get(path, headers=SESSION))  # noqa: B023
        assert set(statuses) <= {302, 503}
        assert statuses[302] >= CONNECTIONS
    if database_url.startswith("postgres"):
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        with postgres.connect() as connection:
            # Rooms have connections of their own, which read no sessions.
            open_ones = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE '%%django_session%%'"
            row = connection.execute(open_ones, [database_url.rpartition("/")[2]]).fetchone()
        assert row
        assert 1 <= int(str(row[0])) <= CONNECTIONS
    sign_in(server.http_url, "mo").close()


def test_wrong_passwords_at_once_are_refused_and_leave_lines_in_the_log(server: ChattyServer) -> None:
    fields = {"csrfmiddlewaretoken": TOKEN, "username": "mo", "password": "wrong"}
    headers = {"Cookie": f"csrftoken={TOKEN}", "Referer": server.http_url}
    statuses = at_once(server, 60, lambda client: client.post("/admin/login/", data=fields, headers=headers))
    assert set(statuses) <= {200, 429, 503}
    assert 0 < statuses[200] <= 12
    assert server.log.count("A try to sign in at /admin failed: from 127.0.0.1") == statuses[200]
    assert server.log.count("Tries to sign in at /admin are refused") <= 1
    answer = httpx.get(f"{server.http_url}/healthz", trust_env=False, timeout=60)
    assert answer.status_code == 200


def test_pages_at_once_are_all_the_same_page(server: ChattyServer) -> None:
    assert at_once(server, 150, lambda client: client.get("/chatty/lobby")) == {200: 150}
    page = httpx.get(
        f"{server.http_url}/chatty/lobby", trust_env=False, timeout=60, headers={"Accept-Encoding": "identity"}
    )
    packed = httpx.get(
        f"{server.http_url}/chatty/lobby", trust_env=False, timeout=60, headers={"Accept-Encoding": "gzip"}
    )
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.text == page.text
    assert int(packed.headers["Content-Length"]) < int(page.headers["Content-Length"]) / 3
