"""A member's screen name, and the order that decides which of two names is newer."""

from typing import NamedTuple


class ScreenName(NamedTuple):
    """A screen name and its place in the order of the member's names.

    Where two processes differ, the highest `turn` counts, and among equal turns the name that sorts last. So all
    processes choose the same name, independent of their clocks.

    `away`: the user is idle in all tabs on this process. A member is away if it is away on all processes.
    `is_bot`: the member is a program, on all processes.
    """

    turn: int
    name: str
    away: bool = False
    is_bot: bool = False
