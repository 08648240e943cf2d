"""The application's settings: their defaults and system checks."""

import re
from ipaddress import ip_network
from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import Client

from chat.conf import KEYS, chatty
from tests.servers import ROOT


def ids() -> list[str]:
    return [problem.id or "" for problem in run_checks() if (problem.id or "").startswith("chat.")]


def test_every_key_has_a_default_that_the_checks_accept(settings: Any) -> None:
    del settings.CHATTY
    assert {name: getattr(chatty, name) for name in KEYS} == {name: key.default for name, key in KEYS.items()}
    settings.CHATTY = {name: key.default for name, key in KEYS.items()}
    assert ids() == []


def test_a_project_sets_what_it_wants_to_change(settings: Any) -> None:
    settings.CHATTY = {"POST_LIMIT": (5, 1)}
    assert chatty.POST_LIMIT == (5, 1)
    assert KEYS["COMMAND_LIMIT"].default == chatty.COMMAND_LIMIT


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (["POST_LIMIT"], ["chat.E001"]),
        ({"POST_LIMITS": (5, 1)}, ["chat.E002"]),
        ({"POST_LIMIT": 5}, ["chat.E003"]),
        ({"POST_LIMIT": (5, -1)}, ["chat.E003"]),
        ({"RESUME_LIMIT": 0}, ["chat.E003"]),
        ({"AUTHENTICATE": "chat.access.authentication.nobody"}, ["chat.E003"]),
        ({"AUTHENTICATE": print}, ["chat.E003"]),
        ({"CAN_JOIN": "chat.nowhere"}, ["chat.E003"]),
        ({"EMBED_KEYS": {"shop": ["s" * 32, "é" * 16]}}, []),
        ({"EMBED_KEYS": {"shop": "s" * 32}}, ["chat.E003"]),
        ({"EMBED_KEYS": {"shop": ["s" * 31]}}, ["chat.E003"]),
        ({"EMBED_KEYS": {"our shop": ["s" * 32]}}, ["chat.E003"]),
        ({"EMBED_KEYS": ["shop"]}, ["chat.E003"]),
        ({"FRAME_ANCESTORS": "'self'"}, ["chat.E003"]),
        ({"CAN_JOIN": ""}, []),
        ({"CAN_JOIN": "chat.access.policy.can_read"}, []),
        ({"MAX_CONNECTIONS_PER_MEMBER": True}, ["chat.E003"]),
        ({"TRUSTED_PROXIES": ["10.0.0.0/8"]}, ["chat.E003"]),
        ({"TRUSTED_PROXIES": [ip_network("10.0.0.0/8")], "SOCKET_URL": None}, ["chat.E003"]),
        ({"ALLOWED_ORIGINS": "https://a.example", "UNSENT_LIMIT": "1"}, ["chat.E003", "chat.E003"]),
    ],
)
def test_what_is_wrong_is_named(settings: Any, value: Any, expected: list[str]) -> None:
    settings.CHATTY = value
    assert ids() == expected


def test_the_application_reads_no_environment() -> None:
    """What differs between installations comes from Django's settings. The project reads the environment."""
    scripts = (ROOT / "chat").rglob("*.py")
    assert [script.name for script in scripts if re.search(r"\b(environb?|getenvb?)\b", script.read_text())] == []


def test_stand_alone_the_admin_is_chattys() -> None:
    page = Client().get("/admin/login/").content.decode()
    assert "<title>Log in | Chatty</title>" in page


def test_a_name_that_is_no_key_is_an_error() -> None:
    with pytest.raises(AttributeError):
        chatty.POST_LIMITS  # noqa: B018
