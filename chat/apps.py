from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_delete


class ChatConfig(AppConfig):
    name = "chat"
    label = "chat"  # Of the tables and permissions.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chat.checks import register_checks

        register_checks()
        post_delete.connect(_forget, sender=settings.AUTH_USER_MODEL)


def _forget(instance: Any, **kwargs: Any) -> None:
    """A deleted user of the host leaves no read marks."""
    from chat.access.authentication import member_id
    from chat.log import read_marks

    read_marks.forget(member_id(instance))
