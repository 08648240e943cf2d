"""How to speak to each system: what a member sends, and how its deliveries are counted in what comes back."""

import json
import re
import time
import uuid
from typing import Protocol

from django.conf import settings

from chat.access import tokens
from chat.protocol.fields import MemberId
from tests import servers

# A posted body starts with the moment of posting, in ns of the monotonic clock, which all processes here share.
POSTED_AT = re.compile(rb'"body": ?"t(\d+)\.')
LOG_AND_HEAD = re.compile(rb'"log":"([0-9a-f-]+)","head":(\d+)')  # In Chatty's welcome.
FILLER = "The tide is high at noon, says the harbour master, and so will be the wind."
BODY_CHARACTERS = 64  # About a line of a chat.


def body() -> str:
    """A message of BODY_CHARACTERS that tells when it was posted."""
    return f"t{time.monotonic_ns()}. {FILLER}"[:BODY_CHARACTERS]


class Dialect(Protocol):
    """What a member of one system says and hears. Everything is a text frame."""

    def url(self, base: str, room: str) -> str:
        """Where the room's socket is, under the server's `ws://host:port`."""

    def greeting(self) -> bytes | None:
        """What to say once the socket is open, before `join`, and then wait for an answer."""

    def join(self, room: str, name: str, member_id: MemberId, quiet: bool, resume: bytes, had: int) -> bytes:
        """`quiet`: don't tell the others, where the system can be asked for that.

        `resume` is the welcome that a returning member had, and `had` how many messages it has had since; only
        Chatty knows what to do with them.
        """

    def is_welcome(self, payload: bytes) -> bool:
        """Whether this answers `join`, with the roster and the newest messages."""

    def post(self, text: str) -> bytes: ...

    def deliveries(self, payload: bytes) -> int:
        """How many messages the frame delivers."""

    def answer(self, payload: bytes) -> bytes | None:
        """What must be sent back, such as the answer to a ping in the system's own protocol."""

    def is_refusal(self, payload: bytes) -> bool: ...


class ChattyDialect:
    """docs/protocol.md. Identities are signed here with the server's key: that page's cost is nobody's business."""

    def __init__(self) -> None:
        if not settings.configured:
            settings.configure(SECRET_KEY=servers.SECRET_KEY)

    def url(self, base: str, room: str) -> str:
        return f"{base}/ws/chatty/{room}"

    def greeting(self) -> bytes | None:
        return None

    def join(self, room: str, name: str, member_id: MemberId, quiet: bool, resume: bytes, had: int) -> bytes:
        command: dict[str, object] = {"type": "join", "token": tokens.issue(member_id), "name": name, "v": 1}
        if (found := LOG_AND_HEAD.search(resume)) is not None:
            command["since"] = {"log": found[1].decode(), "version": int(found[2]) + had}
        return _json(command)

    def is_welcome(self, payload: bytes) -> bool:
        return payload.startswith(b'[{"type":"welcome"')

    def post(self, text: str) -> bytes:
        return b'{"type":"post","nonce":"%s","body":"%s"}' % (str(uuid.uuid4()).encode(), text.encode())

    def deliveries(self, payload: bytes) -> int:
        return payload.count(b'{"type":"message"')  # Quotes in a body are escaped: nothing else reads like this.

    def answer(self, payload: bytes) -> bytes | None:
        return None

    def is_refusal(self, payload: bytes) -> bool:
        return b'{"type":"refused"' in payload


class TutorialDialect:
    """bench/peers/tutorial."""

    def url(self, base: str, room: str) -> str:
        return f"{base}/ws/chat/{room}/"

    def greeting(self) -> bytes | None:
        return None

    def join(self, room: str, name: str, member_id: MemberId, quiet: bool, resume: bytes, had: int) -> bytes:
        return _json({"type": "join", "name": name, "quiet": quiet})

    def is_welcome(self, payload: bytes) -> bool:
        return payload.startswith(b'{"type": "welcome"')

    def post(self, text: str) -> bytes:
        return b'{"type":"post","body":"%s"}' % text.encode()

    def deliveries(self, payload: bytes) -> int:
        return payload.startswith(b'{"type": "message"')

    def answer(self, payload: bytes) -> bytes | None:
        return None

    def is_refusal(self, payload: bytes) -> bool:
        return payload.startswith(b'{"type": "refused"')


class SocketIODialect:
    """Engine.IO 4 and Socket.IO 5 over WebSocket: a digit each for the packet's type, an ack's number, JSON."""

    def url(self, base: str, room: str) -> str:
        return f"{base}/socket.io/?EIO=4&transport=websocket"

    def greeting(self) -> bytes | None:
        return b"40"  # Connect to the main namespace.

    def join(self, room: str, name: str, member_id: MemberId, quiet: bool, resume: bytes, had: int) -> bytes:
        return b"420" + _json(["join", {"room": room, "name": name, "quiet": quiet}])

    def is_welcome(self, payload: bytes) -> bool:
        return payload.startswith(b"430[")

    def post(self, text: str) -> bytes:
        return b'42["post",{"body":"%s"}]' % text.encode()

    def deliveries(self, payload: bytes) -> int:
        return payload.startswith(b'42["message"')

    def answer(self, payload: bytes) -> bytes | None:
        return b"3" if payload == b"2" else None  # Ping, pong.

    def is_refusal(self, payload: bytes) -> bool:
        return payload.startswith(b"44")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
