"""The first visit, help, and other languages."""

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import EVERYWHERE, state
from tests.browser.states.stage import Stage
from tests.browser.states.talking import ann_at_release


@state("The first visit: a name.", EVERYWHERE)
def first_visit(stage: Stage) -> Person:
    ann = stage.visitor("Ann", "lobby").open()
    expect(ann.dialog).to_be_visible()
    return ann


@state("A room without messages.")
def empty(stage: Stage) -> Person:
    ann = stage.enter("Ann", "quiet-corner")
    expect(ann.page.get_by_text("No messages yet")).to_be_visible()
    return ann


@state("Keyboard shortcuts (? or Ctrl /).")
def shortcuts(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    ann.page.keyboard.press("Control+/")
    expect(ann.page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    return ann


@state("Formatting help (/help).")
def help(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    ann.write("/help").composer.press("Enter")
    expect(ann.page.get_by_role("dialog", name="Formatting help")).to_be_visible()
    return ann


@state("In German.")
def german(stage: Stage) -> Person:
    anna = stage.visitor("Anna", "kaffeekueche", locale="de-DE").open()
    name = anna.page.get_by_label("Steht neben deinen Nachrichten")
    name.fill("Anna")
    name.press("Enter")
    anna.wait_until_joined()
    field = anna.page.get_by_role("textbox", name="Nachricht", exact=True)
    for text in ("Guten Morgen zusammen.", "Wer kommt heute mit zum Mittagessen?"):
        field.fill(text)
        field.press("Enter")
        expect(anna.pending).to_have_count(0)
    return anna


@state("Names and messages that run from right to left.")
def right_to_left(stage: Stage) -> Person:
    def tell() -> None:
        other = stage.enter("אבישג", "languages", stays=True)
        other.say("שלום לכולם, קראתם את https://example.com/a?b=c כבר?").say("And some English in between.")
        stage.enter("Ann", "languages").say("مرحبا بالجميع").say("Not yet, @אבישג.")

    stage.once("languages", tell)
    ann = stage.enter("Ann", "languages")
    expect(ann.messages).to_have_count(4)
    return ann
