"""What a server offers a request beyond ASGI, where it can."""

import asyncio
from collections.abc import Callable
from typing import Protocol

HTTP_EXTENSION = "chatty.http"


class RawRequest(Protocol):
    """`scope["extensions"]["chatty.http"]`: the connection of a request."""

    transport: asyncio.Transport  # Takes whole chunks once the response has begun.
    when_stopping: Callable[[], None] | None  # Called when the process is told to stop.

    @property
    def is_open(self) -> bool:
        """Whether an answer can still be written."""

    def notice_silence(self) -> None:
        """From now on a client that is gone without a word is noticed within seconds."""

    def abort(self) -> None:
        """Ends the connection without sending what waits."""
