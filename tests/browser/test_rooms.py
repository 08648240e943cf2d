"""Several rooms: the list with unread counts, switching rooms, creating and describing them."""

import re
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.person import Person, Wire
from tests.servers import ChattyServer

Make = Callable[..., Person]


def entry(somebody: Person, room: str) -> Locator:
    """The room in the list, by its title."""
    exactly = re.compile(f"^{re.escape(room)}$")
    return somebody.page.locator(".room-item").filter(has=somebody.page.locator("bdi", has_text=exactly))


def entries(somebody: Person) -> Locator:
    return somebody.page.locator(".room-item bdi")


def count(somebody: Person, room: str) -> Locator:
    return entry(somebody, room).locator(".room-count[data-slot=unread]")


def mentioned(somebody: Person, room: str) -> Locator:
    return entry(somebody, room).locator(".room-count[data-slot=mentions]")


def dialog(somebody: Person, name: str) -> Locator:
    return somebody.page.get_by_role("dialog", name=name)


def options(somebody: Person) -> Locator:
    return dialog(somebody, "Go to a room").get_by_role("option")


def choose(somebody: Person, room: str, what: str, role: str = "menuitem") -> None:
    entry(somebody, room).hover()
    entry(somebody, room).get_by_role("button", name="More actions for this room").click()
    somebody.page.get_by_role(role, name=what, exact=True).click()  # type: ignore[arg-type]


def read(tab: Person, room: str, seq: int) -> None:
    """As a tab does in which the room is read."""
    tab.run(
        "([key, seq]) => localStorage.setItem(key, JSON.stringify({ ...JSON.parse(localStorage.getItem(key)), seq }))",
        [f"chatty.visit.{room}", seq],
    )


def test_what_is_said_elsewhere_is_counted_until_it_is_read_in_any_tab(
    visitor: Make, server: ChattyServer, room: str
) -> None:
    here, there = f"{room}-b", f"{room}-a"
    url = f"{server.http_url}/chatty/"
    bob = visitor(url=url + there).open().enter("Bob").say("before Ann came")
    tab = visitor(url=url + there).open().enter("Ann")  # Only members in the room can be mentioned.
    expect(tab.messages).to_have_count(1)
    expect(tab.page.get_by_text("Rooms you visit appear here")).to_be_visible()
    tab.look_away()
    ann = visitor(context=tab.page.context, url=url + here)
    wire = Wire(ann.page)
    ann.open().wait_until_joined()
    expect(entries(ann)).to_have_text([there, here])
    expect(entries(tab)).to_have_text([there, here])
    expect(entry(ann, here).get_by_role("link")).to_have_attribute("aria-current", "page")
    expect(count(ann, there)).to_be_hidden()

    bob.say("one").say("two")
    expect(count(ann, there)).to_have_text("2")
    bob.say("@Ann, three")
    expect(count(ann, there)).to_have_text("3")
    expect(mentioned(ann, there)).to_have_text("@1")
    expect(ann.page).to_have_title(re.compile(r"^\(@1\) "))
    expect(ann.page.get_by_role("button", name="1 unread room")).to_be_visible()
    expect(entry(ann, there).get_by_role("link")).to_have_accessible_name(re.compile("3 unread messages, 1 mention"))
    wire.cut()
    expect(ann.connection).to_have_attribute("data-state", "waiting")
    bob.say("four")
    wire.mend()
    expect(count(ann, there)).to_have_text("4")

    read(tab, there, 3)
    expect(count(ann, there)).to_have_text("2")
    expect(mentioned(ann, there)).to_have_text("@1")
    tab.look_back()
    expect(count(ann, there)).to_be_hidden()
    tab.look_away()
    bob.say("five")
    expect(count(ann, there)).to_have_text("1")
    choose(ann, there, "Mark as read")
    expect(count(ann, there)).to_be_hidden()
    ann.reload().wait_until_joined()
    expect(entries(ann)).to_have_text([there, here])
    expect(count(ann, there)).to_be_hidden()


