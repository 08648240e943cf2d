"""Programs in a room: bots and webhooks, as people see them; and the dialog that manages webhooks."""

import json
import re
import uuid
from collections.abc import Callable

import httpx
from playwright.sync_api import Locator, expect

from tests import servers
from tests.browser.accessibility import assert_accessible
from tests.browser.person import Person
from tests.browser.test_amending import choose as choose_for
from tests.browser.test_attention import NOTIFICATION, choose, wait_for_notification
from tests.servers import ChattyServer

Make = Callable[..., Person]


def new_bot(server: ChattyServer, name: str) -> str:
    """The token of a bot."""
    settings = {"DATABASE_URL": server.settings["DATABASE_URL"], "SECRET_KEY": servers.SECRET_KEY}
    return servers.manage("bot", "create", name, **settings).splitlines()[-1]


def make_room(server: ChattyServer, somebody: Person, room: str) -> None:
    """Makes the room that somebody is about to enter theirs."""
    token = somebody.run("() => JSON.parse(localStorage.getItem('chatty.identity')).token")
    command = {"type": "make", "slug": room, "title": "Builds"}
    headers = {"Authorization": f"Bearer {token}"}
    made = httpx.post(f"{server.http_url}/chatty/{room}/commands", json=command, headers=headers, trust_env=False)
    assert made.status_code == 200, made.text


def dialog(somebody: Person) -> Locator:
    return somebody.page.get_by_role("dialog", name="Webhooks")


def open_hooks(somebody: Person) -> Locator:
    header = somebody.page.locator("[data-module=room-header]")
    header.get_by_role("button", name=re.compile("^More")).click()
    somebody.page.get_by_role("menuitem", name="Webhooks…").click()
    expect(dialog(somebody)).to_be_visible()
    return dialog(somebody)


def test_a_bot_is_marked_in_the_list_and_on_its_messages_and_is_not_counted(
    person: Make, server: ChattyServer, room: str
) -> None:
    name = f"Aaron {uuid.uuid4().hex[:6]}"  # Before everybody, if it were a person.
    token = new_bot(server, name)
    headers = {"Authorization": f"Bearer {token}"}
    ann = person("Ann")
    bob = person("Bob")
    base = f"{server.http_url}/chatty/{room}"
    with (
        httpx.Client(trust_env=False, headers=headers) as http,
        http.stream("GET", f"{base}/events", params={"name": "x"}) as events,
    ):
        assert events.status_code == 200
        for somebody in (ann, bob):
            expect(somebody.member(name).locator(".bot")).to_have_text("Bot")
            expect(somebody.page.locator("[data-slot=members] li").last.locator("bdi")).to_have_text(name)
            expect(somebody.page.locator(".roster-title [data-slot=count]")).to_have_text("2")
            expect(somebody.page.locator(".roster-rest")).to_be_hidden()
        command = {"type": "post", "nonce": str(uuid.uuid4()), "body": "I am a program"}
        assert http.post(f"{base}/commands", content=json.dumps(command)).status_code == 200
    ann.say("I am not")
    expect(bob.message("I am a program").locator(".message-head .bot")).to_be_visible()
    expect(bob.message("I am not").locator(".message-head .bot")).to_be_hidden()
    expect(ann.member("Bob").locator(".bot")).to_be_hidden()
    bob.reload()
    expect(bob.message("I am a program").locator(".message-head .bot")).to_be_visible()


