"""Pictures of the running page for the documentation.

`.venv/bin/python -m tests.browser.screenshots` writes them to docs/img/.
"""

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, expect, sync_playwright

from tests import servers
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.browser.person import Person

FOLDER = servers.ROOT / "docs/img"
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 780}

TALK = [
    ("Ann", "Good morning. The new build is on the staging machine."),
    ("Bob", "Morning, Ann."),
    ("Bob", "I'll go through the list: https://example.com/release/checklist"),
    (
        "Cleo Park",
        "The search page still takes two seconds with a cold cache. Not worse than before, but I'd like to see why.",
    ),
    ("Ann", "Could you write down the query that you used?"),
    ("Cleo Park", "Already in the list, third from the top."),
    ("Bob", "Everything else is green.\nShall we go at eleven?"),
    ("Ann", "Eleven it is."),
]


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield launched
        launched.close()


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    with servers.chatty_server() as server, browser() as chromium:
        hues: list[int] = []

        def enter(name: str, **options: object) -> Person:
            """Somebody whose colour can be told from the others': identities, and so colours, are random."""
            while True:
                person = Person(chromium.new_page(**options), f"{server.http_url}/chatty/cloakroom").open().enter(name)  # type: ignore[arg-type]
                hue = int(person.page.locator(".is-me .avatar").evaluate("e => e.style.getPropertyValue('--hue')"))
                if all(60 <= abs(hue - other) <= 300 for other in hues):
                    break
                person.page.close()
            hues.append(hue)
            person.url = f"{server.http_url}/chatty/release-day"
            return person.open().wait_until_joined()

        people = {
            "Ann": enter("Ann", viewport=DESKTOP),
            "Bob": enter("Bob", viewport=DESKTOP, color_scheme="dark"),
            "Cleo Park": enter("Cleo Park", viewport=PHONE, has_touch=True),
        }
        for name, text in TALK:
            people[name].say(text)
        for person in people.values():
            expect(person.messages).to_have_count(len(TALK))
            expect(person.roster).to_have_count(len(people))
        people["Cleo Park"].composer.press_sequentially("See you")
        for name in ("Ann", "Bob"):
            expect(people[name].page.locator(".typing.is-shown")).to_be_visible()

        people["Ann"].page.screenshot(path=FOLDER / "room-light.png")
        people["Bob"].page.screenshot(path=FOLDER / "room-dark.png")
        people["Cleo Park"].page.screenshot(path=FOLDER / "room-phone.png")


if __name__ == "__main__":
    main()
