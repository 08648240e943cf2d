"""A WebSocket client written by hand over a bare TCP socket, so that it can break every rule of RFC 6455."""

import asyncio
import base64
import contextlib
import os
import random
import socket
import struct
from collections.abc import Callable
from enum import IntEnum
from typing import Self, TypeVar

ANSWER_SECONDS = 20  # For any answer at all; the server's own deadlines are shorter.


T = TypeVar("T")


class Opcode(IntEnum):
    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    is_final: bool = True,
    reserved: int = 0,
    is_masked: bool = True,
    length: int | None = None,
    length_bytes: int | None = None,
) -> bytes:
    """One frame, right unless told otherwise: `length` claims another size, `length_bytes` spends 0, 2 or 8 on it."""
    size = len(payload) if length is None else length
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 2**16 else 8
    mask_bit = 0x80 if is_masked else 0
    first = (0x80 if is_final else 0) | reserved << 4 | opcode
    short = {0: size & 0x7F, 2: 126, 8: 127}[length_bytes]
    head = struct.pack("!BB", first, mask_bit | short) + size.to_bytes(8, "big")[8 - length_bytes :]
    if not is_masked:
        return head + payload
    mask = os.urandom(4)
    repeated = (mask * (len(payload) // 4 + 1))[: len(payload)]
    masked = int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")
    return head + mask + masked.to_bytes(len(payload), "big")


def fragments(payload: bytes, sizes: list[int], opcode: int = Opcode.TEXT) -> list[bytes]:
    """`payload` in frames of these sizes, and a last one with the rest."""
    parts, start = [], 0
    for size in sizes:
        parts.append(payload[start : start + size])
        start += size
    parts.append(payload[start:])
    last = len(parts) - 1
    return [
        frame(opcode if number == 0 else Opcode.CONTINUATION, part, is_final=number == last)
        for number, part in enumerate(parts)
    ]


def handshake(path: str, *headers: str) -> bytes:
    """A right opening handshake, with further headers."""
    key = base64.b64encode(random.randbytes(16)).decode()
    lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers, "", ""]
    return "\r\n".join(lines).encode()


class Wire:
    """A TCP connection. What comes after an accepted handshake is read all the time, and kept as `texts`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.texts: list[bytes] = []
        self.pongs = 0
        self.close_code: int | None = None
        self.is_over = False  # The server has ended the connection, or has said that it is about to.
        self.answers_pings = True
        self._reader = reader
        self._writer = writer
        self._reading: asyncio.Task[None] | None = None
        self._came = asyncio.Event()

    @classmethod
    async def connect(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def open(self, path: str) -> bool:
        """Shakes hands; whether the server did so too."""
        await self.send(handshake(path))
        status = await self.status()
        if status != 101:
            return False
        self.listen()
        return True

    def listen(self) -> None:
        """Reads frames from now on."""
        self._reading = asyncio.create_task(self._read())

    def listen_after_status(self) -> None:
        """Reads the answer to the handshake, and frames if there is one."""
        self._reading = asyncio.create_task(self._read_all())

    async def _read_all(self) -> None:
        if await self.status() == 101:
            await self._read()
        self._end()

    def pause(self) -> None:
        """Reads nothing more; what the kernel does for it is little."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def status(self) -> int | None:
        """The status of the answer to a request, its headers read; None where the server closes without one."""
        async with asyncio.timeout(ANSWER_SECONDS):
            try:
                while (head := await self._reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 "):
                    pass
            except (asyncio.IncompleteReadError, OSError):
                return None
        line = head.split(b"\r\n", 1)[0].split(b" ")
        return int(line[1]) if len(line) > 1 and line[0].startswith(b"HTTP/1.") else None

    async def send(self, *wires: bytes) -> None:
        """Writes; a server that has closed already is no error."""
        with contextlib.suppress(OSError):
            self._writer.writelines(wires)
            await self._writer.drain()

    async def _read(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                first, second = await self._reader.readexactly(2)
                size = second & 0x7F
                if size > 125:
                    size = int.from_bytes(await self._reader.readexactly(2 if size == 126 else 8), "big")
                payload = await self._reader.readexactly(size)
                match first & 0x0F:
                    case Opcode.TEXT:
                        self.texts.append(payload)
                    case Opcode.PING:
                        if self.answers_pings:
                            self._writer.write(frame(Opcode.PONG, payload))
                    case Opcode.PONG:
                        self.pongs += 1
                    case Opcode.CLOSE:
                        self.close_code = int.from_bytes(payload[:2], "big")
                        break
                self._came.set()
        self._end()

    def _end(self) -> None:
        self.is_over = True
        self._came.set()

    async def heard(self, words: bytes) -> bytes | None:
        """The first text frame with `words` in it; None where the connection ends without it."""
        return await self._until(lambda: next((text for text in self.texts if words in text), None))

    async def over(self) -> None:
        """Returns when the server has ended the connection."""
        await self._until(lambda: self.is_over or None)

    async def _until(self, look: Callable[[], T | None]) -> T | None:
        async with asyncio.timeout(ANSWER_SECONDS):
            while (found := look()) is None and not self.is_over:
                self._came.clear()
                await self._came.wait()
        return found

    @property
    def was_cut_off(self) -> bool:
        """Whether the server has ended a connection that nobody listens on."""
        return self._reader.at_eof() or self._reader.exception() is not None

    def reset(self) -> None:
        """Ends the connection with a RST."""
        raw = self._writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.transport.abort()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
