"""Who a client is, as AUTHENTICATE says: looked up on a thread, with its turn among all who ask."""

from chat.access import authentication
from chat.access.accounts import Asked
from chat.access.person import Person
from chat.log.turns import Asker
from chat.rooms.registry import RoomRegistry


async def authenticated(registry: RoomRegistry, asked: Asked, asker: Asker) -> Person | None:
    """Whom AUTHENTICATE names; None for a guest.

    Raises:
        LogUnavailable: nobody can tell.
        Refusal: too many ask.
    """
    if not authentication.must_look_up(asked):
        return None
    return await registry.log.read(authentication.authenticate, asked, asker=asker)
