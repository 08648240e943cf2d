"""The wire, version 1: commands that clients send, events that the server sends, limits and codes.

A client frame is one JSON object, a command. A server frame is one JSON array of events. docs/protocol.md is the
same in words; a test holds the two together. Nothing here does any I/O.
"""

import json
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Annotated, Any, NewType, TypeVar

import msgspec
from msgspec import UNSET as UNSET
from msgspec import Meta, Struct, UnsetType
from msgspec import Raw as Raw

PROTOCOL_VERSION = 1

BODY_LIMIT = 4_000  # Characters (code points): about a printed page, after which a chat is no longer the place.
NAME_LIMIT = 40  # Characters, after normalisation.
TITLE_LIMIT = 100  # Characters of a room's title, after normalisation: a line.
TOPIC_LIMIT = 200  # Of its topic: a sentence or two.
TOKEN_LIMIT = 1_024  # Characters. Ours have about 90; anything longer isn't one.
FRAME_LIMIT_BYTES = 64 * 1024  # The longest body, every character escaped, is 48,000 bytes.
PAGE_LIMIT = 100  # Messages that one `history` may ask for.
AUTHORS_LIMIT = 20  # Of whom one `history` may ask for messages.
QUERY_LIMIT = 200  # Characters of what is searched for.
FOUND_LIMIT = 50  # Results that one `search` may ask for.
WELCOME_MESSAGES = 50  # The newest page in `welcome`.
WELCOME_MEMBERS = 500  # Listed by name in `welcome`; `online` counts them all.
WATCH_LIMIT = 50  # Rooms that one connection may watch: more than a list of rooms shows at once.
UNREAD_LIMIT = 100  # Unread messages of one room are counted up to here.
PULSE_SECONDS = 4  # A client gives a connection up after 2.5 pulses of silence: 10 s.
JOIN_SECONDS = 5  # From the open socket to `join`.
# Of one message. Each reaction sends the message with all its reactions to everybody: 200 make it 8 KB bigger, about as
# much as its longest body.
REACTION_KINDS_LIMIT = 20
REACTIONS_LIMIT = 200
MODERATION_REASON_LIMIT = 200  # Characters: a sentence for the record.
SLOW_LIMIT_SECONDS = 3_600  # Slow mode's slowest: a message an hour.
BAN_LIMIT_MINUTES = 10 * 366 * 24 * 60  # Ten years; a longer ban is one without an end.
TYPING_SECONDS = 3  # `typing` of one member is passed on at most this often.

T = TypeVar("T")
MemberId = NewType("MemberId", str)  # A UUID in its canonical form: lower case, with hyphens.
Version = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # JavaScript counts exactly up to here.
Seq = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Reason = Annotated[str, Meta(max_length=MODERATION_REASON_LIMIT)]
Moment = Annotated[int, Meta(ge=0, le=253_402_300_799_000)]  # Milliseconds since 1970 UTC, to the end of the year 9999.


class RefusalCode(StrEnum):
    BAD_FRAME = "bad_frame"
    UNKNOWN_COMMAND = "unknown_command"
    NOT_JOINED = "not_joined"
    ALREADY_JOINED = "already_joined"
    BODY_EMPTY = "body_empty"
    BODY_TOO_LONG = "body_too_long"
    NAME_INVALID = "name_invalid"
    RATE_LIMITED = "rate_limited"
    ROOM_EXISTS = "room_exists"
    SLUG_INVALID = "slug_invalid"
    TITLE_INVALID = "title_invalid"
    NOT_YOURS = "not_yours"
    EDITED_MEANWHILE = "edited_meanwhile"
    NO_SUCH_MESSAGE = "no_such_message"
    TOO_MANY_REACTIONS = "too_many_reactions"
    NOT_ALLOWED = "not_allowed"
    QUERY_EMPTY = "query_empty"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"


class CloseCode(IntEnum):
    GOING_AWAY = 1001
    FRAME_TOO_BIG = 1009
    SERVER_ERROR = 1011
    RESTARTING = 1012
    TOO_SLOW = 1013
    NO_JOIN = 4001
    BANNED = 4003
    FLOODING = 4008
    WRONG_PROTOCOL = 4400
    BAD_TOKEN = 4401
    NO_SUCH_ROOM = 4404


