"""Filters of the lists by a room."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest


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
