"""Members who speak to the consumer through Channels' `WebsocketCommunicator`, without a server."""

import asyncio
from typing import Any

from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator

from chat.access.tokens import issue, new_member_id
from chat.paths import SOCKET_PATH
from chat.protocol.constants import PROTOCOL_VERSION
from chat.routing import websocket_urlpatterns
from tests.client import PATIENCE_SECONDS

application = URLRouter(websocket_urlpatterns)


async def connect(room: str = "lobby", session: str = "") -> WebsocketCommunicator:
    """A socket, of a browser that is signed in with this session."""
    headers = [(b"cookie", f"sessionid={session}".encode())] if session else []
    communicator = WebsocketCommunicator(application, f"/{SOCKET_PATH}/{room}", headers)
    connected, _ = await communicator.connect()
    assert connected
    return communicator


async def join(
    name: str, room: str = "lobby", *, session: str = "", token: str | None = None
) -> tuple[WebsocketCommunicator, dict[str, Any]]:
    """A member's communicator, and its welcome."""
    communicator = await connect(room, session)
    await send_join(communicator, name, token)
    return communicator, await receive(communicator, "welcome")


async def send_join(communicator: WebsocketCommunicator, name: str, token: str | None = None) -> None:
    token = issue(new_member_id()) if token is None else token
    await communicator.send_json_to({"type": "join", "v": PROTOCOL_VERSION, "token": token, "name": name})


async def receive(communicator: WebsocketCommunicator, kind: str) -> dict[str, Any]:
    """The next event of this type. A frame is an array of events."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for event in await communicator.receive_json_from(timeout=PATIENCE_SECONDS):
                if event["type"] == kind:
                    found: dict[str, Any] = event
                    return found
