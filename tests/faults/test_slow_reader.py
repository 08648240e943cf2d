"""A member that stops reading costs a limited amount of memory and affects nobody else."""

import contextlib
import json
import socket
import time
import uuid
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from tests import servers
from tests.client import Client
from tests.faults.members import until
from tests.http_client import Requester
from tests.servers import ChattyServer, DevelopmentServer

pytestmark = pytest.mark.alone
BODY = "x" * 3_000


async def flood(sender: Client, reader: Client, count: int) -> list[float]:
    """Posts so many messages one by one; the seconds that each took to reach `reader`."""
    delays = []
    for _ in range(count):
        nonce, started = str(uuid.uuid4()), time.monotonic()
        await sender.send(type="post", nonce=nonce, body=BODY)
        await reader.next("message", lambda event, nonce=nonce: event["nonce"] == nonce)  # type: ignore[misc]
        delays.append(time.monotonic() - started)
    return sorted(delays)


class Sleeper:
    """A member that joins and then reads nothing at all."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def join(self) -> Any:
        info_token = self._client.token
        # A small buffer, so that the kernel doesn't read for it.
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
        host, port = self._client.http_url.removeprefix("http://").split(":")
        raw.connect((host, int(port)))
        url = f"{self._client.http_url.replace('http', 'ws')}/ws/chatty/{self._client.room}"
        self.socket = await connect(url, sock=raw, proxy=None, compression=None, max_queue=1, ping_interval=None)
        await self.socket.send(json.dumps({"type": "join", "token": info_token, "name": "Sleeper", "v": 1}))
        await self.socket.recv()
        self.socket.transport.pause_reading()

    async def read_to_the_end(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.socket.recv()


@pytest.mark.parametrize("limit_kib", [256, 1024])
async def test_a_slow_reader_is_closed_and_the_others_do_not_notice(room: str, limit_kib: int) -> None:
    with servers.chatty_server(UNSENT_LIMIT=str(limit_kib * 1024)) as server:
        async with Client(server.http_url, "Ann", room) as ann, Client(server.http_url, "Bob", room) as bob:
            count = 200 + limit_kib // 4  # At 6 KiB each well over the limit and what the kernel holds.
            before = await flood(ann, bob, count)
            memory = server.rss_kib
            sleepers = []
            for _ in range(5):
                guest = await Client(server.http_url, "Sleeper", room).open()
                sleepers.append(Sleeper(guest))
                await guest.close()
                await sleepers[-1].join()
            await bob.until(lambda c: c.online == 3 + 4, "the sleepers")
            during = await flood(ann, bob, count)

            # Five times the limit, and the kernel's share of it is not ours; whatever the allocator keeps is.
            assert server.rss_kib - memory < 5 * limit_kib + 16 * 1024
            p99 = len(before) * 99 // 100
            assert during[p99] < before[p99] * 5 + 0.2  # A wait for slow readers would take seconds.
            for sleeper in sleepers:
                sleeper.socket.transport.resume_reading()
                await sleeper.read_to_the_end()
                assert sleeper.socket.close_code == 1013
            assert await _still_well(ann, bob)


async def _still_well(ann: Client, bob: Client) -> bool:
    posted = await ann.post("still here")
    heard = await bob.next("message", lambda event: event["seq"] == posted["seq"])
    return bool(heard["body"] == "still here")


async def test_a_slow_reader_that_never_wakes_is_cut_off(room: str) -> None:
    with servers.chatty_server(UNSENT_LIMIT=str(256 * 1024)) as server:
        async with Client(server.http_url, "Ann", room) as ann, Client(server.http_url, "Bob", room) as bob:
            sockets_before = server.socket_count
            guest = await Client(server.http_url, "Sleeper", room).open()
            await guest.close()
            sleeper = Sleeper(guest)
            await sleeper.join()
            await bob.until(lambda c: c.online == 3, "the sleeper")
            await flood(ann, bob, 400)
            await bob.until(lambda c: c.online == 2, "the sleeper gone")
            await until(lambda: server.socket_count == sockets_before, 60)


@pytest.mark.parametrize("kind", [ChattyServer, DevelopmentServer])
async def test_a_slow_reader_of_an_event_stream_is_cut_off(room: str, kind: type[ChattyServer]) -> None:
    """With Daphne, too, which by itself would keep 5 MB for this one."""
    with kind(UNSENT_LIMIT=str(256 * 1024)) as server:
        async with Client(server.http_url, "Ann", room) as ann, Client(server.http_url, "Bob", room) as bob:
            sockets_before = server.client_socket_count
            async with Requester(server.http_url, room) as reader:
                raw = socket.socket()
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024)
                raw.connect(("127.0.0.1", server.port))
                head = f"GET /chatty/{room}/events?name=Sleeper HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n"
                raw.sendall(f"{head}Authorization: Bearer {reader.token}\r\n\r\n".encode())
            await bob.until(lambda c: c.online == 3, "the sleeper")
            await flood(ann, bob, 800)
            await bob.until(lambda c: c.online == 2, "the sleeper gone")
            await until(lambda: server.client_socket_count == sockets_before, 60)
            raw.close()
            assert await _still_well(ann, bob)
