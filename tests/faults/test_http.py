"""Clients over HTTP that don't read, don't finish, vanish or come too often: each costs little and nobody else."""

import asyncio
import contextlib
import json
import select
import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from chat.protocol.constants import COMMANDS_LIMIT
from chatty_project.http import HEAD_BYTES
from tests import servers
from tests.client import BUSY_SECONDS, Client
from tests.faults.cable import Cable
from tests.http_client import Requester, events_of, stream
from tests.servers import ChattyServer

BODY = "x" * 3_000


@pytest.fixture
def server() -> Iterator[ChattyServer]:
    with servers.chatty_server(UNSENT_LIMIT=str(256 * 1024)) as server:
        yield server


@pytest.fixture
async def ann(server: ChattyServer, room: str) -> AsyncIterator[Client]:
    """On a socket."""
    async with Client(server.http_url, "Ann", room) as ann:
        yield ann


def connect(server: ChattyServer, receive_buffer: int = 0) -> socket.socket:
    raw = socket.socket()
    if receive_buffer:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    raw.connect(("127.0.0.1", server.port))
    raw.settimeout(20)
    return raw


def head(requester: Requester, method: str, path: str, *headers: str) -> bytes:
    lines = [f"{method} /chatty/{requester.room}/{path} HTTP/1.1", "Host: 127.0.0.1", *headers]
    return "\r\n".join([*lines, f"Authorization: Bearer {requester.token}", "", ""]).encode()


async def test_a_stream_that_is_not_read_is_closed_and_its_member_leaves(server: ChattyServer, ann: Client) -> None:
    async with Requester(server.http_url, ann.room) as bob:
        sleeper = connect(server, receive_buffer=8 * 1024)
        sleeper.sendall(head(bob, "GET", "events?name=Bob"))
        await ann.next("joined")
        memory = server.rss_kib
        for number in range(300):  # At 6 KiB each well over the limit and what the kernel holds.
            await ann.post(f"{number} {BODY}")
            if any(event["type"] == "left" for event in ann.events):
                break
        await ann.until(lambda client: any(event["type"] == "left" for event in client.events), "left")
        assert server.rss_kib - memory < 32 * 1024
        with contextlib.suppress(ConnectionError):  # It was reset.
            while await asyncio.to_thread(sleeper.recv, 65_536):
                pass
        sleeper.close()
    assert "Traceback" not in server.log


async def test_a_stream_ends_where_more_comes_on_its_connection_than_a_request_may_be(
    server: ChattyServer, ann: Client
) -> None:
    async with Requester(server.http_url, ann.room) as bob:
        raw = connect(server)
        raw.sendall(head(bob, "GET", "events?name=Bob"))
        await ann.next("joined")
        raw.sendall(head(bob, "GET", "events", "X: " + "y" * HEAD_BYTES))
        await ann.until(lambda client: any(event["type"] == "left" for event in client.events), "left")
        heard = b""
        with contextlib.suppress(ConnectionError):  # It was reset.
            while part := await asyncio.to_thread(raw.recv, 65_536):
                heard += part
        raw.close()
        assert heard.count(b"HTTP/1.1 ") <= 1, "no answer comes within another one"
    assert "Traceback" not in server.log


async def test_polls_that_do_not_come_cost_a_bounded_amount(server: ChattyServer, ann: Client) -> None:
    async with Requester(server.http_url, ann.room) as bob:
        welcome = (await bob.poll(name="Bob"))[0]
        for number in range(100):
            await ann.post(f"{number} {BODY}")
        told = await bob.poll()
        assert [event["type"] for event in told][-1] == "bye"
        assert told[-1]["code"] == 1013
        again = (await bob.poll(name="Bob", since=f"{welcome['log']}:{welcome['head']}"))[0]
        assert again["type"] == "welcome"
        assert again["head"] == 100


@pytest.mark.long
async def test_a_stream_behind_a_pulled_cable_ends_where_its_client_promised_requests(
    server: ChattyServer, ann: Client
) -> None:
    async with (
        Cable(server.port) as cable,
        Requester(cable.http_url, ann.room) as bob,
        stream(bob, name="Bob", alive="4") as events,
    ):
        await events.next("welcome")
        await ann.next("joined")
        for _ in range(3):
            await asyncio.sleep(2)
            assert events_of(await bob.command([])) == []
        await ann.settle()
        assert not any(event["type"] == "left" for event in ann.events)
        cable.pull()
        async with asyncio.timeout(10 + BUSY_SECONDS):
            await ann.until(lambda client: any(event["type"] == "left" for event in client.events), "left")


