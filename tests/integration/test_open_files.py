"""A worker with nearly all allowed files open: it refuses new clients clearly, logs it, and serves its members."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests import servers
from tests.client import Client
from tests.servers import ChattyServer

LIMIT = 120  # A worker by itself has about 30 open.


@contextmanager
def limited(soft: int, hard: int) -> Iterator[ChattyServer]:
    server = servers.chatty_server()
    server.prefix = [servers.program("prlimit", "util-linux"), f"--nofile={soft}:{hard}"]
    with server:
        yield server


def soft_limit(server: ChattyServer) -> str:
    lines = Path(f"/proc/{server.pid}/limits").read_text().splitlines()
    return next(line.split()[3] for line in lines if line.startswith("Max open files"))


def get(server: ChattyServer, path: str) -> httpx.Response:
    return httpx.get(f"{server.http_url}{path}", timeout=30, trust_env=False)


def test_a_worker_raises_its_soft_limit_to_the_hard_one() -> None:
    with limited(256, 1000) as server:
        assert soft_limit(server) == "1000"


async def come_until_refused(server: ChattyServer, room: str) -> list[Client]:
    """As many members as get in, until no page can be had beside them."""
    members: list[Client] = []
    while get(server, "/chatty").status_code == 200:
        assert len(members) < LIMIT
        with suppress(httpx.HTTPStatusError, InvalidStatus):  # Refused beside a connection that ends just now.
            members.append(await Client(server.http_url, "Ann", room).__aenter__())
    return members


@pytest.mark.long
async def test_near_the_limit_new_connections_are_refused_in_words_and_members_stay(room: str) -> None:
    with limited(LIMIT, LIMIT) as server:
        members = await come_until_refused(server, room)
        refused = get(server, "/chatty")
        assert (refused.status_code, refused.text) == (503, "503 Service Unavailable\n")
        assert refused.headers["retry-after"] == "10"
        with pytest.raises(InvalidStatus, match="503"):
            await connect(f"{server.ws_url}/{room}", proxy=None)
        assert get(server, "/healthz").status_code == 200
        words = f"New connections are refused: nearly all of the {LIMIT} allowed open files are in use"
        ready = get(server, "/readyz")
        assert (ready.status_code, ready.json()["problems"]) == (503, [f"{words}."])
        assert server.log.count(words) == 2  # One for the connections, in the first minute, and one of /readyz.
        await members[0].post("still here")
        await members[-1].next("message")

        for member in members[1:]:
            await member.close()
        servers.wait_until(lambda: get(server, "/readyz").status_code == 200, 60, "ready again")
        assert get(server, "/chatty").status_code == 200
        await members[0].close()
        assert "Too many open files" not in server.log
