"""Recomputes the messages' `search_text` after a change of folding.py or of Python's Unicode data."""

import math

from django.db import DEFAULT_DB_ALIAS, connection, transaction

from chat.content.folding import VERSION
from chat.content.search_terms import search_text
from chat.log.live_migrations import slices
from chat.log.slices import Budget, in_slices
from chat.models import Message, SearchFolding

_ROW = 1
# Skips a message that was edited meanwhile: it has its new body's words already.
_TABLES = {"messages": Message._meta.db_table}
_UPDATE = "UPDATE {messages} SET search_text = %s WHERE id = %s AND body = %s".format(**_TABLES)  # nosec B608


def advice() -> str | None:
    """A sentence of advice if stored texts were folded by another version. None otherwise."""
    made_by = SearchFolding.objects.values_list("version", flat=True).first()
    if made_by == VERSION:
        return None
    return (
        f"What is searched was folded by version {made_by or 'unknown'}, this is {VERSION}: some messages may not be "
        "found: run `manage.py refold` once all servers are of this version"
    )


def refold() -> int:
    """Recomputes the search texts of all messages in slices. Returns how many changed.

    Members may write meanwhile if all servers run this version of Chatty.
    """
    count = 0
    left = slices(Message, DEFAULT_DB_ALIAS)

    def take() -> bool:
        nonlocal count
        if (ids := next(left, None)) is None:
            return False
        count += _refold(*ids)
        return True

    in_slices(take, Budget(math.inf))
    SearchFolding.objects.update_or_create(pk=_ROW, defaults={"version": VERSION})
    return count


def _refold(first: int, last: int) -> int:
    rows = list(Message.objects.filter(pk__range=(first, last)).values_list("pk", "body", "search_text"))
    changed = [(text, pk, body) for pk, body, was in rows if (text := search_text(body)) != was]
    if changed:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_UPDATE, changed)
    return len(changed)
