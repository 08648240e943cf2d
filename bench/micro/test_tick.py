"""The tick: one event to 1,000 connections, without the kernel's share."""

import asyncio
from collections.abc import Callable
from typing import Any

from chat.rooms.broadcaster import Broadcaster
from chat.transports.connections import RawConnection

MEMBERS = 1000


class Socket:
    """Takes what a server's socket takes; its transport is itself."""

    is_restarting = False
    is_alive = True
    read_paused = False

    def __init__(self) -> None:
        self.transport: Any = self

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, wire: bytes) -> None:
        pass

    def close(self, code: int) -> None:
        raise AssertionError("nobody is slow here")


def test_an_event_for_1000_connections(benchmark: Callable[..., Any]) -> None:
    loop = asyncio.new_event_loop()

    async def open_broadcaster() -> Broadcaster:
        broadcaster = Broadcaster(lambda: b"")
        for _ in range(MEMBERS):
            broadcaster.admit(RawConnection(Socket(), unsent_limit=2**20, note=lambda _: None))
        return broadcaster

    broadcaster = loop.run_until_complete(open_broadcaster())

    async def tell() -> None:
        broadcaster.emit(b'{"type":"pulse"}')
        broadcaster._fan_out()

    benchmark(lambda: loop.run_until_complete(tell()))
    broadcaster.close()
    loop.close()