class Refusal(Exception):
    """A command that is not carried out. The connection stays; the client gets it as a `refused` event.

    `retry_after` is in seconds. `nonce` and `seq` are the refused command's, where it had them.
    """

    def __init__(
        self,
        code: RefusalCode,
        detail: str,
        *,
        nonce: uuid.UUID | None = None,
        seq: int | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.nonce = nonce
        self.seq = seq
        self.retry_after = retry_after


# --- commands, client to server ---


class Command(Struct, frozen=True, tag_field="type"):
    """What a client asks for. Fields that the server doesn't know are ignored."""


class Since(Struct, frozen=True):
    """How far a returning client got: everything up to `version` of the history called `log`."""

    log: uuid.UUID
    version: Version


class Join(Command, frozen=True, tag="join"):
    token: Annotated[str, Meta(max_length=TOKEN_LIMIT)]
    name: str
    v: int
    since: Since | None = None
    away: bool = False


class Post(Command, frozen=True, tag="post"):
    """`reply_to`: the seq of the message that it answers."""

    nonce: uuid.UUID
    body: str
    reply_to: Seq | None = None


class Edit(Command, frozen=True, tag="edit"):
    """`base`: the `edited_at` of the message as it was when this change of it began, 0 where it had none."""

    seq: Seq
    body: str
    base: Moment | None = None


class Delete(Command, frozen=True, tag="delete"):
    """`reason` is a moderator's, for the record."""

    seq: Seq
    reason: Reason = ""


class React(Command, frozen=True, tag="react"):
    seq: Seq
    emoji: str
    on: bool


class Rename(Command, frozen=True, tag="rename"):
    name: str


class Typing(Command, frozen=True, tag="typing"):
    pass


class Away(Command, frozen=True, tag="away"):
    """Nobody does anything at this connection's end (`on` is true), or somebody does again."""

    on: bool


class History(Command, frozen=True, tag="history"):
    """A page of messages: exactly one of `before`, `after`, `around` and `seqs` says which.

    `author` or any of `authors`, `mentions` and `links` narrow the first three down.
    """

    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] | None = None
    before: Seq | None = None
    after: Version | None = None
    around: Seq | None = None
    seqs: Annotated[list[Seq], Meta(min_length=1, max_length=PAGE_LIMIT)] | None = None
    author: uuid.UUID | None = None
    authors: Annotated[list[uuid.UUID], Meta(min_length=1, max_length=AUTHORS_LIMIT)] | None = None
    mentions: uuid.UUID | None = None
    links: bool = False


class Search(Command, frozen=True, tag="search"):
    """Messages with these words, below the seq `before`, said from `at_from` on and before `at_before`."""

    query: Annotated[str, Meta(max_length=QUERY_LIMIT)]
    limit: Annotated[int, Meta(ge=1, le=FOUND_LIMIT)]
    before: Seq | None = None
    author: uuid.UUID | None = None
    at_from: Moment | None = None
    at_before: Moment | None = None


class Sync(Command, frozen=True, tag="sync"):
    since: Version


class Make(Command, frozen=True, tag="make"):
    """A room with this title at the address `slug`."""

    slug: str
    title: str
    topic: str = ""


class Describe(Command, frozen=True, tag="describe"):
    """Another title and topic for the room."""

    title: str
    topic: str


class Place(Struct, frozen=True):
    """A room, and the seq up to which somebody has read it."""

    slug: Annotated[str, Meta(max_length=50)]
    seq: Version


class Watch(Command, frozen=True, tag="watch"):
    """Other rooms to be told of: these, and no others any more."""

    rooms: Annotated[list[Place], Meta(max_length=WATCH_LIMIT)]


class BanMember(Command, frozen=True, tag="ban"):
    """`minutes` from now; without them until it is lifted. `address`: also where the member comes from."""

    id: uuid.UUID
    reason: Reason
    minutes: Annotated[int, Meta(ge=1, le=BAN_LIMIT_MINUTES)] | None = None
    address: bool = False


class UnbanMember(Command, frozen=True, tag="unban"):
    id: uuid.UUID
    reason: Reason = ""


class Lock(Command, frozen=True, tag="lock"):
    on: bool
    reason: Reason = ""


class SlowDown(Command, frozen=True, tag="slow"):
    """Seconds between two messages of the same member; 0 ends it."""

    seconds: Annotated[int, Meta(ge=0, le=SLOW_LIMIT_SECONDS)]
    reason: Reason = ""


