"""`manage.py bot create NAME [--room SLUG]... | list | revoke NAME`: programs with tokens of their own."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from chat.models import Bot
from chat.moderation import bots
from chat.protocol.errors import Refusal


class Command(BaseCommand):
    help = "Creates, lists and revokes bots: programs with a token and a name of their own. Rooms show them as bots."

    def add_arguments(self, parser: ArgumentParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="prints the new bot's token, which can't be shown again")
        create.add_argument("name", help="its screen name")
        create.add_argument(
            "--room", dest="rooms", metavar="SLUG", action="append", default=[], help="keep it to this room; repeatable"
        )
        actions.add_parser("list", help="lists the bots")
        revoke = actions.add_parser("revoke", help="makes its token worthless, on all servers within a second")
        revoke.add_argument("name", help="as `list` shows it")

    def handle(self, *, action: str, **options: Any) -> None:
        """Workers aren't told: each looks into the database twice a second."""
        match action:
            case "create":
                self._create(options["name"], options["rooms"])
            case "list":
                self._list()
            case "revoke":
                self._revoke(options["name"])

    def _create(self, name: str, rooms: list[str]) -> None:
        try:
            new = bots.create(None, name, rooms)
        except Refusal as refusal:
            raise CommandError(refusal.detail) from None
        except ImproperlyConfigured:
            raise CommandError("Expected the servers' SECRET_KEY in the environment: it signs the token.") from None
        self.stderr.write(f"Created the bot {new.bot.name}. Keep its token, it can't be shown again:")
        self.stdout.write(new.token)

    def _list(self) -> None:
        for bot in Bot.objects.filter(revoked_at=None).order_by("name"):
            rooms = bot.rooms or "all rooms"
            self.stdout.write(f"{bot.name}  {bot.member_id}  created {bot.created_at:%Y-%m-%d}  {rooms}")

    def _revoke(self, name: str) -> None:
        bot = Bot.objects.filter(name=name, revoked_at=None).first()
        if bot is None:
            raise CommandError(f"There is no bot {name}. `manage.py bot list` lists all.")
        bots.revoke(None, bot)
        self.stdout.write(f"Revoked the token of {bot.name}.")