def test_messages_marked_as_unread_stay_so_in_the_other_rooms(visitor: Make, server: ChattyServer, room: str) -> None:
    here, there = f"{room}-b", f"{room}-a"
    url = f"{server.http_url}/chatty/"
    bob = visitor(url=url + there).open().enter("Bob")
    ann = visitor(url=url + there).open().enter("Ann")
    for text in ("one", "two", "three"):
        bob.say(text)
    expect(ann.messages).to_have_count(3)
    mark_as_unread(ann, "two")
    expect(ann.message("two").locator(".message-new")).to_be_visible()
    bob.say("four")
    expect(ann.messages).to_have_count(4)
    go_to(ann, url + here)
    expect(count(ann, there)).to_have_text("3")
    go_to(ann, url + there)
    expect(ann.message("two").locator(".message-new")).to_be_visible()

    mark_as_unread(ann, "three")
    expect(ann.message("three").locator(".message-new")).to_be_visible()
    ann.say("I have read it")
    expect(ann.page.locator(".message-new")).to_have_count(0)
    go_to(ann, url + here)
    expect(entries(ann)).to_have_text([there, here])
    bob.say("five")
    expect(count(ann, there)).to_have_text("1")


def mark_as_unread(somebody: Person, text: str) -> None:
    somebody.message(text).hover()
    somebody.message(text).get_by_role("button", name="More actions").click()
    somebody.page.get_by_role("menuitem", name="Mark as unread from here").click()


def go_to(somebody: Person, url: str) -> None:
    somebody.url = url
    somebody.open().wait_until_joined()


def test_going_to_rooms_takes_only_the_keyboard(visitor: Make, server: ChattyServer, room: str) -> None:
    url = f"{server.http_url}/chatty/"
    room = room.replace("-", "-a", 1)  # Another word of all of them begins with the last word of the first.
    first, second, third = (f"{room}-{letter}" for letter in "abc")
    bob = visitor(url=url + second).open().enter("Bob")
    ann = visitor(url=url + second).open().enter("Ann")
    for name in (first, third):
        ann.url = url + name
        ann.open().wait_until_joined()
    bob.say("news")
    expect(count(ann, second)).to_have_text("1")
    ann.write("@someone, half a thou")

    ann.page.keyboard.press("Control+k")
    expect(options(ann).locator("bdi:first-of-type")).to_have_text([second, first, third])
    expect(options(ann).nth(0)).to_have_accessible_name(re.compile("1 unread message$"))
    expect(options(ann).nth(2)).to_contain_text("You're here")
    ann.page.keyboard.press("Escape")
    expect(ann.composer).to_be_focused()
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type(" ".join(reversed(first.split("-"))))  # Its words in any order.
    expect(options(ann).first).to_contain_text(first)
    ann.page.keyboard.press("Control+a")
    ann.page.keyboard.type(first[-6:].upper())
    expect(options(ann)).to_have_count(3)  # With the offers for a name that isn't there.
    field = dialog(ann, "Go to a room").get_by_role("combobox")
    expect(field).to_have_attribute("aria-activedescendant", options(ann).nth(0).get_attribute("id") or "")
    ann.page.keyboard.press("Enter")
    ann.page.wait_for_url(url + first)
    ann.wait_until_joined()
    expect(entry(ann, third).get_by_role("img", name="Unsent messages")).to_be_visible()

    ann.page.keyboard.press("Alt+ArrowUp")
    ann.page.wait_for_url(url + third)
    expect(ann.composer).to_have_value("@someone, half a thou")
    expect(count(ann, second)).to_have_text("1")
    ann.page.keyboard.press("Alt+Shift+ArrowDown")
    ann.page.wait_for_url(url + second)
    ann.wait_until_joined()
    expect(ann.message("news")).to_be_visible()

    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type(f"{room}-é")
    expect(options(ann)).to_have_text([re.compile("^\\s*Go to"), re.compile("^\\s*Create room")])
    ann.page.keyboard.press("Enter")
    ann.page.wait_for_url(f"{url}{room}-e")


