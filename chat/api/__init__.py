"""Chatty for the host's own code: posts, creates rooms, counts what is unread, lists members, asks CAN_JOIN again.

It works in any process that has the site's settings: a view, a management command, a task queue's worker, a shell. Each
function has an asynchronous twin, whose name begins with `a`. It runs as Django's own asynchronous queries do, on the
thread for synchronous code, with that thread's connection.

What writes is part of the caller's transaction on the default database, so it is undone with it. Members are told after
the commit. chat/api/errors.py has what is raised.
"""

import uuid
from collections.abc import Iterable
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from django.db import connection, transaction
from django.utils.asyncio import async_unsafe

from chat.access import policy
from chat.access.person import ANYBODY, Person
from chat.api import announcing, people, presence
from chat.api.errors import (
    ChattyError,
    Invalid,
    Locked,
    NotAllowed,
    RoomExists,
    TooSoon,
    Unavailable,
    UnknownUser,
    as_errors,
)
from chat.cluster.messages import AccessChanged, RoomChanged
from chat.content import mentions, validation
from chat.content.markdown import render
from chat.content.mentions import NOBODY, People
from chat.log import access_revision, direct, read_marks, room_management, unread, visitors
from chat.log.operations import Post
from chat.log.reader import RoomRow, rows
from chat.protocol.events import Member, Message, RoomInfo, UnreadRoom
from chat.protocol.fields import MemberId

__all__ = [
    "ChattyError",
    "Invalid",
    "Locked",
    "Member",
    "Message",
    "NotAllowed",
    "Person",
    "RoomExists",
    "RoomInfo",
    "TooSoon",
    "Unavailable",
    "UnknownUser",
    "UnreadRoom",
    "acreate_room",
    "amembers",
    "apost",
    "arecheck",
    "aunread_counts",
    "create_room",
    "members",
    "post",
    "recheck",
    "unread_counts",
]

ROOMS_LIMIT = 1_000  # Counted at once. CAN_JOIN is asked about each with unread messages.
_NONCES = uuid.UUID("0f6a1f0e-3c56-4a6c-8a3e-0d8a4f8f5b11")  # The namespace of nonces that are texts. Never change it.


def post(room: str, person: Any, body: str, nonce: uuid.UUID | str | None = None) -> Message:
    """Posts a message. `person`: a user of the host, its user name, or a Person with an id and a name.

    The same `nonce` of the same person in the same room is the same message, which is returned again. Limits of rate
    don't apply. The room's other messages wait until the caller's transaction ends.

    Raises:
        Invalid, UnknownUser, NotAllowed, Locked, TooSoon: it isn't allowed.
        Unavailable: the database failed.
    """
    with as_errors():
        return direct.run(_post, room, person, body, _nonce(nonce))


async def apost(room: str, person: Any, body: str, nonce: uuid.UUID | str | None = None) -> Message:
    """The same as `post`."""
    return await sync_to_async(post)(room, person, body, nonce)


def _post(room: str, given: Any, body: str, nonce: uuid.UUID) -> Message:
    person = people.person_of(given)
    people.expect_in(person, room)
    body = validation.clean_body(body)
    row = _row(room)
    rendered = render(body, _people_in(row, body))
    operation = Post(row, nonce, person, person.name or "", body, rendered)
    committed = direct.write(operation)
    if committed.is_new:
        announcing.after_commit(lambda: announcing.announce_posted(committed.room, committed.entry))
    return msgspec.json.decode(committed.entry.encoded, type=Message)


def _row(slug: str) -> RoomRow:
    """The room's row, or what it will be."""
    return rows([slug]).get(slug) or RoomRow(0, slug, presence.proposed_log(slug))


def _nonce(given: uuid.UUID | str | None) -> uuid.UUID:
    if given is None:
        return uuid.uuid4()
    return given if isinstance(given, uuid.UUID) else uuid.uuid5(_NONCES, given)


def _people_in(room: RoomRow, body: str) -> People:
    """The members whom `@name`s in the body mean: those in the room, or else those of that name who were seen last."""
    if not any(sign in body for sign in mentions.SIGNS) or not (names := mentions.candidates(body)):
        return NOBODY
    absent = visitors.named(room.id, names, ()) if room.is_written else NOBODY
    return {**absent, **presence.called(room.slug, names)}


