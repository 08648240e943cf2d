"""What server processes tell each other through a room's group. Whatever of it is lost, the log and the leases heal."""

import msgspec
from msgspec import Struct

from .protocol import MemberId
from .ring import Entry
from .roster import Named


class Written(Struct, frozen=True, tag=True):
    """Changes were committed to the log."""

    entries: list[Entry]


class Held(Struct, frozen=True, tag=True):
    """The process has this member, under this name."""

    member_id: MemberId
    named: Named


class Released(Struct, frozen=True, tag=True):
    """The process doesn't have this member any more."""

    member_id: MemberId


class IsTyping(Struct, frozen=True, tag=True):
    member_id: MemberId


Item = Written | Held | Released | IsTyping


class News(Struct, frozen=True):
    """What `process` has to say of `room`, in order. `room` is the name of its log, the same on every server."""

    room: str
    process: str
    items: list[Item]


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(News).decode
