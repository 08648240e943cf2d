"""The threads of HTTP requests: their number, their queue, and the answer to refused requests."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from chat.log.turns import Asker
from chat.protocol.errors import Refusal, RefusalCode
from chat.web import request_threads
from chat.web.request_threads import LANE, Busy, Queue, Thread, WebThreads

SECONDS = 30


class Client:
    """Asks an application for a path, and holds what it is answered."""

    def __init__(self, path: str, address: str = "192.0.2.1", body: bytes | None = b"") -> None:
        self.scope = {"type": "http", "path": path, "client": (address, 1), "headers": [], "method": "GET"}
        self.sent: list[Any] = []
        self.may_take = asyncio.Event()  # What it is sent after the head.
        self.may_take.set()
        self._incoming: asyncio.Queue[Any] = asyncio.Queue()
        if body is not None:
            self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": False})
        else:
            self._incoming.put_nowait({"type": "http.request", "body": b"a", "more_body": True})

    async def send(self, message: Any) -> None:
        self.sent.append(message)
        if message["type"] == "http.response.body":
            await self.may_take.wait()

    def go(self) -> None:
        self._incoming.put_nowait({"type": "http.disconnect"})

    def ask(self, application: WebThreads) -> "asyncio.Task[None]":
        return asyncio.create_task(application(self.scope, self._incoming.get, self.send))

    @property
    def status(self) -> int | None:
        return self.sent[0]["status"] if self.sent else None

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}


class Site:
    """An application whose answers at /admin wait on their threads for `end`."""

    def __init__(self) -> None:
        self.end = threading.Event()
        self.at_work = 0
        self.most = 0
        self.names: set[str] = set()
        self.lanes: list[Any] = []
        self._lock = threading.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "http.request"
        if LANE in scope:
            self.lanes.append(scope[LANE])
        await sync_to_async(self._work)(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})
        await sync_to_async(lambda: None)()

    def _work(self, path: str) -> None:
        with self._lock:
            self.names.add(threading.current_thread().name)
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        if path.startswith("/admin"):
            assert self.end.wait(SECONDS)
        with self._lock:
            self.at_work -= 1


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
async def threads(site: Site) -> AsyncIterator[WebThreads]:
    threads = WebThreads(site)
    yield threads
    site.end.set()
    await threads.close()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0.002)


async def ended(*tasks: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(SECONDS):
        await asyncio.gather(*tasks)


async def test_requests_for_admin_take_turns_on_so_many_threads(threads: WebThreads, site: Site) -> None:
    clients = [Client("/admin/", f"192.0.2.{number}") for number in range(20)]
    tasks = [client.ask(threads) for client in clients]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    site.end.set()
    await ended(*tasks)
    assert {client.status for client in clients} == {200}
    assert site.most == request_threads.ADMIN_THREADS
    assert len(site.names) <= request_threads.ADMIN_THREADS


async def test_pages_dont_wait_for_admin(threads: WebThreads, site: Site) -> None:
    busy = [Client("/admin/", f"192.0.2.{number}").ask(threads) for number in range(20)]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    pages = [Client("/chatty") for _ in range(50)]
    await ended(*(page.ask(threads) for page in pages))
    assert {page.status for page in pages} == {200}
    assert len(site.names) <= request_threads.ADMIN_THREADS + request_threads.PAGE_THREADS
    assert not any(task.done() for task in busy)
    site.end.set()
    await ended(*busy)


async def test_a_network_has_some_of_admins_threads_and_leaves_the_others(threads: WebThreads, site: Site) -> None:
    few = request_threads.ADMIN_THREADS_OF_NETWORK
    mine = [Client("/admin/").ask(threads) for _ in range(request_threads.ADMIN_THREADS)]
    await until(lambda: site.at_work == few)
    rest = request_threads.ADMIN_THREADS - few
    others = [Client("/admin/", f"198.51.100.{number}").ask(threads) for number in range(rest)]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    site.end.set()
    await ended(*mine, *others)
    await until(lambda: len(threads._admin._free) == request_threads.ADMIN_THREADS)
    assert not threads._admin._at_work


async def test_who_finds_the_queue_full_is_told_when_to_come_back(
    threads: WebThreads, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_threads, "REFUSED_SECONDS", (0, 0))
    per_network, few = request_threads.ADMIN_WAITING_OF_NETWORK, request_threads.ADMIN_THREADS_OF_NETWORK
    mine = [Client("/admin/") for _ in range(few + per_network)]
    tasks = [client.ask(threads) for client in mine]
    await until(lambda: threads._admin._count == per_network)
    refused = Client("/admin/")
    await ended(refused.ask(threads))
    assert refused.status == 503
    assert refused.headers["retry-after"] == str(request_threads.RETRY_SECONDS)
    assert refused.headers["cache-control"] == "no-store"
    assert b"try again in 2 seconds" in refused.sent[1]["body"]
    rest = request_threads.ADMIN_THREADS - few + request_threads.ADMIN_WAITING - per_network
    others = [Client("/admin/", f"198.51.100.{number}") for number in range(rest)]
    tasks += [client.ask(threads) for client in others]
    late = Client("/admin/", "203.0.113.1")
    await ended(late.ask(threads))
    assert late.status == 503
    site.end.set()
    await ended(*tasks)
    assert {client.status for client in (*mine, *others)} == {200}


async def test_a_refusal_is_delayed_so_that_its_client_doesnt_come_back_at_once(
    threads: WebThreads, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_threads, "REFUSED_SECONDS", (1_000, 1_000))
    busy = [Client("/admin/", f"192.0.2.{number}").ask(threads) for number in range(request_threads.ADMIN_THREADS)]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    threads._admin._limit = 0
    refused = Client("/admin/")
    task = refused.ask(threads)
    await until(lambda: threads._pages)
    await ended(*(Client("/chatty", "192.0.2.99").ask(threads) for _ in range(3)))
    assert refused.status is None
    assert threads._pages == {"192.0.2.1": 1}  # It counts among the requests of its network.
    refused.go()
    await ended(task)
    site.end.set()
    await ended(*busy)
    assert not threads._pages


async def test_who_has_waited_for_too_long_is_told_so(
    threads: WebThreads, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = [Client("/admin/", f"192.0.2.{number}").ask(threads) for number in range(request_threads.ADMIN_THREADS)]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    monkeypatch.setattr(request_threads, "ADMIN_WAIT_SECONDS", 0.01)
    monkeypatch.setattr(request_threads, "REFUSED_SECONDS", (0, 0))
    late = Client("/admin/")
    await ended(late.ask(threads))
    assert late.status == 503
    site.end.set()
    await ended(*busy)


async def test_who_has_gone_while_waiting_costs_no_thread(threads: WebThreads, site: Site) -> None:
    busy = [Client("/admin/", f"192.0.2.{number}").ask(threads) for number in range(request_threads.ADMIN_THREADS)]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    gone = Client("/admin/")
    task = gone.ask(threads)
    await asyncio.sleep(0)
    gone.go()
    await ended(task)
    site.end.set()
    await ended(*busy)
    assert len(site.lanes) == request_threads.ADMIN_THREADS


@pytest.mark.parametrize("path", ["/admin/login/", "/chatty"])
async def test_who_sends_slowly_keeps_nobodys_place(threads: WebThreads, site: Site, path: str) -> None:
    slow = [Client(path, body=None) for _ in range(request_threads.ADMIN_WAITING)]
    tasks = [client.ask(threads) for client in slow]
    site.end.set()
    quick = Client(path)
    await ended(quick.ask(threads))
    assert quick.status == 200
    for client in slow:
        client.go()
    await ended(*tasks)
    assert not any(client.sent for client in slow)


async def test_who_reads_slowly_keeps_nobodys_place(threads: WebThreads, site: Site) -> None:
    site.end.set()
    slow = [Client("/admin/", f"192.0.2.{number}") for number in range(10)]
    for client in slow:
        client.may_take.clear()
    tasks = [client.ask(threads) for client in slow]
    await until(lambda: all(client.status == 200 for client in slow))
    quick = Client("/admin/")
    await ended(quick.ask(threads))
    assert quick.status == 200
    for client in slow:
        client.may_take.set()
    await ended(*tasks)


async def test_a_lane_that_is_released_early_serves_the_next_when_its_thread_is_free(
    threads: WebThreads, site: Site
) -> None:
    tasks = [Client("/admin/", f"192.0.2.{number}").ask(threads) for number in range(request_threads.ADMIN_THREADS + 1)]
    await until(lambda: site.at_work == request_threads.ADMIN_THREADS)
    for lane in site.lanes:
        lane.release()
        lane.release()
    for _ in range(10):
        await asyncio.sleep(0)
    assert len(site.lanes) == request_threads.ADMIN_THREADS  # Their threads are still at work.
    site.end.set()
    await ended(*tasks)
    assert site.most == request_threads.ADMIN_THREADS
    await until(lambda: len(threads._admin._free) == request_threads.ADMIN_THREADS)


async def test_a_page_too_many_is_refused(threads: WebThreads, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_threads, "PAGES_OF_NETWORK", 3)
    clients = [Client("/chatty") for _ in range(4)]
    other = Client("/chatty", "192.0.2.2")
    await ended(*(client.ask(threads) for client in (*clients, other)))
    assert sorted(client.status or 0 for client in clients) == [200, 200, 200, 503]
    assert other.status == 200
    again = Client("/chatty")
    await ended(again.ask(threads))
    assert again.status == 200
    assert not threads._pages
    assert threads._page_count == 0


class WaitingSite:
    """An application whose answers wait for `end`."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.at_work: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.at_work.append(scope["client"][0])
        await self.end.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"hello"})


