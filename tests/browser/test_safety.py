"""Others' input stays text, and the page itself obeys its Content-Security-Policy.

All other browser tests check the policy, too: `visitor` fails a test in which the page broke it.
"""

import json
import re
import time
import unicodedata
import uuid
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Dialog, expect
from websockets.sync.client import connect

from chat.content.validation import clean_body
from tests import xss
from tests.browser.person import Person
from tests.servers import ChattyServer

Make = Callable[..., Person]


def speak(server: ChattyServer, room: str, name: str, body: str) -> None:
    """Somebody comes under that name, types, says that, and goes: a plain client that minds no page's rules."""
    with httpx.Client(base_url=server.http_url, trust_env=False, timeout=60) as http:
        info = http.get("/get_user_info.json").json()
    with connect(f"{info['socketURL']}/{room}", proxy=None) as socket:

        def ask(kind: str, **command: Any) -> dict[str, Any]:
            while True:
                socket.send(json.dumps(command))
                while True:
                    events: dict[str, dict[str, Any]] = {
                        event["type"]: event for event in json.loads(socket.recv(timeout=60))
                    }
                    if kind in events:
                        return events[kind]
                    if "refused" in events:
                        assert events["refused"]["code"] == "rate_limited", events
                        time.sleep(events["refused"]["retry_after"])
                        break

        ask("welcome", type="join", token=info["token"], name=name, v=1)
        ask("typing", type="typing")
        ask("message", type="post", nonce=str(uuid.uuid4()), body=body)


def as_name(payload: str) -> str:
    """The beginning of the payload, as far as a name can hold it."""
    printable = "".join(character for character in payload if character.isprintable() or character == " ")
    return unicodedata.normalize("NFC", printable[:40]).strip()


def as_shown(payload: str) -> str:
    """The payload without control characters, and without the signs of markup that are in some: code, and one link."""
    return re.sub(r"`([^`]*[^`\s][^`]*)`", r"\1", re.sub(r"\[x\]\(https:[^)]*\)", "x", clean_body(payload)))


