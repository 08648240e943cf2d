"""Chatty's settings from the environment: one table, one typed reader.

`read()` parses all settings at once, so that an operator sees all problems together, one sentence each. A test compares
the README's table with `table()`. This module needs only Python's standard library.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, Generic, TypeVar, cast
from urllib.parse import urlsplit

T = TypeVar("T")

SHORTEST_EMBED_SECRET = 32  # Bytes: HS256 needs them.
SHORTEST_SECRET_KEY = 50  # The requirement of `manage.py check --deploy`.
ONLY_HERE = "only this machine's own (127.0.0.1, localhost), because error pages tell all; others may come to bin/serve"
MAKE_A_KEY = "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'"


class SettingsError(Exception):
    """The environment is invalid. `problems` has one sentence for each problem."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


# Parsers of values. A parser gets the text without surrounding space and raises ValueError for an invalid one.


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A type of value. `expected` completes the sentence `NAME is "..."; expected ...`."""

    expected: str
    parse: Callable[[str], T]


def _flag(text: str) -> bool:
    word = text.lower()
    if word in ("true", "1", "yes", "on"):
        return True
    if word in ("", "false", "0", "no", "off"):
        return False
    raise ValueError(text)


def _whole(low: int, high: int, what: str) -> Kind[int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise ValueError(text)
        return int(text)

    return Kind(f"{what}, {low}-{high}", parse)


def _word(text: str) -> str:
    if not re.fullmatch(r"[^\s/]+", text):
        raise ValueError(text)
    return text


def _one_of(*words: str) -> Kind[str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise ValueError(text)
        return text.lower()

    return Kind(f"one of {', '.join(words)}", parse)


def _list_of(parse_item: Callable[[str], T]) -> Callable[[str], list[T]]:
    def parse(text: str) -> list[T]:
        return [parse_item(item.strip()) for item in text.split(",") if item.strip()]

    return parse


def _secret_key(text: str) -> str:
    if text and len(text) < SHORTEST_SECRET_KEY:
        raise ValueError(text)
    return text


def _host_pattern(text: str) -> str:
    if not re.fullmatch(r"\*|\.?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\]", text):
        raise ValueError(text)
    return text.lower()


def _url(text: str, schemes: tuple[str, ...]) -> tuple[str, str, str]:
    """The scheme, host and path of a URL. Raises ValueError if its port isn't a number."""
    parts = urlsplit(text)
    if parts.scheme not in schemes or not text[len(parts.scheme) :].startswith("://") or re.search(r"\s", text):
        raise ValueError(text)
    _ = parts.port  # Raises ValueError for an invalid port.
    return parts.scheme, parts.hostname or "", parts.path


def _origin(text: str) -> str:
    scheme, host, path = _url(text, ("http", "https"))
    if not host or path or "@" in text or "?" in text or "#" in text:
        raise ValueError(text)
    return f"{scheme}://{urlsplit(text).netloc.lower()}"


def _frame_ancestor(text: str) -> str:
    return "'self'" if text.lower() == "self" else _origin(text)


def _embed_keys(text: str) -> dict[str, list[str]]:
    """The secrets by the ids of their keys. An id may come again, with another secret."""
    keys: dict[str, list[str]] = {}
    for item in filter(None, (item.strip() for item in text.split(","))):
        kid, _, secret = item.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", kid) or len(secret.encode()) < SHORTEST_EMBED_SECRET:
            raise ValueError(text)
        keys.setdefault(kid, []).append(secret)
    return keys


def _bearer_token(text: str) -> str:
    if text and not re.fullmatch(rf"[A-Za-z0-9._~-]{{{SHORTEST_EMBED_SECRET},}}", text):
        raise ValueError(text)
    return text


def _rate(text: str) -> tuple[float, float]:
    if text == "0":
        return 0, 0
    number = r"([0-9]{1,6}(?:\.[0-9]{1,6})?)"
    match = re.fullmatch(f"{number},{number}", text.replace(" ", ""))
    if match is None or not float(match[1]) or not float(match[2]):
        raise ValueError(text)
    return float(match[1]), float(match[2])


