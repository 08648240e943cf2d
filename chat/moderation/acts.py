"""Moderators' actions in the database: bans, revoked tokens, rooms' rules and the audit log.

All functions here wait for the database, so they run on a thread of the log (`Log.run`) or in a page of the admin.
They notify nobody: `RoomRegistry` does so for a command, `chat.admin` for /admin.
"""

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.utils import timezone
from msgspec import UNSET

from chat.access.bans import ActiveBan
from chat.access.person import Moderator
from chat.log import room_rows
from chat.log.audit import Kind, record
from chat.log.reader import RoomGone, RoomRow
from chat.models import Ban, BannedNetwork, BanQuerySet, BanRevision, Message, Revocation, Room
from chat.protocol.events import BanInfo, milliseconds
from chat.protocol.fields import MemberId

NETWORKS_LIMIT = 16  # Of one ban. Further networks of the member aren't banned.

BANS_LISTED = 100
READ_AT_ONCE = 200  # Of an author's messages, for one command that deletes them.

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
    if not name:  # The member isn't here: their last message has the name.
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
        record(
            moderator,
            Kind.BAN,
            room=room,
            member_id=new.member_id,
            member_name=new.member_name,
            detail=until + (", with the address" if new.by_address else ""),
            reason=new.reason,
        )


def unban(moderator: Moderator, room: RoomRow, member_id: uuid.UUID, reason: str) -> None:
    """Lifts all bans of a member. Each gets an entry in the audit log."""
    lift(Ban.objects.filter(member_id=member_id), moderator, reason, room.slug)


def lift(bans: BanQuerySet, moderator: Moderator, reason: str = "", room: str = "") -> int:
    """Lifts the bans among these that are in force, and deletes their addresses. Returns their number."""
    with transaction.atomic():
        # By ids, because the query's joins can't be locked. In one order, so that two calls don't deadlock.
        ids = bans.in_force().select_related(None).order_by("pk").values_list("pk", flat=True)
        lifted = list(Ban.objects.in_force().filter(pk__in=list(ids)).order_by("pk").select_for_update())
        Ban.objects.filter(pk__in=[one.pk for one in lifted]).update(lifted_at=timezone.now())
        BannedNetwork.objects.filter(ban__in=lifted).delete()
        _count_up()
        for one in lifted:
            record(
                moderator, Kind.UNBAN, room=room, member_id=one.member_id, member_name=one.member_name, reason=reason
            )
    return len(lifted)


def bans_in_force() -> tuple[list[BanInfo], bool]:
    """The newest bans of members that are in force, and whether there are more than BANS_LISTED."""
    bans = list(Ban.objects.in_force().exclude(member_id=None).order_by("-pk")[: BANS_LISTED + 1])
    listed = [
        BanInfo(
            MemberId(str(one.member_id)),
            one.member_name,
            milliseconds(one.created_at),
            UNSET if one.ends_at is None else milliseconds(one.ends_at),
            one.reason or UNSET,
            one.by_address or UNSET,
        )
        for one in bans[:BANS_LISTED]
    ]
    return listed, len(bans) > BANS_LISTED


def revoke(moderator: Moderator | None, member_id: uuid.UUID, name: str = "", reason: str = "") -> None:
    """Revokes all earlier tokens of a member. `moderator` is None for the command line.

    The member's generation rises to the time in seconds, so that it rises even if the row was lost.
    """
    with transaction.atomic():
        row, _ = Revocation.objects.select_for_update().get_or_create(pk=member_id)
        row.generation = max(row.generation + 1, int(time.time()))
        row.save()
        _count_up()
        record(moderator, Kind.REVOKE, member_id=member_id, member_name=name, reason=reason)


@dataclass(frozen=True, slots=True)
class Exclusions:
    """The bans in force, and the lowest valid generation of tokens by member."""

    revision: int
    bans: list[ActiveBan]
    generations: dict[MemberId, int]


