"""Runs long database work in slices, so that others wait for one slice at most."""

import time
from collections.abc import Callable

BUDGET_SECONDS = 20  # For one request. Most proxies time out after 30 or 60 s.
PAUSE_SECONDS = 0.2  # At most, after each slice.


class Budget:
    """The time that one request may take for its slices."""

    def __init__(self, seconds: float = BUDGET_SECONDS) -> None:
        self._ends_at = time.monotonic() + seconds

    @property
    def is_spent(self) -> bool:
        return time.monotonic() > self._ends_at


def in_slices(take: Callable[[], bool], budget: Budget) -> bool:
    """Calls `take`, which is one transaction, until it returns False. Returns whether it did so within the budget.

    After each slice it pauses for as long as the slice took: SQLite doesn't queue its writers, and a loop without
    pauses would block the log's writer.
    """
    while True:
        began_at = time.monotonic()
        if not take():
            return True
        if budget.is_spent:
            return False
        time.sleep(min(time.monotonic() - began_at, PAUSE_SECONDS))
