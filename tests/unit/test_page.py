"""The page for caches on its way: what it depends on, and when it is still the same."""

import re

import pytest
from django.test import Client

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
    assert {part.strip() for part in answer["Vary"].split(",")} == {"Accept-Language", "Cookie"}
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
