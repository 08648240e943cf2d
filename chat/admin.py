"""/admin: rooms, messages and bans for moderators, and the record of what they did.

Whoever has the permission `chat.moderate_room` may do here what they may do in a room, by the same functions. What is
done here takes effect in the rooms at once: it is announced as soon as it is committed.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from . import committer, moderation, rooms, texts
from .addresses import client_network, parse_address
from .fanout import announce
from .log import RoomRow
from .models import Ban, BannedNetwork, Message, ModerationAction, Room
from .moderation import Moderator
from .operations import Delete
from .peers import EVERYWHERE, BansChanged, Item, RoomChanged, Written
from .protocol import MODERATION_REASON_LIMIT, MemberId, Refusal

admin.site.site_header = admin.site.site_title = "Chatty"
admin.site.index_title = "Moderation"


def moderator(request: HttpRequest) -> Moderator:
    assert request.user.is_authenticated
    return Moderator(request.user.pk, request.user.get_username(), "")


def announce_after_commit(room: str, *items: Item) -> None:
    transaction.on_commit(lambda: async_to_sync(announce)(room, *items))


class ForModerators(admin.ModelAdmin):  # type: ignore[type-arg]  # It takes none at run time, as those below.
    """Seen by moderators; what they may do beyond that, the classes say."""

    def may_moderate(self, request: HttpRequest) -> bool:
        return request.user.has_perm(moderation.PERMISSION)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_moderate(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class RoomForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Room
        fields = ("slug", "title", "topic", "locked", "slow_seconds")

    def clean_title(self) -> str:
        return self._clean(texts.clean_title, "title")

    def clean_topic(self) -> str:
        return self._clean(texts.clean_topic, "topic")

    def _clean(self, clean: Callable[[str], str], field: str) -> str:
        """As members' own are cleaned. Without a title, a room is called by its address."""
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
    fields = ("slug", "title", "topic", "locked", "slow_seconds", "made_by", "log", "head", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        readonly = ("made_by", "log", "head", "created_at")
        return readonly if obj is None else ("slug", *readonly)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("chat.delete_room")  # With all that was said there: not for every moderator.

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Rooms by their number of messages: nobody wants to read a list of all of them."""
        counts = {"rooms": len(objs), "messages": Message.objects.filter(room__in=objs).count()}
        may = all(self.has_delete_permission(request, room) for room in objs)
        return [str(room) for room in objs], counts, set() if may else {"room"}, []

    def save_model(self, request: HttpRequest, obj: Room, form: Any, change: bool) -> None:
        """Writes what was changed and nothing else: the room's head moves on while somebody looks at this page."""
        changed = set(form.changed_data)
        if not change:
            super().save_model(request, obj, form, change)
        room = row(obj)
        if change and changed & {"title", "topic"}:
            rooms.describe(room, obj.title, obj.topic, None, moderator(request))
        if "locked" in changed:
            moderation.lock(moderator(request), room, obj.locked, "")
        if "slow_seconds" in changed:
            moderation.slow_down(moderator(request), room, obj.slow_seconds, "")
        announce_after_commit(EVERYWHERE, RoomChanged(room.name))


@admin.register(Message)
class MessageAdmin(ForModerators):
    list_display = ("seq", "room", "at", "author_name", "text", "is_deleted")
    list_filter = ("room", ("deleted_at", admin.EmptyFieldListFilter), "at")
    list_select_related = ("room",)
    search_fields = ("body", "author_name", "author_id")
    show_full_result_count = False  # It would count the whole log each time.
    ordering = ("-pk",)
    actions = ("ban_author",)
    exclude = ("html",)
    delete_confirmation_template = "chat/admin/delete_message.html"
    delete_selected_confirmation_template = "chat/admin/delete_messages.html"

    @admin.display(description="message")
    def text(self, message: Message) -> str:
        return message.body if len(message.body) <= 100 else message.body[:99] + "…"

    @admin.display(description="deleted")
    def is_deleted(self, message: Message) -> str:
        return "deleted" if message.deleted_at else ""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        self._take_back(request, [obj])

    def delete_queryset(self, request: HttpRequest, queryset: "QuerySet[Message]") -> None:
        self._take_back(request, queryset.select_related("room"))

    def _take_back(self, request: HttpRequest, doomed: Any) -> None:
        """Leaves tombstones: a row that was gone would be a hole in the room's versions."""
        by, reason = moderator(request), request.POST.get("reason", "")[:MODERATION_REASON_LIMIT]
        deletions = [
            Delete(row(message.room), message.seq, MemberId(""), moderator=by, reason=reason) for message in doomed
        ]
        for deletion, outcome in zip(deletions, committer.write(deletions), strict=True):
            if isinstance(outcome, committer.Committed) and outcome.is_new:
                announce_after_commit(deletion.room.name, Written([outcome.entry]))

    @admin.action(description="Ban the author of the selected message", permissions=["view"])
    def ban_author(self, request: HttpRequest, queryset: "QuerySet[Message]") -> HttpResponse | None:
        authors = dict(queryset.values_list("author_id", "author_name"))
        if len(authors) != 1:
            self.message_user(request, "Expected messages of one author; choose only theirs.", messages.ERROR)
            return None
        ((member_id, name),) = authors.items()
        query = urlencode({"member_id": str(member_id), "member_name": name})
        return HttpResponseRedirect(f"{reverse('admin:chat_ban_add')}?{query}")


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
    network = forms.CharField(max_length=43, label="Address", help_text="An IPv4 address, or an IPv6 one: its /64.")

    class Meta:
        model = BannedNetwork
        fields = ("network",)

    def clean_network(self) -> str:
        """As bans look for it."""
        given = self.cleaned_data["network"].partition("/")[0]
        if (address := parse_address(given)) is None:
            raise forms.ValidationError("Expected an IP address.")
        return client_network(str(address))


class NetworkFormSet(forms.BaseInlineFormSet):  # type: ignore[type-arg]
    def clean(self) -> None:
        super().clean()
        if self.instance.member_id is None and not any(form.cleaned_data.get("network") for form in self.forms):
            raise forms.ValidationError("Expected a member's id, or an address, or both.")


class NetworkInline(admin.TabularInline):  # type: ignore[type-arg]
    model = BannedNetwork
    form = NetworkForm
    formset = NetworkFormSet
    extra = 0
    verbose_name = "address"
    verbose_name_plural = "addresses, kept until the ban ends"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(moderation.PERMISSION)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    has_delete_permission = has_change_permission


@admin.register(Ban)
class BanAdmin(ForModerators):
    """Bans are made and lifted, not changed: the record shall say what held when."""

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
        moderation.add_ban(obj, moderator(request))
        announce_after_commit(EVERYWHERE, BansChanged())

    @admin.action(description="Lift the selected bans", permissions=["view"])
    def lift(self, request: HttpRequest, queryset: Any) -> None:
        lifted = moderation.lift(queryset, moderator(request))
        announce_after_commit(EVERYWHERE, BansChanged())
        self.message_user(request, f"{lifted} lifted.")


@admin.register(ModerationAction)
class ModerationActionAdmin(ForModerators):
    """Read only, for everybody."""

    list_display = ("at", "moderator_name", "kind", "room", "member_name", "seq", "detail", "reason")
    list_filter = ("kind", "moderator", "room", "at")
    search_fields = ("moderator_name", "member_name", "member_id", "room", "reason")


def row(room: Room) -> RoomRow:
    return RoomRow(room.pk, room.slug, room.log)
