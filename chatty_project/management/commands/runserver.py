"""`manage.py runserver`: Daphne's command, on HOST and PORT, with a last line that has the room's address."""

import os
from typing import Any

from daphne.management.commands.runserver import Command as DaphneCommand
from twisted.internet import reactor

from chat import open_files
from chat.rooms.registry import current_registry
from chatty_project import databases, env, listen, places
from chatty_project.daphne_server import PatientServer

# Seconds. Daphne checks its connections every 2 s, so it notices a pulled cable within 2 + 2 + 3 s.
PING_INTERVAL = 2
PING_TIMEOUT = 3


class Command(DaphneCommand):  # type: ignore[misc]  # Daphne has no types.
    environment = env.read(os.environ)
    default_addr = environment[env.HOST].strip("[]")
    default_port = str(environment[env.PORT])

    def run(self, **options: Any) -> None:
        """Starts the server if the settings are safe, its files can be written and the port is free."""
        if problems := env.problems(self.environment):
            raise SystemExit("\n".join(problems))
        if self.environment[env.DEBUG] and not env.is_loopback(self.addr):
            raise SystemExit(f'DEBUG is true and the address is "{self.addr}"; expected {env.ONLY_HERE}')
        if problems := places.problems(self.environment):
            raise SystemExit("\n".join(problems))
        if refusal := listen.why_not(self.addr, int(self.port), "bin/run"):
            raise SystemExit(refusal)
        open_files.raise_limit()
        try:
            super().run(**options)
        finally:
            databases.checkpoint()

    def server_cls(self, **arguments: Any) -> PatientServer:
        """The server for Daphne's command."""
        options = {"ready_callable": self.announce, "ping_interval": PING_INTERVAL, "ping_timeout": PING_TIMEOUT}
        return PatientServer(**options, **arguments)

    def announce(self) -> None:
        """Says where the server is. Webhooks wait for no visitor: the registry is made in the server's event loop."""
        reactor.callLater(0, current_registry)  # type: ignore[arg-type]  # Twisted declares an interface, not a module.
        where = listen.url(self.addr, int(self.port)) + self.environment[env.URL_PREFIX]
        self.stdout.write(f"Chatty is running: {where}/chatty")
        self.stdout.flush()
