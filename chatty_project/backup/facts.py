"""What a manifest says of a database. Read from the copy, or in the snapshot that is copied."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.core import signing
from django.db import connection

from chatty_project.backup.archive import FORMAT, Describe, Manifest
from chatty_project.version import version

MIGRATIONS = "django_migrations"
_SALT = "chatty.backup"  # Separates this signature from every other use of SECRET_KEY.
_SIGNED = "backup"

Execute = Callable[[str], Sequence[Sequence[Any]]]


def tables() -> list[str]:
    """The names of all tables that this installation has."""
    return sorted({*connection.introspection.django_table_names(only_existing=True), MIGRATIONS})


def read(execute: Execute, tool: str, schema: str, names: Sequence[str]) -> Describe:
    """Reads the facts by SQL. Returns a function that completes them with the copy's size and checksum."""
    rows = {name: int(execute(f'SELECT count(*) FROM "{name}"')[0][0]) for name in names}  # nosec B608
    epoch = execute("SELECT coalesce(max(number), 0) FROM chat_databaseepoch")[0][0]
    migrations = [f"{app}.{name}" for app, name in execute("SELECT app, name FROM django_migrations ORDER BY id")]

    def complete(size: int, checksum: str) -> Manifest:
        return Manifest(
            format=FORMAT,
            chatty=version(),
            made_at=_time_of_day(),
            vendor=connection.vendor,
            tool=tool,
            schema=schema,
            epoch=epoch,
            migrations=migrations,
            rows=rows,
            secret_key=signing.Signer(salt=_SALT).sign(_SIGNED),
            bytes=size,
            sha256=checksum,
        )

    return complete


def _time_of_day() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def is_of_this_secret_key(manifest: Manifest) -> bool:
    """Whether SECRET_KEY, or one of its fallbacks, is that of the backup."""
    try:
        return signing.Signer(salt=_SALT).unsign(manifest.secret_key) == _SIGNED
    except signing.BadSignature:
        return False
