"""`python -m bench.neighbours`: a room's posts beside an address whose members post what is expensive to render.

40 members of one address post, or edit, bodies of 800 short addresses, as often as their limits have them. Members of
other addresses post in another room meanwhile. It takes about a minute; with a commit where they hold the others up, a
few.
"""

import argparse
import asyncio
import itertools
import json
import multiprocessing
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from multiprocessing.synchronize import Event
from pathlib import Path
from statistics import quantiles
from typing import Any

from tests.client import Client
from tests.servers import ROOT

from .page import ServerOf, tree_of

MEMBERS = 40
BODY = "a.co " * 800
PACE_SECONDS = 0.05  # Between two posts of the other room.
SECONDS = 5.0  # For each row.
OTHERS = 12  # Whom their own limits let post as often as that.
HEAVY = "198.51.100.1"
# As a server has them where nobody sets any.
DEFAULTS = {"POST_LIMIT": "20,2", "COMMAND_LIMIT": "100,20", "ADDRESS_CPU": "1,0.25"}

KINDS = ("nothing", "post", "edit")
Counted = Any  # A `multiprocessing.Value`.


async def burden(http_url: str, kind: str, joined: Event, count: Counted) -> None:
    """What the members of one address do, until they are ended."""
    async with AsyncExitStack() as stack:
        members = [Client(http_url, f"Heavy {number}", f"heavy-{number}", HEAVY) for number in range(MEMBERS)]
        await asyncio.gather(*map(stack.enter_async_context, members))
        seqs = [message["seq"] for message in await asyncio.gather(*(each.post("to be edited") for each in members))]
        joined.set()
        await asyncio.gather(*(_keep_on(member, seq, kind, count) for member, seq in zip(members, seqs, strict=True)))


async def _keep_on(member: Client, seq: int, kind: str, count: Counted) -> None:
    for number in itertools.count():
        nonce = str(uuid.uuid4())
        body = f"{BODY[:-20]} {number}"
        if kind == "edit":
            await member.send(type="edit", seq=seq, body=body)
            answer = await member.next(test=lambda event: event.get("seq") == seq)
        else:
            await member.send(type="post", nonce=nonce, body=body)
            answer = await member.next(test=lambda event, nonce=nonce: event.get("nonce") == nonce)  # type: ignore[misc]
        if answer["type"] == "refused":
            await asyncio.sleep(answer.get("retry_after", 1.0))
        else:
            count.value += 1


def _burden(http_url: str, kind: str, joined: Event, count: Counted) -> None:
    with suppress(TimeoutError):  # Of an answer that took longer than a client's patience.
        asyncio.run(burden(http_url, kind, joined, count))


async def other_room(http_url: str) -> list[float]:
    """Milliseconds from each post to its acknowledgement, sorted. None waits for another."""
    async with AsyncExitStack() as stack:
        members = [Client(http_url, f"Ann {number}", "other", f"203.0.113.{number}") for number in range(OTHERS)]
        await asyncio.gather(*map(stack.enter_async_context, members))
        posts = []
        for _, member in zip(range(int(SECONDS / PACE_SECONDS)), itertools.cycle(members), strict=False):
            posts.append(asyncio.create_task(_timed_post(member)))
            await asyncio.sleep(PACE_SECONDS)
        return sorted(await asyncio.gather(*posts))


async def _timed_post(member: Client) -> float:
    began_at = time.monotonic()
    with suppress(TimeoutError):  # It counts with the time that a client waits.
        await member.post("The tide is high at noon.")
    return (time.monotonic() - began_at) * 1000


def measure(tree: Path, tell: Callable[[str], object]) -> list[tuple[str, float, float, int]]:
    """Each row: what, p50 and p99 of the other room in milliseconds, and what was carried out beside it."""
    rows = []
    for kind in KINDS:
        # A server each: what an address has used of its budget stays with it.
        with ServerOf(tree, **DEFAULTS) as server:
            joined, count = multiprocessing.Event(), multiprocessing.Value("i", 0)
            heavy = multiprocessing.Process(target=_burden, args=(server.http_url, kind, joined, count), daemon=True)
            if kind != "nothing":
                heavy.start()
                joined.wait(30)
            waits = asyncio.run(other_room(server.http_url))
            done = count.value
            if kind != "nothing":
                heavy.terminate()
                heavy.join()
        *_, p99 = quantiles(waits, n=100)
        rows.append((kind, waits[len(waits) // 2], p99, done))
        tell(json.dumps(rows[-1]) + "\n")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.neighbours", description=__doc__)
    parser.add_argument("--before", metavar="COMMIT", help="measure this one first, in the same run")
    options = parser.parse_args()
    results = {}
    if options.before:
        with tree_of(options.before) as tree:
            results[options.before] = measure(tree, sys.stderr.write)
    results["now"] = measure(ROOT, sys.stderr.write)
    for name, rows in results.items():
        for kind, p50, p99, count in rows:
            sys.stdout.write(f"| {name} | {kind} | {p50:.0f} ms | {p99:.0f} ms | {count} |\n")


if __name__ == "__main__":
    main()
