from django.apps import AppConfig


class ChatConfig(AppConfig):
    name = "chat"
    label = "chat"  # Of the tables and permissions.
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from chat.checks import register_checks

        register_checks()
