"""Lost connections, refusals and restarts: nothing typed is lost, nothing is sent twice."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person, Wire
from tests.servers import ChattyServer

Make = Callable[..., Person]


def test_message_typed_offline_is_shown_waiting_and_sent_once_when_back(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.page.context.set_offline(True)
    expect(ann.bar).to_contain_text("You're offline. Your messages will be sent when you're back.")
    ann.write("written offline").composer.press("Enter")
    expect(ann.pending).to_have_count(1)
    bob.say("said meanwhile")
    ann.page.context.set_offline(False)
    expect(ann.bar).to_be_hidden()
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(["said meanwhile", "written offline"])
    expect(ann.pending).to_have_count(0)


def test_messages_waiting_at_a_reload_are_sent_once_and_in_order(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.cut()
    for number in range(3):
        ann.write(f"waiting {number}").composer.press("Enter")
    ann.reload()
    expect(ann.bodies).to_have_text([f"waiting {number}" for number in range(3)])
    expect(ann.pending.locator(".message-name").first).to_have_text("Ann")
    expect(bob.messages).to_have_count(0)
    wire.mend()
    for somebody in (ann, bob):
        expect(somebody.pending).to_have_count(0)
        expect(somebody.bodies).to_have_text([f"waiting {number}" for number in range(3)])


@pytest.mark.parametrize("kind", ["another", "duplicated", "no-locks"])
def test_what_a_closed_tab_left_waiting_is_sent_by_another(visitor: Make, person: Make, kind: str) -> None:
    bob = person("Bob")
    has_locks = kind != "no-locks"
    ann = visitor()
    context = ann.page.context
    if not has_locks:  # As over plain HTTP.
        context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })")
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    if kind == "duplicated":  # Then a tab begins with all that the other has in its sessionStorage.
        copy = f"if (!sessionStorage.length) Object.assign(sessionStorage, {ann.run('JSON.stringify(sessionStorage)')})"
        context.add_init_script(copy)
    other = visitor(context=context).open().wait_until_joined() if has_locks else None
    ann.run("room => localStorage.setItem(`chatty.outbox.${room}.broken`, '{')", bob.url.rpartition("/")[2])
    wire.cut()
    for number in range(3):
        ann.write(f"waiting {number}").composer.press("Enter")
    expect(ann.pending).to_have_count(3)
    ann.page.close()
    other = other or visitor(context=context).open().wait_until_joined()
    for somebody in (other, bob):
        expect(somebody.bodies).to_have_text([f"waiting {number}" for number in range(3)], timeout=30_000)
        expect(somebody.pending).to_have_count(0)
    other.reload().wait_until_joined().say("and now me")
    expect(bob.bodies).to_have_text([*(f"waiting {number}" for number in range(3)), "and now me"])


def test_what_two_tabs_have_taken_over_waits_once_in_each(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.cut()
    ann.write("waiting").composer.press("Enter")
    expect(ann.pending).to_have_count(1)
    hear = "({entries}) => { window.told = entries.map(({body}) => body); }"
    ann.run(f"() => {{ app.events.subscribe('outbox:changed', {hear}); }}")
    # Another one took it over as well, and ends.
    kept = "Object.keys(localStorage).find((key) => key.startsWith('chatty.outbox.'))"
    other = ann.page.context.new_page()
    other.goto(ann.url.replace("/chatty/", "/static/chat/img/icon.svg?"))
    mine = other.evaluate(f"JSON.parse(localStorage[{kept}]).tab")
    other.evaluate(f"localStorage[{kept}] = JSON.stringify({{...JSON.parse(localStorage[{kept}]), tab: 'gone'}})")
    ann.page.wait_for_function(f"mine => JSON.parse(localStorage[{kept}]).tab === mine", arg=mine)
    ann.write("and more").composer.press("Enter")
    expect(ann.pending).to_have_count(2)
    assert ann.run("told") == ["waiting", "and more"]


def test_a_browser_that_keeps_nothing_can_talk(visitor: Make) -> None:
    """As with all cookies blocked: to ask for the storage throws, and locks are refused."""
    ann = visitor()
    ann.page.add_init_script("""
        const refuse = () => { throw new DOMException("Denied", "SecurityError"); };
        for (const area of ["localStorage", "sessionStorage"]) Object.defineProperty(window, area, { get: refuse });
        LockManager.prototype.request = LockManager.prototype.query = async () => refuse();
    """)
    ann.open().enter("Ann").say("hello")


def test_what_has_waited_for_hours_is_sent_when_its_writer_still_wants_it(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    context = ann.page.context
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.cut()
    for text in ("lunch?", "the key is under the mat"):
        ann.write(text).composer.press("Enter")
    expect(ann.pending).to_have_count(2)
    ann.page.close()
    again = visitor(context=context)
    again.page.clock.set_fixed_time(datetime.now() + timedelta(hours=3))
    again.open().wait_until_joined()
    failed = again.page.locator(".is-failed")
    expect(failed).to_have_count(2, timeout=15_000)
    expect(failed.first).to_contain_text("This message wasn't sent.")
    failed.first.get_by_role("button", name="Discard").click()
    failed.get_by_role("button", name="Retry").click()
    for somebody in (again, bob):
        expect(somebody.bodies).to_have_text(["the key is under the mat"])
    expect(again.pending).to_have_count(0)


def test_acknowledgement_that_was_lost_makes_no_second_message(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.keep = lambda event: event["type"] not in {"message", "done"}
    ann.write("said once").composer.press("Enter")
    expect(bob.bodies).to_have_text(["said once"])
    wire.keep = lambda event: True
    wire.close(1011)
    expect(ann.pending).to_have_count(0)
    ann.say("and this")
    for somebody in (ann, bob):
        expect(somebody.bodies).to_have_text(["said once", "and this"])


def test_server_killed_and_restarted_loses_nothing(chatty_server: Callable[..., ChattyServer], visitor: Make) -> None:
    server = chatty_server()
    ann, bob = (visitor(url=f"{server.http_url}/chatty/restart").open().enter(name) for name in ("Ann", "Bob"))
    ann.say("before")
    expect(bob.bodies).to_have_text(["before"])
    server.kill()
    expect(ann.bar).to_be_visible()
    ann.write("from Ann meanwhile").composer.press("Enter")
    bob.write("from Bob meanwhile").composer.press("Enter")
    bob.write("and a draft")
    expect(ann.pending).to_have_count(1)
    server.start()
    for somebody in (ann, bob):
        expect(somebody.bar).to_be_hidden(timeout=30_000)
        expect(somebody.messages).to_have_count(3)
        expect(somebody.pending).to_have_count(0)
        expect(somebody.roster).to_have_count(2)
    assert ann.bodies.all_inner_texts() == bob.bodies.all_inner_texts()
    assert set(ann.bodies.all_inner_texts()) == {"before", "from Ann meanwhile", "from Bob meanwhile"}
    expect(bob.composer).to_have_value("and a draft")


def test_bar_counts_down_to_the_next_try_and_tries_at_once_when_asked(visitor: Make) -> None:
    ann = visitor()
    ann.page.add_init_script("Math.random = () => 0.999")  # The longest wait that the jitter allows.
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    for _ in range(4):
        wire.close(1011)
        expect(ann.bar).to_be_visible()
        expect(ann.bar).to_contain_text(re.compile(r"Retrying in \d+ s\."))
        ann.page.get_by_role("button", name="Try now").click()
        ann.wait_until_joined()
    expect(ann.bar).to_be_hidden()


def test_setting_the_clock_back_hides_no_dead_connection(visitor: Make) -> None:
    """Silence and pauses are durations: the time of day may be set while they last."""
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    ann.run("() => { const {now} = Date; Date.now = () => now() - 3_600_000; }")
    wire.keep = lambda event: False
    expect(ann.connection).not_to_have_attribute("data-state", "joined", timeout=60_000)
    wire.cut()
    expect(ann.bar).to_contain_text(re.compile(r"in \d\d? s\."))


def test_silent_connection_is_given_up_and_made_again(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.page.clock.install()
    ann.open().enter("Ann")
    wire.keep = lambda event: event["type"] not in ("pulse", "joined", "left")
    ann.page.clock.run_for(6_000)
    expect(ann.connection).to_have_attribute("data-state", "joined")
    wire.sent.clear()
    ann.page.clock.run_for(12_000)
    ann.wait_until_joined()
    assert wire.commands("join")[0]["since"]["version"] == 0


def test_return_asks_only_for_what_came_meanwhile(visitor: Make, person: Make) -> None:
    bob = person("Bob").say("one")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    expect(ann.bodies).to_have_text(["one"])
    welcomes: list[dict[str, Any]] = []

    def keep(event: dict[str, Any]) -> bool:
        if event["type"] == "welcome":
            welcomes.append(event)
        return bool(event["type"] != "message")

    wire.keep = keep
    bob.say("two")
    wire.close(1012)
    ann.wait_until_joined()
    expect(ann.bodies).to_have_text(["one", "two"])
    assert wire.commands("join")[-1]["since"]["version"] == 1
    assert [message["body"] for message in welcomes[-1]["messages"]] == ["two"]
    assert welcomes[-1]["reset"] is False


def test_hole_in_the_versions_is_filled_in_order(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.keep = lambda event: event.get("body") != "lost on the way" or event["type"] != "message"
    bob.say("one").say("lost on the way").say("three")
    expect(ann.bodies).to_have_text(["one", "lost on the way", "three"])
    assert [command["since"] for command in wire.commands("sync")] == [1]


def test_pulse_beyond_what_is_held_fetches_the_rest(visitor: Make, person: Make) -> None:
    bob = person("Bob")
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.keep = lambda event: event["type"] != "message"
    bob.say("lost on the way")
    expect(ann.bodies).to_have_text(["lost on the way"])
    assert len(wire.commands("sync")) == 1


def test_repeated_and_late_messages_are_shown_once(visitor: Make, person: Make) -> None:
    bob = person("Bob").say("one")
    ann = visitor()
    wire = Wire(ann.page)
    seen: list[dict[str, Any]] = []

    def keep(event: dict[str, Any]) -> bool:
        seen.append(event)
        return True

    wire.keep = keep
    ann.open().enter("Ann")
    bob.say("two")
    expect(ann.bodies).to_have_text(["one", "two"])
    late = next(event for event in seen if event["type"] == "message" and event["body"] == "two")
    ann.run("message => app.events.publish('message:arrived', message)", late)
    ann.run("message => app.events.publish('message:arrived', {...message, body: 'x', html: 'x', version: 3})", late)
    ann.run("message => app.events.publish('message:arrived', message)", late)
    expect(ann.bodies).to_have_text(["one", "x"])


def test_messages_written_in_a_row_are_sent_once_each_and_in_order(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    written = [f"message {number}" for number in range(5)]
    wire.keep = lambda event: event["type"] not in {"message", "done", "pulse"}  # A pulse would say what was missed.
    for text in written:
        ann.write(text).composer.press("Enter")
    expect(ann.pending).to_have_count(5)
    assert [command["body"] for command in wire.commands("post")] == written[:1]  # The next waits for the answer.
    wire.keep = lambda event: True
    expect(ann.pending).to_have_count(0, timeout=25_000)
    expect(ann.bodies).to_have_text(written)
    assert [command["body"] for command in wire.commands("post")] == written


def test_refused_message_is_failed_with_retry_and_discard(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.write("\u200b").composer.press("Enter")  # Looks empty: the server refuses it.
    failed = ann.messages
    expect(failed).to_have_class(re.compile("is-failed"))
    expect(failed).to_contain_text("Not sent: the message is empty.")
    ann.write("a good one").composer.press("Enter")
    expect(bob.bodies).to_have_text(["a good one"])
    failed = ann.page.locator(".is-failed")
    failed.get_by_role("button", name="Retry").click()
    expect(failed).to_have_count(1)
    failed.get_by_role("button", name="Discard").click()
    expect(ann.bodies).to_have_text(["a good one"])


def test_failed_message_survives_a_reload_and_can_be_sent_again(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.answer = lambda command: refusal("locked", command) if command["type"] == "post" else None
    ann.write("too early").composer.press("Enter")
    expect(ann.messages).to_contain_text("Not sent: the room is locked.")
    ann.reload().wait_until_joined()
    expect(ann.messages).to_have_class(re.compile("is-failed"))
    wire.answer = lambda command: None
    ann.page.get_by_role("button", name="Retry").click()
    expect(ann.pending).to_have_count(0)
    expect(ann.bodies).to_have_text(["too early"])
    assert len({command["nonce"] for command in wire.commands("post")}) == 1


@pytest.mark.parametrize("code", ["rate_limited", "unavailable"])
def test_temporary_refusal_is_retried_by_itself_and_keeps_the_order(visitor: Make, code: str) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    refusals = iter([2, 1])

    def answer(command: dict[str, Any]) -> dict[str, Any] | None:
        wait = next(refusals, None) if command["type"] == "post" else None
        return refusal(code, command, retry_after=wait) if wait else None

    wire.answer = answer
    ann.write("first").composer.press("Enter")
    ann.write("second").composer.press("Enter")
    expect(ann.page.get_by_text(re.compile(r"Sending in \d s")).first).to_be_visible()
    expect(ann.pending).to_have_count(0)
    expect(ann.bodies).to_have_text(["first", "second"])
    assert [command["body"] for command in wire.commands("post")] == ["first", "first", "first", "second"]


def test_refused_token_is_replaced_by_a_new_identity(visitor: Make) -> None:
    ann = visitor().open().enter("Ann")
    before = ann.id
    forge(ann)
    ann.reload().wait_until_joined()
    assert ann.id not in ("x", before)
    wire = Wire(ann.page)
    ann.reload().wait_until_joined()
    known = ann.id
    forge(ann)
    wire.close(4401)
    expect(ann.bar).to_be_hidden()
    ann.wait_until_joined()
    ann.page.wait_for_function(
        "known => !['x', known].includes(JSON.parse(localStorage['chatty.identity']).uuid)", arg=known
    )
    ann.wait_until_joined().say("somebody new")


def forge(somebody: Person) -> None:
    """Their browser holds no token any more that the server takes."""
    somebody.run("localStorage.setItem('chatty.identity', JSON.stringify({uuid: 'x', token: 'forged'}))")
    somebody.page.context.clear_cookies()


def test_a_token_that_only_the_socket_refused_is_renewed_and_keeps_the_person(visitor: Make) -> None:
    """As while the servers' keys are being changed, one after the other."""
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("mine")
    known = ann.id
    wire.close(4401)
    for _ in range(100):
        if len(wire.commands("join")) == 2:
            break
        ann.page.wait_for_timeout(100)
    ann.wait_until_joined().say("still me")
    assert ann.id == known


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4003, "You've been banned from this room."),
        (4404, "This room doesn't exist."),
        (4400, "This page is out of date."),
    ],
)
def test_final_close_is_explained_and_not_retried(visitor: Make, code: int, words: str) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    wire.close(code)
    expect(ann.bar).to_contain_text(words)
    expect(ann.connection).to_have_attribute("data-state", "stopped")
    expect(ann.page.get_by_role("button", name="Try now")).to_be_hidden()


