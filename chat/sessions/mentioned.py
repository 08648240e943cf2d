"""The people whom a body mentions: those in the room, and those who were there."""

import uuid
from collections.abc import Collection

from chat.content import mentions
from chat.content.mentions import People
from chat.log import visitors
from chat.log.rendering import FindPeople
from chat.log.turns import Asker
from chat.protocol.fields import MemberId
from chat.rooms.hub import RoomHub
from chat.rooms.registry import RoomRegistry

ABSENT_AT_LIMIT = 10  # `@`s of one body for which people are looked up who aren't in the room.


async def finder(
    hub: RoomHub, registry: RoomRegistry, body: str, chosen: Collection[uuid.UUID], asker: Asker
) -> FindPeople:
    """Finds the people whom `@name`s in the body mean, when it is rendered.

    `chosen`: the ids of members whom the writer has chosen. They are meant by their names, and nobody else with the
    same name. Otherwise a name means those of that name in the room, or if none is there those who were seen last.

    Raises:
        LogUnavailable: the database couldn't be read.
        Refusal: too many callers wait.
    """
    if not hub.room.is_written or not any(sign in body for sign in mentions.SIGNS):
        return hub.people_in
    names = mentions.candidates(body, ABSENT_AT_LIMIT)
    absent = await registry.log.read(visitors.named, hub.room.id, names, chosen, asker=asker)
    wanted = {MemberId(str(member_id)) for member_id in chosen}

    def find(body: str) -> People:
        present = hub.people_in(body)
        return {name: _meant(present.get(name, ()), absent.get(name, ()), wanted) for name in present.keys() | absent}

    return find


def _meant(
    present: tuple[MemberId, ...], absent: tuple[MemberId, ...], chosen: Collection[MemberId]
) -> tuple[MemberId, ...]:
    """Those of one name who are meant."""
    return tuple(member for member in dict.fromkeys(present + absent) if member in chosen) or present or absent
