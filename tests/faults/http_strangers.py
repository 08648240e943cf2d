"""Strangers' attacks over HTTP: on commands, streams and polls. Each is one stranger who knows the correct answer."""

import asyncio
import json
import random
import uuid
from collections.abc import AsyncIterator, Container, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_from_bytes

from chat.access import tokens
from chat.protocol.constants import COMMANDS_LIMIT
from chat.protocol.errors import RefusalCode
from chat.transports.http_requests import BODY_LIMIT_BYTES
from tests.faults.attacks import Attacks, Wrong
from tests.faults.hostile_commands import NONCE, Tongue
from tests.faults.hostile_requests import ODD_HEADERS, mangle, request
from tests.faults.http_members import Answer
from tests.faults.wire import Wire
from tests.servers import ChattyServer, DevelopmentServer

Event = dict[str, Any]

ANSWER_SECONDS = 40  # For any answer at all. A poll waits for 25 s, a body may take 10 s.
NO_ANSWER_SECONDS = 0.3  # To wait for an answer that needn't come.
CODES = {code.value for code in RefusalCode}
REFUSED = {400, 401, 403, 404, 409, 413}  # What a refusal may be answered with, without limits and with a database.
UNANSWERED = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError, TimeoutError)
LAST_VERSION = 2**53 - 1

# Fields of a query, and what may be said in them, most of it wrong.
FIELDS = {
    "name": (
        "",
        " ",
        "Mallory",
        "x" * 41,
        "\0",
        "\u202e",
        "\u200b",
        "\ud7ff\ufffe",
        "\U0001f600" * 40,
        "e" + "\u0301" * 50,
    ),
    "session": ("", "mine", "0", NONCE, NONCE.upper(), NONCE[:-1], NONCE.replace("-", ""), f"{{{NONCE}}}", "x" * 5_000),
    "since": (
        "",
        ":",
        "1",
        f"{NONCE}",
        f"{NONCE}:",
        f"{NONCE}:1",
        f"{NONCE}:-1",
        f"{NONCE}:1.5",
        f"{NONCE}:{2**53}",
        f"{NONCE}:{'9' * 5_000}",
        f"{NONCE}:{LAST_VERSION}",
        f":{NONCE}",
        "\0:\0",
        f"{NONCE}:1:1",
        f"{NONCE}:NaN",
    ),
    "seq": ("", "0", "1", "-1", "1e3", str(2**53), "9" * 5_000, "NaN", "null"),
    "nonce": ("", NONCE, "1", "\0", "null"),
    "changed": ("", "0", "-1", str(LAST_VERSION), "true"),
    "epoch": ("", "x", "x" * 300, "\0", "a.b.c"),
    "away": ("", "0", "1", "2", "true", "yes"),
    "alive": ("", "0", "1", "2", "60", "61", "-5", "1.5", "9" * 400, "inf"),
    "wait": ("", "0", "1", "26", "-1", "1.5", "9" * 400, "inf"),
    "poll": ("", "0", "1", "2", "true", "True", "perhaps"),
    "v": ("", "0", "1", "2", "-1", "9" * 400),
    "token": ("", "x"),
    "__proto__": ("",),
}


@dataclass
class Stranger:
    """A client with a token, a room and a session."""

    room: str
    chance: random.Random
    token: str = field(default_factory=lambda: tokens.issue(tokens.new_member_id()))

    def __post_init__(self) -> None:
        self.session = str(uuid.UUID(int=self.chance.getrandbits(128), version=4))

    def request(self, method: str, what: str, *headers: str, body: bytes = b"", **query: str) -> bytes:
        asked = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items())
        return self.request_of(method, f"{what}?{asked}", *headers, body=body)

    def request_of(self, method: str, target: str, *headers: str, body: bytes = b"") -> bytes:
        known = f"Authorization: Bearer {self.token}"
        return request(method, f"/chatty/{self.room}/{target}", known, *headers, body=body)

    def post(self, body: bytes, **query: str) -> bytes:
        return self.request("POST", "commands", body=body, **query)

    def poll(self, **query: str) -> bytes:
        return self._events({"poll": "1"} | query)

    def stream(self, **query: str) -> bytes:
        return self._events(query)

    def _events(self, query: dict[str, str]) -> bytes:
        return self.request("GET", "events", body=b"", **{"session": self.session, "name": "Mallory"} | query)


