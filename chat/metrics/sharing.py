"""Lets any worker of bin/serve answer for all of them. All listen on one port, so a scrape reaches one at random.

Each worker writes its numbers to a file every few seconds. The files are in a folder that is named by the workers'
parent and that only their account can read. A worker that was asked adds the others' files to its own numbers.
Prometheus' multiprocess mode would do the same with a write to a shared file for each increment.
"""

import asyncio
import multiprocessing
import os
import stat
import tempfile
from pathlib import Path

import msgspec

from chat.metrics import snapshots
from chat.metrics.snapshots import Snapshot

WRITE_SECONDS = 5  # The age that other workers' numbers may have.
_SUFFIX = ".json"


class Sharing:
    """The files of the workers with the same parent. Without a parent there is nobody to share with."""

    def __init__(self, parent: int | None = None) -> None:
        mother = multiprocessing.parent_process()
        parent = parent or (mother.pid if mother is not None else None)
        self._folder = Path(tempfile.gettempdir()) / f"chatty-metrics-{parent}" if parent else None

    async def write(self) -> None:
        """Writes this worker's numbers."""
        if self._folder is not None:
            await asyncio.to_thread(_write, self._folder, snapshots.take())

    async def others(self) -> list[Snapshot]:
        """The numbers of the other workers that are alive."""
        return await asyncio.to_thread(_read, self._folder) if self._folder is not None else []

    async def remove(self) -> None:
        """Removes this worker's file, at its end. The last worker removes the folder, too."""
        if self._folder is not None:
            await asyncio.to_thread(_remove, self._folder)


def _write(folder: Path, snapshot: Snapshot) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    if not _is_ours(folder):
        raise PermissionError(f"{folder} belongs to another account or others may read it")
    fresh = folder / f"{snapshot.worker}.unfinished"
    fresh.write_bytes(msgspec.json.encode(snapshot))
    fresh.replace(folder / f"{snapshot.worker}{_SUFFIX}")


def _read(folder: Path) -> list[Snapshot]:
    if not folder.is_dir() or not _is_ours(folder):
        return []
    found = []
    for path in folder.glob(f"*{_SUFFIX}"):
        if int(path.stem) == os.getpid():
            continue
        if not _is_alive(int(path.stem)):
            path.unlink(missing_ok=True)
            continue
        try:
            found.append(msgspec.json.decode(path.read_bytes(), type=Snapshot))
        except FileNotFoundError:  # It ended just now.
            continue
    return found


def _remove(folder: Path) -> None:
    (folder / f"{os.getpid()}{_SUFFIX}").unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        return  # Others are left.


def _is_ours(folder: Path) -> bool:
    """Whether nobody else may write there: other accounts may make files in the system's folder, too."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.geteuid() and not status.st_mode & 0o077


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, PermissionError):  # The second: another account's process has the number now.
        return False
    return True
