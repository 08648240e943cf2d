"""Django's settings. All that differs between installations comes from the environment, through env.py."""

import os
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

import dj_database_url

from chatty_project import env

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"  # What a running Chatty writes unless told otherwise: database, development's key.

try:
    environment = env.read(os.environ)
except env.SettingsError as error:
    raise SystemExit(str(error)) from None  # Whoever starts Chatty wants the sentence, not our call stack.


def development_key(path: Path) -> str:
    """The secret key in `path`, made on the first call so that identities outlive a restart."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token_urlsafe(50))
    try:
        os.link(fresh, path)  # Whole or not at all, and the first of two processes wins.
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()


DEBUG = environment[env.DEBUG]
SECRET_KEY = environment[env.SECRET_KEY]
if DEBUG and not SECRET_KEY:
    SECRET_KEY = development_key(VAR_DIR / "secret_key")
SECRET_KEY_FALLBACKS = environment[env.SECRET_KEY_FALLBACKS]
ALLOWED_HOSTS = environment[env.ALLOWED_HOSTS]

# Chatty's own, read in chat/.
ALLOWED_ORIGINS = environment[env.ALLOWED_ORIGINS]
REDIS_URLS = environment[env.REDIS_URL]
SOCKET_URL = environment[env.SOCKET_URL]
PAGE_MAX_AGE = environment[env.PAGE_MAX_AGE]
TRUSTED_PROXIES = environment[env.TRUSTED_PROXIES]
TOKEN_MAX_AGE_DAYS = environment[env.TOKEN_MAX_AGE_DAYS]
RESUME_LIMIT = environment[env.RESUME_LIMIT]
UNSENT_LIMIT = environment[env.UNSENT_LIMIT]
POST_LIMIT = environment[env.POST_LIMIT]
COMMAND_LIMIT = environment[env.COMMAND_LIMIT]
IDENTITY_LIMIT = environment[env.IDENTITY_LIMIT]
MAX_CONNECTIONS_PER_ADDRESS = environment[env.MAX_CONNECTIONS_PER_ADDRESS]
MAX_CONNECTIONS_PER_MEMBER = environment[env.MAX_CONNECTIONS_PER_MEMBER]

INSTALLED_APPS = [
    "chat",  # Before Daphne: our runserver builds on Daphne's.
    "daphne",  # Before staticfiles: its runserver replaces theirs.
    "channels",
    "servestatic",
    "django.contrib.staticfiles",
    # Moderators: who may go to /admin, and is signed in there. Visitors have no account.
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "chat.headers.SecurityHeaders",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",  # Reads nothing until a page asks who is signed in.
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "chatty_project.urls"
ASGI_APPLICATION = "chatty_project.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,  # The admin's.
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Database. A commit is an acknowledgement, so what is set here decides what survives a crash.


# A worker that is paused in a transaction holds its rooms' locks: the server ends that transaction, and the worker
# repeats it when it wakes. What waits for a lock, or on a slow server, for too long is refused and sent again.
POSTGRES_TIMEOUTS = " ".join(
    f"-c {name}={seconds}s"
    for name, seconds in (("idle_in_transaction_session_timeout", 3), ("lock_timeout", 5), ("statement_timeout", 8))
)


def database(url: str) -> dict[str, Any]:
    """Django's description of the database at `url`."""
    parsed: dict[str, Any] = dict(dj_database_url.parse(url))
    options = parsed.setdefault("OPTIONS", {})
    if parsed["ENGINE"].endswith("sqlite3"):
        options.update(
            transaction_mode="IMMEDIATE",  # A transaction that turns from reader to writer can't wait, only fail.
            timeout=20,  # Seconds to wait for another writer.
            init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",  # Survives the process's crash.
        )
    else:
        parsed.update(CONN_MAX_AGE=None, CONN_HEALTH_CHECKS=True)
        # A database that has vanished is noticed within seconds: members wait. What the URL says comes first.
        limits = {"connect_timeout": 3, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3}
        limits["tcp_user_timeout"] = 10_000  # Milliseconds; keepalives say nothing while a query is unanswered.
        parsed["OPTIONS"] = limits | {"options": POSTGRES_TIMEOUTS} | options
    return parsed


