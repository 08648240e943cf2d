"""What members may do to a room's log, and what becomes of a message by it. committer.py carries it out."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .log import RoomRow
from .markup import Rendered
from .mentions import NOBODY, People
from .models import Message
from .moderation import Moderator
from .protocol import REACTION_KINDS_LIMIT, REACTIONS_LIMIT, Member, MemberId, Refusal, RefusalCode, milliseconds
from .statements import LockedRoom


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be written. The same nonce of the same author in the same room is the same message.

    `is_free`, here and below: of a moderator, whom neither a lock nor slow mode holds up.
    """

    room: RoomRow
    nonce: uuid.UUID
    author: Member
    body: str
    is_free: bool = False
    people: People = field(default_factory=lambda: NOBODY)  # Whom the body may call.
    reply_to: int | None = None  # The seq of the message that it answers.


@dataclass(frozen=True, slots=True)
class Edit:
    """Another body for a message of `member_id`; with a `base`, only if that is still the edition that stands."""

    room: RoomRow
    seq: int
    member_id: MemberId
    body: str
    is_free: bool = False
    people: People = field(default_factory=lambda: NOBODY)  # Whom the body may call.
    base: int | None = None  # As `edition` has it.


@dataclass(frozen=True, slots=True)
class Delete:
    """Takes a message of `member_id` back, or anybody's for a moderator: a tombstone stays, without the words."""

    room: RoomRow
    seq: int
    member_id: MemberId
    moderator: Moderator | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class React:
    """`member_id` chooses an emoji for a message (`on`), or no longer does. `emoji` is a clean one."""

    room: RoomRow
    seq: int
    member_id: MemberId
    emoji: str
    on: bool
    is_free: bool = False


Change = Edit | Delete | React
Operation = Post | Change


def alter(message: Message, change: Change, rendered: Rendered, now: datetime) -> bool:
    """Makes of `message` what `change` asks for; whether that was anything new. `rendered` is an edit's body.

    Raises:
        Refusal: the message may not be changed so, and wasn't.
    """
    match change:
        case Edit():
            return _edit(message, change, rendered, now)
        case Delete():
            return _delete(message, change, now)
        case React():
            return _react(message, change)


def calling(rendered: Rendered, answered: uuid.UUID | None, author: uuid.UUID) -> Rendered:
    """The body of a message that also calls whom it answers, first of all; `author` doesn't call themselves so.

    With each edit the same rule is applied anew: an answer calls the author of the message that it answers, and those
    whom its body then names.
    """
    if answered is None or answered == author:
        return rendered
    called = MemberId(str(answered))
    return rendered._replace(mentions=[called, *(other for other in rendered.mentions if other != called)])


def check_lock(room: LockedRoom, operation: Operation) -> None:
    """Nothing, where the room is open for this operation. What one has said may be taken back from a locked one, too.

    Raises:
        Refusal: `locked`.
    """
    if room.is_locked and not isinstance(operation, Delete) and not operation.is_free:
        raise Refusal(RefusalCode.LOCKED, "This room is locked: it can be read, but nobody can write.")


def check_pace(room: LockedRoom, last_at: datetime | None, now: datetime) -> None:
    """Nothing, where slow mode has the author, who posted last at `last_at`, post again.

    Raises:
        Refusal: `rate_limited`.
    """
    wait = 0.0 if last_at is None else room.slow_seconds - (now - last_at).total_seconds()
    if wait > 0:
        detail = f"Slow mode: one message every {room.slow_seconds} s."
        raise Refusal(RefusalCode.RATE_LIMITED, detail, retry_after=round(min(wait, room.slow_seconds), 3))


def edition(message: Message) -> int:
    """Which of its bodies a message has: the time of its last edit, 0 before the first. Reactions don't change it."""
    return 0 if message.edited_at is None else milliseconds(message.edited_at)


def no_such_message(seq: int) -> Refusal:
    return Refusal(RefusalCode.NO_SUCH_MESSAGE, "There is no such message in this room.", seq=seq)


def _edit(message: Message, edit: Edit, rendered: Rendered, now: datetime) -> bool:
    _expect_words(message)
    _expect_author(message, edit.member_id)
    if message.body == edit.body:
        return False
    if edit.base is not None and edit.base != edition(message):
        detail = "The message was edited meanwhile, perhaps in another tab of yours. Look at it, then edit it again."
        raise Refusal(RefusalCode.EDITED_MEANWHILE, detail, seq=message.seq)
    message.body, message.html, message.edited_at = edit.body, rendered.html, _after(message.edited_at, now)
    message.mentions, message.has_link = rendered.mentions or None, rendered.has_link or None
    return True


def _after(last: datetime | None, now: datetime) -> datetime:
    """The time of an edit, later than the last one's: a clock that is set back must not make two editions one."""
    return now if last is None else max(now, last + timedelta(milliseconds=1))


def _delete(message: Message, delete: Delete, now: datetime) -> bool:
    if delete.moderator is None:
        _expect_author(message, delete.member_id)
    if message.deleted_at is not None:
        return False
    message.body = message.html = ""
    message.reactions = {}
    message.mentions = message.reply_to = message.has_link = None
    message.deleted_at = now
    return True


def _react(message: Message, react: React) -> bool:
    _expect_words(message)
    members = message.reactions.get(react.emoji, [])
    if (react.member_id in members) == react.on:
        return False
    if not react.on:
        members.remove(react.member_id)
        if not members:
            del message.reactions[react.emoji]
        return True
    if not members and len(message.reactions) >= REACTION_KINDS_LIMIT:
        detail = f"A message has at most {REACTION_KINDS_LIMIT} different reactions. Choose one that is there."
        raise Refusal(RefusalCode.TOO_MANY_REACTIONS, detail, seq=message.seq)
    if sum(map(len, message.reactions.values())) >= REACTIONS_LIMIT:
        detail = f"A message has at most {REACTIONS_LIMIT} reactions, and this one has them."
        raise Refusal(RefusalCode.TOO_MANY_REACTIONS, detail, seq=message.seq)
    message.reactions[react.emoji] = [*members, react.member_id]
    return True


def _expect_words(message: Message) -> None:
    if message.deleted_at is not None:
        raise no_such_message(message.seq)


def _expect_author(message: Message, member_id: MemberId) -> None:
    if str(message.author_id) != member_id:
        raise Refusal(RefusalCode.NOT_YOURS, "Only its author may change a message.", seq=message.seq)
