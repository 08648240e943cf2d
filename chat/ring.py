"""A room's newest messages and changes, encoded, in memory: joins and reconnects are answered from it."""

from collections.abc import Iterable
from typing import NamedTuple

from .protocol import WELCOME_MESSAGES


class Entry(NamedTuple):
    """A message as it now stands; `encoded` is its `message` event."""

    seq: int
    version: int
    encoded: bytes


class Ring:
    """The newest page of messages, by seq; and every message that changed after version `floor`, by version.

    The two differ once old messages change: a thousand reactions to an old message are a thousand changes, and the
    newest page is still the newest page.
    """

    def __init__(self, capacity: int, floor: int, page: Iterable[Entry], changes: Iterable[Entry]) -> None:
        """`page`: the newest messages. `changes`: whatever changed after `floor`, as read from the log after `page`."""
        self.capacity = capacity
        self.floor = floor
        self._changes: dict[int, Entry] = {}  # By seq, in the order of versions: a changed message moves to the end.
        self._page = {entry.seq: entry for entry in page}  # By seq, in the order of seqs.
        self._encoded_page: list[bytes] | None = None
        for entry in changes:
            self.add(entry)

    def __len__(self) -> int:
        return len(self._changes)

    def add(self, entry: Entry) -> None:
        """Takes the room's next change; above capacity the oldest one goes."""
        self._changes.pop(entry.seq, None)
        self._changes[entry.seq] = entry
        if len(self._changes) > self.capacity:
            oldest = next(iter(self._changes.values()))
            del self._changes[oldest.seq]
            self.floor = oldest.version
        if entry.seq >= self.oldest_seq or len(self._page) < WELCOME_MESSAGES:
            self._put_on_page(entry)

    def _put_on_page(self, entry: Entry) -> None:
        is_in_place = entry.seq in self._page or entry.seq > next(reversed(self._page), 0)
        self._page[entry.seq] = entry
        if not is_in_place:  # Its birth was missed, and it comes with a later change.
            self._page = dict(sorted(self._page.items()))
        if len(self._page) > WELCOME_MESSAGES:
            del self._page[self.oldest_seq]
        self._encoded_page = None

    @property
    def oldest_seq(self) -> int:
        """The first seq of the newest page; 0 in an empty room."""
        return next(iter(self._page), 0)

    def deepen(self, floor: int, head: int, changes: Iterable[Entry]) -> None:
        """Takes what the log held between a lower `floor` and `head`, which may overlap with what is held already."""
        if floor >= self.floor or head < self.floor:  # Nothing new, or a hole would stay in between.
            return
        held = self._changes
        older = {entry.seq: entry for entry in changes if entry.version <= self.floor and entry.seq not in held}
        self._changes = older | held
        self.floor = floor

    def entries_since(self, version: int) -> list[Entry] | None:
        """What changed after `version`, oldest change first; None where that reaches below the floor."""
        if version < self.floor:
            return None
        found = []
        for entry in reversed(self._changes.values()):
            if entry.version <= version:
                break
            found.append(entry)
        return found[::-1]

    def since(self, version: int) -> list[bytes] | None:
        """As `entries_since`, as it goes over the wire."""
        found = self.entries_since(version)
        return None if found is None else [entry.encoded for entry in found]

    def newest_page(self) -> list[bytes]:
        """The newest messages, by seq. Kept until it changes: in a reconnect storm everybody gets the same list."""
        if self._encoded_page is None:
            self._encoded_page = [entry.encoded for entry in self._page.values()]
        return self._encoded_page
