"""What the page shows of states: what is selected, pending, edited or answered; and that nothing covers words."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.person import Person, Wire
from tests.servers import ChattyServer

Make = Callable[..., Person]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
LONG = "Some words that fill a line and a second one, and a third one where there is little room for it. " * 3
# The rectangles of an element's words that lie under another one.
COVERED = """([cover, container]) => {
    const over = cover.getBoundingClientRect();
    const walker = document.createTreeWalker(container, NodeFilter.SHOW_TEXT);
    const found = [];
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        if (cover.contains(node) || !node.parentElement.checkVisibility({opacityProperty: true})) continue;
        if (node.parentElement.closest(".visually-hidden, .message-edited")) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        for (const box of range.getClientRects()) {
            const isApart = box.right <= over.left || box.left >= over.right || box.bottom <= over.top || box.top >= over.bottom;
            if (!isApart && box.width > 1) found.push(node.textContent.trim());
        }
    }
    return found.filter(Boolean);
}"""  # noqa: E501
GROUND = "e => getComputedStyle(e).backgroundColor"
CLEAR = "rgba(0, 0, 0, 0)"


def choose(somebody: Person, text: str, entry: str) -> None:
    somebody.message(text).hover()
    somebody.message(text).get_by_role("button", name="More actions for this message").click()
    somebody.page.get_by_role("menuitem", name=entry, exact=True).click()


def height(part: Locator) -> float:
    box = part.bounding_box()
    assert box
    return box["height"]


@pytest.mark.parametrize("width", [800, 1024, 1120, 1920])
def test_tools_of_messages_are_never_over_words(person: Make, width: int) -> None:
    ann = person("Ann", viewport={"width": width, "height": 700})
    for _ in range(3):
        ann.say(LONG)
    for item in ann.messages.all():
        item.hover()
        tools = item.locator(".message-tools")
        expect(tools).to_have_css("opacity", "1")
        covered = ann.run(COVERED, [tools.element_handle(), ann.page.locator(".messages").element_handle()])
        assert covered == []


def test_lines_stay_readable_on_a_wide_screen_and_code_has_all_of_the_column(person: Make) -> None:
    ann = person("Ann", viewport={"width": 1920, "height": 900}).say(LONG).say("```\n" + "x" * 200 + "\n```")
    column = ann.page.locator(".scroller > .column").bounding_box()
    text = ann.bodies.first.locator("p").bounding_box()
    code = ann.bodies.last.locator("pre").bounding_box()
    assert column
    assert text
    assert code
    assert column["width"] == 860
    assert text["width"] < 600 < code["width"]


def test_rows_are_low_for_a_mouse_and_high_for_a_finger(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob", viewport={"width": 1024, "height": 768}, has_touch=True, is_mobile=True)
    for somebody, wanted in ((ann, 34), (bob, 44)):
        for part in (".room-item .entry", ".members .entry", "[data-condition=links] .entry"):
            assert height(somebody.page.locator(part).first) == wanted, part
    ann.page.locator(".room-head [data-slot=menu]").click()
    assert height(ann.page.get_by_role("menuitem").first) == 34


def test_the_room_is_the_one_selected_thing_whatever_the_filter(person: Make) -> None:
    ann, bob = person("Ann"), person("Bob").say("hello")
    expect(ann.messages).to_have_count(1)

    def selected() -> list[str]:
        entries = ann.page.locator(".sidebar .entry").all()
        return [entry.inner_text().strip() for entry in entries if entry.evaluate(GROUND) != CLEAR]

    room = ann.page.locator(".room-item bdi").inner_text()
    ann.page.locator(".room-title").hover()
    assert [name.split("\n")[-1] for name in selected()] == [room]
    ann.filter_by("Bob")
    ann.page.locator(".room-title").hover()
    chip = ann.page.locator(".filter-chip")
    expect(chip).to_contain_text("Bob")
    expect(ann.member("Bob").get_by_role("link")).to_have_attribute("aria-current", "true")
    expect(ann.member("Bob").get_by_role("button", pressed=True)).to_be_visible()
    expect(ann.page.locator(".room-item .entry")).not_to_have_css("background-color", CLEAR)
    expect(ann.member("Bob").get_by_role("link")).to_have_css("background-color", CLEAR)
    chip.get_by_role("button", name="Remove filter").click()
    expect(ann.page.locator("[data-module=filter-banner]")).to_be_hidden()
    expect(bob.messages).to_have_count(1)


def test_a_long_message_unfolds_and_folds_again_where_it_can_be_seen(person: Make) -> None:
    ann = person("Ann")
    for number in range(12):
        ann.say(f"before {number}")
    ann.say("\n".join(f"line {number}" for number in range(80))).say("after it")
    item = ann.messages.nth(12)
    folded = height(item)
    button = item.locator(".message-unfold")
    expect(button).to_have_text("Show more")
    expect(button).to_have_attribute("aria-expanded", "false")
    button.click()
    expect(button).to_have_text("Show less")
    assert height(item) > 2 * folded
    button.click()
    expect(button).to_have_text("Show more")
    assert height(item) == folded
    expect(item).to_be_in_viewport()


def test_the_message_being_edited_or_answered_is_marked(person: Make) -> None:
    ann = person("Ann").say("first").say("second")
    marked = ann.page.locator(".message[data-subject]")
    choose(ann, "first", "Edit")
    expect(marked).to_have_count(1)
    expect(marked).to_contain_text("first")
    ann.reload().wait_until_joined()
    expect(marked).to_contain_text("first")
    ann.composer.press("Escape")
    expect(marked).to_have_count(0)
    choose(ann, "second", "Reply")
    expect(marked).to_contain_text("second")
    ann.say("an answer")
    expect(marked).to_have_count(0)


def test_edited_is_said_behind_the_text_and_is_no_part_of_it(person: Make) -> None:
    ann = person("Ann").say("frist").say("in code")
    for old, new in (("frist", "first"), ("in code", "```\nbetter code\n```")):
        choose(ann, old, "Edit")
        ann.write(new).composer.press("Control+Enter")
    expect(ann.bodies).to_have_text(["first", "better code"])
    behind = "e => getComputedStyle(e, '::after').content"
    assert ann.bodies.first.locator("p").evaluate(behind) == '"edited"'
    assert ann.bodies.last.evaluate(behind) == '"edited"'
    expect(ann.messages.first.locator(".message-time")).to_have_attribute(
        "data-exact", re.compile(r"\(edited .*\d.*\)$")
    )


def test_a_message_without_an_answer_looks_like_it(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann").say("sent")
    note = "Not sent yet"
    expect(ann.message("sent").get_by_text(note)).to_be_hidden()
    wire.cut()
    ann.write("waits").composer.press("Enter")
    expect(ann.message("waits").get_by_text(note)).to_be_visible()
    width = ann.message("waits").locator(".message-main").evaluate("e => e.clientWidth")
    wire.mend()
    expect(ann.pending).to_have_count(0)
    expect(ann.message("waits").get_by_text(note)).to_be_hidden()
    assert ann.message("waits").locator(".message-main").evaluate("e => e.clientWidth") == width


def test_on_a_phone_the_menu_has_the_theme_and_the_button_to_send_is_an_icon(person: Make) -> None:
    ann = person("Ann", color_scheme="light", **PHONE)
    assert ann.send_button.bounding_box()["width"] == 44  # type: ignore[index]
    expect(ann.page.locator(".theme-button")).to_be_hidden()
    menu = ann.page.locator(".room-head [data-slot=menu]")
    menu.tap()
    ann.page.get_by_role("menuitemradio", name="Theme: Dark").tap()
    expect(ann.page.locator("html")).to_have_attribute("data-bs-theme", "dark")
    menu.tap()
    expect(ann.page.get_by_role("menuitemradio", name="Theme: Dark")).to_have_attribute("aria-checked", "true")
    expect(ann.page.get_by_role("menuitemradio", name="Theme: System")).to_have_attribute("aria-checked", "false")
    ann.page.keyboard.press("Escape")
    ann.reload().wait_until_joined()
    expect(ann.page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_an_empty_room_says_what_to_do(visitor: Make, person: Make) -> None:
    ann = visitor(permissions=["clipboard-read", "clipboard-write"])
    wire = Wire(ann.page)
    wire.keep = lambda event: event.update(may_describe=True) or True if event["type"] == "welcome" else True
    ann.open("#users").enter("Ann")
    ann.page.get_by_role("button", name="Copy invitation link").click()
    expect(ann.page.get_by_text("Link copied")).to_be_visible()
    assert ann.run("navigator.clipboard.readText()") == ann.url
    ann.page.locator(".empty").get_by_role("button", name="Add a topic").click()
    expect(ann.page.get_by_role("dialog", name="Edit name and topic")).to_be_visible()
    bob = person("Bob")
    expect(bob.page.get_by_role("button", name="Copy invitation link")).to_be_visible()
    expect(bob.page.locator(".empty").get_by_role("button", name="Add a topic")).to_be_hidden()  # He may not.
    bob.say("hello")
    expect(bob.page.get_by_role("button", name="Copy invitation link")).to_be_hidden()


def test_people_of_a_room_have_colours_that_differ(visitor: Make) -> None:
    ann = visitor()
    wire = Wire(ann.page)
    ann.open().enter("Ann")
    for number in range(8):
        member = {"id": f"00000000-0000-4000-8000-{number:012}", "name": f"Guest {number}"}
        wire.say({"type": "joined", "member": member, "online": number + 2})
    expect(ann.roster).to_have_count(9)
    hues = sorted(
        float(colour.rpartition(" ")[2].rstrip(")"))
        for colour in ann.roster.locator(".avatar").evaluate_all(
            "all => all.map((e) => getComputedStyle(e).backgroundColor)"
        )
    )
    gaps = [after - before for before, after in zip(hues, [*hues[1:], hues[0] + 360], strict=True)]
    assert min(gaps) >= 16, hues


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_moderators_sign_in_in_chattys_colours(visitor: Make, server: ChattyServer, scheme: str) -> None:
    mo = visitor(url=f"{server.http_url}/admin/login/", color_scheme=scheme, viewport={"width": 360, "height": 640})
    mo.open()
    accent = {"light": "rgb(29, 117, 73)", "dark": "rgb(95, 199, 145)"}[scheme]
    expect(mo.page.get_by_role("button", name="Log in")).to_have_css("background-color", accent)
    assert mo.run("document.documentElement.scrollWidth") <= 360
