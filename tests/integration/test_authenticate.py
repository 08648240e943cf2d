"""`CHATTY["AUTHENTICATE"]`: identification by the host."""

import asyncio
import threading
import time
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core import signing
from django.test import AsyncRequestFactory, Client

from chat.access import accounts, authentication, tokens
from chat.access.person import Person
from chat.log.reader import LogUnavailable
from chat.models import Room
from chat.moderation import acts
from chat.protocol.errors import CloseCode
from chat.protocol.fields import MemberId
from chat.rooms.registry import close_registry
from chat.web import views
from tests.integration.members import connect, join, receive, send_join

pytestmark = pytest.mark.usefixtures("database", "rooms")
ACCOUNT, GUEST = "chat.access.authentication.account", "chat.access.authentication.guest"


@pytest.fixture
def dora() -> User:
    Room.objects.create(slug="lobby")
    return User.objects.create_user("dora", first_name="Dora", last_name="Fuchs")


@pytest.fixture
def session(dora: User) -> str:
    """Hers, signed in."""
    web = Client()
    web.force_login(dora)
    return web.cookies["sessionid"].value


@pytest.fixture
def by_account(settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": ACCOUNT}


async def user_info(session: str = "", token: str = "") -> tuple[dict[str, str], Any]:
    """What /get_user_info.json says, and its cookies."""
    browser = AsyncRequestFactory()
    if session:
        browser.cookies["sessionid"] = session
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request: Any = browser.get("/get_user_info.json", headers=headers)
    answer = await views.user_info(request)
    assert answer.status_code == 200
    return signing.JSONSerializer().loads(answer.content), answer.cookies


@pytest.mark.usefixtures("by_account")
async def test_an_account_is_always_the_same_member_under_its_own_name(session: str) -> None:
    info, cookies = await user_info(session)
    assert info["name"] == "Dora Fuchs"
    assert not cookies, "a guest's token stays for when the account signs out"
    for token in (info["token"], tokens.issue(tokens.new_member_id()), "none"):
        communicator, welcome = await join("Somebody else\0", session=session, token=token)
        assert welcome["me"] == {"id": info["uuid"], "name": "Dora Fuchs"}
        assert "moderator" not in welcome
        await communicator.send_json_to({"type": "rename", "name": "Somebody else"})
        assert (await receive(communicator, "refused"))["code"] == "not_allowed"
        await communicator.disconnect()


@pytest.mark.usefixtures("by_account")
async def test_a_guest_chooses_a_name_beside_accounts(session: str) -> None:
    info, cookies = await user_info()
    assert "name" not in info
    assert cookies["chatty_identity"].value == info["token"]
    communicator, welcome = await join("Ann", token=info["token"])
    assert welcome["me"] == {"id": info["uuid"], "name": "Ann"}
    await communicator.disconnect()


@pytest.mark.usefixtures("by_account")
async def test_who_signs_out_is_a_guest_and_no_longer_the_account(session: str, dora: User) -> None:
    info, _ = await user_info(session)
    await asyncio.to_thread(User.objects.filter(pk=dora.pk).update, is_active=False)
    guest, cookies = await user_info(session, info["token"])
    assert guest["uuid"] != info["uuid"]
    assert "name" not in guest
    assert cookies["chatty_identity"].value == guest["token"]


@pytest.mark.usefixtures("by_account")
async def test_a_socket_without_the_session_takes_the_accounts_token_for_some_minutes(
    session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    info, _ = await user_info(session)
    communicator, welcome = await join("Somebody else", token=info["token"])
    assert welcome["me"] == {"id": info["uuid"], "name": "Dora Fuchs"}
    await communicator.disconnect()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + tokens.HOSTS_MINUTES * 60 + 1)
    communicator = await connect()
    await send_join(communicator, "Somebody else", info["token"])
    assert (await receive(communicator, "bye"))["code"] == CloseCode.BAD_TOKEN
    await communicator.disconnect()


@pytest.mark.usefixtures("by_account")
async def test_an_account_whose_tokens_were_revoked_gets_one_that_holds(session: str) -> None:
    info, _ = await user_info(session)
    await asyncio.to_thread(acts.revoke, None, uuid.UUID(info["uuid"]))
    await close_registry()
    communicator = await connect()
    await send_join(communicator, "Dora", info["token"])
    assert (await receive(communicator, "bye"))["code"] == CloseCode.BAD_TOKEN
    await communicator.disconnect()
    info, _ = await user_info(session)
    for joining in ({"token": info["token"]}, {"session": session, "token": "none"}):
        communicator, welcome = await join("Dora", **joining)
        assert welcome["me"]["id"] == info["uuid"]
        await communicator.disconnect()


@pytest.mark.parametrize(("function", "name"), [(ACCOUNT, "Dora Fuchs"), (GUEST, "Ann")])
async def test_a_session_makes_a_moderator_under_any_name(
    settings: Any, session: str, dora: User, function: str, name: str
) -> None:
    settings.CHATTY = {"AUTHENTICATE": function}

    def promote(is_staff: bool) -> None:
        User.objects.filter(pk=dora.pk).update(is_staff=is_staff)
        dora.user_permissions.add(Permission.objects.get(codename="moderate_room"))

    await asyncio.to_thread(promote, True)
    communicator, welcome = await join("Ann", session=session)
    assert (welcome["me"]["name"], welcome["moderator"]) == (name, True)
    await communicator.send_json_to({"type": "slow", "seconds": 30})
    assert (await receive(communicator, "room"))["room"]["slow"] == 30
    await asyncio.to_thread(promote, False)
    await communicator.send_json_to({"type": "slow", "seconds": 0})
    assert (await receive(communicator, "refused"))["code"] == "not_allowed"
    await communicator.disconnect()


async def test_guests_without_a_session_cost_no_look_up(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(*_: Any) -> None:
        raise LogUnavailable("nobody should ask")

    monkeypatch.setattr(authentication, "authenticate", look_up)
    monkeypatch.setattr(accounts, "moderator_of", look_up)
    for function in (GUEST, ACCOUNT):
        settings.CHATTY = {"AUTHENTICATE": function}
        info, _ = await user_info()
        communicator, _ = await join("Ann", token=info["token"])
        await communicator.disconnect()


asked: list[threading.Thread] = []


def of_the_host(scope_or_request: Any) -> Person | None:
    """A function of the host's own. It knows everybody who has the right header."""
    asked.append(threading.current_thread())
    headers = getattr(scope_or_request, "headers", None)
    cookie = headers.get("Cookie", "") if headers is not None else dict(scope_or_request["headers"]).get(b"cookie")
    return Person(MemberId(str(uuid.UUID(int=7))), name="Captain") if cookie else None


async def test_a_host_brings_its_own_function_which_is_asked_once_a_join_on_a_thread(settings: Any) -> None:
    settings.CHATTY = {"AUTHENTICATE": f"{__name__}.of_the_host"}
    await asyncio.to_thread(Room.objects.create, slug="lobby")
    asked.clear()
    info, _ = await user_info("any")
    assert (info["uuid"], info["name"]) == (str(uuid.UUID(int=7)), "Captain")
    communicator, welcome = await join("Somebody else", session="any", token="")
    assert welcome["me"] == {"id": info["uuid"], "name": "Captain"}
    for _ in range(3):
        await communicator.send_json_to({"type": "post", "nonce": str(uuid.uuid4()), "body": "aye"})
        await receive(communicator, "message")
    assert len(asked) == 2
    assert threading.current_thread() not in asked
    await communicator.disconnect()
    communicator, welcome = await join("Ann")
    assert welcome["me"]["name"] == "Ann", "whom it doesn't know is a guest"
    await communicator.disconnect()
