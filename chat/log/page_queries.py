"""Queries for pages of messages. Each set of conditions uses an index in the order of seqs."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from django.db import connection
from django.db.models import Field, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.query import RawQuerySet

from chat.log.pagination import Filter
from chat.models import Mention, Message

Side = Literal["<", ">="]
_TABLES = {"messages": Message._meta.db_table, "mentions": Mention._meta.db_table}
_COLUMNS = ", ".join(
    f"said.{field.column}" for field in Message._meta.concrete_fields
)  # PostgreSQL's index is one more.


def nearest(room_id: int, wanted: Filter, side: Side, seq: int, limit: int) -> list[Message]:
    """The `limit` matching messages nearest below `seq` (`<`), or from it on (`>=`), by seq."""
    found = list(_narrowed(room_id, wanted, side, seq, limit))
    return found[::-1] if side == "<" else found


def named(room_id: int, seqs: Sequence[int]) -> list[Message]:
    """The existing messages among these, by seq."""
    return list(Message.objects.filter(room_id=room_id, seq__in=seqs).order_by("seq"))


def seq_at(room_id: int, at: datetime) -> int:
    """The seq of the room's first message of this time or later, or the one above all seqs.

    Bisects the seqs, because times grow with them: about 20 rows of a million are read, and posts write no index of
    times. Where a clock went back, it is one of the places at which the times pass `at`.
    """
    messages = Message.objects.filter(room_id=room_id)
    newest = messages.order_by("-seq").values_list("seq", flat=True).first() or 0
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        found = messages.filter(seq__gte=middle).order_by("seq").values_list("seq", "at").first()
        if found is not None and found[1] < at:
            low = found[0] + 1
        else:
            high = middle
    return messages.filter(seq__gte=low).order_by("seq").values_list("seq", flat=True).first() or newest + 1


def _narrowed(
    room_id: int, wanted: Filter, side: Side, seq: int, limit: int
) -> QuerySet[Message] | RawQuerySet[Message]:
    if wanted.mentions is not None:
        return _mentioning(room_id, wanted.mentions, wanted, side, seq, limit)
    messages = Message.objects.filter(room_id=room_id)
    messages = messages.filter(seq__lt=seq) if side == "<" else messages.filter(seq__gte=seq)
    if wanted.links:
        messages = messages.filter(has_link=True)
    messages = messages.order_by("-seq" if side == "<" else "seq")
    if len(wanted.authors) > 1:
        return _of_any(messages, wanted.authors, limit)
    return (messages.filter(author_id=wanted.authors[0]) if wanted.authors else messages)[:limit]


def _mentioning(
    room_id: int, member_id: uuid.UUID, wanted: Filter, side: Side, seq: int, limit: int
) -> RawQuerySet[Message]:
    """The messages that mention a member, in the order of the table of mentions.

    Both tables have the condition on `seq`, so that the database can start there in either.
    """
    of_authors = f" AND said.author_id IN ({', '.join(['%s'] * len(wanted.authors))})" if wanted.authors else ""
    with_links = " AND said.has_link" if wanted.links else ""
    direction = "DESC" if side == "<" else "ASC"
    sql = (
        "SELECT {columns} FROM {messages} said JOIN {mentions} mention"  # nosec B608
        " ON mention.room_id = said.room_id AND mention.seq = said.seq"
        " WHERE said.room_id = %s AND said.seq {side} %s{of_authors}{with_links}"
        " AND mention.member_id = %s AND mention.seq {side} %s"
        " ORDER BY mention.seq {direction} LIMIT %s"
    ).format(**_TABLES, columns=_COLUMNS, side=side, of_authors=of_authors, with_links=with_links, direction=direction)
    author: Field[Any, Any] = Message._meta.get_field("author_id")
    authors = (author.get_db_prep_value(each, connection) for each in wanted.authors)
    me = author.get_db_prep_value(member_id, connection)
    return Message.objects.raw(sql, [room_id, seq, *authors, me, seq, limit])


def _of_any(messages: QuerySet[Message], authors: Sequence[uuid.UUID], limit: int) -> QuerySet[Message]:
    """The first `limit` messages of some authors: the first of each by the index, then the first of all.

    For one query over all authors, the databases would read all messages of these authors, or all newer messages.
    """
    (order,) = messages.query.order_by
    of_each = [messages.filter(author_id=author) for author in authors]
    return Message.objects.filter(pk__in=first_of(of_each, str(order), limit)).order_by(order)


def first_of(of_each: Sequence[QuerySet[Message]], order: str, limit: int) -> RawSQL:
    """The ids of the first `limit` messages of all these, by `order`. Each has an order by which an index has it."""
    column, direction = order.lstrip("-"), "DESC" if order.startswith("-") else "ASC"
    parts = [messages.values("id", "seq")[:limit].query.sql_with_params() for messages in of_each]
    tables = [f"({sql}) AS part_{number}" for number, (sql, _) in enumerate(parts)]
    selects = [f"SELECT * FROM {table}" for table in tables]  # nosec B608
    together = f"({' UNION ALL '.join(selects)}) AS together ORDER BY together.{column} {direction} LIMIT {limit:d}"
    first = f"SELECT together.id FROM {together}"  # nosec B608
    return RawSQL(first, [value for _, values in parts for value in values])  # nosec B611
