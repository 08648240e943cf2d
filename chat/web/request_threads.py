"""The threads of HTTP requests: a limited number of threads and database connections, with a limited queue.

Django makes a thread for each request, and with it a database connection if the request needs one. Here, requests for
/admin take turns on a few threads with one connection each. All other pages need no database, and share other threads
for the little that Django doesn't do on the event loop. The log has its own threads: /admin uses none of them, nor the
committer's connection.

If the queue is full, or a request has waited for too long, it is answered with 503 and a Retry-After. Such an answer
takes as much of the event loop as a page and its client may come back at once, so it is delayed.
"""

import asyncio
import itertools
import random
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import ThreadSensitiveContext
from django.conf import settings
from django.db import connections

from chat.access.client_address import client_address, client_network
from chat.log.turns import Asker
from chat.paths import is_admin, own_path
from chat.protocol.errors import Refusal
from chat.sessions.address_turns import current_turns
from chat.web.header_values import BARE_HEADERS

PAGE_THREADS = 2
PAGES_AT_ONCE = 2_000  # Requests under way. A page's scripts and styles are 120 of them.
PAGES_OF_NETWORK = 1_000
# Of those, the ones in work: each takes 1 ms of the event loop. With 100 a message waited 140 ms; with one at a time,
# others have their turn after each.
PAGES_OF_NETWORK_IN_WORK = 1
# CPU time that is charged to an address. A request at /admin looks up a session on a thread.
PAGE_SECONDS = 0.001
FILE_SECONDS = 0.000_3
ADMIN_SECONDS = 0.01
PROBES = ("/healthz", "/readyz")  # The second may wait for a database, which must not delay pages.
ADMIN_THREADS = 4
ADMIN_THREADS_OF_NETWORK = 2  # They compete with the event loop for the interpreter lock.
ADMIN_WAITING = 64
ADMIN_WAITING_OF_NETWORK = 16
ADMIN_WAIT_SECONDS = 10
RETRY_SECONDS = 2
REFUSED_SECONDS = (1, 3)  # A refusal is sent after a random time between these, so that many aren't sent together.
IDLE_SECONDS = 30  # A thread that was idle for this long closes its database connection.
CLOSE_SECONDS = 2  # The process must end soon.
LANE = "chatty.lane"  # The key of an /admin request's lane in its scope.

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class Busy(Exception):
    """The queue is full."""


class Thread:
    """One thread and its database connection. It calls `begin` first."""

    def __init__(self, name: str, begin: Callable[[], None] | None = None) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=name, initializer=begin)
        self._uses = 0

    def use(self) -> None:
        self._uses += 1

    def close_when_idle(self) -> None:
        asyncio.get_running_loop().call_later(IDLE_SECONDS, self._close_if_unused_since, self._uses)

    def _close_if_unused_since(self, uses: int) -> None:
        if uses == self._uses:
            self.executor.submit(connections.close_all)

    async def close(self) -> None:
        """Ends the thread and its connection. One that hangs in the database isn't waited for."""
        closing = asyncio.wrap_future(self.executor.submit(connections.close_all))
        await asyncio.wait((closing,), timeout=CLOSE_SECONDS)
        self.executor.shutdown(wait=False)


