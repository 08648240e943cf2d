"""Delivers what is new in rooms to their outgoing webhooks.

Each process has one deliverer. The database says which of them delivers what.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence

from chat.log.reader import Log, LogUnavailable
from chat.log.turns import Asker
from chat.protocol.errors import Refusal
from chat.webhooks.addresses import Network
from chat.webhooks.client import EXCHANGE_SECONDS, WebhookClient
from chat.webhooks.deliveries import LEASE_SECONDS, Deliveries

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2  # Maximum delay of what another process wrote, or of a hook that was just created.
GATHER_SECONDS = 0.1  # After a message of this process, so that a busy room costs ten looks a second at most.
AT_ONCE = 16  # Deliveries of one process.
FAILING_AT_ONCE = 8  # Of these, to receivers that failed: dead ones leave room for the others.
BEGIN_SECONDS = LEASE_SECONDS - EXCHANGE_SECONDS - 1
NETWORK = "webhooks"  # Their turn among those who read the log: that of one address.


class Deliverer:
    """Call `follow` in a loop, and `wake` when a message was written."""

    def __init__(self, log: Log, networks: Sequence[Network], deliveries: Deliveries | None = None) -> None:
        self._log = log
        self._deliveries = deliveries or Deliveries(uuid.uuid4())
        self._client = WebhookClient(networks, AT_ONCE)
        self._rooms: frozenset[int] = frozenset()  # Those with a hook, by id, at the last look.
        self._woken = asyncio.Event()
        self._running: dict[uuid.UUID, asyncio.Task[None]] = {}  # By hook.
        self._failing: set[uuid.UUID] = set()  # Those of them whose receiver failed before.

    def wake(self, room_id: int) -> None:
        """Says that something was written in this room. Costs next to nothing if it has no hook."""
        if room_id in self._rooms:
            self._woken.set()

    async def follow(self) -> None:
        """Waits for `wake`, at most LOOK_SECONDS, then starts the deliveries that are due.

        Raises:
            LogUnavailable: the database can't be read.
        """
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            pass
        else:
            await asyncio.sleep(GATHER_SECONDS)
        self._woken.clear()
        free = AT_ONCE - len(self._running)
        if free <= 0:
            return  # The end of a delivery wakes it.
        try:
            due = await self._log.read(
                self._deliveries.due, AT_ONCE, max(0, FAILING_AT_ONCE - len(self._failing)), asker=Asker(NETWORK, "")
            )
        except Refusal:  # Too much else is read. Nothing is lost.
            return
        self._rooms = due.rooms
        for hook_id in (*due.hooks, *due.failing):
            if hook_id not in self._running and len(self._running) < AT_ONCE:
                if hook_id in due.failing:
                    self._failing.add(hook_id)
                self._running[hook_id] = asyncio.create_task(self._run(hook_id))

    async def _run(self, hook_id: uuid.UUID) -> None:
        try:
            if await self._deliver(hook_id):
                self._woken.set()  # There may be more.
        except (LogUnavailable, Refusal) as error:
            logger.warning("A delivery to a webhook waits for the database: %s", error)
        except Exception:
            logger.exception("A delivery to the webhook %s failed", hook_id)
        finally:
            if len(self._running) >= AT_ONCE:
                self._woken.set()  # Others may be waiting for a place.
            self._running.pop(hook_id, None)
            self._failing.discard(hook_id)

    async def _deliver(self, hook_id: uuid.UUID) -> bool:
        """Makes one attempt, if this process may. Returns whether the receiver got something."""
        asker = Asker(NETWORK, str(hook_id))
        delivery = await self._log.read(self._deliveries.read, hook_id, asker=asker)
        asked_at = time.monotonic()
        if delivery is None or not await self._log.run(self._deliveries.begin, delivery, asker=asker):
            return False
        if time.monotonic() - asked_at > BEGIN_SECONDS:
            return False  # The lease might end before the exchange. The next look takes it again.
        result = await self._client.send(delivery)
        reason = await self._log.run(self._deliveries.finish, delivery, result, asker=asker)
        if reason:
            slug = delivery.hook.room.slug
            logger.warning("The webhook %s of room %s was switched off. %s", hook_id, slug, reason)
        return result.is_delivered

    async def close(self) -> None:
        """Ends all deliveries, and gives their leases back. Another process repeats what was under way."""
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._client.close()
        if tasks:
            await self._log.run(self._deliveries.release, asker=Asker(NETWORK, ""))
