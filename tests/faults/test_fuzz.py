"""Hostile input for some seconds, then single cases that once got through."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.faults.fuzz import Fuzz, wrong_lines
from tests.faults.members import until
from tests.faults.wire import Opcode, Wire, fragments, frame, handshake
from tests.servers import ChattyServer, DevelopmentServer, PostgresServer

PATH = "/ws/chatty/lobby"


@pytest.mark.alone
@pytest.mark.parametrize(
    ("kind", "database", "transport", "frames", "seed"),
    [
        (ChattyServer, "sqlite", "socket", 8_000, 20261122),
        (ChattyServer, "postgresql", "socket", 4_000, 9),
        (DevelopmentServer, "sqlite", "socket", 4_000, 7),
        (ChattyServer, "sqlite", "http", 8_000, 20261127),
        (ChattyServer, "postgresql", "http", 8_000, 10),
        (DevelopmentServer, "sqlite", "http", 4_000, 8),
    ],
    ids=["uvicorn", "postgresql", "daphne", "uvicorn-http", "postgresql-http", "daphne-http"],
)
async def test_members_notice_nothing_of_strangers(
    kind: type[ChattyServer],
    database: str,
    transport: str,
    frames: int,
    seed: int,
    postgres_server: PostgresServer,
    reduced: Callable[[int], int],
) -> None:
    frames = reduced(frames)
    settings = {"DATABASE_URL": postgres_server.create_migrated_database()} if database == "postgresql" else {}
    with kind(**settings) as server:
        report = await Fuzz(server, seed, frames, 60, transport).run()
    assert report.violations == [], str(report)
    assert report.tally.frames >= frames
    assert report.tally.requests > frames // 40
    refused = {"bad_frame", "unknown_command", "not_joined"}
    if transport == "socket":
        refused.add("already_joined")
        assert kind is DevelopmentServer or {1002, 1007, 1009} <= report.tally.closes.keys()
    else:
        assert {200, 400, 403} <= report.tally.statuses.keys()
    assert refused <= report.tally.refusals.keys()
    assert report.messages > 20


@pytest.fixture(scope="module")
def server() -> Iterator[ChattyServer]:
    with ChattyServer() as started:
        yield started
        assert list(wrong_lines(started.log)) == []


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        (handshake(PATH, *(f"X-{n}: y" for n in range(200))), 431),
        (handshake(PATH, "X: " + "y" * 20_000), 431),
        (handshake("/" + "x" * 20_000), 414),
        (handshake(PATH, "Content-Length: 3") + b"abc", 400),
        (handshake(PATH).replace(b"GET", b"POST"), 405),
    ],
    ids=["headers", "header", "path", "body", "method"],
)
async def test_a_handshake_that_cannot_be_read_is_answered_and_its_connection_closed(
    server: ChattyServer, wire: bytes, status: int
) -> None:
    sockets = server.socket_count
    async with await Wire.connect(server.port) as stranger:
        await stranger.send(wire)
        assert await stranger.status() == status
        await until(lambda: server.socket_count <= sockets, 60)


async def test_a_handshake_may_have_some_kilobytes_of_cookies(server: ChattyServer) -> None:
    async with await Wire.connect(server.port) as guest:
        await guest.send(handshake(PATH, "Cookie: " + "a=b; " * 1_000, "X: " + "y" * 5_000))
        assert await guest.status() == 101


async def test_a_head_without_an_end_is_refused(server: ChattyServer) -> None:
    async with await Wire.connect(server.port) as stranger:
        await stranger.send(b"GET /chatty HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
        sending = asyncio.create_task(stranger.send(*[b"y" * 8_192] * 9))
        assert await stranger.status() == 431
        await sending


async def test_requests_that_came_at_once_and_are_abandoned_raise_nothing(server: ChattyServer) -> None:
    for _ in range(20):
        async with await Wire.connect(server.port) as stranger:
            await stranger.send(b"GET /chatty HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 30)
            stranger.reset()
    async with await Wire.connect(server.port) as guest:
        assert await guest.open(PATH)
    assert list(wrong_lines(server.log)) == []


@pytest.mark.parametrize(
    ("more", "code"),
    [(b"", 1007), (frame(Opcode.TEXT, b"{}") * 3, 1007), (frame(Opcode.CLOSE, b"\x03\xe8"), 1000)],
    ids=["alone", "text", "close"],
)
async def test_text_that_is_not_utf8_ends_its_connection_and_no_more(
    server: ChattyServer, more: bytes, code: int
) -> None:
    async with await Wire.connect(server.port) as stranger:
        assert await stranger.open(PATH)
        await stranger.send(frame(Opcode.TEXT, b"\xff") + more)
        await stranger.over()
    assert stranger.close_code == code
    assert list(wrong_lines(server.log)) == []


@pytest.mark.parametrize(
    "early", [frame(7), frame(Opcode.CLOSE), frame(Opcode.TEXT, b"\xff")], ids=["bad", "close", "text"]
)
async def test_frames_before_the_handshake_is_answered_raise_nothing(server: ChattyServer, early: bytes) -> None:
    for pause in range(40):
        async with await Wire.connect(server.port) as stranger:
            await stranger.send(handshake(PATH))
            await asyncio.sleep(pause * 0.00005)
            await stranger.send(early)
            await stranger.status()
    assert list(wrong_lines(server.log)) == []


async def test_pongs_that_nobody_reads_do_not_pile_up(server: ChattyServer) -> None:
    before = server.rss_kib
    pings = frame(Opcode.PING, bytes(125)) * 500
    async with await Wire.connect(server.port) as stranger:
        await stranger.send(handshake(PATH))
        assert await stranger.status() == 101
        stranger.pause()
        highest = 0
        for _ in range(400):  # 25 MiB.
            await stranger.send(pings)
            highest = max(highest, server.rss_kib)
    assert highest - before < 8 * 1024


async def test_a_message_in_too_many_frames_is_a_flood(server: ChattyServer) -> None:
    text = json.dumps({"type": "dance", "nonce": str(uuid.uuid4()), "x": "x" * 40_000}).encode()
    async with await Wire.connect(server.port) as stranger:
        assert await stranger.open(PATH)
        await stranger.send(b"".join(fragments(text, [1] * (len(text) - 1))))
        assert await stranger.heard(b'"code":4008')


def test_a_log_line_is_wrong_unless_it_is_known() -> None:
    log = "\n".join(
        (
            "2026-01-31T12:00:00.000+00:00 info chatty_project.worker: rooms=1",
            "2026-01-31T12:00:00.000+00:00 warning uvicorn.error: Invalid HTTP request received.",
            "2026-01-31T12:00:00.000+00:00 warning django.security.csrf [request-4711-12]: Forbidden (x): /chatty",
            "2026-01-31T12:00:00.000+00:00 warning chat.hub: Room x could not catch up",
            "2026-01-31T12:00:01.000+00:00 error uvicorn.error: Exception in ASGI application",
            "Traceback (most recent call last):",
            '  File "x.py", line 1',
            "ValueError: x",
        )
    )
    assert len(list(wrong_lines(log))) == 3
