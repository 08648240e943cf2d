"""Deletes messages that are older than their room keeps them, and old entries of the audit log.

Their rows go, oldest first. A tombstone for each would be a change for everybody and stay for ever. The room's row has
the seq up to which messages are gone, so processes that have some in memory drop them when they compare heads. A client
that knows an expired message as its newest one starts again.

Each process looks once an hour. Their slices take turns under the room's lock.
"""

import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import takewhile

from django.db import transaction
from django.db.models import OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from chat.conf import chatty
from chat.log import sql
from chat.log.search_index import index_cleanup
from chat.log.slices import Budget, in_slices
from chat.log.sql import MentionRow
from chat.models import Message, ModerationAction, Room

ROWS = 200  # Deleted in one transaction, for which posts in the room wait (SQLite: all posts): about 10 ms.
LOOK_SECONDS = 10  # How often `follow` is to be called.
EVERY_SECONDS = 3_600  # Between two runs. Messages may stay so much longer.
BUDGET_SECONDS = 5  # For one of the log's threads. What is left is deleted at the next look.


class Retention:
    """This process's runs."""

    def __init__(self) -> None:
        self._due_at = time.monotonic()

    def follow(self) -> None:
        """Deletes what has expired, if a run is due. Waits for the database."""
        if time.monotonic() >= self._due_at and delete_expired(Budget(BUDGET_SECONDS)):
            self._due_at = time.monotonic() + EVERY_SECONDS * random.uniform(0.5, 1)


def delete_expired(budget: Budget) -> bool:
    """Deletes what has expired by now. Returns whether all is deleted; the budget may have ended before."""
    now = timezone.now()
    for room_id, before in _rooms_with_expired(now):
        if not in_slices(partial(_delete_messages, room_id, before), budget):
            return False
    if not chatty.KEEP_AUDIT_DAYS:
        return True
    return in_slices(partial(_delete_actions, now - timedelta(days=chatty.KEEP_AUDIT_DAYS)), budget)


def _rooms_with_expired(now: datetime) -> Iterator[tuple[int, datetime]]:
    """The rooms whose oldest message has expired, and the time before which messages are deleted."""
    oldest = Message.objects.filter(room=OuterRef("pk")).order_by("seq").values("at")[:1]
    days = Coalesce("keep_days", Value(chatty.KEEP_MESSAGES_DAYS))
    rooms = Room.objects.annotate(days=days).filter(days__gt=0).annotate(oldest=Subquery(oldest)).order_by("pk")
    for room_id, kept, at in list(rooms.values_list("pk", "days", "oldest")):
        before = now - timedelta(days=kept)
        if at is not None and at < before:
            yield room_id, before


def _delete_messages(room_id: int, before: datetime) -> bool:
    """Deletes a slice of a room's expired messages. Returns whether there may be more."""
    with transaction.atomic():
        Room.objects.select_for_update().filter(pk=room_id).first()
        messages = Message.objects.filter(room_id=room_id).order_by("seq")
        rows = list(messages.values_list("pk", "seq", "at", "mentions")[:ROWS])
        expired = list(takewhile(lambda row: row[2] < before, rows))
        if not expired:
            return False
        sql.delete_mentions(
            MentionRow(member_id, room_id, seq) for _, seq, _, mentions in expired for member_id in mentions or ()
        )
        Message.objects.filter(pk__in=[pk for pk, *_ in expired]).delete()
        index_cleanup.note_deletion()
        Room.objects.filter(pk=room_id).update(expired=expired[-1][1])
    return len(expired) == ROWS


def _delete_actions(before: datetime) -> bool:
    """Deletes a slice of the audit log. Returns whether there may be more."""
    expired = list(ModerationAction.objects.filter(at__lt=before).order_by("at").values_list("pk", flat=True)[:ROWS])
    ModerationAction.objects.filter(pk__in=expired).delete()
    return len(expired) == ROWS
