"""Django's system checks: the settings in `CHATTY`, and what Chatty needs of its host.

`manage.py check --tag chat` runs only these. A message says what is missing, and its hint how to add it.
docs/embedding.md lists them.
"""

import sys
from collections.abc import Iterator
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.management import get_commands
from django.template import TemplateDoesNotExist
from django.template.loader import get_template
from django.urls import NoReverseMatch
from django.utils.module_loading import import_string

from chat.conf import KEYS, chatty
from chat.paths import prefix
from chat.web.page_files import ENTRY, IMPORTED_STYLE, imports_keep_their_names

TAG = "chat"
NEEDED = ("django.contrib.auth", "django.contrib.contenttypes", "django.contrib.staticfiles")
# The commands `runserver` that answer HTTP only.
WITHOUT_SOCKETS = ("django.core", "django.contrib.staticfiles")
DOCUMENT = "Chatty's docs/embedding.md"


def check_settings(**_: Any) -> list[CheckMessage]:
    """Checks the dict `CHATTY`: chat.E001 is no dict, chat.E002 a key that isn't known, chat.E003 a wrong value."""
    values = getattr(settings, "CHATTY", {})
    if not isinstance(values, dict):
        return [Error(f"CHATTY is {values!r}; expected a dict.", id="chat.E001")]
    problems: list[CheckMessage] = []
    for name, value in values.items():
        if (key := KEYS.get(name)) is None:
            hint = f"The keys are {', '.join(KEYS)}."
            problems.append(Error(f"CHATTY has no key {name!r}.", hint=hint, id="chat.E002"))
        elif not key.accepts(value):
            problems.append(Error(f"CHATTY[{name!r}] is {value!r}; expected {key.expected}.", id="chat.E003"))
    return problems


def check_applications(**_: Any) -> list[CheckMessage]:
    """chat.E004: an application of Django's that Chatty needs isn't installed."""
    return [
        Error(
            f"INSTALLED_APPS has no {name!r}, which Chatty needs.",
            hint=f"Add {name!r} to INSTALLED_APPS.",
            id="chat.E004",
        )
        for name in NEEDED
        if not apps.is_installed(name)
    ]


def check_urls(**_: Any) -> list[CheckMessage]:
    """chat.E005: the pages have no address."""
    try:
        prefix()
    except NoReverseMatch:
        hint = 'Add path("talk/", include("chat.urls")) to the urlpatterns of ROOT_URLCONF; "talk/" is yours to choose.'
        return [Error("The site's URLs don't include Chatty's pages.", hint=hint, id="chat.E005")]
    return []


def check_files(**_: Any) -> list[CheckMessage]:
    """chat.E006: the templates aren't found. chat.E007: the static files aren't."""
    problems: list[CheckMessage] = []
    try:
        get_template("chat/room.html")
    except TemplateDoesNotExist:
        hint = 'Set "APP_DIRS": True for the backend DjangoTemplates in TEMPLATES.'
        problems.append(Error("Chatty's template chat/room.html isn't found.", hint=hint, id="chat.E006"))
    if missing := [name for name in (ENTRY, IMPORTED_STYLE) if finders.find(name) is None]:
        hint = "Add django.contrib.staticfiles.finders.AppDirectoriesFinder to STATICFILES_FINDERS."
        problems.append(Error(f"Chatty's static file {missing[0]} isn't found.", hint=hint, id="chat.E007"))
    return problems


def check_database(**_: Any) -> list[CheckMessage]:
    """chat.E008: the default database can't hold the log."""
    from django.db import connection  # The settings of the databases are read here.

    if connection.vendor not in ("sqlite", "postgresql"):
        message = f"The default database is {connection.vendor}; Chatty expected PostgreSQL or SQLite."
        return [Error(message, hint='Use one of these for DATABASES["default"].', id="chat.E008")]
    if connection.vendor == "postgresql" and find_spec("psycopg") is None:
        message = "The default database is reached with psycopg2; Chatty expected psycopg 3."
        return [Error(message, hint='Run pip install "psycopg[binary]>=3.2"; Django then uses it.', id="chat.E008")]
    return []


def check_layers(**_: Any) -> list[CheckMessage]:
    """chat.E009: a Redis has no channel layer. chat.W003: several processes would each have rooms of their own."""
    if check_settings():
        return []
    layers = getattr(settings, "CHANNEL_LAYERS", {})
    urls = chatty.REDIS_URLS
    wanted = ["default", *(f"redis-{number}" for number in range(2, len(urls) + 1))]
    if urls:
        return [
            Error(
                f"CHANNEL_LAYERS has no layer {alias!r} for CHATTY['REDIS_URLS'][{number}].",
                hint=f"Add one with channels_redis.pubsub.RedisPubSubChannelLayer: {DOCUMENT} has an example.",
                id="chat.E009",
            )
            for number, alias in enumerate(wanted)
            if alias not in layers
        ]
    if "redis" not in str(layers.get("default", {}).get("BACKEND", "")):
        return []
    message = "CHANNEL_LAYERS uses Redis but CHATTY['REDIS_URLS'] is empty: each process would have its own people."
    hint = "Set CHATTY['REDIS_URLS'] to the Redis of the default layer, or run one process and silence this warning."
    return [Warning(message, hint=hint, id="chat.W003")]


