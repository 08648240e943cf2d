"""Full-text search in a room's log: SQLite's FTS5 and PostgreSQL's tsvector behind one function, `find`.

The database maintains both indexes (migration `0002_search`). SQLite's lacks the newest messages until a search needs
them, or search_index.py adds them. They index the message's `search_text`, which is written with its body and has the
words that search_terms.py finds in it.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import BooleanField, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from msgspec import UNSET

from chat.content.search_terms import Excerpts, Phrase
from chat.log.deadline import deadline
from chat.log.page_queries import first_of
from chat.log.search_index import INDEX, catch_up
from chat.models import Mention, Message, Room
from chat.paths import SLUG
from chat.protocol.commands import Search
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Member, Result, milliseconds, moment, or_unset
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
    mentions: uuid.UUID | None = None
    links: bool = False
    before_room: str | None = None

    @classmethod
    def of(cls, asked: Search, phrases: Sequence[Phrase]) -> "SearchQuery":
        return cls(
            phrases,
            asked.before,
            asked.author,
            asked.at_from,
            asked.at_before,
            asked.mentions,
            asked.links,
            asked.before_room,
        )


def check(asked: Search) -> None:
    """Checks the rooms of a search.

    Raises:
        Refusal: `bad_frame`.
    """
    if (asked.before_room is not None) != (asked.before is not None and asked.rooms is not None):
        raise Refusal(RefusalCode.BAD_FRAME, "Expected `before_room` where there are `rooms` and `before`.")
    if not all(SLUG.fullmatch(slug) for slug in asked.rooms or ()):
        raise Refusal(RefusalCode.BAD_FRAME, "Expected rooms' addresses: 1 to 50 characters of a-z, 0-9 and hyphens.")


def find(room_id: int, wanted: SearchQuery, limit: int) -> tuple[list[Result], bool]:
    """The `limit` newest messages that match, newest first, and whether older ones match, too.

    Raises:
        Refusal: it took too long.
    """
    messages = Message.objects.filter(room_id=room_id)
    if wanted.before is not None:
        messages = messages.filter(seq__lt=wanted.before)
    return _find({room_id: None}, messages, wanted, limit)


def find_in_rooms(slugs: Iterable[str], wanted: SearchQuery, limit: int) -> tuple[list[Result], bool]:
    """The same in these rooms together, in the order of the messages' ids. Those that don't exist have no messages.

    Raises:
        Refusal: it took too long, or `before` isn't a message of these rooms.
    """
    rooms: dict[int, str | None] = dict(Room.objects.filter(slug__in=slugs).values_list("pk", "slug"))
    messages = Message.objects.filter(room_id__in=rooms)
    if wanted.before is not None:
        place = messages.filter(room__slug=wanted.before_room, seq=wanted.before).values_list("pk", flat=True).first()
        if place is None:
            raise Refusal(RefusalCode.NO_SUCH_MESSAGE, "There is no message `before` in these rooms.")
        messages = messages.filter(pk__lt=place)
    return _find(rooms, messages, wanted, limit)


def _find(
    rooms: Mapping[int, str | None], messages: "QuerySet[Message]", wanted: SearchQuery, limit: int
) -> tuple[list[Result], bool]:
    if not rooms:
        return [], False
    messages = _narrowed(messages, wanted)
    if wanted.phrases:
        catch_up()
        matching = _BACKENDS[connection.vendor](messages, list(rooms), wanted, limit + 1)
    else:
        matching = _newest_of_rooms(messages.filter(deleted_at=None), list(rooms), wanted, limit + 1)
    with deadline("That search takes too long. Add a word, a member or a date.") as watch:
        found = list(matching.only("seq", "room_id", "author_id", "author_name", "is_by_bot", "at", "body"))
        excerpts = Excerpts(wanted.phrases)
        results = []
        for message in found[:limit]:  # An excerpt's time grows with its text. The deadline is for all of them.
            watch.look()
            results.append(_result(message, excerpts, rooms[message.room_id]))
    return results, len(found) > limit


def _narrowed(messages: "QuerySet[Message]", wanted: SearchQuery) -> "QuerySet[Message]":
    if wanted.author is not None:
        messages = messages.filter(author_id=wanted.author)
    if wanted.at_from is not None:
        messages = messages.filter(at__gte=moment(wanted.at_from))
    if wanted.at_before is not None:
        messages = messages.filter(at__lt=moment(wanted.at_before))
    if wanted.links:
        messages = messages.filter(has_link=True)
    return messages


def _mentioning(messages: "QuerySet[Message]", wanted: SearchQuery, room_id: int | OuterRef) -> "QuerySet[Message]":
    """Those that mention the member, if the search asks for one. A known room lets the database begin there."""
    if wanted.mentions is None:
        return messages
    mentions = Mention.objects.filter(member_id=wanted.mentions, room_id=room_id)
    return messages.filter(seq__in=mentions.values("seq"))


def _in_sqlite(
    messages: "QuerySet[Message]", room_ids: Sequence[int], wanted: SearchQuery, limit: int
) -> "QuerySet[Message]":
    """The newest matches by the FTS5 index. It includes the room, so that other rooms' messages cost nothing.

    Within a room, ids are in the order of seqs, so a backward scan may stop after `limit` matches.
    """
    words = " AND ".join(f'"{" ".join(phrase.words)}"{" *" if phrase.is_open else ""}' for phrase in wanted.phrases)
    row = RawSQL(f"{INDEX}.rowid", [])  # nosec B611
    messages = _mentioning(messages.filter(pk=row), wanted, OuterRef("room_id"))
    narrowed, values = messages.values("pk").query.sql_with_params()
    matches = f"{INDEX} WHERE {INDEX} MATCH %s AND EXISTS ({narrowed}) ORDER BY rowid DESC LIMIT {limit:d}"
    newest = f"SELECT rowid FROM {matches}"  # nosec B608
    rooms = " OR ".join(f'"{room_id}"' for room_id in room_ids)
    asked = f"{{room_id}} : ({rooms}) AND {{body}} : ({words})"
    ids = RawSQL(newest, [asked, *values])  # nosec B611
    return Message.objects.filter(pk__in=ids).order_by("-pk")


def _in_postgresql(
    messages: "QuerySet[Message]", room_ids: Sequence[int], wanted: SearchQuery, limit: int
) -> "QuerySet[Message]":
    """The newest matches: the index finds messages with all words, and their texts show which have the phrases."""

    def lexemes(phrase: Phrase) -> str:
        return " & ".join(f"'{word}'" for word in phrase.words) + (":*" if phrase.is_open else "")

    query = " & ".join(map(lexemes, wanted.phrases))
    conditions: list[tuple[str, ...]] = [(f"{_MESSAGES}.words @@ %s::tsquery", query)]
    for phrase in wanted.phrases:
        if len(phrase.words) > 1:
            pattern = f"(^|{_GAP}){f'{_GAP}+'.join(phrase.words)}{'' if phrase.is_open else f'($|{_GAP})'}"
            text = f"% {' '.join(phrase.words)}{'' if phrase.is_open else ' '}%"
            conditions.append((_HAS_PHRASE, pattern, text))
    boolean = BooleanField()
    for condition, *values in conditions:
        holds = RawSQL(condition, values, boolean)  # nosec B611
        messages = messages.filter(holds)
    return _newest_of_rooms(messages, room_ids, wanted, limit)


def _newest_of_rooms(
    messages: "QuerySet[Message]", room_ids: Sequence[int], wanted: SearchQuery, limit: int
) -> "QuerySet[Message]":
    """The newest of these messages: of each room by an index in the order of seqs, then of all.

    For one query over all rooms, the databases would read all matches in them, or all newer messages of any room.
    """
    of_each = [_mentioning(messages.filter(room_id=room_id), wanted, room_id).order_by("-seq") for room_id in room_ids]
    if len(of_each) == 1:
        return of_each[0][:limit]
    return Message.objects.filter(pk__in=first_of(of_each, "-id", limit)).order_by("-pk")


# Of ASCII, words have only letters and digits (search_terms.SEPARATORS), so a query can't leave its quotes.
_BACKENDS: dict[str, Callable[["QuerySet[Message]", Sequence[int], SearchQuery, int], "QuerySet[Message]"]] = {
    "sqlite": _in_sqlite,
    "postgresql": _in_postgresql,
}


def _result(message: Message, excerpts: Excerpts, room: str | None) -> Result:
    author = Member(MemberId(str(message.author_id)), message.author_name, bot=message.is_by_bot or UNSET)
    excerpt = excerpts.of(message.body)
    return Result(message.seq, author, milliseconds(message.at), excerpt, room=or_unset(room))
