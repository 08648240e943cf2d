"""Bots as the database keeps them: created with a token, revoked.

Everything here waits for the database. It notifies nobody: processes follow revocations like bans.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone

from chat.access import tokens
from chat.access.person import Moderator
from chat.content.confusables import skeleton
from chat.content.validation import clean_name
from chat.log.audit import Kind, record
from chat.models import DETAIL_LIMIT, Bot
from chat.moderation import acts
from chat.paths import SLUG
from chat.protocol.constants import TOKEN_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.fields import MemberId


@dataclass(frozen=True, slots=True)
class NewBot:
    """A bot and its token, which is told this once."""

    bot: Bot
    token: str


def check(name: str, rooms: Iterable[str]) -> tuple[str, list[str]]:
    """The clean name and the rooms' addresses of a bot to be created.

    Raises:
        Refusal: one of them isn't valid, or another bot has a name that looks the same.
    """
    name, addresses = clean_name(name), sorted(set(rooms))
    for address in addresses:
        if not SLUG.fullmatch(address):
            raise Refusal(RefusalCode.SLUG_INVALID, f"{address!r} can't be a room's address.")
    looks = set(skeleton(name))
    for other in Bot.objects.filter(revoked_at=None).values_list("name", flat=True):
        if looks & set(skeleton(other)):
            raise _name_taken(other)
    if len(_token(Bot(member_id=tokens.new_member_id(), name=name, rooms=" ".join(addresses)))) > TOKEN_LIMIT:
        raise Refusal(RefusalCode.TOO_BIG, "Too many rooms for one token. Create several bots.")
    return name, addresses


def create(by: Moderator | None, name: str, rooms: Iterable[str] = ()) -> NewBot:
    """A new bot, kept to `rooms` if there are any. Without a moderator: by the command line.

    Raises:
        Refusal: as `check`.
    """
    name, addresses = check(name, rooms)
    bot = Bot(
        member_id=tokens.new_member_id(),
        name=name,
        rooms=" ".join(addresses),
        created_by_id=None if by is None else by.id,
    )
    try:
        with transaction.atomic():
            bot.save()
            detail = bot.rooms if len(bot.rooms) <= DETAIL_LIMIT else bot.rooms[: DETAIL_LIMIT - 1] + "…"
            record(by, Kind.BOT, member_id=bot.member_id, member_name=name, detail=detail)
    except IntegrityError:  # Somebody else has just created it.
        raise _name_taken(name) from None
    return NewBot(bot, _token(bot))


def revoke(by: Moderator | None, bot: Bot) -> None:
    """Makes the bot's tokens worthless for good. Its name is free again."""
    with transaction.atomic():
        if Bot.objects.filter(pk=bot.pk, revoked_at=None).update(revoked_at=timezone.now()):
            acts.revoke(by, bot.member_id, bot.name, "The bot was revoked.")


def _token(bot: Bot) -> str:
    return tokens.issue(MemberId(str(bot.member_id)), name=bot.name, is_bot=True, rooms=bot.rooms.split() or None)


def _name_taken(name: str) -> Refusal:
    return Refusal(RefusalCode.NAME_INVALID, f"There is a bot whose name looks the same: {name}.")
