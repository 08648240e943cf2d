"""The page on a phone: its on-screen keyboard, and its notifications."""

from collections.abc import Callable

from playwright.sync_api import ViewportSize, expect

from tests.browser.person import Person

Make = Callable[..., Person]
SCREEN: ViewportSize = {"width": 360, "height": 720}
WITH_KEYBOARD: ViewportSize = {"width": 360, "height": 420}
PHONE = {"viewport": SCREEN, "has_touch": True, "is_mobile": True}
# As on Android: only a worker may show notifications. What it shows is kept in `shown`.
ANDROID = """
window.shown = [];
window.Notification = class { constructor() { throw new TypeError("Illegal constructor"); } };
Notification.permission = "granted";
Notification.requestPermission = async () => "granted";
const registration = {
    showNotification: async (title, options) => shown.push({title, ...options}),
    getNotifications: async ({tag}) => shown.filter((each) => each.tag === tag)
        .map((each) => ({close: () => (each.isClosed = true)})),
};
const getRegistration = async () => window.hasWorker ? registration : undefined;
Object.defineProperty(navigator.serviceWorker, "getRegistration", {value: getRegistration});
"""


def test_enter_breaks_the_line_and_the_button_sends(person: Make) -> None:
    ann, bob = person("Ann", **PHONE), person("Bob")
    assert ann.composer.evaluate("field => field.enterKeyHint") == "enter"
    ann.composer.tap()
    ann.composer.press_sequentially("one")
    ann.composer.press("Enter")
    ann.composer.press_sequentially("two")
    ann.send_button.tap()
    expect(bob.bodies).to_have_text(["one\ntwo"])
    assert bob.composer.evaluate("field => field.enterKeyHint") == "send"
    bob.write("three").composer.press("Enter")
    expect(ann.bodies).to_have_count(2)


def test_what_is_open_stays_open_when_the_keyboard_comes(person: Make) -> None:
    ann = person("Ann", **PHONE)
    ann.write("hello").send_button.tap()
    message = ann.message("hello")
    message.get_by_role("button", name="More actions for this message").tap()
    menu = ann.page.get_by_role("menu")
    expect(menu).to_be_visible()
    ann.page.set_viewport_size(WITH_KEYBOARD)
    expect(menu).to_be_in_viewport(ratio=1)
    menu.get_by_role("menuitem", name="React…").tap()
    picker = ann.page.get_by_role("dialog", name="Choose an emoji")
    search = picker.get_by_role("searchbox")
    search.tap()
    ann.page.set_viewport_size(SCREEN)
    expect(picker).to_be_visible()
    ann.page.set_viewport_size(WITH_KEYBOARD)
    expect(search).to_be_focused()
    expect(search).to_be_in_viewport()


def test_the_page_follows_where_ios_moves_it(person: Make) -> None:
    ann = person("Ann", **PHONE)
    ann.run(
        """() => {
            Object.defineProperty(visualViewport, "offsetTop", {get: () => 120});
            Object.defineProperty(visualViewport, "height", {get: () => 400});
            visualViewport.dispatchEvent(new Event("scroll"));
        }"""
    )
    assert ann.run(
        "() => { const {top, height} = document.querySelector('.app').getBoundingClientRect(); return [top, height]; }"
    ) == [120, 400]


def test_a_worker_shows_notifications_where_pages_can_not(visitor: Make, person: Make) -> None:
    ann, bob = visitor(), person("Bob")
    ann.page.add_init_script(ANDROID)
    ann.open().enter("Ann").look_away()
    ann.run("window.hasWorker = true")
    bob.say("@Ann, look")
    ann.page.wait_for_function("shown.length === 1")
    shown = ann.run("shown[0]")
    assert shown["body"] == "@Ann, look"
    assert shown["data"]["url"].endswith("#message/1")
    expect(ann.page.get_by_text("This browser shows no notifications")).to_have_count(0)
    ann.look_back()
    ann.page.wait_for_function("shown[0].isClosed")


def test_that_nothing_shows_notifications_is_said_once(visitor: Make, person: Make) -> None:
    ann, bob = visitor(), person("Bob")
    ann.page.add_init_script(ANDROID)
    ann.open().enter("Ann").look_away()
    bar = ann.page.locator("[data-module=alert-notice] .notice")
    bob.say("@Ann, one")
    expect(bar).to_be_visible()
    ann.page.locator("[data-module=alert-notice] [data-slot=close]").click()
    bob.say("@Ann, two").say("@Ann, three")
    expect(ann.message("@Ann, three")).to_be_visible()
    expect(bar).to_be_hidden()
