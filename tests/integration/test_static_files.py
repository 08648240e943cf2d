"""bin/serve collects the static files only if they aren't there already."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chatty_project import static_files
from chatty_project.static_files import collect


@pytest.fixture
def source(tmp_path: Path, settings: Any) -> Path:
    """The only static file of a small site, whose STATIC_ROOT is empty."""
    source = tmp_path / "source" / "page.js"
    source.parent.mkdir()
    source.write_text("one")
    settings.STATICFILES_DIRS = [source.parent]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "root"
    settings.STATIC_ROOT.mkdir()
    return source


def write_later(path: Path, text: str) -> None:
    """Changes a file, a minute later by its time: Django compares those of whole seconds."""
    path.write_text(text)
    os.utime(path, (time.time() + 60, time.time() + 60))


def test_what_is_collected_is_not_collected_again(source: Path, settings: Any) -> None:
    (settings.STATIC_ROOT / static_files.LOCK).touch()
    assert [collect(settings.STATIC_ROOT), collect(settings.STATIC_ROOT)] == [True, False]
    assert (settings.STATIC_ROOT / "page.js").read_text() == "one"


@pytest.mark.parametrize(
    "change",
    [
        lambda source, root: write_later(source, "two"),
        lambda source, root: (source.parent / "other.js").touch(),
        lambda source, root: (root / "page.js").unlink(),
    ],
    ids=["a file changed", "a file more", "a collected file is gone"],
)
def test_all_is_collected_again_after_a_change(
    source: Path, settings: Any, change: Callable[[Path, Path], object]
) -> None:
    collect(settings.STATIC_ROOT)
    change(source, settings.STATIC_ROOT)
    assert collect(settings.STATIC_ROOT)
    assert (settings.STATIC_ROOT / "page.js").read_text() == source.read_text()
    assert not collect(settings.STATIC_ROOT)


def test_another_rule_or_package_collects_all_again(
    source: Path, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(settings.STATIC_ROOT)
    bundler = tmp_path / "esbuild"
    bundler.write_text("installed since")
    monkeypatch.setattr(static_files, "RULES", [*static_files.RULES, bundler])
    assert collect(settings.STATIC_ROOT)
    monkeypatch.setattr(static_files, "version", lambda package: f"{package} 99")
    assert collect(settings.STATIC_ROOT)


def test_a_collection_that_failed_is_done_again(source: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    collect(settings.STATIC_ROOT)
    source.write_text("two")
    with monkeypatch.context() as broken:
        broken.setattr(static_files, "call_command", lambda *arguments, **options: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            collect(settings.STATIC_ROOT)
    source.write_text("one")
    assert collect(settings.STATIC_ROOT)
