"""Commands: what a client sends. A client frame is one JSON object, a command."""

import uuid
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from chat.protocol.constants import (
    AUTHORS_LIMIT,
    BAN_LIMIT_MINUTES,
    EPOCH_LIMIT,
    FOUND_LIMIT,
    PAGE_LIMIT,
    QUERY_LIMIT,
    SLOW_LIMIT_SECONDS,
    TOKEN_LIMIT,
    WATCH_LIMIT,
)
from chat.protocol.fields import Moment, Reason, RequestId, Seq, Version


class Command(Struct, frozen=True, kw_only=True, tag_field="type"):
    """What a client asks for. Fields that the server doesn't know are ignored.

    `id`: the client's choice. What answers the command carries it back as `re`.
    """

    id: RequestId | None = None

    @property
    def re(self) -> str | UnsetType:
        """The field of an answer to this command."""
        return UNSET if self.id is None else str(self.id)


class Since(Struct, frozen=True):
    """How far a returning client got: everything up to `version` of the history called `log`.

    `seq` and `nonce` are those of the newest message that it has, `changed` is the seq of the message that `version`
    made or changed. Where the log has something else there, it is not the history that the client knows, though it is
    called the same: a database that was restored from a copy. `epoch` is the last one that it was told.
    """

    log: uuid.UUID
    version: Version
    seq: Seq | None = None
    nonce: uuid.UUID | None = None
    changed: Seq | None = None
    epoch: Annotated[str, Meta(max_length=EPOCH_LIMIT)] | None = None


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

    @property
    def is_combined(self) -> bool:
        """Whether no index has exactly what is wanted: many messages may be looked at to find a few."""
        return bool(self.author or self.authors) + bool(self.mentions) + self.links > 1


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


class ReadPosition(Struct, frozen=True):
    """A room, and the seq up to which the member has read it."""

    slug: Annotated[str, Meta(max_length=50)]
    seq: Version


class Watch(Command, frozen=True, tag="watch"):
    """Other rooms to be told of: these, and no others any more."""

    rooms: Annotated[list[ReadPosition], Meta(max_length=WATCH_LIMIT)]


class BanMember(Command, frozen=True, tag="ban"):
    """`minutes` from now; without them until it is lifted. `address`: also where the member comes from."""

    id: uuid.UUID  # type: ignore[assignment]  # The member's. It is the command's id as well.
    reason: Reason
    minutes: Annotated[int, Meta(ge=1, le=BAN_LIMIT_MINUTES)] | None = None
    address: bool = False


class UnbanMember(Command, frozen=True, tag="unban"):
    id: uuid.UUID  # type: ignore[assignment]  # As in `ban`.
    reason: Reason = ""


class Lock(Command, frozen=True, tag="lock"):
    on: bool
    reason: Reason = ""


class SlowDown(Command, frozen=True, tag="slow"):
    """Seconds between two messages of the same member; 0 ends it."""

    seconds: Annotated[int, Meta(ge=0, le=SLOW_LIMIT_SECONDS)]
    reason: Reason = ""


COMMANDS: tuple[type[Command], ...] = tuple(Command.__subclasses__())
