"""The page's layout: on a phone, in the dark, with the keyboard, and with readable colours."""

import re
from collections.abc import Callable
from typing import Literal

import pytest
from playwright.sync_api import expect

from tests.browser.person import Person, Wire
from tests.servers import ChattyServer

Make = Callable[..., Person]

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
LOADED = "performance.getEntriesByType('resource').map((entry) => entry.name)"
# Relative luminance and contrast as WCAG 2.2 defines them; a canvas turns any CSS colour into sRGB.
CONTRAST = """([front, back]) => {
    const luminance = (color) => {
        const context = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
        context.fillStyle = color;
        context.fillRect(0, 0, 1, 1);
        const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
            const part = byte / 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const [dark, light] = [luminance(front), luminance(back)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
}"""


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_nothing_scrolls_sideways_however_long_the_words(person: Make, width: int) -> None:
    ann = person("A" * 40, viewport={"width": width, "height": 740})
    ann.say("x" * 500).say("https://example.com/" + "y" * 300)
    ann.page.context.set_offline(True)
    expect(ann.bar).to_be_visible()
    ann.filter_by("A" * 40) if width >= 768 else ann.run(f"location.hash = '#users/{ann.id}'")
    expect(ann.page.locator("[data-module=filter-banner]")).to_be_visible()
    sideways = "e => e.scrollWidth > e.clientWidth"
    for part in ("html", ".room", ".scroller", ".room-head", ".composer"):
        assert not ann.page.locator(part).evaluate(sideways), part


def test_what_stands_below_the_field_stays_where_it_is(person: Make) -> None:
    ann = person("Ann")
    way_to_help = ann.page.get_by_role("button", name="Formatting help")
    place = way_to_help.bounding_box()
    ann.write("x" * 3_990)
    expect(ann.page.get_by_text("10 characters left")).to_be_visible()
    assert way_to_help.bounding_box() == place
    ann.write("/dance").composer.press("Enter")
    expect(ann.page.get_by_text("Unknown command")).to_be_visible()
    box = way_to_help.bounding_box()
    assert box
    assert place
    assert box["x"] == place["x"]


@pytest.mark.parametrize(("width", "height"), [(360, 640), (640, 360)])
def test_however_many_bars_there_are_one_can_read_and_write(visitor: Make, width: int, height: int) -> None:
    ann = visitor(viewport={"width": width, "height": height})
    wire = Wire(ann.page)
    wire.keep = lambda event: event.update(build="newer") or True if event["type"] == "welcome" else True
    ann.open("#links").enter("Ann").say("https://example.com")
    ann.run("() => { Object.defineProperty(Notification, 'permission', {value: 'denied'}); }")
    ann.run("app.events.publish('menu:chosen', {kind: 'room', subject: {}, entry: 'alerts', value: 'all'})")
    build = ann.page.get_by_text("A new version of Chatty is available.")
    expect(build).to_be_attached()
    expect(ann.page.get_by_text("Notifications are blocked")).to_be_attached()

    def leave_room() -> None:
        for part in (ann.composer, ann.send_button):
            expect(part).to_be_in_viewport(ratio=1)
        scroller = ann.page.get_by_role("region", name="Messages").bounding_box()
        assert scroller
        assert scroller["height"] > height / 8

    leave_room()
    wire.cut()
    expect(ann.bar).to_be_in_viewport()
    expect(build).to_be_hidden()  # A reload has nothing to load.
    leave_room()
    wire.mend()
    ann.wait_until_joined()
    expect(build).to_be_visible()


def test_members_slide_in_on_a_phone_and_choosing_one_slides_them_out(person: Make) -> None:
    ann, bob = person("Ann", **PHONE), person("Bob")
    ann.say("from Ann")
    bob.say("from Bob")
    expect(ann.messages).to_have_count(2)
    expect(ann.member("Bob")).not_to_be_in_viewport()
    button = ann.page.get_by_role("button", name="Show rooms and people")
    expect(button).to_contain_text("2")
    button.click()
    expect(ann.page.locator(".sidebar")).to_have_attribute("aria-modal", "true")
    ann.filter_by("Bob")
    expect(ann.member("Bob")).not_to_be_in_viewport()
    expect(ann.bodies).to_have_text(["from Bob"])
    button.click()
    expect(ann.page.locator(".sidebar")).to_have_attribute("aria-modal", "true")
    for _ in range(40):  # Further than there are things to reach.
        ann.page.keyboard.press("Tab")
        assert ann.run(
            "document.activeElement === document.body || Boolean(document.activeElement.closest('.sidebar'))"
        )
    ann.page.keyboard.press("Escape")
    expect(ann.member("Bob")).not_to_be_in_viewport()
    expect(button).to_be_focused()
    button.click()
    expect(ann.page.locator(".sidebar")).to_have_attribute("aria-modal", "true")
    ann.page.mouse.click(355, 300)  # Beside it.
    expect(ann.member("Bob")).not_to_be_in_viewport()
    expect(button).to_be_focused()


def test_touch_targets_are_big_enough_on_a_phone(person: Make) -> None:
    ann = person("Ann", **PHONE)
    ann.page.get_by_role("button", name="Show rooms and people").click()
    expect(ann.page.locator(".sidebar")).to_have_attribute("aria-modal", "true")
    for target in ann.page.locator("button:visible, a:visible:not(.skip-link), textarea:visible").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 44, target.evaluate("e => e.outerHTML")
        assert box["width"] >= 44, target.evaluate("e => e.outerHTML")