@pytest.mark.long
def test_no_payload_as_body_or_name_becomes_more_than_text(person: Make, server: ChattyServer, room: str) -> None:
    ann = person("Ann")
    dialogs: list[str] = []

    def dismiss(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    ann.page.on("dialog", dismiss)
    scripts = ann.page.locator("script").count()

    for payload in xss.PAYLOADS:
        speak(server, room, as_name(payload), payload)
    expect(ann.messages).to_have_count(len(xss.PAYLOADS))

    shown = ann.messages.evaluate_all(
        "all => all.map(each => ['.message-name', '.message-body'].map(part => each.querySelector(part).textContent))"
    )
    assert [name.split() for name, _ in shown] == [as_name(payload).split() for payload in xss.PAYLOADS]
    assert [body.split() for _, body in shown] == [as_shown(payload).split() for payload in xss.PAYLOADS]
    assert ann.page.locator(".message-body :not(p, br, a, code)").count() == 0
    hrefs = ann.page.locator(".message-body a").evaluate_all("links => links.map(link => link.href)")
    assert hrefs
    assert all(re.match("https?://|mailto:", href) for href in hrefs), hrefs
    assert ann.page.locator("script").count() == scripts

    # Each name once where names go: the filter's banner, and as the address of a filter.
    authors = ann.messages.evaluate_all("all => all.map(each => each.dataset.author)")
    banner = ann.page.locator("[data-module=filter-banner]")
    for fragment in [*authors, *map(quote, xss.PAYLOADS), *xss.PAYLOADS]:
        ann.run("fragment => { location.hash = '#users/' + fragment }", fragment)
    ann.run("id => { location.hash = '#users/' + id }", authors[0])
    expect(banner).to_contain_text(as_name(xss.PAYLOADS[0]))
    ann.reload().wait_until_joined()
    expect(banner).to_be_visible()

    assert ann.run("window.__xss") is None
    assert dialogs == []


def without_room(page: str) -> str:
    """A page for a wrong address, without the link to the room that was meant: that has only a slug's letters."""
    link = r'<a class="offline-again" href="/chatty/([a-z0-9-]{1,50})">Go to #\1</a>'
    return re.sub(link, "", page).replace("offline-again offline-other", "offline-again")


def test_no_payload_as_a_room_becomes_more_than_a_page_that_is_not_there(visitor: Make, server: ChattyServer) -> None:
    with httpx.Client(base_url=server.http_url, trust_env=False, timeout=60) as http:
        nothing = without_room(http.get("/chatty/No_Room").text)
        for payload in set(xss.PAYLOADS) - {"constructor"}:  # That one is a room like any other.
            answer = http.get(f"/chatty/{quote(payload, safe='')}")
            assert (answer.status_code, without_room(answer.text)) == (404, nothing), payload
    somebody = visitor()
    for payload in (xss.TAGS[0], xss.HANDLERS[0], xss.LINKS[0], xss.UNICODE[0]):
        page = somebody.page.goto(f"{server.http_url}/chatty/{quote(payload, safe='')}")
        assert page
        assert page.status == 404
        assert somebody.run("window.__xss") is None


def test_an_ordinary_session_needs_nothing_that_the_policy_forbids(person: Make) -> None:
    ann = person("Ann", viewport={"width": 390, "height": 780})
    bob = person("Bob").say("see https://example.com")
    ann.say("hello")
    ann.page.locator(".room-head [data-slot=menu]").click()
    ann.page.get_by_role("menuitemradio", name="Theme: Dark").click()
    ann.page.get_by_role("button", name="Show rooms and people").click()
    ann.filter_by("Bob")
    expect(ann.messages).to_have_count(1)
    ann.page.context.set_offline(True)
    expect(ann.bar).to_be_visible()
    ann.page.context.set_offline(False)
    ann.wait_until_joined()
    ann.page.get_by_role("button", name="Show rooms and people").click()
    ann.page.get_by_role("button", name="Change your name").click()
    ann.name_field.fill("Anna")
    ann.name_field.press("Enter")
    expect(bob.member("Anna")).to_be_visible()


HOLES = [
    ("require-trusted-types-for", "body.innerHTML = '<img src=x onerror=window.__xss=1>'"),
    ("require-trusted-types-for", "body.setAttribute('onclick', 'window.__xss=1'); body.click()"),
    ("require-trusted-types-for", "setTimeout('window.__xss=1')"),
    ("trusted-types", "trustedTypes.createPolicy('mine', { createHTML: text => text })"),
    ("script-src-elem", "location.href = 'javascript:window.__xss=1'"),
    ("require-trusted-types-for", "add('script', {}).append('window.__xss=1')"),
    ("style-src-attr", "body.setAttribute('style', 'display: none')"),
    ("img-src", "add('img', { src: 'https://example.com/x.png' })"),
    ("frame-src", "add('iframe', { src: '/chatty' })"),
    ("base-uri", "add('base', { href: 'https://example.com/' })"),
    ("connect-src", "fetch('https://example.com/').catch(() => {})"),
    ("connect-src", "new WebSocket('wss://example.com/')"),
    ("form-action", "add('form', { action: 'https://example.com/' }).submit()"),
]
TRY = """() => new Promise((stopped) => {
  document.addEventListener("securitypolicyviolation", (event) => stopped(event.effectiveDirective), { once: true });
  const body = document.body;
  const add = (name, fields) => {
    const element = Object.assign(document.createElement(name), fields);
    body.append(element);
    return element;
  };
  setTimeout(() => { HOLE });
})"""


def test_the_policy_stops_what_a_hole_in_the_page_would_let_in(person: Make) -> None:
    ann = person("Ann")
    ann.expects_errors = True
    for directive, hole in HOLES:
        assert ann.run(TRY.replace("HOLE", hole)) == directive, hole
    assert ann.run("window.__xss") is None