class Queue:
    """Requests that wait for one of a few threads. Networks take turns, so one with many waits behind its own.

    A network has at most `at_once` threads, and at most `limit_of_network` waiting requests.
    """

    def __init__(self, threads: list[Thread], limit: int, limit_of_network: int, at_once: int) -> None:
        self._free = threads
        self._limit = limit
        self._limit_of_network = limit_of_network
        self._at_once = at_once
        self._at_work: Counter[str] = Counter()
        self._waiting: OrderedDict[str, deque[asyncio.Future[Thread]]] = OrderedDict()
        self._count = 0

    async def take(self, network: str) -> Thread:
        """A thread for this caller only, until `give_back`.

        Raises:
            Busy: too many requests wait.
        """
        if self._free and self._may_have_one(network):  # Then those that wait are of networks that may not.
            self._at_work[network] += 1
            return self._free.pop()
        waiting = self._waiting.setdefault(network, deque())
        if self._count >= self._limit or len(waiting) >= self._limit_of_network:
            self._forget_if_empty(network)
            raise Busy
        future: asyncio.Future[Thread] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        self._count += 1
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled():
                self.give_back(network, future.result())
            elif future in waiting:
                waiting.remove(future)
                self._count -= 1
                self._forget_if_empty(network)
            raise

    def give_back(self, network: str, thread: Thread) -> None:
        """Gives the thread to the next request in turn."""
        self._free.append(thread)
        self._at_work[network] -= 1
        if not self._at_work[network]:
            del self._at_work[network]
        while self._free and (turn := next(filter(self._may_have_one, self._waiting), None)) is not None:
            waiting = self._waiting.pop(turn)
            future = waiting.popleft()
            self._count -= 1
            if waiting:
                self._waiting[turn] = waiting  # At the end, behind other networks.
            if not future.done():
                self._at_work[turn] += 1
                future.set_result(self._free.pop())

    def _may_have_one(self, network: str) -> bool:
        return self._at_work[network] < self._at_once

    def _forget_if_empty(self, network: str) -> None:
        if not self._waiting.get(network, True):
            del self._waiting[network]


class Lane:
    """A request's hold on a thread of /admin. After `release`, the next request gets the thread once it is idle."""

    def __init__(self, network: str, thread: Thread, queue: Queue) -> None:
        self.thread = thread
        self._network = network
        self._queue = queue
        self._is_released = False
        thread.use()

    def release(self) -> None:
        """Releases the thread, once. The request's later work runs between other requests' work."""
        if self._is_released:
            return
        self._is_released = True
        loop = asyncio.get_running_loop()
        done = self.thread.executor.submit(lambda: None)  # Runs after all submitted work, which may be abandoned.
        done.add_done_callback(lambda _: loop.call_soon_threadsafe(self._give_back))

    def _give_back(self) -> None:
        self.thread.close_when_idle()
        self._queue.give_back(self._network, self.thread)


