"""Writing messages: markup, mentions, commands, and the composer's suggestions."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.field import paste, select, selected
from tests.browser.person import Person, Wire, box

Make = Callable[..., Person]


def options(person: Person) -> Locator:
    return person.page.get_by_role("listbox", name="Suggestions").get_by_role("option")


def test_a_mentioned_person_sees_it(person: Make) -> None:
    ann, bob = person("Ann Lee"), person("Bob")
    bob.say("are you there, @ann lee?")
    for somebody in (ann, bob):
        expect(somebody.page.locator(".message .mention")).to_have_text("@ann lee")
    expect(ann.messages).to_have_class(re.compile("mentions-me"))
    expect(bob.messages).not_to_have_class(re.compile("mentions-me"))
    ann.reload().wait_until_joined()
    expect(ann.messages).to_have_class(re.compile("mentions-me"))


def test_long_line_of_code_scrolls_in_its_box(person: Make) -> None:
    ann = person("Ann", viewport={"width": 360, "height": 640})
    ann.say("```python\nif x: # " + "long " * 40 + "\n```")
    code = ann.bodies.locator("pre")
    assert code.evaluate("e => e.scrollWidth > e.clientWidth")
    assert code.evaluate("e => e.getBoundingClientRect().right") <= 360
    plain, keyword = (
        code.evaluate(f"e => getComputedStyle({node}).color") for node in ("e", "e.querySelector('.hl-keyword')")
    )
    assert plain != keyword


def test_code_is_large_enough_to_read(person: Make) -> None:
    ann = person("Ann")
    ann.say("`x` and\n```python\nprint(x)\n```")
    sizes = ann.bodies.evaluate(
        "body => [...body.querySelectorAll('code')].map(code => getComputedStyle(code).fontSize)"
    )
    assert sizes == ["13.5px", "13.5px"]


def test_lines_stay_as_far_in_as_they_were_typed(person: Make) -> None:
    ann = person("Ann")
    ann.say("if x:\n    y    z\n\tz")
    body = ann.bodies.locator("p")
    assert body.inner_text() == "if x:\n    y    z\n\tz"


def test_a_name_is_chosen_by_keyboard(person: Make) -> None:
    ann, _, _ = person("Ann"), person("Bob Brown"), person("Bea")
    expect(ann.roster).to_have_count(3)
    ann.composer.press_sequentially("hi @b")
    expect(options(ann).locator("bdi")).to_have_text(["Bea", "Bob Brown"])
    ann.composer.press("ArrowDown")
    chosen = options(ann).nth(1)
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(ann.composer).to_have_attribute("aria-activedescendant", chosen.get_attribute("id") or "")
    ann.composer.press("Enter")
    expect(ann.composer).to_have_value("hi @Bob Brown ")
    expect(options(ann)).to_have_count(0)
    expect(ann.messages).to_have_count(0)
    ann.composer.press("Enter")
    expect(ann.bodies.locator(".mention")).to_have_text("@Bob Brown")
    ann.composer.press_sequentially("@bob brown")
    expect(options(ann)).to_have_count(0)
    ann.composer.press("Enter")  # A name that is written out needs no choice.
    expect(ann.messages).to_have_count(2)
    person("José")
    ann.composer.press_sequentially("@jo")
    expect(options(ann).locator("bdi")).to_have_text(["José"])
    ann.composer.press_sequentially("se")  # A keyboard without accents.
    ann.composer.press("Tab")
    expect(ann.composer).to_have_value("@José ")


def test_an_enter_that_ends_a_composition_sends_nothing(person: Make) -> None:
    ann = person("Ann")
    ann.write("にほん")
    for how in ({"isComposing": True}, {"keyCode": 229}):  # Safari tells it after the composition's end.
        ann.composer.dispatch_event("keydown", {"key": "Enter", **how})
    expect(ann.composer).to_have_value("にほん")
    ann.composer.press("Enter")
    expect(ann.bodies).to_have_text(["にほん"])


def test_an_emoji_is_chosen_by_touch_and_escape_leaves_what_was_typed(person: Make) -> None:
    ann = person("Ann", viewport={"width": 360, "height": 640}, has_touch=True)
    ann.composer.press_sequentially("yes :tad")
    expect(options(ann).first).to_contain_text(":tada:")
    box = options(ann).first.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert box["height"] >= 44
    options(ann).first.tap()
    expect(ann.composer).to_have_value("yes :tada: ")
    ann.composer.press_sequentially(":smi")
    expect(options(ann)).not_to_have_count(0)
    ann.composer.press("Escape")
    expect(options(ann)).to_have_count(0)
    ann.send_button.tap()
    expect(ann.bodies).to_have_text(["yes 🎉 :smi"])


def test_what_somebody_does_is_a_line_of_its_own(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.say("hello").say("/me waves")
    expect(bob.messages.nth(1)).to_have_class(re.compile("is-action"))
    expect(bob.bodies.nth(1)).to_have_text("waves")
    name, body = bob.messages.nth(1).locator(".message-name"), bob.bodies.nth(1)
    assert abs(box(name)["y"] - box(body)["y"]) < 10
    expect(bob.page.locator("[aria-live=polite] p").nth(1)).to_have_text("⁨Ann⁩ ⁨waves⁩")


def test_nick_changes_the_name_and_help_is_shown(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob")
    ann.composer.fill("/Nick Anna Lee")  # As phones write it.
    ann.composer.press("Enter")
    expect(bob.member("Anna Lee")).to_be_visible()
    ann.composer.fill("/help")
    ann.composer.press("Enter")
    dialog = ann.page.get_by_role("dialog", name="Formatting help")
    expect(dialog).to_be_visible()
    expect(ann.composer).to_have_value("")
    ann.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(ann.composer).to_be_focused()
    expect(bob.messages).to_have_count(0)


def test_help_is_in_the_rooms_menu_too_where_there_is_no_room_for_its_button(person: Make) -> None:
    ann = person("Ann", viewport={"width": 360, "height": 640}, has_touch=True)
    expect(ann.page.locator(".composer-help")).to_be_hidden()
    ann.page.locator(".room-head").get_by_role("button", name="More actions for this room").click()
    ann.page.get_by_role("menuitem", name="Formatting help").click()
    expect(ann.page.get_by_role("dialog", name="Formatting help")).to_be_visible()


def test_an_unknown_command_is_not_sent_but_can_be_said(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    ann.composer.fill("/dance now")
    ann.composer.press("Enter")
    expect(ann.page.get_by_text("Unknown command ⁨/dance⁩.")).to_be_visible()
    expect(ann.composer).to_have_value("/dance now")
    assert wire.commands("post") == []
    ann.write("/me ").composer.press("Enter")
    expect(ann.page.get_by_text("Add an action, such as /me waves")).to_be_visible()
    assert wire.commands("typing") == []  # Of commands, nobody is told.
    ann.say("//dance now")
    ann.say("//me is how").say("/usr/bin/env")
    expect(ann.page.get_by_text("Unknown command")).to_have_count(0)
    expect(ann.bodies).to_have_text(["/dance now", "/me is how", "/usr/bin/env"])


KEY = """([init, id]) => {
    const target = id ? document.getElementById(id) : document.body;
    document.activeElement.blur();
    if (id) target.focus();
    return target.dispatchEvent(new KeyboardEvent("keydown", {bubbles: true, cancelable: true, ...init}));
}"""


@pytest.mark.parametrize(
    ("key", "goes_to_the_field"),
    [
        ({"key": "@", "ctrlKey": True, "altKey": True, "modifierAltGraph": True}, True),  # AltGr on Windows
        ({"key": "/", "ctrlKey": True, "altKey": True, "modifierAltGraph": True}, True),  # not the sheet of shortcuts
        ({"key": "€", "modifierAltGraph": True}, True),  # AltGr on Linux
        ({"key": "Dead"}, True),  # an accent: its letter comes next
        ({"key": "\U0001e900"}, True),  # Adlam: two UTF-16 units
        ({"key": "c", "ctrlKey": True}, False),
        ({"key": "d", "altKey": True}, False),
        ({"key": " "}, False),
    ],
)
def test_whatever_types_a_character_beside_the_field_types_it_there(
    person: Make, key: dict[str, Any], goes_to_the_field: bool
) -> None:
    ann = person("Ann")
    ann.run(KEY, [key, None])
    assert (ann.run("document.activeElement.id") == "composer-body") is goes_to_the_field
    assert not ann.page.get_by_role("dialog").is_visible()


def test_shortcuts_leave_the_characters_of_altgr_and_the_keys_of_the_caret_alone(person: Make) -> None:
    ann = person("Ann")
    for key in ("k", "F", "/"):
        types = {"key": key, "ctrlKey": True, "altKey": True, "shiftKey": key == "F", "modifierAltGraph": True}
        assert ann.run(KEY, [types, "composer-body"]), f"AltGr and {key} are taken"
    ann.say("said")
    assert (
        ann.run(KEY, [{"key": "ArrowUp", "altKey": True}, "composer-body"]) is False
    )  # The field is empty: to the next room.
    expect(ann.composer).to_have_value("")  # And not to the last message.
    ann.write("one\n\ntwo")
    for key in ("ArrowUp", "ArrowDown"):
        for shift in (False, True):
            assert ann.run(KEY, [{"key": key, "altKey": True, "shiftKey": shift}, "composer-body"])
    ann.page.get_by_role("button", name="Search").first.click()
    assert ann.run(
        "() => document.querySelector('input[type=date]').dispatchEvent("
        "new KeyboardEvent('keydown', {key: 'ArrowDown', altKey: true, bubbles: true, cancelable: true}))"
    )


# --- markup by keys ---


def test_keys_mark_the_selection_and_take_the_mark_away_again(person: Make) -> None:
    ann = person("Ann")
    ann.write("a word here")
    select(ann, 2, 7)  # With the space that a double click selects on Windows.
    ann.composer.press("Control+b")
    expect(ann.composer).to_have_value("a **word** here")
    assert selected(ann) == "word"
    ann.composer.press("Control+i")
    expect(ann.composer).to_have_value("a ***word*** here")
    ann.composer.press("Control+b")
    expect(ann.composer).to_have_value("a *word* here")
    ann.composer.press("Control+i")
    expect(ann.composer).to_have_value("a word here")
    ann.composer.press("Control+z")
    expect(ann.composer).to_have_value("a *word* here")
    ann.composer.press("Control+Enter")
    expect(ann.bodies.locator("em")).to_have_text("word")


def test_ctrl_k_makes_the_selection_a_link_and_goes_to_a_room_without_one(person: Make) -> None:
    ann = person("Ann")
    ann.write("see the docs")
    select(ann, 8, 12)
    ann.composer.press("Control+k")
    ann.page.keyboard.type("https://example.com/")
    expect(ann.composer).to_have_value("see the [docs](https://example.com/)")
    expect(ann.page.get_by_role("dialog")).to_have_count(0)
    select(ann, 0, 0)
    ann.composer.press("Control+k")
    expect(ann.page.get_by_role("dialog", name="Go to a room")).to_be_visible()


def test_a_new_line_continues_a_list_and_an_empty_item_ends_it(person: Make) -> None:
    ann = person("Ann")
    for key in ("- milk", "Shift+Enter", "eggs", "Shift+Enter", "Shift+Enter", "9. nine", "Shift+Enter", "ten"):
        ann.composer.press(key) if key == "Shift+Enter" else ann.composer.press_sequentially(key)
    expect(ann.composer).to_have_value("- milk\n- eggs\n9. nine\n10. ten")


def test_enter_makes_a_line_in_an_open_code_block_and_sends_behind_it(person: Make) -> None:
    ann = person("Ann")
    for key in ("```python", "Enter", "if x:", "Enter", "    y", "Enter", "```", "Enter"):
        ann.composer.press(key) if key == "Enter" else ann.composer.press_sequentially(key)
    expect(ann.bodies.locator("pre")).to_have_text("if x:\n    y")
    expect(ann.composer).to_have_value("")
    ann.write("```\nnever closed").composer.press("Control+Enter")
    expect(ann.messages).to_have_count(2)


def test_an_emoji_is_inserted_at_the_caret_by_a_button(person: Make) -> None:
    ann = person("Ann")
    ann.write("well done")
    select(ann, 4, 4)
    button = ann.page.get_by_role("button", name="Insert an emoji")
    button.click()
    ann.page.get_by_role("dialog", name="Choose an emoji").get_by_role("button", name="party popper").first.click()
    expect(ann.composer).to_have_value("well🎉 done")
    expect(ann.composer).to_be_focused()
    expect(button).to_have_attribute("aria-expanded", "false")
    ann.page.keyboard.type("!")
    expect(ann.composer).to_have_value("well🎉! done")


# --- what is pasted or dropped ---


def test_an_address_pasted_over_a_selection_makes_it_a_link(person: Make) -> None:
    ann = person("Ann")
    ann.write("see the docs")
    select(ann, 8, 12)
    assert not paste(ann, text_plain="https://example.com/a")
    expect(ann.composer).to_have_value("see the [docs](https://example.com/a)")
    assert paste(ann, text_plain=" https://example.com/b")  # Nothing is selected now.
    expect(ann.composer).to_have_value("see the [docs](https://example.com/a) https://example.com/b")


def test_rows_of_a_spreadsheet_become_aligned_columns(person: Make) -> None:
    ann = person("Ann")
    ann.write("prices:")
    paste(ann, text_plain="apple\t1\r\npomegranate\t20\r\n", text_html="<table><tr><td>apple</td></tr></table>")
    expect(ann.composer).to_have_value("prices:\n```\napple         1\npomegranate  20\n```\n")


def test_a_table_too_large_to_be_read_as_text_is_pasted_as_it_is(person: Make) -> None:
    ann = person("Ann")
    rows = f"{'x' * 500}\t1\n" * 100
    assert paste(ann, text_plain=rows, text_html="<table></table>")
    expect(ann.composer).to_have_value(rows)


CODE = "def double(x):\n    return 2 * x\n\nprint(double(2))"


def test_pasted_code_is_offered_as_a_code_block(person: Make) -> None:
    ann = person("Ann")
    ann.write("look: ")
    paste(ann, text_plain=CODE)
    expect(ann.composer).to_have_value(f"look: {CODE}")
    bar = ann.page.locator("[data-module=pasting]")
    expect(bar).to_contain_text("This looks like code.")
    bar.get_by_role("button", name="Format as code").click()
    expect(ann.composer).to_have_value(f"look: \n```\n{CODE}\n```\n")
    expect(bar).to_be_hidden()
    expect(ann.composer).to_be_focused()
    ann.write("")
    paste(ann, text_plain="First we met.\nThen we talked about it.\nIt was late.")
    expect(bar).to_be_hidden()
    paste(ann, text_plain=CODE)
    expect(bar).to_be_visible()
    ann.composer.press("Control+Enter")
    expect(bar).to_be_hidden()


def test_a_file_is_refused_in_words_instead_of_being_opened(person: Make) -> None:
    ann = person("Ann")
    bar = ann.page.locator("[data-module=pasting]")
    assert not paste(ann, file="x")
    expect(bar).to_contain_text("Files can't be sent yet.")
    expect(bar.locator("[data-slot=format]")).to_be_hidden()
    bar.get_by_role("button", name="Close").click()
    expect(bar).to_be_hidden()
    drop = """(type) => {
        const data = new DataTransfer();
        data.items.add(new File(["x"], "cat.png"));
        return document.body.dispatchEvent(new DragEvent(type, {dataTransfer: data, bubbles: true, cancelable: true}));
    }"""
    assert ann.run(drop, "dragover") is False
    assert ann.run(drop, "drop") is False
    expect(bar).to_be_visible()


# --- a text too long for one message ---


def test_a_text_too_long_is_sent_as_several_messages_cut_where_it_reads_well(person: Make) -> None:
    ann = person("Ann")
    first, code, last = "one word " * 300, "print('x')  # " + "y" * 60, "z" * 900
    ann.write(f"{first}\n\n```python\n" + f"{code}\n" * 60 + f"```\n{last}")
    expect(ann.page.get_by_text("characters too many")).to_be_visible()
    ann.page.get_by_role("button", name="Send as 3 messages").click()
    expect(ann.messages).to_have_count(3)
    expect(ann.pending).to_have_count(0)
    expect(ann.composer).to_have_value("")
    expect(ann.composer).to_be_focused()
    texts = ann.bodies.all_inner_texts()
    assert texts[0].strip().startswith("one word")
    assert "".join(texts).count(code) == 60
    assert texts[2].strip().endswith(last)
    for index in (1, 2):  # The code block goes on as one.
        expect(ann.bodies.nth(index).locator("pre")).to_have_count(1)
    expect(ann.bodies.locator("pre .hl-string").first).to_be_visible()


def test_a_text_far_too_long_and_a_command_are_not_offered_to_be_split(person: Make) -> None:
    ann = person("Ann")
    split = ann.page.get_by_role("button", name=re.compile("Send as"))
    ann.write("x " * 10_000)
    expect(split).to_be_visible()
    ann.write("x " * 30_000)
    expect(split).to_be_hidden()
    ann.write("/me " + "x " * 3_000)
    expect(split).to_be_hidden()
    ann.write("/me waves")
    expect(ann.page.get_by_text("characters too many")).to_be_hidden()
