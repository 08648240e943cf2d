"""Executes moderators' commands: writes to the database, then informs everybody concerned."""

from chat.access import policy
from chat.access.person import Moderator, Person
from chat.cluster.messages import BansChanged
from chat.moderation import acts
from chat.protocol.commands import BanMember, Lock, SlowDown, UnbanMember
from chat.protocol.events import Banned, Event, RoomNow, Unbanned, or_unset
from chat.protocol.fields import MemberId
from chat.rooms.hub import RoomHub
from chat.rooms.registry import RoomRegistry

ModeratorCommand = BanMember | UnbanMember | Lock | SlowDown


async def carry_out(command: ModeratorCommand, *, person: Person, hub: RoomHub, registry: RoomRegistry) -> Event | None:
    """Executes a moderator's command. Returns the answer to the moderator, or None if the whole room got an event.

    Raises:
        Refusal: `not_allowed`, or an action that nobody may do.
        LogUnavailable, RoomGone: it may not be done.
    """
    policy.can_moderate(person).expect()
    by, before = person.moderator, hub.info
    assert by is not None
    match command:
        case BanMember():
            policy.can_ban(person, MemberId(str(command.id))).expect()
            return await _ban(command, by, hub, registry)
        case UnbanMember(id=banned, reason=reason):
            await registry.log.run(acts.unban, by, hub.room, banned, reason)
            registry.publish_everywhere(BansChanged())
            return Unbanned(MemberId(str(banned)), re=command.re)
        case Lock(on=on, reason=reason):
            await registry.log.run(acts.lock, by, hub.room, on, reason)
        case SlowDown(seconds=seconds, reason=reason):
            await registry.log.run(acts.slow_down, by, hub.room, seconds, reason)
    return None if await registry.show_change(hub, before) else RoomNow(hub.info, re=command.re)


async def _ban(command: BanMember, by: Moderator, hub: RoomHub, registry: RoomRegistry) -> Event:
    banned = MemberId(str(command.id))
    name = hub.name_of(banned)
    until = await registry.log.run(
        acts.ban, by, hub.room, command.id, name, command.minutes, command.address, command.reason
    )
    registry.publish_everywhere(BansChanged())
    return Banned(banned, or_unset(until), re=command.re)
