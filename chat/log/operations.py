"""The operations on a room's log and their effect on a message. committer.py executes them."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat.access import policy
from chat.access.person import Person
from chat.access.policy import Rules
from chat.content.markdown import Rendered
from chat.log.reader import RoomRow
from chat.models import Message
from chat.protocol.codec import encode
from chat.protocol.constants import REACTION_KINDS_LIMIT, REACTIONS_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Reacted, milliseconds
from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class Post:
    """A message to be written. The same nonce of the same author in the same room is the same message.

    `by`, here and below: who does it, with the rights that they have now. `name`: the author's screen name.
    `known_head`: a version that the room was known to have. A database whose head is lower has lost changes.
    """

    room: RoomRow
    nonce: uuid.UUID
    by: Person
    name: str
    body: str
    rendered: Rendered  # The body.
    reply_to: int | None = None  # The seq of the message that it answers.
    known_head: int = 0


@dataclass(frozen=True, slots=True)
class Edit:
    """Another body for a message; with a `base`, only if that is still the edition that stands."""

    room: RoomRow
    seq: int
    by: Person
    body: str
    rendered: Rendered  # The body.
    base: int | None = None  # As `edition` has it.
    known_head: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes a message: a tombstone stays, without the words. Of a moderator it is recorded, with its `reason`."""

    room: RoomRow
    seq: int
    by: Person
    reason: str = ""
    known_head: int = 0


@dataclass(frozen=True, slots=True)
class React:
    """Somebody chooses an emoji for a message (`on`), or no longer does. `emoji` is a clean one."""

    room: RoomRow
    seq: int
    by: Person
    emoji: str
    on: bool
    known_head: int = 0


Change = Edit | Delete | React
Operation = Post | Change


def alter(message: Message, change: Change, now: datetime, rules: Rules) -> bool:
    """Makes of `message`, in a room with these rules, what `change` asks for; whether that was anything new.

    Raises:
        Refusal: the message may not be changed so, and wasn't.
    """
    match change:
        case Edit():
            return _edit(message, change, now, rules)
        case Delete():
            return _delete(message, change, now)
        case React():
            return _react(message, change, rules)


def delta(change: Change, after: int, version: int) -> bytes | None:
    """The event that makes the message as of version `after` that of `version`; None: nothing less than the message.

    Its size doesn't depend on the message.
    """
    if not isinstance(change, React):
        return None
    return encode(Reacted(change.seq, version, after, change.by.id, change.emoji, change.on))


def with_reply_mention(rendered: Rendered, answered: uuid.UUID | None, author: uuid.UUID) -> Rendered:
    """The body of a message that also calls whom it answers, first of all; `author` doesn't call themselves so.

    With each edit the same rule is applied anew: an answer calls the author of the message that it answers, and those
    whom its body then names.
    """
    if answered is None or answered == author:
        return rendered
    called = MemberId(str(answered))
    return rendered._replace(mentions=[called, *(other for other in rendered.mentions if other != called)])


def author_of(message: Message) -> MemberId:
    return MemberId(str(message.author_id))


def edition(message: Message) -> int:
    """Which of its bodies a message has: the time of its last edit, 0 before the first. Reactions don't change it."""
    return 0 if message.edited_at is None else milliseconds(message.edited_at)


def no_such_message(seq: int) -> Refusal:
    return Refusal(RefusalCode.NO_SUCH_MESSAGE, "There is no such message in this room.", seq=seq)


def _edit(message: Message, edit: Edit, now: datetime, rules: Rules) -> bool:
    _expect_words(message)
    policy.can_change(edit.by, author_of(message), rules).expect(message.seq)
    if message.body == edit.body:
        return False
    if edit.base is not None and edit.base != edition(message):
        detail = "The message was edited in the meantime, perhaps in another tab. Read it again, then edit it."
        raise Refusal(RefusalCode.EDITED_MEANWHILE, detail, seq=message.seq)
    rendered = edit.rendered
    message.body, message.html, message.edited_at = edit.body, rendered.html, _after(message.edited_at, now)
    message.mentions, message.has_link = rendered.mentions or None, rendered.has_link or None
    message.search_text = rendered.search_text
    return True


def _after(last: datetime | None, now: datetime) -> datetime:
    """The time of an edit, later than the last one's: a clock that is set back must not make two editions one."""
    return now if last is None else max(now, last + timedelta(milliseconds=1))


def _delete(message: Message, delete: Delete, now: datetime) -> bool:
    policy.can_delete(delete.by, author_of(message)).expect(message.seq)
    if message.deleted_at is not None:
        return False
    message.body = message.html = ""
    message.reactions = {}
    message.mentions = message.reply_to = message.has_link = message.search_text = None
    message.deleted_at = now
    return True


def _react(message: Message, react: React, rules: Rules) -> bool:
    _expect_words(message)
    policy.can_react(react.by, rules).expect(message.seq)
    member_id = react.by.id
    members = message.reactions.get(react.emoji, [])
    if (member_id in members) == react.on:
        return False
    if not react.on:
        members.remove(member_id)
        if not members:
            del message.reactions[react.emoji]
        return True
    if not members and len(message.reactions) >= REACTION_KINDS_LIMIT:
        detail = f"A message has at most {REACTION_KINDS_LIMIT} different reactions. Use one of them."
        raise Refusal(RefusalCode.TOO_MANY_REACTIONS, detail, seq=message.seq)
    if sum(map(len, message.reactions.values())) >= REACTIONS_LIMIT:
        detail = f"A message has at most {REACTIONS_LIMIT} reactions."
        raise Refusal(RefusalCode.TOO_MANY_REACTIONS, detail, seq=message.seq)
    message.reactions[react.emoji] = [*members, member_id]
    return True


def _expect_words(message: Message) -> None:
    if message.deleted_at is not None:
        raise no_such_message(message.seq)
