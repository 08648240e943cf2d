"""Events: what the server sends. A server frame is one JSON array of events."""

import uuid
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType

from chat.protocol.constants import BODY_LIMIT, NAME_LIMIT, PULSE_SECONDS
from chat.protocol.errors import CloseCode, Refusal, RefusalCode
from chat.protocol.fields import MemberId

T = TypeVar("T")


class Event(Struct, frozen=True, tag_field="type"):
    """An event of the server."""


class Answer(Event, frozen=True, kw_only=True):
    """An answer to one client's command. `re`: the command's `id`."""

    re: str | UnsetType = UNSET


class Member(Struct, frozen=True):
    """A person in a room, or a program (`bot`).

    `like`: another one there who has had a name that looks the same for longer.
    """

    id: MemberId
    name: str
    like: MemberId | UnsetType = UNSET
    away: bool | UnsetType = UNSET
    bot: bool | UnsetType = UNSET


class RoomInfo(Struct, frozen=True, omit_defaults=True):
    slug: str
    title: str
    topic: str = ""
    locked: bool = False
    slow: int = 0  # Seconds between two messages of a member.


class Limits(Struct, frozen=True):
    body: int = BODY_LIMIT
    name: int = NAME_LIMIT


class Welcome(Answer, frozen=True, tag="welcome"):
    """Answers `join`."""

    me: Member
    room: RoomInfo
    log: uuid.UUID
    head: int
    reset: bool
    messages: list[Raw]  # `Message`s; and `Member`s below. Both are already encoded.
    more: bool
    members: Raw
    online: int
    build: str
    epoch: str | UnsetType = UNSET
    pulse: int = PULSE_SECONDS
    limits: Limits = Limits()
    moderator: bool | UnsetType = UNSET
    may_describe: bool | UnsetType = UNSET


class Message(Event, frozen=True, tag="message", omit_defaults=True):
    """A message in its current state. Times are milliseconds since 1970 UTC."""

    seq: int
    version: int
    nonce: uuid.UUID
    author: Member
    body: str
    html: str
    at: int
    edited_at: int | UnsetType = UNSET
    deleted: bool = False
    reactions: dict[str, list[MemberId]] | UnsetType = UNSET
    mentions: list[MemberId] | UnsetType = UNSET
    reply_to: int | UnsetType = UNSET


class Reacted(Event, frozen=True, tag="reacted"):
    """A member (`id`) has added or removed a reaction to the message `seq`.

    The message as of version `after`, with that, is the message as of `version`.
    """

    seq: int
    version: int
    after: int
    id: MemberId
    emoji: str
    on: bool


class Joined(Event, frozen=True, tag="joined"):
    member: Member
    online: int


class Left(Event, frozen=True, tag="left"):
    id: MemberId
    online: int


class Renamed(Event, frozen=True, tag="renamed"):
    member: Member
    online: int


class AwayNow(Event, frozen=True, tag="away"):
    """A member has become idle in all its tabs, or active again in one."""

    id: MemberId
    on: bool


class RoomNow(Answer, frozen=True, tag="room"):
    """The room's rules, title or topic have changed."""

    room: RoomInfo


class Made(Answer, frozen=True, tag="made"):
    """Answers `make`."""

    room: RoomInfo


class HookInfo(Struct, frozen=True):
    """An incoming webhook. Its `id` is also that of its messages' author. Times as in messages."""

    id: MemberId
    name: str
    at: int


class HookMade(Answer, frozen=True, tag="hook_made"):
    """Answers `make_hook`. The `url` is told this once."""

    hook: HookInfo
    url: str


class HooksNow(Answer, frozen=True, tag="hooks"):
    """Answers `hooks`."""

    hooks: list[HookInfo]


class HookRevoked(Answer, frozen=True, tag="hook_revoked"):
    """Answers `revoke_hook`."""

    hook: MemberId


class KnownPerson(Struct, frozen=True):
    """A member who was in the room, with the name of that time and the time when they were seen last."""

    id: MemberId
    name: str
    seen_at: int


class PeopleKnown(Answer, frozen=True, tag="people"):
    """Answers `people`: those who were in the room last, the latest first."""

    people: list[KnownPerson]


class UnreadRoom(Struct, frozen=True):
    """A member's unread messages in a room, up to the version `head`, and those that mention them (`called`)."""

    slug: str
    title: str
    unread: int
    called: int
    head: int


class Unread(Answer, frozen=True, tag="unread"):
    """Answers `watch`. Rooms that don't exist are missing."""

    rooms: list[UnreadRoom]


class RoomActivity(Struct, frozen=True, omit_defaults=True):
    """The number of new messages in a watched room, up to the version `head`, and of those that mention the reader."""

    slug: str
    posted: int
    head: int
    called: int = 0


