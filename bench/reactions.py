"""`python -m bench.reactions`: what a reaction costs the server and the wire, beside what it cost at another commit.

Members of one room react to one message, on and off, to which many have reacted before. The commits take turns, so that
a machine that is busy for a while is so for both.
"""

import argparse
import asyncio
import itertools
import json
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from chat.access.tokens import new_member_id
from tests.client import Client
from tests.servers import ROOT

from .dialects import ChattyDialect
from .page import ServerOf, tree_of
from .processes import cpu_seconds

ROOM = "reactions"
ACTIVE = 10  # So many react in turn.
ROUND_SECONDS = 60  # A round that takes longer has failed.
VERSION = re.compile(rb'"version":(\d+)')
CHANGE = (b'{"type":"message"', b'{"type":"reacted"')


class Reader:
    """A member that counts the bytes of the frames in which changes are told."""

    def __init__(self, socket: ClientConnection, last: int) -> None:
        self.socket = socket
        self.bytes = 0
        self.has_last = asyncio.Event()  # The version `last` was told.
        self._last = last
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while not self.has_last.is_set():
            payload = await self.socket.recv(decode=False)
            if any(kind in payload for kind in CHANGE):
                self.bytes += len(payload)
                if int(VERSION.findall(payload)[-1]) >= self._last:
                    self.has_last.set()

    async def react(self, on: bool) -> None:
        await self.socket.send(json.dumps({"type": "react", "seq": 1, "emoji": "👍", "on": on}))


async def join(server: ServerOf, last: int) -> Reader:
    """A new member of the room, welcomed, who reads up to the version `last`."""
    socket = await connect(f"{server.ws_url}/{ROOM}", proxy=None, max_size=None, compression=None)
    await socket.send(ChattyDialect().join(ROOM, "Bob", new_member_id(), False, b"", 0).decode())
    await socket.recv()
    return Reader(socket, last)


async def prepare(server: ServerOf, reactors: int) -> None:
    """Somebody says something, and so many react to it."""
    async with Client(server.http_url, "Ann", ROOM) as ann:
        await ann.post("Who is in?")
    for number in range(reactors):
        reader = await join(server, number + 2)
        await reader.react(True)
        await reader.reading
        await reader.socket.close()


async def measure(server: ServerOf, members: int, reactions: int, per_second: float) -> tuple[float, float]:
    """The bytes that each member gets for a reaction, and the server's CPU milliseconds for one."""
    async with Client(server.http_url, "Ann", ROOM) as ann:
        last = ann.head + reactions
    readers = [await join(server, last) for _ in range(members)]
    before = cpu_seconds([server.pid])
    for number in range(reactions):
        await readers[number % ACTIVE].react(number // ACTIVE % 2 == 0)
        await asyncio.sleep(1 / per_second)
    await asyncio.gather(*(reader.reading for reader in readers))
    spent = cpu_seconds([server.pid]) - before
    for reader in readers:
        await reader.socket.close()
    return sum(reader.bytes for reader in readers) / members / reactions, spent * 1000 / reactions


def run(trees: dict[str, Path], options: argparse.Namespace) -> Iterator[tuple[str, float, float]]:
    """Each round of each commit: its name, bytes, CPU milliseconds."""
    with ExitStack() as stack:
        servers = {name: stack.enter_context(ServerOf(tree)) for name, tree in trees.items()}
        for server in servers.values():
            asyncio.run(prepare(server, options.reactors))
        for name in itertools.chain.from_iterable([servers] * options.rounds):
            work = measure(servers[name], options.members, options.reactions, options.per_second)
            yield name, *asyncio.run(asyncio.wait_for(work, ROUND_SECONDS))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reactions", description=__doc__)
    parser.add_argument("--before", metavar="COMMIT", help="measure this one as well")
    parser.add_argument("--reactors", type=int, default=190, help="members who have reacted before; 200 is the most")
    parser.add_argument("--members", type=int, default=100)
    parser.add_argument("--reactions", type=int, default=200, help="in each round, a multiple of 20")
    parser.add_argument("--per-second", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    out = sys.stdout
    with ExitStack() as stack:
        trees = {options.before: stack.enter_context(tree_of(options.before))} if options.before else {}
        out.write("| commit | bytes of a reaction to each member | CPU of the server for a reaction |\n|---|---|---|\n")
        for name, size, spent in run(trees | {"now": ROOT}, options):
            out.write(f"| {name} | {size:,.0f} | {spent:.2f} ms |\n")
            out.flush()


if __name__ == "__main__":
    main()
