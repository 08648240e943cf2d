"""The formats: by keys, by the toolbar's buttons, and as rules; and the key that sends."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.field import paste, select, selected
from tests.browser.person import Person

Make = Callable[..., Person]
PHONE = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}

# The field before and after, with the selection in ⟨⟩. Formatting the result again gives the text without ⟨⟩ again.
TOGGLED = [
    ("bold", "a ⟨word⟩ here", "a **⟨word⟩** here"),
    ("italic", "a ⟨word ⟩here", "a *⟨word⟩* here"),
    ("code", "run ⟨ls -l⟩ now", "run `⟨ls -l⟩` now"),
    ("code", "⟨one\ntwo⟩", "⟨```\none\ntwo\n```⟩\n"),
    ("code", "see:\n⟨one\n```\ntwo⟩", "see:\n⟨````\none\n```\ntwo\n````⟩\n"),
    ("list", "⟨milk\n\neggs⟩", "⟨- milk\n\n- eggs⟩"),
    ("list", "first\nmi⟨⟩lk\nlast", "first\n- mi⟨⟩lk\nlast"),
    ("list", "⟨⟩", "- ⟨⟩"),
    ("quote", "⟨one\n\ntwo⟩\nthree", "⟨> one\n> \n> two⟩\nthree"),
    ("quote", "one\n⟨two\n⟩three", "one\n⟨> two⟩\nthree"),
    ("link", "see ⟨docs⟩", "see [docs](⟨⟩)"),
]
CHANGED = [
    ("code", "```python\n⟨one\ntwo⟩\n```\nmore", "⟨one\ntwo⟩\nmore"),
    ("code", "```\nopen ⟨block⟩", "```\nopen ⟨block⟩"),
    ("bold", "**bold⟨⟩** text", "**bold**⟨⟩ text"),
    ("bold", "not yet ⟨⟩", "not yet **⟨⟩**"),
    ("bold", "**⟨⟩**", "⟨⟩"),
    ("list", "⟨1. one\n- two\n  * three⟩", "⟨one\ntwo\n  three⟩"),
    ("list", "⟨- one\ntwo⟩", "⟨- - one\n- two⟩"),
    ("link", "[⟨docs⟩](https://example.com/a)", "⟨docs⟩"),
    ("link", "[docs](https://example.com/⟨⟩a) and", "⟨docs⟩ and"),
    ("link", "⟨https://example.com/⟩", "[⟨⟩](https://example.com/)"),
    ("link", "see ⟨⟩", "see [⟨⟩](https://)"),
]
FORMAT = """async ([text, from, to, name]) => {
    const {format} = await import("/static/chat/js/composer/formats.js");
    const field = document.getElementById("composer-body");
    field.value = text;
    field.setSelectionRange(from, to);
    format(field, name);
    const {value, selectionStart: start, selectionEnd: end} = field;
    return value.slice(0, start) + "⟨" + value.slice(start, end) + "⟩" + value.slice(end);
}"""


def formatted(person: Person, name: str, marked: str) -> str:
    start, end = marked.index("⟨"), marked.index("⟩") - 1
    found = person.run(FORMAT, [re.sub("[⟨⟩]", "", marked), start, end, name])
    assert isinstance(found, str)
    return found


def test_a_format_is_set_and_taken_away_again(person: Make) -> None:
    ann = person("Ann")
    for name, before, after in TOGGLED:
        assert formatted(ann, name, before) == after
        again = re.sub("[⟨⟩]", "", formatted(ann, name, after)).removesuffix("\n")
        assert again == re.sub("[⟨⟩]", "", before), f"{name} again"


def test_a_format_does_what_fits_the_text_around(person: Make) -> None:
    ann = person("Ann")
    assert [formatted(ann, name, before) for name, before, _ in CHANGED] == [after for _, _, after in CHANGED]


def toolbar(person: Person) -> Locator:
    return person.page.get_by_role("toolbar", name="Formatting")


def test_the_toolbar_formats_and_keeps_the_selection_and_undo(person: Make) -> None:
    ann = person("Ann")
    ann.write("see the docs")
    select(ann, 8, 12)
    for label, text in (("Bold", "see the **docs**"), ("Bold", "see the docs"), ("Code", "see the `docs`")):
        toolbar(ann).get_by_role("button", name=label).click()
        expect(ann.composer).to_have_value(text)
        assert selected(ann) == "docs"
    expect(ann.composer).to_be_focused()
    ann.composer.press("Control+z")
    expect(ann.composer).to_have_value("see the docs")
    ann.composer.press("Control+Shift+c")
    expect(ann.composer).to_have_value("see the `docs`")
    ann.composer.dispatch_event("keydown", {"key": "и", "code": "KeyB", "ctrlKey": True})  # A Cyrillic keyboard.
    expect(ann.composer).to_have_value("see the `**docs**`")


def test_the_toolbar_is_one_stop_of_tab_and_arrows_move_in_it(person: Make) -> None:
    ann = person("Ann")
    ann.write("milk")
    ann.send_button.focus()
    ann.page.keyboard.press("Tab")
    expect(toolbar(ann).get_by_role("button", name="Bold")).to_be_focused()
    ann.page.keyboard.press("ArrowLeft")
    expect(toolbar(ann).get_by_role("button", name="Quote")).to_be_focused()
    ann.page.keyboard.press("ArrowLeft")
    ann.page.keyboard.press("Enter")
    expect(ann.composer).to_have_value("- milk")
    expect(ann.composer).to_be_focused()
    ann.send_button.focus()
    ann.page.keyboard.press("Tab")
    expect(toolbar(ann).get_by_role("button", name="List")).to_be_focused()
    ann.page.keyboard.press("Tab")
    expect(ann.page.locator(".composer-help")).to_be_focused()


def test_on_a_phone_a_button_shows_the_toolbar_and_it_stays(person: Make) -> None:
    ann = person("Ann", **PHONE)
    opener = ann.page.get_by_role("button", name="Formatting", exact=True)
    expect(toolbar(ann)).to_be_hidden()
    ann.composer.tap()
    opener.tap()
    expect(ann.composer).to_be_focused()  # So its keyboard stays.
    ann.write("milk")
    toolbar(ann).get_by_role("button", name="List").tap()
    expect(ann.composer).to_have_value("- milk")
    for button in toolbar(ann).get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert box["width"] >= 44
        assert box["height"] >= 44
        assert box["x"] + box["width"] <= 360
    ann.reload().wait_until_joined()
    expect(toolbar(ann)).to_be_visible()
    opener.tap()
    expect(toolbar(ann)).to_be_hidden()


# --- the key that sends ---


@pytest.mark.parametrize(("options", "sends"), [({}, True), (PHONE, False)], ids=["keyboard", "phone"])
def test_whether_enter_sends_is_a_setting_of_this_browser(
    person: Make, options: dict[str, object], *, sends: bool
) -> None:
    ann = person("Ann", **options)

    def is_sent_by_enter(text: str) -> bool:
        ann.write(text).composer.press("Enter")
        value: str = ann.composer.input_value()
        assert value in ("", f"{text}\n")
        return not value

    def change(before: bool) -> None:
        ann.page.locator(".room-head").get_by_role("button", name="More actions for this room").click()
        entry = ann.page.get_by_role("menuitemcheckbox", name="Enter sends the message")
        expect(entry).to_have_attribute("aria-checked", str(before).lower())
        entry.click()

    assert is_sent_by_enter("one") is sends
    change(before=sends)
    assert is_sent_by_enter("two") is not sends
    expect(ann.composer).to_have_attribute("enterkeyhint", "enter" if sends else "send")
    ann.reload().wait_until_joined()
    assert is_sent_by_enter("three") is not sends
    if sends:
        expect(ann.page.get_by_text("for a new line, Ctrl Enter to send")).to_be_visible()
        ann.write("- milk").composer.press("Enter")
        expect(ann.composer).to_have_value("- milk\n- ")  # Enter continues a list.
        ann.composer.press("Control+Enter")
        expect(ann.composer).to_have_value("")
    change(before=not sends)
    assert is_sent_by_enter("four") is sends


# --- tables ---


TABLES = [
    ("apple\t1\npomegranate\t20\n", "apple         1\npomegranate  20"),
    (
        "東京\ta\nRome\tb\n한글 a\tc\nﾊﾝｶｸ\td\ne\u0301🎉\te",
        "東京    a\nRome    b\n한글 a  c\nﾊﾝｶｸ    d\ne\u0301🎉     e",
    ),
    ("Item\tPrice\nTea\t€ 1.50\nSalt\t\nCake\t12.00", "Item   Price\nTea   € 1.50\nSalt\nCake   12.00"),
    ('a\t"two\nlines, ""said"""\nb\t"half', 'a  two lines, "said"\nb  "half'),
    ("a\tb\n\tc", "a  b\n   c"),
    ("a\tb\nc", None),
    ("one\ntwo", None),
    ("one\ttwo", None),
    ("x" * 30_000 + "\ty\nz\ty", None),
]


