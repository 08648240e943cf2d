"""`manage.py backup` and `manage.py restore`: the README's commands, writers at work, and what can go wrong."""

import asyncio
import json
import os
import random
import re
import shlex
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatty_project.backup import restoring
from tests import servers
from tests.client import Client
from tests.faults.test_readiness import fill, small_disk
from tests.integration.test_restored import execute, known
from tests.servers import ChattyServer, PostgresServer

README = (servers.ROOT / "README.md").read_text()
SECTION = README[README.index("## Back up and restore") :].partition("\n## ")[0]
BACK_UP, RESTORE = re.findall(r"```sh\n(.*?)\n```", SECTION, re.DOTALL)
MEMBERS = 6

NewUrl = Callable[[], str]


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NewUrl:
    """Makes URLs of databases without tables, all of one kind."""
    if request.param == "sqlite":
        numbers = iter(range(1_000))
        return lambda: f"sqlite:///{tmp_path}/empty-{next(numbers)}.sqlite3"
    server: PostgresServer = request.getfixturevalue("postgres_server")
    monkeypatch.setenv("PATH", f"{Path(server._binary('pg_dump')).parent}:{os.environ['PATH']}")
    return server.create_database


def manage(*arguments: str | Path, url: str) -> str:
    said = servers.manage(
        *map(str, arguments), DATABASE_URL=url, SECRET_KEY=servers.SECRET_KEY, ALLOWED_HOSTS="127.0.0.1"
    )
    assert "Traceback" not in said
    return said


def refusal(*arguments: str | Path, url: str) -> str:
    """What the command that failed said, without a call stack."""
    with pytest.raises(servers.ServerError) as failure:
        manage(*arguments, url=url)
    said = str(failure.value)
    assert "Traceback" not in said
    return said


def messages(url: str) -> dict[int, tuple[Any, ...]]:
    """The rows of a database with one room, by seq."""
    columns = "seq, version, nonce, author_id, author_name, body, html, at, edited_at, deleted_at, reactions, reply_to"
    return {row[0]: tuple(row) for row in execute(url, f"SELECT {columns} FROM chat_message ORDER BY seq")}


def has_rooms(url: str) -> bool:
    tables = (
        "SELECT name FROM sqlite_master WHERE name = 'chat_room'"
        if url.startswith("sqlite")
        else "SELECT tablename FROM pg_tables WHERE tablename = 'chat_room'"
    )
    return bool(execute(url, tables) and execute(url, "SELECT id FROM chat_room"))


@pytest.fixture
def talked(new_url: NewUrl) -> str:
    """A database in which a little was said."""
    url = servers.migrated(new_url())
    with ChattyServer(DATABASE_URL=url) as server:
        asyncio.run(_talk(server))
    return url


async def _talk(server: ChattyServer) -> None:
    async with Client(server.http_url, "Ann", "lobby") as ann:
        for number in range(20):
            await ann.post(f"word{number}x " + "".join(random.choices("abcdefgh", k=500)))


@pytest.fixture
def backup(talked: str, tmp_path: Path) -> Path:
    path = tmp_path / "talked.chatty"
    manage("backup", path, url=talked)
    return path


