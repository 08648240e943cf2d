"""The WebSocket consumer: passes frames to the client's session, which is the same for every transport."""

from typing import Any

from channels.consumer import AsyncConsumer

from chat.access.client_address import client_address
from chat.conf import chatty
from chat.counters import counters
from chat.rooms.send_buffers import current_send_buffers
from chat.sessions.session import ClientSession
from chat.transports.connections import open_connection


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]
    """One socket, which is in the room of its URL.

    It has no channel of its own: the room's hub is in the room's group, for everybody in this process. So nothing but
    the socket is listened to. Channels' own `__call__` would make a channel and a task for it, and its `dispatch` goes
    through a shared thread with each event, to close database connections that this consumer doesn't have.
    """

    session: ClientSession

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.base_send = scope, send
        connection = open_connection(scope, send, chatty.UNSENT_LIMIT, current_send_buffers().note)
        slug = scope["url_route"]["kwargs"].get("slug", "")
        self.session = ClientSession(slug, connection, client_address(scope), scope)
        counters.websockets += 1
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                await self.dispatch(message)
        finally:  # However it ended: an exception or a cancelled task is no reason to keep a ghost.
            counters.websockets -= 1
            self.session.close()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Calls the method for one of ASGI's events."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await self.websocket_connect(message)

    async def websocket_connect(self, message: dict[str, Any]) -> None:
        """Accepts the socket. One that is closed before is answered with 403 by the server."""
        if not self.session.is_admitted:
            await self.base_send({"type": "websocket.close"})
            return
        await self.base_send({"type": "websocket.accept"})
        self.session.start()

    async def websocket_receive(self, message: dict[str, Any]) -> None:
        """Takes a frame. A binary one has no text."""
        await self.session.receive(message.get("text"))
