"""Setting up in difficult surroundings: file permissions, links, line ends, variables of Python and pip."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.integration.test_setup import (
    copy_project,
    is_up,
    project_without_code,
    refusal,
    running,
    serve_settings,
    wait_for,
)

READ_ONLY, READ_ONLY_FOLDER = 0o444, 0o555


@contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Nobody may write to the path; root neither, where it starts commands with `servers.unprivileged`."""
    before = path.stat().st_mode
    path.chmod(READ_ONLY_FOLDER if path.is_dir() else READ_ONLY)
    try:
        yield
    finally:
        path.chmod(before)


def refused(command: list[str], cwd: Path = servers.ROOT, /, **settings: str) -> list[str]:
    """As `refusal`, of somebody whom permissions hold up."""
    return refusal([*servers.unprivileged(), *command], cwd, **settings)


# Rights.


def test_a_checkout_that_cannot_be_written_is_said_with_its_path(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")
    with read_only(project):
        (line,) = refused([str(project / "bin" / "run")], PYTHON=sys.executable)
    assert line.startswith(f"{project} can't be written to by ")
    assert "bin/run has packages to install" in line
    assert "venv module" not in line


def test_a_venv_of_somebody_else_that_is_incomplete_is_said_with_its_path(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")
    (project / ".venv").mkdir()
    with read_only(project / ".venv"):
        (line,) = refused([str(project / "bin" / "run")], PYTHON=sys.executable)
    assert line.startswith(f"{project / '.venv'} can't be written to by ")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project, with the packages of the tests."""
    project = copy_project(tmp_path / "project")
    venv = project / ".venv"
    venv.symlink_to(sys.prefix)
    return project


def development(project: Path, *arguments: str) -> list[str]:
    """What bin/run runs once .venv is there."""
    return [str(project / ".venv" / "bin" / "python"), *arguments]


@pytest.mark.parametrize("arguments", [["-m", "chatty_project.places"], ["manage.py", "runserver", "--noreload"]])
def test_without_a_place_for_the_messages_development_names_it_and_the_setting(
    project: Path, arguments: list[str]
) -> None:
    with read_only(project):
        (line,) = refused(development(project, *arguments), project)
    assert line.startswith(f"{project} can't be written to by ")
    assert "DATABASE_URL=" in line


def test_without_a_place_for_its_key_development_names_it_and_the_setting(project: Path, tmp_path: Path) -> None:
    with read_only(project):
        url = f"sqlite:///{tmp_path / 'elsewhere.sqlite3'}"
        (line,) = refused(development(project, "manage.py", "runserver", "--noreload"), project, DATABASE_URL=url)
    assert line.startswith(f"{project} can't be written to by ")
    assert "SECRET_KEY" in line


@pytest.mark.parametrize("what", ["file", "folder", "log"])
def test_bin_serve_names_the_database_that_it_cannot_write(tmp_path: Path, what: str) -> None:
    url = servers.sqlite_database(tmp_path)
    file = Path(url.removeprefix("sqlite:///"))
    log = Path(f"{file}-wal")
    log.touch()
    path = {"file": file, "folder": tmp_path, "log": log}[what]
    settings = serve_settings(tmp_path, DATABASE_URL=url)
    with read_only(path):
        (line,) = refused([str(servers.ROOT / "bin" / "serve")], **settings)
    assert line.startswith(f'DATABASE_URL is "{url}"; expected a {"folder" if what == "folder" else "file"} that ')
    assert line.endswith(f"{path} isn't one")


def test_bin_serve_names_a_default_place_that_it_cannot_write(project: Path, tmp_path: Path) -> None:
    settings = serve_settings(tmp_path, DATABASE_URL="")
    with read_only(project):
        (line,) = refused([str(project / "bin" / "serve")], project, **settings)
    assert line.startswith(f"{project} can't be written to by ")
    assert "STATIC_ROOT" not in line
    assert "DATABASE_URL" in line


def test_bin_serve_names_static_files_that_it_cannot_write(tmp_path: Path) -> None:
    settings = serve_settings(tmp_path)
    folder = Path(settings["STATIC_ROOT"])
    with read_only(folder):
        (line,) = refused([str(servers.ROOT / "bin" / "serve")], **settings)
    assert line.startswith(f'STATIC_ROOT is "{folder}"; expected a folder that can be written to ')


def test_bin_serve_needs_no_rights_on_a_checkout_that_is_set_up(project: Path, tmp_path: Path) -> None:
    settings = serve_settings(tmp_path)
    command = [*servers.unprivileged(), str(project / "bin" / "serve")]
    with read_only(project), running(command, tmp_path / "output", cwd=tmp_path, **settings) as process:
        wait_for("Chatty starts on", tmp_path / "output", process)
        page = f"http://127.0.0.1:{settings['PORT']}/chatty"
        servers.wait_until(lambda: is_up(page), 60, "the page")


# Links.


@pytest.mark.parametrize("name", ["serve", "run", "test", "bench"])
def test_scripts_find_the_project_through_a_symbolic_link(tmp_path: Path, name: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "chatty"
    project = project_without_code(tmp_path / "project")
    shutil.copy2(servers.ROOT / "bin" / name, project / "bin" / name)
    for requirements in ("requirements-dev.txt", "requirements-bench.txt"):
        shutil.copy2(servers.ROOT / requirements, project)
    link.symlink_to(os.path.relpath(project / "bin" / name, link.parent))

    (line,) = refusal([str(link)], tmp_path, PYTHON="no-such-python", VIRTUAL_ENV="", PATH=tools(tmp_path))

    assert line.startswith("Chatty needs Python 3.11 or newer, found none; ")
    assert line.endswith(f"bin/{name}")


def tools(folder: Path) -> str:
    """A PATH without any Python."""
    (folder / "path").mkdir()
    for tool in ("bash", "cat", "dirname", "basename", "cksum", "grep", "readlink", "env"):
        (folder / "path" / tool).symlink_to(shutil.which(tool) or "")
    return str(folder / "path")


# Line ends.


def test_git_checks_the_project_out_with_unix_line_ends_whatever_it_is_told(tmp_path: Path) -> None:
    source = copy_project(tmp_path / "source")

    def git(*arguments: str, cwd: Path = source) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "core.autocrlf=true"]
        subprocess.run(["git", *who, *arguments], cwd=cwd, check=True, capture_output=True)

    git("init", "--quiet")
    git("add", ".gitattributes", "bin", "requirements.txt", "docs/img/room-light.png")
    git("commit", "--quiet", "-m", "all")
    git("clone", "--quiet", str(source), str(tmp_path / "clone"), cwd=tmp_path)
    for path in ("bin/run", "bin/_venv", "requirements.txt"):
        assert b"\r" not in (tmp_path / "clone" / path).read_bytes()
    picture = "docs/img/room-light.png"
    assert (tmp_path / "clone" / picture).read_bytes() == (source / picture).read_bytes()


@pytest.mark.parametrize("name", ["serve", "run", "test", "bench"])
def test_a_script_with_windows_line_ends_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes((servers.ROOT / "bin" / name).read_bytes().replace(b"\n", b"\r\n"))
    (line,) = refusal(["bash", str(path)], tmp_path)
    assert line.startswith(f"{path} has Windows line ends, ")
    assert line.endswith(r"sed -i 's/\r$//' bin/*")


# Variables.

ODD = {
    "PIP_USER": "1",
    "PIP_TARGET": "/nonexistent/target",
    "PIP_PREFIX": "/nonexistent/prefix",
    "PIP_ROOT": "/nonexistent/root",
    "PIP_REQUIRE_VIRTUALENV": "true",
    "PIP_DRY_RUN": "1",
    "PIP_NO_DEPS": "1",
    "PIP_ONLY_BINARY": "nothing",
    "PYTHONHOME": "/nonexistent/home",
    "PYTHONPATH": "/nonexistent/path",
    "PYTHONSAFEPATH": "1",
    "PYTHONUSERBASE": "/nonexistent/base",
    "PYTHONINSPECT": "1",
    "PYTHONOPTIMIZE": "2",
    "PYTHONWARNINGS": "error",
    "DJANGO_SETTINGS_MODULE": "nonexistent.settings",
    "CDPATH": "/tmp:/",
}


@pytest.mark.long
def test_variables_that_lead_python_and_pip_elsewhere_do_not_break_the_set_up(tmp_path: Path) -> None:
    project = project_without_code(tmp_path / "project")
    (project / "requirements.txt").write_text(smallest_requirement())
    (project / "chatty_project").mkdir()
    (project / "chatty_project" / "places.py").write_text(
        "import sys, sqlparse; sys.exit(sqlparse.__file__ + ' ' + sys.prefix)"
    )
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\ntarget = /nonexistent/target\n[install]\nuser = true\nprefix = /nonexistent/prefix\n"
    )
    odd = {**ODD, "PIP_CONFIG_FILE": str(configuration)}

    lines = refusal(["bash", "bin/run"], project, PYTHON=sys.executable, **odd)

    assert lines[-1].startswith(f"{project}/.venv/lib/"), lines
    assert lines[-1].endswith(f" {project}/.venv")


def smallest_requirement() -> str:
    """The lines of requirements.txt for a small package without dependencies."""
    text = (servers.ROOT / "requirements.txt").read_text()
    start = text.index("\nsqlparse==") + 1
    lines = text[start:].splitlines()
    end = next(number for number, line in enumerate(lines) if not line.endswith("\\"))
    return "\n".join(lines[: end + 1]) + "\n"


def test_where_packages_come_from_is_taken_from_pips_configuration(tmp_path: Path) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(
        "[global]\nproxy = one:3128\ntimeout = 3\n[install]\nproxy = two:3128\n"
        "find-links =\n  /three\n  /four\nuser = true\n"
    )
    environ = servers.clean_environ(PIP_CONFIG_FILE=str(configuration), PIP_TIMEOUT="4", PIP_USER="1")
    for name in ("PIP_PROXY", "PIP_FIND_LINKS"):
        environ.pop(name, None)
    command = [sys.executable, str(servers.ROOT / "bin" / "_pip"), "config", "list"]
    listed = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert ":env:.proxy='two:3128'" in listed
    assert "/three\\n/four" in listed
    assert ":env:.timeout='4'" in listed
    assert "user" not in listed
