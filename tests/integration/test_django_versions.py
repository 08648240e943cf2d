"""The wheel in an empty project with the newest Django that it is for. Its packages come from the package index."""

import os
import re
import subprocess
import zlib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.hosts import DOCUMENT, Host, HostServer, installed, metadata
from tests.integration.test_wheel import SCRIPT
from tests.servers import ROOT, wait_until

DJANGO = "6.0"
PYTHONS = ("3.12", "3.13", "3.14")  # Django 6.0 needs one of these.
SECONDS = 280


def requirements() -> list[str]:
    required = map(Requirement, re.findall(r"^Requires-Dist: (.*)$", metadata(), re.MULTILINE))
    names = [str(requirement) for requirement in required if requirement.marker is None]
    return [*names, f"django~={DJANGO}.0", *re.findall(r'pip install "(daphne[^"]*)"', DOCUMENT)]


def find_python() -> str | None:
    """One that can make a virtual environment: on PATH, or among pyenv's versions."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in PYTHONS:
        for path in (f"python{version}", *map(str, versions.glob(f"{version}.*/bin/python"))):
            try:
                done = subprocess.run([path, "-c", "import venv, ensurepip"], capture_output=True, timeout=SECONDS)
            except FileNotFoundError:
                continue
            if done.returncode == 0:
                return path
    return None


def make_environment(python: str) -> str:
    """The interpreter of an environment with what a host has. It is kept in .venv until it needs other packages."""
    wanted = requirements()
    folder = ROOT / ".venv" / "django" / f"{DJANGO}-{zlib.crc32(repr((python, wanted)).encode()):08x}"
    interpreter, stamp = str(folder / "bin" / "python"), folder / "complete"
    if not stamp.exists():
        options = ["--quiet", "--disable-pip-version-check", "--no-input"]
        pip = [interpreter, str(ROOT / "bin" / "_pip"), "install", *options, *wanted]
        for command in ([python, "-m", "venv", "--clear", str(folder)], pip):
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
            assert done.returncode == 0, done.stdout + done.stderr
        stamp.touch()
    return interpreter


@pytest.mark.long
@pytest.mark.timeout(4 * SECONDS)
def test_an_empty_project_has_rooms_on_the_newest_django(tmp_path: Path) -> None:
    python = find_python()
    if python is None:
        pytest.skip(f"Django {DJANGO} needs one of the Pythons {', '.join(PYTHONS)}, and none is installed")
    host = Host(tmp_path / "project", settings="", interpreter=make_environment(python))
    assert host.python("-c", "import django; print(django.__version__)").startswith(f"{DJANGO}.")
    assert "no issues (0 silenced)" in host.manage("check")
    host.manage("migrate")
    assert "No changes detected" in host.manage("makemigrations", "--check")
    assert "All is well.\n" in host.python(str(SCRIPT))
    where = host.python("-c", "import chat; print(chat.__file__)").strip()
    assert where == str(installed() / "chat" / "__init__.py")
    post = "from chat import api; api.post('support', api.Person(str(__import__('uuid').uuid4()), 'Ann'), 'hello')"
    host.manage("shell", "-v", "0", "-c", post)
    with HostServer(host) as server:
        page = host.python("-c", f"import httpx; print(httpx.get('{server.url}/talk/chatty/support').status_code)")
        assert page.split() == ["200"]
        wait_until(lambda: "/talk/chatty/support" in server.log, 60, "the page in the log")
        assert "Traceback" not in server.log