class WebThreads:
    """Wraps Django's ASGI application, and limits the threads of its requests."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._page_threads = [Thread("page") for _ in range(PAGE_THREADS)]
        self._next_page_thread = itertools.cycle(self._page_threads)
        self._pages: Counter[str] = Counter()  # Requests under way, by network.
        self._places: dict[str, asyncio.Semaphore] = {}  # For requests in work, by network.
        self._page_count = 0
        self._admin_threads = [Thread("admin") for _ in range(ADMIN_THREADS)]
        self._admin = Queue(
            list(self._admin_threads), ADMIN_WAITING, ADMIN_WAITING_OF_NETWORK, ADMIN_THREADS_OF_NETWORK
        )

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        body = Body(receive)
        if not await body.read():  # Read it before taking a place: a client may be slow.
            return
        network = client_network(client_address(scope))
        if self._page_count >= PAGES_AT_ONCE or self._pages[network] >= PAGES_OF_NETWORK:
            body.gone.cancel()
            await refuse(send)
            return
        place = self._enter(network)
        left = Once(lambda: self._leave(network))
        try:
            if is_admin(own_path(scope["path"])):
                async with place:
                    await pay(network, scope["path"])
                await self._answer_at_admin(network, scope, body, send, left)
            else:
                await self._answer_page(network, place, scope, body, send, left)
        except Refusal:
            await refuse(send)
        finally:
            body.gone.cancel()
            left()

    async def _answer_page(
        self,
        network: str,
        place: asyncio.Semaphore,
        scope: MutableMapping[str, Any],
        body: "Body",
        send: Send,
        left: Callable[[], None],
    ) -> None:
        if own_path(scope["path"]) in PROBES:
            await self._run(next(self._next_page_thread), scope, body, send, left)
            return
        await place.acquire()

        def done() -> None:
            place.release()
            left()

        at_head = Once(done)
        try:
            await pay(network, scope["path"])
            await self._run(next(self._next_page_thread), scope, body, send, at_head)
        finally:
            at_head()

    def _enter(self, network: str) -> asyncio.Semaphore:
        self._page_count += 1
        self._pages[network] += 1
        return self._places.setdefault(network, asyncio.Semaphore(PAGES_OF_NETWORK_IN_WORK))

    def _leave(self, network: str) -> None:
        self._page_count -= 1
        self._pages[network] -= 1
        if not self._pages[network]:
            del self._pages[network], self._places[network]

    async def _answer_at_admin(
        self, network: str, scope: MutableMapping[str, Any], body: "Body", send: Send, left: Callable[[], None]
    ) -> None:
        taking = asyncio.ensure_future(self._admin.take(network))
        try:
            await asyncio.wait((taking, body.gone), timeout=ADMIN_WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not taking.done():  # It waited for too long, or its client has gone.
                taking.cancel()
        await asyncio.wait((taking,))
        if taking.cancelled() or isinstance(taking.exception(), Busy):
            await asyncio.wait((body.gone,), timeout=random.uniform(*REFUSED_SECONDS))
            await refuse(send)
            return
        left()  # The lanes have limits of their own.
        lane = Lane(network, taking.result(), self._admin)
        await self._run(lane.thread, {**scope, LANE: lane}, body, send, lane.release)

    async def _run(
        self,
        thread: Thread,
        scope: MutableMapping[str, Any],
        body: "Body",
        send: Send,
        done: Callable[[], None],
    ) -> None:
        """Answers on the thread. Calls `done` at the response's head, so that a slow reader keeps no place."""

        async def send_and_be_done(message: Message) -> None:
            if message["type"] == "http.response.start":
                done()
            await send(message)

        try:
            async with ThreadSensitiveContext(executor=thread.executor):
                await self._application(scope, body.receive, send_and_be_done)
        finally:
            done()

    async def close(self) -> None:
        """Ends the threads and closes their connections."""
        await asyncio.gather(*(thread.close() for thread in (*self._page_threads, *self._admin_threads)))


async def pay(network: str, path: str) -> None:
    """Charges the path's cost to the network, once its CPU budget has something left.

    Raises:
        Refusal: it has waited for too long.
    """
    is_file = path.startswith(settings.STATIC_URL)
    seconds = ADMIN_SECONDS if is_admin(own_path(path)) else FILE_SECONDS if is_file else PAGE_SECONDS
    await current_turns().pay(Asker(network, ""), seconds)


class Once:
    """Calls `work` the first time only."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work: Callable[[], None] | None = work

    def __call__(self) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()


class Body:
    """A request's whole body, and later whether the client has gone. The server limits its size and time."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._messages: deque[Message] = deque()
        self.gone: asyncio.Future[Message]

    async def read(self) -> bool:
        """Reads the body. Returns False if the client left before its end."""
        has_more = True
        while has_more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                return False
            self._messages.append(message)
            has_more = message.get("more_body", False)
        self.gone = asyncio.ensure_future(self._receive())
        return True

    async def receive(self) -> Message:
        return self._messages.popleft() if self._messages else await asyncio.shield(self.gone)


async def refuse(send: Send) -> None:
    """Answers with 503."""
    body = f"Chatty is busy. Please try again in {RETRY_SECONDS} seconds.\n".encode()
    headers = BARE_HEADERS | {
        "Retry-After": str(RETRY_SECONDS),
        "Content-Length": str(len(body)),
        "Content-Type": "text/plain; charset=utf-8",
        "Cache-Control": "no-store",
    }
    await send(
        {
            "type": "http.response.start",
            "status": 503,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})
