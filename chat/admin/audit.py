"""The audit log."""

from django.contrib import admin

from chat.admin.base import ForModerators
from chat.admin.filters import RecordedRoomFilter
from chat.models import ModerationAction


@admin.register(ModerationAction)
class ModerationActionAdmin(ForModerators):
    """Read only, for everybody."""

    list_display = ("at", "moderator_name", "kind", "room", "member_name", "seq", "detail", "reason")
    list_filter = ("kind", "moderator", RecordedRoomFilter, "at")
    search_fields = ("moderator_name", "member_name", "member_id", "room", "reason")
