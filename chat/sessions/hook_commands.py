"""Commands about a room's incoming webhooks, for the room's creator and moderators."""

from chat.access.accounts import Asked
from chat.access.person import Person
from chat.content.validation import clean_name
from chat.log.turns import Asker
from chat.moderation import hooks
from chat.paths import hook_url
from chat.protocol.commands import ListHooks, MakeHook, RevokeHook
from chat.protocol.events import Event, HookMade, HookRevoked, HooksNow
from chat.protocol.fields import MemberId
from chat.rooms.hub import RoomHub
from chat.rooms.registry import RoomRegistry

HookCommand = MakeHook | ListHooks | RevokeHook


async def carry_out(
    command: HookCommand, *, person: Person, hub: RoomHub, registry: RoomRegistry, asked: Asked, asker: Asker
) -> Event:
    """Does what somebody in the room asks for. Returns the answer.

    Raises:
        Refusal: what nobody may, or this person may not.
        LogUnavailable, RoomGone: it may not be done.
    """
    match command:
        case MakeHook():
            name = clean_name(command.name)
            hook, secret = await registry.log.run(hooks.make, hub.room, name, person, asker=asker)
            return HookMade(hook, hook_url(asked, secret), re=command.re)
        case ListHooks():
            return HooksNow(await registry.log.run(hooks.all_of, hub.room, person, asker=asker), re=command.re)
        case RevokeHook():
            await registry.log.run(hooks.revoke, hub.room, command.hook, person, asker=asker)
            return HookRevoked(MemberId(str(command.hook)), re=command.re)
