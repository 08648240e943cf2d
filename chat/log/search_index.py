"""Adds messages to SQLite's search index, and removes deleted words from it. PostgreSQL does both by itself.

A post alone would write more pages for the index than for everything else. So `catch_up` adds many messages in one
transaction: every few seconds, and before each search, which therefore finds a message at once. The position in
`chat_message_indexed` moves in the same transaction. SQLite has one writer at a time, so no new message gets an id
below the position.

FTS5 only marks a word as deleted: the word stays in the index's older parts until they are merged with the mark, which
may be never. So the whole index is merged after a deletion, in steps. PostgreSQL does this by vacuuming.
"""

import math
import threading
import time

from django.db import connection, transaction

from chat.log.slices import Budget, in_slices
from chat.models import Message

INDEX = "chat_message_fts"
INDEX_SECONDS = 2  # At most so much waits for a search. Longer would not save many more pages.
MESSAGES = 500  # Added in one transaction, for which other writers wait: about 10 ms.
PAGES = 100  # Written in one step, for which other writers wait: about 15 ms.
BUDGET_SECONDS = 5  # Maximum use of one of the log's threads. The next run continues.
SHARE = 20  # The pause after a merge, as a multiple of the merge's time.

_MERGE = "INSERT INTO chat_message_fts (chat_message_fts, rank) VALUES ('merge', %s)"

_TABLES = {"messages": Message._meta.db_table, "index": INDEX}
_LACKS = "SELECT EXISTS (SELECT 1 FROM {messages} WHERE id > (SELECT last FROM chat_message_indexed))".format(**_TABLES)  # nosec B608
_NEXT = (
    "SELECT last, (SELECT max(id) FROM (SELECT id FROM {messages} WHERE id > last ORDER BY id LIMIT %s))"  # nosec B608
    " FROM chat_message_indexed"
).format(**_TABLES)
_ADD = (
    "INSERT INTO {index} (rowid, room_id, body) SELECT id, room_id, coalesce(search_text, body)"  # nosec B608
    " FROM {messages} WHERE id > %s AND id <= %s ORDER BY id"
).format(**_TABLES)


def catch_up() -> None:
    """Adds all messages that the index lacks. Waits for the database, if there are any."""
    if connection.vendor == "sqlite":
        in_slices(_add_slice, Budget(math.inf))


def _add_slice() -> bool:
    """Adds the next messages. Returns whether there were any."""
    with connection.cursor() as cursor:
        cursor.execute(_LACKS)  # A reader waits for nobody.
        if not cursor.fetchone()[0]:
            return False
        with transaction.atomic():
            cursor.execute(_NEXT, [MESSAGES])
            last, newest = cursor.fetchone()
            if newest is not None:  # Else another process was faster.
                cursor.execute(_ADD, [last, newest])
                cursor.execute("UPDATE chat_message_indexed SET last = %s", [newest])
        return newest is not None


class IndexCleanup:
    """The state of the cleanup in this process: whether words were deleted, and when it may run next."""

    def __init__(self) -> None:
        self._has_deleted = threading.Event()
        self._has_deleted.set()  # An earlier process may have ended before its cleanup.
        self._is_begun = False
        self._not_before = float("-inf")

    def note_deletion(self) -> None:
        """Records a deletion. Call it in the transaction that deletes words."""
        if connection.vendor == "sqlite":
            transaction.on_commit(self._has_deleted.set)

    def forget(self) -> None:
        """Merges the index, or a part of it, if words were deleted. Waits for the database."""
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
        """Runs one step of FTS5's merge. A negative number starts a full merge. Returns whether there was work."""
        with connection.cursor() as cursor:
            before = cursor.connection.total_changes
            cursor.execute(_MERGE, [PAGES if self._is_begun else -PAGES])
            self._is_begun = True
            return bool(cursor.connection.total_changes - before > 1)


index_cleanup = IndexCleanup()
