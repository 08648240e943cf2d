"""Asks AUTHENTICATE who a client is, on a reader's thread, in a queue that is fair between askers."""

from chat.access import authentication
from chat.access.accounts import Asked
from chat.access.person import Person
from chat.log.turns import Asker
from chat.rooms.registry import RoomRegistry


async def authenticated(registry: RoomRegistry, asked: Asked, asker: Asker) -> Person | None:
    """The person that AUTHENTICATE returns. None for a guest.

    Raises:
        LogUnavailable: the database couldn't be read.
        Refusal: too many callers wait.
    """
    if not authentication.must_look_up(asked):
        return None
    return await registry.log.read(authentication.authenticate, asked, asker=asker)
