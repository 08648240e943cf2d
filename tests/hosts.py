"""Other Django projects, as `startproject` makes them, with the wheel installed as docs/embedding.md says."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx

from tests.servers import ROOT, Server, made_once

DOCUMENT = (ROOT / "docs" / "embedding.md").read_text()
BLOCKS = re.findall(r"^```(python|sh)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
SECONDS = 200  # For a command, on a machine that is busy with other tests.
# Django looks for a custom user model's table from the first migration on.
PEOPLE = """
import uuid
from django.contrib.auth.models import AbstractUser
from django.db import models

class Someone(AbstractUser):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    nickname = models.CharField(max_length=10)
"""
SIGN_IN = """
import sys
import django; django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
name, first, last = sys.argv[1:]
user, _ = get_user_model()._default_manager.get_or_create(username=name, first_name=first, last_name=last)
web = Client()
web.force_login(user)
print(web.cookies["sessionid"].value)
"""
OWN_SETTINGS = """
INSTALLED_APPS += ["people"]
AUTH_USER_MODEL = "people.Someone"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
"""


def wheel() -> Path:
    """The wheel of this repository, built once for a test run."""
    (built,) = made_once("wheel", _build).glob("*.whl")
    return built


def _build(folder: Path) -> None:
    _run([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)], ROOT)


def installed() -> Path:
    """The folder that the wheel was installed in: not the tests' own packages."""
    wheel()
    return made_once("installed", _install)


def _install(folder: Path) -> None:
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    _run([sys.executable, "-m", "pip", "install", *options, "--target", str(folder), str(wheel())], ROOT)


def metadata() -> str:
    """The wheel's METADATA."""
    with zipfile.ZipFile(wheel()) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return archive.read(name).decode()


def _run(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def code_for(place: str) -> str:
    """The page's lines of Python for this place, which its first comment names."""
    code: str
    (code,) = [text for language, text in BLOCKS if language == "python" and text.startswith(f"# {place}\n")]
    return code


class Host:
    """A project in `folder`. `settings` is put at the end of its own, before Chatty's lines.

    `interpreter`: a Python with all packages but Chatty. This one, if there is none.
    """

    def __init__(self, folder: Path, settings: str = OWN_SETTINGS, interpreter: str = sys.executable) -> None:
        self.folder = folder
        self.interpreter = interpreter
        folder.mkdir()
        _run([interpreter, "-m", "django", "startproject", "mysite", str(folder)], folder, {"PATH": os.environ["PATH"]})
        people = folder / "people"
        people.mkdir()
        (people / "__init__.py").touch()
        (people / "models.py").write_text(PEOPLE)
        self.append("settings", settings)
        self.append("settings", code_for("mysite/settings.py, at the end"))
        self.append("urls", code_for("mysite/urls.py, at the end"))
        (folder / "mysite" / "asgi.py").write_text(code_for("mysite/asgi.py"))
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{folder}:{installed()}",
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "mysite.settings",
        }

    def append(self, module: str, lines: str) -> None:
        with (self.folder / "mysite" / f"{module}.py").open("a") as file:
            file.write(lines)

    def python(self, *arguments: str) -> str:
        """Runs Python in the project. What it prints."""
        return _run([self.interpreter, *arguments], self.folder, self.environment)

    def sign_in(self, name: str, full_name: str = "") -> str:
        """Makes an account, unless it is there, and signs it in. The key of its session."""
        first, _, last = full_name.partition(" ")
        return self.python("-c", SIGN_IN, name, first, last).split()[-1]

    def manage(self, *arguments: str) -> str:
        return self.python("manage.py", *arguments)


class HostServer(Server):
    """`manage.py runserver` of a project whose tables are there."""

    name = "host"

    def __init__(self, host: Host) -> None:
        super().__init__()
        self.host = host

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [self.host.interpreter, "manage.py", "runserver", "--noreload", str(self.port)]

    def popen_options(self) -> dict[str, object]:
        return {"cwd": self.host.folder, "env": self.host.environment}

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/talk/healthz", timeout=60, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False
