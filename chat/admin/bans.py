"""Bans of members and addresses: made and lifted."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from chat.access import policy
from chat.access.client_address import client_network, parse_address
from chat.admin.base import ForModerators, announce_after_commit, moderator, person_at
from chat.cluster.messages import EVERYWHERE, BansChanged
from chat.models import Ban, BannedNetwork
from chat.moderation import acts


class InForce(admin.SimpleListFilter):
    title = "in force"
    parameter_name = "in_force"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("yes", "Yes"), ("no", "No"))

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "yes":
                return queryset.in_force()
            case "no":
                return queryset.over()
        return queryset


class NetworkForm(forms.ModelForm):  # type: ignore[type-arg]
    network = forms.CharField(
        max_length=43, label="Address", help_text="An IPv4 or IPv6 address. For IPv6, its /64 network is banned."
    )

    class Meta:
        model = BannedNetwork
        fields = ("network",)

    def clean_network(self) -> str:
        """Converts the input to the network that bans compare."""
        given = self.cleaned_data["network"].partition("/")[0]
        if (address := parse_address(given)) is None:
            raise forms.ValidationError("Enter an IP address.")
        return client_network(str(address))


class NetworkFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        super().clean()
        if self.instance.member_id is None and not any(form.cleaned_data.get("network") for form in self.forms):
            raise forms.ValidationError("Enter a member's id, an address, or both.")


class NetworkInline(admin.TabularInline):  # type: ignore[type-arg]
    model = BannedNetwork
    form = NetworkForm
    formset = NetworkFormSet
    extra = 0
    verbose_name = "address"
    verbose_name_plural = "addresses, kept until the ban ends"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(policy.can_moderate(person_at(request)))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission


@admin.register(Ban)
class BanAdmin(ForModerators):
    """Bans are made and lifted, not changed, so that the audit log shows the bans of any time."""

    list_display = ("__str__", "reason", "by_address", "created_by", "created_at", "ends_at", "is_in_force")
    list_filter = (InForce, "by_address", "created_at")
    list_select_related = ("created_by",)
    search_fields = ("member_name", "member_id", "reason")
    ordering = ("-pk",)
    actions = ("lift",)
    inlines = (NetworkInline,)
    fields = ("member_id", "member_name", "reason", "ends_at", "by_address")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj is None else (*self.fields, "created_by", "created_at", "lifted_at")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    @admin.display(description="in force", boolean=True)
    def is_in_force(self, ban: Ban) -> bool:
        return ban.is_in_force

    def save_model(self, request: HttpRequest, obj: Ban, form: Any, change: bool) -> None:
        obj.created_by_id = request.user.pk
        acts.add_ban(obj, moderator(request))
        announce_after_commit(EVERYWHERE, BansChanged())

    @admin.action(description="Lift the selected bans", permissions=["view"])
    def lift(self, request: HttpRequest, queryset: Any) -> None:
        lifted = acts.lift(queryset, moderator(request))
        announce_after_commit(EVERYWHERE, BansChanged())
        self.message_user(request, f"Bans lifted: {lifted}.")
