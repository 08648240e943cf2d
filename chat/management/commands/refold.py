"""`manage.py refold`: after an upgrade that folds texts in another way, or after another tool wrote messages."""

from typing import Any

from django.core.management.base import BaseCommand

from chat.log import refolding


class Command(BaseCommand):
    help = (
        "Make what messages are found by anew, where another version of Chatty or of Python made it. May take minutes."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        count = refolding.refold()
        self.stdout.write(f"{count} messages are found in another way than before.")
