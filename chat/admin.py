"""/admin: rooms, messages, bans and the audit log, for moderators.

An account with the permission `chat.moderate_room` has the same rights here as in a room, by the same functions.
Actions take effect in the rooms at once: they are announced after the commit.
"""

from collections.abc import Callable
from typing import Any

from asgiref.sync import async_to_sync
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from chat.access import accounts, policy
from chat.access.client_address import client_network, parse_address
from chat.access.person import Moderator, Person
from chat.cluster.broker import announce
from chat.cluster.messages import EVERYWHERE, BansChanged, EntriesWritten, Item, RoomChanged
from chat.content import validation
from chat.log import room_management
from chat.log.deletion import delete_messages, delete_room
from chat.log.reader import RoomRow
from chat.log.slices import Budget
from chat.models import Ban, BannedNetwork, Bot, Hook, Message, ModerationAction, OutgoingHook, Revocation, Room
from chat.moderation import acts, bots, hooks
from chat.paths import hook_url
from chat.protocol.constants import HOOKS_LIMIT, MODERATION_REASON_LIMIT, NAME_LIMIT
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId
from chat.webhooks import management
from chat.webhooks.addresses import InvalidUrl, check_url

KEY_DIGITS = 18  # Fewer than the digits of the database's biggest key.
ROOM_LEFT = "Some messages of the room are left. The room is locked now. Delete it again to continue."
SHOWN_MESSAGES = 20  # Messages that the confirmation of a deletion lists.


def person_at(request: HttpRequest) -> Person:
    """The person at /admin, who has an account but is in no room."""
    return Person(MemberId(""), moderator=accounts.moderator(request.user))


def moderator(request: HttpRequest) -> Moderator:
    """The moderator at /admin.

    Raises:
        Refusal: the account may not moderate.
    """
    person = person_at(request)
    policy.can_moderate(person).expect()
    assert person.moderator is not None
    return person.moderator


def announce_after_commit(room: str, *items: Item) -> None:
    transaction.on_commit(lambda: async_to_sync(announce)(room, *items))


class ReasonForm(forms.Form):
    """The reason for a deletion, checked by Django's field, which refuses a NUL."""

    reason = forms.CharField(required=False, max_length=MODERATION_REASON_LIMIT)


class RoomFilter(admin.SimpleListFilter):
    """A filter by one room, whose address is typed: a list of all rooms would be megabytes long."""

    title = "room"
    parameter_name = "in_room"
    template = "chat/admin/room_filter.html"
    lookup = "room__slug"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return ()

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Any:
        """The other filters' parameters, which the form must keep."""
        kept = changelist.get_filters_params()
        kept.pop(self.parameter_name, None)
        query = [(SEARCH_VAR, changelist.query)] if changelist.query else []
        yield {"kept": [(name, value) for name, values in kept.items() for value in values] + query}

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        given = (self.value() or "").strip()
        if "\0" in given:
            raise IncorrectLookupParameters
        return queryset.filter(**{self.lookup: given}) if given else queryset


class RecordedRoomFilter(RoomFilter):
    """The same for the audit log, which stores rooms by their addresses."""

    lookup = "room"


