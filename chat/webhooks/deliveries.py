"""What outgoing webhooks have to deliver, and which process delivers it, as the database keeps it.

A delivery is a range of a room's log after the hook's cursor. It is written to the hook's row before it is sent, in the
statement that takes the row's lease. So one process sends at a time, and the next one after a crash sends the same
range under the same id. The events are read again for each attempt: nothing of a deleted message is kept here.

Everything here waits for the database.
"""

import random
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from django.db import connection
from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from chat.log.deadline import deadline
from chat.log.entries import Entry
from chat.log.reader import to_entry
from chat.models import Message, OutgoingHook

LEASE_SECONDS = 15  # Longer than an exchange with a receiver (client.py) and the statements around it.
EVENTS_LIMIT = 50  # Of a delivery. The biggest messages take 100 KB each.
BYTES_LIMIT = 128 * 1024  # The same; one event is always sent.
# Pauses after failures: 2 s, 4 s, 8 s and so on to an hour, each a quarter longer or shorter by chance.
FIRST_PAUSE_SECONDS = 2
LONGEST_PAUSE_SECONDS = 3_600
GIVE_UP = timedelta(days=1)  # After the first failure in a row.

Clock = Callable[[], datetime]
Wants = OutgoingHook.Wants


class Result(NamedTuple):
    """How an attempt ended. `status`: in words, for /admin. `is_gone`: the receiver wants no more."""

    status: str
    is_delivered: bool = False
    is_gone: bool = False


class Due(NamedTuple):
    """`rooms`: the ids of all rooms that have a hook. `hooks`: those with something to deliver now."""

    rooms: frozenset[int]
    hooks: list[uuid.UUID]
    failing: list[uuid.UUID]


@dataclass(frozen=True, slots=True)
class Delivery:
    """A range of a room's log for a receiver. `hook`: its row as read. `end`: the last version in the range."""

    hook: OutgoingHook
    id: uuid.UUID
    end: int
    events: list[bytes]

    @property
    def body(self) -> bytes:
        """What is sent."""
        room = self.hook.room
        start = msgspec.json.encode({"room": room.slug, "log": room.log})[:-1]
        return start + b',"events":[' + b",".join(self.events) + b"]}"


def count_by_state() -> dict[str, int]:
    """How many hooks there are: `ok`, `failing` since their last attempt, and switched `off`."""
    hooks = OutgoingHook.objects.aggregate(
        off=Count("pk", filter=Q(off_since__isnull=False)),
        failing=Count("pk", filter=Q(off_since=None, failures__gt=0)),
        ok=Count("pk", filter=Q(off_since=None, failures=0)),
    )
    return {state: hooks[state] for state in ("ok", "failing", "off")}