def test_a_bot_is_marked_where_it_types_is_quoted_and_notifies(visitor: Make, server: ChattyServer, room: str) -> None:
    name = f"Robot {uuid.uuid4().hex[:6]}"
    headers = {"Authorization": f"Bearer {new_bot(server, name)}"}
    ann = visitor()
    ann.page.add_init_script(NOTIFICATION)
    ann.open().enter("Ann")
    base, session = f"{server.http_url}/chatty/{room}", str(uuid.uuid4())
    with (
        httpx.Client(trust_env=False, headers=headers, timeout=60) as http,
        http.stream("GET", f"{base}/events", params={"name": "x", "session": session}) as events,
    ):
        assert events.status_code == 200
        expect(ann.member(name)).to_be_visible()

        def send(**command: object) -> None:
            answer = http.post(f"{base}/commands", params={"session": session}, content=json.dumps(command))
            assert answer.status_code == 200, answer.text

        send(type="typing")
        expect(ann.page.locator(".typing.is-shown")).to_have_text(f"⁨⁨{name}⁩ (bot)⁩ is typing")
        ann.run("localStorage.setItem('test.answer', 'granted')")
        choose(ann, "Notifications: all messages")
        ann.look_away()
        send(type="post", nonce=str(uuid.uuid4()), body="beep")
        wait_for_notification(ann, "beep")
        assert f"{name} (bot) in " in ann.run("localStorage.getItem('test.shown')")
        ann.look_back()
    choose_for(ann, "beep", "Reply")
    replying = ann.page.locator("[data-module=replying]")
    expect(replying).to_have_text(re.compile(rf"Replying to .+{name}. \(bot\).: beep"))
    ann.say("and so on")
    expect(ann.message("and so on").locator(".message-quote .bot")).to_be_visible()
    choose_for(ann, "and so on", "Reply")
    ann.say("I am not")
    expect(ann.message("I am not").locator(".message-quote-author")).to_have_text("Ann")
    expect(ann.message("I am not").locator(".message-quote .bot")).to_be_hidden()


def test_a_rooms_creator_creates_a_webhook_sees_its_address_once_and_revokes_it(
    person: Make, server: ChattyServer, room: str
) -> None:
    ann = person("Ann")
    make_room(server, ann, room)
    ann.reload().wait_until_joined()
    hooks = open_hooks(ann)
    expect(hooks.get_by_text("This room has no webhooks.")).to_be_visible()
    hooks.get_by_role("button", name="Create").click()
    expect(hooks.get_by_role("status")).to_have_text("Use a name of up to 40 visible characters.")
    hooks.get_by_label("Name of a new webhook").fill("Build server")
    hooks.get_by_role("button", name="Create").click()
    address = hooks.get_by_label("Copy this address now. It is shown only once.")
    expect(address).to_have_value(re.compile(rf"^{re.escape(server.http_url)}/hooks/[\w-]{{43}}$"))
    assert_accessible(ann, "the dialog of webhooks")
    hooks.get_by_role("button", name="Copy").click()
    expect(hooks.get_by_role("status")).to_have_text(re.compile("Copied|copy it with your keyboard"))
    url = address.input_value()
    assert httpx.post(url, json={"text": "*Build* passed"}, trust_env=False).text == "ok"
    said = ann.message("Build passed")
    expect(said.locator(".message-head")).to_contain_text("Build server")
    expect(said.locator(".message-head .bot")).to_have_text("Bot")
    expect(said.locator("strong")).to_have_text("Build")

    ann.page.keyboard.press("Escape")
    expect(dialog(ann)).to_be_hidden()
    hooks = open_hooks(ann)
    expect(hooks.locator(".hook-name")).to_have_text(["Build server"])
    expect(address).to_be_hidden()
    expect(address).to_have_value("")
    hooks.get_by_role("button", name=re.compile("^Revoke .*Build server")).click()  # Isolated, between two marks.
    hooks.get_by_role("button", name="Revoke permanently").click()
    expect(hooks.get_by_role("status")).to_have_text("Webhook revoked")
    expect(hooks.locator(".hook-name")).to_have_count(0)
    assert httpx.post(url, json={"text": "again"}, trust_env=False).status_code == 404


def test_others_have_no_entry_for_webhooks(person: Make) -> None:
    eve = person("Eve")
    eve.page.locator("[data-module=room-header]").get_by_role("button", name=re.compile("^More")).click()
    expect(eve.page.get_by_role("menuitem", name="Formatting help")).to_be_visible()
    expect(eve.page.get_by_role("menuitem", name="Webhooks…")).to_be_hidden()
