"""Real servers for tests: Redis, PostgreSQL and Chatty, each a process of its own on a free port of 127.0.0.1.

    with redis_server() as redis, postgres_server() as postgres:
        url = migrated(postgres.create_database())
        with chatty_server(REDIS_URL=redis.url, DATABASE_URL=url) as ann, chatty_server(REDIS_URL=...) as bob:
            httpx.get(f"{ann.http_url}/chatty"); websockets.connect(f"{bob.ws_url}/lobby")

A server that starts has answered before `start()` returns. `stop()` asks it to end, `kill()` doesn't ask, `start()`
brings it back on the same port, `pause()` and `resume()` freeze and thaw it; `log` is what it has written so far.
"""

import atexit
import fcntl
import functools
import glob
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psycopg
import redis

from chatty_project import env
from tests.forked import ForkedProcess

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 200  # To start, on a machine that is busy with other tests.
STOP_SECONDS = 15  # bin/serve gives its connections 8 s.
# Members of tests talk faster than people, all from one address. A test of a limit sets it.
NO_LIMITS = {
    "POST_LIMIT": "0",
    "COMMAND_LIMIT": "0",
    "ROOM_REACTION_LIMIT": "0",
    "IDENTITY_LIMIT": "0",
    "ADDRESS_CPU": "0",
    "REQUEST_LIMIT": "0",
    "MAX_CONNECTIONS_PER_ADDRESS": "0",
    "MAX_CONNECTIONS_PER_MEMBER": "0",
}
SECRET_KEY = secrets.token_urlsafe(50)  # The same for all servers of a test run: they accept each other's tokens.


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


def _socket_inode(link: Path) -> str | None:
    """The inode of the socket that a link of /proc/<pid>/fd stands for; nothing for another file."""
    try:
        target = str(link.readlink())
    except OSError:  # Closed since the folder was read.
        return None
    return target.removeprefix("socket:[").removesuffix("]") if target.startswith("socket:[") else None


class Server:
    """A process with a folder of its own; subclasses say how it is started and when it is ready."""

    name = "server"
    stop_signal = signal.SIGTERM
    kill_signal = signal.SIGKILL

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"chatty-{self.name}-"))
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self._log_path = self.folder / "log"

    def command(self) -> list[str]:
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    def popen(self) -> "subprocess.Popen[bytes] | ForkedProcess":
        """Starts its process."""
        command = self.command()
        with self._log_path.open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **self.popen_options())

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": self.folder}

    @property
    def pid(self) -> int:
        assert self.process, f"{self.name} has not been started"
        return self.process.pid

    @property
    def rss_kib(self) -> int:
        """Its resident memory."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024

    @property
    def socket_count(self) -> int:
        """The TCP sockets that it has open. Its pipes to its own processes are Unix sockets, which aren't counted."""
        folder = Path(f"/proc/{self.pid}")
        tables = [(folder / "net" / name).read_text().splitlines()[1:] for name in ("tcp", "tcp6")]
        tcp = {line.split()[9] for table in tables for line in table}
        return sum(_socket_inode(link) in tcp for link in (folder / "fd").iterdir())

    @property
    def log(self) -> str:
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, wait: bool = True) -> Self:
        """Starts the server and, unless told otherwise, waits until it answers."""
        assert not self.is_running, f"{self.name} runs already"
        self.process = self.popen()
        if wait:
            self.wait_until_ready()
        return self

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            if self.process is None or self.process.poll() is not None:
                ended = self.process and self.process.returncode
                raise ServerError(f"{self.name} ended with {ended} at its start:\n{self.log[-4000:]}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServerError(f"{self.name} didn't answer within {START_SECONDS} s:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Asks the server to end and waits until it has."""
        self._end(self.stop_signal)

    def kill(self) -> None:
        """Ends the server without asking."""
        self._end(self.kill_signal)

    def restart(self) -> Self:
        self.stop()
        return self.start()

    def pause(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(how)
        if how is not signal.SIGKILL:
            self.process.send_signal(signal.SIGCONT)  # A paused process can't end by itself.
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise ServerError(f"{self.name} didn't end within {STOP_SECONDS} s:\n{self.log[-4000:]}") from None

    def close(self) -> None:
        """Ends the server for good and removes its folder."""
        try:
            self.kill()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            sys.stderr.write(f"{self.name}, in its log:\n{self.log[-4000:]}\n")  # pytest shows it with the failure.
        self.close()


class RedisServer(Server):
    """A Redis that keeps nothing on disk: a restart empties it. `options` are Redis' own: `maxmemory="2mb"`."""

    name = "redis"

    def __init__(self, **options: str) -> None:
        super().__init__()
        self.options = options

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def client(self) -> "redis.Redis":
        """A synchronous client, for looking inside."""
        return redis.Redis.from_url(self.url, socket_timeout=5, decode_responses=True)

    def command(self) -> list[str]:
        binary = program("redis-server", "redis-server")
        listen = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)]
        options = [part for name, value in self.options.items() for part in (f"--{name}", *value.split())]
        return [binary, *listen, "--save", "", "--appendonly", "no", "--daemonize", "no", *options]

    def is_ready(self) -> bool:
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False