def test_a_room_is_made_and_described_and_everybody_sees_it(
    visitor: Make, person: Make, server: ChattyServer, room: str
) -> None:
    ann = person("Ann")
    ann.page.get_by_role("button", name="Create a room").first.click()
    make = dialog(ann, "Create a room")
    name, address = make.get_by_label("Name"), make.get_by_label("Address")
    expect(name).to_be_focused()
    ann.page.keyboard.type("Ann's Bücher & Ærø ")
    expect(address).to_have_value("anns-bucher-aero")
    name.fill(" ")
    name.press("Enter")
    expect(make.get_by_role("alert").filter(has_text="Use a name")).to_be_visible()
    name.fill("Ann's Bücher")
    address.fill(room)
    make.get_by_label("Topic (optional)").fill("What we read")
    address.fill("")
    address.press("Enter")
    expect(make.get_by_text("Use up to 50 lowercase letters")).to_be_visible()
    address.fill(f"{room}-books")
    address.press("Enter")
    ann.page.wait_for_url(f"**/{room}-books")
    ann.wait_until_joined()
    expect(ann.page.get_by_role("heading", level=1)).to_have_text("Ann's Bücher")
    expect(entries(ann)).to_have_text(["Ann's Bücher", room])

    bob = visitor(url=ann.page.url).open().enter("Bob")
    expect(bob.page.locator(".topic")).to_have_text("What we read")
    head = bob.page.locator(".room-head")
    head.get_by_role("button", name="More actions for this room").click()
    expect(bob.page.get_by_role("menuitem", name="Edit name and topic")).to_be_hidden()
    bob.page.get_by_role("menuitem", name="About this room").click()
    about = dialog(bob, "Ann's Bücher")
    expect(about.get_by_role("textbox")).to_have_value(ann.page.url)
    bob.page.keyboard.press("Escape")

    ann.page.locator(".room-head").get_by_role("button", name="More actions for this room").click()
    ann.page.get_by_role("menuitem", name="Edit name and topic").click()
    describe = dialog(ann, "Edit name and topic")
    expect(describe.get_by_label("Name")).to_be_focused()
    describe.get_by_label("Name").fill("Books")
    describe.get_by_label("Topic").fill("<b>What</b> we talk of")
    ann.page.keyboard.press("Enter")
    expect(describe).to_be_hidden()
    for somebody in (ann, bob):
        expect(somebody.page.get_by_role("heading", level=1)).to_have_text("Books")
        expect(somebody.page.locator(".topic")).to_have_text("<b>What</b> we talk of")
        expect(entry(somebody, "Books")).to_be_visible()

    # Bob wants the same address.
    bob.page.get_by_role("button", name="Create a room").first.click()
    theirs = dialog(bob, "Create a room")
    theirs.get_by_label("Name").fill("Mine")
    theirs.get_by_label("Address").fill(f"{room}-books")
    theirs.get_by_label("Name").press("Enter")
    expect(theirs.get_by_text("This address is already taken")).to_be_visible()
    expect(theirs.get_by_label("Address")).to_be_focused()
    expect(theirs.get_by_role("link", name="Go to room")).to_have_attribute("href", f"/chatty/{room}-books")


PROPOSED = """async titles => {
    const {proposeSlug} = await import("/static/chat/js/kit/room-names.js");
    return titles.map(title => proposeSlug(title, "xyz234", new Set(["books"])));
}"""


def test_an_address_is_proposed_for_a_name_in_any_script(person: Make) -> None:
    expected = {
        "Bücher & Ærø": "bucher-aero",
        "\uff26\uff55ll width": "full-width",
        "設計レビュー": "room-xyz234",
        "Дизайн": "room-xyz234",
        "設計 review 2": "review-2-xyz234",
        "٣": "room-xyz234",
        "🎉": "room-xyz234",
        "\u0410nn": "nn-xyz234",  # With a Cyrillic A: not the address of Ann.
        "Books": "books-xyz234",
        "Books 🎉 2": "books-2",
        " ": "",
        "é" * 60: "e" * 50,
        "x" * 60 + "設": "x" * 43 + "-xyz234",
    }
    assert person("Ann").run(PROPOSED, list(expected)) == list(expected.values())


