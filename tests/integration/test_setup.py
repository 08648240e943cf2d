"""bin/run and bin/serve: real processes, an empty folder, wrong settings."""

import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from chatty_project import listen, serve
from tests import servers

Start = Callable[..., servers.ChattyServer]
PRODUCTION = {"SECRET_KEY": servers.SECRET_KEY, "ALLOWED_HOSTS": "127.0.0.1"}
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00"  # How each line of the log begins.
NOT_THE_PROJECT = (
    ".git",
    ".venv",
    "node_modules",
    "var",
    "staticfiles",
    "test-results",
    "__pycache__",
    ".*_cache",
    ".hypothesis",
)


def copy_project(to: Path) -> Path:
    """The project as an empty clone has it."""
    return Path(shutil.copytree(servers.ROOT, to, ignore=shutil.ignore_patterns(*NOT_THE_PROJECT)))


@pytest.fixture(scope="module")
def clone() -> Iterator[Path]:
    """The project in a folder of its own, without .venv; once a test has run bin/run in it, with."""
    with tempfile.TemporaryDirectory(prefix="chatty-clone-") as folder:
        yield copy_project(Path(folder) / "a folder")


@contextmanager
def running(command: list[str], output: Path, cwd: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    """The command's process; what it writes goes to the file `output`. It is told to end at the end."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, cwd=cwd, env=servers.clean_environ(**settings), stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(servers.STOP_SECONDS)
        finally:
            process.kill()


def wait_for(text: str, output: Path, process: "subprocess.Popen[bytes]", seconds: float = 60) -> list[str]:
    """The lines that the process had written when `text` was among them."""

    def has_come() -> bool:
        assert process.poll() is None, output.read_text()
        return text in output.read_text()

    servers.wait_until(has_come, seconds, f"{text!r} from {process.args!r}")
    return output.read_text().splitlines()


def refusal(command: list[str], cwd: Path = servers.ROOT, /, **settings: str) -> list[str]:
    """The lines that the command wrote, having ended with an error and no call stack."""
    environ = servers.clean_environ(**settings)
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()


def get(url: str) -> httpx.Response:
    return httpx.get(url, timeout=10, trust_env=False)


def linked_files(page: httpx.Response) -> list[str]:
    """The addresses of the static files that the page names."""
    return [urljoin(str(page.url), path) for path in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)]


def is_up(url: str) -> bool:
    try:
        return get(url).status_code == 200
    except httpx.TransportError:
        return False


# bin/run.


@pytest.mark.long
def test_bin_run_serves_the_page_from_an_empty_folder_and_again_in_seconds(clone: Path, tmp_path: Path) -> None:
    port, output, key = servers.free_port(), tmp_path / "output", clone / "var" / "secret_key"
    command, address = [str(clone / "bin" / "run")], f"http://127.0.0.1:{port}/chatty"
    shutil.rmtree(clone / ".venv", ignore_errors=True)

    with running(command, output, cwd=tmp_path, PORT=str(port)) as process:
        assert wait_for("is running", output, process, 240)[-1] == f"Chatty is running: {address}"
        assert "Installing" in output.read_text()
        page = get(address)
        assert page.status_code == 200
        assert {get(url).status_code for url in linked_files(page)} == {200}
        first_key = key.read_text()
        assert stat.S_IMODE(key.stat().st_mode) == 0o600

    with running(command, output, cwd=tmp_path, PORT=str(port)) as process:
        assert wait_for("is running", output, process)[-1] == f"Chatty is running: {address}"
        assert "Installing" not in output.read_text()
        assert get(address).status_code == 200
        assert key.read_text() == first_key


def test_runserver_by_hand_needs_no_setting_and_says_where_it_is_after_a_reload_too(tmp_path: Path) -> None:
    project, port, output = copy_project(tmp_path / "project"), servers.free_port(), tmp_path / "output"
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "--verbosity=0"], cwd=project, env=servers.clean_environ(), check=True)

    with running([*manage, "runserver", str(port)], output, cwd=project) as process:
        line = f"Chatty is running: http://127.0.0.1:{port}/chatty"
        assert wait_for("is running", output, process)[-1] == line
        assert get(f"http://127.0.0.1:{port}/chatty").status_code == 200

        def has_reloaded() -> bool:
            (project / "chatty_project" / "urls.py").touch()  # Again and again: the reloader takes its time to look.
            return output.read_text().splitlines().count(line) >= 2

        servers.wait_until(has_reloaded, 60, "a reload")


def test_a_port_in_use_is_one_sentence(redis_server: servers.RedisServer) -> None:
    port = redis_server.port
    sentence = "Port {} is in use; stop what runs there or choose another: PORT={} {}".format

    for extra in ([], ["--noreload"]):
        command = [sys.executable, "manage.py", "runserver", *extra]
        assert refusal(command, PORT=str(port)) == [sentence(port, port + 1, "bin/run")]
    serve = [sys.executable, "-m", "chatty_project.serve"]
    assert refusal(serve, **PRODUCTION, PORT=str(port)) == [sentence(port, port + 1, "bin/serve")]


def test_a_setting_that_cannot_be_read_is_one_sentence() -> None:
    for command in (["runserver"], ["migrate"], ["check"]):
        assert refusal([sys.executable, "manage.py", *command], PORT="80x") == [
            'PORT is "80x"; expected a port number, 1-65535'
        ]


# Pythons that won't do. Each test's folder has only what bin/run needs before there is a Python.


def project_without_code(folder: Path) -> Path:
    (folder / "bin").mkdir(parents=True)
    for name in ("run", "_venv", "_pip"):
        shutil.copy2(servers.ROOT / "bin" / name, folder / "bin" / name)
    shutil.copy2(servers.ROOT / "requirements.txt", folder)
    return folder


def fake_python(folder: Path, version: tuple[int, int, int], missing: str = "") -> Path:
    """A Python that says it is of that version and has no module `missing`."""
    folder.mkdir()
    path = folder / "python3"
    pretend = f"import sys; sys.version_info = {version}; sys.modules['{missing}'] = None; exec(sys.argv[1])"
    path.write_text(
        f'''#!/bin/sh
case $1 in
--version) echo Python {".".join(map(str, version))} ;;
-c) exec "{sys.executable}" -c "{pretend}" "$2" ;;
*) exit 1 ;;
esac
'''
    )
    path.chmod(0o755)
    return path


def test_a_python_too_old_is_one_sentence(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")
    python = fake_python(tmp_path / "path", (3, 10, 2))
    for tool in ("bash", "cat", "dirname", "basename", "cksum", "grep", "readlink"):
        (tmp_path / "path" / tool).symlink_to(shutil.which(tool) or "")
    sentence = (
        f"Chatty needs Python 3.11 or newer, found Python 3.10.2 ({python}); "
        "install one, or name one: PYTHON=/path/to/python3 bin/run"
    )

    assert refusal([str(project / "bin" / "run")], PATH=str(tmp_path / "path")) == [sentence]
    assert refusal([str(project / "bin" / "run")], PYTHON=str(python)) == [sentence]


def test_no_python_at_all_is_one_sentence(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")

    (line,) = refusal([str(project / "bin" / "run")], PYTHON="no-such-python")

    assert line.startswith("Chatty needs Python 3.11 or newer, found none; ")


def test_a_missing_venv_module_is_one_sentence(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")
    python = fake_python(tmp_path / "path", (3, 11, 2), missing="ensurepip")

    (line,) = refusal([str(project / "bin" / "run")], PYTHON=str(python))

    assert line == (
        f"{python} has no venv module; "
        "install it (Debian, Ubuntu: apt-get install python3-venv) and start bin/run again."
    )


def test_quick_checks_take_no_tests_by_name() -> None:
    (line,) = refusal(["bin/test", "--quick", "tests/unit"])

    assert line == "bin/test --quick takes no further arguments; for single tests: bin/test tests/unit"


@pytest.mark.long
def test_a_half_made_venv_is_made_again_and_a_network_that_is_away_is_one_sentence(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").symlink_to("/nonexistent/python3")
    nobody = f"http://127.0.0.1:{servers.free_port()}/simple"

    lines = refusal(
        [str(project / "bin" / "run")], PYTHON=sys.executable, PIP_INDEX_URL=nobody, PIP_CONFIG_FILE=os.devnull
    )

    assert lines[-1] == (
        "The package index can't be reached, which bin/run needs once to install requirements.txt; "
        "check the network (details: .venv/pip.log)."
    )
    subprocess.run([project / ".venv" / "bin" / "python", "-m", "pip", "--version"], check=True, capture_output=True)


# bin/serve.


def serve_command() -> list[str]:
    return [str(servers.ROOT / "bin" / "serve")]


def serve_settings(folder: Path, **settings: str) -> dict[str, str]:
    """Production with the packages of the tests and its files in `folder`. Those that are static are there already."""
    static_root = folder / "static"
    if not static_root.exists():
        servers.copy_static_files(static_root)
    return {
        **PRODUCTION,
        "VIRTUAL_ENV": sys.prefix,
        "PORT": str(servers.free_port()),
        "STATIC_ROOT": str(static_root),
        "DATABASE_URL": f"sqlite:///{folder / 'chatty.sqlite3'}",
        **settings,
    }


@pytest.mark.parametrize(
    ("settings", "beginning"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY is not set; expected at least 50 random characters, such as "),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS is not set; expected host names "),
        ({"DEBUG": "true"}, "DEBUG is true; expected false "),
        ({"WEB_CONCURRENCY": "2"}, "WEB_CONCURRENCY is 2 and REDIS_URL is not set; expected a Redis "),
        (
            {"DATABASE_URL": "sqlite:////nonexistent/x"},
            'DATABASE_URL is "sqlite:////nonexistent/x"; expected a file in a folder that is there, and /nonexistent ',
        ),
        ({"DATABASE_URL": "postgres://a:hunter2@127.0.0.1:1/x"}, "The database of DATABASE_URL can't be used: "),
        ({"STATIC_ROOT": "/proc/static"}, 'STATIC_ROOT is "/proc/static"; expected a folder that can be written to '),
    ],
)
def test_bin_serve_refuses_what_is_missing_or_wrong(tmp_path: Path, settings: dict[str, str], beginning: str) -> None:
    (line,) = refusal(serve_command(), **serve_settings(tmp_path, **settings))

    assert line.startswith(beginning)
    assert "hunter2" not in line


def test_management_commands_need_no_key_but_serving_does() -> None:
    assert "no issues" in servers.manage("check")

    (line, *_) = refusal([sys.executable, "-c", "import chatty_project.asgi"])
    assert line.startswith("SECRET_KEY is not set; expected ")


@pytest.mark.parametrize(
    ("arguments", "settings", "beginning"),
    [
        ([], {"HOST": "0.0.0.0"}, 'DEBUG is true and HOST is "0.0.0.0"; expected '),
        ([], {"ALLOWED_HOSTS": "localhost,*"}, 'DEBUG is true and ALLOWED_HOSTS has "*"; expected '),
        (["0.0.0.0:8000"], {}, 'DEBUG is true and the address is "0.0.0.0"; expected '),
    ],
)
def test_the_development_server_lets_nobody_else_in(
    arguments: list[str], settings: dict[str, str], beginning: str
) -> None:
    (line,) = refusal([sys.executable, "manage.py", "runserver", "--noreload", *arguments], DEBUG="true", **settings)
    assert line.startswith(beginning)


def test_no_server_takes_debug_together_with_a_public_name() -> None:
    (line,) = refusal(
        [sys.executable, "-c", "import chatty_project.asgi"],
        **PRODUCTION | {"DEBUG": "true", "ALLOWED_HOSTS": "a.example"},
    )
    assert line.startswith("DEBUG is true and ALLOWED_HOSTS has ")


def test_production_passes_djangos_deployment_checks() -> None:
    settings = {**PRODUCTION, "HTTPS": "true", "REDIS_URL": "redis://127.0.0.1/0"}

    assert "no issues" in servers.manage("check", "--deploy", "--fail-level=WARNING", **settings)


def test_bin_serve_says_what_to_do_after_texts_were_folded_by_another_version(tmp_path: Path) -> None:
    url = servers.sqlite_database(tmp_path)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database, database:
        database.execute("UPDATE chat_searchfolding SET version = '0/1.1.0'")
    settings = serve_settings(tmp_path, DATABASE_URL=url)
    output = tmp_path / "output"

    with running(serve_command(), output, cwd=tmp_path, **settings) as process:
        wait_for("run `manage.py refold` once all servers are of this version", output, process)

    assert "0 messages" in servers.manage("refold", DATABASE_URL=url)
    with running(serve_command(), output, cwd=tmp_path, **settings) as process:
        assert "refold" not in "".join(wait_for("Chatty starts on", output, process))


def children(pid: int) -> set[int]:
    """The worker processes of bin/serve: its children, but for multiprocessing's helper."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child) for child in listed if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()}


def test_two_workers_serve_and_a_killed_one_is_replaced(tmp_path: Path, redis_url: str) -> None:
    settings = serve_settings(tmp_path, WEB_CONCURRENCY="2", REDIS_URL=redis_url)
    address = f"http://127.0.0.1:{settings['PORT']}"

    with running(serve_command(), tmp_path / "output", cwd=tmp_path, **settings) as process:
        servers.wait_until(lambda: is_up(f"{address}/readyz"), 60, (tmp_path / "output").read_text())
        assert get(f"{address}/chatty").status_code == 200
        first, second = children(process.pid)

        for paused in (first, second):
            os.kill(paused, signal.SIGSTOP)
            try:
                servers.wait_until(lambda: is_up(f"{address}/healthz"), 60, "the other worker answers")
            finally:
                os.kill(paused, signal.SIGCONT)

        os.kill(first, signal.SIGKILL)
        servers.wait_until(lambda: len(children(process.pid) - {first}) == 2, 60, "another worker in its place")
        said = re.compile(
            rf"^{TIME} error chatty_project.supervisor: Worker \d of 2 \(process {first}\) was killed by signal 9 "
            r"\(SIGKILL; [^)]+\); process \d+ takes its place$",
            re.MULTILINE,
        )
        servers.wait_until(lambda: said.search((tmp_path / "output").read_text()), 60, said.pattern)
        servers.wait_until(lambda: is_up(f"{address}/chatty"), 60, "the page")

        process.terminate()
        assert process.wait(servers.STOP_SECONDS) == 0


def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path: Path, redis_url: str) -> None:
    settings = serve_settings(tmp_path, WEB_CONCURRENCY="2", REDIS_URL=redis_url)
    address = f"http://127.0.0.1:{settings['PORT']}/healthz"

    with running(serve_command(), tmp_path / "output", cwd=tmp_path, **settings) as process:
        servers.wait_until(lambda: is_up(address) and len(children(process.pid)) == 2, 60, "two workers")
        process.kill()

        servers.wait_until(lambda: listen.why_not("127.0.0.1", int(settings["PORT"]), "") is None, 60, "a free port")


