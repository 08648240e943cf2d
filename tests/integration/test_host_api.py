"""`chat.api`: what the host's own code posts, creates and asks, on both databases, in and out of transactions."""

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any, TypeVar

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import Permission, User
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection, connections, transaction
from django.db.backends.signals import connection_created
from django.utils import timezone

from chat import api
from chat.access.authentication import member_id
from chat.access.person import Person
from chat.access.tokens import issue
from chat.log import direct
from chat.models import Ban, Message, Room
from chat.protocol.fields import MemberId
from chat.rooms.registry import close_registry, current_registry
from tests.client import PATIENCE_SECONDS
from tests.integration.members import join, receive

pytestmark = pytest.mark.usefixtures("own_limits", "rooms", "host", "own_threads")
T = TypeVar("T")
ROOM = "order-1"
SHOP = Person(MemberId("00000000-0000-4000-8000-000000000009"), "The shop", is_bot=True)


class Undone(Exception):
    """Rolls a transaction back."""


def admits(person: Person, slug: str) -> bool:
    return person.name != "Emil" or slug != "private"


@pytest.fixture
def host(settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": "chat.access.authentication.account", "CAN_JOIN": f"{__name__}.admits"}


@pytest.fixture
async def own_threads() -> AsyncIterator[None]:
    """Takes this test's database from the thread for synchronous code, which other tests use, too."""
    yield
    await sync_to_async(_forget_connection)()


def _forget_connection() -> None:
    connections["default"].close()
    del connections["default"]


@pytest.fixture
async def dora(database: str) -> User:
    user: User = await asyncio.to_thread(_closing, partial(User.objects.create_user, "dora", first_name="Dora"))
    return user


def _closing(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        connections.close_all()


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Runs it as a view's code runs: on a thread with a connection, beside the event loop."""
    return await asyncio.to_thread(_closing, partial(work, *arguments))


async def heard(member: WebsocketCommunicator, count: int) -> list[tuple[int, str]]:
    """The next messages that a member gets, which may come in one frame."""
    found: list[tuple[int, str]] = []
    while len(found) < count:
        events = await member.receive_json_from(timeout=PATIENCE_SECONDS)
        found += [(event["seq"], event["body"]) for event in events if event["type"] == "message"]
    return found


def bodies(room: str = ROOM) -> list[tuple[int, str]]:
    return list(Message.objects.filter(room__slug=room).order_by("seq").values_list("seq", "body"))


# Who posts.


async def test_a_member_sees_at_once_what_the_hosts_code_posts(dora: User) -> None:
    member, welcome = await join("Ann", ROOM)
    found = await api.apost(ROOM, dora, "Your *order* has been shipped.")
    assert (found.seq, found.author.name, found.html) == (1, "Dora", "<p>Your <em>order</em> has been shipped.</p>")
    assert await heard(member, 1) == [(1, "Your *order* has been shipped.")]
    await in_thread(api.post, ROOM, "dora", "by the user name")
    assert await heard(member, 1) == [(2, "by the user name")]
    await api.apost(ROOM, SHOP, "by a program")
    message = await receive(member, "message")
    assert (message["author"]["id"], message["author"]["bot"]) == (SHOP.id, True)
    assert (await in_thread(Room.objects.get)).log == uuid.UUID(welcome["log"]), "nobody had to begin anew"
    await member.disconnect()


async def test_the_user_is_the_member_that_joins_when_signed_in(dora: User) -> None:
    assert (await api.apost(ROOM, dora, "hello")).author.id == member_id(dora)


async def test_the_same_nonce_is_the_same_message(dora: User) -> None:
    member, _ = await join("Ann", ROOM)
    first = await api.apost(ROOM, dora, "paid", nonce="order-1-paid")
    again = await in_thread(api.post, ROOM, dora, "paid again", "order-1-paid")
    other = await api.apost(ROOM, SHOP, "paid", nonce="order-1-paid")
    assert (again, first.seq, other.seq) == (first, 1, 2)
    assert await heard(member, 2) == [(1, "paid"), (2, "paid")]
    nonce = uuid.uuid4()
    assert (await api.apost(ROOM, dora, "hello", nonce)).nonce == nonce
    await member.disconnect()


async def test_it_mentions_who_is_there_or_was(dora: User) -> None:
    member, welcome = await join("Ann Lee", ROOM)
    found = await api.apost(ROOM, dora, "hello @Ann Lee and @Nobody")
    assert found.mentions == [welcome["me"]["id"]]
    await member.disconnect()
    await current_registry()._visits.flush()
    await close_registry()
    assert (await api.apost(ROOM, dora, "hello again @Ann Lee")).mentions == [welcome["me"]["id"]]


@pytest.mark.parametrize(
    ("room", "person", "body", "error", "code"),
    [
        (ROOM, "dora", " ", api.Invalid, "body_empty"),
        (ROOM, "dora", "x" * 4_001, api.Invalid, "body_too_long"),
        ("no_room", "dora", "hello", api.Invalid, "slug_invalid"),
        (ROOM, "nobody", "hello", api.UnknownUser, "name_invalid"),
        (ROOM, Person(SHOP.id), "hello", api.Invalid, "name_invalid"),
        (ROOM, Person(MemberId("x"), "X"), "hello", api.Invalid, "name_invalid"),
        (ROOM, None, "hello", api.Invalid, "name_invalid"),
        ("private", "emil", "hello", api.NotAllowed, "no_such_room"),
        (ROOM, Person(SHOP.id, "X", rooms=frozenset({"other"})), "hello", api.NotAllowed, "no_such_room"),
    ],
)
async def test_what_a_member_may_not_post_the_hosts_code_may_not(
    dora: User, room: str, person: Any, body: str, error: type[api.ChattyError], code: str
) -> None:
    await in_thread(partial(User.objects.create_user, "emil", first_name="Emil"))
    with pytest.raises(error) as refused:
        await api.apost(room, person, body)
    assert refused.value.code == code
    assert not await in_thread(Room.objects.count), "it has left a room behind"


async def test_a_lock_slow_mode_and_bans_hold_for_the_hosts_code(dora: User) -> None:
    await in_thread(partial(Room.objects.create, slug=ROOM, slow_seconds=3_600))
    await api.apost(ROOM, dora, "first")
    with pytest.raises(api.TooSoon) as refused:
        await api.apost(ROOM, dora, "second")
    assert refused.value.retry_after
    await in_thread(partial(Room.objects.filter(slug=ROOM).update, locked=True, slow_seconds=0))
    with pytest.raises(api.Locked):
        await api.apost(ROOM, dora, "second")
    await in_thread(_promote, dora)
    assert (await api.apost(ROOM, dora, "by a moderator")).seq == 2
    await in_thread(partial(Ban.objects.create, member_id=member_id(dora)))
    with pytest.raises(api.NotAllowed) as banned:
        await api.apost(ROOM, dora, "third")
    assert banned.value.code == "banned"


def _promote(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=True)
    user.refresh_from_db()
    user.user_permissions.add(Permission.objects.get(codename="moderate_room"))


# Transactions.


async def test_nothing_is_seen_before_the_commit_and_all_after_it(dora: User) -> None:
    member, _ = await join("Ann", ROOM)

    def work() -> None:
        with transaction.atomic():
            assert [api.post(ROOM, dora, body).seq for body in ("one", "two")] == [1, 2]
            User.objects.filter(pk=dora.pk).update(last_name="Fuchs")
            asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
            assert not [event for event in pending(member) if event["type"] == "message"]

    loop = asyncio.get_running_loop()
    await in_thread(work)
    assert await heard(member, 2) == [(1, "one"), (2, "two")]
    await member.disconnect()


def pending(member: WebsocketCommunicator) -> list[dict[str, Any]]:
    """What was sent to a member and isn't read yet."""
    frames = list(member.output_queue._queue)
    return [event for frame in frames for event in json.loads(frame["text"])]


async def test_a_rolled_back_transaction_posts_nothing_and_leaves_no_gap(dora: User) -> None:
    member, _ = await join("Ann", ROOM)

    def work(body: str) -> None:
        with transaction.atomic():
            api.post(ROOM, dora, body)
            raise Undone

    with pytest.raises(Undone):
        await in_thread(work, "in a new room")
    await api.apost(ROOM, dora, "one")
    with pytest.raises(Undone):
        await in_thread(work, "in a written room")
    await api.apost(ROOM, dora, "two")
    assert await heard(member, 2) == [(1, "one"), (2, "two")]
    assert await in_thread(bodies) == [(1, "one"), (2, "two")]
    await member.disconnect()


async def test_a_rolled_back_part_of_a_transaction_takes_back_its_posts_only(dora: User) -> None:
    member, _ = await join("Ann", ROOM)

    def work() -> None:
        with transaction.atomic():
            api.post(ROOM, dora, "before")
            for body in ("undone", "undone again"):
                try:
                    with transaction.atomic():
                        api.post(ROOM, dora, body)
                        raise Undone
                except Undone:
                    pass
            with transaction.atomic():
                api.post(ROOM, dora, "after")

    await in_thread(work)
    assert await heard(member, 2) == [(1, "before"), (2, "after")]
    assert await in_thread(bodies) == [(1, "before"), (2, "after")]
    await member.disconnect()


async def test_a_refusal_leaves_the_transaction_usable(dora: User) -> None:
    def work() -> None:
        with transaction.atomic():
            with pytest.raises(api.Invalid):
                api.post(ROOM, dora, "")
            Room.objects.filter(slug=ROOM).update(locked=True)
            with pytest.raises(api.Locked):
                api.post(ROOM, dora, "in a locked room")
            User.objects.filter(pk=dora.pk).update(last_name="Fuchs")

    await in_thread(partial(Room.objects.create, slug=ROOM))
    await in_thread(work)
    assert (await in_thread(partial(User.objects.get, pk=dora.pk))).last_name == "Fuchs"


async def test_asynchronous_code_posts_in_the_transaction_of_its_thread_as_djangos_queries_do(dora: User) -> None:
    atomic = transaction.atomic()
    await sync_to_async(atomic.__enter__)()
    await api.apost(ROOM, dora, "undone")
    assert await Message.objects.acount() == 1
    await sync_to_async(atomic.__exit__)(Undone, Undone(), None)
    assert await Message.objects.acount() == 0


async def test_members_posts_wait_for_the_hosts_transaction_and_follow_in_order(dora: User) -> None:
    """The room is locked from the host's post to its commit. So the versions are in the order of the commits."""
    member, _ = await join("Ann", ROOM)
    await api.apost(ROOM, dora, "first")
    posted, sent = threading.Event(), threading.Event()

    def work() -> None:
        with transaction.atomic():
            api.post(ROOM, dora, "second, by the host")
            posted.set()
            assert sent.wait(60)

    host = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(posted.wait, 60)
    await member.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "third, by a member"})
    if connection.vendor == "postgresql":  # SQLite has one lock for all rooms.
        await asyncio.to_thread(_closing, partial(api.post, "order-2", dora, "in another room"))
    sent.set()
    await host
    assert await heard(member, 3) == [(1, "first"), (2, "second, by the host"), (3, "third, by a member")]
    await member.disconnect()


