"""The installed page without a network."""

from collections.abc import Callable, Iterator
from io import BytesIO

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.person import Person
from tests.servers import ChattyServer

Make = Callable[..., Person]

KEPT = """async () => {
    const stores = await Promise.all((await caches.keys()).map((name) => caches.open(name)));
    return (await Promise.all(stores.map((store) => store.keys()))).flat().map((request) => request.url);
}"""
IS_READY = "async () => Boolean((await navigator.serviceWorker.ready).active)"

PRELOADS = "async () => (await (await navigator.serviceWorker.ready).navigationPreload.getState()).enabled"


@pytest.fixture
def own_context(browser: Browser) -> Iterator[BrowserContext]:
    """One in which the worker may work; the others' block it."""
    with browser.new_context(locale="de") as context:
        yield context


def test_a_reload_without_a_network_says_so_and_comes_back_by_itself(
    visitor: Make, own_context: BrowserContext
) -> None:
    ann = visitor(context=own_context).open()
    page = ann.page
    page.get_by_role("textbox").first.fill("Anna")
    page.keyboard.press("Enter")
    ann.wait_until_joined()
    assert ann.run(IS_READY)
    assert not ann.run(PRELOADS)  # With it, Firefox doesn't show our page.
    page.get_by_role("textbox", name="Nachricht", exact=True).fill("noch nicht gesendet")

    page.context.set_offline(True)
    ann.reload()
    expect(page.get_by_role("heading", name="Chatty ist nicht erreichbar")).to_be_visible()
    assert (
        page.locator(".offline-again").evaluate("e => getComputedStyle(e).borderRadius") != "0px"
    )  # Its style is there.
    page.get_by_role("button", name="Erneut versuchen").click()
    expect(page.get_by_role("status")).to_have_text("Noch keine Antwort. Diese Seite versucht es weiter.")
    kept = ann.run(KEPT)
    assert kept
    assert not [url for url in kept if "/chatty" in url.replace("/static/chat/", "") or "user_info" in url]

    page.context.set_offline(False)
    ann.wait_until_joined()
    expect(page.get_by_role("textbox", name="Nachricht", exact=True)).to_have_value("noch nicht gesendet")


def test_an_attempt_without_an_answer_comes_to_its_end_and_is_followed_by_the_next(
    page: Page, server: ChattyServer
) -> None:
    held: list[Route] = []
    page.route("**/healthz", lambda route: held.append(route))
    page.goto(f"{server.http_url}/offline")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("status")).to_have_text("No response yet. This page keeps trying.", timeout=30_000)
    with page.expect_request("**/healthz"):
        pass  # The next attempt.


def test_the_manifest_names_icons_of_the_size_that_it_says(page: Page, server: ChattyServer) -> None:
    page.goto(f"{server.http_url}/chatty")
    answer = page.request.get(server.http_url + (page.locator("link[rel=manifest]").get_attribute("href") or ""))
    assert answer.headers["content-type"] == "application/manifest+json"
    manifest = answer.json()
    assert manifest["start_url"] == manifest["scope"] == "/chatty"
    assert {icon.get("purpose", "any") for icon in manifest["icons"]} == {"any", "maskable"}
    for icon in manifest["icons"]:
        image = page.request.get(server.http_url + icon["src"])
        assert image.ok
        assert image.headers["content-type"] == icon["type"]
        if icon["type"] == "image/png":
            header = BytesIO(image.body()).read(24)
            width, height = int.from_bytes(header[16:20]), int.from_bytes(header[20:24])
            assert f"{width}x{height}" == icon["sizes"]
