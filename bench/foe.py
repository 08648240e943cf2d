"""The hostile address of `python -m bench.hostile`: one process that does everything at once, each at its limit.

It is told on stdin where and for how long, `http://host:port seconds`, and answers on stdout with one line of JSON:
what it sent, what was answered, what was refused.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import sys
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress

import uvloop
from django.conf import settings
from picows import WSError, WSFrame, WSTransport

from chat.access.tokens import new_member_id

from .dialects import ChattyDialect
from .member import Member

ADDRESS = "203.0.113.66"
SOCKETS = 200  # MAX_CONNECTIONS_PER_ADDRESS.
VISITORS = 20  # Of them, those that go from one new room to the next; the others stay.
ATTEMPTS_A_SECOND = 20  # To open a socket, after a burst of 400.
PAGES_AT_ONCE = 100
SIGN_INS_AT_ONCE = 20
WAIT_SECONDS = 10  # For one answer over HTTP, and for one join.

# A member's limits, POST_LIMIT and COMMAND_LIMIT: how many at once, and how many a second after that.
CHANGES = (20, 2)
COMMANDS = (100, 20)

ADDRESSES = " ".join(["w.de"] * 800)  # 3,999 characters, the most expensive to render: 800 links.
OTHER_ADDRESSES = " ".join(["v.de"] * 800)
LONG = "a " * 1_999  # Found by every query of `LETTERS`, and long to cut excerpts from.
LETTERS = " ".join("abcdefghijklmnopqrstuvwxyz0123456789äöüß")
EMOJI = ["👍", "🎉", "😄", "🚀", "❤️", "👀", "🔥", "✅"]

ROOMS = {"posts": 10, "reactions": 1, "questions": 5}  # That the members of each kind are spread over.
SHARES = {"posts": 4, "reactions": 9, "questions": 5}  # Of the members, where all of it is asked for.
# By discipline, the kind of its members.
BY_MEMBERS = {
    "posts": "posts",
    "edits": "posts",
    "renames": "posts",
    "reactions": "reactions",
    "searches": "questions",
    "history": "questions",
    "sync": "questions",
    "watch": "questions",
}
BY_ADDRESS = ("joins", "pages", "sessions", "sign-ins")
DISCIPLINES = (*BY_MEMBERS, *BY_ADDRESS)

ANSWERS = {kind: b'{"type":"%s"' % kind.encode() for kind in ("page", "found", "changes", "unread")}
_REFUSED = re.compile(rb'"type":"refused","code":"([a-z_]+)"')


Tally = defaultdict[str, float]  # Counts, and megabytes.


class Foe(Member):
    """A member that counts what becomes of what it asks for."""

    def __init__(self, room: str, tally: Tally) -> None:
        super().__init__(ChattyDialect(), room, "Eve", new_member_id(), ADDRESS)
        self.tally = tally
        self.answered = asyncio.Event()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        super().on_ws_frame(transport, frame)
        payload = frame.get_payload_as_bytes()
        self.tally["MB received"] += len(payload) / 1e6
        self.tally["messages received"] += payload.count(b'{"type":"message"')
        for kind, mark in ANSWERS.items():
            if count := payload.count(mark):
                self.tally[f"answered {kind}"] += count
                self.answered.set()
        for code in _REFUSED.findall(payload):
            self.tally[f"refused {code.decode()}"] += 1
            self.answered.set()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        super().on_ws_disconnected(transport)
        self.answered.set()

    def command(self, kind: str, **fields: object) -> None:
        if not self.gone.is_set():
            self.tally[f"sent {kind}"] += 1
            self.send(json.dumps({"type": kind, **fields}).encode())


class Crowd:
    """All members of the address at one server."""

    def __init__(self, url: str, disciplines: Sequence[str]) -> None:
        self.url = url
        self.host, _, self.port = url.removeprefix("http://").partition(":")
        self.base = url.replace("http://", "ws://")
        self.disciplines = disciplines
        self.tally: Tally = defaultdict(float)
        kinds = list(dict.fromkeys(BY_MEMBERS[each] for each in disciplines if each in BY_MEMBERS))
        whole = sum(SHARES[kind] for kind in kinds)
        self.members: dict[str, list[Foe]] = {
            kind: [
                Foe(f"foe-{kind}-{number % ROOMS[kind]}", self.tally)
                for number in range((SOCKETS - VISITORS) * SHARES[kind] // whole)
            ]
            for kind in kinds
        }

    @property
    def everybody(self) -> Iterator[Foe]:
        return itertools.chain.from_iterable(self.members.values())

    async def come(self) -> None:
        """Everybody joins; the rooms get what is searched, read and reacted to."""
        places = asyncio.Semaphore(20)

        async def join(member: Foe) -> None:
            async with places:
                await member.join(self.base)

        await asyncio.gather(*map(join, self.everybody))
        for kind, members in self.members.items():
            for member in members[:40]:
                for _ in range(1 if kind == "reactions" else 5):
                    member.command("post", nonce=str(uuid.uuid4()), body=LONG)
        await asyncio.sleep(3)
        self.tally.clear()

    async def attack(self, seconds: float) -> dict[str, int]:
        """All disciplines at once, for so long. Returns what became of it."""
        self.tally.clear()
        tasks = [asyncio.create_task(self._come_back())]
        for kind, members in self.members.items():
            work_of_members = {"posts": self._change, "reactions": self._react, "questions": self._ask}[kind]
            tasks += [asyncio.create_task(work_of_members(member, number)) for number, member in enumerate(members)]
        for name, at_once, work in (
            ("joins", VISITORS, self._visit),
            ("pages", PAGES_AT_ONCE, self._get("/chatty")),
            ("sessions", PAGES_AT_ONCE, self._get("/admin/")),
            ("sign-ins", SIGN_INS_AT_ONCE, self._sign_in),
        ):
            if name in self.disciplines:
                tasks += [asyncio.create_task(self._again_and_again(work)) for _ in range(at_once)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return {name: round(count) for name, count in sorted(self.tally.items())}

    # --- members ---

    async def _change(self, member: Foe, number: int) -> None:
        kinds = [each for each in ("posts", "edits", "renames") if each in self.disciplines]
        for count, kind in enumerate(itertools.islice(itertools.cycle(kinds), number % len(kinds), None)):
            match kind:
                case "posts":
                    member.command("post", nonce=str(uuid.uuid4()), body=ADDRESSES)
                case "edits":  # The first messages of a room are those of its first members.
                    seq = number // ROOMS["posts"] + 1
                    member.command("edit", seq=seq, body=(ADDRESSES, OTHER_ADDRESSES)[count % 2])
                case "renames":
                    member.command("rename", name=f"Eve {number} {count}")
            await _pace(count, 1 if kind == "renames" else 4, CHANGES)

    async def _react(self, member: Foe, number: int) -> None:
        for count in itertools.count():
            emoji = EMOJI[(count // 2) % len(EMOJI)]
            member.command("react", seq=1, emoji=emoji, on=count % 2 == 0)
            await _pace(count, 1, CHANGES)

    async def _ask(self, member: Foe, number: int) -> None:
        kinds = [each for each in ("searches", "history", "sync", "watch") if each in self.disciplines]
        for count, kind in enumerate(itertools.islice(itertools.cycle(kinds), number % len(kinds), None)):
            member.answered.clear()
            match kind:
                case "searches":
                    member.command("search", query=LETTERS, limit=50)
                case "history":
                    member.command("history", before=10**9, limit=100)
                case "sync":
                    member.command("sync", since=0)
                case "watch":
                    member.command("watch", rooms=[{"slug": f"ordinary-{each}", "seq": 0} for each in range(10)])
            await _pace(count, 10 if kind == "searches" else 5, COMMANDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_SECONDS):
                    await member.answered.wait()

    async def _come_back(self) -> None:
        """Those who were closed join again, as often as the address may."""
        while True:
            for member in self.everybody:
                if member.gone.is_set():
                    self.tally["members closed"] += 1
                    with suppress(OSError, TimeoutError, WSError):
                        async with asyncio.timeout(WAIT_SECONDS):
                            await member.join(self.base)
                    await asyncio.sleep(1 / ATTEMPTS_A_SECOND)
            await asyncio.sleep(0.5)

    # --- the address ---

    async def _again_and_again(self, work: "Work") -> None:
        while True:
            outcome = "failed"
            with suppress(OSError, TimeoutError, WSError, ValueError):
                async with asyncio.timeout(WAIT_SECONDS):
                    outcome = await work()
            self.tally[outcome] += 1

    async def _visit(self) -> str:
        """Joins a room that there isn't yet, and leaves it."""
        visitor = Foe(f"new-{uuid.uuid4().hex[:12]}", defaultdict(float))
        try:
            await visitor.join(self.base)
            return "joined new rooms"
        except (OSError, WSError):
            return "joins refused"
        finally:
            visitor.leave()
            await asyncio.sleep(VISITORS / ATTEMPTS_A_SECOND)

    def _get(self, path: str) -> "Work":
        async def get() -> str:
            return f"{path} {await self._request('GET', path, f'Cookie: sessionid={uuid.uuid4().hex}')}"

        return get

    async def _sign_in(self) -> str:
        token = uuid.uuid4().hex
        form = f"csrfmiddlewaretoken={token}&username=mo&password={token}&next=/admin/"
        head = f"Cookie: csrftoken={token}\r\nContent-Type: application/x-www-form-urlencoded"
        return f"sign-in {await self._request('POST', '/admin/login/', head, form)}"

    async def _request(self, method: str, path: str, head: str, body: str = "") -> int:
        """The status that a request is answered with; the answer is read to its end."""
        reader, writer = await asyncio.open_connection(self.host, int(self.port))
        try:
            lines = [
                f"{method} {path} HTTP/1.1",
                f"Host: {self.host}:{self.port}",
                f"X-Forwarded-For: {ADDRESS}",
                "Connection: close",
                f"Content-Length: {len(body)}",
                head,
            ]
            writer.write("\r\n".join([*lines, "", body]).encode())
            status = int((await reader.readline()).split()[1])
            while await reader.read(65_536):
                pass
            return status
        except IndexError:
            raise ConnectionResetError("no answer") from None
        finally:
            writer.close()


Work = Callable[[], Awaitable[str]]


async def _pace(count: int, cost: int, limit: tuple[int, float]) -> None:
    """Waits as long as the limit wants, once the burst is used up."""
    burst, per_second = limit
    if count >= burst // cost:
        await asyncio.sleep(cost / per_second)
    else:
        await asyncio.sleep(0)


async def main(urls: Sequence[str], disciplines: Sequence[str]) -> None:
    crowds = {url: Crowd(url, disciplines) for url in urls}
    for crowd in crowds.values():
        await crowd.come()
    _say("ready")
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        url, seconds = line.decode().split()
        _say(json.dumps(await crowds[url].attack(float(seconds))))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.foe", description=__doc__)
    parser.add_argument("urls", nargs="+")
    parser.add_argument("--only", default=",".join(DISCIPLINES))
    options = parser.parse_args()
    settings.configure(SECRET_KEY=os.environ["SECRET_KEY"])  # The servers': it signs its own identities.
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(options.urls, options.only.split(",")))
