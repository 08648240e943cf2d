"""What the rooms' processes know together, for synchronous code: who is in a room, the log of one without a row."""

import asyncio
import uuid
from collections.abc import Callable, Collection, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from chat.cluster.outside import run_outside
from chat.cluster.presence_store import MemoryPresence, Presence, PresenceUnavailable
from chat.cluster.redis_presence import RedisPresence
from chat.conf import chatty
from chat.content.mentions import NAMESAKES_LIMIT, NOBODY, People, fold
from chat.log.reader import LogUnavailable
from chat.protocol.events import Member
from chat.rooms.registry import RoomRegistry, running_registries
from chat.rooms.roster import read_members

T = TypeVar("T")

PATIENCE_SECONDS = 5  # For Redis, whose own limit is 2 s, and for a busy event loop.

_stores: "WeakKeyDictionary[asyncio.AbstractEventLoop, Presence]" = WeakKeyDictionary()


def members(room: str) -> list[Member]:
    """The members in all processes. Waits for Redis, and for the event loop: don't call it there.

    Raises:
        LogUnavailable: Redis failed.
    """
    try:
        return _asked(lambda registry: registry.members(room), lambda: _read(room)).result(PATIENCE_SECONDS)
    except (PresenceUnavailable, TimeoutError) as error:
        raise LogUnavailable(f"who is in the room can't be told: {error}") from error


def proposed_log(room: str) -> uuid.UUID:
    """The log for the row of a room without one, which the processes with members there also expect."""
    try:
        return _asked(lambda registry: registry.proposed_log(room), lambda: _propose(room)).result(PATIENCE_SECONDS)
    except (PresenceUnavailable, TimeoutError):  # Members there begin anew with the log of the row.
        return uuid.uuid4()


def _asked(
    here: Callable[[RoomRegistry], Coroutine[Any, Any, T]], outside: Callable[[], Coroutine[Any, Any, T]]
) -> "Future[T]":
    """Asks the registry of this process. Without one, asks outside."""
    for loop, registry in running_registries():
        work = here(registry)
        try:
            return asyncio.run_coroutine_threadsafe(work, loop)
        except RuntimeError:  # It was closed just now.
            work.close()
    return run_outside(outside())


async def _read(room: str) -> list[Member]:
    return await read_members(_store(), room)


async def _propose(room: str) -> uuid.UUID:
    return (await _store().propose({room: uuid.uuid4()}))[room]


def _store() -> Presence:
    loop = asyncio.get_running_loop()
    if loop not in _stores:
        _stores[loop] = RedisPresence(chatty.REDIS_URLS) if chatty.REDIS_URLS else MemoryPresence()
    return _stores[loop]


def called(room: str, names: Collection[str]) -> People:
    """The members with one of these folded names. None if Redis fails: the message then mentions nobody."""
    try:
        present = members(room)
    except LogUnavailable:
        return NOBODY
    found: dict[str, tuple[Any, ...]] = {}
    for member in present:
        if (name := fold(member.name)) in names:
            found[name] = (*found.get(name, ()), member.id)[:NAMESAKES_LIMIT]
    return found
