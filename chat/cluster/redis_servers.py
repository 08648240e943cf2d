"""The Redis servers: the choice of a room's server, and calls with a time limit."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError

from chat.counters import counters

T = TypeVar("T")

REDIS_TIMEOUT_SECONDS = 2  # No longer than a lease renewal's interval: a Redis that hangs costs one renewal at most.


def place_of_room(room: str, servers: int) -> int:
    """The index of the server that has this room's presence and group. The same in all processes."""
    return zlib.crc32(room.encode()) % servers


class RedisServer:
    """One Redis. After a timeout, calls fail at once for a moment, because a renewal makes several calls."""

    def __init__(self, url: str) -> None:
        self.redis = Redis.from_url(
            url,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            # Replaces a connection that a restart of Redis cut. After a timeout, a retry would hang again.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            retry_on_timeout=False,
        )
        self.writing = asyncio.Lock()  # Keeps changes in order.
        self._hung_at = float("-inf")

    async def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Runs `work` and returns its result.

        Raises:
            RedisError, OSError: the server failed, or it timed out a moment ago.
        """
        loop = asyncio.get_running_loop()
        if loop.time() - self._hung_at < REDIS_TIMEOUT_SECONDS:
            counters.redis_errors += 1
            raise RedisTimeoutError("it didn't answer a moment ago")
        try:
            return await work()
        except (RedisError, OSError) as error:
            counters.redis_errors += 1
            if isinstance(error, RedisTimeoutError):
                self._hung_at = loop.time()
            raise
