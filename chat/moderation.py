"""What moderators do, as the database keeps it: who they are, bans, rooms' rules, and the record of it all.

Everything here waits for the database, so it runs on a thread of the log (`Log.run`) or in a page of the admin. None
of it tells anybody: `Hubs` does for a command, admin.py for the admin.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone

from .bans import ActiveBan
from .log import RoomGone, RoomRow
from .models import Ban, BannedNetwork, BanQuerySet, BanRevision, Message, ModerationAction, Room
from .protocol import MemberId, milliseconds

NETWORKS_LIMIT = 16  # Of one ban: whoever comes from more places than that isn't kept out by their addresses.
PERMISSION = "chat.moderate_room"

Kind = ModerationAction.Kind


@dataclass(frozen=True, slots=True)
class Moderator:
    """An account that may moderate. `session` is the one that it is signed in with."""

    id: int
    name: str
    session: str


def moderator_of(session: str) -> Moderator | None:
    """The moderator who is signed in with this session, if it is one, is active staff and may moderate."""
    request = HttpRequest()
    request.session = SessionStore(session)
    user = get_user(request)
    if user.is_staff and user.has_perm(PERMISSION):  # Nobody signed in, or an inactive account, is no staff.
        assert user.pk is not None
        return Moderator(user.pk, user.get_username(), session)
    return None


# --- bans ---


def ban(
    moderator: Moderator,
    room: RoomRow,
    member_id: uuid.UUID,
    name: str,
    minutes: int | None,
    address: bool,
    reason: str,
) -> int | None:
    """Bans a member, from now on. Returns when the ban ends (ms since 1970), or None for never."""
    ends_at = None if minutes is None else timezone.now() + timedelta(minutes=minutes)
    if not name:  # Whoever isn't here is known by what they said last.
        said = Message.objects.filter(room_id=room.id, author_id=member_id).order_by("-seq")
        name = said.values_list("author_name", flat=True).first() or ""
    add_ban(
        Ban(
            member_id=member_id,
            member_name=name,
            reason=reason,
            by_address=address,
            created_by_id=moderator.id,
            ends_at=ends_at,
        ),
        moderator,
        room.slug,
    )
    return None if ends_at is None else milliseconds(ends_at)


def add_ban(new: Ban, moderator: Moderator, room: str = "") -> None:
    """Puts a ban in force."""
    with transaction.atomic():
        new.save()
        _count_up()
        until = "without an end" if new.ends_at is None else f"until {new.ends_at:%Y-%m-%d %H:%M} UTC"
        _record(
            moderator,
            Kind.BAN,
            room=room,
            member_id=new.member_id,
            member_name=new.member_name,
            detail=until + (", with the address" if new.by_address else ""),
            reason=new.reason,
        )


def unban(moderator: Moderator, room: RoomRow, member_id: uuid.UUID, reason: str) -> None:
    """Lifts all bans of a member; the record says so for each."""
    lift(Ban.objects.filter(member_id=member_id), moderator, reason, room.slug)


def lift(bans: BanQuerySet, moderator: Moderator, reason: str = "", room: str = "") -> int:
    """Ends those of these bans that are in force, and forgets their addresses. Returns how many they were."""
    with transaction.atomic():
        lifted = list(bans.in_force().select_for_update())
        Ban.objects.filter(pk__in=[one.pk for one in lifted]).update(lifted_at=timezone.now())
        BannedNetwork.objects.filter(ban__in=lifted).delete()
        _count_up()
        for one in lifted:
            _record(
                moderator, Kind.UNBAN, room=room, member_id=one.member_id, member_name=one.member_name, reason=reason
            )
    return len(lifted)


def read_bans(known: int | None) -> tuple[int, list[ActiveBan]] | None:
    """The bans in force and their revision; None where it is the one that is `known`. One row tells."""
    revision = BanRevision.objects.filter(pk=1).values_list("number", flat=True).first() or 0
    if revision == known:
        return None
    # Read after the revision: whatever is newer than that comes with the next one, again.
    found = Ban.objects.in_force().prefetch_related("networks")
    return revision, [
        ActiveBan(
            one.pk,
            None if one.member_id is None else MemberId(str(one.member_id)),
            frozenset(banned.network for banned in one.networks.all()),
            one.by_address,
            None if one.ends_at is None else one.ends_at.timestamp(),
        )
        for one in found
    ]


def add_networks(ban_id: int, networks: Iterable[str]) -> None:
    """Shuts these networks out as well, for as long as the ban is in force."""
    with transaction.atomic():
        if not Ban.objects.in_force().filter(pk=ban_id, by_address=True).select_for_update().exists():
            return
        room_left = NETWORKS_LIMIT - BannedNetwork.objects.filter(ban_id=ban_id).count()
        rows = [BannedNetwork(ban_id=ban_id, network=network) for network in sorted(networks)]
        BannedNetwork.objects.bulk_create(rows[: max(room_left, 0)], ignore_conflicts=True)
        _count_up()


def forget_networks() -> None:
    """Forgets the addresses of bans that are over."""
    BannedNetwork.objects.filter(ban__in=Ban.objects.over()).delete()


def _count_up() -> None:
    """In the transaction that changes bans: whoever sees the new revision sees the change."""
    BanRevision.objects.get_or_create(pk=1)
    BanRevision.objects.filter(pk=1).update(number=F("number") + 1)


# --- rules ---


def lock(moderator: Moderator, room: RoomRow, on: bool, reason: str) -> None:
    """Makes a room read only, or opens it again. Nothing is written after a lock has been."""
    with transaction.atomic():
        if not Room.objects.filter(pk=room.id).update(locked=on):
            raise RoomGone(room.slug)
        _record(moderator, Kind.LOCK if on else Kind.UNLOCK, room=room.slug, reason=reason)


def slow_down(moderator: Moderator, room: RoomRow, seconds: int, reason: str) -> None:
    """Sets how many seconds lie between two messages of a member."""
    with transaction.atomic():
        if not Room.objects.filter(pk=room.id).update(slow_seconds=seconds):
            raise RoomGone(room.slug)
        _record(moderator, Kind.SLOW, room=room.slug, detail=f"{seconds} s" if seconds else "off", reason=reason)


# --- the record ---


def record_deletion(moderator: Moderator, room: str, message: Message, reason: str) -> None:
    """Says whose message was deleted. In the transaction that does it."""
    _record(
        moderator,
        Kind.DELETE,
        room=room,
        member_id=message.author_id,
        member_name=message.author_name,
        seq=message.seq,
        reason=reason,
    )


def record_description(moderator: Moderator, room: str, title: str, topic: str) -> None:
    """Says what a room was described as. In the transaction that does it."""
    _record(moderator, Kind.DESCRIBE, room=room, detail=f"{title} ({topic})" if topic else title)


def _record(moderator: Moderator, kind: Kind, **what: object) -> None:
    ModerationAction.objects.create(kind=kind, moderator_id=moderator.id, moderator_name=moderator.name, **what)
