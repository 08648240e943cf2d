"""The order of commands on the event loop: networks take turns (networks of `client_address.client_network`).

Without turns, 200 connections of a network that send at the same moment are all served before the next connection.
"""

import asyncio
from collections import Counter, deque
from weakref import WeakKeyDictionary

COMMANDS_OF_NETWORK = 4  # In one iteration of the event loop. Most take 0.1 to 0.3 ms of it.


class CommandTurns:
    """Lets a few commands of each network begin in each iteration of the event loop. The others wait, in order.

    A command that waits keeps its connection from being read, so a client has one.
    """

    def __init__(self) -> None:
        self._begun: Counter[str] = Counter()  # In this iteration.
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._next: asyncio.Handle | None = None

    async def take(self, network: str) -> None:
        """Returns when a command of this network may begin."""
        loop = asyncio.get_running_loop()
        if self._next is None:
            self._next = loop.call_soon(self._begin_iteration)
        waiting = self._waiting.get(network)
        if waiting is None and self._begun[network] < COMMANDS_OF_NETWORK:
            self._begun[network] += 1
            return
        if waiting is None:
            waiting = self._waiting[network] = deque()
        future: asyncio.Future[None] = loop.create_future()
        waiting.append(future)
        await future

    def _begin_iteration(self) -> None:
        self._begun.clear()
        for network, waiting in list(self._waiting.items()):
            places = COMMANDS_OF_NETWORK
            while waiting and places:
                future = waiting.popleft()
                if not future.done():  # Else its connection was closed.
                    future.set_result(None)
                    places -= 1
            self._begun[network] = COMMANDS_OF_NETWORK  # Later ones don't pass these.
            if not waiting:
                del self._waiting[network]
        self._next = asyncio.get_running_loop().call_soon(self._begin_iteration) if self._begun else None


_by_loop: "WeakKeyDictionary[asyncio.AbstractEventLoop, CommandTurns]" = WeakKeyDictionary()


def current_turns() -> CommandTurns:
    """The running event loop's turns."""
    loop = asyncio.get_running_loop()
    if loop not in _by_loop:
        _by_loop[loop] = CommandTurns()
    return _by_loop[loop]
