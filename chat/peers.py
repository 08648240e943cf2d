"""What server processes tell each other through a room's group, or everywhere. Whatever is lost, the database heals."""

import msgspec
from msgspec import Struct

from .limits import Used
from .protocol import MemberId
from .ring import Entry
from .roster import Named

EVERYWHERE = "everywhere"  # Stands where a room's name does, for what concerns every process. No room is called so.


class Written(Struct, frozen=True, tag=True):
    """Changes were committed to the log."""

    entries: list[Entry]


class Held(Struct, frozen=True, tag=True):
    """The process has this member, under this name; or the member is away now, or back."""

    member_id: MemberId
    named: Named


class Released(Struct, frozen=True, tag=True):
    """The process doesn't have this member any more."""

    member_id: MemberId


class IsTyping(Struct, frozen=True, tag=True):
    member_id: MemberId


class BansChanged(Struct, frozen=True, tag=True):
    """Everywhere: somebody was banned, or let in again. The database says who."""


class Spent(Struct, frozen=True, tag=True):
    """Everywhere: members have used this much of their limits in the process since it last said so."""

    used: dict[MemberId, Used]


class RoomChanged(Struct, frozen=True, tag=True):
    """Everywhere: who may write in this room has changed, or what it is about. The database says how."""

    room: str


Item = Written | Held | Released | IsTyping | BansChanged | RoomChanged | Spent


class News(Struct, frozen=True):
    """What `process` has to say of `room`, in order: the name of its log, the same on every server; or EVERYWHERE."""

    room: str
    process: str
    items: list[Item]


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(News).decode
