"""`/embed.js`, the room's page in a chosen language, and which sites may frame it."""

import gzip
import re
from typing import Any

import pytest
from django.test import Client

from chat.web.embedding import ELEMENT
from tests.servers import ROOT

SCRIPT = (ROOT / "static" / ELEMENT).read_bytes()
WITHOUT_CSP = "chat.web.headers.SecurityHeaders"


@pytest.fixture
def client() -> Client:
    return Client()


def test_the_script_is_small_and_any_site_may_load_it(client: Client) -> None:
    answer = client.get("/embed.js", headers={"accept-encoding": "gzip"})
    assert gzip.decompress(answer.content) == SCRIPT
    assert len(answer.content) < 5_000
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "public" in answer["Cache-Control"]
    assert not answer.cookies
    assert client.get("/embed.js").content == SCRIPT
    assert client.get("/embed.js", headers={"if-none-match": answer["ETag"]}).status_code == 304


def test_the_script_keeps_nothing_and_makes_no_global() -> None:
    text = SCRIPT.decode()
    assert not re.search(r"\bcookie\b|Storage\b|\bwindow\b|globalThis|\binnerHTML\b", text)
    assert text[text.index("*/") + 2 :].strip().startswith("(() => {")


def test_the_site_chooses_the_language_of_the_page(client: Client) -> None:
    german = {"accept-language": "de"}
    plain, chosen = client.get("/chatty", headers=german), client.get("/chatty?embed=1&lang=en", headers=german)
    assert (plain["Content-Language"], chosen["Content-Language"]) == ("de", "en")
    assert b'<html lang="en"' in chosen.content
    assert chosen["ETag"] != plain["ETag"]
    for unknown in ("xx", "../de", ""):
        assert client.get(f"/chatty?lang={unknown}", headers=german).content == plain.content
    assert client.get("/chatty?embed=1&theme=dark", headers=german).content == plain.content, "caches may keep it"


@pytest.mark.parametrize(
    ("ancestors", "word"),
    [
        (["'none'"], "DENY"),
        ([], "DENY"),
        (["'self'"], "SAMEORIGIN"),
        (["https://shop.example"], None),
        (["'self'", "https://shop.example"], None),
    ],
)
@pytest.mark.parametrize("has_policy", [True, False])
def test_only_the_named_sites_may_frame_a_room(
    client: Client, settings: Any, ancestors: list[str], word: str | None, has_policy: bool
) -> None:
    """Whatever the host says of its other pages, and also if it has no Content-Security-Policy."""
    settings.CHATTY = {"FRAME_ANCESTORS": ancestors}
    middleware = [name for name in settings.MIDDLEWARE if "Clickjacking" not in name]
    middleware.append("django.middleware.clickjacking.XFrameOptionsMiddleware")
    settings.MIDDLEWARE = middleware if has_policy else [name for name in middleware if name != WITHOUT_CSP]
    settings.X_FRAME_OPTIONS = "DENY"
    room, other = client.get("/chatty?embed=1"), client.get("/offline")
    assert room.get("X-Frame-Options") == word
    assert other["X-Frame-Options"] == "DENY"
    expected = " ".join(["frame-ancestors", *(ancestors or ["'none'"])])
    assert expected in [part.strip() for part in room["Content-Security-Policy"].split(";")]
    if has_policy:
        assert "script-src 'self'" in room["Content-Security-Policy"]


@pytest.mark.django_db
def test_no_site_may_frame_the_moderators_pages(client: Client, settings: Any) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Clickjacking" not in name]
    answer = client.get("/admin/login/")
    assert answer["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