def test_two_rooms_have_the_same_name_in_any_script(person: Make, room: str) -> None:
    ann = person("Ann")

    def create(name: str) -> str:
        ann.page.get_by_role("button", name="Create a room").first.click()
        dialog(ann, "Create a room").get_by_label("Name").fill(name)
        ann.page.keyboard.press("Enter")
        expect(ann.page.get_by_role("heading", level=1)).to_have_text(name)
        ann.wait_until_joined()
        return str(ann.page.url)

    name = f"設計レビュー {room}"
    first = create(name)
    ann.run("slug => app.events.publish('room:go', { slug })", room)
    ann.page.wait_for_url(f"**/chatty/{room}")
    ann.wait_until_joined()
    assert first != create(name)
    expect(entries(ann)).to_have_text(sorted([name, name, room], key=lambda title: title != room))
    ann.page.keyboard.press("Control+k")
    ann.page.keyboard.type("設計")
    expect(options(ann).locator("bdi:first-of-type")).to_have_text([name, name])


def test_who_creates_a_second_room_of_a_name_is_shown_the_first(person: Make, visitor: Make, room: str) -> None:
    person("Ann").say("mine")
    bob = visitor().open().enter("Bob")
    bob.page.get_by_role("button", name="Create a room").first.click()
    make = dialog(bob, "Create a room")
    bob.page.keyboard.type(room)
    bob.page.keyboard.press("Enter")
    expect(make.get_by_text("There is already a room at")).to_be_visible()
    expect(make.get_by_role("link", name="Go to room")).to_have_attribute("href", f"/chatty/{room}")
    expect(make.get_by_label("Address")).to_have_value(re.compile(f"^{room}-[2-9a-z]{{6}}$"))
    expect(make.get_by_label("Address")).to_be_focused()
    bob.page.keyboard.press("Enter")
    bob.page.wait_for_url(re.compile(f"/chatty/{room}-[2-9a-z]{{6}}$"))
    expect(bob.page.get_by_role("heading", level=1)).to_have_text(room)


def test_rooms_are_pinned_and_sorted_by_name_or_activity(visitor: Make, server: ChattyServer, room: str) -> None:
    url = f"{server.http_url}/chatty/"
    first, second, third = (f"{room}-{letter}" for letter in "abc")
    ann = visitor(url=url + first).open().enter("Ann")
    for name in (second, third):
        go_to(ann, url + name)
    expect(entries(ann)).to_have_text([first, second, third])
    choose(ann, second, "Pin to top of list", "menuitemcheckbox")
    expect(entries(ann)).to_have_text([second, first, third])
    expect(entry(ann, second).get_by_role("img", name="Pinned")).to_be_visible()

    choose(ann, second, "Sort by latest activity", "menuitemradio")
    bob = visitor(url=url + third).open().enter("Bob").say("one")
    expect(entries(ann)).to_have_text([second, third, first])
    other = visitor(context=ann.page.context, url=url + third).open().wait_until_joined()
    expect(entries(other)).to_have_text([second, third, first])  # All tabs have one order.
    entry(ann, third).hover()
    go_to(bob, url + first)
    bob.say("two")
    expect(count(ann, first)).to_have_text("1")
    expect(entries(ann)).to_have_text([second, third, first])  # Nothing moves below the pointer.
    ann.composer.hover()
    expect(entries(ann)).to_have_text([second, first, third])
    expect(entries(other)).to_have_text([second, first, third])
    choose(ann, second, "Pin to top of list", "menuitemcheckbox")
    ann.composer.hover()
    expect(entries(ann)).to_have_text([first, third, second])
    ann.reload().wait_until_joined()
    expect(entries(ann)).to_have_text([first, third, second])
    choose(ann, first, "Sort by name", "menuitemradio")
    for tab in (ann, other):
        expect(entries(tab)).to_have_text([first, second, third])


