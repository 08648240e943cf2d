"""All states of the page, one function each, for the pictures in docs/screens.md."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.person import Person
from tests.browser.states.stage import DARK, LIGHT, PHONE, Look, Stage

EVERYWHERE = (LIGHT, DARK, PHONE)
ONCE = (LIGHT,)


@dataclass(frozen=True)
class State:
    """What leads there, and what docs/screens.md says of it."""

    name: str
    words: str
    looks: tuple[Look, ...]
    reach: Callable[[Stage], Person | Page]

    def file(self, look: Look) -> str:
        return f"{self.name}-{look.name}.png" if len(self.looks) > 1 else f"{self.name}.png"


STATES: dict[str, State] = {}


def state(words: str, looks: tuple[Look, ...] = ONCE) -> Callable[[Callable[[Stage], Person | Page]], State]:
    """Makes the function, which returns whose page is to be seen, a state by the function's name."""

    def note(reach: Callable[[Stage], Person | Page]) -> State:
        name = reach.__name__.replace("_", "-")
        STATES[name] = State(name, words, looks, reach)
        return STATES[name]

    return note


# In the order of docs/screens.md.
from tests.browser.states import talking, writing, finding, rooms, trouble, moderating, places  # noqa: E402, F401, I001
