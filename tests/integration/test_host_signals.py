"""`chat.signals`: what the host's receivers are told, and what they can't hold up."""

import asyncio
import threading
import uuid
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import connections, transaction
from django.dispatch import Signal
from django.test import Client

from chat import api, signals
from chat.access.authentication import member_id
from chat.access.person import Person
from chat.access.tokens import issue, new_member_id
from chat.models import Message
from chat.protocol.events import Member
from chat.protocol.fields import MemberId
from tests.integration.members import join, receive

ROOM = "order-1"
SHOP = Person(MemberId("00000000-0000-4000-8000-000000000009"), "The shop")


class Receiver:
    """Keeps what it is told, and on which thread. It may be held up, and may fail."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []
        self.threads: set[threading.Thread] = set()
        self.go_on = threading.Event()
        self.go_on.set()
        self.fails = False

    def __call__(self, signal: object, sender: object, **arguments: Any) -> None:
        self.threads.add(threading.current_thread())
        assert self.go_on.wait(60)
        self.told.append(arguments)
        if self.fails:
            raise ValueError("the host's own")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    signals.message_posted.connect(receiver)
    signals.member_joined.connect(receiver)
    yield receiver
    signals.message_posted.disconnect(receiver)
    signals.member_joined.disconnect(receiver)
    receiver.go_on.set()
    assert signals.finish()


@pytest.fixture
def host(settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": "chat.access.authentication.account"}


async def told(receiver: Receiver) -> list[dict[str, Any]]:
    assert await asyncio.to_thread(signals.finish)
    found, receiver.told = receiver.told, []
    return found


async def say(member: WebsocketCommunicator, body: str, **command: Any) -> None:
    await member.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": body} | command)
    await receive(member, "message")


@pytest.mark.usefixtures("own_limits", "database", "rooms", "host")
async def test_a_receiver_is_told_of_each_message_once_after_the_commit(receiver: Receiver) -> None:
    member, welcome = await join("Ann", ROOM)
    await told(receiver)
    await say(member, "one")
    await say(member, "one, edited", type="edit", seq=1)
    await member.send_json_to({"type": "react", "seq": 1, "emoji": "👍", "on": True})
    await receive(member, "reacted")
    await say(member, "two")
    found = await told(receiver)
    assert [(one["room"], one["message"].seq, one["message"].body) for one in found] == [
        (ROOM, 1, "one"),
        (ROOM, 4, "two"),
    ]
    assert found[0]["message"].author.id == welcome["me"]["id"]
    assert threading.main_thread() not in receiver.threads
    assert len(receiver.threads) == 1
    await member.disconnect()


@pytest.mark.usefixtures("own_limits", "database", "rooms", "host")
async def test_a_receiver_is_told_who_comes_in_and_not_of_their_other_tabs(receiver: Receiver) -> None:
    def sign_in() -> tuple[User, str]:
        user, web = User.objects.create_user("dora"), Client()
        web.force_login(user)
        connections.close_all()
        return user, web.cookies["sessionid"].value

    dora, session = await asyncio.to_thread(sign_in)
    token = issue(new_member_id())
    tabs = [(await join("Ann", ROOM, token=token))[0] for _ in range(2)]
    tabs.append((await join("", ROOM, session=session))[0])
    found = [(one["room"], one["member"].name, one["account"]) for one in await told(receiver)]
    assert found == [(ROOM, "Ann", None), (ROOM, "dora", str(dora.pk))]
    for tab in tabs:
        await tab.disconnect()


@pytest.mark.usefixtures("database", "host")
@pytest.mark.parametrize("with_rooms", [False, True], ids=["in another program", "in the server"])
async def test_what_the_hosts_code_posts_is_told_once_unless_it_is_rolled_back(
    request: pytest.FixtureRequest, receiver: Receiver, with_rooms: bool
) -> None:
    from chat.rooms.registry import close_registry, current_registry

    if with_rooms:
        current_registry()

    def work(error: Exception | None) -> None:
        try:
            with transaction.atomic():
                api.post(ROOM, SHOP, "undone" if error else "done", nonce="once")
                assert signals.finish()
                assert not receiver.told
                if error:
                    raise error
        finally:
            connections.close_all()

    with pytest.raises(ValueError, match="undone"):
        await asyncio.to_thread(work, ValueError("undone"))
    await asyncio.to_thread(work, None)
    await asyncio.to_thread(connections.close_all)
    while not (found := await told(receiver)):  # The server tells it on its event loop.
        await asyncio.sleep(0.01)
    assert [one["message"].body for one in found] == ["done"]
    await close_registry()


@pytest.mark.usefixtures("own_limits", "database", "rooms", "host")
async def test_a_receiver_that_hangs_or_fails_holds_up_nobody(receiver: Receiver) -> None:
    member, _ = await join("Ann", ROOM)
    receiver.go_on.clear()
    receiver.fails = True
    for number in range(3):
        await say(member, f"{number}")
    receiver.go_on.set()
    assert [one["message"].body for one in await told(receiver) if "message" in one] == ["0", "1", "2"]
    await member.disconnect()


@pytest.mark.usefixtures("own_limits", "database", "rooms", "host")
async def test_a_receiver_may_use_the_database(receiver: Receiver) -> None:
    counts: list[int] = []

    def count(**_: Any) -> None:
        counts.append(Message.objects.count())

    signals.message_posted.connect(count)
    member, _ = await join("Ann", ROOM)
    await say(member, "one")
    await told(receiver)
    signals.message_posted.disconnect(count)
    assert counts == [1]
    await member.disconnect()

    def forget(**_: Any) -> None:
        connections.close_all()
        del connections["default"]

    signals.member_joined.connect(forget)  # Takes this test's database from the thread.
    signals.send_joined(ROOM, Member(MemberId(SHOP.id), "The shop"), None)
    await told(receiver)
    signals.member_joined.disconnect(forget)


def test_signals_wait_in_a_limited_number_of_bytes(caplog: pytest.LogCaptureFixture) -> None:
    sender, held, go_on = signals.Sender(3 * signals.ITEM_BYTES), threading.Event(), threading.Event()
    told: list[int] = []
    signal = Signal()

    def receive(number: int, **_: Any) -> None:
        held.set()
        assert go_on.wait(60)
        told.append(number)

    signal.connect(receive)
    for number in range(6):
        sender.send(signal, partial(dict, number=number))
        assert held.wait(60)
    sender.send(signal, partial(dict, number=6), size=3 * signals.ITEM_BYTES)
    go_on.set()
    assert sender.finish(60)
    assert told == [0, 1, 2]
    assert caplog.text.count("signals were dropped") == 1
    sender.send(signal, partial(dict, number=7))
    assert sender.finish(60)
    assert told == [0, 1, 2, 7]


def test_without_receivers_there_is_no_thread_and_nothing_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "_sender", None)  # Whatever used it would fail.
    signals.send_posted(ROOM, b"not even JSON")
    signals.send_joined(ROOM, Member(MemberId(SHOP.id), "The shop"), None)


async def test_member_ids_of_accounts_are_known_to_the_host() -> None:
    """`member_joined` has the account, and messages have the author's id: the host can tell whose it is."""
    user = User(pk=7, username="dora")
    assert member_id(user) == member_id(await sync_to_async(lambda: user)())
