"""The application that a server runs: pages by Django, sockets by Channels."""

import asyncio
import logging
import os
import signal
import sys
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from chatty_project import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatty_project.settings")
pages = get_asgi_application()  # Sets Django up, which everything below needs.
if problems := env.problems(env.read(os.environ)):
    sys.exit("\n".join(problems))  # Half set up, it would answer every request with an error.

from chat.hubs import close_hubs, current_counts  # noqa: E402
from chat.origin import PageOriginValidator  # noqa: E402
from chat.routing import websocket_urlpatterns  # noqa: E402


def log_counts() -> None:
    """Says what this worker holds: `kill -USR1 <its pid>` asks for it."""
    counts = current_counts() | {"tasks": len(asyncio.all_tasks())}
    logging.getLogger("chatty_project.worker").info(" ".join(f"{name}={count}" for name, count in counts.items()))


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """The server's start and its end: what waits is written before the process goes."""
    while (message := await receive())["type"] == "lifespan.startup":
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, log_counts)
        await send({"type": "lifespan.startup.complete"})
    assert message["type"] == "lifespan.shutdown"
    await close_hubs()
    await send({"type": "lifespan.shutdown.complete"})


application = ProtocolTypeRouter(
    {
        "http": pages,
        "websocket": PageOriginValidator(URLRouter(websocket_urlpatterns)),
        "lifespan": lifespan,
    }
)
