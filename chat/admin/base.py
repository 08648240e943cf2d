"""What the pages of /admin share: who the moderator is, and pages that only moderators may see."""

from typing import Any

from asgiref.sync import async_to_sync
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from chat.access import accounts, policy
from chat.access.person import Moderator, Person
from chat.cluster.broker import announce
from chat.cluster.messages import Item
from chat.protocol.fields import MemberId

KEY_DIGITS = 18  # Fewer than the digits of the database's biggest key.


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


class ForModerators(admin.ModelAdmin):  # type: ignore[type-arg]  # Django's classes take no type at run time.
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


def shown_once(page: ForModerators, request: HttpRequest, title: str) -> HttpResponse:
    """A page with a secret, `request.shown_once`, which nothing can show again. No cache keeps a page of the admin."""
    context = {
        **page.admin_site.each_context(request),
        "title": title,
        "opts": page.opts,
        "secret": request.shown_once,  # type: ignore[attr-defined]
    }
    return TemplateResponse(request, "chat/admin/shown_once.html", context)
