"""What servers of tests need of the machine: programs, ports, settings and time."""

import glob
import os
import random
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

from chatty_project import env

ROOT = Path(__file__).resolve().parents[2]


class ServerError(Exception):
    """A server didn't start or stop as it should; the message ends with the end of its log."""


class MissingProgram(Exception):
    """A program that the tests need isn't installed."""


def program(name: str, package: str, *folders: str) -> str:
    """Where the program `name` is.

    Raises:
        MissingProgram: with the Debian package that has it.
    """
    found = shutil.which(name) or next(
        (path for folder in folders for path in sorted(glob.glob(f"{folder}/{name}"))[::-1]), None
    )
    if not found:
        raise MissingProgram(
            f"{name} is not installed; expected it for the tests: apt-get install {package}, or bin/test"
        )
    return found


_taken: set[int] = set()
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, never the same one twice.

    Each process of a test run takes others. They are below the range that the system takes ports for outgoing
    connections from: a client that tries to reach a stopped server could else be given that very port and talk to
    itself.
    """
    while True:
        port = random.randrange(15_000, 32_000, 8) + _WORKER
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _taken:
            _taken.add(port)
            return port


def clean_environ(**settings: str) -> dict[str, str]:
    """This process's environment with none of Chatty's settings but those given."""
    names = {setting.name for setting in env.SETTINGS}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "chatty_project.settings"} | settings


def wait_until(condition: Callable[[], object], seconds: float, what: str, pause: float = 0.02) -> None:
    """Returns when `condition` holds, which it looks at every `pause` seconds.

    Raises:
        TimeoutError: it didn't within `seconds`.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected within {seconds} s: {what}")
        time.sleep(pause)


def unprivileged() -> list[str]:
    """What to put before a command for files' permissions to count: for root, who otherwise may write everywhere."""
    if os.getuid() != 0:
        return []
    return [program("setpriv", "util-linux"), "--bounding-set", "-dac_override,-dac_read_search", "--"]
