"""The README's backup and restore commands, run exactly while Chatty runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import servers
from tests.client import Client
from tests.servers import ChattyServer, PostgresServer

README = (servers.ROOT / "README.md").read_text()
SECTION = README[README.index("## Back up and restore") :].partition("\n## ")[0]
BACK_UP_SQLITE, BACK_UP_POSTGRESQL, RESTORE_POSTGRESQL, RENEW_LOGS = re.findall(
    r"```sh\n(.*?)\n```", SECTION, re.DOTALL
)


def follow(line: str, folder: Path, **settings: str) -> None:
    """Runs a line of the README in `folder`, where `.venv` and `manage.py` are as in the project's."""
    environ = servers.clean_environ(**settings)
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folder(tmp_path: Path, postgres_server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "var").mkdir()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "manage.py").write_text(
        f"import os, sys\nsys.path.insert(0, {str(servers.ROOT)!r})\n" + (servers.ROOT / "manage.py").read_text()
    )
    programs = Path(postgres_server._binary("pg_dump")).parent
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_the_readmes_words_bring_everything_back(
    kind: str, folder: Path, postgres_server: PostgresServer
) -> None:
    path = folder / "var/chatty.sqlite3"
    url = servers.migrated(f"sqlite:///{path}" if kind == "sqlite" else postgres_server.create_database())
    settings = {"DATABASE_URL": url, "SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1"}
    with ChattyServer(DATABASE_URL=url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            await ann.post("kept")
            follow(BACK_UP_SQLITE if kind == "sqlite" else BACK_UP_POSTGRESQL, folder, **settings)
            await ann.post("after the copy")
            log = ann.log
        server.stop()
        if kind == "sqlite":
            shutil.copyfile(folder / "backup.sqlite3", path)
            for name in ("chatty.sqlite3-wal", "chatty.sqlite3-shm"):
                (path.parent / name).unlink(missing_ok=True)
        else:
            follow(RESTORE_POSTGRESQL, folder, **settings)
        follow(RENEW_LOGS, folder, **settings)
        server.start()
        async with Client(server.http_url, "Ann", "lobby") as ann:
            assert ann.bodies == ["kept"]
            assert ann.log != log
            await ann.post("goes on")
            assert ann.head == 2