if not environment[env.DATABASE_URL]:
    VAR_DIR.mkdir(exist_ok=True)
DATABASES = {"default": database(environment[env.DATABASE_URL] or f"sqlite:///{VAR_DIR / 'chatty.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Fan-out.

CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": REDIS_URLS, "prefix": "chatty"},
    }
    if REDIS_URLS
    else {"BACKEND": "channels.layers.InMemoryChannelLayer"}
}
# Bytes. Past its limits Daphne drops a connection without a word: the one for frames, which is for what comes in, is
# twice the protocol's, so that between the two the consumer says why. The one for messages is for what goes out, too,
# and holds the longest answer. uvicorn, which closes with 1009, has the protocol's own.
DAPHNE_WEBSOCKET_MAX_FRAME_SIZE = 131_072
DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE = 2 * UNSENT_LIMIT + 1_048_576

# Static files.


def package_folder(package: str) -> Path:
    """The folder that an installed package's files are in, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The package {package} is not installed; expected all of requirements.txt")
    return Path(spec.submodule_search_locations[0])


STATIC_URL = "/static/"
SERVESTATIC_ALLOW_ALL_ORIGINS = False  # No other site's page needs them.
STATIC_ROOT = BASE_DIR / environment[env.STATIC_ROOT]
STATICFILES_DIRS = [BASE_DIR / "static", ("bootstrap", package_folder("bootstrap"))]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "chatty_project.storage.HashedFiles",
    },
}

# Language and time. The page says `Vary: Accept-Language, Cookie`, for whatever keeps it on its way
# (docs/translating.md).

USE_I18N = True
USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]  # Each but the first has its folder in locale/.
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]

# Security. SecurityMiddleware's other headers are on by default.

FRAME_ANCESTORS = environment[env.FRAME_ANCESTORS] or ["'none'"]
# The page's own files, the socket (chat/headers.py adds where it is), and nothing that stands in the page itself.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],  # Bootstrap's stylesheet draws its icons so.
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": FRAME_ANCESTORS,
    }
}
# The same for browsers that don't know frame-ancestors, as far as it can be said in one word.
X_FRAME_OPTIONS = {"'none'": "DENY", "'self'": "SAMEORIGIN"}.get(" ".join(FRAME_ANCESTORS), "")
if not X_FRAME_OPTIONS:
    MIDDLEWARE.remove("django.middleware.clickjacking.XFrameOptionsMiddleware")
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Not sent with another site's forms and sockets.
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
if environment[env.HTTPS]:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # Asked by the platform itself, beside the proxy.
    SECURE_HSTS_SECONDS = 31_536_000  # A year.
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
# HSTS for subdomains and in browsers' preload lists: what else is on the domain isn't Chatty's to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

# Log: one line an event, to stderr.


LOG_LEVEL = environment[env.LOG_LEVEL].upper()
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"without_traceback": {"()": "chatty_project.logs.WithoutTraceback"}},
    "formatters": {
        "concise": {
            "()": "chatty_project.logs.Concise",
            "format": "%(asctime)s %(word)s %(name)s: %(message)s",
            "datefmt": "%H:%M:%S",
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "concise"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},  # Libraries: what is wrong, not what goes on.
    "loggers": {
        "chat": {"level": LOG_LEVEL},
        "chatty_project": {"level": LOG_LEVEL},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},  # A page that isn't there is the visitor's news, not ours.
        "django.channels.server": {"level": LOG_LEVEL if LOG_LEVEL == "DEBUG" else "ERROR"},  # Daphne's, each request.
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
    },
}