COMMANDS: tuple[type[Command], ...] = (
    Join,
    Post,
    Edit,
    Delete,
    React,
    Rename,
    Typing,
    Away,
    History,
    Search,
    Sync,
    Make,
    Describe,
    Watch,
    BanMember,
    UnbanMember,
    Lock,
    SlowDown,
)
_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(
    Join
    | Post
    | Edit
    | Delete
    | React
    | Rename
    | Typing
    | Away
    | History
    | Search
    | Sync
    | Make
    | Describe
    | Watch
    | BanMember
    | UnbanMember
    | Lock
    | SlowDown
)
_COMMAND_NAMES = frozenset(command.__struct_config__.tag for command in COMMANDS)


def decode_command(frame: str) -> Command:
    """The command in a client's text frame.

    Raises:
        Refusal: `bad_frame` or `unknown_command`, naming the command's nonce and seq where they can be read.
    """
    try:
        return _command_decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise _explain(frame, error) from None


def _explain(frame: str, error: Exception) -> Refusal:
    """Why `frame` is no command. The second, lenient look is taken only at frames that failed the strict one."""
    try:
        # Unlike msgspec, this reads lone surrogates: such a frame is refused, but by its nonce.
        fields = json.loads(frame)
    except (ValueError, RecursionError):
        return Refusal(RefusalCode.BAD_FRAME, "Expected one JSON object; this is not JSON.")
    if not isinstance(fields, dict):
        return Refusal(RefusalCode.BAD_FRAME, "Expected one JSON object, a command.")
    nonce, seq = _readable(fields)
    kind = fields.get("type")
    if isinstance(kind, str) and kind not in _COMMAND_NAMES:
        return Refusal(RefusalCode.UNKNOWN_COMMAND, "This server doesn't know that command.", nonce=nonce, seq=seq)
    detail = "The frame nests too deeply." if isinstance(error, RecursionError) else str(error)
    return Refusal(RefusalCode.BAD_FRAME, detail.encode("utf-8", "replace").decode(), nonce=nonce, seq=seq)


def _readable(fields: dict[str, Any]) -> tuple[uuid.UUID | None, int | None]:
    """The `nonce` and the `seq` of a refused command, where they are what they should be."""

    def read(name: str, kind: Any) -> Any:
        try:
            return msgspec.convert(fields.get(name), kind)
        except (msgspec.ValidationError, UnicodeError):
            return None

    return read("nonce", uuid.UUID), read("seq", Seq)


# --- events, server to client ---


class Event(Struct, frozen=True, tag_field="type"):
    """What the server says."""


class Member(Struct, frozen=True):
    """Somebody in a room. `like`: somebody else there who had a name that looks the same before."""

    id: MemberId
    name: str
    like: MemberId | UnsetType = UNSET
    away: bool | UnsetType = UNSET


class RoomInfo(Struct, frozen=True, omit_defaults=True):
    slug: str
    title: str
    topic: str = ""
    locked: bool = False
    slow: int = 0  # Seconds between two messages of a member.


class Limits(Struct, frozen=True):
    body: int = BODY_LIMIT
    name: int = NAME_LIMIT


class Welcome(Event, frozen=True, tag="welcome"):
    """Answers `join`. `messages`, `members`: encoded already."""

    me: Member
    room: RoomInfo
    log: uuid.UUID
    head: int
    reset: bool
    messages: list[Raw]
    more: bool
    members: Raw
    online: int
    build: str
    pulse: int = PULSE_SECONDS
    limits: Limits = Limits()
    moderator: bool | UnsetType = UNSET
    may_describe: bool | UnsetType = UNSET


class Message(Event, frozen=True, tag="message", omit_defaults=True):
    """A message as it now stands. Times are milliseconds since 1970 UTC."""

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
    """A member is idle in all its tabs, or in one of them no longer."""

    id: MemberId
    on: bool


class RoomNow(Event, frozen=True, tag="room"):
    """Who may write has changed, or the title or the topic."""

    room: RoomInfo


class Made(Event, frozen=True, tag="made"):
    """Answers `make`."""

    room: RoomInfo


class UnreadRoom(Struct, frozen=True):
    """What somebody hasn't read of a room, up to the version `head`: messages, and those of them that call them."""

    slug: str
    title: str
    unread: int
    called: int
    head: int


