"""Reads the messages of a page: whatever they are narrowed down to, by an index that has them in the order of seqs."""

import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Literal

from django.db import connection
from django.db.models import Field, QuerySet
from django.db.models.expressions import RawSQL

from .deadline import deadline
from .models import Mention, Message
from .pages import EVERYTHING, Filter

Side = Literal["<", ">="]
_MESSAGES, _MENTIONS = Message._meta.db_table, Mention._meta.db_table


def nearest(room_id: int, wanted: Filter, side: Side, seq: int, limit: int) -> list[Message]:
    """The `limit` messages that are `wanted` nearest below `seq` (`<`), or from it on (`>=`), by seq.

    Raises:
        Refusal: it took too long.
    """
    is_below = side == "<"
    messages = _narrowed(room_id, wanted, side, seq, limit)
    with nullcontext() if wanted == EVERYTHING else deadline("That takes too long. Ask for less at once."):
        found = list(messages[:limit])
    return found[::-1] if is_below else found


def named(room_id: int, seqs: Sequence[int]) -> list[Message]:
    """Those of these messages that there are, by seq."""
    return list(Message.objects.filter(room_id=room_id, seq__in=seqs).order_by("seq"))


def _narrowed(room_id: int, wanted: Filter, side: Side, seq: int, limit: int) -> "QuerySet[Message]":
    messages = Message.objects.filter(room_id=room_id)
    messages = messages.filter(seq__lt=seq) if side == "<" else messages.filter(seq__gte=seq)
    if wanted.links:
        messages = messages.filter(has_link=True)
    if wanted.mentions is not None:
        messages = messages.filter(author_id__in=wanted.authors) if wanted.authors else messages
        return _calling(messages, wanted.mentions, side, seq)
    messages = messages.order_by("-seq" if side == "<" else "seq")
    if len(wanted.authors) > 1:
        return _of_any(messages, wanted.authors, limit)
    return messages.filter(author_id=wanted.authors[0]) if wanted.authors else messages


def _calling(messages: "QuerySet[Message]", member_id: uuid.UUID, side: Side, seq: int) -> "QuerySet[Message]":
    """Those that call a member, in the order in which the table of mentions has them.

    The side is said of both tables: which one is walked is up to the database, and it shall begin at `seq`.
    """
    field: Field[Any, Any] = Mention._meta.get_field("member_id")
    return messages.extra(  # nosec B610 # nothing in it comes from outside but parameters.
        tables=[_MENTIONS],
        where=[
            f"{_MENTIONS}.member_id = %s",
            f"{_MENTIONS}.room_id = {_MESSAGES}.room_id",
            f"{_MENTIONS}.seq = {_MESSAGES}.seq",
            f"{_MENTIONS}.seq {side} %s",
        ],
        params=[field.get_db_prep_value(member_id, connection), seq],
        order_by=[f"-{_MENTIONS}.seq" if side == "<" else f"{_MENTIONS}.seq"],
    )


def _of_any(messages: "QuerySet[Message]", authors: Sequence[uuid.UUID], limit: int) -> "QuerySet[Message]":
    """The first `limit` of some authors: so many of each are looked up by the index, and the first of all are taken.

    The databases themselves would read all that these authors ever said, or all that anybody said since.
    """
    (order,) = messages.query.order_by
    parts = [
        messages.filter(author_id=author).values("id", "seq")[:limit].query.sql_with_params() for author in authors
    ]
    of_each = " UNION ALL ".join(f"SELECT * FROM ({sql}) AS of_{number}" for number, (sql, _) in enumerate(parts))  # nosec B608
    direction = "DESC" if order == "-seq" else "ASC"
    first = f"SELECT of_any.id FROM ({of_each}) AS of_any ORDER BY of_any.seq {direction} LIMIT {limit:d}"  # nosec B608
    ids = RawSQL(first, [value for _, values in parts for value in values])  # nosec B611
    return Message.objects.filter(pk__in=ids).order_by(order)
