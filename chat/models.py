"""The tables of the log and of moderation.

Only committer.py writes a room's head and its messages: this keeps versions without gaps. moderation/acts.py writes
bans and rules, log/room_management.py titles and topics, log/audit.py the audit log.
"""

import uuid
from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from chat.paths import SLUG
from chat.protocol.constants import MODERATION_REASON_LIMIT, NAME_LIMIT, SLOW_LIMIT_SECONDS, TITLE_LIMIT, TOPIC_LIMIT

KEEP_LIMIT_DAYS = 36_500
DETAIL_LIMIT = TITLE_LIMIT + TOPIC_LIMIT + 20  # The longest detail is a title with its topic.


class Room(models.Model):
    """A room and the head of its log. The transaction that assigns the next version locks the row."""

    slug = models.SlugField("address", max_length=50, unique=True, validators=[RegexValidator(rf"\A{SLUG.pattern}\Z")])
    title = models.CharField(max_length=TITLE_LIMIT, blank=True)
    topic = models.CharField(max_length=TOPIC_LIMIT, blank=True, default="", db_default="")
    made_by = models.UUIDField(
        "created by",
        null=True,
        blank=True,
        editable=False,
        help_text="The id of the member who created the room, who may edit its name and topic. May be empty.",
    )
    # Identifies this history. A client that knows another one starts anew.
    log = models.UUIDField(default=uuid.uuid4, editable=False)
    head = models.PositiveBigIntegerField(default=0, editable=False, help_text="The version of the newest change.")
    created_at = models.DateTimeField(auto_now_add=True)
    locked = models.BooleanField(default=False, help_text="Read-only: only moderators can write.")
    slow_seconds = models.PositiveIntegerField(
        "slow mode",
        default=0,
        validators=[MaxValueValidator(SLOW_LIMIT_SECONDS)],
        help_text="Seconds between two messages from the same member; 0 means no limit.",
    )
    keep_days = models.PositiveIntegerField(
        "days to keep messages",
        null=True,
        blank=True,
        validators=[MaxValueValidator(KEEP_LIMIT_DAYS)],
        help_text="Older messages are deleted. 0 keeps them for ever; leave empty for the setting KEEP_MESSAGES_DAYS.",
    )
    # Messages up to this seq were deleted by their age, with their rows.
    expired = models.PositiveBigIntegerField(default=0, db_default=0, editable=False)

    class Meta:
        permissions = (("moderate_room", "Can moderate in the rooms"),)

    def __str__(self) -> str:
        return self.title or self.slug


class Message(models.Model):
    """A message in its current state.

    `seq` is the version that it was born with, its place in the room for ever; `version` is that of its last change.
    """

    # Both constraints below begin with it.
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages", db_index=False)
    seq = models.PositiveBigIntegerField()
    version = models.PositiveBigIntegerField()
    # Made by the client. It identifies a repeated post.
    nonce = models.UUIDField()
    author_id = models.UUIDField()
    author_name = models.CharField(max_length=40, help_text="The author's screen name at the time of posting.")
    body = models.TextField(blank=True)
    html = models.TextField(blank=True, help_text="The body as safe HTML.")
    at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Set on a tombstone, whose body is empty.")
    reactions = models.JSONField(default=dict, blank=True, help_text="Emoji to the ids of the members who chose it.")
    # All fields below may be null: adding a column that may not rebuilds SQLite's table, which loses its triggers.
    mentions = models.JSONField(null=True, blank=True, help_text="The ids of the mentioned members; null for none.")
    reply_to = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="The seq of the message that it replies to."
    )
    has_link = models.BooleanField(null=True, blank=True, help_text="Whether the body has a link; null for no.")
    is_by_bot = models.BooleanField(null=True, blank=True, help_text="Whether a program wrote it; null for no.")
    # It is computed from the body, and must be written with it.
    search_text = models.TextField(
        null=True,
        blank=True,
        editable=False,
        help_text="The body's words, folded, for the search index; null if the index uses the body itself.",
    )

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("room", "seq"), name="message_seq_once"),
            models.UniqueConstraint(fields=("room", "version"), name="message_version_once"),
            # The nonce comes first, because a batch of repeated posts is looked up by nonces alone.
            models.UniqueConstraint(fields=("nonce", "author_id", "room"), name="message_nonce_once"),
        )
        indexes = (
            models.Index(fields=("room", "author_id", "seq"), name="message_by_author"),
            models.Index(fields=("room", "seq"), name="message_with_link", condition=Q(has_link=True)),
        )

    def __str__(self) -> str:
        """A label without the body: Django keeps it in the admin's history even after the message is deleted."""
        return f"message {self.seq}"


