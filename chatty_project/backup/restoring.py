"""Restores a backup into an empty installation."""

from pathlib import Path

from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from chatty_project.backup import facts, postgres, sqlite
from chatty_project.backup.archive import Archive, BackupError, Manifest
from chatty_project.version import version

# Tables that migrations and a first start fill.
FILLED_BY_ITSELF = {
    "auth_permission",
    "chat_accessrevision",
    "chat_banrevision",
    "chat_databaseepoch",
    "chat_probe",
    "chat_searchfolding",
    "django_content_type",
    "django_migrations",
}


def check(path: Path) -> Manifest:
    """Reads all of a backup. Returns its manifest.

    Raises:
        BackupError: it is damaged, or this installation can't use it.
        OSError: it can't be read.
    """
    with Archive(path) as archive:
        _check_fits(archive)
        archive.check()
        return archive.manifest


def restore(path: Path) -> Manifest:
    """Restores the backup at `path` into this empty installation, and migrates it. Returns its manifest.

    Either all of it is restored, or nothing.

    Raises:
        BackupError: it is damaged, this installation isn't empty or can't use it.
        OSError: it can't be read, or the database can't be written.
    """
    with Archive(path) as archive:
        _check_fits(archive)
        existing = _tables_if_empty()
        database = postgres if connection.vendor == "postgresql" else sqlite
        database.put_back(archive, existing)
    call_command("migrate", interactive=False, verbosity=0)
    return archive.manifest


def _check_fits(archive: Archive) -> None:
    manifest = archive.manifest
    if manifest.vendor != connection.vendor:
        raise BackupError(
            f"{archive.path} is a backup of {manifest.vendor} and DATABASE_URL leads to {connection.vendor}; expected "
            "the same"
        )
    known = {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations}
    if unknown := [name for name in manifest.migrations if name not in known]:
        raise BackupError(
            f"{archive.path} was made by Chatty {manifest.chatty}, and this is {version()}, which lacks its migrations "
            f"{', '.join(unknown)}; expected the backup's version or a newer one"
        )


def _tables_if_empty() -> list[str]:
    """The tables of this installation. Raises BackupError if one has rows."""
    existing = [name for name in facts.tables() if name in connection.introspection.table_names()]
    models = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    for name in existing:
        if name not in FILLED_BY_ITSELF and models[name]._base_manager.exists():
            raise BackupError(
                f"The database of DATABASE_URL isn't empty: {name} has rows. Expected a new database, because "
                "restoring replaces all of it"
            )
    return existing