class Deliveries:
    """The deliveries of all hooks, for one process. Leases, pauses and the day go by `clock`: the database's."""

    def __init__(self, process: uuid.UUID, clock: Clock | None = None) -> None:
        self._process = process
        self._clock = clock or database_time

    def due(self, limit: int, limit_of_failing: int) -> Due:
        """Hooks that have something to deliver, those first that waited longest. `failing`: after a failure."""
        hooks = OutgoingHook.objects.filter(off_since=None)
        if not (rooms := frozenset(hooks.values_list("room_id", flat=True))):
            return Due(rooms, [], [])
        now = self._clock()
        ready = hooks.filter(self._is_free(now), _is_no_pause(now))
        ids = (
            ready.exclude(room__head=F("cursor"))
            .order_by(F("tried_at").asc(nulls_first=True))
            .values_list("pk", flat=True)
        )
        return Due(rooms, list(ids.filter(failures=0)[:limit]), list(ids.filter(failures__gt=0)[:limit_of_failing]))

    def read(self, hook_id: uuid.UUID) -> Delivery | None:
        """The next delivery of this hook: the one that was begun before, or a new one. None if the hook is gone.

        Raises:
            Refusal: it took too long.
        """
        with deadline("Reading a delivery took too long."):
            hook = OutgoingHook.objects.select_related("room").filter(pk=hook_id, off_since=None).first()
            if hook is None:
                return None
            start = min(hook.cursor, hook.room.head)  # A restored database may have gone back.
            has_begun = hook.delivery is not None and start < (hook.delivery_end or 0) <= hook.room.head
            begun = hook.delivery_end if has_begun else None
            messages = Message.objects.filter(room_id=hook.room_id)
            # New messages go by their seq, which never changes: one that is edited meanwhile isn't missed.
            place = "version" if hook.wants == Wants.ALL else "seq"
            if hook.wants == Wants.MESSAGES:
                messages = messages.filter(deleted_at=None)
            messages = messages.filter(**{f"{place}__gt": start}).order_by(place)
            if begun is not None:
                messages = messages.filter(**{f"{place}__lte": begun})
            # The head was read first. Versions are assigned under the room's lock, so the second query sees all
            # changes up to the highest version that it sees.
            entries, is_cut = _cut(map(to_entry, messages[:EVENTS_LIMIT]))
            end: int = getattr(entries[-1], place) if entries else 0
            if not is_cut:  # One that was begun may be cut, too: its messages may be longer after edits.
                end = max(end, hook.room.head if begun is None else begun)
            again = None if begun is None else hook.delivery
            return Delivery(hook, again or uuid.uuid4(), end, [entry.encoded for entry in entries])

    def begin(self, delivery: Delivery) -> bool:
        """Writes the delivery to the hook's row and takes its lease. Whether this process may send it now.

        It may not if another process has the lease, during the pause after a failure, or if the row isn't as it was
        read. If there is nothing to send, only the cursor is moved.
        """
        now, hook = self._clock(), delivery.hook
        same = Q(delivery=hook.delivery) | Q(delivery=delivery.id)  # The second: this ran before, unanswered.
        row = _as_read(hook).filter(same, self._is_free(now), _is_no_pause(now), cursor=hook.cursor, off_since=None)
        if not delivery.events:
            row.update(cursor=delivery.end, delivery=None, delivery_end=None, leased_by=None, leased_until=None)
            return False
        until = now + timedelta(seconds=LEASE_SECONDS)
        begun = {"delivery": delivery.id, "delivery_end": delivery.end}
        return row.update(**begun, leased_by=self._process, leased_until=until) == 1

    def finish(self, delivery: Delivery, result: Result) -> str:
        """Writes how the delivery ended, and gives the lease back. Returns why the hook was switched off, if it was.

        Does nothing if this process has lost the lease, or if a moderator has changed the hook meanwhile.
        """
        now, hook = self._clock(), delivery.hook
        row = _as_read(hook).filter(leased_by=self._process, delivery=delivery.id)
        tried = {"tried_at": now, "status": result.status[:100], "leased_by": None, "leased_until": None}
        if result.is_delivered:
            row.update(**tried, **RESTED, cursor=delivery.end, delivery=None, delivery_end=None)
            return ""
        since, failures = hook.failing_since or now, hook.failures + 1
        failing = {"failures": failures, "failing_since": since}
        if result.is_gone or now - since >= GIVE_UP:
            reason = (
                f"The receiver answered {result.status}." if result.is_gone else f"A day of failures: {result.status}"
            )
            done = row.update(**tried, **failing, next_try_at=None, off_since=now, off_reason=reason[:200])
            return reason if done else ""
        row.update(**tried, **failing, next_try_at=now + timedelta(seconds=pause(failures)))
        return ""

    def release(self) -> None:
        """Gives all leases of this process back, so that others needn't wait for their end."""
        OutgoingHook.objects.filter(leased_by=self._process).update(leased_by=None, leased_until=None)

    def _is_free(self, now: datetime) -> Q:
        return Q(leased_by=None) | Q(leased_by=self._process) | Q(leased_until__lte=now)


def _is_no_pause(now: datetime) -> Q:
    return Q(next_try_at=None) | Q(next_try_at__lte=now)


def _as_read(hook: OutgoingHook) -> "QuerySet[OutgoingHook]":
    """The hook's row, if it still says what to send where."""
    return OutgoingHook.objects.filter(pk=hook.pk, url=hook.url, wants=hook.wants)


RESTED = {"failures": 0, "failing_since": None, "next_try_at": None}  # Of a hook that works, or is tried anew.


def pause(failures: int, chance: Callable[[], float] = random.random) -> float:
    """Seconds until the next attempt, after so many failures in a row."""
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 30), LONGEST_PAUSE_SECONDS) * (0.75 + 0.5 * chance())


def database_time() -> datetime:
    """The time of the database, which processes on several machines share. SQLite's is this machine's."""
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement_timestamp()")
        now: datetime = cursor.fetchone()[0]
        return now


def _cut(entries: Iterable[Entry]) -> tuple[list[Entry], bool]:
    """The first entries, up to the limits, and whether there may be more."""
    taken: list[Entry] = []
    size = 0
    for entry in entries:
        size += len(entry.encoded)
        if taken and size > BYTES_LIMIT:
            return taken, True
        taken.append(entry)
    return taken, len(taken) == EVENTS_LIMIT
