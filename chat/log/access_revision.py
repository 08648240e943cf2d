"""A number that rises whenever the host has changed who may join, by which processes notice what they weren't told.

All functions here wait for the database.
"""

from django.db import transaction
from django.db.models import F

from chat.models import AccessRevision


def advance() -> int:
    """Raises the number and returns it. Each caller gets another one."""
    with transaction.atomic():
        AccessRevision.objects.get_or_create(pk=1)
        AccessRevision.objects.filter(pk=1).update(number=F("number") + 1)
        return read()


def read() -> int:
    """The current number."""
    return AccessRevision.objects.filter(pk=1).values_list("number", flat=True).first() or 0
