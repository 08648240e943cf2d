"""The application in another Django project, under a prefix."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

from tests.servers import ROOT

SCRIPT = Path(__file__).with_name("embedded.py")
# What the README of a Django application says. Templates and static files are named: they aren't in the package yet.
SETTINGS = f"""
from importlib.util import find_spec
INSTALLED_APPS += ["chat"]
TEMPLATES[0]["DIRS"] = [{str(ROOT / "templates")!r}]
STATICFILES_DIRS = [{str(ROOT / "static")!r}, ("bootstrap", find_spec("bootstrap").submodule_search_locations[0])]
"""
URLS = """
from django.urls import include
urlpatterns += [path("talk/", include("chat.urls"))]
"""


def python(project: Path, *arguments: str) -> str:
    """Runs Python in the project's folder, without any of our own settings. Its output."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(project), "DJANGO_SETTINGS_MODULE": "host.settings"}
    ran = subprocess.run(
        [sys.executable, *arguments], cwd=project, env=environment, capture_output=True, text=True, timeout=120
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """As `startproject` makes it, with Chatty put into it. Of our folders it has the package `chat` alone."""
    project = tmp_path / "project"
    project.mkdir()
    call_command("startproject", "host", str(project))
    for name, lines in (("settings", SETTINGS), ("urls", URLS)):
        with (project / "host" / f"{name}.py").open("a") as file:
            file.write(lines)
    (project / "chat").symlink_to(ROOT / "chat")
    return project


def test_an_empty_project_with_chatty_under_a_prefix_is_clean_and_works(project: Path) -> None:
    assert "no issues (0 silenced)" in python(project, "manage.py", "check")
    assert "Applying chat.0001_initial... OK" in python(project, "manage.py", "migrate")
    assert python(project, str(SCRIPT)).endswith("All is well.\n")