def _networks(text: str) -> list[IPv4Network | IPv6Network]:
    if text.lower() == "none":
        return []
    return _list_of(ip_network)(text)  # Raises ValueError, also for bits after the prefix.


def _redis_url(text: str) -> str:
    scheme, host, path = _url(text, ("redis", "rediss", "unix"))
    if not (path if scheme == "unix" else host):
        raise ValueError(text)
    return text


def _database_url(text: str) -> str:
    if not text:
        return text
    scheme, host, path = _url(text, ("sqlite", "postgres", "postgresql"))
    if len(path) < 2:  # "/" and a name.
        raise ValueError(text)
    if host if scheme == "sqlite" else "@" in path:  # A missing slash, or a slash in the password instead of %2F.
        raise ValueError(text)
    return text


def _socket_url(text: str) -> str:
    if not text:
        return text
    _, host, _ = _url(text, ("ws", "wss"))
    if not host or "?" in text or "#" in text:
        raise ValueError(text)
    return text.rstrip("/")


def _prefix(text: str) -> str:
    path = text.rstrip("/")
    if path and not re.fullmatch(r"(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)+", path):
        raise ValueError(text)
    return path


def _without_password(text: str) -> str:
    """A URL, also a broken one, with everything that may be a password replaced by stars."""
    text = re.sub(r"^([a-z0-9+.-]*://)?.*@", r"\1***@", text, flags=re.DOTALL)
    text = re.sub(r"(password=)[^&]*", r"\1***", text)
    return re.sub(r":(?!//)(?![0-9]*(?:[/?,]|$))[^/?,]*", ":***", text)  # Text in the place of a port.


def _as_is(text: str) -> str:
    return text


