from django.apps import AppConfig
from django.core.checks import register


class ChatConfig(AppConfig):
    name = "chat"
    label = "chat"  # Of the tables and permissions.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chat.checks import check_settings

        register(check_settings)
