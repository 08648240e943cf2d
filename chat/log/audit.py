"""The audit log of moderators' actions. An entry is written in the transaction of its action."""

from chat.access.person import Moderator
from chat.models import Message, ModerationAction

COMMAND_LINE = "manage.py"  # The moderator's name in entries of management commands.


Kind = ModerationAction.Kind


def record_deletion(moderator: Moderator, room: str, message: Message, reason: str) -> None:
    """Records the deletion of a message. Call it in the transaction that deletes."""
    record(
        moderator,
        Kind.DELETE,
        room=room,
        member_id=message.author_id,
        member_name=message.author_name,
        seq=message.seq,
        reason=reason,
    )


def record_room_deletion(moderator: Moderator | None, room: str, title: str) -> None:
    """Records that the deletion of a room began. Call it in the transaction that begins it."""
    record(moderator, Kind.ROOM, room=room, detail=title)


def record_description(moderator: Moderator, room: str, title: str, topic: str) -> None:
    """Records a room's new title and topic. Call it in the transaction that writes them."""
    record(moderator, Kind.DESCRIBE, room=room, detail=f"{title} ({topic})" if topic else title)


def record(moderator: Moderator | None, kind: Kind, **what: object) -> None:
    by, name = (moderator.id, moderator.name) if moderator else (None, COMMAND_LINE)
    ModerationAction.objects.create(kind=kind, moderator_id=by, moderator_name=name, **what)
