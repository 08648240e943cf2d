"""/metrics of real workers."""

import asyncio
import re
import subprocess
from collections.abc import Callable

import httpx

from tests.client import Client
from tests.http_client import Requester, stream
from tests.servers import ROOT, ChattyServer, PostgresServer

TOKEN = "t" * 40
Start = Callable[..., ChattyServer]


async def ask(server: ChattyServer, path: str = "/metrics", authorization: str = f"Bearer {TOKEN}") -> httpx.Response:
    headers = {"Authorization": authorization} if authorization else {}
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return await http.get(f"{server.http_url}{path}", headers=headers)


async def numbers(server: ChattyServer) -> dict[str, float]:
    """The sums over all workers, by the metric with its other labels."""
    answer = await ask(server)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"].startswith("max-age=0, no-cache")
    found: dict[str, float] = {}
    for line in answer.text.splitlines():
        if not line.startswith("#"):
            name, _, value = re.sub(r',?worker="\d+"', "", line).rpartition(" ")
            found[name.replace("{}", "")] = found.get(name.replace("{}", ""), 0) + float(value)
    return found


async def until(server: ChattyServer, **expected: float) -> None:
    async with asyncio.timeout(60):
        while True:
            found = await numbers(server)
            if all(found.get(f"chatty_{name}") == value for name, value in expected.items()):
                return
            await asyncio.sleep(0.1)


async def test_without_the_token_there_is_nothing(chatty_server: Start) -> None:
    for settings, authorizations in (
        ({}, ["", f"Bearer {TOKEN}", "Basic x"]),
        ({"METRICS_TOKEN": TOKEN}, ["", "Bearer x", TOKEN]),
    ):
        server = chatty_server(**settings)
        missing = await ask(server, "/missing")
        for authorization in authorizations:
            answer = await ask(server, authorization=authorization)
            assert answer.status_code == 404
            assert answer.text.replace("/metrics", "/missing") == missing.text


async def test_what_happens_is_counted(chatty_server: Start, database_url: str, room: str) -> None:
    server = chatty_server(METRICS_TOKEN=TOKEN, DATABASE_URL=database_url)
    async with Client(server.http_url, "Ann", room) as ann, Client(server.http_url, "Bob", room) as bob:
        await ann.post("one")
        await ann.post("two")
        await ann.change(1, type="react", emoji="👍", on=True)
        await ann.send(type="edit", seq=9, body="nothing there")
        await ann.refused()
        await bob.until(lambda bob: bob.head == 3, "all")
        since = {"log": bob.log, "version": 2}
        found = await numbers(server)
        assert found["chatty_members"] == 2
        assert found["chatty_rooms"] == 1
        assert found['chatty_connections{transport="websocket"}'] == 2
        assert found["chatty_posts_total"] == 2
        assert found["chatty_changes_total"] == 1
        assert found["chatty_deliveries_total"] >= 6
        assert found['chatty_refusals_total{code="no_such_message"}'] == 1
        assert found["chatty_commit_seconds_count"] >= 3
        assert found["chatty_fan_out_seconds_count"] >= 3
        assert found["chatty_loop_lag_seconds_count"] > 0
        assert found['chatty_webhooks{state="off"}'] == 0
        assert found["chatty_database_errors_total"] == 0
        await bob.close()
        for version, name in ((2, "resumes_total"), (-1, "resets_total")):
            await bob.open()
            log = since["log"] if version == 2 else "11111111-1111-4111-8111-111111111111"
            await bob.join({"log": log, "version": 2})
            await until(server, **{name: 1})
            await bob.close()
    await until(server, members=0, rooms=0, **{'connections{transport="websocket"}': 0})


async def test_any_worker_answers_for_all(chatty_server: Start, redis_url: str) -> None:
    server = chatty_server(METRICS_TOKEN=TOKEN, REDIS_URL=redis_url, WEB_CONCURRENCY="2")
    async with asyncio.timeout(60):
        for _ in range(10):
            while len(set(re.findall(r'chatty_rooms{worker="(\d+)"}', (await ask(server)).text))) < 2:
                await asyncio.sleep(0.2)


async def test_a_database_that_is_away_is_counted_and_the_rest_is_told(
    chatty_server: Start, own_postgres_server: PostgresServer, room: str
) -> None:
    postgres = own_postgres_server
    server = chatty_server(METRICS_TOKEN=TOKEN, DATABASE_URL=postgres.create_migrated_database())
    async with Client(server.http_url, "Ann", room):
        await asyncio.to_thread(postgres.stop)
        async with asyncio.timeout(60):
            while (await numbers(server))["chatty_database_errors_total"] == 0:
                await asyncio.sleep(0.2)


async def test_streams_and_polls_are_counted_while_they_are_open(chatty_server: Start, room: str) -> None:
    server = chatty_server(METRICS_TOKEN=TOKEN)
    async with Requester(server.http_url, room) as ann:
        async with stream(ann, name="Ann"):
            await until(server, **{'connections{transport="stream"}': 1})
        await until(server, **{'connections{transport="stream"}': 0})
    async with Requester(server.http_url, room) as bob:
        await bob.poll(name="Bob")
        await until(server, **{'connections{transport="poll"}': 1})
        await bob.leave()
        await until(server, **{'connections{transport="poll"}': 0})


def test_prometheus_takes_the_alerts() -> None:
    checked = subprocess.run(["promtool", "check", "rules", ROOT / "deploy/alerts.yml"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
