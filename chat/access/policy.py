"""All permission rules. Pure, except what asks the host: `host_admits`, and with it `readable`.

Callers (sockets, pages, /admin, the log) pass the person and their data about the room or the message. A rule about a
row that may change is checked in the transaction that has the row locked. Rules about texts, rates and sizes are
elsewhere: they are the same for everybody.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.module_loading import import_string

from chat.access.bans import Bans
from chat.access.person import Person
from chat.conf import chatty
from chat.paths import DEFAULT_ROOM
from chat.protocol.errors import NO_SUCH_ROOM, CloseCode, Refusal, RefusalCode
from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class Rules:
    """A room's rules for writing. `slow`: seconds between two messages of a member, 0 for no limit."""

    locked: bool = False
    slow: int = 0


OPEN = Rules()


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is true or false, with the reason of a no. `close_code` closes a connection that can't stay."""

    code: RefusalCode | None = None
    detail: str = ""
    retry_after: float | None = None
    close_code: CloseCode = CloseCode.BANNED

    def __bool__(self) -> bool:
        return self.code is None

    def expect(self, seq: int | None = None) -> None:
        """Returns if the answer is yes. `seq`: the seq of the message in question.

        Raises:
            Refusal: the answer is no.
        """
        if self.code is not None:
            raise Refusal(self.code, self.detail, seq=seq, retry_after=self.retry_after)


YES = Answer()
_LOCKED = Answer(RefusalCode.LOCKED, "This room is locked: only moderators can write.")
_NOT_YOURS = Answer(RefusalCode.NOT_YOURS, "Only the author can change a message.")
NO_ACCESS = Answer(RefusalCode.NO_SUCH_ROOM, NO_SUCH_ROOM, close_code=CloseCode.NO_SUCH_ROOM)
_NO_HOOKS = Answer(RefusalCode.NOT_ALLOWED, "Only the room's creator and moderators can manage its webhooks.")
_NO_MODERATOR = Answer(RefusalCode.NOT_ALLOWED, "Only moderators may do that, and you aren't signed in as one.")

# --- rooms ---


def can_join(person: Person, slug: str, bans: Bans) -> Answer:
    """Whether the person may enter this room, and stay there.

    A ban comes first: a client gets a new identity after BAD_TOKEN, and gives up after BANNED. Who has no access is
    answered as if there were no such room.
    """
    if bans.is_banned(person.id, bannable_network(person)):
        return Answer(RefusalCode.UNAVAILABLE, "You can't be in this room any more.", close_code=CloseCode.BANNED)
    if person.generation is not None and bans.is_revoked(person.id, person.generation):
        return Answer(RefusalCode.UNAVAILABLE, "Your token was revoked.", close_code=CloseCode.BAD_TOKEN)
    return can_read(person, slug)


def bannable_network(person: Person) -> str:
    """The network that a ban can match. Empty for a moderator, who may ban a member of the same network."""
    return "" if person.moderator is not None else person.network


def can_read(person: Person, slug: str) -> Answer:
    """Whether the person may see anything of this room: its page, its messages, its unread count."""
    if person.rooms is not None and slug not in person.rooms:
        return NO_ACCESS
    return YES  # All rooms are public, unless the host says otherwise.


def asks_host() -> bool:
    """Whether the host has a rule of its own, CAN_JOIN."""
    return bool(chatty.CAN_JOIN)


def host_admits(person: Person, slug: str) -> Answer:
    """Whether the host lets the person into this room. A no is answered as if there were no such room.

    It calls the host's function, which may wait for the database: call it on a thread.
    """
    if not asks_host():
        return YES
    admits: Callable[[Person, str], bool] = import_string(chatty.CAN_JOIN)
    return YES if admits(person, slug) else NO_ACCESS


def readable(person: Person, slugs: Iterable[str]) -> list[str]:
    """The rooms among these that the person may see. On a thread, if `asks_host`."""
    return [slug for slug in slugs if can_read(person, slug) and host_admits(person, slug)]


def can_make(person: Person, slug: str) -> Answer:
    """Whether the person may create a room at this address, if it is free. Nobody may create the default room."""
    if not (answer := can_read(person, slug)):
        return answer
    return room_exists(slug) if slug == DEFAULT_ROOM else YES


def room_exists(slug: str) -> Answer:
    return Answer(RefusalCode.ROOM_EXISTS, f"The room {slug} already exists.")


def can_describe(person: Person, made_by: MemberId | None, rules: Rules) -> Answer:
    """Whether the person may edit a room's title and topic. Its maker may while it is open, and moderators may."""
    if person.moderator is not None:
        return YES
    if made_by is None or person.id != made_by:
        return Answer(RefusalCode.NOT_ALLOWED, "Only the room's creator and moderators can edit its name and topic.")
    if rules.locked:
        return Answer(RefusalCode.LOCKED, "The room is locked: only moderators can edit its name and topic.")
    return YES


def can_manage_hooks(person: Person, made_by: MemberId | None, rules: Rules) -> Answer:
    """Whether the person may create, see and revoke a room's webhooks: who may describe it, and no bot."""
    if person.is_bot:
        return _NO_HOOKS
    if not (answer := can_describe(person, made_by, rules)) and answer.code is RefusalCode.NOT_ALLOWED:
        return _NO_HOOKS
    return answer


# --- messages ---


def can_post(person: Person, rules: Rules, last_post: Callable[[], float | None] = lambda: None) -> Answer:
    """Whether the person may post now.

    `last_post()` returns the seconds since the person's last message there, or None. Called in slow mode only.
    """
    if not (answer := _can_write(person, rules)):
        return answer
    if not rules.slow or person.moderator is not None or (since := last_post()) is None or since >= rules.slow:
        return YES
    detail = f"Slow mode: one message every {rules.slow} s."
    return Answer(RefusalCode.RATE_LIMITED, detail, retry_after=round(rules.slow - since, 3))


def can_change(person: Person, author: MemberId, rules: Rules) -> Answer:
    """Whether the person may edit this author's message."""
    if not (answer := _can_write(person, rules)):
        return answer
    return YES if person.id == author else _NOT_YOURS


def can_delete(person: Person, author: MemberId) -> Answer:
    """Whether the person may delete this author's message. Authors may do so in a locked room, too."""
    return YES if person.id == author or person.moderator is not None else _NOT_YOURS


def can_react(person: Person, rules: Rules) -> Answer:
    """Whether the person may add or remove a reaction."""
    return _can_write(person, rules)


def _can_write(person: Person, rules: Rules) -> Answer:
    return _LOCKED if rules.locked and person.moderator is None else YES


# --- people ---


def can_rename(person: Person) -> Answer:
    """Whether the person may choose their own screen name."""
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
    """Whether the person may delete a room with its messages. Not every moderator may."""
    return YES if person.moderator is not None and person.moderator.may_delete_rooms else _NO_MODERATOR