class Activity(Event, frozen=True, tag="activity"):
    """Watched rooms have new messages."""

    rooms: list[Raw]  # `RoomActivity`, already encoded.


class Banned(Answer, frozen=True, tag="banned"):
    """Answers `ban`. `until`: milliseconds since 1970 UTC; missing if the ban has no end."""

    id: MemberId
    until: int | UnsetType = UNSET


class Unbanned(Answer, frozen=True, tag="unbanned"):
    """Answers `unban`."""

    id: MemberId


class BanInfo(Struct, frozen=True):
    """A ban in force. `until` as in `Banned`. `address`: it is also of the member's addresses."""

    id: MemberId
    name: str
    at: int
    until: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    address: bool | UnsetType = UNSET


class BansNow(Answer, frozen=True, tag="bans"):
    """Answers `bans`, with the newest first. `more`: there are further ones, which only /admin lists."""

    bans: list[BanInfo]
    more: bool | UnsetType = UNSET


class MessagesDeleted(Answer, frozen=True, tag="messages_deleted"):
    """Answers `delete_messages`. `count`: how many it deleted. `before`: repeat the command with it to go on."""

    author: MemberId
    count: int
    before: int | UnsetType = UNSET


class TypingNow(Event, frozen=True, tag="typing"):
    id: MemberId


class Pulse(Event, frozen=True, tag="pulse"):
    head: int
    online: int
    epoch: str | UnsetType = UNSET


class Page(Answer, frozen=True, tag="page"):
    """Answers `history`: messages by `seq`. `more`: there are older ones; `newer`: there are newer ones."""

    messages: list[Raw]
    more: bool
    before: int | UnsetType = UNSET
    after: int | UnsetType = UNSET
    around: int | UnsetType = UNSET
    at: int | UnsetType = UNSET
    seqs: list[int] | UnsetType = UNSET
    newer: bool | UnsetType = UNSET
    author: uuid.UUID | UnsetType = UNSET
    authors: list[uuid.UUID] | UnsetType = UNSET
    mentions: uuid.UUID | UnsetType = UNSET
    links: bool | UnsetType = UNSET


class Result(Struct, frozen=True):
    """A result of a search. `excerpt`: a part of its body, in pieces of `(text, is_match)`.

    `room`: its room's address, if the search named rooms.
    """

    seq: int
    author: Member
    at: int
    excerpt: list[tuple[str, bool]]
    room: str | UnsetType = UNSET


class Found(Answer, frozen=True, tag="found"):
    """Answers `search`, newest first, and repeats the query. `more`: older messages match, too."""

    query: str
    results: list[Result]
    more: bool
    before: int | UnsetType = UNSET
    author: uuid.UUID | UnsetType = UNSET
    at_from: int | UnsetType = UNSET
    at_before: int | UnsetType = UNSET
    mentions: uuid.UUID | UnsetType = UNSET
    links: bool | UnsetType = UNSET
    rooms: list[str] | UnsetType = UNSET
    before_room: str | UnsetType = UNSET


class Changes(Answer, frozen=True, tag="changes"):
    """Answers `sync`. Also sent without a command if the server itself had to catch up."""

    since: int
    messages: list[Raw]
    more: bool
    head: int
    reset: bool


class Refused(Answer, frozen=True, tag="refused"):
    code: RefusalCode
    detail: str
    nonce: uuid.UUID | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


class Done(Answer, frozen=True, tag="done"):
    """Answers a command with an `id` whose effect everybody gets, after that effect."""


class Bye(Event, frozen=True, tag="bye"):
    """The server is about to close with `code`; `after`, in seconds, spreads the reconnects."""

    code: CloseCode
    reconnect: bool
    after: float = 0


EVENTS: tuple[type[Event], ...] = (
    Welcome,
    Message,
    Reacted,
    Joined,
    Left,
    Renamed,
    AwayNow,
    RoomNow,
    Made,
    HookMade,
    HooksNow,
    HookRevoked,
    PeopleKnown,
    Unread,
    Activity,
    Banned,
    Unbanned,
    BansNow,
    MessagesDeleted,
    TypingNow,
    Pulse,
    Page,
    Found,
    Changes,
    Refused,
    Done,
    Bye,
)


def or_unset(value: T | None) -> T | UnsetType:
    """The value of a field that is omitted if it is None."""
    return UNSET if value is None else value


def milliseconds(moment: datetime) -> int:
    """The milliseconds since 1970 UTC."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """The time at this number of milliseconds since 1970 UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def refused(refusal: Refusal) -> Refused:
    """The event for a refusal."""
    return Refused(
        code=refusal.code,
        detail=refusal.detail,
        nonce=or_unset(refusal.nonce),
        seq=or_unset(refusal.seq),
        retry_after=or_unset(refusal.retry_after),
        re=refusal.re,
    )
