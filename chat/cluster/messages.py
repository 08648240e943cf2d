"""Messages between server processes, to a room's group or to all. Lost ones are recovered from the database."""

import uuid

import msgspec
from msgspec import Struct

from chat.access.rate_limits import Used
from chat.cluster.names import ScreenName
from chat.log.entries import Entry
from chat.protocol.fields import MemberId

EVERYWHERE = "_everywhere"  # Replaces the room's name in messages to every process. No slug contains a `_`.


class EntriesWritten(Struct, frozen=True, tag=True):
    """Changes were committed to the `log` of the room with the row `room_id`.

    Each entry has the whole message, for the change buffer, and the delta, for the members: a process that doesn't
    hold the message can't derive one from the other.
    """

    log: uuid.UUID
    room_id: int
    entries: list[Entry]


class MemberPresent(Struct, frozen=True, tag=True):
    """The process has this member. Sent when it comes, is renamed, goes away or returns.

    `revision`: of the process's share in this room, after this change. `after`: before it. 0: none. Same below.
    """

    member_id: MemberId
    named: ScreenName
    after: int = 0
    revision: int = 0


class MemberGone(Struct, frozen=True, tag=True):
    """The process no longer has this member."""

    member_id: MemberId
    after: int = 0
    revision: int = 0


class IsTyping(Struct, frozen=True, tag=True):
    member_id: MemberId


class BansChanged(Struct, frozen=True, tag=True):
    """To every process: bans or revoked tokens changed. The database has them."""


class LimitsUsed(Struct, frozen=True, tag=True):
    """To every process: members' usage of their limits in the sending process, since its last such message."""

    used: dict[MemberId, Used]


class RoomChanged(Struct, frozen=True, tag=True):
    """To every process: a room's rules, title or topic changed. The database has them."""

    room: str


class AccessChanged(Struct, frozen=True, tag=True):
    """To every process: the host wants CAN_JOIN to be asked again. `number`: of this request, one after the other.

    It concerns the people in `room`, or in all rooms, who have this id or account, or everybody.
    """

    number: int
    room: str = ""
    member_id: MemberId = MemberId("")
    account: str = ""


class SessionAsked(Struct, frozen=True, tag=True):
    """To the process that has a session over HTTP: a request of its client came to the process `asker`.

    `number` is the asker's for the answers. `commands`: the body of a request; None for a poll, which may wait for so
    many `seconds` and, if `is_last`, is answered by something then. `reached`: the log and version that the client has.
    """

    number: int
    asker: str
    slug: str
    member_id: MemberId
    session: uuid.UUID
    commands: bytes | None = None
    seconds: float = 0
    is_last: bool = False
    reached: tuple[uuid.UUID, int] | None = None


class SessionFound(Struct, frozen=True, tag=True):
    """To the asker, at once: whether the session is here, so that an answer will follow."""

    number: int
    is_here: bool


class SessionAnswered(Struct, frozen=True, tag=True):
    """To the asker: the JSON array of events; empty bytes where a poll is to be asked again."""

    number: int
    payload: bytes


class AskerGone(Struct, frozen=True, tag=True):
    """The client has gone: its poll waits no longer, and it isn't told of what it asked."""

    number: int
    asker: str


class SessionMoved(Struct, frozen=True, tag=True):
    """To the process that had it: the client has begun anew elsewhere."""

    slug: str
    member_id: MemberId
    session: uuid.UUID


class SessionLeft(Struct, frozen=True, tag=True):
    """To the process that has a session over HTTP: its client said that it leaves."""

    slug: str
    member_id: MemberId
    session: uuid.UUID


Item = (
    EntriesWritten
    | MemberPresent
    | MemberGone
    | IsTyping
    | BansChanged
    | AccessChanged
    | RoomChanged
    | LimitsUsed
    | SessionAsked
    | SessionFound
    | SessionAnswered
    | AskerGone
    | SessionMoved
    | SessionLeft
)


def mailbox(process: str) -> str:
    """Stands where a room's name does, for what concerns one process."""
    return f"_process-{process}"


class ClusterMessage(Struct, frozen=True):
    """What `process` has to say of `room` (a slug, or EVERYWHERE), in order.

    Whatever it says, it has the room open; a message without items says only this.
    """

    room: str
    process: str
    items: list[Item]


ITEM_BYTES = 500  # The memory for an item without messages: 200 bytes and CPython's objects.


def weight(item: Item) -> int:
    """The upper limit of an item's bytes in memory."""
    if isinstance(item, EntriesWritten):
        return ITEM_BYTES * (1 + len(item.entries)) + sum(entry.size for entry in item.entries)
    if isinstance(item, SessionAnswered):
        return ITEM_BYTES + len(item.payload)
    if isinstance(item, SessionAsked):
        return ITEM_BYTES + len(item.commands or b"")
    return ITEM_BYTES * (1 + len(item.used)) if isinstance(item, LimitsUsed) else ITEM_BYTES


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(ClusterMessage).decode
