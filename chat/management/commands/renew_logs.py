"""`manage.py renew_logs`: after a database was restored from a backup, makes browsers load all rooms again."""

from typing import Any

from django.core.management.base import BaseCommand

from chat.log import epoch


class Command(BaseCommand):
    help = "Give every room a new log, so that members load it afresh: for a database that was restored from a copy."

    def handle(self, *args: Any, **options: Any) -> None:
        count = epoch.renew_all_logs()
        self.stdout.write(f"{count} rooms have new logs. Members load them afresh within seconds.")
