"""Django's settings. All settings that differ between installations come from the environment, through env.py."""

import os
import re
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

from chat.protocol.constants import FRAME_LIMIT_BYTES
from chatty_project import databases, env, places

BASE_DIR = Path(__file__).resolve().parent.parent

try:
    environment = env.read(os.environ)
except env.SettingsError as error:
    raise SystemExit(str(error)) from None  # The operator needs the sentence, not our call stack.


def development_key(path: Path) -> str:
    """The secret key in `path`, which is made on the first call, so that identities survive a restart."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(f".{os.getpid()}")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(token_urlsafe(50))
    try:
        os.link(fresh, path)  # Atomic. The first of two processes wins.
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    return path.read_text().strip()


DEBUG = environment[env.DEBUG]
SECRET_KEY = environment[env.SECRET_KEY]
if DEBUG and not SECRET_KEY:
    try:
        SECRET_KEY = development_key(places.KEY)
    except OSError as error:
        raise SystemExit("\n".join(places.problems(environment)) or f"SECRET_KEY is not set, and {error}") from None
SECRET_KEY_FALLBACKS = environment[env.SECRET_KEY_FALLBACKS]
ALLOWED_HOSTS = environment[env.ALLOWED_HOSTS]

# The application's own: chat/conf.py.
CHATTY: dict[str, Any] = {
    "AUTHENTICATE": "chat.access.authentication.guest",  # Moderators' accounts don't identify members.
    "ALLOWED_ORIGINS": environment[env.ALLOWED_ORIGINS],
    "FRAME_ANCESTORS": environment[env.FRAME_ANCESTORS] or ["'none'"],
    "EMBED_KEYS": environment[env.EMBED_KEYS],
    "REDIS_URLS": environment[env.REDIS_URL],
    "SOCKET_URL": environment[env.SOCKET_URL],
    "PAGE_MAX_AGE": environment[env.PAGE_MAX_AGE],
    "TRUSTED_PROXIES": environment[env.TRUSTED_PROXIES],
    "TOKEN_MAX_AGE_DAYS": environment[env.TOKEN_MAX_AGE_DAYS],
    "KEEP_MESSAGES_DAYS": environment[env.KEEP_MESSAGES_DAYS],
    "KEEP_AUDIT_DAYS": environment[env.KEEP_AUDIT_DAYS],
    "METRICS_TOKEN": environment[env.METRICS_TOKEN],
    "RESUME_LIMIT": environment[env.RESUME_LIMIT],
    "UNSENT_LIMIT": environment[env.UNSENT_LIMIT],
    "BUFFER_LIMIT": environment[env.BUFFER_LIMIT],
    "POST_LIMIT": environment[env.POST_LIMIT],
    "COMMAND_LIMIT": environment[env.COMMAND_LIMIT],
    "ROOM_REACTION_LIMIT": environment[env.ROOM_REACTION_LIMIT],
    "IDENTITY_LIMIT": environment[env.IDENTITY_LIMIT],
    "ADDRESS_CPU": environment[env.ADDRESS_CPU],
    "MAX_CONNECTIONS_PER_ADDRESS": environment[env.MAX_CONNECTIONS_PER_ADDRESS],
    "MAX_CONNECTIONS_PER_MEMBER": environment[env.MAX_CONNECTIONS_PER_MEMBER],
    "WEBHOOK_NETWORKS": environment[env.WEBHOOK_NETWORKS],
}

INSTALLED_APPS = [
    # Before staticfiles: its runserver replaces theirs and is based on Daphne's. Daphne itself isn't listed, because it
    # would load Twisted into all workers of bin/serve, 27 MB each.
    "chatty_project",
    "chat",
    "channels",
    "servestatic",
    "django.contrib.staticfiles",
    # For moderators, who sign in at /admin. Visitors have no account.
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
]
MIDDLEWARE = [  # Django's own, without detours through a thread: chat/web/middleware.py.
    "chat.web.middleware.Security",
    "chat.web.headers.SecurityHeaders",
    "servestatic.middleware.ServeStaticMiddleware",
    "chat.web.middleware.NoNul",
    "chat.web.middleware.Session",
    "chat.web.middleware.Locale",
    "chat.web.middleware.Common",
    "chat.web.middleware.Csrf",
    "chat.web.middleware.Authentication",
    "chat.web.middleware.Messages",
    "chat.web.middleware.Clickjacking",
]
ROOT_URLCONF = "chatty_project.urls"
URL_PREFIX = environment[env.URL_PREFIX]
FORCE_SCRIPT_NAME = URL_PREFIX or None
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

# Database.

# A commit is an acknowledgement, so the settings in databases.py decide what survives a crash.
if reason := databases.why_not(environment[env.DATABASE_URL]):
    raise SystemExit(f"DATABASE_URL can't be used; expected {reason}")
if not environment[env.DATABASE_URL]:
    with suppress(OSError):  # Commands without a database continue. places.py reports the problem to the others.
        places.VAR_DIR.mkdir(exist_ok=True)
DATABASES = {"default": databases.describe(environment[env.DATABASE_URL] or f"sqlite:///{places.DATABASE}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Fan-out.

# One layer for each Redis, so that they fail independently. chat/cluster/broker.py spreads the rooms over them.
CHANNEL_LAYERS: dict[str, dict[str, Any]] = {
    "default" if number == 1 else f"redis-{number}": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [url], "prefix": "chatty"},
    }
    for number, url in enumerate(CHATTY["REDIS_URLS"], 1)
} or {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
# Bytes. Above its limits Daphne drops a connection without a reason. So the limit for incoming frames is twice the
# protocol's, and between the two the consumer gives the reason. The limit for messages also applies to output and
# allows the longest answer. uvicorn, which closes with 1009, has the protocol's own limit.
DAPHNE_WEBSOCKET_MAX_FRAME_SIZE = 2 * FRAME_LIMIT_BYTES
DAPHNE_WEBSOCKET_MAX_MESSAGE_SIZE = 2 * CHATTY["UNSENT_LIMIT"] + 1_048_576

# Static files.


def package_folder(package: str) -> Path:
    """The folder of an installed package's files, found without importing it."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The package {package} is not installed; expected all of requirements.txt")
    return Path(spec.submodule_search_locations[0])


