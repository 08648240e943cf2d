"""Messages between server processes, to a room's group or to all. What is lost is restored from the database."""

import uuid

import msgspec
from msgspec import Struct

from chat.access.rate_limits import Used
from chat.cluster.names import ScreenName
from chat.log.entries import Entry
from chat.protocol.fields import MemberId

EVERYWHERE = "_everywhere"  # Stands where a room's name does, for what concerns every process. No slug has a `_`.


class EntriesWritten(Struct, frozen=True, tag=True):
    """Changes were committed to the `log` of the room with the row `room_id`.

    Each with the message as it stands, for the ring, and with its delta, for the members: a process that doesn't hold
    the message couldn't make the one of the other.
    """

    log: uuid.UUID
    room_id: int
    entries: list[Entry]


class MemberPresent(Struct, frozen=True, tag=True):
    """The process has this member, under this name; or the member is away now, or back.

    `revision`, here and below: of the process's share in this room, after this change; `after`: before it. 0 for none.
    """

    member_id: MemberId
    named: ScreenName
    after: int = 0
    revision: int = 0


class MemberGone(Struct, frozen=True, tag=True):
    """The process doesn't have this member any more."""

    member_id: MemberId
    after: int = 0
    revision: int = 0


class IsTyping(Struct, frozen=True, tag=True):
    member_id: MemberId


class BansChanged(Struct, frozen=True, tag=True):
    """Everywhere: somebody was banned or let in again, or tokens were revoked. The database says whose."""


class LimitsUsed(Struct, frozen=True, tag=True):
    """Everywhere: members have used this much of their limits in the process since it last said so."""

    used: dict[MemberId, Used]


class RoomChanged(Struct, frozen=True, tag=True):
    """Everywhere: who may write in this room has changed, or what it is about. The database says how."""

    room: str


Item = EntriesWritten | MemberPresent | MemberGone | IsTyping | BansChanged | RoomChanged | LimitsUsed


class ClusterMessage(Struct, frozen=True):
    """What `process` has to say of `room` (a slug, or EVERYWHERE), in order."""

    room: str
    process: str
    items: list[Item]


ITEM_BYTES = 500  # What an item takes in memory beside messages: one of two hundred bytes, and CPython's objects.


def weight(item: Item) -> int:
    """The bytes that an item takes in memory, at most."""
    if isinstance(item, EntriesWritten):
        return ITEM_BYTES * (1 + len(item.entries)) + sum(entry.size for entry in item.entries)
    return ITEM_BYTES * (1 + len(item.used)) if isinstance(item, LimitsUsed) else ITEM_BYTES


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(ClusterMessage).decode
