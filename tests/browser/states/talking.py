"""A room while people talk."""

from playwright.sync_api import expect

from tests.browser.person import Person
from tests.browser.states import EVERYWHERE, state
from tests.browser.states.stage import Stage, choose, identity_of, open_menu

RELEASE = "release-day"
TALK = [
    ("Ann", "Good morning. The new build is on the staging machine."),
    ("Bob", "Morning, Ann."),
    ("Bob", "I'll go through the list: https://example.com/release/checklist"),
    (
        "Cleo Park",
        "The search page still takes two seconds with a cold cache. Not worse than before, but I'd like to see why.",
    ),
    ("Ann", "Could you write down the query that you used?"),
    ("Cleo Park", "Already in the list, third from the top."),
    ("Bob", "Everything else is green.\nShall we go at eleven?"),
    ("Ann", "Eleven it is."),
]
LAST = TALK[-1][1]
LUNCH = "Lunch at one, at the usual place?"
MARKUP = """The last step was the *slow* one, **not** the query:

```python
def warm(pages):
    return {page.slug: render(page) for page in pages}  # Once, at the start.
```

> Make it work, then make it fast.

- `render` is asked twice for each page
- see https://example.com/notes/cache for the ~~guesses~~ figures"""


def people_of_release(stage: Stage) -> list[Person]:
    return [stage.enter(name, RELEASE, stays=True) for name in ("Bob", "Cleo Park")]


def release(stage: Stage) -> None:
    """Two people stay in the room, in which three have talked."""

    def tell() -> None:
        people = {person.name: person for person in people_of_release(stage)}
        people["Ann"] = stage.enter("Ann", RELEASE)
        for name, text in TALK:
            people[name].say(text)
        for person in people.values():
            expect(person.messages).to_have_count(len(TALK))
        stage.residents |= people

    stage.once(RELEASE, tell)


def ann_at_release(stage: Stage) -> Person:
    release(stage)
    ann = stage.enter("Ann", RELEASE)
    expect(ann.messages).to_have_count(len(TALK))
    expect(ann.roster).to_have_count(3)
    return ann


@state("People on one side, their messages on the other, and who is typing.", EVERYWHERE)
def room(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    stage.wires[ann].say({"type": "typing", "id": identity_of("Bob")})
    expect(ann.page.locator(".typing.is-shown")).to_be_visible()
    return ann


WORKSHOP = "workshop"


def workshop(stage: Stage) -> None:
    def tell() -> None:
        ann, bob, cleo = (stage.enter(name, WORKSHOP, stays=True) for name in ("Ann", "Bob", "Cleo Park"))
        bob.say("One more thing, which is long. " + "It goes on and on, as minutes of a meeting do. " * 60)
        cleo.say("@Ann, have you found out what it was?")
        ann.say(MARKUP)
        ann.say("Frist try").say("Never mind")
        choose(ann, "Frist try", "Edit")
        ann.write("First try: 180 ms instead of two seconds.").composer.press("Enter")
        expect(bob.message("First try: 180 ms instead of two seconds.")).to_be_visible()
        choose(ann, "Never mind", "Delete…")
        ann.page.get_by_role("button", name="Delete", exact=True).click()
        expect(bob.bodies.last).to_have_text("Message deleted")
        bob.say("/me bows")
        choose(cleo, "First try: 180 ms instead of two seconds.", "Reply")
        cleo.say("That is @Bob's coffee paid. Thank you.")
        ann.say(LUNCH)
        for person, emoji in ((bob, "pizz"), (cleo, "pizz"), (ann, "pizz"), (cleo, "tada")):
            person.message(LUNCH).hover()
            person.message(LUNCH).get_by_role("button", name="React", exact=True).click()
            field = person.page.get_by_role("searchbox", name="Search emoji")
            field.fill(emoji)
            field.press("Enter")
            expect(field).to_be_hidden()
        for person in (ann, bob, cleo):
            expect(person.message(LUNCH).locator(".reaction-emoji")).to_have_count(2)
            person.page.keyboard.press("Escape")

    stage.once(WORKSHOP, tell)


def bob_at_workshop(stage: Stage) -> Person:
    workshop(stage)
    return stage.enter("Bob", WORKSHOP)


@state("A quote, a list, code, a mention, a reply, an edit, a deleted message, and reactions.", EVERYWHERE)
def conversation(stage: Stage) -> Person:
    return bob_at_workshop(stage)


@state("A long message is folded.")
def folded(stage: Stage) -> Person:
    bob = bob_at_workshop(stage)
    bob.run("document.querySelector('.scroller').scrollTop = 0")
    expect(bob.page.get_by_role("button", name="Show more")).to_be_in_viewport()
    return bob


@state("The menu of a message.", EVERYWHERE)
def menu(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    open_menu(ann, LAST)
    return ann


@state("Choosing a reaction, from the tools beside a message.", EVERYWHERE)
def picker(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    if stage.look.name == "phone":
        choose(ann, TALK[1][1], "React…")
    else:
        ann.message(TALK[1][1]).hover()
        ann.message(TALK[1][1]).get_by_role("button", name="React", exact=True).click()
    expect(ann.page.get_by_role("dialog", name="Choose an emoji")).to_be_visible()
    return ann


@state("Who reacted.")
def who_reacted(stage: Stage) -> Person:
    bob = bob_at_workshop(stage)
    bob.message(LUNCH).locator(".reaction").first.hover()
    expect(bob.page.get_by_role("tooltip")).to_be_visible()
    return bob


@state("One person has just left (red for three seconds), another is away.")
def leaving(stage: Stage) -> Person:
    ann = ann_at_release(stage)
    ann.run("id => app.events.publish('member:away', {id, on: true})", identity_of("Bob"))
    dana = stage.enter("Dana", RELEASE)
    expect(ann.member("Dana")).to_be_visible()
    dana.page.context.close()
    expect(ann.page.locator(".is-leaving")).to_be_visible()
    return ann
