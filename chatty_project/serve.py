"""Implements `bin/serve`: checks for production, migrations, static files, then the workers."""

import asyncio
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

from chat import open_files
from chat.protocol.constants import FRAME_LIMIT_BYTES
from chatty_project import databases, env, internals, listen, places

MIGRATION_LOCK = 0x43686174  # "Chat": a number that no other program on the same PostgreSQL uses.


def problems(environment: env.Environment) -> list[str]:
    """The reasons why Chatty can't serve in this environment, one sentence each."""
    found = env.problems(environment)
    if environment[env.DEBUG]:
        found.append("DEBUG is true; expected false for bin/serve, which is production (bin/run is for development)")
    if environment[env.WEB_CONCURRENCY] > 1 and not environment[env.REDIS_URL]:
        found.append(
            f"WEB_CONCURRENCY is {environment[env.WEB_CONCURRENCY]} and REDIS_URL is not set; expected a Redis for "
            "more than one worker, because without it members of different workers would not see each other"
        )
    found += places.problems(environment)
    found += internals.problems()
    refusal = listen.why_not(environment[env.HOST], environment[env.PORT], "bin/serve")
    return [*found, *([refusal] if refusal else [])]


def prepare() -> None:
    """Migrates the database and collects the static files. Servers that start at the same time take turns.

    Raises:
        django.db.Error, databases.UnusableDatabase: the database can't be used.
        OSError: the static files can't be written.
    """
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    from chat.log import refolding
    from chatty_project import static_files
    from chatty_project.doctor import database, redis

    static_root = Path(settings.STATIC_ROOT)
    static_root.mkdir(parents=True, exist_ok=True)
    with alone_on_this_machine(static_root / static_files.LOCK):
        databases.check()
        with alone_on_the_database():
            call_command("migrate", interactive=False, verbosity=0)
            if advice := refolding.advice():
                sys.stderr.write(f"{advice}\n")
            environment = env.read(os.environ)
            for finding in (*database.at_start(environment), *asyncio.run(redis.at_start(environment))):
                sys.stderr.write(f"{finding.words}\n")
        static_files.collect(static_root)


@contextmanager
def alone_on_this_machine(path: Path) -> Iterator[None]:
    """Holds a file lock, so that two starting servers don't write the same static files and SQLite schema."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def alone_on_the_database() -> Iterator[None]:
    """Holds a lock in the database, so that starting machines migrate one after the other.

    It waits as long as the other machine's migrations take: the connection's time limits don't apply.
    """
    from django.db import connection

    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [MIGRATION_LOCK])
        if not cursor.fetchone()[0]:
            sys.stderr.write("Another machine is migrating the database; waiting until it has finished\n")
            cursor.execute("SET lock_timeout = 0")
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
            cursor.execute("RESET lock_timeout")
            cursor.execute("RESET statement_timeout")
    try:
        yield
    finally:
        connection.close()  # The session ends, and the lock with it.


def run() -> None:
    """Runs the workers until a signal stops them. A single worker runs in this process."""
    import uvicorn
    from uvicorn.config import STARTUP_FAILURE

    from chatty_project.supervisor import Supervisor

    open_files.raise_limit()  # Workers inherit it.
    environment = env.read(os.environ)
    config = uvicorn.Config(
        "chatty_project.worker:application",
        host=environment[env.HOST].strip("[]"),
        port=environment[env.PORT],
        workers=environment[env.WEB_CONCURRENCY],
        loop="uvloop" if find_spec("uvloop") else "auto",
        http="chatty_project.http:ChattyHttpProtocol",
        ws="chatty_project.server:ChattyWebSocketProtocol",
        ws_max_size=FRAME_LIMIT_BYTES,
        ws_per_message_deflate=False,  # It costs memory and time for every member. Frames are shared and small.
        ws_ping_interval=None,  # The hub pings with its pulse: one write for both, without a timer per connection.
        timeout_graceful_shutdown=8,  # Seconds; most platforms kill after 10.
        timeout_worker_healthcheck=20,  # Seconds; a slow disk is no reason to kill a worker's members.
        lifespan="auto",
        proxy_headers=False,  # TRUSTED_PROXIES and HTTPS decide about proxies, under every server.
        access_log=False,
        server_header=False,
        log_config=None,  # settings.LOGGING configures all loggers.
    )
    if config.workers > 1:
        Supervisor(config, sockets=[config.bind_socket()]).run()
        return
    server = uvicorn.Server(config)
    with suppress(KeyboardInterrupt):  # uvicorn repeats the signal after a clean shutdown.
        config.load_app()
        server.run()
    if not server.started:
        sys.exit(STARTUP_FAILURE)


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatty_project.settings")
    try:
        environment = env.read(os.environ)
    except env.SettingsError as error:
        sys.exit(str(error))
    if found := problems(environment):
        sys.exit("\n".join(found))

    from django.db import Error

    try:
        prepare()
    except (Error, databases.UnusableDatabase) as error:
        sys.exit(databases.explain(error))
    except OSError as error:
        sys.exit(f'STATIC_ROOT is "{environment[env.STATIC_ROOT]}"; expected a folder that can be written to ({error})')
    workers = environment[env.WEB_CONCURRENCY]
    where = listen.url(environment[env.HOST], environment[env.PORT]) + environment[env.URL_PREFIX]
    sys.stderr.write(f"Chatty starts on {where}/chatty with {workers} worker{'s' if workers > 1 else ''}\n")
    run()


if __name__ == "__main__":
    main()
