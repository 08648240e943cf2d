"""Starts Chatty's servers for tests by forking a process with imported libraries: a start takes half of the CPU.

    process = ForkedProcess("from chatty_project import serve; serve.run()", environ, folder, log)

It is used like a `subprocess.Popen`. Of the project only pure modules are imported before the fork: each server reads
its own settings, as at any start.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

# Not Twisted: its reactor has a file descriptor that processes must not share.
LIBRARIES = [
    "channels.consumer",
    "channels.generic.websocket",
    "channels.layers",
    "channels.routing",
    "channels_redis.pubsub",
    "confusable_homoglyphs.confusables",
    "csp.constants",
    "csp.middleware",
    "csp.utils",
    "dj_database_url",
    "django.contrib.admin.sites",
    "django.contrib.admin.templatetags.admin_list",
    "django.contrib.auth.hashers",
    "django.contrib.messages.storage.fallback",
    "django.contrib.staticfiles.finders",
    "django.core.asgi",
    "django.core.cache.backends.locmem",
    "django.core.mail",
    "django.core.management",
    "django.db.backends.postgresql.base",
    "django.db.backends.sqlite3.base",
    "django.db.migrations.recorder",
    "django.db.models",
    "django.forms",
    "django.middleware.csrf",
    "django.middleware.locale",
    "django.template.defaulttags",
    "django.template.loader_tags",
    "django.templatetags.i18n",
    "django.views.debug",
    "django.views.i18n",
    "emoji",
    "httptools",
    "httpx",
    "linkify_it",
    "markdown_it",
    "msgspec",
    "nh3",
    "psycopg",
    "pygments.lexers",
    "redis.asyncio",
    "servestatic.asgi",
    "servestatic.middleware",
    "servestatic.storage",
    "sqlparse",
    "uvicorn",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
    # The project's own that read no settings.
    "chat.content.confusables",
    "chat.content.emoji",
    "chat.content.markdown",
    "chat.content.search_terms",
    "chat.content.validation",
    "chat.protocol.codec",
]
POLL_SECONDS = 0.02


class ForkServer:
    """The process that servers are forked from. It ends with the process that has started it, or before."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()

    def ask(self, request: dict[str, Any]) -> int | None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._lock:
            self._process.stdin.write(f"{json.dumps(request)}\n")
            self._process.stdin.flush()
            answer: int | None = json.loads(self._process.stdout.readline())
            return answer


@cache
def _fork_server() -> ForkServer:
    return ForkServer()


class ForkedProcess:
    """Runs Python source in a process of its own, with its own environment and folder; `log` gets what it writes."""

    def __init__(self, source: str, environ: dict[str, str], folder: Path, log: Path) -> None:
        request = {"source": source, "environ": environ, "folder": str(folder), "log": str(log)}
        pid = _fork_server().ask(request)
        assert pid is not None
        self.pid: int = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code; negative for a signal. None while it runs."""
        if self.returncode is None:
            self.returncode = _fork_server().ask({"poll": self.pid})
        return self.returncode

    def wait(self, timeout: float = float("inf")) -> int:
        """The exit code.

        Raises:
            subprocess.TimeoutExpired: it runs on.
        """
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a forked server", timeout)
            time.sleep(POLL_SECONDS)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _fork(source: str, environ: dict[str, str], folder: str, log: str) -> int:
    if pid := os.fork():
        return pid
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for descriptor, opened in ((0, os.open(os.devnull, os.O_RDONLY)), (1, written), (2, written)):
        os.dup2(opened, descriptor)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    exec(source, {"__name__": "__main__"})  # As `python -c` does.
    sys.exit()


def _poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def main() -> None:
    """Answers the requests of a ForkServer, a line of JSON each."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # A key pressed at the terminal is for the tests.
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # Collections of the forked processes don't touch these pages.
    for line in sys.stdin:
        request = json.loads(line)
        answer = _poll(request["poll"]) if "poll" in request else _fork(**request)
        sys.stdout.write(f"{json.dumps(answer)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
