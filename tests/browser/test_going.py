"""Going from room to room: the page isn't loaded again, and a room that was open before is there at once."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.person import Person, Wire
from tests.servers import ChattyServer

Make = Callable[..., Person]


class Walker:
    """Ann, in the room `here`. `there` is another one, in her list."""

    def __init__(self, ann: Person, wire: Wire, here: str, there: str) -> None:
        self.ann, self.wire, self.here, self.there = ann, wire, here, there
        self.loads = 0
        ann.page.on("load", lambda _: self._count())

    def _count(self) -> None:
        self.loads += 1

    def link(self, room: str) -> Locator:
        return self.ann.page.locator(".room-item").get_by_role("link", name=re.compile(rf"^{room}\b"))

    def go(self, room: str) -> None:
        self.link(room).click()
        self.expect_in(room)

    def expect_in(self, room: str) -> None:
        expect(self.ann.page).to_have_url(re.compile(rf"/{room}(#.*)?$"))
        self.ann.wait_until_joined()
        expect(self.link(room)).to_have_attribute("aria-current", "page")


@pytest.fixture
def walker(visitor: Make, server: ChattyServer, room: str) -> Iterator[Walker]:
    here, there = f"{room}-a", f"{room}-b"
    ann = visitor(url=f"{server.http_url}/chatty/{there}").open().enter("Ann").say("there")
    wire = Wire(ann.page)
    ann.page.goto(f"{server.http_url}/chatty/{here}")
    ann.wait_until_joined().say("here")
    walker = Walker(ann, wire, here, there)
    yield walker
    assert walker.loads == 0


def frozen(wire: Wire) -> Callable[[], None]:
    """The server says nothing more. Returns the way to end that."""
    wire.keep = lambda event: False

    def thaw() -> None:
        wire.keep = lambda event: True

    return thaw


def test_a_link_goes_to_another_room_by_the_same_connection(walker: Walker) -> None:
    ann = walker.ann
    walker.go(walker.there)
    expect(ann.bodies).to_have_text(["there"])
    expect(ann.page).to_have_title(re.compile(f"^{walker.there} "))
    expect(ann.page.locator("h1")).to_have_text(walker.there)
    ann.say("again")
    assert [command["room"] for command in walker.wire.commands("move")] == [walker.there]
    assert len(walker.wire.commands("join")) == 1


def test_back_and_forward_go_through_rooms(walker: Walker) -> None:
    walker.go(walker.there)
    walker.ann.page.go_back()
    walker.expect_in(walker.here)
    expect(walker.ann.bodies).to_have_text(["here"])
    walker.ann.page.go_forward()
    walker.expect_in(walker.there)
    expect(walker.ann.bodies).to_have_text(["there"])


def test_people_of_a_room_are_those_in_it(walker: Walker, person: Make) -> None:
    bob = person("Bob", url=f"{walker.ann.url.rpartition('/')[0]}/{walker.here}")
    expect(bob.member("Ann")).to_be_visible()
    walker.go(walker.there)
    expect(walker.ann.roster).to_have_count(1)
    expect(bob.member("Ann")).to_have_count(0)
    walker.go(walker.here)
    expect(walker.ann.member("Bob")).to_be_visible()
    expect(bob.member("Ann")).to_be_visible()


def test_a_room_that_was_open_is_readable_before_the_server_answers(walker: Walker) -> None:
    walker.go(walker.there)
    thaw = frozen(walker.wire)
    walker.link(walker.here).click()
    expect(walker.ann.bodies).to_have_text(["here"])
    expect(walker.ann.member("Ann")).to_be_visible()
    thaw()


def test_what_was_said_meanwhile_is_there_and_marked(walker: Walker, person: Make) -> None:
    bob = person("Bob", url=f"{walker.ann.url.rpartition('/')[0]}/{walker.here}")
    walker.go(walker.there)
    bob.say("meanwhile")
    walker.go(walker.here)
    expect(walker.ann.bodies).to_have_text(["here", "meanwhile"])
    expect(walker.ann.page.get_by_role("separator", name="New messages")).to_be_visible()
    assert walker.wire.commands("move")[-1]["since"]["version"] == 1
    bob.say("and now")
    expect(walker.ann.bodies).to_have_text(["here", "meanwhile", "and now"])


def test_edits_and_reactions_of_the_meantime_are_there(walker: Walker, person: Make) -> None:
    bob = person("Bob", url=f"{walker.ann.url.rpartition('/')[0]}/{walker.here}").say("ol")
    expect(walker.ann.bodies).to_have_text(["here", "ol"])
    walker.go(walker.there)
    bob.composer.press("ArrowUp")
    bob.say("old")
    walker.go(walker.here)
    expect(walker.ann.bodies).to_have_text(["here", "old"])


def test_a_draft_and_the_focus_stay(walker: Walker) -> None:
    ann = walker.ann
    ann.write("half a sen")
    walker.go(walker.there)
    expect(ann.composer).to_have_value("")
    expect(walker.link(walker.there)).to_be_focused()
    walker.link(walker.here).press("Enter")
    walker.expect_in(walker.here)
    expect(ann.composer).to_have_value("half a sen")
    expect(walker.link(walker.here)).to_be_focused()
    ann.composer.fill("")
    ann.composer.focus()
    ann.page.keyboard.press("Alt+ArrowDown")
    walker.expect_in(walker.there)
    expect(ann.composer).to_be_focused()


def test_an_unfinished_edit_and_a_reply_stay(walker: Walker) -> None:
    ann = walker.ann
    ann.say("mine")
    ann.message("here").hover()
    ann.message("here").get_by_role("button", name="Reply").click()
    answered = ann.page.locator("[data-module=replying]")
    expect(answered).to_contain_text("here")
    walker.go(walker.there)
    expect(answered).to_be_hidden()
    walker.go(walker.here)
    expect(answered).to_contain_text("here")

    ann.composer.press("ArrowUp")
    expect(ann.composer).to_have_value("mine")
    ann.composer.fill("mine, half edi")
    walker.go(walker.there)
    expect(ann.composer).to_have_value("")
    walker.go(walker.here)
    expect(ann.composer).to_have_value("mine, half edi")
    ann.composer.fill("mine, edited")
    ann.composer.press("Control+Enter")
    expect(ann.bodies).to_have_text(["here", "mine, edited"])


def test_the_reading_position_stays(walker: Walker) -> None:
    ann = walker.ann
    for index in range(12):
        ann.say("\n".join(f"{index}: line {line}" for line in range(6)))
    first = ann.messages.nth(2)
    first.scroll_into_view_if_needed()
    before = _top(first)
    expect(ann.page.get_by_role("button", name="Jump to latest")).to_be_visible()
    ann.run("(link) => { link.href += '#message/1'; }", walker.link(walker.there).element_handle())
    walker.go(walker.there)
    walker.go(walker.here)
    expect(ann.messages).to_have_count(13)
    ann.page.wait_for_function(
        "([top]) => Math.abs(document.querySelectorAll('.message')[2].getBoundingClientRect().top - top) < 3",
        arg=[before],
    )


def _top(message: Locator) -> float:
    return float(message.evaluate("(element) => element.getBoundingClientRect().top"))


def test_links_to_messages_of_other_rooms_go_to_the_message(walker: Walker) -> None:
    ann = walker.ann
    walker.go(walker.there)
    address = f"{ann.url.rpartition('/')[0]}/{walker.here}#message/1"
    ann.run("(url) => { document.querySelector('.room-item a').href = url; }", address)
    ann.page.locator(".room-item a").first.click()
    walker.expect_in(walker.here)
    expect(ann.page.locator(".message.is-target")).to_contain_text("here")


def test_offline_the_rooms_that_were_open_stay_readable(walker: Walker) -> None:
    ann = walker.ann
    walker.go(walker.there)
    walker.wire.cut()
    ann.page.context.set_offline(True)
    walker.link(walker.here).click()
    expect(ann.bodies).to_have_text(["here"])
    expect(ann.bar).to_be_visible()
    ann.write("later").composer.press("Control+Enter")
    expect(ann.pending).to_have_count(1)
    walker.link(walker.there).click()
    expect(ann.bodies).to_have_text(["there"])
    ann.page.context.set_offline(False)
    walker.wire.mend()
    ann.wait_until_joined()
    walker.go(walker.here)
    expect(ann.bodies).to_have_text(["here", "later"])
    expect(ann.pending).to_have_count(0)


def test_where_the_server_refuses_to_move_the_page_connects_anew(walker: Walker) -> None:
    """As one of an older release does, or one that limits the address."""

    def refuse(command: dict[str, Any]) -> dict[str, Any] | None:
        return {"type": "refused", "code": "bad_frame", "detail": ""} if command["type"] == "move" else None

    walker.wire.answer = refuse
    walker.go(walker.there)
    expect(walker.ann.bodies).to_have_text(["there"])
    assert len(walker.wire.commands("join")) == 2


def test_a_hurried_reader_ends_in_the_last_room(walker: Walker) -> None:
    for _ in range(5):
        walker.link(walker.there).click()
        walker.link(walker.here).click()
    walker.go(walker.there)
    expect(walker.ann.bodies).to_have_text(["there"])
    walker.ann.say("done")
    walker.go(walker.here)
    expect(walker.ann.bodies).to_have_text(["here"])


def test_a_link_with_ctrl_opens_a_tab(walker: Walker) -> None:
    with walker.ann.page.context.expect_page() as opened:
        walker.link(walker.there).click(modifiers=["Control"])
    page: Page = opened.value
    expect(page).to_have_url(re.compile(f"/{walker.there}$"))
    expect(walker.link(walker.here)).to_have_attribute("aria-current", "page")


def test_going_leaves_no_subscribers_behind(walker: Walker) -> None:
    """A message is sent once, however many rooms' composers there were."""
    ann = walker.ann
    for _ in range(3):
        walker.go(walker.there)
        walker.go(walker.here)
    ann.write("once").composer.press("Control+Enter")
    expect(ann.bodies).to_have_text(["here", "once"])
    assert len(walker.wire.commands("post")) == 2
