"""Checks before the start whether Chatty can write its files. A sentence names each folder that it can't.

`python -m chatty_project.places` exits with the sentences. This module needs only Python's standard library.
"""

import os
import pwd
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from chatty_project import env

VAR_DIR = Path(__file__).resolve().parent.parent / "var"  # The default folder for Chatty's files.
DATABASE = VAR_DIR / "chatty.sqlite3"
KEY = VAR_DIR / "secret_key"
ELSEWHERE = "DATABASE_URL=sqlite:////path/to/file"


def problems(environment: env.Environment) -> list[str]:
    """The reasons why Chatty can't store its messages or the development key, one sentence each."""
    url = environment[env.DATABASE_URL]
    if not url:
        found = _folder_problem(VAR_DIR, "the messages", f"choose another place: {ELSEWHERE}")
        found = found or _database_problem(DATABASE, "DATABASE_URL is not set")
    elif urlsplit(url).scheme == "sqlite":
        path = Path(unquote(urlsplit(url).path.removeprefix("/")))
        found = "" if str(path) == ":memory:" else _database_problem(path.absolute(), f'DATABASE_URL is "{url}"')
    else:
        found = ""
    if found or not environment[env.DEBUG] or environment[env.SECRET_KEY]:
        return [found] if found else []
    if KEY.exists():
        return [] if os.access(KEY, os.R_OK) else [f"{KEY} can't be read by {_me()}; let it be, or set SECRET_KEY"]
    found = _folder_problem(VAR_DIR, "development's secret key", "set SECRET_KEY")
    return [found] if found else []


def _folder_problem(folder: Path, what: str, otherwise: str) -> str:
    """A sentence why no file can be made in this folder, which may have to be made first. Empty if one can."""
    place = folder if folder.exists() else folder.parent
    if os.access(place, os.W_OK | os.X_OK):
        return ""
    return f"{place} can't be written to by {_me()}, and {what} would be kept there; let it be, or {otherwise}"


def _database_problem(path: Path, setting: str) -> str:
    folder = path.parent
    if not folder.is_dir():
        if folder == VAR_DIR:
            return ""  # It will be created.
        return f"{setting}; expected a file in a folder that is there, and {folder} isn't"
    if path.is_dir():
        return f"{setting}; expected a file, and {path} is a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return (
            f"{setting}; expected a folder that {_me()} can write to, because SQLite keeps files beside the database, "
            f"and {folder} isn't one"
        )
    for file in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        if file.exists() and not os.access(file, os.R_OK | os.W_OK):
            return f"{setting}; expected a file that {_me()} can read and write, and {file} isn't one"
    return ""


def _me() -> str:
    """The account that this process runs as."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # Containers run as accounts without a name.
        return f"account {os.geteuid()}"


def main() -> None:
    try:
        environment = env.read(os.environ)
    except env.SettingsError as error:
        sys.exit(str(error))
    if found := problems(environment):
        sys.exit("\n".join(found))


if __name__ == "__main__":
    main()