class Mention(models.Model):
    """A mention of a member in a message: a copy of its `mentions`, indexed by member."""

    pk = models.CompositePrimaryKey("member_id", "room", "seq")
    member_id = models.UUIDField()
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="+", db_index=False)
    seq = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.member_id} in {self.seq}"


class Visitor(models.Model):
    """Somebody who was in a room, with their last name there. Mentions of people who have left are found by it."""

    pk = models.CompositePrimaryKey("room", "member_id")
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="+", db_index=False)
    member_id = models.UUIDField()
    name = models.CharField(max_length=NAME_LIMIT)
    folded = models.CharField(max_length=2 * NAME_LIMIT, help_text="As `mentions.fold` returns it.")
    seen_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=("room", "folded"), name="visitor_by_name"),
            models.Index(fields=("room", "seen_at"), name="visitor_by_time"),
        )

    def __str__(self) -> str:
        return f"{self.name} in {self.room_id}"


class BanQuerySet(models.QuerySet["Ban"]):
    def in_force(self, now: datetime | None = None) -> "BanQuerySet":
        """Bans in force."""
        now = now or timezone.now()
        return self.filter(Q(ends_at=None) | Q(ends_at__gt=now), lifted_at=None)

    def over(self, now: datetime | None = None) -> "BanQuerySet":
        """Bans that ended or were lifted."""
        now = now or timezone.now()
        return self.exclude(Q(ends_at=None) | Q(ends_at__gt=now), lifted_at=None)


class Ban(models.Model):
    """A ban from all rooms: of a member, of networks, or both."""

    member_id = models.UUIDField("member's id", null=True, blank=True, db_index=True)
    member_name = models.CharField(
        max_length=NAME_LIMIT, blank=True, help_text="The member's screen name at the time of the ban."
    )
    reason = models.CharField(max_length=MODERATION_REASON_LIMIT, blank=True)
    by_address = models.BooleanField(
        "also ban the IP addresses",
        default=False,
        help_text="Bans everyone at the addresses that the member uses. They are kept until the ban ends.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Leave empty for a permanent ban.")
    lifted_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = BanQuerySet.as_manager()

    class Meta:
        indexes = (models.Index(fields=("lifted_at", "ends_at"), name="ban_in_force"),)

    def __str__(self) -> str:
        return self.member_name or str(self.member_id or "a network")

    @property
    def is_in_force(self) -> bool:
        """Whether the ban is in force."""
        return self.lifted_at is None and (self.ends_at is None or self.ends_at > timezone.now())


class BannedNetwork(models.Model):
    """A banned network. Personal data: it is deleted when the ban is over."""

    ban = models.ForeignKey(Ban, on_delete=models.CASCADE, related_name="networks")
    network = models.CharField(max_length=43)  # The longest: an IPv6 network, eight groups and the length.

    class Meta:
        constraints = (models.UniqueConstraint(fields=("ban", "network"), name="banned_network_once"),)

    def __str__(self) -> str:
        """A label without the address: Django keeps it in the admin's history even after the ban is over."""
        return "an address"


class Revocation(models.Model):
    """A member whose tokens were revoked: tokens of a lower generation are refused.

    One row for each member to whom a moderator did this, and it stays: a token that was revoked must not come back
    when TOKEN_MAX_AGE_DAYS is raised.
    """

    member_id = models.UUIDField("member's id", primary_key=True)
    generation = models.PositiveBigIntegerField(default=0, editable=False)
    revoked_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return str(self.member_id)


class BanRevision(models.Model):
    """One row, incremented with every change of bans and revocations, by which processes notice changes."""

    number = models.PositiveBigIntegerField(default=0)


