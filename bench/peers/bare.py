"""A bare broadcast with picows: the floor that any chat in Python stands on, and a source for the generator's ceiling.

No rooms, no roster, no disk: whatever is posted goes to every connection, one frame a message, or gathered for
GATHER_MS milliseconds into one frame for all. It speaks just enough of Chatty's protocol for the same client.

    PORT=8000 GATHER_MS=0 python -m bench.peers.bare
"""

import asyncio
import os
from typing import Any

import uvloop
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_create_server

from chat.protocol.codec import decode_command, encode, frame
from chat.protocol.commands import Join, Post
from chat.protocol.events import Member, Message
from chat.protocol.fields import MemberId

WELCOME = b'[{"type":"welcome","head":0}]'
GATHER_SECONDS = float(os.environ.get("GATHER_MS", "0")) / 1000


class Hall:
    """Everybody, and what they are about to get."""

    def __init__(self) -> None:
        self.transports: set[WSTransport] = set()
        self._pending: list[bytes] = []
        self._seq = 0

    def say(self, post: Post) -> None:
        self._seq += 1
        author = Member(MemberId(str(post.nonce)), "member")
        self._pending.append(encode(Message(self._seq, self._seq, post.nonce, author, post.body, post.body, 0)))
        if not GATHER_SECONDS:
            self._flush()
        elif len(self._pending) == 1:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._flush)

    def _flush(self) -> None:
        payload, self._pending = frame(self._pending), []
        for transport in self.transports:
            transport.send(WSMsgType.TEXT, payload)


class Guest(WSListener):
    def __init__(self, hall: Hall) -> None:
        self._hall = hall

    def on_ws_frame(self, transport: WSTransport, ws_frame: WSFrame) -> None:
        if ws_frame.msg_type != WSMsgType.TEXT:
            return
        match decode_command(ws_frame.get_payload_as_utf8_text()):
            case Join():
                transport.send(WSMsgType.TEXT, WELCOME)
                self._hall.transports.add(transport)
            case Post() as post:
                self._hall.say(post)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self._hall.transports.discard(transport)


async def main() -> None:
    hall = Hall()

    def guest(_request: Any) -> Guest:
        return Guest(hall)

    server = await ws_create_server(guest, "127.0.0.1", int(os.environ["PORT"]), backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