class HttpStrangers(Attacks):
    """Attacks on `server`, on rooms of their own and on `room`, where others are."""

    def __init__(self, server: ChattyServer, room: str) -> None:
        super().__init__()
        self._port = server.port
        self._room = room
        self._is_curt = isinstance(server, DevelopmentServer)  # Daphne drops whom it doesn't understand.
        self.kinds = {
            self.commands: 40,
            self.commands_of_a_stream: 15,
            self.commands_of_a_poll: 15,
            self.odd_query: 40,
            self.odd_header: 15,
            self.rubbish: 15,
            self.chunks: 8,
            self.half_a_body: 8,
            self.too_big: 3,
            self.polls_at_once: 5,
            self.given_up: 15,
            self.behind_a_stream: 10,
            self.unread_stream: 1,
            self.hurry: 4,
            self.pipelined: 8,
            self.mangled: 25,
        }

    # --- what many of them do ---

    def _stranger(self, chance: random.Random) -> Stranger:
        return Stranger(self._room if chance.random() < 0.7 else f"room-{chance.randrange(20)}", chance)

    @asynccontextmanager
    async def _exchange(self, wire: bytes, frames: int = 1) -> AsyncIterator[Answer]:
        """A connection of its own that has sent `wire`, and the answer that is to be read."""
        self.tally.requests += 1
        self.tally.frames += frames
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=2**22)
        answer = Answer(reader, writer)
        try:
            writer.write(wire)
            yield answer
        finally:
            answer.abort()

    async def _events(self, answer: Answer, right: Container[int], what: object) -> list[Event]:
        """The events of an answer, which must have one of the statuses; of a stream, those of its first frame."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await answer.read_head()
                is_stream = answer.status == 200 and answer.content_type == "text/event-stream"
                body = (await anext(answer.chunks())).partition(b"data: ")[2] if is_stream else await answer.body()
        except UNANSWERED as error:
            raise Wrong(f"no answer to {what!r:.300}: {error!r}") from None
        self.tally.statuses[answer.status] += 1
        if answer.status not in right:
            raise Wrong(f"{answer.status} {body!r:.200} answered {what!r:.300}")
        return self._right_events(answer.status, body, what)

    def _right_events(self, status: int, body: bytes, what: object) -> list[Event]:
        try:
            events: list[Event] = json.loads(body)
            kinds = [event["type"] for event in events]
            codes = [event["code"] for event in events if event["type"] == "refused"]
        except (ValueError, TypeError, KeyError):
            raise Wrong(f"{status} with {body!r:.200}, which is no array of events, answered {what!r:.300}") from None
        self.tally.refusals.update(codes)
        if not set(codes) <= CODES or (status != 200 and kinds not in (["refused"], ["bye"])):
            raise Wrong(f"{status} with {body!r:.200} answered {what!r:.300}")
        return events

    async def _ask(self, wire: bytes, right: Container[int], what: object, frames: int = 1) -> list[Event]:
        async with self._exchange(wire, frames) as answer:
            return await self._events(answer, right, what)

    async def _must_live(self, stranger: Stranger, what: object, **query: str) -> None:
        """Asks something, whose refusal must name it."""
        nonce = str(uuid.uuid4())
        body = json.dumps({"type": "dance", "nonce": nonce}).encode()
        (event,) = await self._ask(stranger.post(body, **query), {400}, ("a command after", what))
        if (event["code"], event.get("nonce")) != ("unknown_command", nonce):
            raise Wrong(f"{event} answered a command after {what!r:.300}")

    def _hostile(self, chance: random.Random) -> tuple[bytes, int]:
        """A body of commands that mostly are none, and how many."""
        tongue = Tongue(chance)
        count = chance.choice((1, 1, 2, 5, COMMANDS_LIMIT, COMMANDS_LIMIT + 1))
        texts = [tongue.next() if chance.random() < 0.5 else tongue.valid().encode() for _ in range(count)]
        if count > 1:  # One that isn't JSON would hide all others.
            texts = [text for text in texts if _is_json(text)]
        return (texts[0], 1) if count == 1 else (b"[" + b",".join(texts) + b"]", len(texts))

    # --- commands ---

    async def commands(self, chance: random.Random) -> None:
        """Requests of somebody who isn't in the room, with any commands."""
        stranger = self._stranger(chance)
        query = {"session": stranger.session} if chance.random() < 0.3 else {}
        for _ in range(chance.randint(1, 6)):
            body, count = self._hostile(chance)
            name = {"name": chance.choice(FIELDS["name"])} if chance.random() < 0.3 else {}
            await self._ask(stranger.post(body, **query, **name), REFUSED | {200}, body, count)
        await self._must_live(stranger, "commands", **query)

    async def commands_of_a_stream(self, chance: random.Random) -> None:
        """The same of a member by a stream, which goes on."""
        stranger = self._stranger(chance)
        async with self._exchange(stranger.stream()) as stream:
            (welcome, *_) = await self._events(stream, {200}, "a stream")
            if welcome["type"] != "welcome":
                raise Wrong(f"a stream began with {welcome}")
            for _ in range(chance.randint(1, 4)):
                body, count = self._hostile(chance)
                answering = asyncio.create_task(
                    self._ask(stranger.post(body, session=stranger.session), REFUSED | {200}, body, count)
                )
                await answering
            await self._must_live(stranger, "commands", session=stranger.session)
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await anext(stream.chunks())
            except (StopAsyncIteration, *UNANSWERED) as error:
                raise Wrong(f"the stream ended after commands: {error!r}") from None

    async def commands_of_a_poll(self, chance: random.Random) -> None:
        """The same of a member by polls, whose session goes on."""
        stranger = self._stranger(chance)
        (welcome, *_) = await self._ask(stranger.poll(), {200}, "a poll")
        if welcome["type"] != "welcome":
            raise Wrong(f"a first poll was answered with {welcome}")
        for _ in range(chance.randint(1, 4)):
            body, count = self._hostile(chance)
            await self._ask(stranger.post(body, session=stranger.session), REFUSED | {200}, body, count)
        await self._must_live(stranger, "commands", session=stranger.session)
        events = await self._ask(stranger.poll(wait="1"), {200}, "a second poll")
        if any(event["type"] == "welcome" for event in events):
            raise Wrong("a second poll was answered with a welcome")

    # --- queries and heads ---

    async def odd_query(self, chance: random.Random) -> None:
        """Fields of a query that are wrong, missing, doubled or unknown, or bytes that are none."""
        stranger = self._stranger(chance)
        what = chance.choice(("events", "events", "events", "commands"))
        names = chance.sample(list(FIELDS), chance.choice((1, 1, 2, 5)))
        parts = [f"{name}={quote(chance.choice(FIELDS[name]), safe='')}" for name in names]
        match chance.randrange(8):
            case 0:
                parts += chance.choice((parts, parts * 20, [f"a{number}=1" for number in range(50)]))
            case 1:
                parts.append(f"name={quote_from_bytes(chance.randbytes(20), safe='')}")
            case 2:
                parts.append(chance.choice(("=", "&&&", "%", "%zz", "name", "name=%f", "+=+", "?", "name[]=1", ";")))
        if what == "events" and chance.random() < 0.8:
            parts = ["poll=1", "wait=1", *parts]  # The first of two that say the same doesn't count.
        method, body = ("POST", self._hostile(chance)[0]) if what == "commands" else ("GET", b"")
        target = f"{what}?{'&'.join(parts)}"
        await self._ask(stranger.request_of(method, target, body=body), REFUSED | {200}, target)

    async def odd_header(self, chance: random.Random) -> None:
        """A poll, a stream or a command with a header that says nonsense, or with the token elsewhere."""
        stranger = self._stranger(chance)
        since = chance.choice(FIELDS["since"])
        header = chance.choice(
            (
                *ODD_HEADERS,
                f"Last-Event-ID: {since}",
                "Last-Event-ID: \xff",
                "Content-Type: application/xml",
                "Content-Encoding: gzip",
                "Accept: nothing",
                f"Authorization: Bearer {stranger.token}x",
                f"Authorization: Bearer {'.' * 5_000}",
                f"Cookie: sessionid={'x' * 32}",
            )
        )
        wire = chance.choice((stranger.poll(wait="1"), stranger.stream(), stranger.post(b'{"type":"dance"}')))
        if chance.random() < 0.3:  # Instead of the right one.
            wire = wire.replace(f"Authorization: Bearer {stranger.token}".encode(), b"X: y")
        await self._may_answer(
            wire.replace(b"\r\n\r\n", b"\r\n" + header.encode("latin-1", "replace") + b"\r\n\r\n", 1)
        )

    async def mangled(self, chance: random.Random) -> None:
        """A right request with some bytes changed, cut or doubled."""
        stranger = self._stranger(chance)
        post = stranger.post(Tongue(chance).valid().encode(), session=stranger.session)
        wire = chance.choice((post, stranger.poll(wait="1"), stranger.stream()))
        await self._may_answer(mangle(chance, wire) + b"\r\n\r\n")

    async def _may_answer(self, wire: bytes) -> None:
        """Sends it, and takes any answer but an error of the server's; it may be silent, and wait for more."""
        self.tally.requests += 1
        self.tally.frames += 1
        status: int | None = None
        async with await Wire.connect(self._port) as connection:
            sending = asyncio.create_task(connection.send(wire))
            try:
                async with asyncio.timeout(NO_ANSWER_SECONDS):
                    status = await connection.status()
            except TimeoutError:
                pass
            finally:
                sending.cancel()
        self.tally.statuses[status] += 1
        if status is not None and status >= 500 and status != 505:
            raise Wrong(f"{status} answered {wire!r:.300}")

    async def pipelined(self, chance: random.Random) -> None:
        """Requests that come at once, on one connection: each is answered, in order, but those behind a stream."""
        stranger = self._stranger(chance)
        numbers = range(chance.randint(2, 20))
        wires = [
            stranger.poll(wait="1", session=str(uuid.uuid4()))
            if chance.random() < 0.2
            else stranger.post(json.dumps({"type": "dance", "id": str(number)}).encode())
            for number in numbers
        ]
        async with self._exchange(b"".join(wires), len(wires)) as answer:
            for number, wire in zip(numbers, wires, strict=True):
                is_command = wire.startswith(b"POST")
                (event, *_) = await self._events(answer, {400} if is_command else {200}, f"request {number} at once")
                if is_command and event.get("re") != str(number):
                    raise Wrong(f"{event} answered request {number} of those at once")

    # --- bodies ---

    async def rubbish(self, chance: random.Random) -> None:
        """Bytes by chance, or commands with some of them changed."""
        stranger = self._stranger(chance)
        for _ in range(chance.randint(1, 5)):
            body = bytearray(self._hostile(chance)[0] or b"x")
            for _ in range(chance.randint(1, 10)):
                body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
            rubbish = bytes(body) if chance.random() < 0.7 else chance.randbytes(chance.randrange(3_000))
            await self._ask(stranger.post(rubbish), REFUSED | {200}, rubbish)
        await self._must_live(stranger, "rubbish")

    async def chunks(self, chance: random.Random) -> None:
        """A command in chunks, of a byte or a few each, or of which one is none."""
        stranger = self._stranger(chance)
        nonce = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        body = json.dumps({"type": "dance", "nonce": nonce, "x": "x" * chance.choice((0, 300, 3_000))}).encode()
        size = chance.choice((1, 1, 7, 100))
        parts = [body[start : start + size] for start in range(0, len(body), size)]
        chunks = [b"%x\r\n%s\r\n" % (len(part), part) for part in parts] + [b"0\r\n\r\n"]
        is_broken = chance.random() < 0.5
        if is_broken:
            broken = (b"zz\r\nabc\r\n", b"-1\r\n\r\n", b"5\r\nabc", b"\xff\r\n", b"1" * 40 + b"\r\nx\r\n", b"\r\n")
            chunks.insert(chance.randrange(len(chunks)), chance.choice(broken))
        head = stranger.request("POST", "commands", "Transfer-Encoding: chunked")
        if is_broken:
            await self._may_answer(head + b"".join(chunks))
            return
        (event,) = await self._ask(head + b"".join(chunks), {400}, "a command in chunks")
        if event.get("nonce") != nonce:
            raise Wrong(f"{event} answered a command in chunks")

    async def half_a_body(self, chance: random.Random) -> None:
        """The beginning of a body, and then silence, an end or a reset."""
        stranger = self._stranger(chance)
        body = b'[{"type":"history","before":9,"limit":100}]'
        wire = stranger.post(body)[: -chance.randrange(1, len(body))]
        async with AsyncExitStack() as stack:
            answer = await stack.enter_async_context(self._exchange(wire))
            match chance.randrange(12):
                case 0:  # The server must give up by itself.
                    await self._must_give_up(answer)
                case 1 | 2 | 3:
                    await asyncio.sleep(chance.uniform(0, 0.2))
                case _:
                    pass  # Cut off at once.

    async def _must_give_up(self, answer: Answer) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                await answer.read_head()
        except TimeoutError:
            raise Wrong("half a body was waited for without an end") from None
        except UNANSWERED:
            return  # Closed.
        self.tally.statuses[answer.status] += 1
        if answer.status != 408:
            raise Wrong(f"{answer.status} answered half a body")

    async def too_big(self, chance: random.Random) -> None:
        """A body over the limit, which says so or not."""
        stranger = self._stranger(chance)
        size = BODY_LIMIT_BYTES + chance.choice((1, 2, 70_000))
        if chance.random() < 0.5:
            wire = stranger.post(b" " * size)
        else:
            head = stranger.request("POST", "commands", "Transfer-Encoding: chunked")
            wire = head + b"%x\r\n%s\r\n0\r\n\r\n" % (size, b" " * size)
        async with self._exchange(wire) as answer:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await answer.read_head()
            except TimeoutError:
                raise Wrong("no answer to a body over the limit") from None
            except (
                UNANSWERED
            ):  # What the server hasn't read makes its kernel send an RST, which may overtake the answer.
                answer.status = 413
        self.tally.statuses[answer.status] += 1
        if answer.status != 413:
            raise Wrong(f"{answer.status} answered a body over the limit")

    # --- streams and polls ---

    async def polls_at_once(self, chance: random.Random) -> None:
        """Several polls of a session at once: each is answered."""
        stranger = self._stranger(chance)
        if chance.random() < 0.7:
            await self._ask(stranger.poll(), {200}, "a poll")
        polls = [self._ask(stranger.poll(wait="2"), {200}, "one of some polls") for _ in range(chance.randint(2, 6))]
        answered = await asyncio.gather(*polls, return_exceptions=True)
        if wrong := next((one for one in answered if isinstance(one, BaseException)), None):
            raise wrong

    async def given_up(self, chance: random.Random) -> None:
        """Streams and polls of one session or of several, all of them left at some moment of their beginning."""
        stranger = self._stranger(chance)
        async with AsyncExitStack() as stack:
            for _ in range(chance.randint(1, 8)):
                wire = chance.choice((stranger.poll(), stranger.stream(), stranger.poll(session=str(uuid.uuid4()))))
                await stack.enter_async_context(self._exchange(wire))
                await asyncio.sleep(chance.choice((0, 0, chance.uniform(0, 0.1))))

    async def behind_a_stream(self, chance: random.Random) -> None:
        """More on the connection of a stream that goes on, or of a poll that waits: a request or what is none."""
        stranger = self._stranger(chance)
        more = chance.choice(
            (
                stranger.stream(),
                stranger.post(Tongue(chance).valid().encode()) * 5,
                stranger.request("GET", "events", "X: " + "y" * 70_000),
                stranger.post(b" " * (BODY_LIMIT_BYTES + 200_000)),
                mangle(chance, stranger.stream()),
                stranger.stream()[: chance.randrange(100)],
                chance.randbytes(100),
            )
        )
        async with await Wire.connect(self._port) as wire:
            self.tally.requests += 2
            self.tally.frames += 2
            await wire.send(chance.choice((stranger.stream(), stranger.stream(), stranger.poll(wait="1"))))
            if chance.random() < 0.7:
                await wire.status()
            await wire.send(more)
            await asyncio.sleep(chance.uniform(0, 0.5))
            if chance.random() < 0.5:
                wire.reset()

    async def unread_stream(self, chance: random.Random) -> None:
        """A stream that isn't read, and commands with long answers of its member."""
        stranger = self._stranger(chance)
        pages = json.dumps([{"type": "history", "before": LAST_VERSION, "limit": 100}] * COMMANDS_LIMIT).encode()
        async with await Wire.connect(self._port) as wire:
            await wire.send(stranger.stream())
            await wire.status()
            wire.pause()
            await self._ask(stranger.post(pages, session=stranger.session), {200}, "pages", COMMANDS_LIMIT)
            await asyncio.sleep(chance.uniform(0, 1))
            wire.reset()

    async def hurry(self, chance: random.Random) -> None:
        """Many connections at once, all reset at some moment of their beginning."""
        wires: Sequence[bytes] = [
            chance.choice((stranger.stream(), stranger.poll(), stranger.post(self._hostile(chance)[0])))
            for stranger in [self._stranger(chance) for _ in range(10)]
        ]
        async with AsyncExitStack() as stack:
            connections = [await stack.enter_async_context(await Wire.connect(self._port)) for _ in wires]
            for connection, wire in zip(connections, wires, strict=True):
                self.tally.requests += 1
                await connection.send(wire[: chance.randrange(len(wire) + 1)])
            await asyncio.sleep(chance.uniform(0, 0.03))
            for connection in connections:
                connection.reset()


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