def test_a_muted_room_tells_of_mentions_only(visitor: Make, server: ChattyServer, room: str) -> None:
    here, there = f"{room}-b", f"{room}-a"
    url = f"{server.http_url}/chatty/"
    bob = visitor(url=url + there).open().enter("Bob")
    ann = visitor(url=url + there).open().enter("Ann")
    ann.page.locator(".room-head").get_by_role("button", name="More actions for this room").click()
    ann.page.get_by_role("menuitemcheckbox", name="Mute: mentions only").click()
    expect(entry(ann, there).get_by_role("img", name="Muted")).to_be_visible()
    ann.look_away()
    bob.say("one").say("@Ann, two")
    expect(ann.page).to_have_title(re.compile(r"^\(@1\) room-"))
    bob.run("app.events.publish('command:send', { command: { type: 'delete', seq: 2 } })")
    expect(ann.page).to_have_title(re.compile("^room-"))
    ann.look_back()

    go_to(ann, url + here)
    bob.say("three")
    expect(ann.page.get_by_role("button", name="unread room")).to_be_hidden()
    bob.say("@Ann, four")
    expect(mentioned(ann, there)).to_have_text("@1")  # And so "three" has arrived.
    expect(count(ann, there)).to_be_hidden()
    expect(ann.page).to_have_title(re.compile(r"^\(@1\) "))
    choose(ann, there, "Mute: mentions only", "menuitemcheckbox")
    expect(count(ann, there)).to_have_text("2")


def test_the_list_scrolls_to_the_current_room(visitor: Make, server: ChattyServer, room: str) -> None:
    url = f"{server.http_url}/chatty/"
    ann = visitor(url=url + room, viewport={"width": 1000, "height": 500}).open().enter("Ann")
    ann.run(
        """room => {
            for (let n = 100; n < 140; n++) {
                const slug = `${room}-${n}`;
                localStorage.setItem(`chatty.visit.${slug}`, JSON.stringify({ slug, title: slug, at: n, seq: 0 }));
            }
        }""",
        room,
    )
    ann.reload().wait_until_joined()
    ann.run("slug => app.events.publish('room:go', { slug })", f"{room}-139")
    ann.wait_until_joined()
    expect(entry(ann, f"{room}-139")).to_be_in_viewport()
    expect(entry(ann, room)).not_to_be_in_viewport()


def test_on_a_phone_the_list_is_behind_the_button_that_tells_of_news(
    visitor: Make, server: ChattyServer, room: str
) -> None:
    url = f"{server.http_url}/chatty/"
    bob = visitor(url=url + room).open().enter("Bob")
    ann = visitor(url=url + room, viewport={"width": 360, "height": 640}, has_touch=True).open().enter("Ann")
    ann.url = f"{url}{room}-2"
    ann.open().wait_until_joined()
    button = ann.page.get_by_role("button", name="Show rooms and people")
    bob.say("come")
    expect(button).to_have_accessible_name(re.compile("Unread messages in another room"))
    button.tap()
    more = entry(ann, room).get_by_role("button", name="More actions for this room")
    for target in (more, entry(ann, room).get_by_role("link"), ann.page.get_by_role("button", name="Go to a room")):
        box = target.bounding_box()
        assert box
        assert round(box["height"]) >= 44
        assert round(box["width"]) >= 44
    more.tap()
    ann.page.get_by_role("menuitem", name="Remove from list").tap()
    expect(entries(ann)).to_have_text([f"{room}-2"])
    expect(ann.page.locator(".elsewhere")).to_be_hidden()
    ann.page.get_by_role("button", name="Go to a room").tap()
    expect(dialog(ann, "Go to a room").get_by_role("combobox")).to_be_focused()
    ann.page.keyboard.type(room)
    options(ann).filter(has_text="Go to").tap()
    ann.page.wait_for_url(url + room)
    expect(entries(ann)).to_have_text([room, f"{room}-2"])
