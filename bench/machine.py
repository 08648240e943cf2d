"""This machine: its cores and who runs on which, the open files that it allows, what to write beside the figures."""

import json
import os
import platform
import re
import resource
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

Cores = frozenset[int]


@dataclass(frozen=True)
class CorePlan:
    """Who runs where. With one core everybody shares it; with two, Redis and PostgreSQL share the server's."""

    server: Cores
    backing: Cores  # Redis and PostgreSQL.
    load: Cores

    @classmethod
    def of_this_machine(cls) -> "CorePlan":
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) == 1:
            return cls(frozenset(cores), frozenset(cores), frozenset(cores))
        if len(cores) == 2:
            return cls(frozenset(cores[:1]), frozenset(cores[:1]), frozenset(cores[1:]))
        return cls(frozenset(cores[:1]), frozenset(cores[1:2]), frozenset(cores[2:]))

    def __str__(self) -> str:
        parts = (("server", self.server), ("Redis and PostgreSQL", self.backing), ("load", self.load))
        return ", ".join(f"{name} on core {'+'.join(map(str, sorted(cores)))}" for name, cores in parts)


@contextmanager
def running_on(cores: Cores) -> Iterator[None]:
    """Processes started inside run on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def raise_open_files() -> int:
    """As many open files as this process and its children may have, now also the soft limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def description() -> dict[str, str]:
    """The machine in words, for beside the figures."""
    return {
        "processor": f"{os.cpu_count()} cores, {_processor()}",
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "load average before the run": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def versions() -> dict[str, str]:
    """What the figures were measured with, as far as it is installed."""
    names = ("django", "channels", "channels-redis", "daphne", "uvicorn", "uvloop", "websockets", "msgspec", "picows")
    found = {"Python": platform.python_version()} | {name: version(name) for name in names}
    found["SQLite"] = sqlite3.sqlite_version
    for title, program in (("Redis", "redis-server"), ("PostgreSQL", "initdb"), ("Node", "node")):
        found |= _said(title, program)
    lock = json.loads((Path(__file__).parent / "peers" / "socketio" / "package-lock.json").read_text())
    for name in ("socket.io", "@socket.io/redis-adapter", "redis", "bufferutil"):
        found[name] = lock["packages"][f"node_modules/{name}"]["version"]
    return found


def _said(title: str, program: str) -> dict[str, str]:
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {}
    number = re.search(r"\d+(\.\d+)+", said)
    return {title: number[0]} if number else {}
