"""A person, identified by a token or by an account of the host. Pure."""

from dataclasses import dataclass
from typing import Any

from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class Moderator:
    """An account that may moderate. `session`: the key of its session; empty for none."""

    id: Any  # The account's primary key.
    name: str
    session: str = ""
    may_delete_rooms: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A member, or a client that is about to become one. `policy` has their permissions.

    `name`: the host's name for them. None if they choose their own screen name.
    `moderator`: the account that they moderate with.
    `network`: their network by `client_address.client_network`.
    `generation`: the generation of their token. None if no token identifies them, so that none can be revoked.
    `account`: the primary key of their account at the host, as text, for CAN_JOIN. None for guests and bots.
    `is_bot`: whether it is a program. `rooms`: the only rooms that their token is for. None for all rooms.
    """

    id: MemberId
    name: str | None = None
    moderator: Moderator | None = None
    network: str = ""
    generation: int | None = None
    is_bot: bool = False
    rooms: frozenset[str] | None = None
    account: str | None = None


ANYBODY = Person(MemberId(""))  # An unknown reader.
