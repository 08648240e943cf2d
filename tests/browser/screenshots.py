"""Takes pictures of the running page for the documentation, one for each state of the page.

`.venv/bin/python -m tests.browser.screenshots` writes all of them to docs/img/, and docs/screens.md, which shows them;
with names behind it (`room menu search`), only the pictures of those states. The states are in tests/browser/states/.
The letters and emoji are those of FONTS, wherever the pictures are taken.
"""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, sync_playwright

from tests import servers
from tests.browser.accessibility import SETTLED
from tests.browser.conftest import CHROMIUM, CHROMIUM_ARGS
from tests.browser.person import Person
from tests.browser.pictures import reduced
from tests.browser.states import STATES, State
from tests.browser.states.stage import DARK, Stage

FOLDER = servers.ROOT / "docs/img"
DOCUMENT = servers.ROOT / "docs/screens.md"
FONTS = {"sans-serif": "Noto Sans", "emoji": "Noto Color Emoji"}


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_ARGS)
        yield launched
        launched.close()


def take(stage: Stage, state: State) -> None:
    page: Page | None = None
    for look in state.looks:
        if page and look is DARK:
            page.emulate_media(color_scheme="dark")  # The same page in other colours.
        else:
            stage.clear()
            stage.look = look
            seen = state.reach(stage)
            page = seen.page if isinstance(seen, Person) else seen
        page.evaluate(SETTLED)  # Else icons are painted in the colours that they are changing from.
        (FOLDER / state.file(look)).write_bytes(reduced(page.screenshot(animations="disabled")))
    stage.clear()


def check_fonts() -> None:
    """Ends with a sentence where the browser would take other fonts."""
    for kind, name in FONTS.items():
        match = shutil.which("fc-match")
        found = subprocess.run([match, "-f", "%{family}", kind], capture_output=True, text=True).stdout if match else ""
        if not found.startswith(name):
            needed = "fontconfig fonts-noto-core fonts-noto-color-emoji"
            sys.exit(f"Expected the font {name} for {kind}, found {found or 'none'}: apt-get install {needed}")


def document() -> str:
    """docs/screens.md: every state with its pictures."""
    lines = [
        "# Screenshots\n",
        "<!-- Written by tests/browser/screenshots.py. -->\n",
        "Every state of the page. `.venv/bin/python -m tests.browser.screenshots` takes the pictures again.\n",
    ]
    for state in STATES.values():
        lines.append(f"## {state.name.replace('-', ' ').capitalize()}\n\n{state.words}\n")
        for look in state.looks:
            width = 200 if look.name == "phone" else 640 if len(state.looks) == 1 else 380
            lines.append(f'<img src="img/{state.file(look)}" width="{width}" alt="{state.name}, {look.name}">')
        lines.append("")
    return "\n".join(lines)


def main(names: list[str]) -> None:
    if unknown := set(names) - set(STATES):
        sys.exit(f"There is no state {', '.join(unknown)}; expected some of: {' '.join(STATES)}")
    check_fonts()
    FOLDER.mkdir(exist_ok=True)
    with servers.chatty_server() as server, browser() as chromium:
        stage = Stage(chromium, server)
        for name in names or STATES:
            take(stage, STATES[name])
    DOCUMENT.write_text(document())


if __name__ == "__main__":
    main(sys.argv[1:])
