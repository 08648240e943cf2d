"""The application that a server runs: pages by Django, sockets by Channels."""

import asyncio
import logging
import os
import signal
import sys
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.urls import re_path

from chatty_project import databases, env
from chatty_project.garbage import garbage
from chatty_project.trace import traced

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chatty_project.settings")
django_pages = get_asgi_application()  # Sets Django up, which everything below needs.
if problems := env.problems(env.read(os.environ)):
    sys.exit("\n".join(problems))  # Otherwise it would answer every request with an error.

from chat.rooms.registry import close_registry, current_counts, current_registry  # noqa: E402
from chat.routing import consumer, http_urlpatterns, websocket_urlpatterns  # noqa: E402
from chat.web import metrics  # noqa: E402
from chat.web.request_threads import WebThreads  # noqa: E402
from chatty_project.proxy import WithPrefix  # noqa: E402

pages = WebThreads(django_pages)  # type: ignore[arg-type]  # It wants a dict where Channels has another mapping.

requests = URLRouter([*http_urlpatterns, re_path(r"", pages)])  # type: ignore[arg-type]  # Not one of Django's views.

# Other paths have no room either. Only a close code tells a browser so.
sockets = URLRouter([*websocket_urlpatterns, re_path(r"", consumer)])


def log_counts() -> None:
    """Logs this worker's counts. `kill -USR1 <its pid>` calls it."""
    counts = current_counts() | {"tasks": len(asyncio.all_tasks())}
    logging.getLogger("chatty_project.worker").info(" ".join(f"{name}={count}" for name, count in counts.items()))


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Handles the server's start and end. Writes everything that waits before the process ends."""
    while (message := await receive())["type"] == "lifespan.startup":
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, log_counts)
        current_registry()  # Webhooks wait for no visitor.
        metrics.share()
        garbage.start()
        await send({"type": "lifespan.startup.complete"})
    assert message["type"] == "lifespan.shutdown"
    await close_registry()
    await pages.close()
    await asyncio.to_thread(databases.checkpoint)  # Last: then uvicorn passes the signal on, and the process ends.
    await send({"type": "lifespan.shutdown.complete"})


application: Any = ProtocolTypeRouter(
    {
        "http": traced(requests, "request"),
        "websocket": traced(sockets, "socket"),
        "lifespan": lifespan,
    }
)
if settings.URL_PREFIX:
    application = WithPrefix(application, settings.URL_PREFIX)
