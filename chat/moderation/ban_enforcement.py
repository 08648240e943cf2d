"""Enforces bans and revoked tokens in all rooms of a process. Follows them in the database."""

import asyncio
import logging
from collections.abc import Callable

from chat.access import policy
from chat.access.bans import Bans
from chat.access.person import Person
from chat.access.policy import Answer
from chat.access.tokens import Claims
from chat.log.reader import Log, LogUnavailable
from chat.moderation import acts
from chat.protocol.fields import MemberId

logger = logging.getLogger(__name__)

# A row is read this often, so that a ban holds everywhere within a second even if its message is lost.
FOLLOW_SECONDS = 0.5
RETRY_SECONDS = 2  # For a database that is away.

Enforce = Callable[[], None]
Publish = Callable[[], None]


class BanEnforcement:
    """Calls `enforce()` when bans or revocations have changed, and `publish()` when this process has changed bans."""

    def __init__(self, log: Log, *, enforce: Enforce, publish: Publish) -> None:
        self._log = log
        self._enforce = enforce
        self._publish = publish
        self._bans = Bans()
        self._revision: int | None = None  # Of bans and revocations; None before the first reading.
        self._reading = asyncio.Lock()
        self._changed = asyncio.Event()
        self._noted: dict[int, set[str]] = {}  # Networks to add to a ban, by its id, that aren't written yet.
        self._writing: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Returns when bans and revocations are known. No client may join before that.

        Raises:
            LogUnavailable: they can't be read.
        """
        if self._revision is None:
            await self._read(first=True)

    def can_join(self, person: Person, slug: str) -> Answer:
        """The same as `policy.can_join`, by the bans that are in force."""
        return policy.can_join(person, slug, self._bans)

    def generation_of(self, member_id: MemberId) -> int:
        """The generation of this member's next token."""
        return self._bans.generation_of(member_id)

    def is_revoked(self, claims: Claims) -> bool:
        """Whether the token with these claims was revoked."""
        return self._bans.is_revoked(claims.member_id, claims.generation)

    def wake(self) -> None:
        """Makes `follow` read at once, because something has changed."""
        self._changed.set()

    async def follow(self) -> None:
        """Waits for `wake`, at most FOLLOW_SECONDS, then reads the changes. Call it in a loop."""
        try:
            async with asyncio.timeout(FOLLOW_SECONDS):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()
        try:
            await self._read()
        except LogUnavailable:  # The known bans still hold.
            await asyncio.sleep(RETRY_SECONDS)
            raise

    async def _read(self, first: bool = False) -> None:
        async with self._reading:
            if first and self._revision is not None:  # Another caller has done the first reading.
                return
            found = await self._log.read(acts.read_exclusions, self._revision)
            if found is None:
                return
            self._revision = found.revision
            self._bans = Bans(found.bans, found.generations)
        self._enforce()

    # --- addresses ---

    def note(self, person: Person, *, is_attempt: bool = False) -> None:
        """Adds a banned member's network to their bans by address. `is_attempt`: the member only tried to join.

        An attempt adds a network only to bans without any. Otherwise a banned member could get any number of networks
        banned by trying from them.
        """
        network = policy.bannable_network(person)
        for ban in self._bans.of(person.id):
            if ban.by_address and network and network not in ban.networks and not (is_attempt and ban.networks):
                self._noted.setdefault(ban.id, set()).add(network)
        if self._noted and self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._noted:
                ban_id, networks = self._noted.popitem()
                await self._log.run(acts.add_networks, ban_id, networks)
                self._publish()
        except LogUnavailable as error:
            logger.warning("The addresses of a ban could not be kept; it takes in that of the next attempt: %s", error)
        finally:
            self._writing = None

    async def tidy(self) -> None:
        """Deletes the addresses of bans that are over."""
        await self._log.run(acts.forget_networks)
