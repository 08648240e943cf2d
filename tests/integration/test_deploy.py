"""deploy/chatty.service: systemd takes it, and Chatty runs with its settings on a tree that it can't write to."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.integration.test_setup import copy_project, is_up, running, wait_for
from tests.integration.test_setup_surroundings import read_only

UNIT = (servers.ROOT / "deploy/chatty.service").read_text()


def values(name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", UNIT, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd isn't installed")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "serve"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / "chatty.service"
    unit.write_text(UNIT.replace("/opt/chatty/bin/serve", str(program)).replace("User=chatty", "User=daemon"))
    checked = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert "chatty.service" not in checked.stdout + checked.stderr, checked.stderr


def test_chatty_runs_with_the_units_settings_and_writes_to_its_folders_only(tmp_path: Path) -> None:
    project, state, cache, port = tmp_path / "opt", tmp_path / "lib", tmp_path / "cache", servers.free_port()
    copy_project(project)
    (project / ".venv").symlink_to(sys.prefix)
    state.mkdir()
    cache.mkdir()
    environment = dict(line.split("=", 1) for line in values("Environment"))
    assert values("StateDirectory") == values("CacheDirectory") == ["chatty"]
    settings = {
        name: value.replace("/var/lib/chatty", str(state)).replace("/var/cache/chatty", str(cache))
        for name, value in environment.items()
    }
    settings |= {"SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1", "PORT": str(port)}
    servers.copy_static_files(cache / "static")
    [start] = values("ExecStart")
    command = [*servers.unprivileged(), start.replace("/opt/chatty", str(project))]
    before = {path for path in project.rglob("*") if "__pycache__" not in path.parts}
    with read_only(project), running(command, tmp_path / "output", tmp_path, **settings) as process:
        wait_for("Chatty starts on", tmp_path / "output", process)
        servers.wait_until(lambda: is_up(f"http://127.0.0.1:{port}/healthz"), 60, "the server")
    assert (state / "chatty.sqlite3").exists()
    assert {path for path in project.rglob("*") if "__pycache__" not in path.parts} == before
