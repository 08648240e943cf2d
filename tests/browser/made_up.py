"""A simulated room of any size, without a server behind the page's socket: as fast as the page can handle it."""

import json
import re
from collections.abc import Sequence
from typing import Any

from playwright.sync_api import Page, WebSocketRoute

AUTHORS = [{"id": f"00000000-0000-4000-8000-00000000000{number}", "name": name} for number, name in enumerate("ABC")]
ME = {"id": "00000000-0000-4000-8000-00000000000f", "name": "Me"}
LOG = "00000000-0000-4000-8000-0000000000ff"
PER_FRAME = 500


class MadeUpRoom:
    """Make it before the page opens. `at`: the time of the first message, `pause`: to the next one, in milliseconds.

    `turns`: whose messages come one after the other, of AUTHORS, again and again.
    """

    def __init__(
        self,
        page: Page,
        head: int,
        at: int = 1_790_000_000_000,
        pause: int = 1_000,
        turns: Sequence[int] = (0, 1, 2),
    ) -> None:
        self.head = head
        self._turns = turns
        self.commands: list[dict[str, Any]] = []
        self._versions: dict[int, int] = {}  # By seq, of messages that were reacted to.
        self._reactors: dict[int, list[str]] = {}  # By seq.
        self._at, self._pause = at, pause
        self._socket: WebSocketRoute | None = None
        page.route_web_socket(re.compile("/ws/chatty/"), self._open)

    def message(self, seq: int) -> dict[str, Any]:
        body = f"number {seq}" + " and more words" * (seq % 5)
        reactions = {"reactions": {"👍": self._reactors[seq]}} if seq in self._reactors else {}
        return {
            "type": "message",
            "seq": seq,
            "version": self._versions.get(seq, seq),
            "nonce": f"00000000-0000-4000-8000-{seq:012}",
            "author": self._author(seq),
            "body": body,
            "html": f"<p>{body}</p>",
            "at": self._at + seq * self._pause,
            **reactions,
        }

    def _author(self, seq: int) -> dict[str, str]:
        return AUTHORS[self._turns[seq % len(self._turns)]]

    def say(self, count: int) -> None:
        """So many more messages."""
        first, self.head = self.head + 1, self.head + count
        for start in range(first, self.head + 1, PER_FRAME):
            self.send(*(self.message(seq) for seq in range(start, min(start + PER_FRAME, self.head + 1))))

    def reaction(self, seq: int) -> dict[str, Any]:
        """Somebody new reacts to a message: the event, which is for the caller to send."""
        after = self._change(seq)
        reactor = f"00000000-0000-4000-9000-{self.head:012}"
        self._reactors.setdefault(seq, []).append(reactor)
        told = {"type": "reacted", "seq": seq, "version": self.head, "after": after}
        return told | {"id": reactor, "emoji": "👍", "on": True}

    def edit(self, seq: int, body: str) -> dict[str, Any]:
        """A message is edited: the event, for the caller to send. Pages have it as it was."""
        self._change(seq)
        return self.message(seq) | {"body": body, "html": f"<p>{body}</p>", "edited_at": self._at}

    def _change(self, seq: int) -> int:
        """Gives a message the next version. The version that it had."""
        before, self.head = self._versions.get(seq, seq), self.head + 1
        self._versions[seq] = self.head
        return before

    def pulse(self) -> None:
        self.send({"type": "pulse", "head": self.head, "online": 4})

    def hang_up(self) -> None:
        assert self._socket
        self._socket.close(code=1011)

    def asked(self, way: str) -> list[dict[str, Any]]:
        return [command for command in self.commands if command["type"] == "history" and way in command]

    def _open(self, socket: WebSocketRoute) -> None:
        self._socket = socket
        socket.on_message(self._hear)

    def send(self, *events: dict[str, Any]) -> None:
        """A frame of these events."""
        assert self._socket
        self._socket.send(json.dumps(events))

    def _hear(self, frame: str | bytes) -> None:
        command = json.loads(frame)
        self.commands.append(command)
        if command["type"] == "join":
            self.send(self._welcome())
        elif command["type"] == "history":
            self.send(self._page(command))

    def _welcome(self) -> dict[str, Any]:
        return {
            "type": "welcome",
            "me": ME,
            "room": {"slug": "made-up", "title": "Made up"},
            "log": LOG,
            "head": self.head,
            "reset": True,
            "messages": [self.message(seq) for seq in range(max(1, self.head - 49), self.head + 1)],
            "more": self.head > 50,
            "members": [ME, *AUTHORS],
            "online": 4,
            "build": "",
            "pulse": 3_600,  # The connection is never given up.
            "limits": {"body": 4_000, "name": 40},
        }

    def _page(self, command: dict[str, Any]) -> dict[str, Any]:
        limit = command["limit"]
        authors = command.get("authors") or [author["id"] for author in AUTHORS]
        wanted = [seq for seq in range(1, self.head + 1) if self._author(seq)["id"] in authors]
        if "before" in command:
            first = sum(seq < command["before"] for seq in wanted)
            shown = wanted[max(0, first - limit) : first]
        elif "after" in command:
            first = sum(seq <= command["after"] for seq in wanted)
            shown = wanted[first : first + limit]
        else:
            first = sum(seq < command["around"] for seq in wanted)
            shown = wanted[max(0, first - limit // 2) : first + limit // 2]
        asked: dict[str, Any] = {
            name: command[name] for name in ("before", "after", "around", "authors") if name in command
        }
        return {
            "type": "page",
            "messages": [self.message(seq) for seq in shown],
            "more": bool(shown) and shown[0] > wanted[0],
            "newer": bool(shown) and shown[-1] < wanted[-1],
            "re": command["id"],
            **asked,
        }
