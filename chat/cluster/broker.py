"""The fast path between processes: a Channels group for each room that this process has members in.

Rooms are spread over the Redis servers. Each server has a shard here: one channel in the groups of its rooms, one
task that receives and one that sends. So a failing server affects only its own rooms' groups. Sending never blocks
and never raises. Lost messages are recovered from the log and the presence store.
"""

import asyncio
import functools
import itertools
import logging
import re
from collections.abc import Callable
from typing import Any

import msgspec
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.conf import settings

from chat.cluster import messages
from chat.cluster.messages import ClusterMessage, Item
from chat.cluster.redis_servers import place_of_room
from chat.counters import counters

logger = logging.getLogger(__name__)

LAYER_SECONDS = 2  # After it the message counts as lost. The log's heads are compared as often.
ECHO_SECONDS = 1  # A server that delivers later counts as failed.
OUTBOX_BYTES = 16 * 1024 * 1024  # In all rooms. Past it the groups are too slow, and the log serves instead.

_OURS = re.compile(r"default|redis-[0-9]+")  # Other layers are the host's own.
OUTSIDE = "outside"  # Stands where a process's name does, for one that has no rooms.

Deliver = Callable[[ClusterMessage], None]


class Unheard(Exception):
    """The server accepted a message of this process to itself but didn't deliver it."""


def group_name(room: str) -> str:
    """The name of the room's Channels group. Channels requires ASCII and fewer than 100 characters."""
    return f"chatty.room.{room}"  # The layer may have groups of the host's own.


def layers() -> dict[str, Any]:
    """The settings' channel layers for Chatty, by alias. Without any, one in this process's memory."""
    aliases = [alias for alias in getattr(settings, "CHANNEL_LAYERS", {}) if _OURS.fullmatch(alias)]
    return {alias: get_channel_layer(alias) for alias in aliases} or {"default": _layer_in_memory()}


@functools.cache
def _layer_in_memory() -> InMemoryChannelLayer:
    return InMemoryChannelLayer()


async def announce(room: str, *items: Item) -> None:
    """Sends to all processes. For processes without a broker: management commands and the admin. Never raises."""
    try:
        choice = list(layers().values())
        layer = choice[place_of_room(room, len(choice))]
        encoded = messages.encode(ClusterMessage(room, OUTSIDE, list(items)))
        async with asyncio.timeout(LAYER_SECONDS):
            await layer.group_send(group_name(room), {"type": "room.message", "message": encoded})
    except Exception as error:  # Each layer raises what its server's client raises.
        logger.warning("The channel layer lost an announcement, the database serves instead: %r", error)


