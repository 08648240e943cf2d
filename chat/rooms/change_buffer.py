"""A room's newest messages and changes, encoded, in memory. They answer joins and reconnects.

Its bytes are limited, for a room and for all rooms of a process. Everything else is read from the log.
"""

from collections.abc import Iterable

from chat.log.entries import ENTRY_BYTES, Entry
from chat.protocol.constants import WELCOME_MESSAGES


class ChangeBuffer:
    """The newest page of messages, by seq, and all messages that changed after version `floor`, by version.

    The two differ once old messages change: a thousand reactions to an old message are a thousand changes, but they
    don't change the newest page. Each of the two holds at most `size_limit` bytes of messages.
    """

    def __init__(
        self,
        capacity: int,
        size_limit: int,
        floor: int,
        page: Iterable[Entry],
        changes: Iterable[Entry],
        buffers: "ChangeBuffers | None" = None,
    ) -> None:
        """`page`: the newest messages. `changes`: all changes after `floor`, read from the log after `page`."""
        self.capacity = capacity
        self.floor = floor
        self.bottom = 0  # The changes after a lower version exceed `size_limit`.
        self.has_page = True
        self._size_limit = size_limit
        self._buffers = buffers
        self._changes: dict[int, Entry] = {}  # By seq, in the order of versions: a changed message moves to the end.
        self._changes_size = 0
        self._page: dict[int, Entry] = {}  # The newest messages by seq, in the order of seqs, without a gap.
        self._page_size = 0
        self._is_page_cut = False  # Older messages didn't fit.
        self._encoded_page: list[bytes] | None = None
        self._counted = 0  # The bytes that `buffers` has counted.
        for entry in page:
            self._put_on_page(entry)
        for entry in changes:
            self._add(entry)
        self._count()

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def size(self) -> int:
        """The bytes in memory. A message on the page and among the changes counts twice."""
        return self._changes_size + self._page_size + ENTRY_BYTES * (len(self._changes) + len(self._page))

    def add(self, entry: Entry) -> None:
        """Adds the room's next change. Above the limits it drops the oldest ones."""
        self._add(entry)
        self._count()

    def _add(self, entry: Entry) -> None:
        before = self._changes.pop(entry.seq, None)
        self._changes[entry.seq] = entry
        self._changes_size += len(entry.encoded)
        if before is not None:
            self._changes_size -= len(before.encoded)
        if entry.seq < entry.version and (before is None or len(before.encoded) > len(entry.encoded)):
            self.bottom = 0  # A message may have become smaller, so an older one may fit again.
        while len(self._changes) > self.capacity or self._changes_size > self._size_limit:
            self._drop_oldest_change()
        is_on_page = entry.seq >= self.oldest_seq or (len(self._page) < WELCOME_MESSAGES and not self._is_page_cut)
        if self.has_page and is_on_page:
            self._put_on_page(entry)

    def _drop_oldest_change(self) -> None:
        if self._changes_size > self._size_limit:
            self.bottom = next(iter(self._changes.values())).version
        oldest = self._changes.pop(next(iter(self._changes)))
        self._changes_size -= len(oldest.encoded)
        self.floor = oldest.version

    def _put_on_page(self, entry: Entry) -> None:
        is_in_place = entry.seq in self._page or entry.seq > next(reversed(self._page), 0)
        if (before := self._page.get(entry.seq)) is not None:
            self._page_size -= len(before.encoded)
        self._page[entry.seq] = entry
        self._page_size += len(entry.encoded)
        if not is_in_place:  # The message is new here: only a later change of it arrived.
            self._page = dict(sorted(self._page.items()))
        while len(self._page) > WELCOME_MESSAGES or (self._page_size > self._size_limit and len(self._page) > 1):
            self._is_page_cut = True
            self._page_size -= len(self._page.pop(self.oldest_seq).encoded)
        self._encoded_page = None

    @property
    def oldest_seq(self) -> int:
        """The first seq of the newest page; 0 in an empty room."""
        return next(iter(self._page), 0)

    def deepen(self, floor: int, head: int, changes: Iterable[Entry], *, is_cut_by_size: bool = False) -> None:
        """Adds the log's changes between a lower `floor` and `head`. They may overlap with the changes held here.

        `is_cut_by_size`: the changes after a version below `floor` exceed `size_limit`.
        """
        if floor >= self.floor or head < self.floor:  # Nothing new, or a gap would remain.
            return
        older: list[Entry] = []
        bottom = floor if is_cut_by_size else 0
        for entry in sorted(changes, key=_version, reverse=True):
            if entry.version > self.floor or entry.seq in self._changes:
                continue
            if self._changes_size + len(entry.encoded) > self._size_limit:
                floor = bottom = entry.version
                break
            older.append(entry)
            self._changes_size += len(entry.encoded)
        self._changes = {entry.seq: entry for entry in reversed(older)} | self._changes
        self.floor, self.bottom = floor, max(self.bottom, bottom)
        self._count()

    def find(self, seq: int) -> Entry | None:
        """The current state of the message. None if it isn't in memory."""
        return self._changes.get(seq) or self._page.get(seq)

    def entries_since(self, version: int) -> list[Entry] | None:
        """The messages that changed after `version`, oldest change first. None if `version` is below the floor."""
        if version < self.floor:
            return None
        found = []
        for entry in reversed(self._changes.values()):
            if entry.version <= version:
                break
            found.append(entry)
        return found[::-1]

    def since(self, version: int) -> list[bytes] | None:
        """The same as `entries_since`, encoded for the wire."""
        found = self.entries_since(version)
        return None if found is None else [entry.encoded for entry in found]

    def newest_page(self) -> list[bytes]:
        """The newest messages, by seq. Kept until it changes: in a reconnect storm everybody gets the same list."""
        if self._encoded_page is None:
            self._encoded_page = [entry.encoded for entry in self._page.values()]
        return self._encoded_page

    def expire(self, seq: int) -> None:
        """Drops the messages up to this seq. The log doesn't have them any more."""
        for gone in [one for one in self._changes if one <= seq]:
            self._changes_size -= len(self._changes.pop(gone).encoded)
        for gone in [one for one in self._page if one <= seq]:
            self._page_size -= len(self._page.pop(gone).encoded)
        self._encoded_page = None
        self._count()

    def forget(self) -> None:
        """Drops everything. Later changes are kept. The page is read from the log when needed."""
        if self._changes:
            self.floor = next(reversed(self._changes.values())).version
        self._changes.clear()
        self._page.clear()
        self._changes_size = self._page_size = 0
        self._encoded_page = None
        self.has_page = False
        self._count()

    def close(self) -> None:
        """Frees its share of the process's limit."""
        if self._buffers is not None:
            self._buffers.remove(self, self._counted)
            self._buffers = None

    def _count(self) -> None:
        if self._buffers is not None:
            by, self._counted = self.size - self._counted, self.size
            self._buffers.count(self, by)


