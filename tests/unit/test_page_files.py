"""The page names exactly the files that it needs: a bundle if there is one, otherwise each file."""

import re
from types import SimpleNamespace

import pytest
from django.template.loader import render_to_string

from chat.web import page_files
from tests.unit.test_bus_rule import MAIN, ROOT, imports


def rendered() -> str:
    return render_to_string("chat/room.html", {"files": page_files.page_files()})


def test_page_has_the_browser_fetch_each_script_that_will_be_imported() -> None:
    needed, waiting = {MAIN}, [MAIN]
    while waiting:
        found = set(imports(waiting.pop())) - needed
        needed |= found
        waiting += found
    scripts = page_files.page_files().scripts
    assert {ROOT / "static" / script for script in scripts} == needed
    assert len(scripts) == len(needed)
    assert len(re.findall(r'<link rel="modulepreload" href="[^"]+\.js">', rendered())) == len(needed)


def test_page_has_every_stylesheet_but_those_of_other_pages() -> None:
    folder = ROOT / "static"
    others = {"chat/css/shell/admin.css", "chat/css/shell/offline.css"}
    ours = {path.relative_to(folder).as_posix() for path in (folder / "chat/css").rglob("*.css")}
    assert set(page_files.page_files().styles) == ours - others
    found = re.findall(r'<link rel="stylesheet" href="/static/([^"]+)">', rendered())
    assert tuple(found) == page_files.STYLES


def test_a_bundle_takes_the_place_of_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    collected = SimpleNamespace(hashed_files={page_files.BUNDLED_ENTRY: "chat/bundle/page.0123456789ab.js"})
    monkeypatch.setattr(page_files, "staticfiles_storage", collected)
    page_files._found_once.cache_clear()
    try:
        page = rendered()
    finally:
        page_files._found_once.cache_clear()
    assert re.findall(r'<script src="/static/([^"]+)" type="module">', page) == ["chat/bundle/page.js"]
    assert re.findall(r'<link rel="modulepreload" href="/static/([^"]+)">', page) == ["chat/bundle/page.js"]
    assert re.findall(r'<link rel="stylesheet" href="/static/([^"]+)">', page) == ["chat/bundle/page.css"]
