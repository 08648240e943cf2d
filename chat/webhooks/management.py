"""Outgoing webhooks as moderators manage them: created with a secret, changed, switched on again, deleted.

Everything here waits for the database. Each act is recorded in the transaction that does it, with the URL's host alone:
the rest of a URL may be a secret of the receiver's.
"""

import secrets
import uuid
from urllib.parse import urlsplit

from django.db import transaction

from chat.access.person import Moderator
from chat.log.audit import Kind, record
from chat.log.reader import RoomGone
from chat.models import DETAIL_LIMIT, OutgoingHook, Room
from chat.protocol.constants import HOOKS_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.webhooks.deliveries import RESTED

SECRET_BYTES = 32


def create(by: Moderator, room_id: int, name: str, url: str, wants: str) -> OutgoingHook:
    """A new hook of the room, for all that happens from now on. Its `secret` is told this once.

    Raises:
        Refusal: `too_many_hooks`.
        RoomGone: the room was deleted.
    """
    with transaction.atomic():
        if (room := Room.objects.select_for_update().filter(pk=room_id).first()) is None:
            raise RoomGone(room_id)
        if room.outgoing_hooks.count() >= HOOKS_LIMIT:
            raise Refusal(RefusalCode.TOO_MANY_HOOKS, f"A room has at most {HOOKS_LIMIT} outgoing webhooks.")
        hook = OutgoingHook.objects.create(
            room=room,
            name=name,
            url=url,
            wants=wants,
            secret=secrets.token_urlsafe(SECRET_BYTES),
            cursor=room.head,
            created_by_id=by.id,
        )
        _record(by, Kind.OUT, hook)
    return hook


def change(by: Moderator, hook_id: uuid.UUID, name: str, url: str, wants: str) -> None:
    """Changes a hook. It is tried anew at once, from where it was."""
    with transaction.atomic():
        if (hook := _locked(hook_id)) is None:
            return
        state: dict[str, object] = dict(RESTED)
        if wants != hook.wants:  # A delivery that was begun would have other events under the same id.
            state |= {"delivery": None, "delivery_end": None}
        _update(hook, name=name, url=url, wants=wants, **state)
        _record(by, Kind.OUT_EDIT, hook)


def switch_on(by: Moderator, hook_id: uuid.UUID) -> bool:
    """Goes on where the hook was switched off. Returns whether it was off."""
    with transaction.atomic():
        if (hook := _locked(hook_id)) is None or hook.off_since is None:
            return False
        _update(hook, **RESTED, off_since=None, off_reason="")
        _record(by, Kind.OUT_ON, hook)
    return True


def delete(by: Moderator, hook_id: uuid.UUID) -> None:
    """Deletes a hook. Nothing more is delivered. May be repeated."""
    with transaction.atomic():
        if (hook := _locked(hook_id)) is not None:
            _record(by, Kind.UNOUT, hook)
            hook.delete()


def _locked(hook_id: uuid.UUID) -> OutgoingHook | None:
    return OutgoingHook.objects.select_for_update(of=("self",)).select_related("room").filter(pk=hook_id).first()


def _update(hook: OutgoingHook, **values: object) -> None:
    """Writes only these fields: a process may be writing the others."""
    for name, value in values.items():
        setattr(hook, name, value)
    hook.save(update_fields=list(values))


def _record(by: Moderator, kind: Kind, hook: OutgoingHook) -> None:
    host = urlsplit(hook.url).hostname or ""
    record(by, kind, room=hook.room.slug, member_id=hook.id, member_name=hook.name, detail=host[:DETAIL_LIMIT])
