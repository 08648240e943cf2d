"""Rooms: created, edited, locked, slowed down and deleted."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from chat.access import policy
from chat.admin.base import ForModerators, announce_after_commit, moderator, person_at
from chat.cluster.messages import EVERYWHERE, RoomChanged
from chat.content import validation
from chat.log import room_management
from chat.log.deletion import delete_room
from chat.log.reader import RoomRow
from chat.log.slices import Budget
from chat.models import Message, Room
from chat.moderation import acts
from chat.protocol.errors import Refusal

ROOM_LEFT = "Some messages of the room are left. The room is locked now. Delete it again to continue."


class RoomForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Room
        fields = ("slug", "title", "topic", "locked", "slow_seconds", "keep_days")

    def clean_title(self) -> str:
        return self._clean(validation.clean_title, "title")

    def clean_topic(self) -> str:
        return self._clean(validation.clean_topic, "topic")

    def _clean(self, clean: Callable[[str], str], field: str) -> str:
        """Validates the title like members' titles. Without one, the room's name is its address."""
        given: str = self.cleaned_data[field]
        try:
            return clean(given) if given else ""
        except Refusal as refusal:
            raise forms.ValidationError(refusal.detail) from None


@admin.register(Room)
class RoomAdmin(ForModerators):
    form = RoomForm
    list_display = ("slug", "title", "topic", "locked", "slow_seconds", "head", "created_at")
    list_filter = ("locked", "created_at")
    search_fields = ("slug", "title", "topic", "made_by")
    ordering = ("slug",)
    fields = ("slug", "title", "topic", "locked", "slow_seconds", "keep_days", "made_by", "log", "head", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = ("made_by", "log", "head", "created_at")
        return readonly if obj is None else ("slug", *readonly)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(policy.can_delete_room(person_at(request)))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Counts a room's messages instead of listing them."""
        counts = {"rooms": len(objs), "messages": Message.objects.filter(room__in=objs).count()}
        may = all(self.has_delete_permission(request, room) for room in objs)
        return [str(room) for room in objs], counts, set() if may else {"room"}, []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """The same as Django's, but each slice has its own transaction."""
        return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]  # Django's stubs lack it.

    def delete_model(self, request: HttpRequest, obj: Room) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        budget = Budget()
        for room in map(RoomRow.of, queryset):
            if not delete_room(room, person_at(request), budget):
                self.message_user(request, ROOM_LEFT, messages.WARNING)
                break
            announce_after_commit(EVERYWHERE, RoomChanged(room.name))
            if budget.is_spent:
                break

    def response_delete(self, request: HttpRequest, obj_display: str, obj_id: int) -> HttpResponse:
        if not Room.objects.filter(pk=obj_id).exists():
            return super().response_delete(request, obj_display, obj_id)
        return HttpResponseRedirect(reverse("admin:chat_room_changelist"))

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Not in Django's own history: the record has it."""
        return []

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        """Writes only the changed fields: the room's head changes while this page is open."""
        changed = set(form.changed_data)
        if not change:
            super().save_model(request, obj, form, change)
        room = RoomRow.of(obj)
        if change and changed & {"title", "topic"}:
            room_management.describe(room, obj.title, obj.topic, person_at(request))
        if "locked" in changed:
            acts.lock(moderator(request), room, obj.locked, "")
        if "slow_seconds" in changed:
            acts.slow_down(moderator(request), room, obj.slow_seconds, "")
        if "keep_days" in changed:
            acts.keep(moderator(request), room, obj.keep_days)
        announce_after_commit(EVERYWHERE, RoomChanged(room.name))
