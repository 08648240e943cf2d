"""Members whom another site's server identifies, by a JWT at /get_user_info.json."""

import asyncio
import time
import uuid
from typing import Any

import jwt
import pytest
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

from chat.access import host_tokens, tokens
from chat.models import Room
from chat.moderation import acts
from chat.protocol.errors import CloseCode
from tests.integration.members import connect, join, receive, send_join

pytestmark = pytest.mark.usefixtures("database", "rooms", "keys")
GUEST = "chat.access.authentication.guest"
KEY = "s" * 32


@pytest.fixture
def keys(settings: Any) -> None:
    settings.CHATTY = {"EMBED_KEYS": {"shop": [KEY]}, "AUTHENTICATE": GUEST}


def signed(**changes: Any) -> str:
    claims = {"sub": "7", "name": "Dora Fuchs", "exp": int(time.time()) + 600} | changes
    return jwt.encode(claims, KEY, algorithm="HS256", headers={"kid": "shop"})


async def ask(bearer: str, status: int = 200, **cookies: str) -> dict[str, Any]:
    """What /get_user_info.json says."""
    browser = AsyncClient()
    for name, value in cookies.items():
        browser.cookies[name] = value
    answer = await browser.get("/get_user_info.json", headers={"Authorization": f"Bearer {bearer}"})
    assert answer.status_code == status
    assert not answer.cookies, "a browser must not become this member at the stand-alone page"
    assert "no-store" in answer["Cache-Control"]
    assert (status == 401) == ("WWW-Authenticate" in answer)
    said: dict[str, Any] = answer.json()
    return said


async def test_the_sites_member_talks_under_the_sites_name() -> None:
    info = await ask(signed())
    assert info["name"] == "Dora Fuchs"
    assert info["socketURL"].endswith("/ws/chatty")
    assert (await ask(signed(name="Dora")))["uuid"] == info["uuid"]
    communicator, welcome = await join("Somebody else\0", token=info["token"])
    assert welcome["me"] == {"id": info["uuid"], "name": "Dora Fuchs"}
    await communicator.send_json_to({"type": "rename", "name": "Somebody else"})
    assert (await receive(communicator, "refused"))["code"] == "not_allowed"
    await communicator.disconnect()


@pytest.mark.parametrize(
    "bearer",
    [
        lambda: signed(exp=int(time.time()) - 1),
        lambda: signed(exp=int(time.time()) + 660),
        lambda: signed()[:-4],
        lambda: jwt.encode({"sub": "7", "name": "A", "exp": time.time() + 9}, KEY, headers={"kid": "other"}),
        lambda: jwt.encode({"sub": "7", "name": "A", "exp": time.time() + 9}, KEY, "HS512", headers={"kid": "shop"}),
        lambda: jwt.encode({"sub": "7", "name": "A", "exp": time.time() + 9}, "", "none", headers={"kid": "shop"}),
        lambda: signed(padding="x" * 5_000),
    ],
)
@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
async def test_a_wrong_one_is_answered_401_with_the_reason(bearer: Any) -> None:
    said = await ask(bearer(), 401)
    assert said["code"] == "bad_token"
    assert said["detail"].startswith("Expected ")


async def test_a_room_that_isnt_listed_is_as_if_it_werent_there() -> None:
    await asyncio.to_thread(Room.objects.create, slug="secret")
    token = (await ask(signed(rooms=["support"])))["token"]
    communicator, _welcome = await join("", "support", token=token)
    await communicator.send_json_to({"type": "watch", "rooms": [{"slug": "secret", "seq": 0}]})
    assert (await receive(communicator, "unread"))["rooms"] == []
    await communicator.send_json_to({"type": "make", "slug": "secret", "title": "Secret"})
    assert (await receive(communicator, "refused"))["code"] == "no_such_room"
    await communicator.disconnect()
    none = (await ask(signed(rooms=[])))["token"]
    for slug, allowed in (("secret", token), ("not-there", token), ("support", none)):
        stranger = await connect(slug)
        await send_join(stranger, "", allowed)
        said = await stranger.receive_output(20)
        while said["type"] != "websocket.close":
            said = await stranger.receive_output(20)
        assert said["code"] == CloseCode.NO_SUCH_ROOM
    renewed = await AsyncClient().get("/get_user_info.json", headers={"Authorization": f"Bearer {token}"})
    assert renewed.json()["uuid"] != (await ask(signed()))["uuid"], "only the site can renew it"


async def test_the_token_ends_with_the_key_and_with_a_revocation(settings: Any) -> None:
    member_id = host_tokens.verify(signed()).member_id
    await asyncio.to_thread(acts.revoke, None, uuid.UUID(member_id), "Dora", "Lost her laptop.")
    fresh = await ask(signed())
    assert fresh["uuid"] == member_id
    assert tokens.verify(fresh["token"], 1).generation > 0
    settings.CHATTY = {"EMBED_KEYS": {}}
    stranger = await connect("lobby")
    await send_join(stranger, "", fresh["token"])
    said = await stranger.receive_output(20)
    while said["type"] != "websocket.close":
        said = await stranger.receive_output(20)
    assert said["code"] == CloseCode.BAD_TOKEN


async def test_the_sites_word_comes_before_an_account_of_the_browser(settings: Any) -> None:
    """A host that other sites of its domain embed, too."""
    settings.CHATTY = {"EMBED_KEYS": {"shop": [KEY]}, "AUTHENTICATE": "chat.access.authentication.account"}
    web = Client()
    await asyncio.to_thread(lambda: web.force_login(User.objects.create_user("max")))
    session = web.cookies["sessionid"].value
    info = await ask(signed(), sessionid=session)
    assert info["name"] == "Dora Fuchs"
    communicator, welcome = await join("", session=session, token=info["token"])
    assert welcome["me"]["name"] == "Dora Fuchs"
    await communicator.disconnect()
    guest = tokens.issue(tokens.new_member_id(), name="Ann;key=shop")
    communicator, welcome = await join("", session=session, token=guest)
    assert welcome["me"]["name"] == "max"
    await communicator.disconnect()
