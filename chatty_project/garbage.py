"""Keeps Python's garbage collector from stopping a worker's event loop.

A full collection looks at every object: 0.5 s with 6,000 members in 3,000 rooms. It comes whenever they have grown by a
quarter, as while members join. So objects that stay are frozen: collections don't look at them any more. References
still free them. Of the frozen ones, only those in a cycle wait for `_collect`, which comes rarely.
"""

import gc

STEP = 50  # Connections between two times of freezing: a collection of what they bring takes about 3 ms.
LEAST_CLOSED = 300  # Before a full collection. What they have left in cycles is up to 7 MB until then.
# The collector starts after so many new objects, 700 by default. Fewer runs look at what a message needs anyway.
YOUNG = 5_000


class Garbage:
    """Counts connections, and freezes or collects objects by it."""

    def __init__(self) -> None:
        self._open = 0
        self._opened = 0  # Since objects were frozen.
        self._closed = 0  # Since the last full collection.

    def start(self) -> None:
        """Freezes the modules and everything else that a worker has from its start on."""
        gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
        self._collect()

    def note_opened(self) -> None:
        """Records a new connection."""
        self._open += 1
        self._opened += 1
        if self._opened >= STEP:
            self._opened = 0
            gc.collect(1)  # What is garbage already needn't wait.
            gc.freeze()

    def note_closed(self) -> None:
        """Records the end of a connection. As many ends as there are connections may have left garbage in cycles."""
        self._open -= 1
        self._closed += 1
        if self._closed >= max(LEAST_CLOSED, self._open):
            self._collect()

    def _collect(self) -> None:
        self._opened = self._closed = 0
        gc.unfreeze()
        gc.collect()
        gc.freeze()


garbage = Garbage()
