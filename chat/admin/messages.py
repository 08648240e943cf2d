"""Messages: listed, deleted, and their authors banned."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode

from chat.admin.base import ForModerators, announce_after_commit, person_at
from chat.admin.filters import RoomFilter
from chat.cluster.messages import EntriesWritten
from chat.log.deletion import delete_messages
from chat.log.slices import Budget
from chat.models import Message
from chat.protocol.constants import MODERATION_REASON_LIMIT

SHOWN_MESSAGES = 20  # Messages that the confirmation of a deletion lists.


class ReasonForm(forms.Form):
    """The reason for a deletion, checked by Django's field, which refuses a NUL."""

    reason = forms.CharField(required=False, max_length=MODERATION_REASON_LIMIT)


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


def _reason_problem(request: HttpRequest) -> str:
    """The error in a form's reason. Empty if it is valid."""
    return " ".join(error for errors in ReasonForm(request.POST).errors.values() for error in map(str, errors))
