"""Who somebody is, whatever says so: a token, an account of the host. Pure."""

from dataclasses import dataclass
from typing import Any

from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class Moderator:
    """An account that may moderate. `session` is the one that it is signed in with; empty for none."""

    id: Any  # The account's primary key.
    name: str
    session: str = ""
    may_delete_rooms: bool = False


@dataclass(frozen=True, slots=True)
class Person:
    """A member, or somebody who is about to be one. `policy` says what they may do.

    `name`: what the host calls them; None where they choose their screen name themselves.
    `moderator`: the account that they moderate with.
    `network`: where they come from, as `client_address.client_network` gives it.
    `generation`: of the token that says who they are; None where no token does, so that none can be revoked.
    """

    id: MemberId
    name: str | None = None
    moderator: Moderator | None = None
    network: str = ""
    generation: int | None = None


ANYBODY = Person(MemberId(""))  # Stands for a reader of whom nothing is known.
