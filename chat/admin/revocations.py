"""Tokens of a member, revoked."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from chat.admin.base import ForModerators, announce_after_commit, moderator
from chat.cluster.messages import EVERYWHERE, BansChanged
from chat.models import Revocation
from chat.moderation import acts
from chat.protocol.constants import MODERATION_REASON_LIMIT, NAME_LIMIT


class RevocationForm(forms.ModelForm):  # type: ignore[type-arg]
    member_name = forms.CharField(max_length=NAME_LIMIT, required=False, help_text="Shown in the audit log.")
    reason = forms.CharField(max_length=MODERATION_REASON_LIMIT, required=False, help_text="Shown in the audit log.")

    class Meta:
        model = Revocation
        fields = ("member_id",)
        help_texts = {
            "member_id": "Refuses all current tokens of this member. Their open pages rejoin as new people. "
            "To keep a person out, ban them instead."
        }

    def validate_unique(self) -> None:
        """A member's tokens may be revoked again."""


@admin.register(Revocation)
class RevocationAdmin(ForModerators):
    """Revokes tokens permanently. The audit log has the moderator and the reason."""

    form = RevocationForm
    list_display = ("member_id", "revoked_at")
    search_fields = ("member_id",)
    ordering = ("-revoked_at",)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("member_id", "member_name", "reason") if obj is None else ("member_id", "revoked_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def save_model(self, request: HttpRequest, obj: Revocation, form: Any, change: bool) -> None:
        given = form.cleaned_data
        acts.revoke(moderator(request), obj.member_id, given["member_name"], given["reason"])
        announce_after_commit(EVERYWHERE, BansChanged())