STATIC_URL = f"{URL_PREFIX}/static/"
SERVESTATIC_ALLOW_ALL_ORIGINS = False  # Other sites' pages don't need the files.
STATIC_ROOT = BASE_DIR / environment[env.STATIC_ROOT]
STATICFILES_DIRS = [BASE_DIR / "static", ("chat/bootstrap", package_folder("bootstrap"))]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "chatty_project.storage.HashedFiles",
    },
}

# Language and time. The page has `Vary: Accept-Language, Cookie` for caches (docs/translating.md).

USE_I18N = True
USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "German")]  # Each but the first has its folder in locale/.
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]

# Security. SecurityMiddleware's other headers are on by default.

# Allows the page's own files and the socket (chat/web/headers.py adds its origin), but no inline code.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],  # The arrow in css/tokens.css.
        "connect-src": ["'self'"],
        "manifest-src": ["'self'"],
        "worker-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": CHATTY["FRAME_ANCESTORS"],
    }
}
# The same for browsers without frame-ancestors, if one word can express it.
X_FRAME_OPTIONS = {"'none'": "DENY", "'self'": "SAMEORIGIN"}.get(" ".join(CHATTY["FRAME_ANCESTORS"]), "")
if not X_FRAME_OPTIONS:
    MIDDLEWARE.remove("chat.web.middleware.Clickjacking")
CSRF_FAILURE_VIEW = "chat.web.error_pages.forged"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"  # Not sent with other sites' forms and sockets.
if URL_PREFIX:  # Another Django site on the same host has cookies of the usual names, and Chatty gets them, too.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME, LANGUAGE_COOKIE_NAME = "chatty_session", "chatty_csrf", "chatty_language"
    SESSION_COOKIE_PATH = CSRF_COOKIE_PATH = f"{URL_PREFIX}/"
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
    MIDDLEWARE.insert(0, "chatty_project.proxy.lower_case_scheme")
    SECURE_SSL_REDIRECT = True
    # The platform requests them without the proxy.
    SECURE_REDIRECT_EXEMPT = [rf"^{re.escape(f'{URL_PREFIX}/'[1:])}(healthz|metrics|readyz)$"]
    SECURE_HSTS_SECONDS = 31_536_000  # A year.
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SILENCED_SYSTEM_CHECKS = [
    # HSTS for subdomains and preload lists, because Chatty can't decide for the rest of the domain.
    "security.W005",
    "security.W021",
    # Django's middleware for security, frames and CSRF is installed, but as subclasses of our own.
    "security.W001",
    "security.W002",
    "security.W003",
]

# Log: one line per event, to stderr.


LOG_LEVEL = environment[env.LOG_LEVEL].upper()
LOG_FORMATTERS = {"text": "concise", "json": "json"}
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "without_traceback": {"()": "chatty_project.logs.WithoutTraceback"},
        "once_per_minute": {"()": "chatty_project.logs.OncePerMinute"},
    },
    "formatters": {
        "concise": {
            "()": "chatty_project.logs.Concise",
            "format": "%(asctime)s %(word)s %(name)s%(trace)s: %(message)s",
        },
        "json": {"()": "chatty_project.logs.Json"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMATTERS[environment[env.LOG_FORMAT]]}
    },
    "root": {"handlers": ["stderr"], "level": "WARNING"},  # For libraries: problems only.
    "loggers": {
        "chat": {"level": LOG_LEVEL},
        "chatty_project": {"level": LOG_LEVEL},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},  # A missing page concerns the visitor, not the operator.
        "django.channels.server": {"level": LOG_LEVEL if LOG_LEVEL == "DEBUG" else "ERROR"},  # Daphne: each request.
        "django.security.DisallowedHost": {"filters": ["without_traceback"]},
        "channels_redis.pubsub": {"filters": ["once_per_minute"]},
    },
}