class AccessRevision(models.Model):
    """One row, incremented when the host asks for CAN_JOIN to be asked again (log/access_revision.py)."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)


class ReadMark(models.Model):
    """How far a member with an account of the host has been in a room (log/read_marks.py)."""

    pk = models.CompositePrimaryKey("member_id", "room")
    member_id = models.UUIDField()
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="+")
    seq = models.PositiveBigIntegerField()

    def __str__(self) -> str:
        return f"{self.member_id} up to {self.seq}"


class Bot(models.Model):
    """A program with a token of its own. The token is nowhere: it is signed and shown once.

    Of a bot that was revoked the row stays, so that its messages have an owner to be found.
    """

    member_id = models.UUIDField("member's id", unique=True, editable=False)
    name = models.CharField(max_length=NAME_LIMIT, help_text="Its screen name, which can't be changed later.")
    rooms = models.TextField(
        blank=True,
        default="",
        help_text="Addresses of the only rooms that it may use, separated by spaces. Leave empty for all rooms.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("name",), name="bot_name_once", condition=Q(revoked_at=None)),)

    def __str__(self) -> str:
        return self.name


class Hook(models.Model):
    """An incoming webhook of a room: who knows its secret may post there. One that is revoked is deleted.

    `id` is the author's in its messages. It was created by a member of the room, or by an account at /admin; or by a
    moderator in the room, who is both.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="hooks")
    name = models.CharField(max_length=NAME_LIMIT, help_text="The name of its messages.")
    secret_hash = models.CharField(max_length=64, unique=True, editable=False)
    made_by = models.UUIDField("created by member", null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "webhook"

    def __str__(self) -> str:
        return self.name


class OutgoingHook(models.Model):
    """An outgoing webhook of a room: where its messages are sent. webhooks/deliveries.py reads and writes its state.

    A delivery is written here before it is sent, so that another process repeats the same one. Times of deliveries are
    the database's.
    """

    class Wants(models.TextChoices):
        MESSAGES = "messages", "new messages"
        ALL = "all", "all changes: new, edited and deleted messages, and reactions"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="outgoing_hooks")
    name = models.CharField(max_length=NAME_LIMIT, help_text="For moderators only.")
    url = models.CharField("URL", max_length=500, help_text="Where they are sent, by POST.")
    wants = models.CharField("sends", max_length=10, choices=Wants, default=Wants.MESSAGES)
    secret = models.CharField(max_length=64, editable=False)  # As it is: it signs each delivery.
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Everything up to this version was delivered, or wasn't wanted.
    cursor = models.PositiveBigIntegerField("delivered up to version", editable=False)
    # The delivery that was begun: its id, and the last version in it. It begins after the cursor.
    delivery = models.UUIDField(null=True, editable=False)
    delivery_end = models.PositiveBigIntegerField(null=True, editable=False)
    # The process that is sending it, until then at most.
    leased_by = models.UUIDField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    tried_at = models.DateTimeField("last attempt", null=True, editable=False)
    status = models.CharField("last result", max_length=100, blank=True, editable=False)
    next_try_at = models.DateTimeField("next attempt", null=True, editable=False)
    failures = models.PositiveIntegerField("failed attempts in a row", default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    off_since = models.DateTimeField("switched off since", null=True, editable=False)
    off_reason = models.CharField("switched off because", max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = "outgoing webhook"

    def __str__(self) -> str:
        return self.name


class DatabaseEpoch(models.Model):
    """The epochs of the last weeks. They reveal a database that was restored from an older copy (epoch.py).

    `lineage` is the same in all rows and copies of a database, and another one in every other database. `mark` is
    another one in each row.
    """

    lineage = models.UUIDField(editable=False)
    number = models.PositiveBigIntegerField(unique=True)
    mark = models.UUIDField(editable=False)


class ModerationAction(models.Model):
    """An entry of the audit log. It is never changed, and stays when its subject is deleted."""

    class Kind(models.TextChoices):
        DELETE = "delete", "deleted a message"
        BAN = "ban", "banned"
        UNBAN = "unban", "lifted a ban"
        LOCK = "lock", "locked"
        UNLOCK = "unlock", "unlocked"
        SLOW = "slow", "changed slow mode"
        KEEP = "keep", "changed how long messages stay"
        DESCRIBE = "describe", "edited name or topic"
        REVOKE = "revoke", "revoked tokens"
        ROOM = "room", "deleted the room"
        BOT = "bot", "created a bot"
        HOOK = "hook", "created a webhook"
        UNHOOK = "unhook", "revoked a webhook"
        OUT = "out", "created an outgoing webhook"
        OUT_EDIT = "out_edit", "changed an outgoing webhook"
        OUT_ON = "out_on", "switched on an outgoing webhook"
        UNOUT = "unout", "deleted an outgoing webhook"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    kind = models.CharField(max_length=10, choices=Kind)
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    moderator_name = models.CharField(max_length=150, help_text="The account's name at the time.")
    room = models.CharField(max_length=50, blank=True, help_text="The room's address at the time.")
    member_id = models.UUIDField("member's id", null=True)
    member_name = models.CharField(max_length=NAME_LIMIT, blank=True)
    seq = models.PositiveBigIntegerField("message", null=True)
    detail = models.CharField(max_length=DETAIL_LIMIT, blank=True)
    reason = models.CharField(max_length=MODERATION_REASON_LIMIT, blank=True)

    class Meta:
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.moderator_name} {self.get_kind_display()}"


class SearchFolding(models.Model):
    """One row: the version of folding.py that made all `search_text`."""

    version = models.CharField(max_length=40)

    def __str__(self) -> str:
        return self.version


class Probe(models.Model):
    """One row, which /readyz overwrites to test whether the database accepts writes."""

    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"written at {self.at}"