MIGRATED = "migrated"  # A database with Chatty's tables, which nobody connects to: others are copied from it.


class PostgresServer(Server):
    """A PostgreSQL cluster of its own. `kill()` is a crash: the next start recovers what was committed."""

    name = "postgres"
    stop_signal = signal.SIGINT  # Fast shutdown: it doesn't wait for clients.
    kill_signal = signal.SIGQUIT  # Immediate shutdown; SIGKILL would leave its children behind.

    def __init__(self, *, is_empty: bool = False) -> None:
        """A copy of the test run's cluster, which has a migrated database; `is_empty`: a new cluster without one."""
        super().__init__()
        self._databases = 0
        self._user = self._give_folder_away() if os.getuid() == 0 else None
        if is_empty:
            locale = ("-E", "UTF8", "--locale=C.UTF-8")
            self._run("initdb", "-D", "data", "-U", "chatty", "--auth=trust", "--no-sync", *locale)
        else:
            subprocess.run(["cp", "-a", made_once("cluster", _make_cluster), self.folder / "data"], check=True)

    def _give_folder_away(self) -> pwd.struct_passwd:
        """PostgreSQL refuses to run as root: another account, which gets the folder."""
        for name in ("postgres", "nobody"):
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            return user
        raise MissingProgram("PostgreSQL doesn't run as root; expected an account named postgres or nobody")

    def _binary(self, name: str) -> str:
        return program(
            name,
            "postgresql",
            "/usr/lib/postgresql/*/bin",
            "/usr/local/opt/postgresql*/bin",
            "/opt/homebrew/opt/postgresql*/bin",
        )

    def popen_options(self) -> dict[str, Any]:
        user = self._user
        return super().popen_options() | (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )

    def _run(self, name: str, *arguments: str) -> None:
        command = [self._binary(name), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, **self.popen_options())
        if done.returncode:
            raise ServerError(f"{name} failed:\n{done.stdout}{done.stderr}")

    def command(self) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            # What survives the process's death is written as ever; only what survives the machine's isn't.
            "fsync": "off",
            "full_page_writes": "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [self._binary("postgres"), "-D", "data", *options]

    def url(self, database: str = "postgres") -> str:
        return f"postgres://chatty@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> "psycopg.Connection[tuple[object, ...]]":
        """A synchronous connection in autocommit mode, for looking inside."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=3)

    def is_ready(self) -> bool:
        try:
            self.connect().close()
        except psycopg.Error:
            return False
        return True

    def create_database(self, template: str = "template1") -> str:
        """The URL of a new database, empty or a copy of another one that nobody is connected to."""
        self._databases += 1
        name = f"chatty_{self._databases}"
        with self.connect() as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
        return self.url(name)

    def create_migrated_database(self) -> str:
        """The URL of a new database with Chatty's tables in it."""
        return self.create_database(MIGRATED)


class PgBouncerServer(Server):
    """A connection pooler in front of a PostgreSQL, as Debian starts one: it takes no startup parameter `options`."""

    name = "pgbouncer"

    def __init__(self, postgres: PostgresServer, *, ignores_options: bool = False) -> None:
        super().__init__()
        ignored = "extra_float_digits,options" if ignores_options else "extra_float_digits"
        (self.folder / "pgbouncer.ini").write_text(
            f"""[databases]
* = host=127.0.0.1 port={postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = trust
auth_file = users
pool_mode = transaction
ignore_startup_parameters = {ignored}
"""
        )
        (self.folder / "users").write_text('"chatty" ""\n')
        if os.getuid() == 0:  # It doesn't run as root.
            user = pwd.getpwnam("nobody")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self._user = user
        else:
            self._user = None

    def url(self, database: str) -> str:
        return f"postgres://chatty@127.0.0.1:{self.port}/{database}"

    def command(self) -> list[str]:
        return [program("pgbouncer", "pgbouncer", "/usr/sbin"), "pgbouncer.ini"]

    def popen_options(self) -> dict[str, Any]:
        user = self._user
        return super().popen_options() | (
            {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}
        )

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class NginxServer(Server):
    """nginx in front of a server, with the lines of the README: those of its main part, and those of a server."""

    name = "nginx"
    kill_signal = signal.SIGTERM  # At once, too; its worker would outlive SIGKILL.

    def __init__(self, main: str, server: str) -> None:
        super().__init__()
        temporary = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "\n".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in temporary)
        user = "user root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"daemon off;\npid {self.folder}/pid;\n{user}\n{main}\n"
            f"http {{\naccess_log off;\n{paths}\nserver {{\nlisten 127.0.0.1:{self.port};\n{server}\n}}\n}}\n"
        )

    def command(self) -> list[str]:
        binary = program("nginx", "nginx", "/usr/sbin", "/usr/local/sbin")
        return [binary, "-p", str(self.folder), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]

    def is_ready(self) -> bool:
        try:
            httpx.get(f"http://127.0.0.1:{self.port}/healthz", timeout=5, trust_env=False)
        except httpx.TransportError:
            return False
        return True