# The table.


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One environment variable, with its row in the README's table.

    `default` is for production. `development`, if set, replaces it with DEBUG. `shown` replaces the default in the
    README if that is a behaviour, not a value. `hide` removes secrets from a value for an error message.
    """

    name: str
    kind: Kind[T]
    default: str
    meaning: str
    development: str | None = None
    shown: str = ""
    hide: Callable[[str], str] = _as_is

    def read(self, environ: Mapping[str, str], debug: bool) -> T:
        """The setting's value.

        Raises:
            SettingsError: the environment's value isn't of this `kind`.
        """
        given = environ.get(self.name, "").strip()
        fallback = self.development if debug and self.development is not None else self.default
        try:
            return self.kind.parse(given or fallback)
        except ValueError:
            raise SettingsError([f'{self.name} is "{self.hide(given)}"; expected {self.kind.expected}']) from None

    @property
    def row(self) -> str:
        """The setting's line in the README's table."""
        shown = self.shown or (f"`{self.default}`" if self.default else "none")
        return f"| `{self.name}` | {shown} | {self.meaning} |"


FLAG = Kind("true or false", _flag)
RATE = Kind("how many at once and how many a second after that, such as 20,2 or 20,0.5, or 0 for no limit", _rate)

DEBUG = Setting(
    "DEBUG",
    FLAG,
    "false",
    "Development mode: detailed error pages and a generated secret key. For this machine only: Chatty refuses to start "
    "with it if `HOST` or `ALLOWED_HOSTS` lets others in",
    shown="`false`; `true` for `manage.py runserver` and `bin/run`",
)
SECRET_KEY = Setting(
    "SECRET_KEY",
    Kind(f"at least {SHORTEST_SECRET_KEY} random characters, such as {MAKE_A_KEY} prints", _secret_key),
    "",
    f"Signs identities. Use the same key on all machines, at least {SHORTEST_SECRET_KEY} characters: `{MAKE_A_KEY}`",
    shown="required by `bin/serve`; in development made once, in `var/secret_key`",
    hide=lambda text: "*" * len(text),
)
SECRET_KEY_FALLBACKS = Setting(
    "SECRET_KEY_FALLBACKS",
    Kind("secret keys separated by commas", _list_of(_as_is)),
    "",
    "Former secret keys, separated by commas. Identities signed with them stay valid while you change the key",
    hide=lambda text: "*" * len(text),
)
ALLOWED_HOSTS = Setting(
    "ALLOWED_HOSTS",
    Kind(
        "host names without scheme and port, separated by commas, such as chat.example.com,.example.org",
        _list_of(_host_pattern),
    ),
    "",
    "Host names that Chatty answers to, separated by commas, without scheme and port. `.example.org`: subdomains too",
    development="localhost,127.0.0.1,[::1]",
    shown="required by `bin/serve`; in development `localhost,127.0.0.1,[::1]`",
)
ALLOWED_ORIGINS = Setting(
    "ALLOWED_ORIGINS",
    Kind("origins, scheme://host or scheme://host:port, separated by commas", _list_of(_origin)),
    "",
    "Origins (`https://chat.example.com`) of pages that may open the socket or use the HTTP API, separated by commas",
    shown="the page's own host",
)
FRAME_ANCESTORS = Setting(
    "FRAME_ANCESTORS",
    Kind("self, or origins, scheme://host or scheme://host:port, separated by commas", _list_of(_frame_ancestor)),
    "",
    "Origins (`https://intranet.example.com`) of pages that may show Chatty in a frame, separated by commas. "
    "`self` is Chatty's own origin",
    shown="none: no page may",
)
EMBED_KEYS = Setting(
    "EMBED_KEYS",
    Kind(
        f"keys separated by commas, each with an id and a secret of {SHORTEST_EMBED_SECRET} bytes or more, id:secret",
        _embed_keys,
    ),
    "",
    "Keys (`id:secret`) with which the servers of these sites sign who their visitors are, separated by commas. A "
    f"secret has {SHORTEST_EMBED_SECRET} bytes or more. To change it, name the id with both secrets for a while",
    hide=lambda text: re.sub(r":[^,]*", ":***", text),
)
HOST = Setting("HOST", Kind("an address or host name to listen on", _word), "127.0.0.1", "Address to listen on")
PORT = Setting("PORT", _whole(1, 65535, "a port number"), "8000", "Port to listen on")
WEB_CONCURRENCY = Setting(
    "WEB_CONCURRENCY",
    _whole(1, 512, "a number of workers"),
    "1",
    "Worker processes of `bin/serve`: about one per core. More than one needs `REDIS_URL`",
)
REDIS_URL = Setting(
    "REDIS_URL",
    Kind(
        "redis://host:port/db, rediss://... or unix:///path (several: separated by commas)",
        _list_of(_redis_url),
    ),
    "",
    "Redis for fan-out and presence between workers: `redis://host:port/db` (or `rediss://`, `unix://`). Several, "
    "separated by commas, share the rooms",
    shown="none: one worker, all in its memory",
    hide=_without_password,
)
DATABASE_URL = Setting(
    "DATABASE_URL",
    Kind("postgres://user:password@host:port/name or sqlite:////path/to/file", _database_url),
    "",
    "Database: `postgres://user:password@host:port/name` or `sqlite:////path/to/file`",
    shown="SQLite in `var/chatty.sqlite3`",
    hide=_without_password,
)
URL_PREFIX = Setting(
    "URL_PREFIX",
    Kind("a path that begins with a slash, such as /talk/, or nothing", _prefix),
    "",
    "Path that all addresses of Chatty begin with, such as `/talk/`, if its host name also serves something else",
    shown="none: Chatty is at `/`",
)
SOCKET_URL = Setting(
    "SOCKET_URL",
    Kind("ws://host/path or wss://host/path, or nothing", _socket_url),
    "",
    "Base URL of the socket, without the room, if it isn't on the page's host: `wss://ws.example.com/ws/chatty`",
    shown="the page's own host",
)
PAGE_MAX_AGE = Setting(
    "PAGE_MAX_AGE",
    _whole(0, 31_536_000, "seconds"),
    "25300",
    "Seconds that browsers and proxies may cache the page",
    development="0",
    shown="`25300`; in development `0`",
)
HTTPS = Setting(
    "HTTPS",
    FLAG,
    "false",
    "Set if a proxy in front terminates HTTPS and sets `X-Forwarded-Proto`. Chatty then trusts that header, "
    "redirects plain HTTP, sets secure cookies and sends HSTS for a year",
)
TRUSTED_PROXIES = Setting(
    "TRUSTED_PROXIES",
    Kind("addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8, or none", _networks),
    "127.0.0.1,::1",
    "Addresses and networks of the proxies in front, separated by commas, or `none`. Chatty reads the client's address "
    "from their `X-Forwarded-For` and ignores that header from others",
)
TOKEN_MAX_AGE_DAYS = Setting(
    "TOKEN_MAX_AGE_DAYS",
    _whole(1, 36_500, "days"),
    "365",
    "Days after which an unused identity expires",
)
KEEP_MESSAGES_DAYS = Setting(
    "KEEP_MESSAGES_DAYS",
    _whole(0, 36_500, "days, or 0 for ever"),
    "0",
    "Days after which messages are deleted. A room may have its own number at `/admin`. `0`: never",
)
KEEP_AUDIT_DAYS = Setting(
    "KEEP_AUDIT_DAYS",
    _whole(0, 36_500, "days, or 0 for ever"),
    "0",
    "Days after which entries of the audit log are deleted. `0`: never",
)
RESUME_LIMIT = Setting(
    "RESUME_LIMIT",
    _whole(1, 100_000, "a number of changes"),
    "1000",
    "Changes that a returning member gets one by one. After more, the page starts from the newest messages",
)
UNSENT_LIMIT = Setting(
    "UNSENT_LIMIT",
    _whole(65_536, 1_073_741_824, "bytes"),
    "1048576",
    "Bytes that may wait for a member who reads slowly before Chatty closes the connection",
)
BUFFER_LIMIT = Setting(
    "BUFFER_LIMIT",
    _whole(16_777_216, 1_099_511_627_776, "bytes"),
    "134217728",
    "Bytes of messages that one worker keeps in memory: the newest of its rooms. The same amount again may wait for "
    "members who read slowly",
)
POST_LIMIT = Setting(
    "POST_LIMIT",
    RATE,
    "20,2",
    "Messages of one member: burst, then per second. A long message counts once per 1,000 characters. `0`: no limit",
)
COMMAND_LIMIT = Setting(
    "COMMAND_LIMIT",
    RATE,
    "100,20",
    "All commands of one member, messages included: burst, then per second. `0`: no limit",
)
ROOM_REACTION_LIMIT = Setting(
    "ROOM_REACTION_LIMIT",
    RATE,
    "100,50",
    "Reactions of all members of a room together, in one worker: burst, then per second. `0`: no limit",
)
IDENTITY_LIMIT = Setting(
    "IDENTITY_LIMIT",
    RATE,
    "200,1",
    "New members from one address (IPv6: one /64 network): burst, then per second. `0`: no limit",
)
ADDRESS_CPU = Setting(
    "ADDRESS_CPU",
    RATE,
    "1,0.25",
    "CPU seconds that one worker spends on all that one address (IPv6: one /64 network) asks for: burst, then per "
    "second. What is more waits. `0`: no limit",
)
MAX_CONNECTIONS_PER_ADDRESS = Setting(
    "MAX_CONNECTIONS_PER_ADDRESS",
    _whole(0, 1_000_000, "a number of connections, or 0 for no limit"),
    "200",
    "Open sockets from one address (IPv6: one /64 network) to one worker. An office or a school may share one address. "
    "`0`: no limit",
)
MAX_CONNECTIONS_PER_MEMBER = Setting(
    "MAX_CONNECTIONS_PER_MEMBER",
    _whole(0, 1_000_000, "a number of connections, or 0 for no limit"),
    "20",
    "Open sockets (tabs) of one member to one worker. `0`: no limit",
)
WEBHOOK_NETWORKS = Setting(
    "WEBHOOK_NETWORKS",
    Kind("addresses or networks separated by commas, such as 127.0.0.1,10.0.0.0/8, or none", _networks),
    "",
    "Addresses and networks that aren't public, separated by commas, to which outgoing webhooks may connect. "
    "Moderators can reach what listens there",
)
METRICS_TOKEN = Setting(
    "METRICS_TOKEN",
    Kind(f"{SHORTEST_EMBED_SECRET} or more letters, digits and -._~, as {MAKE_A_KEY} prints", _bearer_token),
    "",
    "The token (`Authorization: Bearer`) with which Prometheus may read `/metrics`. "
    f"{SHORTEST_EMBED_SECRET} characters or more",
    shown="none: there is no `/metrics`",
    hide=lambda text: "*" * len(text),
)
STATIC_ROOT = Setting(
    "STATIC_ROOT",
    Kind("a folder", _as_is),
    "staticfiles",
    "Folder for collected static files, served from there. Relative to the project's folder unless absolute",
)
LOG_LEVEL = Setting(
    "LOG_LEVEL",
    _one_of("debug", "info", "warning", "error", "critical"),
    "info",
    "Lowest level that is logged to stderr",
)
LOG_FORMAT = Setting(
    "LOG_FORMAT",
    _one_of("text", "json"),
    "text",
    "Lines of the log: `text` for people, `json` for programs",
)

SETTINGS: tuple[Setting[Any], ...] = (
    DEBUG,
    SECRET_KEY,
    SECRET_KEY_FALLBACKS,
    ALLOWED_HOSTS,
    ALLOWED_ORIGINS,
    FRAME_ANCESTORS,
    EMBED_KEYS,
    HOST,
    PORT,
    WEB_CONCURRENCY,
    REDIS_URL,
    DATABASE_URL,
    URL_PREFIX,
    SOCKET_URL,
    PAGE_MAX_AGE,
    HTTPS,
    TRUSTED_PROXIES,
    TOKEN_MAX_AGE_DAYS,
    KEEP_MESSAGES_DAYS,
    KEEP_AUDIT_DAYS,
    RESUME_LIMIT,
    UNSENT_LIMIT,
    BUFFER_LIMIT,
    POST_LIMIT,
    COMMAND_LIMIT,
    ROOM_REACTION_LIMIT,
    IDENTITY_LIMIT,
    ADDRESS_CPU,
    MAX_CONNECTIONS_PER_ADDRESS,
    MAX_CONNECTIONS_PER_MEMBER,
    WEBHOOK_NETWORKS,
    METRICS_TOKEN,
    STATIC_ROOT,
    LOG_LEVEL,
    LOG_FORMAT,
)


def table() -> str:
    """The README's table of settings."""
    return "\n".join(["| Name | Default | Meaning |", "|---|---|---|", *(setting.row for setting in SETTINGS)])