def create_room(room: str, title: str, topic: str = "", person: Any = None) -> RoomInfo:
    """Creates a room. `person`, as for `post`, may edit its title and topic. Without one, only moderators may.

    Repeated by the same person, it returns the room as it is now; without a person, if title and topic are the same.

    Raises:
        RoomExists: somebody else has created it.
        Invalid, UnknownUser, NotAllowed: it isn't allowed.
        Unavailable: the database failed.
    """
    with as_errors():
        return direct.run(_create, room, title, topic, person)


async def acreate_room(room: str, title: str, topic: str = "", person: Any = None) -> RoomInfo:
    """The same as `create_room`."""
    return await sync_to_async(create_room)(room, title, topic, person)


def _create(slug: str, title: str, topic: str, given: Any) -> RoomInfo:
    maker = ANYBODY if given is None else people.person_of(given)
    people.expect_slug(slug)
    if given is not None:
        people.expect_in(maker, slug)
    title, topic = validation.clean_title(title), validation.clean_topic(topic)
    log = _row(slug).log
    with transaction.atomic(), direct.limited_waits():
        row, info = room_management.make(slug, title, topic, maker, log, asks_host=False)
    announcing.after_commit(lambda: announcing.announce_everywhere(RoomChanged(row.name)))
    return info


def unread_counts(user: Any, rooms: Iterable[str] | None = None) -> dict[str, UnreadRoom]:
    """What is unread for `user`, who is given as to `post`, by the room's address: only rooms with unread messages.

    Unread is what was posted since the member was last in the room. `rooms`: only these, also those never visited.
    Without it, the rooms that were visited, at most ROOMS_LIMIT. Rooms that CAN_JOIN refuses are left out. Each has
    `unread`, and in it `called`, which mention the member; both stop at UNREAD_LIMIT.

    Raises:
        Invalid, UnknownUser: one of `rooms` isn't an address, or there is no such user.
        Unavailable: the database failed.
    """
    with as_errors():
        return direct.run(_unread_counts, user, None if rooms is None else list(rooms))


async def aunread_counts(user: Any, rooms: Iterable[str] | None = None) -> dict[str, UnreadRoom]:
    """The same as `unread_counts`."""
    return await sync_to_async(unread_counts)(user, rooms)


def _unread_counts(given: Any, rooms: list[str] | None) -> dict[str, UnreadRoom]:
    person = people.person_of(given)
    for slug in rooms or ():
        people.expect_slug(slug)
    read = (
        read_marks.unfinished(person.id, ROOMS_LIMIT)
        if rooms is None
        else read_marks.of(person.id, rooms[:ROOMS_LIMIT])
    )
    found = {room.slug: room for room in unread.unread(read, person.id).values() if room.unread}
    return {slug: found[slug] for slug in policy.readable(person, found)}


def recheck(room: str | None = None, person: Any = None) -> None:
    """Asks CAN_JOIN again about those who are in the room, or in any, and disconnects whom it doesn't let in any more.

    `person`, as for `post`: only about this one. It happens after the caller's transaction, in all processes, within
    about a second. Without CAN_JOIN, it does nothing.

    Raises:
        Invalid, UnknownUser: the room's address isn't valid, or there is no such user.
        Unavailable: the database failed. After a transaction that is logged.
    """
    with as_errors():
        if room is not None:
            people.expect_slug(room)
        who = None if person is None else people.person_of(person)
        changed = AccessChanged(
            0, room or "", MemberId("") if who is None else who.id, "" if who is None else who.account or ""
        )
        if connection.in_atomic_block:
            announcing.after_commit(lambda: _recheck(changed))
        else:
            _recheck(changed)


async def arecheck(room: str | None = None, person: Any = None) -> None:
    """The same as `recheck`."""
    await sync_to_async(recheck)(room, person)


def _recheck(changed: AccessChanged) -> None:
    number = direct.run(access_revision.advance)
    announcing.announce_everywhere(msgspec.structs.replace(changed, number=number))


@async_unsafe("members() waits for the event loop. Within it, await amembers().")
def members(room: str) -> list[Member]:
    """The members who are in the room now, bots also, in all processes. Not within an event loop: `amembers`.

    Raises:
        Unavailable: Redis failed.
    """
    with as_errors():
        people.expect_slug(room)
        return presence.members(room)


async def amembers(room: str) -> list[Member]:
    """The same as `members`."""
    return await sync_to_async(members)(room)