@pytest.mark.long
@pytest.mark.parametrize("is_finished", [True, False])
async def test_requests_that_come_slowly_or_never_end_hold_nobody_up(
    server: ChattyServer, ann: Client, is_finished: bool
) -> None:
    async with Requester(server.http_url, ann.room) as bob:
        body = json.dumps({"type": "post", "nonce": bob.id, "body": "slowly"}).encode()
        slow = [connect(server) for _ in range(50)]
        for raw in slow:
            raw.sendall(head(bob, "POST", "commands", f"Content-Length: {len(body)}") + body[:20])
        await ann.post("meanwhile")
        assert (await bob.post("at once", session=False))["body"] == "at once"
        assert not select.select(slow, [], [], 0)[0], "nobody has waited until the slow ones were over"
        for raw in slow[:5]:
            if is_finished:
                raw.sendall(body[20:])
                assert (await asyncio.to_thread(raw.recv, 65_536)).startswith(b"HTTP/1.1 200")
            else:
                with contextlib.suppress(ConnectionError):
                    answer = await asyncio.to_thread(raw.recv, 65_536)
                    assert not answer or answer.startswith(b"HTTP/1.1 408")
        for raw in slow:
            raw.close()
    assert "Traceback" not in server.log


async def test_an_endless_body_is_answered_with_413(server: ChattyServer, ann: Client) -> None:
    async with Requester(server.http_url, ann.room) as bob:
        raw = connect(server)
        raw.sendall(head(bob, "POST", "commands", "Transfer-Encoding: chunked"))

        def pour() -> bytes:
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            with contextlib.suppress(ConnectionError):
                for _ in range(40):
                    raw.sendall(chunk)
            with contextlib.suppress(ConnectionError):
                return raw.recv(65_536)
            return b""

        assert (await asyncio.to_thread(pour))[:12] in (b"HTTP/1.1 413", b"")
        raw.close()
    assert "Traceback" not in server.log


async def test_what_nobody_waits_for_any_more_is_not_looked_up(server: ChattyServer, ann: Client) -> None:
    """A client that asks and goes, many times, leaves nothing behind."""
    async with Requester(server.http_url, ann.room) as bob:
        body = json.dumps([{"type": "history", "before": 99, "limit": 100}] * 20).encode()
        for _ in range(50):
            raw = connect(server)
            raw.sendall(head(bob, "POST", "commands", f"Content-Length: {len(body)}") + body)
            raw.close()
        await bob.post("still here", session=False)
        async with asyncio.timeout(60):
            while server.counts()["connections"] != 1:
                await asyncio.sleep(0.1)


async def test_connections_of_an_address_are_limited_over_http_as_on_sockets(room: str) -> None:
    with servers.chatty_server(MAX_CONNECTIONS_PER_ADDRESS="3") as server:
        async with (
            Client(server.http_url, "Ann", room),
            Requester(server.http_url, room) as bob,
            Requester(server.http_url, room) as eve,
            stream(bob, name="Bob") as events,
        ):
            await events.next("welcome")
            await eve.poll(name="Eve")
            refused = await bob.http.get(f"{bob.base}/events?name=Bob&poll=1")
            assert (refused.status_code, events_of(refused)[0]["code"]) == (429, 4008)
            assert int(refused.headers["retry-after"]) > 0
            assert (await bob.post("I may still post"))["author"]["name"] == "Bob"
            await events.next("message")
            assert [event["type"] for event in await eve.poll()] == ["message"]
            statuses = [(await bob.http.get(f"{bob.base}/events?name=Bob&poll=1")).status_code for _ in range(10)]
            assert statuses == [429] * 10


async def test_a_members_limits_are_the_same_over_http(room: str) -> None:
    with servers.chatty_server(POST_LIMIT="3,0.01", COMMAND_LIMIT="200,20") as server:
        async with Requester(server.http_url, room) as bob:
            for number in range(3):
                await bob.post(str(number), session=False)
            answer = await bob.command({"type": "post", "nonce": bob.id, "body": "four"}, session=False)
            assert (answer.status_code, events_of(answer)[0]["code"]) == (429, "rate_limited")
            assert int(answer.headers["retry-after"]) >= 1
            codes = set[str]()
            for _ in range(5):  # Faster than refusals are forgiven, however busy the machine is.
                answer = await bob.command([{"type": "nonsense"}] * COMMANDS_LIMIT, session=False)
                codes |= {event["code"] for event in events_of(answer)}
            assert codes == {"unknown_command", "rate_limited"}


async def test_requests_of_an_address_in_debt_wait_and_are_refused(room: str) -> None:
    with servers.chatty_server(ADDRESS_CPU="0.05,0.000001") as server:
        async with Requester(server.http_url, room) as bob:
            await bob.post("w.de " * 799, session=False)  # 80 ms of a core.
            assert (await bob.command([], session=False)).status_code == 429
            bob.http.headers["Authorization"] = "Bearer nobody"
            assert (await bob.command([])).status_code == 429
            bob.http.headers["X-Forwarded-For"] = "198.51.100.200"
            assert (await bob.command([])).status_code == 401
