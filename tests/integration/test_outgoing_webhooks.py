"""Outgoing webhooks: what happens in a room is delivered to a URL, in order and at least once."""

import asyncio
import datetime
import ipaddress
import re
import socket
import ssl
import threading
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from chat.access.person import Moderator, Person
from chat.log.operations import Delete, React
from chat.log.reader import RoomRow
from chat.models import OutgoingHook, Room
from chat.webhooks import client, management
from chat.webhooks.deliverer import Deliverer
from chat.webhooks.deliveries import BYTES_LIMIT, EVENTS_LIMIT, GIVE_UP, LEASE_SECONDS, Deliveries, Result, pause
from chat.webhooks.signing import signature
from tests import servers
from tests.client import Client, Enter
from tests.deeds import edit
from tests.integration.desk import ANN, BOB, Desk
from tests.moderators import post as submit
from tests.moderators import sign_in
from tests.receiver import Answer, Received, Receiver
from tests.servers import ROOT, ChattyServer, DevelopmentServer, Pair, RedisServer

LOOPBACK = [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1")]


class Clock:
    """In place of the database's: it stands still until a test sets it forward."""

    def __init__(self) -> None:
        self.now = datetime.datetime.now(datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.now


async def until(is_so: Callable[[], object], what: str) -> None:
    for _ in range(6_000):
        if is_so():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"never: {what}")


class Hooks:
    """A room with hooks, and deliverers of the test's own process."""

    def __init__(self, desk: Desk, room: RoomRow) -> None:
        self.desk = desk
        self.room = room
        self.clock = Clock()

    async def add(self, url: str, wants: str = "messages") -> OutgoingHook:
        def make() -> OutgoingHook:
            head = Room.objects.get(pk=self.room.id).head
            return OutgoingHook.objects.create(
                room_id=self.room.id, name="CI", url=url, wants=wants, secret="key", cursor=head
            )

        return await self.desk.log.run(make)

    async def row(self, hook: OutgoingHook) -> OutgoingHook:
        return await self.desk.log.run(lambda: OutgoingHook.objects.get(pk=hook.pk))

    async def row_when(self, hook: OutgoingHook, is_so: Callable[[OutgoingHook], object]) -> OutgoingHook:
        for _ in range(6_000):
            if is_so(row := await self.row(hook)):
                return row
            await asyncio.sleep(0.01)
        raise AssertionError(f"the hook stays {row.__dict__}")

    async def post(self, *bodies: str) -> None:
        for body in bodies:
            await self.desk.post(self.room, body)

    @asynccontextmanager
    async def deliverer(self, networks: Any = LOOPBACK) -> AsyncIterator[Deliverer]:
        deliverer = Deliverer(self.desk.log, networks, Deliveries(uuid.uuid4(), self.clock))

        async def follow() -> None:
            while True:
                await deliverer.follow()

        task = asyncio.create_task(follow())
        try:
            yield deliverer
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await deliverer.close()


@pytest.fixture
async def hooks(desk: Desk, room: str, monkeypatch: pytest.MonkeyPatch) -> Hooks:
    monkeypatch.setattr("chat.webhooks.deliverer.LOOK_SECONDS", 0.05)
    return Hooks(desk, await desk.room(room))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def answer_after(event: threading.Event, status: int) -> Answer:
    """The receiver answers so when the event is set."""

    def answer(request: Received) -> int:
        event.wait()
        return status

    return answer


def bodies(events: list[dict[str, Any]]) -> list[str]:
    return [event["body"] for event in events]


async def test_new_messages_are_delivered_in_order_and_signed(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.post("before the hook")
    hook = await hooks.add(receiver.url("/in?a=b"))
    async with hooks.deliverer():
        await hooks.post("one", "two **2**", "three")
        await until(lambda: len(receiver.events_at("/in?a=b")) == 3, "three messages")
        row = await hooks.row_when(hook, lambda row: row.leased_by is None)
    events = receiver.events_at("/in?a=b")
    assert bodies(events) == ["one", "two **2**", "three"]
    assert [(event["type"], event["seq"], event["version"]) for event in events] == [
        ("message", seq, seq) for seq in (2, 3, 4)
    ]
    assert "<strong>2</strong>" in events[1]["html"]
    assert (row.status, row.cursor, row.delivery, row.failures) == ("200 OK", 4, None, 0)
    for request in receiver.received:
        assert (request.payload["room"], request.payload["log"]) == (hooks.room.slug, str(hooks.room.log))
        at = re.match(r"t=([0-9]+),", request.headers["x-chatty-signature"])
        assert at is not None
        assert request.headers["x-chatty-signature"] == signature("key", request.body, int(at[1]))
        assert request.headers["host"] == receiver.url("").removeprefix("http://")
        assert request.headers["content-type"] == "application/json"
        assert abs(int(at[1]) - time.time()) < 600
        assert str(uuid.UUID(request.delivery)) == request.delivery


async def test_the_documented_check_accepts_only_genuine_deliveries(hooks: Hooks, receiver: Receiver) -> None:
    (example,) = re.findall(
        r"^```python\n(import .*?)^```", (ROOT / "docs/api.md").read_text(), re.MULTILINE | re.DOTALL
    )
    page: dict[str, Any] = {}
    exec(example, page)
    is_genuine = page["is_genuine"]
    await hooks.add(receiver.url())
    async with hooks.deliverer():
        await hooks.post("hello, wörld")
        await until(lambda: receiver.received, "the delivery")
    body, header = receiver.received[0].body, receiver.received[0].headers["x-chatty-signature"]
    assert is_genuine("key", header, body)
    assert not is_genuine("another", header, body)
    assert not is_genuine("key", header, body + b" ")
    old = signature("key", body, int(time.time()) - 3_600)
    for wrong in (
        old,
        header.partition(",")[0],
        header.partition(",")[2],
        "",
        "t=x,v1=y",
        "t=1",
        ",=,",
        "ü=ü,t=ü,v1=ü",
    ):
        assert not is_genuine("key", wrong, body)


async def test_a_failed_delivery_is_repeated_under_the_same_id(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = lambda request: 500 if len(receiver.received) < 3 else 204
    hook = await hooks.add(receiver.url())
    async with hooks.deliverer():
        await hooks.post("one")
        for failures in (1, 2):
            row = await hooks.row_when(hook, lambda row: row.failures == failures)  # noqa: B023
            assert (row.status, row.cursor, row.leased_by) == ("500 Internal Server Error", 0, None)
            assert row.next_try_at is not None
            assert row.next_try_at > hooks.clock.now
            await hooks.post(f"after failure {failures}")
            hooks.clock.now += timedelta(seconds=10)
        await until(lambda: len(receiver.events_at("/")) == 3, "all messages")
        row = await hooks.row_when(hook, lambda row: row.cursor == 3)
    first = [request for request in receiver.received if bodies(request.events) == ["one"]]
    assert len(first) == 3
    assert len({request.delivery for request in first}) == 1
    assert len({request.delivery for request in receiver.received}) == len(receiver.received) - 2
    assert bodies(receiver.events_at("/")) == ["one", "after failure 1", "after failure 2"]
    assert (row.failures, row.failing_since, row.next_try_at) == (0, None, None)


def test_pauses_grow_to_an_hour_and_are_spread() -> None:
    assert [pause(failures, lambda: 0.5) for failures in (1, 2, 3, 11, 12, 1_000)] == [2, 4, 8, 2048, 3600, 3600]
    assert (pause(1, lambda: 0.0), pause(1, lambda: 1.0)) == (1.5, 2.5)
    assert len({pause(3) for _ in range(50)}) > 1


async def test_changes_are_delivered_as_their_events(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.add(receiver.url("/all"), wants="all")
    await hooks.add(receiver.url("/messages"))
    by = Person(ANN.id)
    commit = hooks.desk.committer.commit
    async with hooks.deliverer():
        await hooks.post("one")
        await until(lambda: receiver.events_at("/all") and receiver.events_at("/messages"), "the message")
        await commit(edit(hooks.room, 1, ANN.id, "one, edited"))
        await until(lambda: len(receiver.events_at("/all")) == 2, "the edit")
        await commit(React(hooks.room, 1, Person(BOB.id), "👍", True))
        await until(lambda: len(receiver.events_at("/all")) == 3, "the reaction")
        await commit(Delete(hooks.room, 1, by))
        await until(lambda: len(receiver.events_at("/all")) == 4, "the deletion")
        await hooks.post("two")
        await until(lambda: len(receiver.events_at("/messages")) == 2, "the second message")
    posted, edited, reacted, deleted, *_ = receiver.events_at("/all")
    assert (posted["body"], edited["body"], edited["seq"], edited["version"]) == ("one", "one, edited", 1, 2)
    assert edited["edited_at"] >= posted["at"]
    assert reacted["reactions"] == {"👍": [BOB.id]}
    assert (deleted["deleted"], deleted["body"], deleted["version"]) == (True, "", 4)
    assert bodies(receiver.events_at("/messages")) == ["one", "two"]


async def test_a_message_that_changes_before_its_delivery_is_not_missed(hooks: Hooks, receiver: Receiver) -> None:
    hook = await hooks.add(receiver.url())
    for_all = await hooks.add(receiver.url("/all"), wants="all")
    count = EVENTS_LIMIT + 10
    await hooks.post(*(f"{number}" for number in range(1, count + 1)))
    await hooks.desk.committer.commit(edit(hooks.room, 1, ANN.id, "1, edited"))
    await hooks.desk.committer.commit(Delete(hooks.room, 2, Person(ANN.id)))
    expected = ["1, edited", *(f"{number}" for number in range(3, count + 1))]
    async with hooks.deliverer():
        await until(lambda: len(receiver.events_at("/")) == len(expected), "all messages")
        await until(lambda: len(receiver.events_at("/all")) == count, "all changes")
        assert (await hooks.row_when(hook, lambda row: row.leased_by is None)).cursor == count + 2
        await hooks.row_when(for_all, lambda row: row.leased_by is None)
    assert bodies(receiver.events_at("/")) == expected
    versions = [event["version"] for event in receiver.events_at("/all")]
    assert versions == list(range(3, count + 3))
    assert all(len(request.events) <= EVENTS_LIMIT for request in receiver.received)
    assert len(receiver.received) == 4


async def test_a_delivery_is_bounded_in_bytes(hooks: Hooks, receiver: Receiver) -> None:
    await hooks.add(receiver.url())
    await hooks.post(*("ü" * 3_990 + f" {number}" for number in range(20)))
    async with hooks.deliverer():
        await until(lambda: len(receiver.events_at("/")) == 20, "all messages")
    assert [event["seq"] for event in receiver.events_at("/")] == list(range(1, 21))
    assert len(receiver.received) > 1
    assert all(len(request.body) <= BYTES_LIMIT + 1_000 for request in receiver.received)


async def test_a_repeated_delivery_is_bounded_in_bytes_though_its_messages_grew(
    hooks: Hooks, receiver: Receiver
) -> None:
    hook = await hooks.add(receiver.url())
    await hooks.post(*(str(number) for number in range(20)))
    receiver.answer = lambda request: 500
    async with hooks.deliverer():
        await hooks.row_when(hook, lambda row: row.failures)
        (first, *_) = receiver.received
        assert len(first.events) == 20
        for seq in range(1, 21):
            await hooks.desk.committer.commit(edit(hooks.room, seq, ANN.id, "ü" * 3_990))
        receiver.answer = lambda request: 200
        hooks.clock.now += timedelta(minutes=1)
        await hooks.row_when(hook, lambda row: row.cursor >= 20)
    accepted = receiver.received[1:]
    assert [event["seq"] for request in accepted for event in request.events] == list(range(1, 21))
    assert accepted[0].delivery == first.delivery
    assert len({request.delivery for request in accepted}) == len(accepted) > 1
    assert all(len(request.body) <= BYTES_LIMIT + 1_000 for request in accepted)


async def test_one_process_delivers_at_a_time_and_another_goes_on_with_the_same(hooks: Hooks) -> None:
    run, clock = hooks.desk.log.run, hooks.clock
    one, other = Deliveries(uuid.uuid4(), clock), Deliveries(uuid.uuid4(), clock)
    hook = await hooks.add("http://127.0.0.1:9/")
    await hooks.post("one")
    first, second = await run(one.read, hook.pk), await run(other.read, hook.pk)
    assert first is not None
    assert second is not None
    began = [*await asyncio.gather(run(one.begin, first), run(other.begin, second))]
    assert sorted(began) == [False, True]
    if began == [False, True]:
        (one, first), (other, second) = (other, second), (one, first)
    # While it sends, others neither see the hook as due nor take it.
    await hooks.post("two")
    assert (await run(other.due, 10, 10)).hooks == []
    again = await run(other.read, hook.pk)
    assert again is not None
    assert not await run(other.begin, again)
    # It dies. The other one delivers the same range under the same id, when the lease has ended.
    clock.now += timedelta(seconds=LEASE_SECONDS + 1)
    assert (await run(other.due, 10, 10)).hooks == [hook.pk]
    assert await run(other.begin, again)
    assert (again.id, again.end, again.events) == (first.id, 1, first.events)
    # What the first one writes after its time counts for nothing.
    assert await run(one.finish, first, Result("410 Gone", is_gone=True)) == ""
    row = await hooks.row(hook)
    assert (row.cursor, row.off_since, row.leased_by is None) == (0, None, False)
    await run(other.finish, again, Result("200", is_delivered=True))
    assert (await hooks.row(hook)).cursor == 1
    assert (await run(one.due, 10, 10)).hooks == [hook.pk]


async def test_a_receiver_that_hangs_delays_no_other_and_no_post(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "EXCHANGE_SECONDS", 600)  # So that nothing waits for the end of the hanging one.
    hang = answer_after(receiver.is_closed, 200)
    receiver.answer = lambda request: hang(request) if request.path == "/hangs" else 200
    await hooks.add(receiver.url("/hangs"))
    await hooks.add(receiver.url("/works"))
    async with hooks.deliverer() as deliverer:
        await hooks.post("one")
        await until(lambda: any(request.path == "/hangs" for request in receiver.received), "a request that hangs")
        for number in range(5):
            await hooks.post(f"more {number}")
            deliverer.wake(hooks.room.id)
            await until(lambda: len(receiver.events_at("/works")) == number + 2, "the other hook's")  # noqa: B023
    assert not receiver.is_closed.is_set()


async def test_a_receiver_that_hangs_fails_in_time(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "EXCHANGE_SECONDS", 0.5)
    receiver.answer = answer_after(receiver.is_closed, 200)
    hook = await hooks.add(receiver.url())
    async with hooks.deliverer():
        await hooks.post("one")
        row = await hooks.row_when(hook, lambda row: row.failures)
    assert row.status == "no answer within 0.5 s"


async def test_an_endless_answer_is_read_up_to_its_limit(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "EXCHANGE_SECONDS", 600)
    monkeypatch.setattr(client, "ANSWER_SECONDS", 600)
    receiver.is_endless = True
    hook = await hooks.add(receiver.url())
    async with hooks.deliverer():
        await hooks.post("one")
        row = await hooks.row_when(hook, lambda row: row.tried_at)
    assert (row.status, row.cursor) == ("200 OK", 1)


# --- where it may not go ---


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_without_the_setting_nothing_of_the_servers_own_network_is_reached(
    hooks: Hooks, receiver: Receiver, host: str
) -> None:
    hook = await hooks.add(receiver.url(host=host))
    async with hooks.deliverer(networks=[]):
        await hooks.post("one")
        row = await hooks.row_when(hook, lambda row: row.failures)
    assert "WEBHOOK_NETWORKS" in row.status
    assert receiver.received == []


async def test_a_name_is_looked_up_once_and_the_checked_address_is_used(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers the second question with another address gains nothing by it."""
    asked: list[str] = []
    look_up = socket.getaddrinfo

    def rebind(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "rebound.example":
            asked.append(host)
            return look_up("127.0.0.2" if len(asked) > 1 else "127.0.0.1", *arguments, **options)
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    await hooks.add(receiver.url(host="rebound.example"))
    async with hooks.deliverer(networks=[ipaddress.ip_network("127.0.0.1")]):
        await hooks.post("one")
        await until(lambda: receiver.received, "the delivery")
    assert asked == ["rebound.example"]
    assert receiver.received[0].headers["host"] == receiver.url("", host="rebound.example").removeprefix("http://")


async def test_a_name_with_one_address_that_is_refused_is_refused(
    hooks: Hooks, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def both(host: str, *arguments: Any, **options: Any) -> Any:
        if host == "both.example":
            return [*look_up("127.0.0.1", *arguments, **options), *look_up("10.0.0.1", *arguments, **options)]
        return look_up(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", both)
    hook = await hooks.add(receiver.url(host="both.example"))
    async with hooks.deliverer():
        await hooks.post("one")
        await hooks.row_when(hook, lambda row: row.failures)
    assert receiver.received == []


async def test_a_redirect_is_a_failure(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = lambda request: 307
    receiver.headers = {"Location": receiver.url("/elsewhere")}
    hook = await hooks.add(receiver.url("/here"))
    async with hooks.deliverer():
        await hooks.post("one")
        row = await hooks.row_when(hook, lambda row: row.failures)
    assert row.status == "307 Temporary Redirect"
    assert {request.path for request in receiver.received} == {"/here"}


def certificate_for(name: str, folder: Path) -> ssl.SSLContext:
    """A server's context with a new certificate, which is in `folder`/cert.pem."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.parametrize("name", ["localhost", "other.example"])
async def test_the_certificate_must_be_that_of_the_name(
    hooks: Hooks, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = certificate_for(name, tmp_path)
    asked: list[str | None] = []
    context.sni_callback = lambda socket, server_name, context: asked.append(server_name)
    trusted = ssl.create_default_context(cafile=str(tmp_path / "cert.pem"))
    monkeypatch.setattr(client, "_certificates", lambda: trusted)
    with Receiver(tls=context) as receiver:
        hook = await hooks.add(receiver.url(host="localhost"))
        async with hooks.deliverer():
            await hooks.post("one")
            row = await hooks.row_when(hook, lambda row: row.tried_at)
    assert set(asked) == {"localhost"}
    if name == "localhost":
        assert (row.status, len(receiver.received)) == ("200 OK", 1)
    else:
        assert row.status.startswith("could not connect: [SSL: CERTIFICATE_VERIFY_FAILED]")
        assert receiver.received == []


# --- the end of a hook ---


async def test_after_a_day_of_failures_it_is_switched_off(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = lambda request: 503
    hook = await hooks.add(receiver.url())
    async with hooks.deliverer():
        await hooks.post("one")
        row = await hooks.row_when(hook, lambda row: row.failures == 1)
        hooks.clock.now += GIVE_UP - timedelta(hours=1)
        row = await hooks.row_when(hook, lambda row: row.failures == 2)
        assert row.off_since is None
        hooks.clock.now += timedelta(hours=1, minutes=10)
        row = await hooks.row_when(hook, lambda row: row.failures == 3)
        assert row.off_since is not None
        assert row.off_reason == "A day of failures: 503 Service Unavailable"
        hooks.clock.now += timedelta(days=3)
        assert (await hooks.desk.log.run(Deliveries(uuid.uuid4(), hooks.clock).due, 10, 10)).rooms == frozenset()
    assert len(receiver.received) == 3


async def test_a_receiver_that_is_gone_switches_it_off_at_once(hooks: Hooks, receiver: Receiver) -> None:
    receiver.answer = lambda request: 410
    hook = await hooks.add(receiver.url())
    async with hooks.deliverer():
        await hooks.post("one")
        row = await hooks.row_when(hook, lambda row: row.off_since)
    assert (row.off_reason, row.failures, len(receiver.received)) == ("The receiver answered 410 Gone.", 1, 1)


@pytest.mark.parametrize("what", ["hook", "room"])
async def test_the_end_of_a_hook_or_its_room_ends_the_deliveries(hooks: Hooks, receiver: Receiver, what: str) -> None:
    may_answer = threading.Event()
    receiver.answer = answer_after(may_answer, 500)
    hook = await hooks.add(receiver.url())
    async with hooks.deliverer() as deliverer:
        await hooks.post("one")
        await until(lambda: receiver.received, "the delivery")
        doomed = OutgoingHook.objects.filter(pk=hook.pk) if what == "hook" else Room.objects.filter(pk=hooks.room.id)
        await hooks.desk.log.run(doomed.delete)
        may_answer.set()
        await until(lambda: not deliverer._running, "the end of the delivery")
        hooks.clock.now += timedelta(hours=2)
        due = await hooks.desk.log.run(Deliveries(uuid.uuid4(), hooks.clock).due, 10, 10)
        assert due == (frozenset(), [], [])
    assert len(receiver.received) == 1


# --- /admin ---

ADMIN = "/admin/chat/outgoinghook/"


def look(browser: httpx.Client, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200
    return answer.text


@pytest.fixture(scope="module")
def pair(redis_server: RedisServer, shared_database: str) -> Iterator[Pair]:
    """Two server processes that share Redis and PostgreSQL, and may deliver to this machine."""
    settings = {"REDIS_URL": redis_server.url, "DATABASE_URL": shared_database, "WEBHOOK_NETWORKS": "127.0.0.1"}
    one, other = servers.chatty_server(**settings), servers.chatty_server(**settings)
    with servers.all_of(one, other):
        yield one, other
        assert not re.findall(r"^\S+ error .*", one.log + other.log, re.MULTILINE)


async def test_a_moderator_creates_changes_and_deletes_a_hook_in_the_admin(
    pair: Pair, enter: Enter, room: str, moderators_browser: httpx.Client, receiver: Receiver
) -> None:
    browser = moderators_browser
    ann = await enter("Ann")
    await ann.post("before the hook")
    given = {"name": "CI", "address": room, "url": receiver.url("/one?key=xyzzy"), "wants": "messages"}
    for wrong, told in (
        ({"address": "nowhere-x"}, "There is no such room"),
        ({"url": "ftp://e.org/"}, "begins with https://"),
        ({"name": "x\u200by"}, "name"),
        ({"wants": "nothing"}, "Select a valid choice"),
    ):
        answer = await asyncio.to_thread(submit, browser, f"{ADMIN}add/", **(given | wrong))
        assert told in answer.text
    answer = await asyncio.to_thread(submit, browser, f"{ADMIN}add/", **given)
    secret = answer.text.partition("readonly")[2].partition(">")[2].partition("<")[0]
    assert len(secret) == 43
    await ann.post("hello")
    await until(lambda: receiver.events_at("/one?key=xyzzy"), "the message")
    assert bodies(receiver.events_at("/one?key=xyzzy")) == ["hello"]
    request = receiver.received[0]
    at = request.headers["x-chatty-signature"].partition(",")[0].removeprefix("t=")
    assert request.headers["x-chatty-signature"] == signature(secret, request.body, int(at))

    listed = await asyncio.to_thread(look, browser, f"{ADMIN}?in_room={room}")
    hook = re.findall(rf"{ADMIN}([0-9a-f-]+)/change/", listed)[0]
    page = await asyncio.to_thread(look, browser, f"{ADMIN}{hook}/change/")
    assert secret not in page + listed
    changed = {"name": "CD", "url": receiver.url("/two"), "wants": "all"}
    answer = await asyncio.to_thread(submit, browser, f"{ADMIN}{hook}/change/", **changed)
    assert answer.status_code == 302, answer.text
    await ann.change(2, type="edit", body="hello again")
    await until(lambda: receiver.events_at("/two"), "the edit")
    assert bodies(receiver.events_at("/two")) == ["hello again"]

    fields = {"action": "delete_selected", "_selected_action": hook, "post": "yes"}
    assert (await asyncio.to_thread(submit, browser, ADMIN, **fields)).status_code == 302
    assert f'value="{hook}"' in listed
    assert f'value="{hook}"' not in await asyncio.to_thread(look, browser, f"{ADMIN}?in_room={room}")
    record = await asyncio.to_thread(look, browser, f"/admin/chat/moderationaction/?q={hook}")
    for act in ("created", "changed", "deleted"):
        assert record.count(f"{act} an outgoing webhook</td>") == 1
    assert record.count(">127.0.0.1<") == 3
    assert "xyzzy" not in record + await asyncio.to_thread(look, browser, "/admin/")


async def test_the_admin_says_why_a_hook_is_off_and_switches_it_on_where_it_stopped(
    pair: Pair, enter: Enter, room: str, moderators_browser: httpx.Client, receiver: Receiver
) -> None:
    browser = moderators_browser
    ann = await enter("Ann")
    await ann.post("before the hook")
    receiver.answer = lambda request: 410
    given = {"name": "CI", "address": room, "url": receiver.url(), "wants": "messages"}
    await asyncio.to_thread(submit, browser, f"{ADMIN}add/", **given)
    await ann.post("one")
    await until(lambda: receiver.received, "the delivery")
    for _ in range(600):
        listed = await asyncio.to_thread(look, browser, f"{ADMIN}?in_room={room}")
        if "off since" in listed:
            break
    assert "The receiver answered 410 Gone." in listed
    await ann.post("two")
    receiver.answer = lambda request: 200
    hook = re.findall(rf"{ADMIN}([0-9a-f-]+)/change/", listed)[0]
    fields = {"action": "switch_on", "_selected_action": hook}
    assert (await asyncio.to_thread(submit, browser, ADMIN, **fields)).status_code == 302
    await until(lambda: bodies(receiver.events_at("/")) == ["one", "two"], "what was posted meanwhile")
    record = await asyncio.to_thread(look, browser, f"/admin/chat/moderationaction/?q={hook}")
    assert record.count("switched on an outgoing webhook</td>") == 1


async def test_who_may_not_moderate_sees_and_changes_no_hook(pair: Pair) -> None:
    with closing(await asyncio.to_thread(sign_in, pair[0].http_url, "clerk")) as clerk:
        for path in ("", "add/", f"{uuid.uuid4()}/change/"):
            answer = await asyncio.to_thread(clerk.get, ADMIN + path)
            assert answer.status_code in (302, 403)


async def test_a_change_by_a_moderator_counts_though_a_delivery_is_under_way(hooks: Hooks) -> None:
    run = hooks.desk.log.run
    mine = Deliveries(uuid.uuid4(), hooks.clock)
    hook = await hooks.add("http://127.0.0.1:9/")
    await hooks.post("one")
    delivery = await run(mine.read, hook.pk)
    assert delivery is not None
    assert await run(mine.begin, delivery)
    await run(management.change, Moderator(None, "mo"), hook.pk, "CI", "http://127.0.0.1:9/other", "messages")
    await run(mine.finish, delivery, Result("410 Gone", is_gone=True))
    row = await hooks.row(hook)
    assert (row.off_since, row.failures, row.url, row.cursor) == (None, 0, "http://127.0.0.1:9/other", 0)
    assert not await run(mine.begin, delivery)  # Nor is it sent to the former URL.


async def test_a_failed_delivery_waits_though_an_older_look_found_it_due(hooks: Hooks) -> None:
    run = hooks.desk.log.run
    mine = Deliveries(uuid.uuid4(), hooks.clock)
    hook = await hooks.add("http://127.0.0.1:9/")
    await hooks.post("one")
    assert (await run(mine.due, 10, 10)).hooks == [hook.pk]
    delivery = await run(mine.read, hook.pk)
    assert delivery is not None
    assert await run(mine.begin, delivery)
    await run(mine.finish, delivery, Result("500 Internal Server Error"))
    again = await run(mine.read, hook.pk)
    assert again is not None
    assert not await run(mine.begin, again)
    hooks.clock.now += timedelta(seconds=10)
    assert await run(mine.begin, again)


# --- whole servers ---

MAKE = """
from chat.models import OutgoingHook, Room
room = Room.objects.get(slug={slug!r})
OutgoingHook.objects.create(room=room, name="CI", url={url!r}, wants="messages", secret="key", cursor=room.head)
"""


async def make_hook(database_url: str, slug: str, url: str) -> None:
    code = MAKE.format(slug=slug, url=url)
    await asyncio.to_thread(servers.manage, "shell", "-v", "0", "-c", code, DATABASE_URL=database_url)


@pytest.mark.long
async def test_a_killed_workers_delivery_is_repeated_by_another(
    postgres_url: str, redis_url: str, chatty_server: Any, room: str, receiver: Receiver
) -> None:
    may_answer = threading.Event()
    hang = answer_after(may_answer, 200)
    receiver.answer = lambda request: hang(request) if not may_answer.is_set() else 200
    settings = {"DATABASE_URL": postgres_url, "REDIS_URL": redis_url, "WEBHOOK_NETWORKS": "127.0.0.1"}
    one = await asyncio.to_thread(chatty_server, **settings)
    async with Client(one.http_url, "Ann", room) as ann:
        await ann.post("before the hook")
        await make_hook(postgres_url, room, receiver.url())
        await ann.post("message 2")
        await until(lambda: receiver.received, "the first delivery, which hangs")
    other = await asyncio.to_thread(chatty_server, **settings)
    async with Client(other.http_url, "Bob", room) as bob:
        await bob.post("message 3")
        await asyncio.to_thread(one.kill)
        may_answer.set()
        for number in range(4, 40):
            await bob.post(f"message {number}")
        await until(lambda: len(receiver.events_at("/")) == 38, "all messages")
        last = await bob.post("message 40")
        await until(lambda: receiver.events_at("/")[-1] == last, "the last message")
    assert bodies(receiver.events_at("/")) == [f"message {number}" for number in range(2, 41)]
    first, again, *_ = receiver.received
    assert (again.delivery, again.body) == (first.delivery, first.body)
    assert len({request.delivery for request in receiver.received}) == len(receiver.received) - 1


@pytest.mark.parametrize("kind", [ChattyServer, DevelopmentServer], ids=["uvicorn", "daphne"])
async def test_a_restarted_server_delivers_before_anybody_comes(
    kind: type[ChattyServer], room: str, receiver: Receiver, request: pytest.FixtureRequest
) -> None:
    server = kind(WEBHOOK_NETWORKS="127.0.0.1")
    request.addfinalizer(server.close)
    await asyncio.to_thread(server.start)
    receiver.answer = lambda request: 500
    async with Client(server.http_url, "Ann", room) as ann:
        await ann.post("before the hook")
        await make_hook(server.settings["DATABASE_URL"], room, receiver.url())
        await ann.post("after it")
        await until(lambda: receiver.received, "an attempt")
    await asyncio.to_thread(server.stop)
    failed = len(receiver.received)
    receiver.answer = lambda request: 200
    await asyncio.to_thread(server.start)
    await until(lambda: len(receiver.received) > failed, "the delivery")
    assert bodies(receiver.events_at("/")) == ["after it"]
    assert len({request.delivery for request in receiver.received}) == 1
    assert "Traceback" not in server.log
