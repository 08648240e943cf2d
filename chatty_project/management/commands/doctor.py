"""`manage.py doctor [--url URL]`: what is wrong with this installation, and what to do."""

import asyncio
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from chatty_project import env
from chatty_project.doctor import database, proxy, redis, settings
from chatty_project.doctor.findings import Level


class Command(BaseCommand):
    help = (
        "Looks at settings, files, database, Redis and proxies, with the servers' environment. Each finding has its "
        "cure. Ends with 1 if something is wrong, with 0 if there are only warnings."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--url", default="", help="the public address, https://chat.example.com: asks through it")

    def handle(self, *, url: str, **options: Any) -> None:
        environment = env.read(os.environ)
        findings = [*settings.look(environment), *database.look(environment), *asyncio.run(redis.look(environment))]
        if url:
            findings += asyncio.run(proxy.look(url, environment))
        for finding in findings:
            self.stdout.write(str(finding))
        if any(finding.level is Level.PROBLEM for finding in findings):
            raise SystemExit(1)
