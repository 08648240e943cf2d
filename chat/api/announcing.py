"""Tells the open rooms of all processes what this one's code has written, after the commit."""

import logging
from collections.abc import Callable

from django.db import transaction

from chat.cluster.broker import announce
from chat.cluster.messages import EVERYWHERE, EntriesWritten, Item
from chat.cluster.outside import run_outside
from chat.log.entries import Entry
from chat.log.reader import RoomRow
from chat.rooms.registry import RoomRegistry, running_registries
from chat.signals import send_posted

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.25  # For Redis, which takes about 1 ms. After it the announcement goes on by itself.


def after_commit(work: Callable[[], None]) -> None:
    """Runs `work` when the outermost transaction has committed, or at once if there is none. An error is logged."""
    transaction.on_commit(work, robust=True)


def announce_posted(room: RoomRow, entry: Entry) -> None:
    """Tells members everywhere, in this process also, of a new message that is in the log."""
    if not _in_registries(lambda registry: registry.publish_written(room, [entry])):
        send_posted(room.slug, entry.encoded)
        _announce(room.name, EntriesWritten(room.log, room.id, [entry]))


def announce_everywhere(item: Item) -> None:
    """Tells every process, this one also."""
    if not _in_registries(lambda registry: registry.publish_everywhere(item)):
        _announce(EVERYWHERE, item)


def _in_registries(work: Callable[[RoomRegistry], None]) -> bool:
    """Runs `work` soon in the event loops of this process that have open rooms. Returns False if there are none."""
    is_done = False
    for loop, registry in running_registries():
        try:
            loop.call_soon_threadsafe(work, registry)
        except RuntimeError:  # It was closed just now.
            continue
        is_done = True
    return is_done


def _announce(room: str, item: Item) -> None:
    try:
        run_outside(announce(room, item)).result(PATIENCE_SECONDS)
    except TimeoutError:
        logger.warning("Redis takes long. What was written in %s will be seen within 2 s", room)
