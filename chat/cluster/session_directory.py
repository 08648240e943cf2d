"""Which process has a session that outlives its requests: any process may get the next one."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from redis.exceptions import RedisError

from chat.cluster.redis_servers import RedisServer, place_of_room

logger = logging.getLogger(__name__)

RENEW_SECONDS = 20
LEASE_SECONDS = 3 * RENEW_SECONDS  # What a dead process leaves behind is asked in vain for as long.

# Takes the entry, unless another process has it: the client has begun anew there.
_RENEW = """
local owner = redis.call('get', KEYS[1])
if not owner or owner == ARGV[1] then redis.call('set', KEYS[1], ARGV[1], 'EX', ARGV[2]) end
"""
_REMOVE = "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('del', KEYS[1]) end"


class Directory(Protocol):
    """Names of processes, by room and the session's name there. What fails is logged: then nobody has a session."""

    async def claim(self, room: str, session: str) -> str | None:
        """This process has the session from now on. Returns the one that had it before."""

    async def find(self, room: str, session: str) -> str | None:
        """The process that has the session."""

    async def renew(self, sessions: Iterable[tuple[str, str]]) -> None:
        """Keeps these, by room and name; to be called every RENEW_SECONDS."""

    async def remove(self, room: str, session: str) -> None:
        """This process has it no longer."""

    async def close(self) -> None:
        """Ends the connections."""


class NoDirectory:
    """For a single process: no other one has anything."""

    async def claim(self, room: str, session: str) -> str | None:
        return None

    async def find(self, room: str, session: str) -> str | None:
        return None

    async def renew(self, sessions: Iterable[tuple[str, str]]) -> None: ...

    async def remove(self, room: str, session: str) -> None: ...

    async def close(self) -> None: ...


class RedisDirectory:
    """chatty:session:{room}:{session}: string, the process. `process` names this one."""

    def __init__(self, urls: Sequence[str], process: str) -> None:
        self._servers = [RedisServer(url) for url in urls]
        self._process = process

    async def claim(self, room: str, session: str) -> str | None:
        server = self._of(room)
        pipe = server.redis.pipeline()
        pipe.get(_key(room, session))
        pipe.set(_key(room, session), self._process, ex=LEASE_SECONDS)
        try:
            before, _ = await server.run(pipe.execute)
        except (RedisError, OSError) as error:
            logger.warning("Other processes won't find a session: %s", error)
            return None
        return None if before is None else before.decode()

    async def find(self, room: str, session: str) -> str | None:
        server = self._of(room)
        try:
            owner: Any = await server.run(lambda: server.redis.get(_key(room, session)))
        except (RedisError, OSError) as error:
            logger.warning("A session of another process can't be found: %s", error)
            return None
        return None if owner is None else owner.decode()

    async def renew(self, sessions: Iterable[tuple[str, str]]) -> None:
        pipes = {}
        for room, session in sessions:
            server = self._of(room)
            if server not in pipes:
                pipes[server] = server.redis.pipeline(transaction=False)
            pipes[server].eval(_RENEW, 1, _key(room, session), self._process, str(LEASE_SECONDS))
        for server, pipe in pipes.items():
            try:
                await server.run(pipe.execute)
            except (RedisError, OSError) as error:
                logger.warning("Other processes won't find this one's sessions for a while: %s", error)

    async def remove(self, room: str, session: str) -> None:
        server = self._of(room)
        try:
            await server.run(lambda: server.redis.eval(_REMOVE, 1, _key(room, session), self._process))
        except (RedisError, OSError) as error:
            logger.warning("A session that ended is still in the directory: %s", error)

    async def close(self) -> None:
        for server in self._servers:
            await server.redis.aclose()

    def _of(self, room: str) -> RedisServer:
        return self._servers[place_of_room(room, len(self._servers))]


def _key(room: str, session: str) -> str:
    return f"chatty:session:{room}:{session}"