def check_server(**_: Any) -> list[CheckMessage]:
    """chat.W001: no ASGI application. chat.W002: `manage.py runserver` opens no sockets."""
    problems: list[CheckMessage] = []
    if not getattr(settings, "ASGI_APPLICATION", None):
        hint = f'Set ASGI_APPLICATION = "mysite.asgi.application". {DOCUMENT} has the lines of mysite/asgi.py.'
        problems.append(Warning("ASGI_APPLICATION isn't set: the rooms need sockets.", hint=hint, id="chat.W001"))
    elif settings.DEBUG and get_commands().get("runserver") in WITHOUT_SOCKETS:
        hint = "Put 'daphne' first in INSTALLED_APPS, or start an ASGI server instead and silence this warning."
        problems.append(Warning("manage.py runserver opens no sockets.", hint=hint, id="chat.W002"))
    return problems


def check_sign_in(**_: Any) -> list[CheckMessage]:
    """chat.W004: the site's users can't be recognised, although AUTHENTICATE asks for them."""
    if check_settings() or check_applications():
        return []
    by_account = KEYS["AUTHENTICATE"].default
    if by_account != chatty.AUTHENTICATE:
        return []
    from django.contrib.auth.middleware import AuthenticationMiddleware  # It needs the application of accounts.
    from django.contrib.sessions.middleware import SessionMiddleware

    missing = [needed for needed in (SessionMiddleware, AuthenticationMiddleware) if not _has_middleware(needed)]
    return [
        Warning(
            f"MIDDLEWARE has no {needed.__name__}: nobody can sign in, so everybody in a room is a guest.",
            hint=f"Add '{needed.__module__}.{needed.__name__}' to MIDDLEWARE, or set CHATTY['AUTHENTICATE'] to "
            "'chat.access.authentication.guest'.",
            id="chat.W004",
        )
        for needed in missing
    ]


def _has_middleware(needed: type) -> bool:
    return any(isinstance(found, type) and issubclass(found, needed) for found in _middleware())


def _middleware() -> Iterator[Any]:
    for name in settings.MIDDLEWARE:
        try:
            yield import_string(name)
        except ImportError:  # Django says so itself.
            continue


def check_routing(**_: Any) -> list[CheckMessage]:
    """chat.W005, before a deployment: the ASGI application doesn't know Chatty's sockets. It is imported for that."""
    name = getattr(settings, "ASGI_APPLICATION", None)
    if not name:
        return []
    import_string(name)
    if "chat.routing" in sys.modules:
        return []
    hint = f"Add chat.routing's websocket_urlpatterns and http_urlpatterns to it: {DOCUMENT} has the lines."
    return [Warning(f"{name} doesn't use chat.routing: the rooms' sockets have no address.", hint=hint, id="chat.W005")]


def check_sqlite(**_: Any) -> list[CheckMessage]:
    """chat.W006, before a deployment: SQLite's transactions fail if others write at the same time."""
    from django.db import connection

    options = connection.settings_dict.get("OPTIONS", {})
    if connection.vendor != "sqlite" or options.get("transaction_mode", "").upper() == "IMMEDIATE":
        return []
    message = "SQLite's transactions don't take their lock at the start, so posts fail while something else writes."
    hint = f'Set DATABASES["default"]["OPTIONS"]["transaction_mode"] = "IMMEDIATE". {DOCUMENT} has all options.'
    return [Warning(message, hint=hint, id="chat.W006")]


def check_storage(**_: Any) -> list[CheckMessage]:
    """chat.W007, before a deployment: scripts import files without a hash, which browsers may have of another build."""
    if not imports_keep_their_names():
        return []
    message = "The static files have hashed names, but scripts' imports don't: a page may mix two builds of Chatty."
    hint = f"Set support_js_module_import_aggregation = True in a subclass of the storage: {DOCUMENT} has an example."
    return [Warning(message, hint=hint, id="chat.W007")]


ALWAYS = (
    check_settings,
    check_applications,
    check_urls,
    check_files,
    check_database,
    check_layers,
    check_server,
    check_sign_in,
)
BEFORE_A_DEPLOYMENT = (check_routing, check_sqlite, check_storage)


def register_checks() -> None:
    """Called once, when Django has loaded the application."""
    for check in ALWAYS:
        register(check, TAG)
    for check in BEFORE_A_DEPLOYMENT:
        register(check, TAG, deploy=True)