def test_machines_that_start_at_once_migrate_an_empty_postgresql_one_after_the_other(
    tmp_path: Path, redis_url: str, postgres_server: servers.PostgresServer
) -> None:
    url = postgres_server.create_database()
    machines = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        machines.append(serve_settings(tmp_path / name, REDIS_URL=redis_url, DATABASE_URL=url))
    machines[1]["STATIC_ROOT"] = str(tmp_path / "two" / "empty")
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"

    with postgres_server.connect(url.rpartition("/")[2]) as third:
        third.execute("SELECT pg_advisory_lock(%s)", [serve.MIGRATION_LOCK])  # As a machine that came first.
        with (
            running(serve_command(), tmp_path / "1", cwd=tmp_path, **machines[0]),
            running(serve_command(), tmp_path / "2", cwd=tmp_path, **machines[1]),
        ):
            servers.wait_until(lambda: third.execute(waiting).fetchone() == (2,), 60, "both machines wait")
            assert third.execute(tables).fetchone() == (0,)
            third.execute("SELECT pg_advisory_unlock(%s)", [serve.MIGRATION_LOCK])
            for machine in machines:
                page = f"http://127.0.0.1:{machine['PORT']}/chatty"
                servers.wait_until(lambda: is_up(page), 60, "both machines serve")  # noqa: B023
            files = linked_files(get(page))
            assert files
            assert {get(url).status_code for url in files} == {200}