def read_exclusions(known: int | None) -> Exclusions | None:
    """The exclusions. None if their revision is `known`, which costs one row."""
    revision = BanRevision.objects.filter(pk=1).values_list("number", flat=True).first() or 0
    if revision == known:
        return None
    # Read after the revision, so that later changes come again with the next one.
    revoked = {MemberId(str(pk)): number for pk, number in Revocation.objects.values_list("pk", "generation")}
    now = timezone.now()
    found = Ban.objects.in_force(now).prefetch_related("networks")
    bans = [
        ActiveBan(
            one.pk,
            None if one.member_id is None else MemberId(str(one.member_id)),
            frozenset(banned.network for banned in one.networks.all()),
            one.by_address,
            None if one.ends_at is None else time.monotonic() + (one.ends_at - now).total_seconds(),
        )
        for one in found
    ]
    return Exclusions(revision, bans, revoked)


def add_networks(ban_id: int, networks: Iterable[str]) -> None:
    """Adds these networks to a ban that is in force."""
    with transaction.atomic():
        if not Ban.objects.in_force().filter(pk=ban_id, by_address=True).select_for_update().exists():
            return
        room_left = NETWORKS_LIMIT - BannedNetwork.objects.filter(ban_id=ban_id).count()
        rows = [BannedNetwork(ban_id=ban_id, network=network) for network in sorted(networks)]
        BannedNetwork.objects.bulk_create(rows[: max(room_left, 0)], ignore_conflicts=True)
        _count_up()


def forget_networks() -> None:
    """Deletes the addresses of bans that are over."""
    BannedNetwork.objects.filter(ban__in=Ban.objects.over()).delete()


def _count_up() -> None:
    """Raises the revision. Call it in the transaction that changes bans or revocations, so both appear together."""
    BanRevision.objects.get_or_create(pk=1)
    BanRevision.objects.filter(pk=1).update(number=F("number") + 1)


# --- messages ---


def deletable(
    room: RoomRow, author: uuid.UUID, minutes: int | None, before: int | None
) -> tuple[list[int], int | None]:
    """The seqs of an author's newest messages that aren't deleted yet, and below which seq there may be more.

    It looks at READ_AT_ONCE messages, below the seq `before`, as far back as `minutes`.
    """
    rows = Message.objects.filter(room_id=room.id, author_id=author).order_by("-seq")
    if before is not None:
        rows = rows.filter(seq__lt=before)
    oldest = None if minutes is None else timezone.now() - timedelta(minutes=minutes)
    seen = list(rows.values_list("seq", "at", "deleted_at")[:READ_AT_ONCE])
    young = [(seq, deleted_at) for seq, at, deleted_at in seen if oldest is None or at >= oldest]
    is_end = len(young) < READ_AT_ONCE
    return [seq for seq, deleted_at in young if deleted_at is None], None if is_end else young[-1][0]


# --- rules ---


def lock(moderator: Moderator, room: RoomRow, on: bool, reason: str) -> None:
    """Locks a room, or opens it again. After a lock, nothing more is written."""
    with transaction.atomic():
        room = room_rows.written(room)
        if not Room.objects.filter(pk=room.id).update(locked=on):
            raise RoomGone(room.slug)
        record(moderator, Kind.LOCK if on else Kind.UNLOCK, room=room.slug, reason=reason)


def slow_down(moderator: Moderator, room: RoomRow, seconds: int, reason: str) -> None:
    """Sets the minimum seconds between two messages of a member."""
    with transaction.atomic():
        room = room_rows.written(room)
        if not Room.objects.filter(pk=room.id).update(slow_seconds=seconds):
            raise RoomGone(room.slug)
        record(moderator, Kind.SLOW, room=room.slug, detail=f"{seconds} s" if seconds else "off", reason=reason)


def keep(moderator: Moderator, room: RoomRow, days: int | None) -> None:
    """Sets how many days the room's messages stay. 0: for ever; None: as the setting KEEP_MESSAGES_DAYS says."""
    with transaction.atomic():
        room = room_rows.written(room)
        if not Room.objects.filter(pk=room.id).update(keep_days=days):
            raise RoomGone(room.slug)
        detail = "as the setting says" if days is None else f"{days} days" if days else "for ever"
        record(moderator, Kind.KEEP, room=room.slug, detail=detail)
