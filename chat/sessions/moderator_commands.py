"""Executes moderators' commands: writes to the database, then informs everybody concerned."""

import asyncio

from msgspec import UNSET

from chat.access import policy
from chat.access.person import Moderator, Person
from chat.cluster.messages import BansChanged
from chat.log.operations import Delete
from chat.moderation import acts
from chat.protocol.commands import BanMember, DeleteMessages, ListBans, Lock, SlowDown, UnbanMember
from chat.protocol.events import Banned, BansNow, Event, MessagesDeleted, RoomNow, Unbanned, or_unset
from chat.protocol.fields import MemberId
from chat.rooms.hub import RoomHub
from chat.rooms.registry import RoomRegistry
from chat.rooms.scheduler import in_slices

ModeratorCommand = BanMember | UnbanMember | ListBans | DeleteMessages | Lock | SlowDown

DELETED_AT_ONCE = 50  # Of an author's messages, so that other rooms' posts don't wait behind them.


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
        case ListBans():
            bans, is_more = await registry.log.read(acts.bans_in_force)
            return BansNow(bans, is_more or UNSET, re=command.re)
        case DeleteMessages():
            return await _delete_messages(command, person, hub, registry)
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


async def _delete_messages(command: DeleteMessages, by: Person, hub: RoomHub, registry: RoomRegistry) -> Event:
    author, count, before = MemberId(str(command.author)), 0, None
    if hub.room.is_written:
        seqs, before = await registry.log.read(
            acts.deletable, hub.room, command.author, command.minutes, command.before
        )
        for some in in_slices(seqs, DELETED_AT_ONCE):
            deletions = (Delete(hub.room, seq, by, command.reason, hub.head) for seq in some)
            count += sum(done.is_new for done in await asyncio.gather(*map(registry.commit, deletions)))
    return MessagesDeleted(author, count, or_unset(before), re=command.re)
