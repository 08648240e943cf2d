"""Caching of the page: its Vary and ETag headers."""

import gzip
import re
from typing import Any

import pytest
from django.test import Client

from chat.web import room_page

GERMAN = {"accept-language": "de-AT,de;q=0.9,en;q=0.8"}


@pytest.fixture
def client() -> Client:
    return Client()


def lang(page: str) -> str:
    found = re.search(r'<html lang="([^"]+)"', page)
    assert found
    return found[1]


@pytest.mark.parametrize("path", ["/chatty", "/chatty/some-room", "/offline", "/worker.js"])
def test_what_is_kept_on_its_way_says_that_it_depends_on_the_language(client: Client, path: str) -> None:
    answer = client.get(path)
    assert {part.strip() for part in answer["Vary"].split(",")} - {"Accept-Encoding"} == {"Accept-Language", "Cookie"}
    assert not answer.cookies
    assert client.get(path, headers=GERMAN).content != answer.content


def test_the_language_chosen_comes_before_the_browsers_and_an_unknown_one_counts_for_nothing(client: Client) -> None:
    assert lang(client.get("/chatty").content.decode()) == "en"
    assert lang(client.get("/chatty", headers=GERMAN).content.decode()) == "de"
    assert lang(client.get("/chatty", headers={"accept-language": "tlh"}).content.decode()) == "en"
    client.cookies["django_language"] = "en"
    assert lang(client.get("/chatty", headers=GERMAN).content.decode()) == "en"
    client.cookies["django_language"] = "../../etc"
    assert lang(client.get("/chatty", headers=GERMAN).content.decode()) == "de"


def test_a_page_that_is_still_the_same_is_not_sent_again_but_in_another_language_it_is(client: Client) -> None:
    page = client.get("/chatty")
    again = client.get("/chatty", headers={"if-none-match": page["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("Vary", "Cache-Control", "Content-Security-Policy"):  # Browsers take these over into what they keep.
        assert again[name] == page[name]
    assert client.get("/chatty", headers={"if-none-match": page["ETag"], **GERMAN}).status_code == 200


def test_rooms_differ_in_their_address_alone(client: Client) -> None:
    one, other = client.get("/chatty/one").content, client.get("/chatty/the-other").content
    assert one.count(b"one") > 5
    assert b'data-room="one"' in one
    assert b'data-room="the-other"' in other
    assert b"0room" not in one


@pytest.mark.parametrize("slug", ["a", "some-room", "x" * 50])
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_is_compressed_for_clients_that_accept_it(client: Client, slug: str, language: str) -> None:
    said = {"accept-language": language}
    plain = client.get(f"/chatty/{slug}", headers=said)
    packed = client.get(f"/chatty/{slug}", headers={"accept-encoding": "br, gzip;q=0.8", **said})
    assert packed["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.content) == plain.content
    assert len(packed.content) < len(plain.content) / 3
    for refusal in ("", "identity", "gzip;q=0", "gzip; q=0.0, br"):
        assert "Content-Encoding" not in client.get("/chatty", headers={"accept-encoding": refusal}).headers


def test_the_page_is_rendered_once_for_a_language(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = []

    def render(*arguments: Any) -> str:
        rendered.append(arguments)
        return f"<html>{room_page._ROOM}</html>"

    monkeypatch.setattr(room_page, "render_to_string", render)
    room_page._page.cache_clear()
    try:
        for number in range(20):
            client.get(f"/chatty/room-{number}")
            client.get(f"/chatty/room-{number}", headers=GERMAN)
    finally:
        room_page._page.cache_clear()
    assert len(rendered) == 2
