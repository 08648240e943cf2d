"""Bots: created with a token, and revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from chat.admin.base import ForModerators, announce_after_commit, moderator, shown_once
from chat.cluster.messages import EVERYWHERE, BansChanged
from chat.models import Bot
from chat.moderation import bots
from chat.protocol.errors import Refusal


class BotForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Bot
        fields = ("name", "rooms")
        widgets = {"rooms": forms.TextInput(attrs={"class": "vTextField"})}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if "name" in given:
            try:
                given["name"], rooms = bots.check(given["name"], given.get("rooms", "").split())
            except Refusal as refusal:
                raise forms.ValidationError(refusal.detail) from None
            given["rooms"] = " ".join(rooms)
        return given


@admin.register(Bot)
class BotAdmin(ForModerators):
    """Bots are created here and revoked, not changed: a token says what its bot may do."""

    form = BotForm
    list_display = ("name", "rooms", "created_by", "created_at", "revoked_at")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    list_select_related = ("created_by",)
    search_fields = ("name", "member_id")
    ordering = ("-pk",)
    actions = ("revoke",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = ("name", "rooms")
        return fields if obj is None else (*fields, "member_id", "created_by", "created_at", "revoked_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        new = bots.create(moderator(request), obj.name, obj.rooms.split())
        obj.pk = new.bot.pk
        request.shown_once = new.token  # type: ignore[attr-defined]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Not in Django's own history: the record has it."""

    def response_add(self, request: HttpRequest, obj: Bot, post_url_continue: str | None = None) -> HttpResponse:
        return shown_once(self, request, f"The token of {obj.name}")

    @admin.action(description="Revoke the tokens of the selected bots", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: "QuerySet[Bot]") -> None:
        for bot in queryset:
            bots.revoke(moderator(request), bot)
        announce_after_commit(EVERYWHERE, BansChanged())
        self.message_user(request, f"Bots revoked: {len(queryset)}.")
