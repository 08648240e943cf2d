"""Three people with their own browsers, their random actions and random faults, by a seed."""

import json
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, expect
from websockets.sync.client import connect

from tests.browser.person import Person, Wire
from tests.client import new_slug
from tests.servers import ChattyServer

EMOJI = ("👍", "🎉", "❤️")

# What a tab knows, on `probe`: the messages that it was told of, and what waits. From before its modules start.
PROBE = """
let app;
Object.defineProperty(window, "app", {get: () => app, set(made) {
    app = made;
    const seen = new Map();
    window.probe = {seen, outbox: [], amendments: [], state: ""};
    const learn = (messages) => messages.forEach((message) => {
        if (!(seen.get(message.seq)?.version > message.version)) seen.set(message.seq, message);
    });
    for (const name of ["room:welcomed", "changes:arrived", "page:arrived"])
        app.events.subscribe(name, ({messages}) => learn(messages));
    app.events.subscribe("message:arrived", (message) => learn([message]));
    app.events.subscribe("outbox:changed", ({entries}) => (probe.outbox = entries));
    app.events.subscribe("amendments:changed", ({entries}) => (probe.amendments = entries));
    app.events.subscribe("connection:changed", ({state}) => (probe.state = state));
}});
"""
# What waits in a tab, or was left by one that is closed. What was refused is sent otherwise, or let go of, as its
# writer would.
SETTLE = """() => {
    const {events} = app;
    if (probe.state !== "joined") events.publish("connection:retry");
    const refused = probe.outbox.filter(({state}) => state === "failed");
    const hopeless = probe.amendments.filter(({state}) => state === "failed");
    for (const {nonce} of refused) events.publish("message:retry", {nonce});
    const discard = document.querySelector("[data-module=pending-changes-notice] [data-slot=discard]");
    for (const _ of hopeless) discard.click();
    const kept = Object.keys(localStorage).filter((key) => /^chatty\\.(outbox|amendments)\\./.test(key));
    const waiting = [...kept, ...probe.outbox.map(({body}) => body), ...probe.amendments.map(({type}) => type)];
    if (probe.state !== "joined") waiting.push(probe.state);
    return {waiting, refused: refused.map(({body}) => body)};
}"""


@dataclass
class Tab:
    """One tab of a member, and what was typed into it, in order."""

    label: str
    person: Person
    wire: Wire | None
    said: list[str] = field(default_factory=list)
    is_cut: bool = False
    filter: str = ""  # The fragment of the one that it was given last.

    def publish(self, event: str, **payload: Any) -> None:
        self.person.run("([event, payload]) => app.events.publish(event, payload)", [event, payload])

    def go_to(self, fragment: str) -> None:
        self.person.run("(hash) => { location.hash = hash; }", fragment)


@dataclass
class Member:
    """Somebody with a browser of their own; `has_wire`: their sockets can be cut."""

    name: str
    context: BrowserContext
    has_wire: bool
    tabs: list[Tab] = field(default_factory=list)
    id: str = ""
    is_offline: bool = False


