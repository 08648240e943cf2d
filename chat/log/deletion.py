"""Deletes many messages, or a room with all its messages, for /admin. In slices."""

from collections.abc import Callable, Sequence

from django.db import transaction
from django.db.models import QuerySet

from chat.access import policy
from chat.access.person import Person
from chat.log import audit, committer, sql
from chat.log.committer import Committed
from chat.log.operations import Delete
from chat.log.reader import RoomRow
from chat.log.search_index import index_cleanup
from chat.log.slices import Budget, in_slices
from chat.log.sql import MentionRow
from chat.models import Mention, Message, Room, Visitor

MESSAGES = 100  # In a slice. Each becomes a tombstone, with a version and an entry in the audit log.
ROWS = 500  # In a slice of a room. Their rows are deleted.


def delete_messages(
    messages: "QuerySet[Message]",
    by: Person,
    reason: str,
    published: Callable[[RoomRow, Committed], None],
    budget: Budget,
) -> tuple[int, bool]:
    """Turns these messages into tombstones. Rows stay, because the room's versions must have no gap.

    `published` is called for each, in the transaction that writes it. Returns the number of deleted messages, and
    whether all are deleted.
    """
    last, count = 0, 0
    open_ones = messages.filter(deleted_at=None).select_related("room").order_by("pk")

    def take() -> bool:
        nonlocal last, count
        slice_ = list(open_ones.filter(pk__gt=last)[:MESSAGES])
        if slice_:
            last = slice_[-1].pk
            count += _delete(slice_, by, reason, published)
        return len(slice_) == MESSAGES

    is_all = in_slices(take, budget)
    return count, is_all


def _delete(slice_: Sequence[Message], by: Person, reason: str, published: Callable[[RoomRow, Committed], None]) -> int:
    deletions = [Delete(RoomRow.of(message.room), message.seq, by, reason) for message in slice_]
    with transaction.atomic():
        sql.lock_rooms({deletion.room.id for deletion in deletions})  # Waits for the locks. `write` doesn't.
        outcomes = zip(deletions, committer.write(deletions), strict=True)
        done = [(one.room, outcome) for one, outcome in outcomes if isinstance(outcome, Committed) and outcome.is_new]
        for room, outcome in done:
            published(room, outcome)
    return len(done)


def delete_room(room: RoomRow, by: Person, budget: Budget) -> bool:
    """Deletes a room with its messages. Returns False if the budget ended before all were deleted.

    The room is locked before its first message is deleted, so that it doesn't grow meanwhile. It is deleted with its
    last one, in the transaction that holds its row's lock. A post that waits for that lock then finds the room gone.

    Raises:
        Refusal: `not_allowed`.
    """
    policy.can_delete_room(by).expect()
    with transaction.atomic():
        found = Room.objects.select_for_update().filter(pk=room.id).first()
        if found is None:
            return True
        Room.objects.filter(pk=room.id).update(locked=True)
        audit.record_room_deletion(by.moderator, room.slug, found.title)
    return in_slices(lambda: _delete_rows(room.id), budget)


def _delete_rows(room_id: int) -> bool:
    """Deletes a slice of the room's messages, and the room after the last one. Returns whether it still exists."""
    with transaction.atomic():
        Room.objects.select_for_update().filter(pk=room_id).first()
        rows = list(Message.objects.filter(room_id=room_id).order_by("seq").values_list("pk", "seq", "mentions")[:ROWS])
        sql.delete_mentions(
            MentionRow(member_id, room_id, seq) for _, seq, mentioned in rows for member_id in mentioned or ()
        )
        Message.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
        index_cleanup.note_deletion()
        if len(rows) == ROWS:
            return True
        Mention.objects.filter(room_id=room_id).delete()  # Usually none is left.
        Visitor.objects.filter(room_id=room_id).delete()
        Room.objects.filter(pk=room_id).delete()
        return False