class Shard:
    """This process's membership in the groups of one server. `deliver` gets other processes' messages."""

    def __init__(self, name: str, layer: Any, process: str, deliver: Deliver, outbox_bytes: int) -> None:
        self.process = process
        self._name = name
        self._layer = layer
        self._deliver = deliver
        self._channel: str | None = None
        self._opening = asyncio.Lock()
        self._mending: asyncio.Task[None] | None = None
        self._must_flush = False  # Subscriptions don't deliver or are missing: all must be made anew.
        self._flushing: asyncio.Task[None] | None = None
        self._is_failing = False
        self._wanted: set[str] = set()
        self._joined: set[str] = set()
        self._outbox: dict[str, list[Item]] = {}
        self._outbox_size = 0
        self._outbox_bytes = outbox_bytes
        self._sender: asyncio.Task[None] | None = None
        self._receiver: asyncio.Task[None] | None = None
        self._received = 0  # Messages of any kind.
        self._numbers = itertools.count()
        self._echoes: dict[int, asyncio.Future[None]] = {}  # One for each `probe` that is under way.

    async def subscribe(self, room: str) -> None:
        """Subscribes to the room's messages. If the layer can't be reached, a later `mend` does it."""
        self._wanted.add(room)
        await self.mend()

    async def unsubscribe(self, room: str) -> None:
        self._wanted.discard(room)
        await self.mend()

    async def keep(self) -> None:
        """Checks whether the server still delivers, and repairs the subscriptions. Call it every few seconds."""
        if self._channel is not None:
            try:
                await self.probe()
            except Unheard as error:
                self._must_flush = True
                self._note_failure(error)
            except Exception as error:
                self._note_failure(error)
            else:
                self._note_success()
        await self.mend()

    async def probe(self) -> None:
        """Sends a message to this process through the server. Returns when it, or any other message, arrives.

        Raises:
            Unheard: it was sent within LAYER_SECONDS, but nothing arrived within ECHO_SECONDS.
            Exception: any error of the server's client when sending.
        """
        number, received = next(self._numbers), self._received
        echo = self._echoes[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(LAYER_SECONDS):
                await self._layer.send(await self._open_channel(), {"type": "echo", "echo": number})
            # A separate time limit: else a server that accepts messages slowly and delivers none goes unnoticed.
            await asyncio.wait([echo], timeout=ECHO_SECONDS)
            if self._received == received:  # Else the machine is busy, and the echo waits behind other messages.
                raise Unheard("it takes messages and delivers none")
        finally:
            del self._echoes[number]

    async def mend(self) -> None:
        """Joins and leaves groups until they match the wanted ones, or the layer fails.

        All callers share one attempt at a time, so a layer that hangs costs each of them LAYER_SECONDS only.
        """
        if self._mending is None:
            self._mending = asyncio.create_task(self._mend())
        await asyncio.shield(self._mending)

    async def _mend(self) -> None:
        try:
            if self._must_flush:
                async with asyncio.timeout(LAYER_SECONDS):
                    await self._flush()
            while self._wanted != self._joined:
                async with asyncio.timeout(LAYER_SECONDS):
                    if missing := self._wanted - self._joined:
                        room = missing.pop()
                        channel = await self._open_channel()
                        await self._layer.group_add(group_name(room), channel)
                        if channel == self._channel:  # Else all subscriptions were dropped meanwhile.
                            self._joined.add(room)
                    else:
                        room = (self._joined - self._wanted).pop()
                        await self._layer.group_discard(group_name(room), self._channel)
                        self._joined.discard(room)
        except Exception as error:
            self._note_failure(error)
        finally:
            self._mending = None

    async def _flush(self) -> None:
        """Drops the connection and every subscription. `_mend` then subscribes again.

        It continues if the caller stops waiting. If a flush is cancelled while it waits for the layer's lock, the
        layer believes that rooms are subscribed which aren't, and they get no more messages.
        """
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._do_flush())
            self._flushing.add_done_callback(lambda flushing: flushing.cancelled() or flushing.exception())
        await asyncio.shield(self._flushing)

    async def _do_flush(self) -> None:
        receiver, self._receiver, self._channel = self._receiver, None, None
        self._joined.clear()
        try:
            await self._layer.flush()
            self._must_flush = False
        finally:
            self._flushing = None
            if receiver is not None:
                receiver.cancel()

    async def _open_channel(self) -> str:
        async with self._opening:
            if self._must_flush:
                await self._flush()
            if self._channel is None:
                try:
                    self._channel = await self._layer.new_channel()
                except BaseException:
                    self._must_flush = True  # Else the layer keeps a queue for every channel that failed.
                    raise
                self._receiver = asyncio.create_task(self._receive(self._channel))
            return self._channel

    async def _receive(self, channel: str) -> None:
        while True:
            try:
                received = await self._layer.receive(channel)
                self._received += 1
                if (number := received.get("echo")) is not None:
                    self._handle_echo(number)
                elif received.get("from") != self.process:  # Its own messages aren't worth decoding.
                    self._receive_message(messages.decode(received["message"]))
            except (msgspec.DecodeError, KeyError, TypeError) as error:
                logger.error("Another process sent something that this one can't read: %s", error)
            except Exception:
                logger.exception("A message from the channel layer was lost")
                await asyncio.sleep(1)  # Limits how often a permanent failure is logged.

    def _receive_message(self, message: ClusterMessage) -> None:
        if message.process != self.process:  # An older release doesn't say where a message is from.
            self._deliver(message)

    def _handle_echo(self, number: int) -> None:
        echo = self._echoes.get(number)
        if echo is not None and not echo.done():
            echo.set_result(None)

    def send(self, room: str, *items: Item) -> None:
        """Sends to the other processes soon. Items of one room that gather meanwhile share a message.

        Without items, the message says that this process has the room open.
        """
        size = sum(map(messages.weight, items))
        if self._outbox_size + size > self._outbox_bytes:
            return
        self._outbox.setdefault(room, []).extend(items)
        self._outbox_size += size
        if self._sender is None:
            self._sender = asyncio.create_task(self._send())

    async def _send(self) -> None:
        try:
            while self._outbox:
                outbox, self._outbox, size = self._outbox, {}, self._outbox_size
                try:
                    for room, items in outbox.items():
                        encoded = messages.encode(ClusterMessage(room, self.process, items))
                        message = {"type": "room.message", "message": encoded, "from": self.process}
                        async with asyncio.timeout(LAYER_SECONDS):
                            await self._layer.group_send(group_name(room), message)
                except Exception as error:  # The rest would fail, too: it is for the same server.
                    self._note_failure(error)
                finally:
                    self._outbox_size -= size
        finally:
            self._sender = None

    def _note_failure(self, error: Exception) -> None:
        """Logs the first of several failures in a row."""
        counters.redis_errors += 1
        if not self._is_failing:
            self._is_failing = True
            logger.warning("%s loses messages between processes, the log serves its rooms: %r", self._name, error)

    def _note_success(self) -> None:
        if self._is_failing:
            self._is_failing = False
            logger.warning("%s carries messages between processes again", self._name)

    async def close(self) -> None:
        """Sends the pending messages, then leaves the groups."""
        if self._sender is not None:
            await self._sender
        if self._receiver is not None:
            self._receiver.cancel()
            await asyncio.gather(self._receiver, return_exceptions=True)


class Broker:
    """The shards of all servers. Each serves the rooms that `place_of_room` assigns to it."""

    def __init__(self, process: str, deliver: Deliver) -> None:
        choice = layers().values()
        count = len(choice)
        names = ["Redis"] if count == 1 else [f"Redis {number} of {count}" for number in range(1, count + 1)]
        self._shards = [
            Shard(name, layer, process, deliver, OUTBOX_BYTES // count)
            for name, layer in zip(names, choice, strict=True)
        ]

    def _of(self, room: str) -> Shard:
        return self._shards[place_of_room(room, len(self._shards))]

    async def subscribe(self, room: str) -> None:
        """The same as `Shard.subscribe`."""
        await self._of(room).subscribe(room)

    async def unsubscribe(self, room: str) -> None:
        await self._of(room).unsubscribe(room)

    def send(self, room: str, *items: Item) -> None:
        """The same as `Shard.send`."""
        self._of(room).send(room, *items)

    async def keep(self) -> None:
        """The same as `Shard.keep`, for all servers at the same time."""
        await asyncio.gather(*(shard.keep() for shard in self._shards))

    async def try_delivering(self) -> list[BaseException | None]:
        """Each server's error from `probe`, in the order of REDIS_URL. None for a server that delivers."""
        return await asyncio.gather(*(shard.probe() for shard in self._shards), return_exceptions=True)

    async def close(self) -> None:
        await asyncio.gather(*(shard.close() for shard in self._shards))