class CaddyServer(Server):
    """Caddy with this Caddyfile, in which `site` is the address of its one site: here it listens without HTTPS."""

    name = "caddy"

    def __init__(self, site: str, caddyfile: str) -> None:
        super().__init__()
        assert site in caddyfile
        lines = caddyfile.replace(site, f"http://127.0.0.1:{self.port}")
        options = "admin off\nauto_https off"
        (self.folder / "Caddyfile").write_text(f"{{\n{options}\n}}\n{lines}")

    def command(self) -> list[str]:
        return [program("caddy", "caddy"), "run", "--config", "Caddyfile", "--adapter", "caddyfile"]

    def popen_options(self) -> dict[str, Any]:
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder)}
        return super().popen_options() | {"env": os.environ | home}

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class HaproxyServer(Server):
    """HAProxy in front of servers that take turns, request by request, with these time limits by name.

    It passes on that a client has gone (`abortonclose`), as other proxies do unasked.
    """

    name = "haproxy"

    def __init__(self, timeouts: dict[str, str], *behind: "ChattyServer") -> None:
        super().__init__()
        limits = "\n".join(f"    timeout {name} {limit}" for name, limit in ({"connect": "5s"} | timeouts).items())
        workers = "\n".join(f"    server worker{n} 127.0.0.1:{one.port}" for n, one in enumerate(behind))
        (self.folder / "haproxy.cfg").write_text(
            f"defaults\n    mode http\n    option abortonclose\n{limits}\n"
            f"listen chatty\n    bind 127.0.0.1:{self.port}\n    balance roundrobin\n"
            f"    http-response set-header X-Worker %s\n{workers}\n"
        )

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        return [program("haproxy", "haproxy", "/usr/sbin"), "-db", "-f", str(self.folder / "haproxy.cfg")]

    def is_ready(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class ChattyServer(Server):
    """Chatty in production, as a worker of bin/serve runs it, with `settings` as its environment.

    Without a DATABASE_URL it gets a migrated SQLite file of its own, which outlives restarts.
    """

    name = "chatty"

    def __init__(self, **settings: str) -> None:
        super().__init__()
        self.prefix: list[str] = []  # What is put before its command.
        self.settings = (
            {
                "SECRET_KEY": SECRET_KEY,
                "ALLOWED_HOSTS": "127.0.0.1,localhost",
                "HOST": "127.0.0.1",
                "PORT": str(self.port),
                "STATIC_ROOT": str(static_root()),
                "PAGE_MAX_AGE": "0",
            }
            | NO_LIMITS
            | settings
        )
        if "DATABASE_URL" not in self.settings:
            self.settings["DATABASE_URL"] = sqlite_database(self.folder)

    @property
    def http_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """The socket's base: a room's name follows after a slash."""
        return f"ws://127.0.0.1:{self.port}/ws/chatty"

    source = "from chatty_project import serve; serve.run()"

    def command(self) -> list[str]:
        return [*self.prefix, sys.executable, "-c", self.source]

    def popen(self) -> "subprocess.Popen[bytes] | ForkedProcess":
        if self.prefix:
            return super().popen()
        return ForkedProcess(self.source, clean_environ(**self.settings), ROOT, self._log_path)

    def popen_options(self) -> dict[str, Any]:
        return {"cwd": ROOT, "env": clean_environ(**self.settings)}

    def counts(self) -> dict[str, int]:
        """What the worker says that it holds: rooms, members, connections, tasks; and its memory, rss_kib."""
        before = self.log.count("rooms=")
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.log.count("rooms=") > before and self.log.endswith("\n"), 10, "an answer to SIGUSR1")
        said = [line for line in self.log.splitlines() if "rooms=" in line][-1]
        found = {name: int(count) for name, count in (part.split("=") for part in said.split() if "=" in part)}
        return found | {"rss_kib": self.rss_kib}

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.http_url}/healthz", timeout=5, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


