"""Files made once for a test run, whatever its number of processes, and copied: databases, static files."""

import atexit
import fcntl
import functools
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.servers.commands import manage, migrated
from tests.servers.machine import ROOT, clean_environ

_RUN_FOLDER = "CHATTY_TESTS_FOLDER"  # Names it in the environment of the run's other processes.


def run_folder() -> Path:
    """A folder of the test run: that of bin/test, or one that the first process makes, and removes at its end."""
    if _RUN_FOLDER not in os.environ:
        folder = tempfile.mkdtemp(prefix="chatty-tests-")
        os.environ[_RUN_FOLDER] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ[_RUN_FOLDER])


@functools.cache
def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """What `make` has written to the path that it was given, in the first process that needed it."""
    path = run_folder() / name
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            make(unfinished)
            unfinished.rename(path)
    return path


def static_root() -> Path:
    """The static files as production serves them, under hashed names."""
    return made_once("static", _collect_static)


def _collect_static(folder: Path) -> None:
    folder.mkdir()
    script = "from pathlib import Path; from chatty_project import static_files; static_files.collect(Path({!r}))"
    manage("shell", "--verbosity=0", "-c", script.format(str(folder)), STATIC_ROOT=str(folder))


def copy_static_files(folder: Path) -> Path:
    """Copies the static files to a new folder, where bin/serve finds nothing left to collect."""
    return Path(shutil.copytree(static_root(), folder))


def unbundled_static_root() -> Path:
    """The same from a machine without the bundler."""
    return made_once("static-unbundled", _collect_static_unbundled)


def _collect_static_unbundled(folder: Path) -> None:
    script = """
from pathlib import Path
from chatty_project import bundle
bundle.BUNDLER = Path("/nowhere/esbuild")
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "collectstatic", "--skip-checks", "--noinput", "--verbosity=0"])
"""
    environ = clean_environ(STATIC_ROOT=str(folder), DJANGO_SETTINGS_MODULE="chatty_project.settings")
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, check=True, capture_output=True)


def _make_sqlite(path: Path) -> None:
    migrated(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sqlite_database(folder: Path) -> str:
    """The URL of a new SQLite file in `folder` with Chatty's tables in it."""
    path = folder / f"chatty-{secrets.token_hex(4)}.sqlite3"
    shutil.copyfile(made_once("empty.sqlite3", _make_sqlite), path)
    return f"sqlite:///{path}"
