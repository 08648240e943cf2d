"""Collects the static files for production. A start that finds nothing changed saves 6 seconds of CPU."""

import hashlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command

from chat.web import page_files
from chatty_project import bundle, storage

STAMP = ".collected"  # What was collected from what.
LOCK = ".lock"
# Files that decide, with the versions of the packages, what becomes of the sources.
RULES = [
    *(Path(module.__file__ or "") for module in (bundle, page_files, storage)),
    Path(__file__).parents[1] / "package-lock.json",
    bundle.BUNDLER,
]
PACKAGES = ("django", "servestatic")


def collect(folder: Path) -> bool:
    """Collects the static files in `folder`, unless the last call did so and nothing has changed since. Whether it did.

    Raises:
        OSError: the files can't be written.
    """
    stamp = folder / STAMP
    sources = _sources()
    if stamp.exists() and stamp.read_text() == f"{sources} {_contents(folder)}":
        return False
    stamp.unlink(missing_ok=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    stamp.write_text(f"{sources} {_contents(folder)}")
    return True


def _sources() -> str:
    """A hash of all that the collected files are made from."""
    found = hashlib.sha256(" ".join(version(package) for package in PACKAGES).encode())
    for name, content in _read():
        found.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())
    return found.hexdigest()


def _read() -> Iterator[tuple[str, bytes]]:
    for path in RULES:
        yield path.name, path.read_bytes() if path.exists() else b""
    for finder in get_finders():
        for name, files in finder.list(None):
            yield name, Path(files.path(name)).read_bytes()


def _contents(folder: Path) -> str:
    """A hash of the names of the files in a folder."""
    own = {folder / STAMP, folder / LOCK}
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path not in own)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
