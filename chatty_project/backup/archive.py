"""The file of a backup: a zip of the copied database, and then of `manifest.json`, which describes it.

The manifest comes last because it has the copy's checksum. A file that was cut off has no manifest, and not even a
directory. So nobody restores half of one.
"""

import hashlib
import json
import os
import secrets
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol

import msgspec

FORMAT = 1  # Of the manifest. A version of Chatty reads its own and older ones.
MANIFEST = "manifest.json"
PIECE_BYTES = 1_048_576  # Read and written at once.
MANIFEST_BYTES = 1_048_576  # At most. It has a line for each table and each migration.


class Readable(Protocol):
    """A file that is only read, from its begin to its end."""

    def read(self, size: int, /) -> bytes: ...


Describe = Callable[[int, str], "Manifest"]  # The manifest for the size and the checksum of a copy.


class BackupError(Exception):
    """A backup couldn't be made or restored. The message is a sentence for the operator."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a backup."""

    format: int
    chatty: str  # The version that made it.
    made_at: str  # UTC.
    vendor: str  # "sqlite" or "postgresql".
    tool: str  # What made the copy: "SQLite 3.40.1", "pg_dump 15.4".
    schema: str  # The tables' schema in PostgreSQL; else empty.
    epoch: int  # The number of the database's newest epoch; 0 if it has none.
    migrations: list[str]  # Those that were applied: "chat.0001_initial".
    rows: dict[str, int]  # The number of rows by table.
    secret_key: str  # Text signed with SECRET_KEY, which isn't in the backup, to tell whether it is the same later.
    bytes: int  # The copy's size.
    sha256: str  # The copy's checksum.


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file for its owner only, which is at `path` when the block has ended, and not at all if the block fails.

    Raises:
        BackupError: there is a file at `path`.
        OSError: the file can't be written.
    """
    check_is_free(path)
    unfinished = beside(path)
    try:
        with open(os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(unfinished, path)  # Unlike a rename, it never replaces a file.
        except FileExistsError:
            raise _exists(path) from None
        sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def check_is_free(path: Path) -> None:
    """Raises BackupError if there is something at `path`."""
    if path.exists() or path.is_symlink():
        raise _exists(path)


def _exists(path: Path) -> BackupError:
    return BackupError(f"{path} exists; expected the name of a new file, because a backup replaces none")


def beside(path: Path) -> Path:
    """A new name in the folder of `path`, for a file that isn't finished."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.unfinished")


def sync_folder(folder: Path) -> None:
    """Makes names of new files in this folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(file: IO[bytes], name: str, is_compressed: bool, copy: Readable, describe: Describe) -> None:
    """Writes a backup: `copy` under `name`, and the manifest for its size and checksum."""
    kind = zipfile.ZIP_STORED if is_compressed else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(file, "w", kind) as archive:
        digest, size = hashlib.sha256(), 0
        with archive.open(name, "w", force_zip64=True) as entry:
            while piece := copy.read(PIECE_BYTES):
                digest.update(piece)
                size += len(piece)
                entry.write(piece)
        manifest = describe(size, digest.hexdigest())
        archive.writestr(MANIFEST, json.dumps(msgspec.to_builtins(manifest), indent=2), zipfile.ZIP_DEFLATED)


class Archive:
    """A backup's file, open for reading. Its manifest was read; `check` reads the rest."""

    def __init__(self, path: Path) -> None:
        """Opens it.

        Raises:
            BackupError: it isn't a whole backup, or one of a later format.
            OSError: it can't be read.
        """
        self.path = path
        self._damaged = BackupError(f"{path} isn't a whole backup of Chatty; expected a file of `manage.py backup`")
        try:
            self._zip = zipfile.ZipFile(path)
            with self._zip.open(MANIFEST) as entry:
                text = entry.read(MANIFEST_BYTES)
            found = json.loads(text)
            later = found["format"] > FORMAT
        except (zipfile.BadZipFile, zlib.error, KeyError, TypeError, ValueError, EOFError, NotImplementedError):
            raise self._damaged from None
        if later:
            raise BackupError(f"{path} was made by Chatty {found.get('chatty')}; expected this version or an older one")
        try:
            self.manifest = msgspec.convert(found, Manifest)
            [self._name] = [name for name in self._zip.namelist() if name != MANIFEST]
        except (msgspec.ValidationError, ValueError):
            raise self._damaged from None

    def close(self) -> None:
        self._zip.close()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def pieces(self) -> Iterator[bytes]:
        """The copy of the database.

        Raises:
            BackupError: it isn't what the manifest describes. It may come after the last piece.
        """
        digest, size = hashlib.sha256(), 0
        try:
            with self._zip.open(self._name) as entry:
                while size <= self.manifest.bytes and (piece := entry.read(PIECE_BYTES)):
                    digest.update(piece)
                    size += len(piece)
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise self._damaged from None
        if (size, digest.hexdigest()) != (self.manifest.bytes, self.manifest.sha256):
            raise BackupError(
                f"{self.path} is damaged: the checksum of its database is wrong; expected another copy of it"
            )

    def check(self) -> None:
        """Reads all of it. Raises BackupError if it is damaged."""
        for _ in self.pieces():
            pass
