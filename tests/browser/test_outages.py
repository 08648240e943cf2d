"""The page during outages: offline, restarted, reloaded, without a database, too far behind."""

import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests import servers
from tests.browser.person import Person, Wire
from tests.servers import ChattyServer, PostgresServer, migrated

Make = Callable[..., Person]
OFFLINE_SECONDS = 30


def all_see(people: list[Person], bodies: list[str]) -> None:
    for somebody in people:
        expect(somebody.bar).to_be_hidden(timeout=30_000)
        expect(somebody.pending).to_have_count(0, timeout=30_000)
        expect(somebody.bodies).to_have_text(bodies, timeout=30_000)


@pytest.mark.long
def test_offline_restart_and_reload_lose_nothing_and_double_nothing(
    chatty_server: Callable[..., ChattyServer], visitor: Make
) -> None:
    server = chatty_server()
    ann, bob = (visitor(url=f"{server.http_url}/chatty/through").open().enter(name) for name in ("Ann", "Bob"))
    ann.say("before")
    ann.page.context.set_offline(True)
    expect(ann.bar).to_contain_text("offline")
    for number in range(3):
        ann.write(f"ann {number}").composer.press("Enter")
        bob.say(f"bob {number}")
    expect(ann.pending).to_have_count(3)
    ann.page.wait_for_timeout(OFFLINE_SECONDS * 1000)  # Long enough for both sides to have given the socket up.
    expect(ann.pending).to_have_count(3)

    server.kill()  # While one is offline and the other writes on.
    bob.write("bob, to nobody").composer.press("Enter")
    expect(bob.pending).to_have_count(1)
    ann.page.context.set_offline(False)
    ann.write("a draft")
    server.start()
    for somebody in (ann, bob):
        expect(somebody.bar).to_be_hidden(timeout=30_000)
        expect(somebody.pending).to_have_count(0, timeout=30_000)
        expect(somebody.messages).to_have_count(8)
    said = ann.bodies.all_inner_texts()
    assert said == bob.bodies.all_inner_texts()
    assert [body for body in said if body.startswith("ann")] == ["ann 0", "ann 1", "ann 2"]
    assert said[:4] == ["before", "bob 0", "bob 1", "bob 2"]

    server.kill()
    ann.composer.press("Enter")
    expect(ann.pending).to_have_count(1)
    server.start()
    ann.reload()  # With a message that waits.
    all_see([ann, bob], [*said, "a draft"])


def test_without_the_database_messages_wait_and_are_sent_once(
    own_postgres_server: PostgresServer, chatty_server: Callable[..., ChattyServer], visitor: Make
) -> None:
    server = chatty_server(DATABASE_URL=migrated(own_postgres_server.create_database()))
    ann, bob = (visitor(url=f"{server.http_url}/chatty/without").open().enter(name) for name in ("Ann", "Bob"))
    ann.say("before")
    own_postgres_server.stop()
    for number in range(2):
        ann.write(f"meanwhile {number}").composer.press("Enter")
    expect(ann.pending).to_have_count(2)
    expect(ann.messages.nth(1)).to_contain_text("Sending in")
    own_postgres_server.start()
    all_see([ann, bob], ["before", "meanwhile 0", "meanwhile 1"])


def test_after_too_much_was_missed_the_page_shows_no_hole_and_no_double(
    chatty_server: Callable[..., ChattyServer], visitor: Make
) -> None:
    server = chatty_server(RESUME_LIMIT="20")
    ann, bob = (visitor(url=f"{server.http_url}/chatty/much").open().enter(name) for name in ("Ann", "Bob"))
    ann.say("before")
    expect(bob.bodies).to_have_text(["before"])
    ann.page.context.set_offline(True)
    expect(ann.bar).to_be_visible()
    said = [f"bob {number}" for number in range(60)]
    for body in said:
        bob.write(body).composer.press("Enter")
    expect(bob.pending).to_have_count(0, timeout=30_000)
    ann.write("ann, offline").composer.press("Enter")
    ann.page.context.set_offline(False)
    expect(ann.bar).to_be_hidden(timeout=30_000)
    expect(ann.pending).to_have_count(0)
    shown = ann.bodies.all_inner_texts()
    everything = ["before", *said, "ann, offline"]
    assert shown == everything[-len(shown) :]
    assert len(shown) >= 50
    ann.page.locator(".scroller").evaluate("scroller => { scroller.scrollTop = 0; }")
    expect(ann.bodies).to_have_text(everything)


def test_another_history_starts_the_page_afresh(visitor: Make, chatty_server: Callable[..., ChattyServer]) -> None:
    """As when an administrator deletes a room: the same name, another log."""
    server = chatty_server()
    room = f"{server.http_url}/chatty/{uuid.uuid4().hex[:8]}"
    ann = visitor(url=room).open().enter("Ann")
    ann.say("in the old room")
    code = "from chat.models import Room; Room.objects.all().delete()"
    servers.manage("shell", "-c", code, DATABASE_URL=server.settings["DATABASE_URL"])
    expect(ann.messages).to_have_count(0)
    ann.say("in the new one")
    expect(ann.bodies).to_have_text(["in the new one"])


def test_what_was_meant_for_a_history_that_is_gone_changes_nothing_in_the_next(
    visitor: Make, chatty_server: Callable[..., ChattyServer]
) -> None:
    server = chatty_server()
    room = f"{server.http_url}/chatty/{uuid.uuid4().hex[:8]}"
    ann = visitor(url=room)
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("in the old room")
    tab = visitor(context=ann.page.context, url=room).open().wait_until_joined()
    wire.cut()
    expect(ann.bar).to_be_visible()
    ann.composer.press("ArrowUp")
    ann.write("in the old room, changed").composer.press("Enter")
    ann.composer.press("ArrowUp")
    ann.write("changed again")
    code = "from chat.models import Room; Room.objects.all().delete()"
    servers.manage("shell", "-c", code, DATABASE_URL=server.settings["DATABASE_URL"])
    expect(tab.messages).to_have_count(0)
    tab.say("in the new one")  # It has the number of the other.
    wire.mend()
    ann.wait_until_joined()
    notice = ann.page.locator("[data-module=pending-changes-notice]")
    expect(notice).to_contain_text("in the old room, changed")
    expect(notice.get_by_role("button", name="Retry")).to_be_hidden()
    expect(ann.composer).to_have_value("changed again")
    ann.composer.press("Enter")
    for somebody in (ann, tab):
        expect(somebody.bodies).to_have_text(["in the new one", "changed again"])
    assert wire.commands("edit") == []