def manifest(backup: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(zipfile.ZipFile(backup).read("manifest.json"))
    return found


# The README's words.


def follow(line: str, folder: Path, **settings: str) -> None:
    """Runs a line of the README in `folder`, where `.venv` and `manage.py` are as in the project's."""
    environ = servers.clean_environ(**settings)
    done = subprocess.run(["bash", "-c", line], cwd=folder, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    (tmp_path / "manage.py").write_text(
        f"import os, sys\nsys.path.insert(0, {str(servers.ROOT)!r})\n" + (servers.ROOT / "manage.py").read_text()
    )
    return tmp_path


async def test_the_readmes_words_bring_everything_back(folder: Path, new_url: NewUrl) -> None:
    url, other = servers.migrated(new_url()), new_url()
    settings = {"SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1"}
    with ChattyServer(DATABASE_URL=url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            await ann.post("kept")
            await asyncio.to_thread(follow, BACK_UP, folder, DATABASE_URL=url, **settings)
            await ann.post("after the copy")
            log = ann.log
    follow(RESTORE, folder, DATABASE_URL=other, **settings)
    with ChattyServer(DATABASE_URL=other) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            assert ann.bodies == ["kept"]
            assert ann.log != log
            await ann.post("goes on")
            assert ann.head == 2


async def test_every_command_of_the_operations_page_works(folder: Path, new_url: NewUrl) -> None:
    page = (servers.ROOT / "docs/operations.md").read_text()
    lines = [line for block in re.findall(r"```sh\n(.*?)\n```", page, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 5
    url, other = servers.migrated(new_url()), new_url()
    settings = {"SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1"}
    with ChattyServer(DATABASE_URL=url) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            await ann.post("kept")
            for line in lines:
                if "restore backup" not in line:
                    here = line.replace("http://127.0.0.1:8000", server.http_url)
                    await asyncio.to_thread(follow, here, folder, DATABASE_URL=url, **settings)
    [restore] = [line for line in lines if "restore backup" in line]
    follow(restore, folder, DATABASE_URL=other, **settings)
    assert len(messages(other)) == 1


# While people talk.


async def write(client: Client, is_over: asyncio.Event) -> None:
    """Posts, reacts, edits and deletes until it is over."""
    while not is_over.is_set():
        mine = [await client.post(f"{client.name} {number}") for number in range(3)]
        await client.change(mine[0]["seq"], type="react", emoji="👍", on=True)
        await client.change(mine[1]["seq"], type="edit", body="edited")
        await client.change(mine[2]["seq"], type="delete")


async def reaches(client: Client, version: int) -> None:
    """Waits until the client, which another task reads, has this version."""
    async with asyncio.timeout(60):
        while client.head < version:
            await asyncio.sleep(0.02)


async def test_a_backup_is_the_log_at_one_version_while_people_write(new_url: NewUrl, tmp_path: Path) -> None:
    """Everything up to the copy's head is in the restored room as it was written, and nothing of what came later.

    Who returns from before the backup, and who came after it, starts afresh: no message of theirs is mistaken.
    """
    url, other, path = servers.migrated(new_url()), new_url(), tmp_path / "backup.chatty"
    with ChattyServer(DATABASE_URL=url) as server:
        early = Client(server.http_url, "Early", "lobby")
        await early.open()
        await early.join()
        await early.post("first")
        before = known(early)
        await early.close()
        writers = [await Client(server.http_url, f"Writer {number}", "lobby").open() for number in range(MEMBERS)]
        for client in writers:
            await client.join()
        is_over = asyncio.Event()
        tasks = [asyncio.create_task(write(client, is_over)) for client in writers]
        await reaches(writers[0], 50)
        await asyncio.to_thread(manage, "backup", path, url=url)
        await reaches(writers[0], writers[0].head + 50)
        is_over.set()
        await asyncio.gather(*tasks)
        after = known(writers[1])
        for client in writers:
            await client.close()
    assert "1 rooms" in manage("restore", path, url=other)

    source, restored = messages(url), messages(other)
    [(copied,)] = execute(other, "SELECT head FROM chat_room")
    assert 50 < copied < execute(url, "SELECT head FROM chat_room")[0][0]
    assert set(restored) == {seq for seq in source if seq <= copied}
    assert max(row[1] for row in restored.values()) == copied
    unchanged = {seq: row for seq, row in source.items() if row[1] <= copied}
    assert len(unchanged) > 20
    assert {seq: restored[seq] for seq in unchanged} == unchanged
    rows = manifest(path)["rows"]
    assert rows["chat_message"] == len(restored)

    with ChattyServer(DATABASE_URL=other) as server:
        for since in (before, after):
            client = Client(server.http_url, "Back", "lobby")
            await client.open()
            welcome = await client.join(since)
            assert welcome["reset"]
            assert welcome["log"] != since["log"]
            assert client.head >= copied
            newest = max(client.messages)
            assert client.messages[newest]["nonce"].replace("-", "") == str(
                execute(other, f"SELECT nonce FROM chat_message WHERE seq = {newest}")[0][0]
            ).replace("-", "")
            assert (await client.post("goes on"))["seq"] > copied
            again = known(client)
            await client.close()
            await client.open()
            assert not (await client.join(again))["reset"]
            await client.close()


def test_a_backup_is_for_its_owner_only_and_replaces_no_file(talked: str, backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    written = backup.read_bytes()
    assert "exists; expected the name of a new file" in refusal("backup", backup, url=talked)
    assert backup.read_bytes() == written
    assert [path.name for path in backup.parent.glob(".*")] == []


def test_every_table_comes_back_with_all_its_rows(talked: str, backup: Path, new_url: NewUrl) -> None:
    other = new_url()
    manage("restore", backup, url=other)
    rows = manifest(backup)["rows"]
    assert rows["chat_message"] == 20
    for table, count in rows.items():
        if table != "chat_databaseepoch":  # The new history has one row.
            assert execute(other, f'SELECT count(*) FROM "{table}"')[0][0] == count, table
    assert messages(other) == messages(talked)
    assert execute(other, "SELECT count(*) FROM chat_databaseepoch")[0][0] == 1


async def test_what_was_restored_is_found_and_the_search_goes_on(backup: Path, new_url: NewUrl) -> None:
    other = new_url()
    manage("restore", backup, url=other)
    with ChattyServer(DATABASE_URL=other) as server:
        async with Client(server.http_url, "Ann", "lobby") as ann:
            await ann.send(type="search", query="word3x", limit=10)
            assert [found["seq"] for found in (await ann.next("found"))["results"]] == [4]


async def test_a_started_but_empty_installation_takes_a_backup(backup: Path, new_url: NewUrl) -> None:
    other = servers.migrated(new_url())
    with ChattyServer(DATABASE_URL=other) as server:
        async with Client(server.http_url, "Ann", "lobby"):
            said = await asyncio.to_thread(refusal, "restore", backup, url=other)
            assert "expected that Chatty is stopped" in said
    assert "20 messages" in manage("restore", backup, url=other)
    assert len(messages(other)) == 20


def test_an_installation_that_has_something_refuses_a_backup(talked: str, backup: Path) -> None:
    before = messages(talked)
    assert "isn't empty: chat_message has rows" in refusal("restore", backup, url=talked)
    assert messages(talked) == before


async def test_only_tables_that_fill_themselves_may_have_rows(new_url: NewUrl, tmp_path: Path) -> None:
    """A new table that a migration or a first visit fills has to be named in FILLED_BY_ITSELF."""
    url, path = servers.migrated(new_url()), tmp_path / "backup.chatty"
    with ChattyServer(DATABASE_URL=url) as server:
        async with Client(server.http_url, "Ann", "lobby"):
            await asyncio.to_thread(httpx.get, f"{server.http_url}/readyz", timeout=60, trust_env=False)
    manage("backup", path, url=url)
    filled = {name for name, count in manifest(path)["rows"].items() if count}
    assert "chat_probe" in filled
    assert filled <= restoring.FILLED_BY_ITSELF


def test_another_secret_key_is_said(backup: Path, new_url: NewUrl) -> None:
    said = servers.manage("restore", str(backup), DATABASE_URL=new_url(), SECRET_KEY="x" * 50, ALLOWED_HOSTS="a")
    assert "SECRET_KEY isn't the backup's" in said


# What is wrong with the file.


def damaged(backup: Path, how: str) -> Path:
    path = backup.with_name("damaged.chatty")
    content = bytearray(backup.read_bytes())
    match how:
        case "cut off":
            content = content[: len(content) // 2]
        case "without its end":
            content = content[:-30]
        case "one byte":
            content[len(content) // 3] ^= 1
        case "empty":
            content = bytearray()
        case "no backup":
            content = bytearray((servers.ROOT / "README.md").read_bytes())
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("how", ["cut off", "without its end", "one byte", "empty", "no backup"])
def test_a_damaged_backup_changes_nothing(how: str, backup: Path, new_url: NewUrl) -> None:
    other, path = servers.migrated(new_url()), damaged(backup, how)
    for arguments in (("restore", path), ("restore", "--check", path)):
        assert re.search(r"isn't a whole backup|is damaged", refusal(*arguments, url=other))
    assert not has_rooms(other)
    assert "is whole: 1 rooms with 20 messages" in manage("restore", "--check", backup, url=other)
    assert not has_rooms(other)
    manage("restore", backup, url=other)
    assert has_rooms(other)


def with_manifest(backup: Path, **changes: Any) -> Path:
    """The same backup with another manifest."""
    path = backup.with_name(f"changed-{len(list(backup.parent.iterdir()))}.chatty")
    with zipfile.ZipFile(backup) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            content = source.read(name)
            if name == "manifest.json":
                content = json.dumps(json.loads(content) | changes).encode()
            target.writestr(name, content)
    return path


def test_a_backup_of_a_newer_version_is_refused(backup: Path, new_url: NewUrl) -> None:
    other = new_url()
    migrations = manifest(backup)["migrations"]
    newer = with_manifest(backup, chatty="9.1", migrations=[*migrations, "chat.0099_later"])
    said = refusal("restore", newer, url=other)
    assert "was made by Chatty 9.1" in said
    assert "lacks its migrations chat.0099_later" in said
    assert "was made by Chatty 9.2" in refusal(
        "restore", with_manifest(backup, format=2, chatty="9.2", rows=None), url=other
    )
    assert not has_rooms(other)


def test_a_wrong_checksum_is_noticed(backup: Path, new_url: NewUrl) -> None:
    other = new_url()
    assert "checksum" in refusal("restore", with_manifest(backup, sha256="0" * 64), url=other)
    assert not has_rooms(other)


def test_a_backup_of_the_other_database_is_refused(backup: Path, new_url: NewUrl) -> None:
    vendor = manifest(backup)["vendor"]
    other = "postgresql" if vendor == "sqlite" else "sqlite"
    said = refusal("restore", with_manifest(backup, vendor=other), url=new_url())
    assert f"is a backup of {other} and DATABASE_URL leads to {vendor}" in said


# What is wrong with the machine.


def test_a_full_disk_leaves_no_file(talked: str, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        fill(disk / "filler")
        assert re.search(r"No space left|disk is full", refusal("backup", disk / "backup.chatty", url=talked))
        assert [path.name for path in disk.iterdir()] == ["filler"]
        (disk / "filler").unlink()
        manage("backup", disk / "backup.chatty", url=talked)


@pytest.mark.parametrize("new_url", ["sqlite"], indirect=True)
def test_a_full_disk_restores_nothing(backup: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        url = servers.sqlite_database(disk)
        fill(disk / "filler")
        os.truncate(disk / "filler", (disk / "filler").stat().st_size - 200_000)  # Enough to open the database.
        assert re.search(r"No space left|disk is full", refusal("restore", backup, url=url))
        assert len(list(disk.iterdir())) == 2
        (disk / "filler").unlink()
        assert not has_rooms(url)
        manage("restore", backup, url=url)
        assert has_rooms(url)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Puts scripts in the place of PostgreSQL's programs. `$REAL` in a script is the program itself."""
    folder = tmp_path / "programs"
    folder.mkdir()

    def replace(name: str, script: str) -> None:
        real = shutil.which(name)
        (folder / name).write_text(f"#!/bin/sh\nREAL={real}\n{script}\n")
        (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")

    return replace


on_postgresql = pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)


@on_postgresql
def test_a_restore_that_breaks_off_changes_nothing(
    backup: Path,
    new_url: NewUrl,
    programs: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, path = servers.migrated(new_url()), os.environ["PATH"]
    cut_off = '[ "$1" = --version ] && exec $REAL --version; $REAL "$@" | head -c 60000; echo cut off >&2; exit 1'
    programs("pg_restore", cut_off)
    assert "pg_restore can't read" in refusal("restore", backup, url=other)
    assert execute(other, "SELECT count(*) FROM chat_room") == [(0,)]
    monkeypatch.setenv("PATH", path)
    (tmp_path / "programs" / "pg_restore").unlink()
    programs("psql", '[ "$1" = --version ] && exec $REAL --version; (head -c 9000; kill -9 $$) | $REAL "$@"')
    assert "couldn't be restored" in refusal("restore", backup, url=other)
    assert execute(other, "SELECT count(*) FROM chat_room") == [(0,)]
    monkeypatch.setenv("PATH", path)
    manage("restore", backup, url=other)
    assert len(messages(other)) == 20


@on_postgresql
def test_a_dump_that_breaks_off_leaves_no_file(
    talked: str, tmp_path: Path, programs: Callable[[str, str], None]
) -> None:
    programs(
        "pg_dump", '[ "$1" = --version ] && exec $REAL --version; $REAL "$@" | head -c 3000; echo gone >&2; exit 1'
    )
    assert "pg_dump failed: gone" in refusal("backup", tmp_path / "new.chatty", url=talked)
    assert not (tmp_path / "new.chatty").exists()


@on_postgresql
def test_programs_that_are_missing_or_too_old_are_named(
    talked: str, tmp_path: Path, programs: Callable[[str, str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    programs("pg_dump", "echo 'pg_dump (PostgreSQL) 9.6.24'")
    said = refusal("backup", tmp_path / "new.chatty", url=talked)
    assert "pg_dump is 9.6.24 and the server is" in said
    assert "(postgresql-client)" in said
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "pg_dump isn't installed" in refusal("backup", tmp_path / "new.chatty", url=talked)


@on_postgresql
def test_other_tables_of_the_database_are_left_alone(talked: str, tmp_path: Path, new_url: NewUrl) -> None:
    other, path = servers.migrated(new_url()), tmp_path / "backup.chatty"
    for url in (talked, other):
        execute(url, "CREATE TABLE bystander (id int)", f"INSERT INTO bystander VALUES ({len(url)})")
    manage("backup", path, url=talked)
    execute(other, "INSERT INTO bystander VALUES (7)")
    manage("restore", path, url=other)
    assert execute(other, "SELECT count(*) FROM bystander") == [(2,)]


@on_postgresql
def test_tables_come_back_in_their_schema_only(new_url: NewUrl, tmp_path: Path) -> None:
    url, other, path = new_url(), new_url(), tmp_path / "backup.chatty"
    execute(url, "CREATE SCHEMA talk")
    execute(other, "CREATE SCHEMA talk")
    manage("backup", path, url=servers.migrated(f"{url}?currentSchema=talk"))
    assert "expected the same (?currentSchema=talk)" in refusal("restore", path, url=other)
    manage("restore", path, url=f"{other}?currentSchema=talk")
    assert execute(other, "SELECT count(*) > 0 FROM talk.django_migrations") == [(True,)]
