"""`reacted` events and their effect on the page, in a simulated room."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.made_up import ME, MadeUpRoom
from tests.browser.person import Person

Make = Callable[..., Person]

WATCH = """() => {
    window.told = {drawn: [], reached: []};
    app.events.subscribe("timeline:changed", ({changed}) => told.drawn.push(changed.map(({seq}) => seq)));
    app.events.subscribe("timeline:reached", ({version}) => told.reached.push(version));
}"""


@pytest.fixture
def ann(visitor: Make) -> Person:
    return visitor()


@pytest.fixture
def made_up(ann: Person) -> MadeUpRoom:
    """With 60 messages, 11 to 60 of which the page holds."""
    room = MadeUpRoom(ann.page, 60)
    ann.open().enter("Ann")
    expect(ann.messages).to_have_count(50)
    ann.run(WATCH)
    return room


def reactions_to(ann: Person, seq: int) -> Any:
    return ann.page.locator(f".message[data-seq='{seq}'] .reaction-count")


def syncs(ann: Person, made_up: MadeUpRoom) -> list[int]:
    """Since which versions the page has asked for what it lacks, when all that was sent is taken."""
    ann.page.wait_for_function("head => told.reached.includes(head)", arg=made_up.head)
    return [command["since"] for command in made_up.commands if command["type"] == "sync"]


def test_reactions_of_a_frame_are_drawn_once(ann: Person, made_up: MadeUpRoom) -> None:
    made_up.send(*(made_up.reaction(seq) for seq in [60] * 100 + [59] + [60] * 100))
    expect(reactions_to(ann, 60)).to_have_text("200")
    expect(reactions_to(ann, 59)).to_have_text("1")
    assert ann.run("told.drawn") == [[60], [59]]
    assert syncs(ann, made_up) == []


def test_a_reaction_before_and_one_behind_an_edit_are_kept(ann: Person, made_up: MadeUpRoom) -> None:
    made_up.send(made_up.reaction(60), made_up.edit(60, "edited"), made_up.reaction(60))
    expect(reactions_to(ann, 60)).to_have_text("2")
    expect(ann.message("edited")).to_be_visible()
    assert syncs(ann, made_up) == []


def test_a_reaction_to_a_message_that_is_not_loaded_is_seen_and_comes_with_its_page(
    ann: Person, made_up: MadeUpRoom
) -> None:
    made_up.send(made_up.reaction(5))
    made_up.pulse()
    made_up.send(made_up.reaction(60))
    expect(reactions_to(ann, 60)).to_have_text("1")
    assert syncs(ann, made_up) == []
    ann.run("() => document.querySelector('.scroller').scrollTo(0, 0)")
    expect(reactions_to(ann, 5)).to_have_text("1")


def test_a_reaction_behind_a_hole_waits_for_what_is_missing(ann: Person, made_up: MadeUpRoom) -> None:
    made_up.reaction(60)  # Lost on the way.
    made_up.send(made_up.reaction(60))
    missing = {
        "type": "changes",
        "since": 60,
        "messages": [made_up.message(60)],
        "more": True,
        "head": 62,
        "reset": False,
    }
    made_up.send(missing)
    expect(reactions_to(ann, 60)).to_have_text("2")
    assert syncs(ann, made_up) == [60]


def test_a_message_that_lacks_a_change_is_asked_for(ann: Person, made_up: MadeUpRoom) -> None:
    """It can't come to that; a page that finds it heals."""
    of_another = made_up.reaction(60) | {"seq": 5, "after": 5}
    made_up.send(of_another, made_up.reaction(60))
    assert syncs(ann, made_up) == [60]


def test_my_reaction_to_a_message_that_is_not_loaded_waits_until_it_is_done(ann: Person, made_up: MadeUpRoom) -> None:
    ann.run("() => { app.events.subscribe('amendments:changed', ({entries}) => (window.waiting = entries.length)); }")
    ann.run("app.events.publish('message:amend', {type: 'react', seq: 5, emoji: '👍', on: true})")
    assert ann.run("waiting") == 1
    made_up.send(made_up.reaction(5) | {"id": ME["id"]}, {"type": "done", "re": made_up.commands[-1]["id"]})
    ann.page.wait_for_function("() => waiting === 0")
