"""The system checks of what Chatty needs of its host: each says what is missing."""

import re
import sys
from typing import Any

import pytest
from django.apps import apps
from django.core.checks import CheckMessage, run_checks
from django.db import connection

from chat import checks
from tests.servers import ROOT

ACCOUNT = {"AUTHENTICATE": "chat.access.authentication.account"}
REDIS = {"BACKEND": "channels_redis.core.RedisChannelLayer"}
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
SIGN_IN = "django.contrib.auth.middleware.AuthenticationMiddleware"


def problems(deploy: bool = False) -> list[CheckMessage]:
    return run_checks(tags=[checks.TAG], include_deployment_checks=deploy)


def ids(deploy: bool = False) -> list[str]:
    found = problems(deploy)
    assert all(problem.hint for problem in found), "each says how to fix it"
    return [problem.id or "" for problem in found]


def test_the_project_lacks_nothing() -> None:
    assert ids(deploy=True) == []


def test_every_check_is_documented() -> None:
    known = set(re.findall(r'id="(chat\.\w+)"', (ROOT / "chat/checks.py").read_text()))
    assert known == set(re.findall(r"`(chat\.[EW]\d+)`", (ROOT / "docs/embedding.md").read_text()))


@pytest.mark.parametrize("name", checks.NEEDED)
def test_an_application_of_djangos_is_missing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    is_installed = apps.is_installed
    monkeypatch.setattr(apps, "is_installed", lambda app: app != name and is_installed(app))
    assert ids() == ["chat.E004"]


class NoUrls:
    urlpatterns: list[Any] = []


def test_the_urls_lack_the_pages(settings: Any) -> None:
    settings.ROOT_URLCONF = NoUrls
    assert ids() == ["chat.E005"]


def test_the_templates_are_not_found(settings: Any) -> None:
    settings.TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
    assert ids() == ["chat.E006"]


def test_the_static_files_are_not_found(settings: Any) -> None:
    settings.STATICFILES_DIRS = []
    assert ids() == ["chat.E007"]


def test_another_kind_of_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "mysql")
    assert ids() == ["chat.E008"]


def test_an_old_driver_of_postgresql(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "vendor", "postgresql")
    assert ids() == []
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert ids() == ["chat.E008"]


@pytest.mark.parametrize(
    ("urls", "layers", "expected"),
    [
        (["redis://a"], {"default": REDIS}, []),
        (["redis://a"], {}, ["chat.E009"]),
        (["redis://a", "redis://b"], {"default": REDIS}, ["chat.E009"]),
        (["redis://a", "redis://b"], {"default": REDIS, "redis-2": REDIS}, []),
        ([], {"default": REDIS}, ["chat.W003"]),
        ([], {"other": REDIS}, []),
        ([], {}, []),
    ],
)
def test_each_redis_has_its_layer(settings: Any, urls: list[str], layers: dict[str, Any], expected: list[str]) -> None:
    settings.CHATTY = {**settings.CHATTY, "REDIS_URLS": urls}
    settings.CHANNEL_LAYERS = layers
    assert ids() == expected


def test_no_asgi_application(settings: Any) -> None:
    settings.ASGI_APPLICATION = None
    assert ids(deploy=True) == ["chat.W001"]


def test_a_runserver_without_sockets(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "get_commands", lambda: {"runserver": "django.contrib.staticfiles"})
    settings.DEBUG = True
    assert ids() == ["chat.W002"]
    settings.DEBUG = False
    assert ids() == []


@pytest.mark.parametrize(
    ("middleware", "expected"),
    [([SESSIONS, SIGN_IN], 0), ([SIGN_IN], 1), ([SESSIONS, "nowhere.at_all"], 1), ([], 2)],
)
def test_nobody_can_be_signed_in(settings: Any, middleware: list[str], expected: int) -> None:
    settings.MIDDLEWARE = middleware
    assert ids() == [], "only moderators sign in"
    settings.CHATTY = ACCOUNT
    assert ids() == ["chat.W004"] * expected


def test_middleware_of_the_hosts_own_counts(settings: Any) -> None:
    settings.CHATTY = ACCOUNT
    assert ids() == [], "Chatty's own are subclasses"


async def other_application(scope: Any, receive: Any, send: Any) -> None:
    """One without our sockets."""


def test_the_application_has_other_sockets_only(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ASGI_APPLICATION = f"{__name__}.other_application"
    monkeypatch.delitem(sys.modules, "chat.routing", raising=False)
    assert ids(deploy=True) == ["chat.W005"]


def test_sqlite_without_a_lock_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", {})
    assert ids(deploy=True) == ["chat.W006"]


def test_hashed_names_that_imports_dont_have(settings: Any) -> None:
    backend = "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
    settings.STORAGES = {**settings.STORAGES, "staticfiles": {"BACKEND": backend}}
    assert ids(deploy=True) == ["chat.W007"]


def test_with_wrong_settings_nothing_else_is_looked_at(settings: Any) -> None:
    settings.CHATTY = []
    assert [problem.id for problem in problems()] == ["chat.E001"]
