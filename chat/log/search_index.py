"""SQLite's search index forgets deleted words.

FTS5 only notes that a word is gone: the word itself stays in the index's older parts until those are merged with the
note, which may be never. So the whole index is merged after a deletion, in steps. PostgreSQL does that by vacuuming.
"""

import threading
import time

from django.db import connection, transaction

from chat.log.slices import Budget, in_slices

INDEX = "chat_message_fts"
PAGES = 100  # Written in one step, which others who write wait for: some 15 ms.
BUDGET_SECONDS = 5  # One of the log's threads is kept so long at most; the next time goes on.
SHARE = 20  # After a merge there is none for this many times as long as it took.

_MERGE = f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('merge', %s)"  # nosec B608


class IndexCleanup:
    """Whether this process knows of deleted words, and when it looks next."""

    def __init__(self) -> None:
        self._has_deleted = threading.Event()
        self._has_deleted.set()  # An earlier process may have ended before it forgot.
        self._is_begun = False
        self._not_before = float("-inf")

    def note_deletion(self) -> None:
        """Called in the transaction that deletes words."""
        if connection.vendor == "sqlite":
            transaction.on_commit(self._has_deleted.set)

    def forget(self) -> None:
        """Merges the index, or a part of it, if there is a reason. Waits for the database."""
        began_at = time.monotonic()
        if connection.vendor != "sqlite" or not self._has_deleted.is_set() or began_at < self._not_before:
            return
        if not self._is_begun:
            self._has_deleted.clear()
        try:
            is_done = in_slices(self._merge, Budget(BUDGET_SECONDS))
        except BaseException:
            self._is_begun = False
            self._has_deleted.set()
            raise
        if is_done:
            self._is_begun = False
        else:
            self._has_deleted.set()
        self._not_before = time.monotonic() + SHARE * (time.monotonic() - began_at)

    def _merge(self) -> bool:
        """One step of FTS5's merge; a negative number begins one of the whole index. Whether there was work to do."""
        with connection.cursor() as cursor:
            before = cursor.connection.total_changes
            cursor.execute(_MERGE, [PAGES if self._is_begun else -PAGES])
            self._is_begun = True
            return bool(cursor.connection.total_changes - before > 1)


index_cleanup = IndexCleanup()
