"""Strangers' attacks on a server, most over sockets. Each is one stranger who knows the correct answer."""

import asyncio
import random
import uuid
from contextlib import AsyncExitStack
from itertools import cycle

from chat.access import tokens
from chat.protocol.constants import FRAME_LIMIT_BYTES
from tests.faults import hostile_requests
from tests.faults.attacks import Attacks, Wrong
from tests.faults.hostile_commands import Tongue, text_of
from tests.faults.hostile_requests import Attempt
from tests.faults.wire import Opcode, Wire, fragments, frame, handshake
from tests.servers import ChattyServer, DevelopmentServer

PATH = "/ws/chatty/"
PROTOCOL_ERROR, BAD_DATA, TOO_BIG, TOO_SLOW, FLOODING = 1002, 1007, 1009, 1013, 4008
NO_ANSWER_SECONDS = 0.3  # To wait for an answer that needn't come.


class Strangers(Attacks):
    """Attacks on `server`, on rooms of their own and on `room`, where others are."""

    def __init__(self, server: ChattyServer, room: str) -> None:
        super().__init__()
        self._port = server.port
        self._room = room
        # Daphne drops whom it doesn't understand, without a word. In development, static files are Django's own view,
        # which raises for a path outside of its folder.
        self._is_curt = isinstance(server, DevelopmentServer)
        attempts = list(hostile_requests.attempts())
        self._requests = cycle([one for one in attempts if not self._is_curt or b"/static/" not in one.wire])
        self._paths = [path for path in hostile_requests.ENDPOINTS if not self._is_curt or "/static/" not in path]
        self.kinds = {
            self.commands: 30,
            self.commands_before_join: 15,
            self.commands_in_fragments: 5,
            self.broken_frame: 25,
            self.broken_close: 10,
            self.too_big: 3,
            self.rubbish: 10,
            self.rubbish_with_the_handshake: 10,
            self.tiny_fragments: 1,
            self.half_a_frame: 6,
            self.pings: 1,
            self.hurry: 6,
            self.request: 60,
            self.mangled_request: 20,
        }

    # --- what many of them do ---

    async def _open(self, chance: random.Random) -> Wire:
        wire = await Wire.connect(self._port)
        room = self._room if chance.random() < 0.7 else f"room-{chance.randrange(20)}"
        try:
            is_open = await wire.open(PATH + room)
        except TimeoutError:
            is_open = False
        if not is_open:
            wire.reset()
            raise Wrong("a right handshake was not accepted")
        return wire

    async def _join(self, wire: Wire) -> None:
        await self._send(wire, _text(_join_command()))
        await self._must_hear(wire, b'"type":"welcome"', "a right join")

    async def _send(self, wire: Wire, *frames: bytes) -> None:
        self.tally.frames += len(frames)
        await wire.send(*frames)

    async def _must_live(self, wire: Wire, what: object) -> None:
        """Asks something, which must be answered: so all that came before it was, too."""
        nonce = str(uuid.uuid4())
        await self._send(wire, _text(text_of({"type": '"dance"', "nonce": f'"{nonce}"'})))
        await self._must_hear(wire, nonce.encode(), what)

    async def _must_hear(self, wire: Wire, words: bytes, what: object) -> None:
        try:
            heard = await wire.heard(words)
        except TimeoutError:
            raise Wrong(f"no answer after {what!r:.300}") from None
        if heard is None and wire.close_code == TOO_SLOW:  # Long answers, to one who was kept from reading them.
            self._closed(wire)
        elif heard is None:
            raise Wrong(f"the connection was closed with {wire.close_code} after {what!r:.300}")

    async def _must_end(self, wire: Wire, codes: set[int | None], what: object) -> None:
        try:
            await wire.over()
        except TimeoutError:
            raise Wrong(f"the connection was not closed after {what!r:.300}") from None
        self._closed(wire)
        if wire.close_code not in codes and not (self._is_curt and wire.close_code is None):
            raise Wrong(f"closed with {wire.close_code}, expected one of {codes}, after {what!r:.300}")

    def _closed(self, wire: Wire) -> None:
        self.tally.closes[wire.close_code] += 1

    def _count_refusals(self, wire: Wire) -> None:
        for text in wire.texts:
            for part in text.split(b'"type":"refused","code":"')[1:]:
                self.tally.refusals[part[: part.index(b'"')].decode()] += 1

    # --- messages ---

    async def commands(self, chance: random.Random) -> None:
        """A member says one thing after the other that is no command; its connection stays."""
        tongue, said = Tongue(chance), []
        async with await self._open(chance) as wire:
            await self._join(wire)
            for _ in range(chance.randint(10, 100)):
                text = tongue.next()
                said.append(text[:60])
                await self._send(wire, frame(Opcode.TEXT if chance.random() < 0.95 else Opcode.BINARY, text))
            await self._must_live(wire, said)
            self._count_refusals(wire)

    async def commands_before_join(self, chance: random.Random) -> None:
        """Somebody who hasn't joined says such things, some of them with a token that holds."""
        tongue = Tongue(chance)
        async with await self._open(chance) as wire:
            texts = [tongue.next() for _ in range(chance.randint(1, 8))]
            if chance.random() < 0.7:
                texts = [text.replace(b'"t"', f'"{tokens.issue(tokens.new_member_id())}"'.encode()) for text in texts]
            await self._send(wire, *(frame(Opcode.TEXT, text) for text in texts))
            try:
                await self._must_live(wire, texts)
            except Wrong:
                await self._must_end(wire, {4400, 4401, 1000, TOO_BIG, None}, texts)
            self._count_refusals(wire)

    async def commands_in_fragments(self, chance: random.Random) -> None:
        """The same in frames of any size, with pings between them."""
        tongue = Tongue(chance)
        async with await self._open(chance) as wire:
            await self._join(wire)
            pings = 0
            for _ in range(chance.randint(1, 8)):  # Fewer frames than are a flood.
                text = tongue.next()[:5_000]
                text = text.decode(errors="ignore").encode()
                for part in fragments(text, [chance.randrange(400) for _ in range(chance.randrange(12))]):
                    await self._send(wire, part)
                    if chance.random() < 0.3:
                        pings += 1
                        await self._send(wire, frame(Opcode.PING, chance.randbytes(chance.randrange(126))))
            await self._must_live(wire, "fragments")
            if wire.pongs != pings:
                raise Wrong(f"{pings} pings between fragments had {wire.pongs} pongs")

    async def tiny_fragments(self, chance: random.Random) -> None:
        """A command in frames of one byte, then of none: more than bin/serve takes, and Daphne puts them together."""
        nonce = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        text = text_of({"type": '"dance"', "nonce": f'"{nonce}"', "x": f'"{"x" * 300}"'}).encode()
        parts = fragments(text, [*[1] * (len(text) - 1), *[0] * 700])
        async with await self._open(chance) as wire:
            await self._join(wire)
            await self._send(wire, *parts)
            if self._is_curt:
                await self._must_hear(wire, nonce.encode(), "a command in tiny fragments")
            else:
                await self._must_end(wire, {FLOODING, None}, "a command in tiny fragments")

    # --- frames ---

    async def broken_frame(self, chance: random.Random) -> None:
        """One frame, or two, against the rules; sometimes behind others that keep them."""
        text = Tongue(chance).valid().encode()
        control = chance.choice((Opcode.PING, Opcode.PONG, Opcode.CLOSE))
        broken: dict[str, tuple[bytes, set[int | None]]] = {
            "unknown opcode": (frame(chance.choice((3, 4, 5, 6, 7, 11, 12, 13, 14, 15)), text[:100]), {PROTOCOL_ERROR}),
            "reserved bits": (frame(Opcode.TEXT, text, reserved=chance.randint(1, 7)), {PROTOCOL_ERROR}),
            "unmasked": (frame(Opcode.TEXT, text, is_masked=False), {PROTOCOL_ERROR}),
            "control in fragments": (frame(control, b"abc", is_final=False), {PROTOCOL_ERROR}),
            "control too long": (frame(control, bytes(chance.randint(126, 60_000))), {PROTOCOL_ERROR, None}),
            "continues nothing": (frame(Opcode.CONTINUATION, text, is_final=chance.random() < 0.5), {PROTOCOL_ERROR}),
            "begins twice": (frame(Opcode.TEXT, b"{", is_final=False) + frame(Opcode.TEXT, b"}"), {PROTOCOL_ERROR}),
            "closes within": (
                frame(Opcode.TEXT, b"{", is_final=False) + frame(Opcode.CLOSE),
                {PROTOCOL_ERROR, 1005, 1000, None},
            ),
            "length of 64 bits": (frame(Opcode.TEXT, text, length=2**64 - 1), {PROTOCOL_ERROR, TOO_BIG, None}),
            "length of 40 bits": (frame(Opcode.TEXT, text, length=2**40), {TOO_BIG, None}),
            "not UTF-8": (frame(Opcode.TEXT, _not_utf8(chance)), {BAD_DATA}),
            "not UTF-8 in fragments": (b"".join(fragments(_not_utf8(chance), [1, 2, 0])), {BAD_DATA}),
            "not UTF-8, then close": (
                frame(Opcode.TEXT, _not_utf8(chance)) + frame(Opcode.CLOSE),
                {BAD_DATA, 1005, 0, None},
            ),
        }
        name = chance.choice(list(broken))
        wire_bytes, codes = broken[name]
        async with await self._open(chance) as wire:
            if chance.random() < 0.7:
                await self._join(wire)
            before = b"".join(_text(Tongue(chance).valid()) for _ in range(chance.choice((0, 0, 0, 1, 20))))
            await self._send(wire, before + wire_bytes)
            # Commands that came with it may have ended the connection first.
            await self._must_end(wire, codes | ({4400, 4401, 1000, None} if before else set()), name)

    async def broken_close(self, chance: random.Random) -> None:
        """A close frame with a code or a reason that can't be, and more behind it."""
        code = chance.choice(
            (0, 1, 999, 1000, 1001, 1004, 1005, 1006, 1012, 1015, 1016, 2999, 3000, 4999, 5000, 65_535)
        )
        reason = chance.choice((b"", b"bye", b"\xff\xfe", b"\xed\xa0\x80", b"x" * 123, "\U0001f600".encode() * 30))
        payload = chance.choice((code.to_bytes(2, "big") + reason, b"", b"\x03"))
        async with await self._open(chance) as wire:
            if chance.random() < 0.7:
                await self._join(wire)
            await self._send(wire, frame(Opcode.CLOSE, payload))
            if chance.random() < 0.5:
                await self._send(
                    wire, _text(Tongue(chance).valid()), frame(Opcode.CLOSE, payload), chance.randbytes(50)
                )
            # An answer with the same code, or none, or one that says what was wrong; an RST may overtake it.
            await self._must_end(wire, {None, 0, code, PROTOCOL_ERROR, BAD_DATA, 1000}, payload)

    async def too_big(self, chance: random.Random) -> None:
        """A message over the limit, in one frame or in many."""
        size = FRAME_LIMIT_BYTES + chance.choice((1, 2, 1_000, 70_000))
        parts = fragments(b" " * size, [chance.randint(1_000, 30_000) for _ in range(chance.choice((0, 5, 50)))])
        async with await self._open(chance) as wire:
            await self._join(wire)
            await self._send(wire, *parts)
            # What the server hasn't read makes its kernel send an RST, which may overtake the close frame.
            await self._must_end(wire, {TOO_BIG, 1000, None}, f"{size} bytes in {len(parts)} frames")

    async def rubbish(self, chance: random.Random) -> None:
        """Bytes by chance, or a right stream with some of them changed."""
        stream = bytearray(b"".join(_text(Tongue(chance).valid()) for _ in range(5)))
        for _ in range(chance.randint(1, 10)):
            stream[chance.randrange(len(stream))] ^= 1 << chance.randrange(8)
        async with await self._open(chance) as wire:
            if chance.random() < 0.7:
                await self._join(wire)
            await self._send(
                wire, bytes(stream) if chance.random() < 0.5 else chance.randbytes(chance.randrange(3_000))
            )
            await self._may_end(wire)

    async def _may_end(self, wire: Wire) -> None:
        try:
            async with asyncio.timeout(NO_ANSWER_SECONDS):
                await wire.over()
        except TimeoutError:
            wire.reset()
        else:
            self._closed(wire)

    async def rubbish_with_the_handshake(self, chance: random.Random) -> None:
        """Frames, right ones or not, with the handshake, or before it can have been answered."""
        await_turns = chance.choice((None, 0, 0, 1, 2, 3))
        head = handshake(PATH + self._room)
        rest = chance.choice(
            (
                frame(Opcode.CLOSE),
                frame(Opcode.PING, b"x"),
                frame(Opcode.TEXT, b"{}", is_masked=False),
                frame(Opcode.TEXT, b"\xff"),
                frame(7),
                _text(_join_command()),
                _text(_join_command()) * 20,
                chance.randbytes(100),
            )
        )
        async with await Wire.connect(self._port) as wire:
            if await_turns is None:
                await self._send(wire, head + rest)
            else:
                await self._send(wire, head)
                for _ in range(await_turns):
                    await asyncio.sleep(0.0003)
                await self._send(wire, rest)
            wire.listen_after_status()
            await self._may_end(wire)

    async def half_a_frame(self, chance: random.Random) -> None:
        """The beginning of a frame, and then silence, an end or a reset."""
        whole = _text(_join_command())
        async with await self._open(chance) as wire:
            if chance.random() < 0.7:
                await self._join(wire)
            await self._send(wire, whole[: chance.randrange(1, len(whole))])
            match chance.randrange(16):
                case 0:  # The server must give up by itself.
                    wire.answers_pings = False
                    await self._must_end(wire, {1013, 1000, 1002, 4001, 1006, 1011, None}, "half a frame")
                case 1 | 2 | 3 | 4 | 5:
                    await asyncio.sleep(chance.uniform(0, 0.2))
                    wire.reset()
                case 6 | 7:
                    for byte in whole[:30]:
                        await self._send(wire, bytes([byte]))
                        await asyncio.sleep(0.001)
                case _:
                    pass  # Closed by leaving.

    async def pings(self, chance: random.Random) -> None:
        """Pings, thousands of them, of which no answer is read."""
        async with await Wire.connect(self._port) as wire:
            await wire.send(handshake(PATH + self._room))
            await wire.status()
            wire.pause()
            for _ in range(20):
                await self._send(wire, *[frame(Opcode.PING, bytes(125))] * 20)
            await asyncio.sleep(chance.uniform(0, 1))
            wire.reset()

    async def hurry(self, chance: random.Random) -> None:
        """Many connections at once, all reset at some moment of their beginning."""
        whole = handshake(PATH + self._room) + _text(_join_command()) + _text(Tongue(chance).valid()) * 3
        async with AsyncExitStack() as stack:
            wires = [await stack.enter_async_context(await Wire.connect(self._port)) for _ in range(10)]
            for wire in wires:
                await self._send(wire, whole[: chance.randrange(len(whole) + 1)])
            await asyncio.sleep(chance.uniform(0, 0.03))
            for wire in wires:
                wire.reset()

    # --- requests ---

    async def request(self, chance: random.Random) -> None:
        for _ in range(5):
            await self._attempt(next(self._requests))

    async def mangled_request(self, chance: random.Random) -> None:
        await self._attempt(hostile_requests.mangled(chance, self._paths))

    async def _attempt(self, attempt: Attempt) -> None:
        self.tally.requests += 1
        status: int | None = None
        async with await Wire.connect(self._port) as wire:
            sending = asyncio.create_task(wire.send(attempt.wire))  # An answer may come, and a close, before its end.
            try:
                async with asyncio.timeout(NO_ANSWER_SECONDS if attempt.may_be_silent else None):
                    status = await wire.status()
            except TimeoutError:
                if not attempt.may_be_silent:
                    raise Wrong(f"no answer to {attempt.name}") from None
            finally:
                sending.cancel()
        self.tally.statuses[status] += 1
        is_right = attempt.is_right(status) or (
            self._is_curt and (status is None or b"Upgrade: websocket" in attempt.wire)
        )
        if not is_right:
            raise Wrong(
                f"{attempt.name} was answered {status}, expected {attempt.right.start}-{attempt.right.stop - 1}"
            )


def _text(text: str) -> bytes:
    return frame(Opcode.TEXT, text.encode())


def _join_command() -> str:
    token = tokens.issue(tokens.new_member_id())
    return text_of({"type": '"join"', "token": f'"{token}"', "name": '"Mallory"', "v": "1"})


def _not_utf8(chance: random.Random) -> bytes:
    wrong = chance.choice((b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82", b"\x80"))
    return b'{"type":"post","body":"' + wrong + b'"}'
