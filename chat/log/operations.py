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
    """A new message. The same nonce of the same author in the same room is the same message.

    `by`: the person who does it, with their current rights. Same below. `name`: the author's screen name.
    `known_head`: a version that the room has had. A database with a lower head has lost changes.
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
    """A new body for a message. With `base`, only if that is still the message's edition."""

    room: RoomRow
    seq: int
    by: Person
    body: str
    rendered: Rendered  # The body.
    base: int | None = None  # From `edition`.
    known_head: int = 0


@dataclass(frozen=True, slots=True)
class Delete:
    """Deletes a message. A tombstone without text stays. A moderator's deletion is audited with its `reason`."""

    room: RoomRow
    seq: int
    by: Person
    reason: str = ""
    known_head: int = 0


@dataclass(frozen=True, slots=True)
class React:
    """Adds (`on`) or removes a person's reaction to a message. `emoji` is validated."""

    room: RoomRow
    seq: int
    by: Person
    emoji: str
    on: bool
    known_head: int = 0


Change = Edit | Delete | React
Operation = Post | Change


def alter(message: Message, change: Change, now: datetime, rules: Rules) -> bool:
    """Applies `change` to `message`, in a room with these rules. Returns whether the message changed.

    Raises:
        Refusal: the change isn't allowed. The message is unchanged.
    """
    match change:
        case Edit():
            return _edit(message, change, now, rules)
        case Delete():
            return _delete(message, change, now)
        case React():
            return _react(message, change, rules)


def delta(change: Change, after: int, version: int) -> bytes | None:
    """The event that takes the message from version `after` to `version`. None if only the whole message can.

    Its size doesn't depend on the message.
    """
    if not isinstance(change, React):
        return None
    return encode(Reacted(change.seq, version, after, change.by.id, change.emoji, change.on))


def with_reply_mention(rendered: Rendered, answered: uuid.UUID | None, author: uuid.UUID) -> Rendered:
    """Adds the answered author as the first mention of an answer, unless that is `author`.

    Each edit applies the same rule: an answer mentions the author of the answered message, and the members in its body.
    """
    if answered is None or answered == author:
        return rendered
    called = MemberId(str(answered))
    return rendered._replace(mentions=[called, *(other for other in rendered.mentions if other != called)])


def author_of(message: Message) -> MemberId:
    return MemberId(str(message.author_id))


def edition(message: Message) -> int:
    """The message's edition: the time of its last edit in ms, 0 before the first. Reactions don't change it."""
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
    """The time of an edit, always later than the last one, so that editions differ if the clock is set back."""
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
