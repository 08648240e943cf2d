"""Django's settings for the database at DATABASE_URL, and a check that the database keeps Chatty's time limits.

docs/reliability.md promises time limits: a worker that is paused in a transaction, or a held lock, delays nobody for
longer. PostgreSQL gets them as the connection's startup parameters. They come after the URL's own options, so a URL can
name a schema but can't remove the limits.
"""

import logging
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dj_database_url

# A worker that is paused in a transaction holds its rooms' locks. The server ends that transaction, and the worker
# repeats it when it wakes. Operations that wait too long for a lock or a slow server are refused and sent again.
TIME_LIMITS = {"idle_in_transaction_session_timeout": "3s", "lock_timeout": "5s", "statement_timeout": "8s"}
# A lost connection must be noticed within seconds, because members wait. The URL may change these limits.
_CONNECTION_LIMITS = {"connect_timeout": 3, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
# Milliseconds. Keepalives don't work while a query is unanswered.
_CONNECTION_LIMITS["tcp_user_timeout"] = 10_000
_SSL_MODES = {"true": "require", "false": "disable", "1": "require", "0": "disable"}


class UnusableDatabase(Exception):
    """The database can't be used. The message is a sentence for the operator."""


def why_not(url: str) -> str | None:
    """A sentence about parameters of the URL that PostgreSQL's client library doesn't know. None if it knows all.

    `currentSchema` (from JDBC) and `ssl=true` are also accepted.
    """
    from psycopg import pq

    if urlsplit(url).scheme == "sqlite":
        return None
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()} | {"currentSchema", "ssl"}
    names = [name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)]
    unknown = [name for name in names if name not in known]
    if unknown:
        return f"the parameters that PostgreSQL knows, such as sslmode, or currentSchema; got {', '.join(unknown)}"
    ssl = dict(parse_qsl(urlsplit(url).query)).get("ssl", "true")
    return None if ssl.lower() in _SSL_MODES else f"ssl=true or ssl=false, or an sslmode; got ssl={ssl}"


def describe(url: str) -> dict[str, Any]:
    """The entry for Django's setting DATABASES for the database at `url`."""
    parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    options = parsed.setdefault("OPTIONS", {})
    if parsed["ENGINE"].endswith("sqlite3"):
        options.update(
            transaction_mode="IMMEDIATE",  # A transaction that starts as a reader fails when it must wait to write.
            timeout=20,  # Seconds to wait for another writer.
            init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",  # Survives a crash of the process.
        )
        return parsed
    parsed.update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
    if (ssl := options.pop("ssl", None)) is not None:
        options.setdefault("sslmode", _SSL_MODES[str(ssl).lower()])
    limits = " ".join(f"-c {name}={limit}" for name, limit in TIME_LIMITS.items())
    asked = " ".join(_asked_for(url))
    parsed["OPTIONS"] = _CONNECTION_LIMITS | options | {"options": f"{asked} {limits}".strip()}
    return parsed


def _asked_for(url: str) -> list[str]:
    """The server options in the URL. dj_database_url reads only one of `options` and `currentSchema`."""
    asked = parse_qsl(urlsplit(url).query)
    schemas = [f"-c search_path={value}" for name, value in asked if name == "currentSchema"]
    return [*(value for name, value in asked if name == "options"), *schemas]


def check() -> None:
    """Checks that Django's database keeps Chatty's time limits.

    Raises:
        UnusableDatabase: it doesn't, because something between it and Chatty removes them.
        django.db.Error: it can't be reached.
    """
    from django.db import connection

    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for name, limit in TIME_LIMITS.items():
            cursor.execute("SELECT current_setting(%s)", [name])
            if (found := cursor.fetchone()[0]) != limit:
                raise UnusableDatabase(f"{name} is {found}; expected {limit}, as Chatty asked for. {_POOLER}")


def checkpoint() -> None:
    """Moves SQLite's write-ahead log into the database file. Does nothing on PostgreSQL.

    Each process does this when it ends, so that after the last one the file is the whole database. While another
    process reads or writes, SQLite leaves the rest to that one.
    """
    from django.db import DatabaseError, connection

    if connection.vendor != "sqlite":
        return
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except DatabaseError as error:
        logging.getLogger(__name__).warning("What is in the write-ahead log stays there: %s", error)
    finally:
        connection.close()


_POOLER = (
    "A connection pooler such as PgBouncer in between takes Chatty's limits of time away. Chatty keeps a few "
    "connections of its own: let DATABASE_URL lead to PostgreSQL itself."
)
# Advice, by a part of the database's error message.
_CURES = {
    "unsupported startup parameter": _POOLER,
    "permission denied for schema": "Let the account make tables there (GRANT USAGE, CREATE ON SCHEMA ... TO ...), "
    "or name another schema by ?currentSchema=...",
    "no schema has been selected": "Make the schema that ?currentSchema=... names, or name another.",
    "permission denied for database": "Let the account connect: GRANT CONNECT ON DATABASE ... TO ...",
    "must be owner of": "Let the account that made the tables use them, or make it their owner.",
}


def explain(error: Exception) -> str:
    """A sentence for the operator about the database's error. It has the host and port, never the password."""
    said = " ".join(str(error).split())
    said = said.partition(" LINE 1:")[0]
    cures = [cure for part, cure in _CURES.items() if part in said]
    return f"The database of DATABASE_URL can't be used: {said}{''.join(f' {cure}' for cure in cures)}"
