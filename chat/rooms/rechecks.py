"""Asks CAN_JOIN again about people who are in a room or watch it, and disconnects those who may no longer be there.

The host says when (`chat.api.recheck`). Each such request has the next number of the database's `access_revision`. A
process that is told of the next number asks about the people in question. One that finds a number in the database of
which it wasn't told asks about all its members.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set
from functools import partial

from django.db import DatabaseError, InterfaceError

from chat.access import policy
from chat.access.person import Person
from chat.access.policy import Answer
from chat.cluster.messages import AccessChanged
from chat.log import access_revision
from chat.log.reader import Log, LogUnavailable
from chat.rooms.hub import RoomHub
from chat.rooms.scheduler import in_slices
from chat.rooms.watch import Watching

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 1  # The number is read this often, if the host has a rule at all.
PEOPLE_AT_ONCE = 20  # Asked about on one thread, before others that wait for it have their turn.
TOLD_LIMIT = 1_000  # Requests of 1 KB at most. Past it all members are asked about.

EVERYBODY = AccessChanged(0)


class Rechecks:
    """`hubs`: the open rooms by name. `can_join(person, slug)`: the rules besides the host's."""

    def __init__(
        self, log: Log, hubs: Mapping[str, RoomHub], watching: Watching, can_join: Callable[[Person, str], Answer]
    ) -> None:
        self._log = log
        self._hubs = hubs
        self._watching = watching
        self._can_join = can_join
        self.begun = 0  # How many were begun. Who was asked about before the last one must be asked about again.
        self._told: deque[AccessChanged] = deque(maxlen=TOLD_LIMIT)
        self._has_news = asyncio.Event()
        self._done: int | None = None  # All requests up to this number were carried out. None: not read yet.

    def handle(self, changed: AccessChanged) -> None:
        """Takes a request of any process."""
        self._told.append(changed)
        self._has_news.set()

    async def follow(self) -> None:
        """Waits for a request, at most FOLLOW_SECONDS, then carries out all that are due. Call it in a loop.

        Raises:
            LogUnavailable: the number, or the host's rule, couldn't be read. The next call tries again.
        """
        if self._done is not None or not policy.asks_host():
            try:
                async with asyncio.timeout(FOLLOW_SECONDS):
                    await self._has_news.wait()
            except TimeoutError:
                pass
        self._has_news.clear()
        if not policy.asks_host():
            self._told.clear()
            return
        while self._told:
            changed = self._told.popleft()
            if self._done is not None and changed.number == self._done + 1:
                await self._check(changed)
                self._done = changed.number
        try:
            if (number := await self._log.read(access_revision.read)) != self._done:
                await self._check(EVERYBODY)
                self._done = number
        except LogUnavailable:
            await asyncio.sleep(FOLLOW_SECONDS)
            raise

    async def check_newcomer(self, person: Person, slug: str) -> None:
        """Asks about somebody who was asked about before the last request and has come in after it."""
        try:
            await self._check(AccessChanged(0, slug, person.id))
        except LogUnavailable as error:
            logger.warning("Whether somebody may still be in room %s is asked later: %s", slug, error)
            self._done = None

    async def _check(self, changed: AccessChanged) -> None:
        self.begun += 1
        for hub in list(self._hubs.values()):
            slug = hub.room.slug
            if changed.room not in ("", slug):
                continue
            denied: set[Person] = set()
            people = {person for _, person in hub.visitors if _concerns(changed, person)}
            for some in in_slices(people, PEOPLE_AT_ONCE):
                denied |= await self._log.read(_denied, some, slug)
            if denied:
                hub.disconnect_banned(partial(self._may_stay, slug, denied))

        await self._check_watchers(changed)

    async def _check_watchers(self, changed: AccessChanged) -> None:
        """Ends what people watch of rooms that aren't there for them any more."""
        visitors = [visitor for hub in self._hubs.values() for visitor in hub.visitors]
        for connection, person in visitors:
            if not _concerns(changed, person):
                continue
            for slug in self._watching.rooms_of(connection):
                if changed.room not in ("", slug):
                    continue
                denied: set[Person] = await self._log.read(_denied, [person], slug)
                if denied:
                    self._watching.unwatch(connection, slug)

    def _may_stay(self, slug: str, denied: Set[Person], person: Person) -> Answer:
        return policy.NO_ACCESS if person in denied else self._can_join(person, slug)


def _concerns(changed: AccessChanged, person: Person) -> bool:
    if not (changed.member_id or changed.account):
        return True
    return person.id == changed.member_id or (bool(changed.account) and person.account == changed.account)


def _denied(people: Sequence[Person], slug: str) -> set[Person]:
    """Those whom the host no longer lets in, in a thread. As at the entrance, a rule that fails lets nobody stay."""
    return {person for person in people if not _admits(person, slug)}


def _admits(person: Person, slug: str) -> bool:
    try:
        return bool(policy.host_admits(person, slug))
    except (DatabaseError, InterfaceError):  # It is asked again.
        raise
    except Exception:
        logger.exception("CAN_JOIN failed")
        return False
