"""The page's messages about problems."""

import json
import re

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import EVERYWHERE, state
from tests.browser.states.stage import MORNING_MS, Stage
from tests.browser.states.talking import RELEASE, ann_at_release, release


@state("The page before its messages are there.")
def loading(stage: Stage) -> Person:
    release(stage)
    ann = stage.visitor("Ann", RELEASE)
    stage.wires[ann].keep = lambda event: False
    ann.open()
    ann.name_field.fill("Ann")
    ann.name_field.press("Enter")
    expect(ann.page.locator(".skeleton")).to_be_visible()
    return ann


@state("Offline: messages wait.")
def offline(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    ann.run("Math.random = () => 0.999")  # The longest wait that the jitter allows.
    stage.wires[ann].cut()
    expect(ann.bar).to_contain_text("Retrying in")
    ann.write("Does anybody hear me?").composer.press("Enter")
    expect(ann.pending).to_have_count(1)
    return ann


@state("A message from a tab that was closed two hours ago: send it now?")
def late(stage: Stage) -> Person:
    release(stage)
    ann = stage.visitor("Ann", RELEASE)
    at = MORNING_MS - 3_600_000
    left = {"tab": "gone", "value": {"nonce": "n", "body": "I'm on my way.", "at": at, "state": "sending"}}
    ann.page.add_init_script(f"localStorage['chatty.outbox.{RELEASE}.n'] = {json.dumps(json.dumps(left))}")
    ann.open().enter("Ann")
    expect(ann.page.get_by_text("This message wasn't sent")).to_be_visible()
    return ann


@state("A new version is available.")
def new_build(stage: Stage) -> Person:
    release(stage)
    ann = stage.visitor("Ann", RELEASE)
    stage.wires[ann].keep = lambda event: event.update(build="newer") or True if event["type"] == "welcome" else True
    ann.open().enter("Ann")
    expect(ann.page.get_by_text("A new version of Chatty is available.")).to_be_visible()
    return ann


@state("Mentioned while away: the page offers notifications.")
def notifications(stage: Stage) -> Person:
    release(stage)
    ann = stage.visitor("Ann", "hall")
    ann.page.add_init_script("window.Notification = class { static permission = 'default'; }")
    ann.open().enter("Ann")
    bob = stage.enter("Bob", "hall")
    ann.look_away()
    bob.say("@Ann, are you there?")
    expect(ann.page).to_have_title(re.compile("@"))
    ann.look_back()
    expect(ann.page.get_by_role("button", name="Turn on notifications")).to_be_visible()
    return ann


@state("The offline page.", EVERYWHERE[1:])
def offline_page(stage: Stage) -> Person:
    ann = stage.visitor("Ann", "offline")
    ann.page.route(
        lambda url: not re.search("/(offline|static)", url), lambda route: route.abort()
    )  # Else it would go on by itself.
    ann.page.goto(stage.server.http_url + "/offline")
    expect(ann.page.locator(".offline-again")).to_be_visible()
    return ann