@pytest.mark.parametrize(("scheme", "other"), [("light", "dark"), ("dark", "light")])
def test_theme_follows_the_system_until_one_is_chosen_which_is_kept(
    person: Make, scheme: str, other: Literal["light", "dark"]
) -> None:
    ann = person("Ann", color_scheme=scheme)
    html, frame = ann.page.locator("html"), ann.page.locator("meta[name=theme-color]").first
    canvas = {"light": "#faf9f6", "dark": "#191816"}
    expect(html).to_have_attribute("data-bs-theme", scheme)
    ann.page.emulate_media(color_scheme=other)
    expect(html).to_have_attribute("data-bs-theme", other)
    expect(frame).to_have_attribute("content", canvas[other])
    ann.page.get_by_role("button", name="Theme: System").click()
    ann.page.get_by_role("button", name="Theme: Light").click()
    ann.page.get_by_role("button", name="Theme: Dark").wait_for()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    ann.page.emulate_media(color_scheme="light")
    ann.reload()
    expect(html).to_have_attribute("data-bs-theme", "dark")
    expect(frame).to_have_attribute("content", canvas["dark"])  # The phone's own bar.


def test_chosen_theme_is_there_before_anything_is_painted(person: Make) -> None:
    ann = person("Ann", color_scheme="light")
    ann.run("localStorage.setItem('chatty.theme', JSON.stringify('dark'))")
    ann.page.route("**/bundle/page*.js", lambda route: route.abort())
    ann.reload()
    expect(ann.page.locator("html")).to_have_attribute("data-bs-theme", "dark")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_initials_can_be_read_on_every_colour(person: Make, scheme: str) -> None:
    ann = person("Ann", color_scheme=scheme)
    avatar = ann.member("Ann").locator(".avatar")
    worst = min(
        ann.run(
            CONTRAST,
            avatar.evaluate(
                """(e, hue) => {
                    e.style.setProperty("--hue", hue);
                    const style = getComputedStyle(e);
                    return [style.color, style.backgroundColor];
                }""",
                hue,
            ),
        )
        for hue in range(0, 360, 15)
    )
    assert worst >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_can_be_read_on_its_ground(person: Make, scheme: str) -> None:
    ann = person("Ann", color_scheme=scheme)
    pairs = [
        (front, back)
        for front in ("ink", "ink-soft", "ink-faint", "own", "accent", "danger")
        for back in ("canvas", "surface", "sunken", "hover")
    ] + [
        ("on-accent", "accent"),
        ("on-accent", "accent-strong"),
        ("warning-ink", "warning-wash"),
        ("danger", "danger-wash"),
        ("accent", "accent-wash"),
    ]
    colour = "name => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)"
    for front, back in pairs:
        contrast = ann.run(CONTRAST, [ann.run(colour, front), ann.run(colour, back)])
        assert contrast >= 4.5, f"{front} on {back}: {contrast:.2f}"


def test_every_part_is_reached_by_the_tab_key(person: Make) -> None:
    ann, _ = person("Ann"), person("Bob").say("hello")
    expect(ann.messages).to_have_count(1)
    ann.run("document.activeElement.blur()")
    reached = ""
    for _ in range(40):
        ann.page.keyboard.press("Tab")
        reached += ann.run("document.activeElement.ariaLabel ?? document.activeElement.textContent") + "\n"
    for part in (
        "Skip to message field",
        "All messages",
        "Ann",
        "Change your name",
        "Bob",
        "Theme",
        "Messages",
        "Send",
    ):
        assert part in reached


def test_every_control_and_icon_has_a_name(person: Make) -> None:
    ann = person("Ann").say("one")
    nameless = ann.run(
        """() => [...document.querySelectorAll("button, a, input, textarea")]
            .filter((e) => e.checkVisibility() && !(e.textContent.trim() || e.ariaLabel || e.title || e.labels?.length))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []
    assert ann.page.locator("svg:not([aria-hidden=true]):not([aria-label])").count() == 0


def test_page_holds_no_inline_script_or_style(visitor: Make) -> None:
    html = visitor().page.request.get(visitor().url).text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
    assert not re.search(r"<style|\sstyle=|\son\w+=", html)


def test_a_first_visit_takes_few_requests_and_bytes(visitor: Make) -> None:
    ann = visitor().open().enter("Ann")
    loaded = ann.run("""() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
        .map((entry) => [entry.name, entry.encodedBodySize])""")
    assert len(loaded) <= 15, loaded
    assert sum(size for _name, size in loaded) <= 98 * 1024, (sum(size for _name, size in loaded), loaded)
    files = [url.rpartition("/static/")[2] for url, _size in loaded if "/static/" in url]
    assert {"chat/bundle/page.js", "chat/bundle/page.css"} <= {re.sub(r"\.[0-9a-f]{12}", "", name) for name in files}
    assert [name for name in files if not re.search(r"\.[0-9a-f]{12}\.\w+$", name)] == []


def test_page_without_a_bundle_loads_hashed_files_only_and_each_module_once(
    visitor: Make, unbundled_server: ChattyServer, room: str
) -> None:
    ann = visitor(url=f"{unbundled_server.http_url}/chatty/{room}").open().enter("Ann")
    ann.say("module by module")
    files = [url.rpartition("/static/")[2] for url in ann.run(LOADED) if "/static/" in url]
    assert len(files) > 100
    assert [name for name in files if not re.search(r"\.[0-9a-f]{12}\.\w+$", name)] == []
    scripts = [name for name in files if name.endswith(".js")]
    assert len(set(scripts)) == len(scripts)