class ForModerators(admin.ModelAdmin):  # type: ignore[type-arg]  # It takes none at run time, as those below.
    """A page that moderators may see. Subclasses define further permissions."""

    def may_moderate(self, request: HttpRequest) -> bool:
        return bool(policy.can_moderate(person_at(request)))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.may_moderate(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def response_action(self, request: HttpRequest, queryset: Any, *arguments: Any) -> Any:
        """The same as Django's, which raises for a selection that isn't a number."""
        selected = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if all(key.isdecimal() and len(key) <= KEY_DIGITS for key in selected):
            return super().response_action(request, queryset, *arguments)
        self.message_user(request, "The selection is invalid. Nothing was changed.", messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

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
    fields = ("slug", "title", "topic", "locked", "slow_seconds", "made_by", "log", "head", "created_at")

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
        announce_after_commit(EVERYWHERE, RoomChanged(room.name))


@admin.register(Message)
class MessageAdmin(ForModerators):
    list_display = ("seq", "room", "at", "author_name", "text", "is_deleted")
    list_filter = (RoomFilter, ("deleted_at", admin.EmptyFieldListFilter), "at")
    list_select_related = ("room",)
    search_fields = ("body", "author_name", "author_id")
    show_full_result_count = False  # It would count the whole log each time.
    ordering = ("-pk",)
    actions = ("delete_selected", "ban_author", "revoke_authors_tokens")
    exclude = ("html",)
    delete_confirmation_template = "chat/admin/delete_message.html"

    @admin.display(description="message")
    def text(self, message: Message) -> str:
        return message.body if len(message.body) <= 100 else message.body[:99] + "…"

    @admin.display(description="deleted")
    def is_deleted(self, message: Message) -> str:
        return "deleted" if message.deleted_at else ""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_moderate(request)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Not in Django's own history: the record has it."""
        return []

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        if request.method == "POST" and (problem := _reason_problem(request)):
            self.message_user(request, problem, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().delete_view(request, object_id, extra_context)

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        self._delete(request, Message.objects.filter(pk=obj.pk))

    @admin.action(description="Delete the selected messages", permissions=["delete"])
    def delete_selected(self, request: HttpRequest, queryset: "QuerySet[Message]") -> HttpResponse | None:
        """The same as Django's action, for any number of messages: the confirmation lists only a few."""
        everything = request.POST.get("select_across") == "1"
        problem = _reason_problem(request)
        if problem or not request.POST.get("post"):
            newest = queryset.order_by("-pk").values_list("pk", flat=True).first()
            context = {
                **self.admin_site.each_context(request),
                "title": "Delete messages",
                "opts": self.opts,
                "some": queryset[:SHOWN_MESSAGES],
                "count": queryset.count(),
                "everything": everything,
                "newest": newest,
                "selected": [] if everything else request.POST.getlist(ACTION_CHECKBOX_NAME),
                "action_checkbox_name": ACTION_CHECKBOX_NAME,
                "media": self.media,
                "problem": problem,
            }
            return TemplateResponse(request, "chat/admin/delete_messages.html", context)
        if everything and (limit := request.POST.get("newest", "")).isdecimal():
            queryset = queryset.filter(pk__lte=int(limit))  # The moderator hasn't seen later messages.
        count, is_all = self._delete(request, queryset)
        self.message_user(request, f"Messages deleted: {count}.", messages.SUCCESS)
        if not is_all:
            self.message_user(
                request, "Not all messages were deleted. Select the rest and delete again.", messages.WARNING
            )
        return None

    def _delete(self, request: HttpRequest, doomed: "QuerySet[Message]") -> tuple[int, bool]:
        return delete_messages(
            doomed,
            person_at(request),
            request.POST.get("reason", ""),
            lambda room, done: announce_after_commit(room.name, EntriesWritten(room.log, room.id, [done.entry])),
            Budget(),
        )

    @admin.action(description="Ban the author of the selected message", permissions=["view"])
    def ban_author(self, request: HttpRequest, queryset: "QuerySet[Message]") -> HttpResponse | None:
        return self._ask_about_author(request, queryset, "admin:chat_ban_add")

    @admin.action(description="Revoke the tokens of the author of the selected message", permissions=["view"])
    def revoke_authors_tokens(self, request: HttpRequest, queryset: "QuerySet[Message]") -> HttpResponse | None:
        return self._ask_about_author(request, queryset, "admin:chat_revocation_add")

    def _ask_about_author(self, request: HttpRequest, queryset: "QuerySet[Message]", page: str) -> HttpResponse | None:
        """Redirects to a form that is filled in with the author."""
        authors = queryset.order_by().values_list("author_id", flat=True).distinct()[:2]
        if len(authors) != 1:
            self.message_user(request, "Select messages from one author only.", messages.ERROR)
            return None
        (member_id,) = authors
        name = queryset.values_list("author_name", flat=True)[0]
        query = urlencode({"member_id": str(member_id), "member_name": name})
        return HttpResponseRedirect(f"{reverse(page)}?{query}")


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


class HookForm(forms.ModelForm):  # type: ignore[type-arg]
    address = forms.CharField(max_length=50, label="Room", help_text="The room's address.")

    class Meta:
        model = Hook
        fields = ("name",)

    def clean_name(self) -> str:
        try:
            return validation.clean_name(self.cleaned_data["name"])
        except Refusal as refusal:
            raise forms.ValidationError(refusal.detail) from None

    def clean_address(self) -> Room:
        if (room := Room.objects.filter(slug=self.cleaned_data["address"]).first()) is None:
            raise forms.ValidationError("There is no such room.")
        if room.hooks.count() >= HOOKS_LIMIT:
            raise forms.ValidationError(f"A room has at most {HOOKS_LIMIT} webhooks.")
        return room


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


class OutgoingHookForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = OutgoingHook
        fields = ("name", "url", "wants")

    def clean_name(self) -> str:
        try:
            return validation.clean_name(self.cleaned_data["name"])
        except Refusal as refusal:
            raise forms.ValidationError(refusal.detail) from None

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            check_url(url)
        except InvalidUrl as error:
            raise forms.ValidationError(str(error)) from None
        return url


class NewOutgoingHookForm(OutgoingHookForm):
    address = forms.CharField(max_length=50, label="Room", help_text="The room's address.")

    def clean_address(self) -> Room:
        if (room := Room.objects.filter(slug=self.cleaned_data["address"]).first()) is None:
            raise forms.ValidationError("There is no such room.")
        if room.outgoing_hooks.count() >= HOOKS_LIMIT:
            raise forms.ValidationError(f"A room has at most {HOOKS_LIMIT} outgoing webhooks.")
        return room


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


def shown_once(page: ForModerators, request: HttpRequest, title: str) -> HttpResponse:
    """A page with a secret, `request.shown_once`, which nothing can show again. No cache keeps a page of the admin."""
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "opts": page.opts,
        "secret": request.shown_once,  # type: ignore[attr-defined]
    }
    return TemplateResponse(request, "chat/admin/shown_once.html", context)


@admin.register(ModerationAction)
class ModerationActionAdmin(ForModerators):
    """Read only, for everybody."""

    list_display = ("at", "moderator_name", "kind", "room", "member_name", "seq", "detail", "reason")
    list_filter = ("kind", "moderator", RecordedRoomFilter, "at")
    search_fields = ("moderator_name", "member_name", "member_id", "room", "reason")


def _reason_problem(request: HttpRequest) -> str:
    """The error in a form's reason. Empty if it is valid."""
    return " ".join(error for errors in ReasonForm(request.POST).errors.values() for error in map(str, errors))