def test_behind_https_plain_requests_are_redirected_and_the_platforms_probes_are_not(chatty_server: Start) -> None:
    chatty = chatty_server(HTTPS="true")
    proxied = {"X-Forwarded-Proto": "https"}

    plain = httpx.get(f"{chatty.http_url}/chatty", trust_env=False, timeout=60)
    assert (plain.status_code, plain.headers["location"]) == (301, f"https://127.0.0.1:{chatty.port}/chatty")
    secure = httpx.get(f"{chatty.http_url}/chatty", headers=proxied, trust_env=False, timeout=60)
    assert (secure.status_code, secure.headers["strict-transport-security"]) == (200, "max-age=31536000")
    assert get(f"{chatty.http_url}/healthz").status_code == 200


def test_static_files_are_named_by_hash_kept_for_ever_and_import_only_such_files(chatty_server: Start) -> None:
    chatty = chatty_server()
    page = get(f"{chatty.http_url}/chatty")
    hashed = re.compile(r"/static/.+\.[0-9a-f]{12}\.(js|css|svg|png|webmanifest)$")
    waiting = linked_files(page)
    assert {".js", ".css"} <= {Path(url).suffix for url in waiting}

    seen: set[str] = set()
    while waiting:
        url = waiting.pop()
        if url in seen:
            continue
        seen.add(url)
        assert hashed.search(url), url
        file = get(url)
        assert file.status_code == 200, url
        assert file.headers["cache-control"] == "max-age=315360000, public, immutable", url
        if url.endswith(".js") and "/bootstrap/" not in url:
            waiting += [
                urljoin(url, to) for to in re.findall(r'^\s*(?:im|ex)port[^"\';]*["\'](\.\.?/[^"\']+)', file.text, re.M)
            ]

    assert any(file.headers.get("content-encoding") == "gzip" for file in [get(url) for url in seen if ".css" in url])