async def test_a_room_that_is_locked_for_too_long_is_unavailable_and_the_transaction_goes_on(
    dora: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        return  # SQLite's one lock is the host's to wait for: it has it before it posts.
    monkeypatch.setattr(direct, "LOCK_WAIT_MS", 100)
    await api.apost(ROOM, dora, "first")
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Room.objects.select_for_update().get(slug=ROOM)
            locked.set()
            assert done.wait(60)

    def work() -> None:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout TO '7s'")
            with pytest.raises(api.Unavailable):
                api.post(ROOM, dora, "second")
            api.post("order-2", dora, "in another room")
            with connection.cursor() as cursor:
                cursor.execute("SHOW lock_timeout")
                assert cursor.fetchone() == ("7s",), "the host's own setting"

    holding = asyncio.create_task(in_thread(hold))
    await asyncio.to_thread(locked.wait, 60)
    await in_thread(work)
    with pytest.raises(api.Unavailable):
        await api.apost(ROOM, dora, "without a transaction")
    done.set()
    await holding
    assert await in_thread(bodies, "order-2") == [(1, "in another room")]
    assert (await api.apost(ROOM, dora, "second")).seq == 2


async def test_calls_share_a_connection_and_none_runs_on_the_event_loop(dora: User) -> None:
    opened: list[str] = []

    def note(**_: Any) -> None:
        opened.append(threading.current_thread().name)

    connection_created.connect(note)
    try:
        for number in range(10):
            await api.apost(ROOM, dora, f"{number}")
            await api.amembers(ROOM)
    finally:
        connection_created.disconnect(note)
    assert len(opened) <= 1
    assert threading.current_thread().name not in opened
    for call in (partial(api.post, ROOM, dora, "hello"), partial(api.members, ROOM)):
        with pytest.raises(SynchronousOnlyOperation):
            call()


# Rooms and members.


async def test_a_room_is_created_once(dora: User) -> None:
    info = await api.acreate_room(ROOM, "Order 1", "The blue one", dora)
    assert (info.slug, info.title, info.topic) == (ROOM, "Order 1", "The blue one")
    assert await in_thread(api.create_room, ROOM, "Another title", "", dora) == info
    for other in (SHOP, None):
        with pytest.raises(api.RoomExists):
            await api.acreate_room(ROOM, "Order 1", person=other)
    with pytest.raises(api.Invalid):
        await api.acreate_room("order-2", "")
    own = await api.acreate_room("order-2", "Order 2")
    assert await api.acreate_room("order-2", "Order 2") == own
    with pytest.raises(api.RoomExists):
        await api.acreate_room("order-2", "Another title")


async def test_members_who_are_there_already_see_the_title_after_the_commit(dora: User) -> None:
    member, welcome = await join("Ann", ROOM)

    def work(error: Exception | None) -> None:
        with transaction.atomic():
            api.create_room(ROOM, "Order 1", person=dora)
            if error:
                raise error

    with pytest.raises(Undone):
        await in_thread(work, Undone())
    assert not await in_thread(Room.objects.count)
    await in_thread(work, None)
    assert (await receive(member, "room"))["room"]["title"] == "Order 1"
    assert (await in_thread(Room.objects.get)).log == uuid.UUID(welcome["log"])
    await member.disconnect()


async def test_members_are_those_who_are_there_now(dora: User) -> None:
    assert await api.amembers(ROOM) == []
    ann, welcome = await join("Ann", ROOM)
    bot, _ = await join("Bot", ROOM, token=issue(SHOP.id, name="Bot", is_bot=True))
    found = await api.amembers(ROOM)
    assert [(member.id, member.name) for member in found] == [(welcome["me"]["id"], "Ann"), (SHOP.id, "Bot")]
    assert await in_thread(api.members, ROOM) == found
    assert await api.amembers("order-2") == []
    await ann.disconnect()
    await bot.disconnect()


def test_the_time_of_a_message_is_now(dora: User) -> None:
    before = timezone.now().timestamp() * 1_000 - 1
    assert before <= api.post(ROOM, dora, "hello").at <= timezone.now().timestamp() * 1_000
