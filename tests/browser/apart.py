"""People without a page: they talk over a socket of their own, which costs a fraction of what a page does."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.client import Client

AT_ONCE = 50  # Messages that are on their way together.


def apart(work: Coroutine[Any, Any, Any]) -> Any:
    """Its result. It runs in a thread of its own: Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def visit(client: Client, work: Callable[[Client], Coroutine[Any, Any, Any]]) -> Any:
    """Somebody comes, does that, and goes."""

    async def come() -> Any:
        async with client:
            return await work(client)

    return apart(come())


def talk(client: Client, bodies: Sequence[str]) -> None:
    """Somebody comes, says that in this order, and goes."""

    async def say(client: Client) -> None:
        for start in range(0, len(bodies), AT_ONCE):
            some = bodies[start : start + AT_ONCE]
            last = client.head + len(some)
            for body in some:
                await client.send(type="post", nonce=str(uuid.uuid4()), body=body)
            await client.until(lambda client: client.head >= last, "its own messages")  # noqa: B023

    visit(client, say)
