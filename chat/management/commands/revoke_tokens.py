"""`manage.py revoke_tokens <member id>...`: revokes all tokens of these members."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chat.moderation import acts
from chat.protocol.constants import MODERATION_REASON_LIMIT


class Command(BaseCommand):
    help = (
        "Revokes all tokens of these members. Their open pages are closed within a second, on all servers, and come "
        "back as new people. To keep somebody out, ban them instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("members", metavar="MEMBER_ID", nargs="+", type=uuid.UUID, help="as /admin shows it")
        parser.add_argument("--reason", default="", help="for the record of moderation actions")

    def handle(self, *, members: list[uuid.UUID], reason: str, **options: Any) -> None:
        """Workers aren't told: each looks into the database twice a second."""
        for member_id in members:
            acts.revoke(None, member_id, reason=reason[:MODERATION_REASON_LIMIT])
            self.stdout.write(f"Revoked the tokens of {member_id}.")
