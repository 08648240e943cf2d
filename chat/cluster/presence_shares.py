"""Tracks which changes of other processes' members in a room this process has received. Pure.

A process numbers the changes of its share. Each change names the one before it. A process that has received all
changes since it read the share, or since the share began, knows the share and needn't read it again.
"""

from collections.abc import Mapping
from typing import NamedTuple

from chat.cluster.names import ScreenName
from chat.protocol.fields import MemberId

RECENT_LIMIT = 10_000  # Changes kept during a read of the store, for seconds. Past it the store is read again.

Share = Mapping[MemberId, ScreenName]  # A process's members in one room.


class Known(NamedTuple):
    """The known state of a share: its revision, 0 if unknown, and the number of its members."""

    revision: int = 0
    size: int = 0


class Seen(NamedTuple):
    """A share in the store. `share` is None if it is the known one."""

    revision: int
    share: Share | None


Shares = dict[str, Seen]  # Every other process's share in one room, by process.


class ShareChange(NamedTuple):
    """A received change: its time, its member, and the share's revisions before (`after`) and after it (`revision`)."""

    at: float
    member_id: MemberId
    after: int
    revision: int


class Followed:
    """The received changes of one process's share."""

    __slots__ = ("_forgotten_at", "_latest", "_recent", "received_at", "revision")

    def __init__(self) -> None:
        self.received_at = float("-inf")
        self.revision = 0  # The share is known up to this revision. 0: a change was missed.
        self._recent: list[ShareChange] = []  # Since the last look at the store.
        self._latest: dict[MemberId, ShareChange] = {}  # Each member's latest change.
        self._forgotten_at = float("-inf")

    def handle(self, change: ShareChange, is_first: bool) -> bool:
        """Records a change. Returns False for a late one: its revision, or a later one, is known already.

        `is_first`: nothing is known of this share, so it may be new.
        """
        self.received_at = change.at
        if 0 < change.revision <= self.revision:
            return False
        is_next = change.after == self.revision if self.revision else is_first and change.after == 0
        self.revision = change.revision if is_next else 0
        if len(self._recent) >= RECENT_LIMIT:
            self._forget()
            self._forgotten_at = change.at
        self._recent.append(change)
        self._latest[change.member_id] = change
        return True

    def is_newer(self, member_id: MemberId, read_at: float, revision: int) -> bool:
        """Whether a change of this member was received that a read of the store may not include.

        The read began at `read_at` and found this revision.
        """
        change = self._latest.get(member_id)
        is_newer = change is not None and change.at >= read_at and not 0 < change.revision <= revision
        return is_newer or self._forgotten_at >= read_at

    def update(self, revision: int, read_at: float) -> None:
        """Records that the share was read at this revision. The read began at `read_at`; later changes stay."""
        for change in self._recent:
            if change.at >= read_at and change.revision > revision:
                revision = change.revision if revision and change.after == revision else 0
        self.revision = 0 if self._forgotten_at >= read_at else revision
        self.prune(read_at)

    def prune(self, read_at: float) -> None:
        """Drops the changes before `read_at`: any later read of the store includes them."""
        kept = [change for change in self._recent if change.at >= read_at]
        self._forget()
        self._recent = kept
        self._latest = {change.member_id: change for change in kept}

    def _forget(self) -> None:
        self._recent, self._latest = [], {}
