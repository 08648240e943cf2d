"""What `bin/serve` runs: production's checks, the migrations, the static files, then the workers."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from chatty_project import env, listen

MIGRATION_LOCK = 0x43686174  # "Chat": any number that others who use the same PostgreSQL don't take.


def problems(environment: env.Environment) -> list[str]:
    """Why Chatty can't serve in this environment, a sentence each."""
    found = env.problems(environment)
    if environment[env.DEBUG]:
        found.append("DEBUG is true; expected false for bin/serve, which is production (bin/run is for development)")
    if environment[env.WEB_CONCURRENCY] > 1 and not environment[env.REDIS_URL]:
        found.append(
            f"WEB_CONCURRENCY is {environment[env.WEB_CONCURRENCY]} and REDIS_URL is not set; expected a Redis for "
            "more than one worker, because without it members of different workers would not see each other"
        )
    refusal = listen.why_not(environment[env.HOST], environment[env.PORT], "bin/serve")
    return [*found, *([refusal] if refusal else [])]


def prepare() -> None:
    """Migrates the database and gathers the static files, one server after the other where several start at once.

    Raises:
        django.db.OperationalError: the database can't be reached or opened.
        OSError: the static files can't be written.
    """
    import django
    from django.conf import settings
    from django.core.management import call_command

    django.setup()
    static_root = Path(settings.STATIC_ROOT)
    static_root.mkdir(parents=True, exist_ok=True)
    with alone_on_this_machine(static_root / ".lock"):
        with alone_on_the_database():
            call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def alone_on_this_machine(path: Path) -> Iterator[None]:
    """Two servers that start at once would write the same static files and the same SQLite schema."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def alone_on_the_database() -> Iterator[None]:
    """Machines that start at once migrate one after the other; the later ones find nothing left to do."""
    from django.db import connection

    if connection.vendor != "postgresql":
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATION_LOCK])
    try:
        yield
    finally:
        connection.close()  # The session ends, and the lock with it.


def run() -> None:
    """Runs the workers until they are told to stop; one of them in this process itself."""
    import uvicorn

    environment = env.read(os.environ)
    uvicorn.run(
        "chatty_project.worker:application",
        host=environment[env.HOST].strip("[]"),
        port=environment[env.PORT],
        workers=environment[env.WEB_CONCURRENCY],
        loop="uvloop" if find_spec("uvloop") else "auto",
        http="chatty_project.http:ChattyHttpProtocol",
        ws="chatty_project.server:ChattyWebSocketProtocol",
        ws_max_size=65_536,  # Bytes; the longest command is far shorter.
        ws_per_message_deflate=False,  # It costs memory and time for every member; frames are shared and small.
        ws_ping_interval=None,  # The hub asks with its pulse: one write for both, no timer a connection.
        timeout_graceful_shutdown=8,  # Seconds; most platforms kill after 10.
        timeout_worker_healthcheck=20,  # Seconds; a slow disk is no reason to kill a worker's members.
        lifespan="auto",
        proxy_headers=False,  # TRUSTED_PROXIES and HTTPS say what is believed, under every server.
        access_log=False,
        server_header=False,
        log_config=None,  # settings.LOGGING is for all.
    )


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatty_project.settings")
    try:
        environment = env.read(os.environ)
    except env.SettingsError as error:
        sys.exit(str(error))
    if found := problems(environment):
        sys.exit("\n".join(found))

    from django.db import OperationalError

    try:
        prepare()
    except OperationalError as error:  # Its message names the host and the port, never the password.
        sys.exit(f"The database of DATABASE_URL can't be used: {' '.join(str(error).split())}")
    except OSError as error:
        sys.exit(f'STATIC_ROOT is "{environment[env.STATIC_ROOT]}"; expected a folder that can be written to ({error})')
    workers = environment[env.WEB_CONCURRENCY]
    where = listen.url(environment[env.HOST], environment[env.PORT])
    sys.stderr.write(f"Chatty starts on {where}/chatty with {workers} worker{'s' if workers > 1 else ''}\n")
    run()


if __name__ == "__main__":
    main()
