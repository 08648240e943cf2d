"""docs/screens.md shows every state of the page, and every picture is there."""

from tests.browser.screenshots import DOCUMENT, FOLDER, document
from tests.browser.states import STATES

MOST_BYTES = 3_000_000  # Everybody who clones the repository gets them.


def test_every_state_is_shown_and_every_picture_belongs_to_one() -> None:
    assert DOCUMENT.read_text() == document(), "Run .venv/bin/python -m tests.browser.screenshots"
    assert {path.name for path in FOLDER.glob("*.png")} == {s.file(look) for s in STATES.values() for look in s.looks}
    assert sum(path.stat().st_size for path in FOLDER.glob("*.png")) < MOST_BYTES
