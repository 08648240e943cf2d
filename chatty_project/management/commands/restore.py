"""`manage.py restore FILE`: a backup into an empty installation."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatty_project.backup import restoring
from chatty_project.backup.archive import BackupError
from chatty_project.backup.facts import is_of_this_secret_key

OTHER_KEY = (
    "SECRET_KEY isn't the backup's: everybody will come back as a new person. Expected the backup's key, as SECRET_KEY "
    "or in SECRET_KEY_FALLBACKS."
)


class Command(BaseCommand):
    help = "Restores a backup into an empty installation, whose database may not even have tables. Stop Chatty before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="what `manage.py backup` wrote")
        parser.add_argument("--check", action="store_true", help="only read all of the file, and say what is in it")

    def handle(self, *, file: Path, check: bool, **options: Any) -> None:
        try:
            manifest = restoring.check(file) if check else restoring.restore(file)
        except BackupError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{error.filename or file}: {error.strerror or error}") from None
        if not is_of_this_secret_key(manifest):
            self.stderr.write(OTHER_KEY)
        rooms, messages = manifest.rows["chat_room"], manifest.rows["chat_message"]
        what = f"{rooms:,} rooms with {messages:,} messages of {manifest.made_at}"
        if check:
            self.stdout.write(f"{file} is whole: {what}, by Chatty {manifest.chatty}.")
        else:
            self.stdout.write(f"Restored {what}. Start Chatty. Browsers load all rooms afresh.")
