"""Incoming webhooks: created with an address, and deleted."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from chat.admin.base import ForModerators, person_at, shown_once
from chat.admin.filters import RoomFilter
from chat.admin.hook_forms import InRoomForm
from chat.log.reader import RoomRow
from chat.models import Hook
from chat.moderation import hooks
from chat.paths import hook_url


class HookForm(InRoomForm):
    of_room = "hooks"

    class Meta:
        model = Hook
        fields = ("name",)


@admin.register(Hook)
class HookAdmin(ForModerators):
    """Incoming webhooks are created here, and deleted to revoke them."""

    form = HookForm
    list_display = ("name", "room", "created_by", "made_by", "created_at")
    list_filter = (RoomFilter,)
    list_select_related = ("room", "created_by")
    search_fields = ("name", "id", "made_by")
    ordering = ("-created_at",)
    actions = ("delete_selected",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name", "address") if obj is None else ("name", "room", "id", "created_by", "made_by", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def response_action(self, request: HttpRequest, queryset: Any, *arguments: Any) -> Any:
        """Keys are UUIDs here, which Django checks itself."""
        return admin.ModelAdmin.response_action(self, request, queryset, *arguments)

    def save_model(self, request: HttpRequest, obj: Hook, form: Any, change: bool) -> None:
        info, secret = hooks.make(RoomRow.of(form.cleaned_data["address"]), obj.name, person_at(request))
        obj.pk = info.id
        request.shown_once = hook_url(request, secret)  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not in Django's own history: the record has it."""

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """The same."""
        return []

    def response_add(self, request: HttpRequest, obj: Hook, post_url_continue: str | None = None) -> HttpResponse:
        return shown_once(self, request, f"The address of {obj.name}")

    def delete_model(self, request: HttpRequest, obj: Hook) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for hook in list(queryset):
            hooks.revoke(RoomRow.of(hook.room), hook.pk, person_at(request))
