"""The fast path between processes: a Channels group for each room that this process has members in.

The process has one channel in all its groups, one task that receives and one that sends. Sending never makes a
member wait and never fails: what a group loses is found again in the log and in the presence store.
"""

import asyncio
import logging
from collections.abc import Callable

import msgspec
from channels.layers import get_channel_layer

from . import peers
from .peers import Item, News

logger = logging.getLogger(__name__)

LAYER_SECONDS = 2  # A Redis that takes longer has lost this message: the log's heads are asked for as often.
OUTBOX_LIMIT = 10_000  # Items; past it the group is too slow to be of use, and the log serves.

Deliver = Callable[[News], None]


def group_name(room: str) -> str:
    """ASCII and under 100 characters, as Channels wants it: `room` is the hex name of a log."""
    return f"room.{room}"


async def announce(room: str, *items: Item) -> None:
    """Tells all processes, from outside of them: a command, or a page of the admin. Never fails, as `send`."""
    try:
        news = peers.encode(News(room, "outside", list(items)))
        async with asyncio.timeout(LAYER_SECONDS):
            await get_channel_layer().group_send(group_name(room), {"type": "room.news", "news": news})
    except Exception as error:
        logger.warning("The channel layer lost an announcement, the database serves instead: %r", error)


class Fanout:
    """This process's place in the groups. `deliver` gets what other processes say."""

    def __init__(self, process: str, deliver: Deliver) -> None:
        self.process = process
        self._deliver = deliver
        self._layer = get_channel_layer()
        self._channel: str | None = None
        self._mending: asyncio.Task[None] | None = None
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._outbox: dict[str, list[Item]] = {}
        self._sender: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None

    async def subscribe(self, room: str) -> None:
        """From now on the room's news is delivered; where the layer can't be reached, from the next `mend` on."""
        self._wanted.add(room)
        await self.mend()

    async def unsubscribe(self, room: str) -> None:
        self._wanted.discard(room)
        await self.mend()

    async def mend(self) -> None:
        """Joins and leaves groups until they are those that are wanted, or the layer fails.

        One attempt at a time, for all who ask: a layer that hangs costs each of them LAYER_SECONDS, not their sum.
        """
        if self._mending is None:
            self._mending = asyncio.create_task(self._mend())
        await asyncio.shield(self._mending)

    async def _mend(self) -> None:
        try:
            while self._wanted != self._joined:
                async with asyncio.timeout(LAYER_SECONDS):
                    if missing := self._wanted - self._joined:
                        room = missing.pop()
                        await self._layer.group_add(group_name(room), await self._open_channel())
                        self._joined.add(room)
                    else:
                        room = (self._joined - self._wanted).pop()
                        await self._layer.group_discard(group_name(room), self._channel)
                        self._joined.discard(room)
        except Exception as error:  # Each layer raises what its server's client raises.
            logger.warning("The channel layer can't be reached, the log serves meanwhile: %r", error)
        finally:
            self._mending = None

    async def _open_channel(self) -> str:
        if self._channel is None:
            try:
                self._channel = await self._layer.new_channel()
            except BaseException:
                await self._layer.flush()  # Else it keeps a queue for every channel that came to nothing.
                raise
            self._receiver = asyncio.create_task(self._receive(self._channel))
        return self._channel

    async def _receive(self, channel: str) -> None:
        while True:
            try:
                message = await self._layer.receive(channel)
                news = peers.decode(message["news"])
                if news.process != self.process:
                    self._deliver(news)
            except (msgspec.DecodeError, KeyError, TypeError) as error:
                logger.error("Another process sent something that this one can't read: %s", error)
            except Exception:
                logger.exception("News from the channel layer was lost")
                await asyncio.sleep(1)  # Whatever it is, not a thousand times a second.

    def send(self, room: str, *items: Item) -> None:
        """Tells the other processes, soon. What gathers meanwhile goes in one message a room."""
        waiting = self._outbox.setdefault(room, [])
        if len(waiting) < OUTBOX_LIMIT:
            waiting.extend(items)
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._outbox:
                outbox, self._outbox = self._outbox, {}
                try:
                    for room, items in outbox.items():
                        news = peers.encode(News(room, self.process, items))
                        async with asyncio.timeout(LAYER_SECONDS):
                            await self._layer.group_send(group_name(room), {"type": "room.news", "news": news})
                except Exception as error:
                    logger.warning("The channel layer lost a message, the log serves instead: %r", error)
        finally:
            self._sender = None

    async def close(self) -> None:
        """Sends what waits, then leaves."""
        if self._sender is not None:
            await self._sender
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.gather(self._receiver, return_exceptions=True)
