"""`manage.py backup FILE`: a consistent copy of the database, while people talk."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chatty_project.backup.archive import BackupError
from chatty_project.backup.saving import back_up


class Command(BaseCommand):
    help = "Writes a backup of the database to a new file. Chatty may run meanwhile. The file has all messages."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE", type=Path, help="a name that no file has yet")

    def handle(self, *, file: Path, **options: Any) -> None:
        try:
            manifest = back_up(file.absolute())
        except BackupError as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"{file} can't be written: {error.strerror or error}") from None
        rooms, messages = manifest.rows["chat_room"], manifest.rows["chat_message"]
        self.stdout.write(f"Backed up {rooms:,} rooms with {messages:,} messages to {file}. Keep SECRET_KEY, too.")