def test_new_build_is_offered_and_taken_by_a_reload(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    wire.keep = lambda event: event.update(build="newer") or True if event["type"] == "welcome" else True
    ann.open().enter("Ann")
    notice = ann.page.get_by_text("A new version of Chatty is available.")
    expect(notice).to_be_visible()
    wire.keep = lambda event: True  # What the reload gets is the newer page.
    ann.composer.fill("half a thou")
    ann.page.get_by_role("button", name="Reload").click()
    expect(notice).to_be_hidden()
    ann.wait_until_joined()
    expect(notice).to_be_hidden()
    expect(ann.composer).to_have_value("half a thou")


def test_frames_and_events_from_the_future_are_ignored(visitor: Make) -> None:
    ann = visitor()
    ann.expects_errors = True  # It reports them.
    page_side: list[Any] = []

    def open_socket(socket: Any) -> None:
        page_side.append(socket)
        socket.connect_to_server()

    ann.page.route_web_socket(re.compile("/ws/"), open_socket)
    ann.open().enter("Ann")
    for frame in ('[{"type": "fireworks"}, 1, null]', '{"type": "message"}', "not JSON"):
        page_side[0].send(frame)
    ann.say("all is well")
    expect(ann.bodies).to_have_text(["all is well"])


def refusal(code: str, command: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"type": "refused", "code": code, "detail": "", "nonce": command["nonce"], **fields}
