"""The filter over the whole history: authors, mentions, links."""

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import Locator, expect

from tests.browser.apart import talk, visit
from tests.browser.person import Person, Wire
from tests.client import Client
from tests.servers import ChattyServer

Make = Callable[..., Person]
NOBODY = "00000000-0000-4000-8000-000000000000"


def banner(somebody: Person) -> Locator:
    return somebody.page.locator("[data-module=filter-banner]")


def chips(somebody: Person) -> Locator:
    return banner(somebody).locator(".filter-chip bdi")


def show(somebody: Person, fragment: str) -> None:
    somebody.run("fragment => { location.hash = fragment }", fragment)


def scroll_up(somebody: Person) -> None:
    somebody.run("document.querySelector('.scroller').scrollTop = 1e9")
    somebody.run("new Promise(requestAnimationFrame)")
    somebody.run("document.querySelector('.scroller').scrollTop = 0")


def test_filter_reaches_over_the_whole_history_and_lives_in_the_url(
    visitor: Make, server: ChattyServer, room: str
) -> None:
    eve, bob = Client(server.http_url, "Eve", room), Client(server.http_url, "Bob", room)
    talk(eve, ["early 1", "early 2 https://example.com", "early 3"])
    talk(bob, [f"number {n}" + (f" https://example.com/{n}" if n % 10 == 0 else "") for n in range(1, 121)])

    # A link that somebody passed on, to a member who is gone.
    ann = visitor().open(f"#users/{eve.id}").enter("Ann")
    expect(ann.bodies).to_have_text([re.compile(f"early {n}") for n in (1, 2, 3)])
    expect(banner(ann)).to_contain_text("Messages from ⁨Eve⁩")

    # As long as the room itself: page after page.
    show(ann, f"#users/{bob.id},{eve.id}")
    expect(chips(ann)).to_have_text(["Bob", "Eve"])
    expect(ann.message("number 119")).to_be_in_viewport()
    for oldest in ("number 21", "early 1"):
        scroll_up(ann)
        expect(ann.message(oldest)).to_have_count(1)
    expect(ann.page.get_by_role("button", name="Load older messages")).to_be_hidden()

    # Conditions meet, and outlive a reload.
    show(ann, f"#users/{bob.id}/links")
    expect(ann.messages).to_have_count(12)
    ann.reload().wait_until_joined()
    expect(ann.messages).to_have_count(12)
    expect(chips(ann)).to_have_text(["Bob", "Links"])
    assert [int(body.split()[1]) for body in ann.bodies.all_inner_texts()] == list(range(10, 121, 10))

    # From there to a message's place in the room, and back.
    ann.messages.first.locator(".message-time").click()
    expect(ann.message("number 9")).to_be_in_viewport()
    expect(banner(ann)).to_be_hidden()
    ann.page.go_back()
    expect(ann.messages).to_have_count(12)
    expect(ann.messages.first).to_be_in_viewport()

    # The name in a message leads to its author's.
    ann.page.go_forward()
    ann.message("early 1").get_by_role("link", name="Eve", exact=True).click()
    expect(ann.messages).to_have_count(3)
    assert ann.page.url.endswith(f"#users/{eve.id}")


def test_what_comes_and_changes_shows_where_it_matches(person: Make, server: ChattyServer, room: str) -> None:
    ann, bob = person("Ann"), Client(server.http_url, "Bob", room)
    ann.page.get_by_role("link", name="Links").click()
    expect(ann.page.get_by_text("No links yet")).to_be_visible()

    async def begin(bob: Client) -> list[int]:
        return [(await bob.post(body))["seq"] for body in ("plain", "https://example.com/1", "https://example.com/2")]

    plain, first, second = visit(bob, begin)
    expect(ann.bodies).to_have_text(["https://example.com/1", "https://example.com/2"])

    async def change(bob: Client) -> None:
        await bob.change(plain, type="edit", body="now with https://example.com/0")
        await bob.change(first, type="edit", body="no more")
        await bob.change(second, type="delete")

    visit(bob, change)
    expect(ann.bodies).to_have_text(["now with https://example.com/0", "Message deleted"])

    ann.page.get_by_role("link", name="Mentions").click()
    expect(ann.page.get_by_text("No mentions yet")).to_be_visible()
    talk(bob, ["@Ann", "@Anna", "hello @Ann, see https://example.com/3"])
    expect(ann.bodies).to_have_text(["@Ann", "hello @Ann, see https://example.com/3"])
    ann.page.get_by_role("link", name="Links").click(modifiers=["Control"])
    expect(ann.bodies).to_have_text(["hello @Ann, see https://example.com/3"])
    assert ann.page.url.endswith("#mentions/links")