class DevelopmentServer(ChattyServer):
    """`manage.py runserver`, that is Daphne: frames go the portable way."""

    name = "chatty-development"

    @property
    def source(self) -> str:  # type: ignore[override]
        arguments = ["manage.py", "runserver", "--noreload", str(self.port)]
        return f"from django.core.management import execute_from_command_line as run; run({arguments!r})"


def redis_server(**options: str) -> RedisServer:
    return RedisServer(**options)


def postgres_server() -> PostgresServer:
    return PostgresServer()


def chatty_server(**settings: str) -> ChattyServer:
    return ChattyServer(**settings)


# Databases and static files, made once for a test run, whatever its number of processes, and copied.

_RUN_FOLDER = "CHATTY_TESTS_FOLDER"  # Names it in the environment of the run's other processes.


def run_folder() -> Path:
    """A folder of the test run. The first process that asks for it makes it, and removes it at its end."""
    if _RUN_FOLDER not in os.environ:
        folder = tempfile.mkdtemp(prefix="chatty-tests-")
        os.environ[_RUN_FOLDER] = folder
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(os.environ[_RUN_FOLDER])


@functools.cache
def made_once(name: str, make: Callable[[Path], object]) -> Path:
    """What `make` has written to the path that it was given, in the first process that needed it."""
    path = run_folder() / name
    with (run_folder() / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            unfinished = path.with_suffix(".unfinished")
            make(unfinished)
            unfinished.rename(path)
    return path


def manage(*arguments: str, **settings: str) -> str:
    """The output of `manage.py`, errors included, run with `settings` as its environment.

    Raises:
        ServerError: it failed.
    """
    argv = ["manage.py", *arguments]
    source = f"import runpy, sys; sys.argv = {argv!r}; runpy.run_path('manage.py', run_name='__main__')"
    with tempfile.NamedTemporaryFile("r", prefix="chatty-manage-") as log:
        code = ForkedProcess(source, clean_environ(**settings), ROOT, Path(log.name)).wait()
        written = log.read()
    if code:
        raise ServerError(f"manage.py {' '.join(arguments)} failed:\n{written}")
    return written


def migrated(url: str) -> str:
    """The same database URL, once the database has Chatty's tables."""
    manage("migrate", "--skip-checks", "--verbosity=0", DATABASE_URL=url)
    return url


def static_root() -> Path:
    """The static files as production serves them, under hashed names."""
    return made_once("static", _collect_static)


def _collect_static(folder: Path) -> None:
    manage("collectstatic", "--skip-checks", "--noinput", "--verbosity=0", STATIC_ROOT=str(folder))


def unbundled_static_root() -> Path:
    """The same from a machine without the bundler."""
    return made_once("static-unbundled", _collect_static_unbundled)


def _collect_static_unbundled(folder: Path) -> None:
    script = """
from pathlib import Path
from chatty_project import bundle
bundle.BUNDLER = Path("/nowhere/esbuild")
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "collectstatic", "--skip-checks", "--noinput", "--verbosity=0"])
"""
    environ = clean_environ(STATIC_ROOT=str(folder), DJANGO_SETTINGS_MODULE="chatty_project.settings")
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environ, check=True, capture_output=True)


def _make_cluster(path: Path) -> None:
    with PostgresServer(is_empty=True) as server:
        with server.connect() as connection:
            connection.execute(f"CREATE DATABASE {MIGRATED}".encode())
        migrated(server.url(MIGRATED))
        server.stop()
        subprocess.run(["cp", "-a", server.folder / "data", path], check=True)


def _make_sqlite(path: Path) -> None:
    migrated(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def sqlite_database(folder: Path) -> str:
    """The URL of a new SQLite file in `folder` with Chatty's tables in it."""
    path = folder / f"chatty-{secrets.token_hex(4)}.sqlite3"
    shutil.copyfile(made_once("empty.sqlite3", _make_sqlite), path)
    return f"sqlite:///{path}"


Pair = tuple[ChattyServer, ChattyServer]


@contextmanager
def all_of(*servers: Server) -> Iterator[None]:
    """All servers started at once and awaited together."""
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.close)
            server.start(wait=False)
        for server in servers:
            server.wait_until_ready()
        yield
