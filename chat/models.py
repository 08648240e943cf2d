"""The log's tables. Rows are written by committer.py alone: that is what keeps versions without gaps."""

import uuid

from django.db import models


class Room(models.Model):
    """A room and how far its log goes. Its row is locked by whoever gives out the next version."""

    slug = models.SlugField(max_length=50, unique=True)
    title = models.CharField(max_length=100, blank=True)
    # Names this history. A client that knows another one starts afresh.
    log = models.UUIDField(default=uuid.uuid4, editable=False)
    head = models.PositiveBigIntegerField(default=0, editable=False, help_text="The version of the newest change.")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.title or self.slug


class Message(models.Model):
    """A message as it now stands.

    `seq` is the version that it was born with, its place in the room for ever; `version` is that of its last change.
    """

    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="messages")
    seq = models.PositiveBigIntegerField()
    version = models.PositiveBigIntegerField()
    # Made by the client: a post that is sent again is found by it.
    nonce = models.UUIDField()
    author_id = models.UUIDField()
    author_name = models.CharField(max_length=40, help_text="The author's screen name at the time of posting.")
    body = models.TextField(blank=True)
    html = models.TextField(blank=True, help_text="The body as safe HTML.")
    at = models.DateTimeField()
    edited_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="Set on a tombstone, whose body is empty.")
    reactions = models.JSONField(default=dict, blank=True, help_text="Emoji to the ids of the members who chose it.")

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("room", "seq"), name="message_seq_once"),
            models.UniqueConstraint(fields=("room", "version"), name="message_version_once"),
            # The nonce first: a batch of repeated posts is looked up by it alone.
            models.UniqueConstraint(fields=("nonce", "author_id", "room"), name="message_nonce_once"),
        )
        indexes = (models.Index(fields=("room", "author_id", "seq"), name="message_by_author"),)

    def __str__(self) -> str:
        return f"{self.author_name}: {self.body[:50]}"
