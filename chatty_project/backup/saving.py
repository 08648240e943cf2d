"""Makes a backup."""

from pathlib import Path

from django.db import connection

from chatty_project.backup import archive, postgres, sqlite
from chatty_project.backup.archive import Archive, Manifest


def back_up(path: Path) -> Manifest:
    """Writes a backup of the database to a new file, while people talk. Returns its manifest.

    Raises:
        BackupError: it can't be made.
        OSError: the file can't be written.
    """
    database = postgres if connection.vendor == "postgresql" else sqlite
    with (
        archive.new_file(path) as file,
        database.copy(path) as (copied, describe),
    ):
        archive.write(file, database.NAME, database.IS_COMPRESSED, copied, describe)
    with Archive(path) as written:
        return written.manifest
