"""Who may come in: the bans of the database, followed by every process, and enforced in all its rooms."""

import asyncio
import logging
from collections.abc import Callable

from . import moderation
from .bans import Bans
from .log import Log, LogUnavailable
from .protocol import MemberId

logger = logging.getLogger(__name__)

# A ban shall hold everywhere within a second, whatever became of the news of it: a row is read as often as this.
FOLLOW_SECONDS = 0.5
RETRY_SECONDS = 2  # For a database that is away.

Enforce = Callable[[], None]
Tell = Callable[[], None]


class Door:
    """`enforce()` is called when the bans have changed; `tell()` when this process has changed them itself."""

    def __init__(self, log: Log, *, enforce: Enforce, tell: Tell) -> None:
        self._log = log
        self._enforce = enforce
        self._tell = tell
        self._bans = Bans()
        self._revision: int | None = None  # Of the bans; None before the first reading.
        self._reading = asyncio.Lock()
        self._told = asyncio.Event()
        self._noted: dict[int, set[str]] = {}  # Networks that a ban takes in, by its id, on their way to the database.
        self._writing: asyncio.Task[None] | None = None

    async def ready(self) -> None:
        """Returns when the bans are known. A process that has just started lets nobody in before.

        Raises:
            LogUnavailable: they can't be read.
        """
        if self._revision is None:
            await self._read()

    def is_shut(self, member_id: MemberId, network: str) -> bool:
        """Whether this member, coming from this network, stays outside."""
        return self._bans.shut_out(member_id, network)

    def wake(self) -> None:
        """The bans have changed: they are read now, not a moment later."""
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

    async def _read(self) -> None:
        async with self._reading:
            found = await self._log.run(moderation.read_bans, self._revision)
            if found is None:
                return
            self._revision, bans = found
            self._bans = Bans(bans)
        self._enforce()

    # --- addresses ---

    def note(self, member_id: MemberId, network: str, *, is_attempt: bool = False) -> None:
        """A banned member was here, or tried to come in, from this network: bans by address take it in.

        Only those that know no network yet take in one of an attempt. Else somebody who is banned could have one
        place after another banned, by trying.
        """
        for ban in self._bans.of(member_id):
            if ban.by_address and network and network not in ban.networks and not (is_attempt and ban.networks):
                self._noted.setdefault(ban.id, set()).add(network)
        if self._noted and self._writing is None:
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            while self._noted:
                ban_id, networks = self._noted.popitem()
                await self._log.run(moderation.add_networks, ban_id, networks)
                self._tell()
        except LogUnavailable as error:
            logger.warning("The addresses of a ban could not be kept; it takes in that of the next attempt: %s", error)
        finally:
            self._writing = None

    async def tidy(self) -> None:
        """Forgets the addresses of bans that are over."""
        await self._log.run(moderation.forget_networks)
