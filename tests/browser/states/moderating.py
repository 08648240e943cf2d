"""Moderators' actions, and their effects for others."""

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import state
from tests.browser.states.stage import Stage, choose, choose_of_room
from tests.browser.states.talking import RELEASE, TALK, ann_at_release, release


def told(stage: Stage, **news: object) -> Person:
    ann = ann_at_release(stage)
    stage.wires[ann].say({"type": "room", "room": {"slug": RELEASE, "title": RELEASE, **news}})
    return ann


@state("The room is locked: members can only read.")
def locked(stage: Stage) -> Person:
    ann = told(stage, locked=True)
    expect(ann.page.get_by_text("This room is locked.")).to_be_visible()
    return ann


@state("Slow mode.")
def slow_mode(stage: Stage) -> Person:
    ann = told(stage, slow=30)
    expect(ann.page.get_by_text("Slow mode: one message every 30 seconds.")).to_be_visible()
    return ann


@state("Banned from a room.")
def banned(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    stage.wires[ann].close(4003)
    expect(ann.page.get_by_role("dialog", name="You've been banned from this room")).to_be_visible()
    return ann


@state("The room's menu for a moderator.")
def moderator_menu(stage: Stage) -> Person:
    release(stage)
    mo = stage.moderator(RELEASE)
    mo.page.locator(".room-head").get_by_role("button", name="More actions for this room").click()
    expect(mo.page.get_by_role("menuitem", name="Lock room…")).to_be_visible()
    return mo


@state("A moderator bans a person.")
def ban(stage: Stage) -> Person:
    release(stage)
    mo = stage.moderator(RELEASE)
    choose(mo, TALK[1][1], "Ban this person…")
    expect(mo.page.get_by_role("dialog")).to_be_visible()
    return mo


@state("A moderator locks a room.")
def lock(stage: Stage) -> Person:
    release(stage)
    mo = stage.moderator(RELEASE)
    choose_of_room(mo, "Lock room…")
    expect(mo.page.get_by_role("dialog")).to_be_visible()
    return mo
