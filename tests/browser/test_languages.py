"""The page in readers' languages, time zones and writing directions."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.browser.person import Person

Make = Callable[..., Person]

SIDEWAYS = """() => [...document.querySelectorAll("html, .room, .scroller, .room-head, .composer, .sidebar, .search")]
    .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.className)"""


def test_the_page_comes_in_the_readers_language_until_another_is_chosen(visitor: Make) -> None:
    anna = visitor(locale="de-AT", timezone_id="Europe/Vienna").open()
    html, page = anna.page.locator("html"), anna.page
    expect(html).to_have_attribute("lang", "de")
    page.get_by_label("Steht neben deinen Nachrichten").press("Enter")
    expect(page.locator(".members bdi")).to_have_text(re.compile(r"^Anonym\d+$"))
    page.get_by_role("textbox", name="Nachricht", exact=True).fill("hallo")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nur du bist hier")).to_be_visible()

    page.get_by_role("button", name="English").click()
    expect(html).to_have_attribute("lang", "en")
    anna.wait_until_joined()
    expect(anna.bodies).to_have_text(["hallo"])
    expect(page.get_by_role("button", name="English")).to_have_attribute("aria-current", "true")
    page.goto(anna.url + "-2")
    expect(html).to_have_attribute("lang", "en")


def test_times_are_the_readers_own_in_zone_and_hours_and_the_words_are_the_pages(visitor: Make, person: Make) -> None:
    bob = person("Bob", locale="en-US", timezone_id="America/New_York")
    bob.say("when?")
    at = bob.page.locator(".message time").first.get_attribute("datetime")
    readers = [
        person("Ann", locale="en-GB", timezone_id="Asia/Kolkata"),
        # A language that the page doesn't have: English words, and the hours as there.
        person("Jun", locale="ja-JP", timezone_id="Asia/Tokyo"),
        bob,
    ]
    shown = "at => new Intl.DateTimeFormat(...%s).format(new Date(at))"
    expected = [
        '["en-GB", {timeZone: "Asia/Kolkata", hour: "numeric", minute: "2-digit"}]',
        '["en", {timeZone: "Asia/Tokyo", hour: "numeric", minute: "2-digit", hourCycle: "h23"}]',
        '["en-US", {timeZone: "America/New_York", hour: "numeric", minute: "2-digit"}]',
    ]
    for reader, arguments in zip(readers, expected, strict=True):
        time = reader.page.locator(".message time").first
        expect(time).to_have_text(reader.run(shown % arguments, at))
        day = 'new Intl.DateTimeFormat("en", {weekday: "long"}).format(new Date(at))'
        expect(reader.page.locator(".message-day").first).to_contain_text(reader.run(f"at => {day}", at))
    assert re.fullmatch(r"\d\d?:\d\d", readers[0].page.locator(".message time").first.inner_text())
    assert "M" in bob.page.locator(".message time").first.inner_text()


def test_a_browser_whose_language_is_none_shows_the_pages_own_hours(visitor: Make) -> None:
    ann = visitor()
    ann.page.add_init_script("Object.defineProperty(Navigator.prototype, 'language', {value: 'C'})")
    ann.open().enter("Ann").say("when?")
    assert re.fullmatch(r"\d\d?:\d\d\s[AP]M", ann.page.locator(".message time").first.inner_text())


def test_right_to_left_mirrors_the_page_and_nothing_sticks_out(visitor: Make, person: Make) -> None:
    person("אבישג").say("שלום לכולם, קראתם את https://example.com/a?b=c כבר?").say("English in between.")
    ann = visitor()
    # No language of Chatty's own runs right to left yet; for one that does, the template says so.
    ann.page.add_init_script("addEventListener('readystatechange', () => (document.documentElement.dir = 'rtl'), true)")
    ann.open().enter("Ann")
    ann.say("مرحبا بالجميع").say("```python\nprint('left to right')\n```").say("- one\n- two\n\n> three")
    sidebar, room = ann.page.locator(".sidebar"), ann.page.locator(".room")
    for width in (1280, 360):
        ann.page.set_viewport_size({"width": width, "height": 740})
        assert ann.run(SIDEWAYS) == []
        send, field = ann.send_button.bounding_box(), ann.composer.bounding_box()
        assert send
        assert field
        assert send["x"] < field["x"]
        if width == 1280:
            side, main = sidebar.bounding_box(), room.bounding_box()
            assert side
            assert main
            assert side["x"] > main["x"]
            ann.page.get_by_role("button", name="Search", exact=True).click()
            # Whichever way the words run, they don't run below the button.
            for words in ("words", "שלום"):
                ann.page.get_by_role("searchbox").fill(words)
                expect(ann.page.get_by_role("searchbox")).to_have_css("padding-left", "48px")
            ann.page.keyboard.press("Escape")
        else:
            ann.page.get_by_role("button", name="Show rooms and people").click()
            expect(sidebar).to_have_attribute("aria-modal", "true")
            expect(ann.member("Ann")).to_be_in_viewport(ratio=1)
            box = sidebar.bounding_box()
            assert box
            assert round(box["x"] + box["width"]) == width  # It slides in from where reading starts.
    assert ann.page.locator("pre").evaluate("e => getComputedStyle(e).direction") == "ltr"
    # As Firefox has it: an item is aligned as its list is, and its words with it, however they run.
    ann.run(
        """() => {
            const sheet = new CSSStyleSheet();
            sheet.replaceSync("@layer bootstrap { li { text-align: left } }");
            document.adoptedStyleSheets.push(sheet);
        }"""
    )
    expect(ann.message("مرحبا بالجميع").locator(".message-body")).to_have_css("text-align", "start")