def test_columns_are_aligned(person: Make) -> None:
    ann = person("Ann")
    script = """async (texts) => {
        const {alignTable} = await import("/static/chat/js/composer/tables.js");
        return texts.map((text) => alignTable(text));
    }"""
    assert ann.run(script, [text for text, _ in TABLES]) == [table for _, table in TABLES]


def test_a_spreadsheets_rows_may_have_different_lengths(person: Make) -> None:
    ann = person("Ann")
    paste(ann, text_plain="Fruit\napple\tred", text_html="<table></table>")
    expect(ann.composer).to_have_value("```\nFruit\napple  red\n```\n")


def test_rows_with_tabs_are_offered_as_a_table(person: Make) -> None:
    ann = person("Ann")
    bar = ann.page.locator("[data-module=pasting]")
    paste(ann, text_plain="apple\t1\npomegranate\t20")
    expect(ann.composer).to_have_value("apple\t1\npomegranate\t20")
    expect(bar).to_contain_text("This looks like a table.")
    bar.get_by_role("button", name="Format as table").click()
    expect(ann.composer).to_have_value("```\napple         1\npomegranate  20\n```\n")
    ann.write("")
    paste(ann, text_plain="\tif x:\n\t\ty\n\treturn x")
    expect(bar).to_contain_text("This looks like code.")
