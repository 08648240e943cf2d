"""All permission rules. Pure.

Callers (sockets, pages, /admin, the log) pass the person and what they know of the room or the message. A rule about a
row that may change is asked in the transaction that has the row locked. Rules about texts, rates and sizes are
elsewhere: they are the same for everybody.
"""

from collections.abc import Callable
from dataclasses import dataclass

from chat.access.bans import Bans
from chat.access.person import Person
from chat.paths import DEFAULT_ROOM
from chat.protocol.errors import CloseCode, Refusal, RefusalCode
from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may write in a room: `slow` is the seconds between two messages of a member, 0 is no limit."""

    locked: bool = False
    slow: int = 0


OPEN = Rules()


@dataclass(frozen=True, slots=True)
class Answer:
    """Yes, or no and why: it is true or false. Who may not be in a room is closed with `close_code`."""

    code: RefusalCode | None = None
    detail: str = ""
    retry_after: float | None = None
    close_code: CloseCode = CloseCode.BANNED

    def __bool__(self) -> bool:
        return self.code is None

    def expect(self, seq: int | None = None) -> None:
        """Returns for a yes.

        Raises:
            Refusal: it is no. `seq` is that of the message in question.
        """
        if self.code is not None:
            raise Refusal(self.code, self.detail, seq=seq, retry_after=self.retry_after)


YES = Answer()
_LOCKED = Answer(RefusalCode.LOCKED, "This room is locked: only moderators can write.")
_NOT_YOURS = Answer(RefusalCode.NOT_YOURS, "Only the author can change a message.")
_NO_MODERATOR = Answer(RefusalCode.NOT_ALLOWED, "Only moderators may do that, and you aren't signed in as one.")

# --- rooms ---


def can_join(person: Person, slug: str, bans: Bans) -> Answer:
    """Whether the person may enter this room, and stay there.

    A ban comes first: a client gets a new identity after BAD_TOKEN, and gives up after BANNED.
    """
    if bans.shut_out(person.id, bannable_network(person)):
        return Answer(RefusalCode.UNAVAILABLE, "You can't be in this room any more.", close_code=CloseCode.BANNED)
    if person.generation is not None and bans.is_revoked(person.id, person.generation):
        return Answer(RefusalCode.UNAVAILABLE, "Your token was revoked.", close_code=CloseCode.BAD_TOKEN)
    return YES


def bannable_network(person: Person) -> str:
    """The network that bans look at. None of a moderator's: it may be their own that they ban."""
    return "" if person.moderator is not None else person.network


def can_read(person: Person, slug: str) -> Answer:
    """Whether the person may learn anything of this room: its page, its messages, what is unread."""
    return YES  # All rooms are public.


def can_make(person: Person, slug: str) -> Answer:
    """Whether the person may create a room at this address, if it is free. Nobody may create the default room."""
    return room_exists(slug) if slug == DEFAULT_ROOM else YES


def room_exists(slug: str) -> Answer:
    return Answer(RefusalCode.ROOM_EXISTS, f"The room {slug} already exists.")


def can_describe(person: Person, made_by: MemberId | None, rules: Rules) -> Answer:
    """Whether the person may give a room another title and topic: its maker while it is open, and moderators."""
    if person.moderator is not None:
        return YES
    if made_by is None or person.id != made_by:
        return Answer(RefusalCode.NOT_ALLOWED, "Only the room's creator and moderators can edit its name and topic.")
    if rules.locked:
        return Answer(RefusalCode.LOCKED, "The room is locked: only moderators can edit its name and topic.")
    return YES


# --- messages ---


def can_post(person: Person, rules: Rules, last_post: Callable[[], float | None] = lambda: None) -> Answer:
    """Whether the person may say something now.

    `last_post()` is asked in slow mode only: the seconds since the person's last message there, None for long ago.
    """
    if not (answer := _can_write(person, rules)):
        return answer
    if not rules.slow or person.moderator is not None or (since := last_post()) is None or since >= rules.slow:
        return YES
    detail = f"Slow mode: one message every {rules.slow} s."
    return Answer(RefusalCode.RATE_LIMITED, detail, retry_after=round(rules.slow - since, 3))


def can_change(person: Person, author: MemberId, rules: Rules) -> Answer:
    """Whether the person may give this author's message another body."""
    if not (answer := _can_write(person, rules)):
        return answer
    return YES if person.id == author else _NOT_YOURS


def can_delete(person: Person, author: MemberId) -> Answer:
    """Whether the person may delete this author's message. One's own may be taken back from a locked room, too."""
    return YES if person.id == author or person.moderator is not None else _NOT_YOURS


def can_react(person: Person, rules: Rules) -> Answer:
    """Whether the person may choose an emoji for a message, or take it away."""
    return _can_write(person, rules)


def _can_write(person: Person, rules: Rules) -> Answer:
    return _LOCKED if rules.locked and person.moderator is None else YES


# --- people ---


def can_rename(person: Person) -> Answer:
    """Whether the person chooses their screen name themselves."""
    if person.name is None:
        return YES
    return Answer(RefusalCode.NOT_ALLOWED, "Your name comes from your account. Change it there.")


def can_moderate(person: Person) -> Answer:
    """Whether the person may ban, lock and slow down, and see /admin."""
    return YES if person.moderator is not None else _NO_MODERATOR


def can_ban(person: Person, member_id: MemberId) -> Answer:
    """Whether the person may ban this member."""
    if not (answer := can_moderate(person)):
        return answer
    return YES if person.id != member_id else Answer(RefusalCode.NOT_ALLOWED, "You can't ban yourself.")


def can_delete_room(person: Person) -> Answer:
    """Whether the person may delete a room with all that was said there: not every moderator."""
    return YES if person.moderator is not None and person.moderator.may_delete_rooms else _NO_MODERATOR
