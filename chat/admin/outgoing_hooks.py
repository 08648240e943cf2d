"""Outgoing webhooks: created with a secret, changed, switched on again and deleted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chat.admin.base import ForModerators, moderator, shown_once
from chat.admin.filters import RoomFilter
from chat.admin.hook_forms import InRoomForm, NamedForm
from chat.models import OutgoingHook
from chat.webhooks import management
from chat.webhooks.addresses import InvalidUrl, check_url


class OutgoingHookForm(NamedForm):
    class Meta:
        model = OutgoingHook
        fields = ("name", "url", "wants")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except InvalidUrl as error:
            raise forms.ValidationError(str(error)) from None
        return url


class NewOutgoingHookForm(InRoomForm, OutgoingHookForm):
    of_room = "outgoing_hooks"


@admin.register(OutgoingHook)
class OutgoingHookAdmin(ForModerators):
    """Outgoing webhooks, with the state of their deliveries."""

    form = OutgoingHookForm
    list_display = ("name", "room", "url", "wants", "state", "status", "tried_at", "next_try_at")
    list_filter = (RoomFilter, ("off_since", admin.EmptyFieldListFilter))
    list_select_related = ("room",)
    search_fields = ("name", "url", "id")
    ordering = ("-created_at",)
    actions = ("delete_selected", "switch_on")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        form = self.form if change else NewOutgoingHookForm
        return super().get_form(request, obj, change, form=form, **options)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ("name", "address", "url", "wants")
        return ("name", "room", "url", "wants", *self.get_readonly_fields(request, obj)[1:])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return ()
        state = ("state", "status", "tried_at", "next_try_at", "failures", "failing_since", "off_since", "off_reason")
        return ("room", *state, "cursor", "id", "created_by", "created_at")

    @admin.display(description="state", ordering="off_since")
    def state(self, hook: OutgoingHook) -> str:
        if hook.off_since is not None:
            return f"off since {hook.off_since:%Y-%m-%d %H:%M} UTC. {hook.off_reason}"
        return "failing" if hook.failures else "on"

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def response_action(self, request: HttpRequest, queryset: Any, *arguments: Any) -> Any:
        """Keys are UUIDs here, which Django checks itself."""
        return admin.ModelAdmin.response_action(self, request, queryset, *arguments)

    def save_model(self, request: HttpRequest, obj: OutgoingHook, form: Any, change: bool) -> None:
        if change:
            management.change(moderator(request), obj.pk, obj.name, obj.url, obj.wants)
            return
        room = form.cleaned_data["address"]
        hook = management.create(moderator(request), room.pk, obj.name, obj.url, obj.wants)
        obj.pk = hook.pk
        request.shown_once = hook.secret  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not in Django's own history: the record has it."""

    log_change = log_addition

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """The same."""
        return []

    def response_add(
        self, request: HttpRequest, obj: OutgoingHook, post_url_continue: str | None = None
    ) -> HttpResponse:
        return shown_once(self, request, f"The secret of {obj.name}")

    def delete_model(self, request: HttpRequest, obj: OutgoingHook) -> None:
        self.delete_queryset(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for hook in list(queryset):
            management.delete(moderator(request), hook.pk)

    @admin.action(description="Switch on again, where it stopped", permissions=["change"])
    def switch_on(self, request: HttpRequest, queryset: "QuerySet[OutgoingHook]") -> None:
        count = sum(management.switch_on(moderator(request), hook.pk) for hook in queryset)
        self.message_user(request, f"Outgoing webhooks switched on: {count}.")
