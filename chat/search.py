"""Full-text search in a room's log: SQLite's FTS5 and PostgreSQL's tsvector behind one function, `find`.

Both indexes are kept by the database itself, in the transaction that writes a message: by triggers on SQLite, by a
generated column on PostgreSQL (migration `search_unspaced`). So whatever changes a message changes what is found. Each
has to cut a text into the words that words.py sees in it, because that is what is looked up and what is marked.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from .deadline import deadline
from .models import Message
from .protocol import Member, MemberId, Result, milliseconds, moment
from .words import Phrase, excerpt, fold

WORD_LIMIT = 500  # Characters of a word, of at most 4 bytes: to PostgreSQL, one of more than 2,046 bytes is an error.


@dataclass(frozen=True, slots=True)
class Wanted:
    """Messages in which every phrase occurs; the rest narrows it down as in the `search` command."""

    phrases: Sequence[Phrase]
    before: int | None = None
    author: uuid.UUID | None = None
    at_from: int | None = None
    at_before: int | None = None


def find(room_id: int, wanted: Wanted, limit: int) -> tuple[list[Result], bool]:
    """The `limit` newest messages that are `wanted`, newest first; and whether older ones are as well.

    Raises:
        Refusal: it took too long.
    """
    messages = _BACKENDS[connection.vendor](_narrowed(room_id, wanted), room_id, wanted.phrases)
    with deadline("That search takes too long. Add a word, a member or a date."):
        found = list(messages.only("seq", "author_id", "author_name", "at", "body")[: limit + 1])
    return [_result(message, wanted.phrases) for message in found[:limit]], len(found) > limit


def _narrowed(room_id: int, wanted: Wanted) -> "QuerySet[Message]":
    messages = Message.objects.filter(room_id=room_id)
    if wanted.before is not None:
        messages = messages.filter(seq__lt=wanted.before)
    if wanted.author is not None:
        messages = messages.filter(author_id=wanted.author)
    if wanted.at_from is not None:
        messages = messages.filter(at__gte=moment(wanted.at_from))
    if wanted.at_before is not None:
        messages = messages.filter(at__lt=moment(wanted.at_before))
    return messages


def _in_sqlite(messages: "QuerySet[Message]", room_id: int, phrases: Sequence[Phrase]) -> "QuerySet[Message]":
    """The index knows the room as well, so that others' messages cost nothing. Of one room, ids are in order of seqs:
    read backwards, the index has enough with the first `limit` matches."""
    words = " AND ".join(f'"{" ".join(phrase.words)}"{" *" if phrase.is_open else ""}' for phrase in phrases)
    return messages.extra(
        tables=["chat_message_fts"],
        where=["chat_message_fts.rowid = chat_message.id", "chat_message_fts MATCH %s"],
        params=[f'{{room_id}} : "{room_id}" AND {{body}} : ({words})'],
        order_by=["-chat_message_fts.rowid"],
    )


def _in_postgresql(messages: "QuerySet[Message]", room_id: int, phrases: Sequence[Phrase]) -> "QuerySet[Message]":
    def lexemes(phrase: Phrase) -> str:
        return " <-> ".join(f"'{fold(word)[:WORD_LIMIT]}'" for word in phrase.words) + (":*" if phrase.is_open else "")

    query = " & ".join(f"({lexemes(phrase)})" for phrase in phrases)
    return messages.extra(where=["chat_message.words @@ to_tsquery('simple', %s)"], params=[query]).order_by("-seq")


# Words have neither quotes nor backslashes (words.SEPARATORS), so what a user types can't leave its quotes.
_BACKENDS: dict[str, Callable[["QuerySet[Message]", int, Sequence[Phrase]], "QuerySet[Message]"]] = {
    "sqlite": _in_sqlite,
    "postgresql": _in_postgresql,
}


def _result(message: Message, phrases: Sequence[Phrase]) -> Result:
    author = Member(MemberId(str(message.author_id)), message.author_name)
    return Result(message.seq, author, milliseconds(message.at), excerpt(message.body, phrases))
