"""The page handles texts like the server, in any language of the browser."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from chat.content.mentions import SIGNS
from tests.browser.person import Person, Wire
from tests.unit.texts import CLEANED, MENTIONED, NAMES

Make = Callable[..., Person]
OFFERED = """async ([url, names, cases]) => {
    const {complete} = await import(url);
    const people = Object.entries(names).map(([name, id]) => ({name, id}));
    return cases.map((before) => complete(before, people)?.options.map(({person}) => person.id) ?? []);
}"""


def test_who_is_mentioned_is_offered_while_the_name_is_typed(person: Make) -> None:
    ann = person("Me")
    cases = [(body[: body.index(sign) + 2], ids) for body, ids in MENTIONED for sign in SIGNS if sign in body and ids]
    offered = ann.run(OFFERED, ["/static/chat/js/composer/completion.js", NAMES, [before for before, _ in cases]])
    missing = [before for (before, ids), found in zip(cases, offered, strict=True) if not set(ids) <= set(found)]
    assert missing == []


def test_the_page_cleans_as_the_server_does(person: Make) -> None:
    ann = person("Ann")
    script = "async ([url, texts]) => { const {cleanBody} = await import(url); return texts.map(cleanBody); }"
    raw, clean = zip(*CLEANED, strict=True)
    assert ann.run(script, ["/static/chat/js/kit/clean.js", raw]) == list(clean)


@pytest.mark.parametrize("pasted", ["'a\\0b'", "'ab\\ud83d'", "'a\\x07b'"])
def test_what_can_not_be_sent_is_left_out(visitor: Make, pasted: str) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    ann.composer.evaluate(f"field => {{ field.value = {pasted}; field.dispatchEvent(new Event('input')); }}")
    ann.composer.press("Enter")
    expect(ann.bodies).to_have_text(["ab"])
    assert json.dumps([command["body"] for command in wire.commands("post")]) == '["ab"]'


def test_names_are_found_whatever_the_language_of_the_browser(person: Make) -> None:
    person("Iris")
    ann = person("Ann", locale="tr-TR")
    ann.composer.press_sequentially("@iri")
    expect(ann.page.get_by_role("option", name="Iris")).to_be_visible()
