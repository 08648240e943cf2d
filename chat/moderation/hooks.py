"""Incoming webhooks as the database keeps them: created, listed, found by their secret, revoked.

Everything here waits for the database. Of a secret only the hash is kept: 256 random bits can't be guessed from it.
"""

import hashlib
import secrets
import uuid
from dataclasses import dataclass

from django.db import transaction

from chat.access import policy
from chat.access.person import Person
from chat.access.policy import OPEN, Rules
from chat.log import room_rows
from chat.log.audit import Kind, record
from chat.log.reader import RoomGone, RoomRow
from chat.models import Hook, Room
from chat.protocol.constants import HOOKS_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import HookInfo, milliseconds
from chat.protocol.fields import MemberId

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class FoundHook:
    """The hook that a secret opens. `made_by`: the member who created it; None where that was done at /admin."""

    id: MemberId
    room: str
    name: str
    made_by: MemberId | None


def make(room: RoomRow, name: str, by: Person) -> tuple[HookInfo, str]:
    """A new hook of the room, with a clean name, and its secret, which is told this once.

    Raises:
        Refusal: `not_allowed`, `locked`, `too_many_hooks`.
        RoomGone: the room was deleted.
    """
    with transaction.atomic():
        row = _locked(room, by)
        _check(row, by, Rules(row.locked))
        if Hook.objects.filter(room=row).count() >= HOOKS_LIMIT:
            raise Refusal(RefusalCode.TOO_MANY_HOOKS, f"A room has at most {HOOKS_LIMIT} webhooks. Revoke one first.")
        secret = secrets.token_urlsafe(SECRET_BYTES)
        hook = Hook.objects.create(
            room=row,
            name=name,
            secret_hash=_hash(secret),
            made_by=uuid.UUID(by.id) if by.id else None,
            created_by_id=None if by.moderator is None else by.moderator.id,
        )
        if by.moderator is not None:
            record(by.moderator, Kind.HOOK, room=row.slug, member_id=hook.id, member_name=name)
    return _info(hook), secret


def all_of(room: RoomRow, by: Person) -> list[HookInfo]:
    """The room's hooks, the oldest first.

    Raises:
        Refusal: `not_allowed`.
    """
    row = Room.objects.filter(pk=room.id).first() if room.is_written else None
    _check(row, by)
    return [_info(hook) for hook in Hook.objects.filter(room=row).order_by("created_at")] if row is not None else []


def revoke(room: RoomRow, hook_id: uuid.UUID, by: Person) -> None:
    """Makes the hook's secret worthless. May be repeated.

    Raises:
        Refusal: `not_allowed`.
        RoomGone: the room was deleted.
    """
    with transaction.atomic():
        hook = Hook.objects.filter(room=_locked(room, by), pk=hook_id).first()
        if hook is not None:
            hook.delete()
            if by.moderator is not None:
                record(by.moderator, Kind.UNHOOK, room=room.slug, member_id=hook_id, member_name=hook.name)


def find(secret: str) -> FoundHook | None:
    """The hook with this secret, if it wasn't revoked."""
    found = Hook.objects.filter(secret_hash=_hash(secret)).select_related("room").first()
    if found is None:
        return None
    made_by = None if found.made_by is None else MemberId(str(found.made_by))
    return FoundHook(MemberId(str(found.id)), found.room.slug, found.name, made_by)


def _locked(room: RoomRow, by: Person) -> Room:
    """The room's row, locked, if the person may manage its hooks."""
    if not room.is_written:
        _check(None, by)
        room = room_rows.written(room)
    row = Room.objects.select_for_update().filter(pk=room.id).first()
    if row is None:
        raise RoomGone(room.slug)
    _check(row, by)
    return row


def _check(row: Room | None, by: Person, rules: Rules = OPEN) -> None:
    """Lets pass who may manage the hooks. A room without a row was made by nobody.

    A lock keeps nobody from revoking what they have created, as it does with messages.
    """
    made_by = None if row is None or row.made_by is None else MemberId(str(row.made_by))
    policy.can_manage_hooks(by, made_by, rules).expect()


def _info(hook: Hook) -> HookInfo:
    return HookInfo(MemberId(str(hook.id)), hook.name, milliseconds(hook.created_at))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