async def test_a_few_pages_of_a_network_are_worked_on_at_a_time() -> None:
    site = WaitingSite()
    threads = WebThreads(site)
    few = request_threads.PAGES_OF_NETWORK_IN_WORK
    clients = [Client("/chatty") for _ in range(2 * few)]
    tasks = [client.ask(threads) for client in clients]
    await until(lambda: len(site.at_work) >= few)
    others = [Client("/chatty", "192.0.2.2").ask(threads), Client("/healthz").ask(threads)]
    await until(lambda: len(site.at_work) == few + 2)
    tasks[-1].cancel()  # It has no place yet, and leaves none behind.
    site.end.set()
    await ended(*tasks[:-1], *others)
    assert [client.status for client in clients] == [200] * (2 * few - 1) + [None]
    assert (threads._pages, threads._places, threads._page_count) == ({}, {}, 0)
    await threads.close()


async def test_requests_of_an_address_in_debt_wait_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    site, paid = WaitingSite(), []
    site.end.set()
    is_over = asyncio.Event()

    class Turns:
        """192.0.2.1 is in debt until the rush is over."""

        async def pay(self, asker: Asker, seconds: float) -> None:
            paid.append((asker.network, seconds))
            if asker.network == "192.0.2.1":
                await is_over.wait()

    turns = Turns()
    monkeypatch.setattr(request_threads, "current_turns", lambda: turns)
    threads = WebThreads(site)
    waiting = [Client(path) for path in ("/chatty", "/static/a.js", "/chatty")]
    tasks = [client.ask(threads) for client in waiting]
    ok = [Client("/chatty", "192.0.2.2"), Client("/admin/", "192.0.2.3"), Client("/healthz")]
    await ended(*(client.ask(threads) for client in ok))
    assert {client.status for client in waiting} == {None}
    page, file, admin = request_threads.PAGE_SECONDS, request_threads.FILE_SECONDS, request_threads.ADMIN_SECONDS
    assert sorted(paid) == [("192.0.2.1", page), ("192.0.2.2", page), ("192.0.2.3", admin)]
    tasks.pop().cancel()
    paid.clear()
    is_over.set()
    await ended(*tasks)
    assert [client.status for client in waiting] == [200, 200, None]
    assert paid == [("192.0.2.1", file)]
    assert (threads._pages, threads._places, threads._page_count) == ({}, {}, 0)
    await threads.close()


