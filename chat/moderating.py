"""A moderator's commands: into the database, then to whom they concern."""

import re
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http.cookie import parse_cookie

from . import moderation
from .hub import RoomHub
from .hubs import Hubs
from .moderation import Moderator
from .peers import BansChanged
from .protocol import (
    UNSET,
    BanMember,
    Banned,
    Event,
    Lock,
    MemberId,
    Refusal,
    RefusalCode,
    RoomNow,
    SlowDown,
    UnbanMember,
    Unbanned,
)

ModeratorCommand = BanMember | UnbanMember | Lock | SlowDown

_SESSION_KEY = re.compile(r"[a-z0-9]{32}")  # As Django makes them. Anything else isn't worth a look at the database.


def session_of(scope: Mapping[str, Any]) -> str | None:
    """The session that a handshake's cookie names: of somebody who was at /admin. Visitors have none."""
    for name, value in scope.get("headers", ()):
        if name == b"cookie":
            session = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
            if _SESSION_KEY.fullmatch(session):
                return session
    return None


async def moderator_of(hubs: Hubs, session: str | None) -> Moderator | None:
    """The moderator who is signed in with this session just now.

    Raises:
        LogUnavailable: nobody can tell.
    """
    return None if session is None else await hubs.log.run(moderation.moderator_of, session)


def not_allowed(detail: str = "Only moderators may do that, and you aren't signed in as one.") -> Refusal:
    return Refusal(RefusalCode.NOT_ALLOWED, detail)


async def carry_out(
    command: ModeratorCommand, *, by: Moderator, member_id: MemberId, hub: RoomHub, hubs: Hubs
) -> Event | None:
    """Does what a moderator, who is `member_id` in the room, asks for. Returns what it is told where nobody else is.

    Raises:
        Refusal: `not_allowed`, what nobody may.
        LogUnavailable, RoomGone: it may not be done.
    """
    match command:
        case BanMember():
            return await _ban(command, by, member_id, hub, hubs)
        case UnbanMember(id=banned, reason=reason):
            await hubs.log.run(moderation.unban, by, hub.room, banned, reason)
            hubs.tell_everywhere(BansChanged())
            return Unbanned(MemberId(str(banned)))
        case Lock(on=on, reason=reason):
            await hubs.log.run(moderation.lock, by, hub.room, on, reason)
        case SlowDown(seconds=seconds, reason=reason):
            await hubs.log.run(moderation.slow_down, by, hub.room, seconds, reason)
    return None if await hubs.show_change(hub) else RoomNow(hub.info)


async def _ban(command: BanMember, by: Moderator, member_id: MemberId, hub: RoomHub, hubs: Hubs) -> Event:
    banned = MemberId(str(command.id))
    if banned == member_id:
        raise not_allowed("You can't ban yourself.")
    name = hub.name_of(banned)
    until = await hubs.log.run(
        moderation.ban, by, hub.room, command.id, name, command.minutes, command.address, command.reason
    )
    hubs.tell_everywhere(BansChanged())
    return Banned(banned, UNSET if until is None else until)
