"""What Django is told of the database at DATABASE_URL, and whether that database keeps what Chatty promises.

docs/reliability.md promises limits of time: a worker that is paused in a transaction, or a lock that somebody holds,
stops nobody for longer. PostgreSQL has them from the connection's startup parameters. What the URL says is put before
them, so it can name a schema but not take the limits away.
"""

import logging
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dj_database_url

# A worker that is paused in a transaction holds its rooms' locks: the server ends that transaction, and the worker
# repeats it when it wakes. What waits for a lock, or on a slow server, for too long is refused and sent again.
TIME_LIMITS = {"idle_in_transaction_session_timeout": "3s", "lock_timeout": "5s", "statement_timeout": "8s"}
# A database that has vanished is noticed within seconds: members wait. The URL may say otherwise.
_CONNECTION_LIMITS = {"connect_timeout": 3, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
# Milliseconds; keepalives say nothing while a query is unanswered.
_CONNECTION_LIMITS["tcp_user_timeout"] = 10_000
_SSL_MODES = {"true": "require", "false": "disable", "1": "require", "0": "disable"}


class UnusableDatabase(Exception):
    """The database can't be used as it is; the message is a sentence for the operator."""


def why_not(url: str) -> str | None:
    """What of the URL's parameters PostgreSQL's client library doesn't know; None where it knows all of them.

    `currentSchema` (of JDBC) and `ssl=true` are known here beside them.
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
    """Django's description of the database at `url`, an entry of its setting DATABASES."""
    parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    options = parsed.setdefault("OPTIONS", {})
    if parsed["ENGINE"].endswith("sqlite3"):
        options.update(
            transaction_mode="IMMEDIATE",  # A transaction that turns from reader to writer can't wait, only fail.
            timeout=20,  # Seconds to wait for another writer.
            init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",  # Survives the process's crash.
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
    """The server options that the URL asks for. dj_database_url knows only one of `options` and `currentSchema`."""
    asked = parse_qsl(urlsplit(url).query)
    schemas = [f"-c search_path={value}" for name, value in asked if name == "currentSchema"]
    return [*(value for name, value in asked if name == "options"), *schemas]


def check() -> None:
    """Nothing, where the database that Django is connected to keeps Chatty's limits of time.

    Raises:
        UnusableDatabase: it doesn't, because something between it and Chatty takes the limits away.
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
    """Put all that SQLite's write-ahead log holds into the database file; nothing on PostgreSQL.

    Each process does it when it ends, so that after the last one the file alone is the whole database. While another
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
# By a part of what the database said: what to do about it.
_CURES = {
    "unsupported startup parameter": _POOLER,
    "permission denied for schema": "Let the account make tables there (GRANT USAGE, CREATE ON SCHEMA ... TO ...), "
    "or name another schema by ?currentSchema=...",
    "no schema has been selected": "Make the schema that ?currentSchema=... names, or name another.",
    "permission denied for database": "Let the account connect: GRANT CONNECT ON DATABASE ... TO ...",
    "must be owner of": "Let the account that made the tables use them, or make it their owner.",
}


def explain(error: Exception) -> str:
    """A sentence for the operator about what the database said: it names the host and the port, never the password."""
    said = " ".join(str(error).split())
    said = said.partition(" LINE 1:")[0]
    cures = [cure for part, cure in _CURES.items() if part in said]
    return f"The database of DATABASE_URL can't be used: {said}{''.join(f' {cure}' for cure in cures)}"
