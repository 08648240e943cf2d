"""A member's screen name, and which of two is newer."""

from typing import NamedTuple


class ScreenName(NamedTuple):
    """A screen name and its place in the order of the member's names.

    Where two processes differ, the highest `turn` counts, and among equal turns the name that sorts last. So all
    processes choose the same name, independent of their clocks.

    `away`: nobody does anything in any of the member's tabs there. It is away where all processes say so.
    """

    turn: int
    name: str
    away: bool = False
