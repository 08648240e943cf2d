"""The Redis servers: which one serves a room, and calls with a time limit."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

T = TypeVar("T")

REDIS_TIMEOUT_SECONDS = 2  # Less than a renewal of leases, so that a Redis that hangs costs one of them at most.


def place_of_room(room: str, servers: int) -> int:
    """Which of so many servers has this room's presence and its group: the same one for all processes."""
    return zlib.crc32(room.encode()) % servers


class RedisServer:
    """One Redis. After it hung it isn't asked again for a moment: a renewal of its rooms makes several calls."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            # A connection that a restart of Redis cut is replaced at once. One that hangs would hang again.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            retry_on_timeout=False,
        )
        self.writing = asyncio.Lock()  # Changes reach the store in the order in which they happened.
        self._hung_at = float("-inf")

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """What `work` returns.

        Raises:
            RedisError, OSError: the server failed, or it hung a moment ago.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._hung_at < REDIS_TIMEOUT_SECONDS:
            raise RedisTimeoutError("it didn't answer a moment ago")
        try:
            return await work()
        except RedisTimeoutError:
            self._hung_at = loop.time()
            raise
