"""The tutorial's consumer: each of them is in the room's group, and each encodes what it sends."""

import json
import logging
import time
import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer

logger = logging.getLogger(__name__)

NEWEST = 50  # Messages and listed members that a join is answered with, as many as Chatty's.
LISTED = 500

Fields = dict[str, Any]


@dataclass
class Room:
    """What the tutorial doesn't have: who is here, and what was said last."""

    members: dict[str, Fields] = field(default_factory=dict)
    messages: deque[Fields] = field(default_factory=lambda: deque(maxlen=NEWEST))
    seq: int = 0


rooms: dict[str, Room] = defaultdict(Room)


class ChatConsumer(AsyncWebsocketConsumer):
    me: Fields | None = None

    async def connect(self) -> None:
        self.room_name = self.scope["url_route"]["kwargs"]["room_name"]
        self.room_group_name = f"chat_{self.room_name}"
        await self.channel_layer.group_add(self.room_group_name, self.channel_name)
        await self.accept()

    async def disconnect(self, close_code: int) -> None:
        await self.channel_layer.group_discard(self.room_group_name, self.channel_name)
        if self.me is not None:
            room = rooms[self.room_name]
            room.members.pop(self.me["id"], None)
            await self.tell({"type": "left", "id": self.me["id"], "online": len(room.members)})

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        try:
            command = json.loads(text_data or "")
            kind = command["type"]
            if kind == "join" and self.me is None:
                await self.join(str(command["name"]), bool(command.get("quiet")))
            elif kind == "post" and self.me is not None:
                await self.post(str(command["body"]))
        except (ValueError, KeyError, TypeError) as error:
            await self.send(text_data=json.dumps({"type": "refused", "detail": repr(error)}))

    async def join(self, name: str, quiet: bool) -> None:
        """`quiet` fills a room for a measurement that isn't about joins."""
        room = rooms[self.room_name]
        self.me = {"id": str(uuid.uuid4()), "name": name}
        room.members[self.me["id"]] = self.me
        welcome = {
            "type": "welcome",
            "me": self.me,
            "online": len(room.members),
            "members": list(islice(room.members.values(), LISTED)),
            "messages": list(room.messages),
        }
        await self.send(text_data=json.dumps(welcome))
        if not quiet:
            await self.tell({"type": "joined", "member": self.me, "online": len(room.members)})

    async def post(self, body: str) -> None:
        room = rooms[self.room_name]
        room.seq += 1
        nonce, at = str(uuid.uuid4()), time.time_ns() // 1_000_000
        message = {"type": "message", "seq": room.seq, "nonce": nonce, "author": self.me, "body": body, "at": at}
        room.messages.append(message)
        await self.tell(message)

    async def tell(self, event: Fields) -> None:
        try:
            await self.channel_layer.group_send(self.room_group_name, {"type": "chat.message", "event": event})
        except Exception:  # Redis is away: this message is lost, the socket isn't.
            logger.exception("A message was not sent")

    async def chat_message(self, message: Fields) -> None:
        await self.send(text_data=json.dumps(message["event"]))