def test_filter_is_complete_after_an_outage_and_after_too_much_was_missed(
    chatty_server: Callable[..., ChattyServer], visitor: Make
) -> None:
    server = chatty_server(RESUME_LIMIT="20")
    bob, cid = Client(server.http_url, "Bob", "outage"), Client(server.http_url, "Cid", "outage")
    talk(bob, ["before"])
    ann = visitor(url=f"{server.http_url}/chatty/outage")
    wire = Wire(ann.page)
    ann.open(f"#users/{bob.id}").enter("Ann")
    expect(ann.bodies).to_have_text(["before"])
    for said, others in ((["missed 1", "missed 2"], 3), (["many 1", "many 2"], 60)):
        wire.cut()
        expect(ann.bar).to_be_visible()
        talk(bob, said[:1])
        talk(cid, [f"other {number}" for number in range(others)])
        talk(bob, said[1:])
        wire.mend()
        ann.wait_until_joined()
        expect(ann.bodies.last).to_have_text(said[-1])
    expect(ann.bodies).to_have_text(["before", "missed 1", "missed 2", "many 1", "many 2"])
    talk(bob, ["live"])
    expect(ann.bodies.last).to_have_text("live")
    ann.all_messages.click()
    expect(ann.messages).to_have_count(51)


def test_conditions_are_added_and_taken_away_one_by_one(person: Make) -> None:
    ann, bob, cid = person("Ann"), person("Bob"), person("Cid")
    for somebody in (ann, bob, cid):
        somebody.say(f"from {somebody.name}").say(f"https://example.com/{somebody.name}")
    expect(ann.messages).to_have_count(6)

    ann.filter_by("Bob")
    expect(ann.messages).to_have_count(2)
    expect(banner(ann)).to_contain_text("Messages from ⁨Bob⁩")
    expect(chips(ann)).to_have_text(["Bob"])
    ann.member("Cid").get_by_role("link").click(modifiers=["Control"])
    expect(ann.messages).to_have_count(4)
    ann.member("Ann").hover()
    ann.member("Ann").get_by_role("button", name="Add to filter").click()
    expect(ann.messages).to_have_count(6)
    expect(chips(ann)).to_have_text(["Bob", "Cid", "Ann"])
    expect(ann.member("Ann").get_by_role("button", pressed=True)).to_have_count(1)
    ann.page.locator("[data-condition=links]").get_by_role("button", name="Add to filter").focus()
    ann.page.keyboard.press("Enter")
    expect(ann.bodies).to_have_text([f"https://example.com/{name}" for name in ("Ann", "Bob", "Cid")])
    expect(banner(ann).get_by_role("status").first).to_have_text("Messages with links from ⁨Bob⁩, ⁨Cid⁩, and ⁨Ann⁩")

    ann.page.get_by_role("button", name="Remove filter: ⁨Ann⁩").click()
    expect(ann.bodies).to_have_text([f"https://example.com/{name}" for name in ("Bob", "Cid")])
    # What I say isn't among it; that is said, as long as it is so.
    ann.say("not here")
    expect(banner(ann)).to_contain_text("Your message is hidden by this filter.")
    expect(ann.messages).to_have_count(2)
    ann.page.go_back()
    expect(ann.messages).to_have_count(3)
    expect(banner(ann)).not_to_contain_text("Your message is hidden by this filter.")

    ann.composer.focus()
    ann.page.keyboard.press("Escape")
    expect(ann.messages).to_have_count(7)
    expect(banner(ann)).to_be_hidden()
    ann.page.go_back()
    expect(ann.messages).to_have_count(3)


def test_fragments_say_filters_and_broken_ones_everything(person: Make) -> None:
    ann = person("Ann")
    read = """async (fragments) => {
        const { readFilter, fragmentOf } = await import("/static/chat/js/kit/filter.js");
        return fragments.map((fragment) => fragmentOf(readFilter(fragment)));
    }"""
    ids = [str(uuid.UUID(int=number)) for number in range(1, 22)]
    canonical = [
        "#mentions",
        "#links",
        "#mentions/links",
        f"#users/{ids[0]}",
        f"#users/{ids[0]},{ids[1]}/mentions/links",
    ]
    canonical.append(f"#users/{','.join(ids[:20])}")
    assert ann.run(read, canonical) == canonical
    assert ann.run(read, [f"#users/{ids[0].upper()}%2C{ids[1]}%2C{ids[1]}/links/", "#mentions/"]) == [
        f"#users/{ids[0]},{ids[1]}/links",
        "#mentions",
    ]
    broken = ["", "#", "#users", "#users/", "#users/Bob", "#users/%E0%A4%A", f"#users/{','.join(ids)}", "#message/1"]
    broken += [
        f"#users/{ids[0]},",
        f"#users/{ids[0]}/nonsense",
        "#links/mentions",
        "#nonsense",
        "#//links",
        f"#{ids[0]}",
    ]
    assert set(ann.run(read, broken)) == {"#users"}
    show(ann, f"#users/{NOBODY}")
    expect(ann.page.get_by_text("No messages from this person here")).to_be_visible()