# The reader.


class Environment:
    """All settings, parsed: `environment[env.PORT]` is an int."""

    def __init__(self, values: dict[str, object]) -> None:
        self._values = values

    def __getitem__(self, setting: Setting[T]) -> T:
        return cast(T, self._values[setting.name])


def read(environ: Mapping[str, str]) -> Environment:
    """All settings, parsed from `environ`.

    Raises:
        SettingsError: it has one sentence for each invalid variable.
    """
    values: dict[str, object] = {}
    problems: list[str] = []
    debug = False
    for setting in SETTINGS:  # DEBUG comes first: other settings' defaults depend on it.
        try:
            values[setting.name] = setting.read(environ, debug)
        except SettingsError as error:
            problems += error.problems
        debug = values.get(DEBUG.name) is True
    if problems:
        raise SettingsError(problems)
    return Environment(values)


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to this address or name."""
    host = host.strip("[]").lower().rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def problems(environment: Environment) -> list[str]:
    """The problems of these settings, one sentence each: missing for production, or too open for development."""
    found = []
    if environment[DEBUG]:
        open_to = [f'HOST is "{environment[HOST]}"'] if not is_loopback(environment[HOST]) else []
        open_to += [f'ALLOWED_HOSTS has "{host}"' for host in environment[ALLOWED_HOSTS] if not is_loopback(host)]
        found += [f"DEBUG is true and {where}; expected {ONLY_HERE}" for where in open_to]
        return found
    if not environment[SECRET_KEY]:
        found.append(f"SECRET_KEY is not set; expected {SECRET_KEY.kind.expected}")
    if not environment[ALLOWED_HOSTS]:
        found.append(f"ALLOWED_HOSTS is not set; expected {ALLOWED_HOSTS.kind.expected}")
    return found