@pytest.mark.parametrize("path", ["/chatty", "/admin/"])
async def test_a_request_that_has_waited_for_its_turn_too_long_is_answered_503(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    async def pay(*_: object) -> None:
        raise Refusal(RefusalCode.RATE_LIMITED, "Too much at once.", retry_after=1)

    monkeypatch.setattr(request_threads, "pay", pay)
    threads, client = WebThreads(WaitingSite()), Client(path)
    await ended(client.ask(threads))
    assert client.status == 503
    assert (threads._pages, threads._places, threads._page_count) == ({}, {}, 0)
    await threads.close()


async def test_networks_take_turns() -> None:
    (thread,) = threads = [Thread("test")]
    queue = Queue(threads, 100, 10, 1)
    order: list[str] = []

    async def work(network: str) -> None:
        taken = await queue.take(network)
        order.append(network)
        queue.give_back(network, taken)

    held = await queue.take("first")
    tasks = [asyncio.create_task(work(network)) for network in ["many"] * 5 + ["one", "other"]]
    await asyncio.sleep(0)
    queue.give_back("first", held)
    await ended(*tasks)
    assert order == ["many", "one", "other", "many", "many", "many", "many"]
    assert queue._free == [thread]
    assert not queue._waiting
    await thread.close()


async def test_a_place_in_the_queue_that_is_given_up_is_free_again() -> None:
    (thread,) = threads = [Thread("test")]
    queue = Queue(threads, 2, 1, 1)
    held = await queue.take("a")
    waiting = [asyncio.create_task(queue.take(network)) for network in ("a", "b")]
    await asyncio.sleep(0)
    with pytest.raises(Busy):
        await queue.take("c")
    waiting[0].cancel()
    await asyncio.wait(waiting[:1])
    third = asyncio.create_task(queue.take("c"))
    await asyncio.sleep(0)
    queue.give_back("a", held)
    waiting[1].cancel()  # In the step that it got the thread.
    await asyncio.wait((waiting[1], third))
    assert third.result() is thread
    queue.give_back("c", thread)
    assert (queue._free, queue._count, dict(queue._waiting)) == ([thread], 0, {})
    await thread.close()


async def test_a_thread_that_had_nothing_to_do_closes_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = asyncio.Event()
    loop = asyncio.get_running_loop()
    monkeypatch.setattr(connections, "close_all", lambda: loop.call_soon_threadsafe(closed.set))
    monkeypatch.setattr(request_threads, "IDLE_SECONDS", 0)
    thread = Thread("test")
    thread.use()
    thread.close_when_idle()
    thread.use()
    for _ in range(3):  # The timer is due, and what it gives to the thread would be done.
        await loop.run_in_executor(thread.executor, lambda: None)
    assert not closed.is_set()
    thread.close_when_idle()
    async with asyncio.timeout(SECONDS):
        await closed.wait()
    await thread.close()
