"""Tokens that a moderator has revoked, on real servers."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest

from chat.access import tokens
from chat.protocol.fields import MemberId
from tests import servers
from tests.client import Client, Enter
from tests.client import identity as ask_who_i_am
from tests.moderators import post
from tests.servers import ChattyServer, Pair

PATH = "/get_user_info.json"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def look(browser: httpx.Client, path: str) -> httpx.Response:
    return browser.get(path)


async def refused_everywhere(pair: Pair, token: str) -> bool:
    """Whether no process takes this token any more, be it in `join`, in a header or in the cookie."""
    member = token.partition(":")[0].partition(";")[0]
    for process in pair:
        client = Client(process.http_url)
        await client.open()
        await client.send(type="join", token=token, name="Eve", v=1)
        event = await client.next()
        await client.close()
        if (event["type"], event.get("code")) != ("bye", 4401):
            return False
        async with httpx.AsyncClient(base_url=process.http_url, trust_env=False, timeout=60) as http:
            for headers in (bearer(token), {"Cookie": f"chatty_identity={token}"}):
                if (await http.get(PATH, headers=headers)).json()["uuid"] == member:
                    return False
    return True


async def test_revoked_tokens_close_their_sockets_everywhere_and_are_refused(
    pair: Pair, enter: Enter, shared_database: str
) -> None:
    eve = await enter("Eve")
    elsewhere = await enter("Eve", on=1, room="elsewhere", token=eve.token)
    ann = await enter("Ann", on=1)
    renewed = (await ask_who_i_am(pair[1].http_url, eve.token))["token"]
    command = ("revoke_tokens", eve.id, "--reason", "stolen laptop")
    said = await asyncio.to_thread(servers.manage, *command, DATABASE_URL=shared_database)
    assert eve.id in said
    for client in (eve, elsewhere):
        bye = await client.next("bye")
        assert (bye["code"], bye["reconnect"]) == (4401, False)
        assert await client.closed() == 4401
    await ann.until(lambda c: eve.id not in c.members, "that Eve left")
    for token in (eve.token, renewed):
        assert await refused_everywhere(pair, token)
    assert (await ann.post("still here"))["body"] == "still here"
    assert (await ask_who_i_am(pair[0].http_url, ann.token))["uuid"] == ann.id


async def test_revoked_tokens_close_their_sockets_on_either_kind_of_server(server: ChattyServer, room: str) -> None:
    async with Client(server.http_url, "Ann", room) as ann, Client(server.http_url, "Eve", room) as eve:
        await asyncio.to_thread(servers.manage, "revoke_tokens", eve.id, DATABASE_URL=server.settings["DATABASE_URL"])
        assert (await eve.next("bye"))["code"] == 4401
        assert await eve.closed() == 4401
        assert (await ask_who_i_am(server.http_url, eve.token))["uuid"] != eve.id
        assert (await ann.post("still here"))["body"] == "still here"
        assert (await ask_who_i_am(server.http_url, ann.token))["uuid"] == ann.id


async def test_a_moderator_revokes_tokens_in_the_admin_as_often_as_need_be(
    pair: Pair, enter: Enter, moderators_browser: httpx.Client
) -> None:
    eve = await enter("Eve", on=1)
    page = look(moderators_browser, f"/admin/chat/revocation/add/?member_id={eve.id}&member_name=Eve")
    assert f'value="{eve.id}"' in page.text
    for reason in ("stolen", "again"):
        form = {"member_id": eve.id, "member_name": "Eve", "reason": reason}
        assert post(moderators_browser, "/admin/chat/revocation/add/", **form).status_code == 302
    assert await eve.closed() == 4401
    async with asyncio.timeout(30):  # The other process hears of it by itself.
        while not await refused_everywhere(pair, eve.token):
            await asyncio.sleep(0.1)
    record = look(moderators_browser, "/admin/chat/moderationaction/?q=Eve").text
    assert record.count("revoked tokens</td>") == 2
    assert "stolen" in record
    assert look(moderators_browser, f"/admin/chat/revocation/{eve.id}/change/").status_code == 200


async def test_the_author_of_a_message_is_led_to_the_form(
    enter: Enter, room: str, moderators_browser: httpx.Client
) -> None:
    eve = await enter("Eve")
    await eve.post("my token was stolen")
    listed = look(moderators_browser, f"/admin/chat/message/?q={eve.id}").text
    number = listed.partition('name="_selected_action" value="')[2].partition('"')[0]
    fields = {"action": "revoke_authors_tokens", "_selected_action": number}
    answer = post(moderators_browser, "/admin/chat/message/", **fields)
    assert answer.headers["Location"] == f"/admin/chat/revocation/add/?member_id={eve.id}&member_name=Eve"


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
async def test_tokens_of_a_later_generation_hold(database: str) -> None:
    from chat.moderation import acts
    from chat.rooms.registry import RoomRegistry

    member = uuid.uuid4()
    await asyncio.to_thread(moderation_in_thread, lambda: acts.revoke(None, member))
    await asyncio.to_thread(moderation_in_thread, lambda: acts.revoke(None, member))
    found = await asyncio.to_thread(moderation_in_thread, lambda: acts.read_exclusions(None))
    (generation,) = found.generations.values()
    hubs = RoomRegistry()
    try:
        for old in (0, generation - 1):
            with pytest.raises(tokens.BadToken):
                await hubs.identify(tokens.issue(MemberId(str(member)), old))
        claims = await hubs.identify(tokens.issue(MemberId(str(member)), generation))
        assert claims.generation == generation
    finally:
        await hubs.close()


def moderation_in_thread(work: Any) -> Any:
    from django.db import connection

    try:
        return work()
    finally:
        connection.close()