class Crowd:
    """Three members in a room of `server`, one of them with two tabs."""

    def __init__(self, browser: Browser, server: ChattyServer, seed: int, history: int) -> None:
        self.server = server
        self.room = new_slug()
        self.chance = random.Random(seed)
        self.members: list[Member] = []
        self.opened: list[Tab] = []  # Those that were closed, too.
        self.did: list[str] = []
        self.typed = 0  # So many messages.
        self.refused: set[str] = set()  # The first words of messages that were sent otherwise, and later.
        self.taken_back: set[int] = set()  # seqs
        self._browser = browser
        self._url = f"{server.http_url}/chatty/{self.room}"
        self._history = history  # So many messages are there at first.
        self._contexts: list[BrowserContext] = []
        self._names = 0
        self._actions: list[tuple[Callable[[Member, Tab], str | None], int]] = [
            (self.post, 10),
            (self.write_in_the_field, 3),
            (self.burst, 2),
            (self.reply, 6),
            (self.edit, 6),
            (self.edit_in_the_field, 2),
            (self.take_back, 3),
            (self.react, 10),
            (self.rename, 2),
            (self.go_offline, 3),
            (self.go_online, 5),
            (self.cut, 3),
            (self.mend, 4),
            (self.reload, 2),
            (self.close_and_open, 3),
            (self.scroll_up, 5),
            (self.scroll_down, 2),
            (self.follow_link, 5),
            (self.go_back, 3),
            (self.to_the_newest, 3),
            (self.filter, 5),
            (self.leave_filter, 3),
            (self.follow_what_was_found, 1),
        ]

    # --- coming and going ---

    def _new_context(self) -> BrowserContext:
        context = self._browser.new_context(service_workers="block")
        context.add_init_script(PROBE)
        self._contexts.append(context)
        return context

    def enter(self) -> None:
        self._tell_the_past()
        for name, has_wire in (("Ann", True), ("Bob", False), ("Cid", True)):
            member = Member(name, self._new_context(), has_wire)
            self.members.append(member)
            tab = self._new_tab(member)
            tab.person.enter(name)
            member.id = tab.person.id
        self._open(self.members[0])

    def _tell_the_past(self) -> None:
        """What somebody said who has left."""
        me = httpx.get(f"{self.server.http_url}/get_user_info.json", trust_env=False, timeout=60).json()
        with connect(f"{self.server.ws_url}/{self.room}", proxy=None, max_size=None) as socket:
            socket.send(json.dumps({"type": "join", "token": me["token"], "name": "Old", "v": 1}))
            for _ in range(self._history):
                post = {"type": "post", "nonce": str(uuid.uuid4()), "body": self._words(None)}
                socket.send(json.dumps(post))
            while all(event.get("version", 0) < self._history for event in json.loads(socket.recv(timeout=30))):
                pass

    def welcome_newcomer(self) -> tuple[Member, Tab]:
        newcomer = Member("Dan", self._new_context(), has_wire=False)
        tab = self._new_tab(newcomer)
        tab.person.enter(newcomer.name)
        newcomer.id = tab.person.id
        self.members.append(newcomer)
        return newcomer, tab

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    @property
    def tabs(self) -> list[tuple[Member, Tab]]:
        return [(member, tab) for member in self.members for tab in member.tabs]

    def _new_tab(self, member: Member) -> Tab:
        page = member.context.new_page()
        tab = Tab(f"{member.name}.{len(self.opened)}", Person(page, self._url), Wire(page) if member.has_wire else None)
        self.opened.append(tab)
        member.tabs.append(tab)
        tab.person.open()
        return tab

    def _open(self, member: Member) -> Tab:
        tab = self._new_tab(member)
        tab.person.wait_until_joined()
        return tab

    def act(self) -> None:
        member = self.chance.choice(self.members)
        if not member.tabs:
            if member.is_offline:
                self._note(member.name, self.go_online(member, None))
            self._note(member.name, f"opens {self._new_tab(member).label}")
        tab = self.chance.choice(member.tabs)
        actions, weights = zip(*self._actions, strict=True)
        (action,) = self.chance.choices(actions, weights)
        self._note(tab.label, action(member, tab))
        if self.chance.random() < 0.4:
            self.pause(self.chance.randrange(150))

    def pause(self, milliseconds: int) -> None:
        """Lets the pages go on, and the sockets with a hand on them."""
        for _, tab in self.tabs[:1]:
            tab.person.page.wait_for_timeout(milliseconds)

    def _note(self, label: str, what: str | None) -> None:
        if what:
            self.did.append(f"{label} {what}")

    # --- what they do; each says what, or None where it isn't possible ---

    def _words(self, tab: Tab | None) -> str:
        """Of a message that nobody else writes."""
        self.typed += 1
        words = f"m{self.typed}"
        if tab:
            tab.said.append(words)
        return words + self.chance.choice(("", "", f" https://example.org/{self.typed}", " @Ann", " @Bob"))

    def _pick(self, tab: Tab, author: str | None = None) -> dict[str, Any] | None:
        """A message that the tab was told of, more often a new one."""
        seen = [one for one in tab.person.run("[...probe.seen.values()]") if not one.get("deleted")]
        seen = sorted((one for one in seen if author in (None, one["author"]["id"])), key=lambda one: one["seq"])
        newest = seen[-12:] if self.chance.random() < 0.7 else seen
        return self.chance.choice(newest) if newest else None

    def post(self, member: Member, tab: Tab) -> str:
        body = self._words(tab)
        tab.publish("message:send", body=body)
        return f"posts {body!r}"

    def write_in_the_field(self, member: Member, tab: Tab) -> str:
        body = self._words(tab) + " now"  # Behind a name, Enter would choose the one that is offered.
        tab.person.run("() => app.events.publish('composer:escaped')")  # What is being edited stays as it was.
        tab.person.write(body).composer.press("Enter")
        return f"writes {body!r}"

    def burst(self, member: Member, tab: Tab) -> str:
        bodies = [self._words(tab) for _ in range(self.chance.randint(8, 20))]
        tab.person.run("(bodies) => bodies.forEach((body) => app.events.publish('message:send', {body}))", bodies)
        return f"posts {bodies}"

    def reply(self, member: Member, tab: Tab) -> str | None:
        if (message := self._pick(tab)) is None:
            return None
        body = self._words(tab)
        tab.publish("message:send", body=body, reply_to=message["seq"])
        return f"answers {message['seq']} with {body!r}"

    def edit(self, member: Member, tab: Tab) -> str | None:
        if (message := self._pick(tab, member.id)) is None:
            return None
        body = self._edited(message)
        base = message.get("edited_at", 0)
        tab.publish("message:amend", type="edit", seq=message["seq"], body=body, base=base)
        return f"edits {message['seq']} to {body!r}"

    def edit_in_the_field(self, member: Member, tab: Tab) -> str | None:
        if (message := self._pick(tab, member.id)) is None:
            return None
        body = self._edited(message) + " now"
        tab.publish("menu:chosen", kind="message", entry="edit", subject=message, anchor=None)
        tab.person.write(body).composer.press("Enter")
        return f"edits {message['seq']} in the field to {body!r}"

    def _edited(self, message: dict[str, Any]) -> str:
        word = message["body"].split()[0]
        return f"{word} edited {self.chance.randrange(100)}" + self.chance.choice(("", " https://example.org", " @Cid"))

    def take_back(self, member: Member, tab: Tab) -> str | None:
        if (message := self._pick(tab, member.id)) is None:
            return None
        tab.publish("message:amend", type="delete", seq=message["seq"])
        self.taken_back.add(message["seq"])
        return f"takes {message['seq']} back"

    def react(self, member: Member, tab: Tab) -> str | None:
        if (message := self._pick(tab)) is None:
            return None
        emoji, on = self.chance.choice(EMOJI), self.chance.random() < 0.6
        tab.publish("message:amend", type="react", seq=message["seq"], emoji=emoji, on=on)
        return f"{'reacts' if on else 'no longer reacts'} to {message['seq']} with {emoji}"

    def rename(self, member: Member, tab: Tab) -> str:
        self._names += 1
        name = f"{member.name}-{self._names}"
        tab.publish("name:change", name=name)
        return f"is called {name}"

    def go_offline(self, member: Member, tab: Tab) -> str | None:
        if member.is_offline:
            return None
        member.context.set_offline(True)
        member.is_offline = True
        return "goes offline"

    def go_online(self, member: Member, tab: Tab | None) -> str | None:
        if not member.is_offline:
            return None
        member.context.set_offline(False)
        member.is_offline = False
        return "goes online"

    def cut(self, member: Member, tab: Tab) -> str | None:
        if tab.wire is None or tab.is_cut or not tab.wire.is_open:
            return None
        tab.wire.cut()
        tab.is_cut = True
        return "is cut off"

    def mend(self, member: Member, tab: Tab) -> str | None:
        if tab.wire is None or not tab.is_cut:
            return None
        tab.wire.mend()
        tab.is_cut = False
        tab.publish("connection:retry")
        return "is mended"

    def reload(self, member: Member, tab: Tab) -> str | None:
        if member.is_offline:
            return None
        tab.person.reload()
        return "reloads"

    def close_and_open(self, member: Member, tab: Tab) -> str | None:
        tab.person.page.close()
        member.tabs.remove(tab)
        return "is closed" if member.is_offline else f"is closed, {self._new_tab(member).label} opened"

    def scroll_up(self, member: Member, tab: Tab) -> str:
        tab.person.run("() => { document.querySelector('.scroller').scrollTop = 0; }")
        return "scrolls up"

    def scroll_down(self, member: Member, tab: Tab) -> str:
        tab.person.run("() => { const box = document.querySelector('.scroller'); box.scrollTop = box.scrollHeight; }")
        return "scrolls down"

    def follow_link(self, member: Member, tab: Tab) -> str:
        seq = self.chance.randint(1, self._history + 20)
        tab.go_to(f"#message/{seq}")
        return f"follows the link to {seq}"

    def go_back(self, member: Member, tab: Tab) -> str | None:
        way = self.chance.choice(("back", "back", "forward"))
        step = -1 if way == "back" else 1
        is_here = tab.person.run(
            """(step) => {
                const to = navigation.entries()[navigation.currentEntry.index + step];
                if (to?.sameDocument) history.go(step);
                return Boolean(to?.sameDocument);
            }""",
            step,
        )
        return f"goes {way}" if is_here else None

    def to_the_newest(self, member: Member, tab: Tab) -> str | None:
        jump = tab.person.page.locator(".jump")
        if not jump.is_visible():
            return None
        jump.evaluate("(button) => button.click()")
        return "goes to the newest"

    def filter(self, member: Member, tab: Tab) -> str:
        one, other = self.chance.sample(self.members, 2)
        kinds = (f"#users/{one.id}", f"#users/{one.id},{other.id}", "#mentions", "#links", f"#users/{one.id}/links")
        tab.filter = fragment = self.chance.choice(kinds)
        tab.go_to(fragment)
        return f"filters by {fragment}"

    def leave_filter(self, member: Member, tab: Tab) -> str | None:
        tab.go_to("#users")
        return "shows everything"

    def follow_what_was_found(self, member: Member, tab: Tab) -> str | None:
        if member.is_offline or tab.is_cut:
            return None
        box = tab.person.page.get_by_role("searchbox")
        if not box.is_visible():
            tab.person.page.get_by_role("button", name="Search", exact=True).click()
        word = f"m{self.chance.randint(1, self._history)}"
        box.fill(word)
        box.press("Enter")
        found = tab.person.page.get_by_role("list", name="Search results").get_by_role("link").first
        expect(found).to_be_visible()
        found.click()
        return f"searches for {word} and follows it"

    # --- afterwards ---

    def reconnect(self) -> None:
        """Everybody is online, and has a tab."""
        for member in self.members:
            self._note(member.name, self.go_online(member, None))
            for tab in member.tabs:
                self._note(tab.label, self.mend(member, tab))
            if not member.tabs:
                self._note(member.name, f"opens {self._new_tab(member).label}")

    def settle(self) -> list[str]:
        """What still waits: to be connected, to be sent, to be taken over from a tab that was closed."""
        waiting = []
        for _, tab in self.tabs:
            settled = tab.person.run(SETTLE)
            self.refused |= {body.split()[0] for body in settled["refused"]}
            waiting += [f"{tab.label}: {what}" for what in settled["waiting"]]
        return waiting