class ChangeBuffers:
    """All change buffers of a process. Together they hold at most `limit` bytes plus one buffer.

    Past the limit the largest buffers are emptied until a tenth of the limit is free. So the busiest rooms lose their
    buffers first, and each message needs a look at few buffers.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffers: dict[ChangeBuffer, None] = {}
        self.size = 0

    def __len__(self) -> int:
        return len(self._buffers)

    def count(self, buffer: ChangeBuffer, by: int) -> None:
        """Adds `by` bytes to the buffer's count."""
        self._buffers[buffer] = None
        self.size += by
        if self.size > self._limit and by > 0:
            self._make_room(buffer)

    def _make_room(self, growing: ChangeBuffer) -> None:
        for buffer in sorted(self._buffers, key=lambda buffer: buffer.size, reverse=True):
            if self.size <= 0.9 * self._limit or not buffer.size:
                break
            if buffer is not growing:
                buffer.forget()

    def remove(self, buffer: ChangeBuffer, size: int) -> None:
        del self._buffers[buffer]
        self.size -= size


class ReorderBuffer:
    """Changes that arrived before their turn, limited in number and bytes. The log has those that don't fit."""

    def __init__(self, capacity: int, size_limit: int) -> None:
        self._capacity = capacity
        self._size_limit = size_limit
        self._entries: dict[int, Entry] = {}  # By version.
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, entry: Entry) -> None:
        self.pop(entry.version)
        if len(self._entries) < self._capacity and self.size + entry.size <= self._size_limit:
            self._entries[entry.version] = entry
            self.size += entry.size

    def pop(self, version: int) -> Entry | None:
        """Removes and returns the change with this version."""
        entry = self._entries.pop(version, None)
        if entry is not None:
            self.size -= entry.size
        return entry

    def drop_until(self, version: int) -> None:
        """Drops the changes up to this version."""
        for known in [known for known in self._entries if known <= version]:
            self.pop(known)


def _version(entry: Entry) -> int:
    return entry.version
