"""A cached page of an older build, on a server with only the newest build's files."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Request, Route

from tests.browser.person import Person
from tests.servers import ChattyServer

Make = Callable[..., Person]

HASH = re.compile(r"(/static/[^\"']+)\.[0-9a-f]{12}(\.\w+)")
LOADED_AGAIN = "(times) => performance.getEntriesByType('navigation')[0].name.includes(`fresh=${times}-`)"
OF_ANOTHER_BUILD = r"\1.0123456789ab\2"


def keep_older_page(page: Page, wanted: str, *, for_ever: bool = False) -> list[str]:
    """A cache before the server: its page asks for files of another build, those whose path matches `wanted`.

    It has the page under its own address; `for_ever`: under every other one as well. Returns what the page loads.
    """
    loads: list[str] = []

    def answer(route: Route) -> None:
        if route.request.resource_type == "document":
            loads.append(route.request.url)
        if "fresh=" in route.request.url and not for_ever:
            route.continue_()
            return
        fetched = route.fetch()
        older = HASH.sub(
            lambda found: found.expand(OF_ANOTHER_BUILD) if re.search(wanted, found[0]) else found[0], fetched.text()
        )
        route.fulfill(response=fetched, body=older)

    page.route(re.compile(r"/chatty(/|\?|$)"), answer)
    return loads


@pytest.mark.parametrize(
    "wanted",
    [r"\.(js|css|svg|png)$", r"/page\..*js$", r"/fresh-page\..*|/page\..*js$", r"/page\..*css$"],
    ids=["everything", "the scripts", "the script that recovers", "the stylesheets"],
)
def test_an_older_page_whose_files_are_gone_loads_itself_again(visitor: Make, wanted: str) -> None:
    expect_a_fresh_page(visitor(), wanted)


@pytest.mark.parametrize(
    "wanted",
    [r"/kit/words\.", r"/main\.", r"/fresh-page\..*|/kit/dom\.", r"/layout\..*css$"],
    ids=["one module", "the entry", "the script that recovers", "a stylesheet"],
)
def test_an_older_page_without_a_bundle_does_so_too(
    visitor: Make, unbundled_server: ChattyServer, room: str, wanted: str
) -> None:
    expect_a_fresh_page(visitor(url=f"{unbundled_server.http_url}/chatty/{room}"), wanted)


def expect_a_fresh_page(ann: Person, wanted: str) -> None:
    """Opens a page whose `wanted` files are of an older build."""
    loads = keep_older_page(ann.page, wanted)
    ann.open("?q=1#1").page.wait_for_function(LOADED_AGAIN, arg=1)
    ann.enter("Ann").say("here I am")
    assert len(loads) == 2
    assert ann.page.url.partition("?")[2].startswith("q=1")
    assert "fresh" not in ann.page.url
    assert ann.run("() => getComputedStyle(document.querySelector('.app')).display") == "flex"


def test_a_page_whose_files_stay_away_stops_trying(visitor: Make) -> None:
    ann = visitor()
    loads = keep_older_page(ann.page, r"/page\..*js$", for_ever=True)
    ann.page.add_init_script("const wait = setTimeout; setTimeout = (work) => wait(work, 0);")  # No pauses.
    ann.open()
    ann.page.wait_for_function(LOADED_AGAIN, arg=3)
    ann.page.wait_for_load_state("load")
    assert ann.run("async () => (await fetch('/healthz')).status") == 200  # It is still here.
    assert len(loads) == 4
    assert "fresh" not in ann.page.url


def test_a_file_that_the_browser_blocks_is_no_reason_to_load_again(visitor: Make) -> None:
    ann = visitor()
    loads: list[str] = []

    def note(request: Request) -> None:
        if request.resource_type == "document":
            loads.append(request.url)

    ann.page.on("request", note)
    ann.page.route(re.compile(r"/page\..*css"), lambda route: route.abort("blockedbyclient"))
    ann.open().enter("Ann")
    assert len(loads) == 1


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("chat/js/connection/fresh-page.0123456789ab.js", r"/static/chat/js/connection/fresh-page\.[0-9a-f]{12}\.js"),
        ("chat/img/icon.0123456789ab.svg", r"/static/chat/img/icon\.[0-9a-f]{12}\.svg"),
        ("chat/js/app/main.0123456789ab.js", None),
        ("chat/css/shell/layout.0123456789ab.css", None),
        ("chat/img/nothing.0123456789ab.svg", None),
        ("chat/js/none.js", None),
    ],
)
def test_files_of_another_build_are_gone_but_those_that_need_no_others(
    page: Page, server: ChattyServer, path: str, leads_to: str | None
) -> None:
    answer = page.request.get(f"{server.http_url}/static/{path}", max_redirects=0)
    assert answer.headers["cache-control"] == "no-store"
    if leads_to is None:
        assert answer.status == 404
    else:
        assert answer.status == 302
        assert re.fullmatch(leads_to, answer.headers["location"])
        assert page.request.get(server.http_url + answer.headers["location"]).ok
