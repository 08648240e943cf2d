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


Item = EntriesWritten | MemberPresent | MemberGone | IsTyping | BansChanged | RoomChanged | LimitsUsed


class ClusterMessage(Struct, frozen=True):
    """The items that `process` sends about `room` (a slug, or EVERYWHERE), in order."""

    room: str
    process: str
    items: list[Item]


ITEM_BYTES = 500  # The memory for an item without messages: 200 bytes and CPython's objects.


def weight(item: Item) -> int:
    """The upper limit of an item's bytes in memory."""
    if isinstance(item, EntriesWritten):
        return ITEM_BYTES * (1 + len(item.entries)) + sum(entry.size for entry in item.entries)
    return ITEM_BYTES * (1 + len(item.used)) if isinstance(item, LimitsUsed) else ITEM_BYTES


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(ClusterMessage).decode
