"""The database: whether it can be reached and written, its schema, the time limits of the session, and its clock."""

import time

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from chat.log import refolding
from chat.log.reader import probe
from chatty_project import databases, env
from chatty_project.doctor.findings import Finding, ok, problem, warning

CONNECTIONS = 14  # That a worker opens to PostgreSQL at most.
SLOW_SECONDS = 0.02  # For one question. A post needs about five.
CLOCK_SECONDS = 2  # Bans and slow mode go by the time of day.


def look(environment: env.Environment) -> list[Finding]:
    """The findings, as far as it can be reached."""
    try:
        return _look(environment)
    except databases.UnusableDatabase as error:
        return [problem("database", str(error))]
    except DatabaseError as error:
        return [problem("database", databases.explain(error))]


def at_start(environment: env.Environment) -> list[Finding]:
    """The findings that bin/serve tells, too: what will bite later."""
    return _connections(environment) if connection.vendor == "postgresql" else []


def _look(environment: env.Environment) -> list[Finding]:
    began_at = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        connected_at = time.monotonic()
        cursor.execute("SELECT 1")
    seconds = time.monotonic() - connected_at
    name = f"{connection.display_name} {'.'.join(map(str, connection.get_database_version()))}"
    found = [ok("database", f"{name}: connected in {(connected_at - began_at) * 1000:.0f} ms")]
    if seconds > SLOW_SECONDS:
        found.append(warning("database", f"A question takes {seconds * 1000:.0f} ms; put it nearer to Chatty"))
    databases.check()
    executor = MigrationExecutor(connection)
    if missing := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        names = ", ".join(str(migration) for migration, _ in missing[:3])
        found.append(
            problem("database", f"{len(missing)} migrations aren't applied ({names}, ...); run `manage.py migrate`")
        )
        return found
    probe()
    if advice := refolding.advice():
        found.append(warning("database", advice))
    if connection.vendor == "postgresql":
        found += [ok("database", "keeps Chatty's time limits"), *_clock(), *_connections(environment)]
    return found


def _clock() -> list[Finding]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        [theirs] = cursor.fetchone()
    apart = (timezone.now() - theirs).total_seconds()
    if abs(apart) <= CLOCK_SECONDS:
        return []
    words = f"This machine's clock is {apart:+.1f} s from the database's; let both follow the same time server (NTP)"
    return [warning("clock", words)]


def _connections(environment: env.Environment) -> list[Finding]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        )
        [most] = cursor.fetchone()
    workers = environment[env.WEB_CONCURRENCY]
    if workers * CONNECTIONS <= most:
        return []
    return [
        warning(
            "database",
            f"PostgreSQL allows {most} connections, and {workers} workers open up to {workers * CONNECTIONS}; raise "
            "max_connections",
        )
    ]
