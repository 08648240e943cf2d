"""Who may come in: bans and revoked tokens, followed in the database by every process and enforced in all its rooms."""

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

# A ban shall hold everywhere within a second, whatever became of the news of it: a row is read as often as this.
FOLLOW_SECONDS = 0.5
RETRY_SECONDS = 2  # For a database that is away.

Enforce = Callable[[], None]
Tell = Callable[[], None]


class BanEnforcement:
    """`enforce()` is called when bans or revocations have changed; `tell()` when this process has changed bans."""

    def __init__(self, log: Log, *, enforce: Enforce, tell: Tell) -> None:
        self._log = log
        self._enforce = enforce
        self._tell = tell
        self._bans = Bans()
        self._revision: int | None = None  # Of bans and revocations; None before the first reading.
        self._reading = asyncio.Lock()
        self._told = asyncio.Event()
        self._noted: dict[int, set[str]] = {}  # Networks that a ban takes in, by its id, on their way to the database.
        self._writing: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Returns when bans and revocations are known. A process that has just started lets nobody in before.

        Raises:
            LogUnavailable: they can't be read.
        """
        if self._revision is None:
            await self._read(first=True)

    def can_join(self, person: Person, slug: str) -> Answer:
        """As `policy.can_join`, by the bans that are in force."""
        return policy.can_join(person, slug, self._bans)

    def generation_of(self, member_id: MemberId) -> int:
        """The generation of this member's next token."""
        return self._bans.generation_of(member_id)

    def is_revoked(self, claims: Claims) -> bool:
        """Whether the token that says this was revoked."""
        return self._bans.is_revoked(claims.member_id, claims.generation)

    def wake(self) -> None:
        """Something has changed: it is read now, not a moment later."""
        self._told.set()

    async def follow(self) -> None:
        """Waits for news, though not for long, and reads what changed. To be done again and again."""
        try:
            async with asyncio.timeout(FOLLOW_SECONDS):
                await self._told.wait()
        except TimeoutError:
            pass
        self._told.clear()
        try:
            await self._read()
        except LogUnavailable:  # What is known still holds.
            await asyncio.sleep(RETRY_SECONDS)
            raise

    async def _read(self, first: bool = False) -> None:
        async with self._reading:
            if first and self._revision is not None:  # Many wait for the first reading; one of them does it.
                return
            found = await self._log.read(acts.read_exclusions, self._revision)
            if found is None:
                return
            self._revision = found.revision
            self._bans = Bans(found.bans, found.generations)
        self._enforce()

    # --- addresses ---

    def note(self, person: Person, *, is_attempt: bool = False) -> None:
        """A banned member was here, or tried to come in, from their network: bans by address take it in.

        Only those that know no network yet take in one of an attempt. Else somebody who is banned could have one
        place after another banned, by trying.
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
                self._tell()
        except LogUnavailable as error:
            logger.warning("The addresses of a ban could not be kept; it takes in that of the next attempt: %s", error)
        finally:
            self._writing = None

    async def tidy(self) -> None:
        """Forgets the addresses of bans that are over."""
        await self._log.run(acts.forget_networks)