class Unread(Event, frozen=True, tag="unread"):
    """Answers `watch`, with those of the rooms that exist."""

    rooms: list[UnreadRoom]


class RoomActivity(Struct, frozen=True, omit_defaults=True):
    """How many more messages a watched room has, up to the version `head`, and how many of them call the reader."""

    slug: str
    posted: int
    head: int
    called: int = 0


class Activity(Event, frozen=True, tag="activity"):
    """Something was said in watched rooms. `rooms`: encoded already."""

    rooms: list[Raw]


class Banned(Event, frozen=True, tag="banned"):
    """Answers `ban`. `until`: milliseconds since 1970 UTC; missing where the ban has no end."""

    id: MemberId
    until: int | UnsetType = UNSET


class Unbanned(Event, frozen=True, tag="unbanned"):
    """Answers `unban`."""

    id: MemberId


class TypingNow(Event, frozen=True, tag="typing"):
    id: MemberId


class Pulse(Event, frozen=True, tag="pulse"):
    head: int
    online: int


class Page(Event, frozen=True, tag="page"):
    """Answers `history`: messages by `seq`; `more` where there are older ones, `newer` where there are newer ones."""

    messages: list[Raw]
    more: bool
    before: int | UnsetType = UNSET
    after: int | UnsetType = UNSET
    around: int | UnsetType = UNSET
    seqs: list[int] | UnsetType = UNSET
    newer: bool | UnsetType = UNSET
    author: uuid.UUID | UnsetType = UNSET
    authors: list[uuid.UUID] | UnsetType = UNSET
    mentions: uuid.UUID | UnsetType = UNSET
    links: bool | UnsetType = UNSET


class Result(Struct, frozen=True):
    """A message that was found. `excerpt`: a part of its body, in pieces of `(text, is_match)`."""

    seq: int
    author: Member
    at: int
    excerpt: list[tuple[str, bool]]


class Found(Event, frozen=True, tag="found"):
    """Answers `search`, newest first, and repeats what was asked; `more` where older ones match as well."""

    query: str
    results: list[Result]
    more: bool
    before: int | UnsetType = UNSET
    author: uuid.UUID | UnsetType = UNSET
    at_from: int | UnsetType = UNSET
    at_before: int | UnsetType = UNSET


class Changes(Event, frozen=True, tag="changes"):
    """Answers `sync`; comes unasked where the server itself had to catch up."""

    since: int
    messages: list[Raw]
    more: bool
    head: int
    reset: bool


class Refused(Event, frozen=True, tag="refused"):
    code: RefusalCode
    detail: str
    nonce: uuid.UUID | UnsetType = UNSET
    seq: int | UnsetType = UNSET
    retry_after: float | UnsetType = UNSET


class Bye(Event, frozen=True, tag="bye"):
    """The server is about to close with `code`; `after`, in seconds, spreads the reconnects."""

    code: CloseCode
    reconnect: bool
    after: float = 0


EVENTS: tuple[type[Event], ...] = (
    Welcome,
    Message,
    Joined,
    Left,
    Renamed,
    AwayNow,
    RoomNow,
    Made,
    Unread,
    Activity,
    Banned,
    Unbanned,
    TypingNow,
    Pulse,
    Page,
    Found,
    Changes,
    Refused,
    Bye,
)

encode = msgspec.json.Encoder().encode


def or_unset(value: T | None) -> T | UnsetType:
    """The value of a field that is left out where there is none."""
    return UNSET if value is None else value


def milliseconds(moment: datetime) -> int:
    """Since 1970 UTC."""
    return round(moment.timestamp() * 1000)


def moment(milliseconds: int) -> datetime:
    """The time that so many milliseconds since 1970 UTC are."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def frame(events: Iterable[bytes]) -> bytes:
    """A server frame: the JSON array of `events`, each encoded already."""
    return b"[" + b",".join(events) + b"]"


def refused(refusal: Refusal) -> Refused:
    """The event that tells a client of a refusal."""
    return Refused(
        code=refusal.code,
        detail=refusal.detail,
        nonce=UNSET if refusal.nonce is None else refusal.nonce,
        seq=UNSET if refusal.seq is None else refusal.seq,
        retry_after=UNSET if refusal.retry_after is None else refusal.retry_after,
    )
