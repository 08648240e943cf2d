"""The composer, and the messages written in it."""

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import state
from tests.browser.states.stage import Stage, choose
from tests.browser.states.talking import LAST, TALK, ann_at_release


@state("Editing a message.")
def editing(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    choose(ann, LAST, "Edit")
    ann.write("Eleven it is, in the small room.")
    return ann


@state("Replying to a message.")
def replying(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    choose(ann, TALK[5][1], "Reply")
    ann.write("Found it, thank you.")
    return ann


@state("Suggestions after an @.")
def suggestions(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    ann.composer.press_sequentially("Ask @")
    expect(ann.page.get_by_role("listbox", name="Suggestions")).to_be_visible()
    return ann


def answered(stage: Stage, ann: Person, **refusal: object) -> None:
    """Every message is refused."""
    stage.wires[ann].answer = lambda command: (
        {"type": "refused", "detail": "", "nonce": command["nonce"], **refusal} if command["type"] == "post" else None
    )


@state("A message that couldn't be sent.")
def failed(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    answered(stage, ann, code="body_too_long")
    ann.write("The minutes of all our meetings.").composer.press("Enter")
    expect(ann.page.get_by_role("button", name="Retry")).to_be_visible()
    return ann


@state("Sending too fast: the next message waits and is sent automatically.")
def rate_limited(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    answered(stage, ann, code="rate_limited", retry_after=8)
    for text in ("Wait.", "Let me look it up."):
        ann.write(text).composer.press("Enter")
    expect(ann.pending).to_have_count(2)
    expect(ann.page.get_by_text("Sending in")).to_be_visible()
    return ann


@state("A message that is too long.")
def too_long(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    ann.write("All of it, then. " * 240)
    return ann
