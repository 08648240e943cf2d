"""Full-text search in a room's log: SQLite's FTS5 and PostgreSQL's tsvector behind one function, `find`.

The database maintains both indexes (migration `0002_search`). SQLite's lacks the newest messages until a search needs
them, or search_index.py adds them. They index the message's `search_text`, which is written with its body and has the
words that search_terms.py finds in it.
"""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from msgspec import UNSET

from chat.content.search_terms import Excerpts, Phrase
from chat.log.deadline import deadline
from chat.log.search_index import INDEX, catch_up
from chat.models import Message
from chat.protocol.events import Member, Result, milliseconds, moment
from chat.protocol.fields import MemberId

# A PostgreSQL pattern for the characters between words, in a body that is its own search text.
_GAP = r"[\x01-\x2f\x3a-\x60\x7b-\x7f]"
_MESSAGES = Message._meta.db_table
_HAS_PHRASE = f"""CASE WHEN {_MESSAGES}.search_text IS NULL THEN lower({_MESSAGES}.body COLLATE "C") ~ %s
ELSE ' ' || {_MESSAGES}.search_text || ' ' LIKE %s END"""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A search for messages with every phrase. The other fields narrow it down as in the `search` command."""

    phrases: Sequence[Phrase]
    before: int | None = None
    author: uuid.UUID | None = None
    at_from: int | None = None
    at_before: int | None = None


def find(room_id: int, wanted: SearchQuery, limit: int) -> tuple[list[Result], bool]:
    """The `limit` newest messages that match, newest first, and whether older ones match, too.

    Raises:
        Refusal: it took too long.
    """
    catch_up()
    messages = _BACKENDS[connection.vendor](_narrowed(room_id, wanted), room_id, wanted.phrases, limit + 1)
    with deadline("That search takes too long. Add a word, a member or a date.") as watch:
        found = list(messages.only("seq", "author_id", "author_name", "is_by_bot", "at", "body"))
        excerpts = Excerpts(wanted.phrases)
        results = []
        for message in found[:limit]:  # An excerpt's time grows with its text. The deadline is for all of them.
            watch.look()
            results.append(_result(message, excerpts))
    return results, len(found) > limit


def _narrowed(room_id: int, wanted: SearchQuery) -> "QuerySet[Message]":
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


def _in_sqlite(
    messages: "QuerySet[Message]", room_id: int, phrases: Sequence[Phrase], limit: int
) -> "QuerySet[Message]":
    """The newest matches by the FTS5 index. It includes the room, so that other rooms' messages cost nothing.

    Within a room, ids are in the order of seqs, so a backward scan may stop after `limit` matches.
    """
    words = " AND ".join(f'"{" ".join(phrase.words)}"{" *" if phrase.is_open else ""}' for phrase in phrases)
    row = RawSQL(f"{INDEX}.rowid", [])  # nosec B611
    narrowed, values = messages.filter(pk=row).values("pk").query.sql_with_params()
    matches = f"{INDEX} WHERE {INDEX} MATCH %s AND EXISTS ({narrowed}) ORDER BY rowid DESC LIMIT {limit:d}"
    newest = f"SELECT rowid FROM {matches}"  # nosec B608
    asked = f'{{room_id}} : "{room_id}" AND {{body}} : ({words})'
    ids = RawSQL(newest, [asked, *values])  # nosec B611
    return Message.objects.filter(pk__in=ids).order_by("-seq")


def _in_postgresql(
    messages: "QuerySet[Message]", room_id: int, phrases: Sequence[Phrase], limit: int
) -> "QuerySet[Message]":
    """The newest matches: the index finds messages with all words, and their texts show which have the phrases."""

    def lexemes(phrase: Phrase) -> str:
        return " & ".join(f"'{word}'" for word in phrase.words) + (":*" if phrase.is_open else "")

    query = " & ".join(map(lexemes, phrases))
    conditions: list[tuple[str, ...]] = [(f"{_MESSAGES}.words @@ %s::tsquery", query)]
    for phrase in phrases:
        if len(phrase.words) > 1:
            pattern = f"(^|{_GAP}){f'{_GAP}+'.join(phrase.words)}{'' if phrase.is_open else f'($|{_GAP})'}"
            text = f"% {' '.join(phrase.words)}{'' if phrase.is_open else ' '}%"
            conditions.append((_HAS_PHRASE, pattern, text))
    boolean = BooleanField()
    for condition, *values in conditions:
        holds = RawSQL(condition, values, boolean)  # nosec B611
        messages = messages.filter(holds)
    return messages.order_by("-seq")[:limit]


# Of ASCII, words have only letters and digits (search_terms.SEPARATORS), so a query can't leave its quotes.
_BACKENDS: dict[str, Callable[["QuerySet[Message]", int, Sequence[Phrase], int], "QuerySet[Message]"]] = {
    "sqlite": _in_sqlite,
    "postgresql": _in_postgresql,
}


def _result(message: Message, excerpts: Excerpts) -> Result:
    author = Member(MemberId(str(message.author_id)), message.author_name, bot=message.is_by_bot or UNSET)
    return Result(message.seq, author, milliseconds(message.at), excerpts.of(message.body))
