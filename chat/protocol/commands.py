"""The commands that a client sends. A client frame is one JSON object, a command."""

import uuid
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from chat.protocol.constants import (
    AUTHORS_LIMIT,
    BAN_LIMIT_MINUTES,
    CHOSEN_LIMIT,
    EPOCH_LIMIT,
    FOUND_LIMIT,
    PAGE_LIMIT,
    QUERY_LIMIT,
    SEARCHED_LIMIT,
    SLOW_LIMIT_SECONDS,
    TOKEN_LIMIT,
    WATCH_LIMIT,
)
from chat.protocol.fields import Moment, Reason, RequestId, RoomSlug, Seq, Version


class Command(Struct, frozen=True, kw_only=True, tag_field="type"):
    """A command of a client. Unknown fields are ignored.

    `id`: the client's choice. What answers the command carries it back as `re`.
    """

    id: RequestId | None = None

    @property
    def re(self) -> str | UnsetType:
        """The `re` of an answer to this command."""
        return UNSET if self.id is None else str(self.id)


class Since(Struct, frozen=True):
    """A returning client's state: everything up to `version` of the history `log`.

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


class Move(Command, frozen=True, tag="move"):
    """Leaves the room and joins another one over the same connection. `since` is the client's state of that room."""

    room: str
    since: Since | None = None
    away: bool = False


# The ids of members whom the writer has chosen: they are meant by `@name`, and no others with the same name.
Chosen = Annotated[tuple[uuid.UUID, ...], Meta(max_length=CHOSEN_LIMIT)]


class Post(Command, frozen=True, tag="post"):
    """Posts a message. `reply_to`: the seq of the message that it answers. `mentions`: see `Chosen`."""

    nonce: uuid.UUID
    body: str
    reply_to: Seq | None = None
    mentions: Chosen = ()


class Edit(Command, frozen=True, tag="edit"):
    """Edits a message. `base`: its `edited_at` when the edit began, 0 if it had none."""

    seq: Seq
    body: str
    base: Moment | None = None
    mentions: Chosen = ()


class Delete(Command, frozen=True, tag="delete"):
    """Deletes a message. `reason` is a moderator's, for the audit log."""

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
    """This connection's user is idle (`on`), or active again."""

    on: bool


class History(Command, frozen=True, tag="history"):
    """Requests a page of messages, by exactly one of `before`, `after`, `around`, `at` and `seqs`.

    `at`: around the first message that was posted at this time or later.
    `author` or any of `authors`, `mentions` and `links` narrow all but `seqs` down.
    """

    limit: Annotated[int, Meta(ge=1, le=PAGE_LIMIT)] | None = None
    before: Seq | None = None
    after: Version | None = None
    around: Seq | None = None
    at: Moment | None = None
    seqs: Annotated[list[Seq], Meta(min_length=1, max_length=PAGE_LIMIT)] | None = None
    author: uuid.UUID | None = None
    authors: Annotated[list[uuid.UUID], Meta(min_length=1, max_length=AUTHORS_LIMIT)] | None = None
    mentions: uuid.UUID | None = None
    links: bool = False

    @property
    def is_combined(self) -> bool:
        """Whether no single index serves the filter, so that finding a few messages may require reading many."""
        return bool(self.author or self.authors) + bool(self.mentions) + self.links > 1


class Search(Command, frozen=True, tag="search"):
    """Searches messages with these words, below the seq `before`, posted from `at_from` on and before `at_before`.

    `rooms`: searches these instead of the room. `before` is then a seq of the room `before_room`.
    The query may be empty with an `author`, `mentions` or `links`.
    """

    query: Annotated[str, Meta(max_length=QUERY_LIMIT)]
    limit: Annotated[int, Meta(ge=1, le=FOUND_LIMIT)]
    before: Seq | None = None
    author: uuid.UUID | None = None
    at_from: Moment | None = None
    at_before: Moment | None = None
    mentions: uuid.UUID | None = None
    links: bool = False
    rooms: Annotated[list[RoomSlug], Meta(max_length=SEARCHED_LIMIT)] | None = None
    before_room: RoomSlug | None = None

    @property
    def may_lack_words(self) -> bool:
        """Whether an index finds the messages without words."""
        return self.author is not None or self.mentions is not None or self.links


class Sync(Command, frozen=True, tag="sync"):
    since: Version


class Make(Command, frozen=True, tag="make"):
    """Creates a room with this title at the address `slug`."""

    slug: str
    title: str
    topic: str = ""


class Describe(Command, frozen=True, tag="describe"):
    """Sets the room's title and topic."""

    title: str
    topic: str


class MakeHook(Command, frozen=True, tag="make_hook"):
    """Create an incoming webhook for the room. `name`: the name of its messages."""

    name: str


class ListHooks(Command, frozen=True, tag="hooks"):
    pass


class RevokeHook(Command, frozen=True, tag="revoke_hook"):
    hook: uuid.UUID


class People(Command, frozen=True, tag="people"):
    """Requests the people who were in the room last."""


class ReadPosition(Struct, frozen=True):
    """A room, and the seq up to which the member has read it."""

    slug: RoomSlug
    seq: Version


class Watch(Command, frozen=True, tag="watch"):
    """Watches these rooms, instead of those watched before."""

    rooms: Annotated[list[ReadPosition], Meta(max_length=WATCH_LIMIT)]


class BanMember(Command, frozen=True, tag="ban"):
    """Bans a member for `minutes`, or without them until it is lifted. `address`: also bans their address."""

    id: uuid.UUID  # type: ignore[assignment]  # The member's id, which is also the command's id.
    reason: Reason
    minutes: Annotated[int, Meta(ge=1, le=BAN_LIMIT_MINUTES)] | None = None
    address: bool = False


class UnbanMember(Command, frozen=True, tag="unban"):
    id: uuid.UUID  # type: ignore[assignment]  # The same as in `ban`.
    reason: Reason = ""


class ListBans(Command, frozen=True, tag="bans"):
    pass


class DeleteMessages(Command, frozen=True, tag="delete_messages"):
    """Deletes an author's messages in the room: those of the last `minutes`, or all. Below the seq `before`."""

    author: uuid.UUID
    minutes: Annotated[int, Meta(ge=1, le=BAN_LIMIT_MINUTES)] | None = None
    before: Seq | None = None
    reason: Reason = ""


class Lock(Command, frozen=True, tag="lock"):
    on: bool
    reason: Reason = ""


class SlowDown(Command, frozen=True, tag="slow"):
    """Sets slow mode: the seconds between two messages of the same member. 0 ends it."""

    seconds: Annotated[int, Meta(ge=0, le=SLOW_LIMIT_SECONDS)]
    reason: Reason = ""


COMMANDS: tuple[type[Command], ...] = tuple(Command.__subclasses__())
