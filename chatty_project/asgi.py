"""The application that a server runs: pages by Django, sockets by Channels."""

import os
import sys
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application

from chatty_project import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatty_project.settings")
pages = get_asgi_application()  # Sets Django up, which everything below needs.
if missing := env.missing_in_production(env.read(os.environ)):
    sys.exit("\n".join(missing))  # Half set up, it would answer every request with an error.

from chat.hubs import close_hubs  # noqa: E402
from chat.origin import PageOriginValidator  # noqa: E402
from chat.routing import websocket_urlpatterns  # noqa: E402


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """The server's start and its end: what waits is written before the process goes."""
    while (message := await receive())["type"] == "lifespan.startup":
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
