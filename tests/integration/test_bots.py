"""Bots: programs with a token and a name of their own, on every transport."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests import servers
from tests.client import PATIENCE_SECONDS, Client, Enter, new_slug
from tests.http_client import Requester, events_of, stream
from tests.moderators import post as submit
from tests.servers import ChattyServer, Pair, ServerError


async def manage(server: ChattyServer, *arguments: str) -> str:
    """What `manage.py bot` prints; of a new bot, the last line is the token."""
    settings = {"DATABASE_URL": server.settings["DATABASE_URL"], "SECRET_KEY": servers.SECRET_KEY}
    return await asyncio.to_thread(servers.manage, "bot", *arguments, **settings)


def look(browser: httpx.Client, path: str) -> str:
    return browser.get(path).text


def new_name() -> str:
    """Of a bot that there isn't yet."""
    return f"Robot {uuid.uuid4().hex[:8]}"


async def new_bot(server: ChattyServer, *rooms: str, name: str = "") -> Requester:
    """A bot with its token, over HTTP."""
    options = [part for room in rooms for part in ("--room", room)]
    bot = Requester(server.http_url, rooms[0] if rooms else "lobby")
    bot.token = (await manage(server, "create", name or new_name(), *options)).splitlines()[-1]
    return await bot.identify()


@pytest.fixture
async def ann(server: ChattyServer, room: str) -> AsyncIterator[Client]:
    async with Client(server.http_url, "Ann", room) as ann:
        yield ann


async def test_a_bot_posts_under_its_own_name_and_is_marked(server: ChattyServer, room: str, ann: Client) -> None:
    name = new_name()
    bot = await new_bot(server, room, name=name)
    message = await bot.post("The build is **green**.", session=False, name="Ann")
    assert message["author"] == {"id": bot.id, "name": name, "bot": True}
    assert await ann.next("message") == message
    # So it stays: in history, in a search, and when it is edited.
    await ann.send(type="history", before=2**53 - 1, limit=1)
    assert (await ann.next("page"))["messages"] == [message]
    await ann.send(type="search", query="green", limit=1)
    assert (await ann.next("found"))["results"][0]["author"] == message["author"]
    (edited,) = events_of(await bot.command({"type": "edit", "seq": 1, "body": "Red."}, session=False))
    assert edited["author"] == message["author"]
    assert "bot" not in (await ann.post("thanks"))["author"]
    await bot.http.aclose()


async def test_a_bot_in_a_room_is_listed_as_one_and_not_counted(server: ChattyServer, room: str, ann: Client) -> None:
    bot = await new_bot(server, room)
    member = Client(server.http_url, "Ann", room)  # The name is the server's to say.
    member.token = bot.token
    await member.open()
    assert member.token != ""
    welcome = await member.join()
    assert welcome["me"] == {"id": bot.id, "name": welcome["me"]["name"], "bot": True}
    assert welcome["me"]["name"].startswith("Robot")
    joined = await ann.next("joined")
    assert (joined["member"], joined["online"]) == (welcome["me"], 1)
    assert [(one["name"], one.get("bot")) for one in welcome["members"]] == [
        ("Ann", None),
        (welcome["me"]["name"], True),
    ]
    assert welcome["online"] == 1
    assert (await ann.next("pulse"))["online"] == 1
    await member.send(type="rename", name="Ann")
    assert (await member.refused())["code"] == "not_allowed"
    async with Client(server.http_url, "Bob", room) as bob:
        assert bob.online == 2
        assert len(bob.members) == 3
    await member.close()
    assert (await ann.next("left", lambda event: event["id"] == bot.id))["online"] == 1
    await bot.http.aclose()


async def test_a_bot_streams_over_http_like_anybody(server: ChattyServer, room: str, ann: Client) -> None:
    bot = await new_bot(server, room)
    async with stream(bot, name="Ann") as events:
        welcome = await events.next("welcome")
        assert welcome["me"]["bot"]
        assert (await ann.next("joined"))["member"] == welcome["me"]
        await ann.post("ping")
        assert (await events.next("message"))["body"] == "ping"
        assert (await bot.post("pong"))["author"] == welcome["me"]
    await bot.http.aclose()


async def test_a_fresh_token_of_a_bot_is_still_the_bots_and_no_cookie_keeps_it(server: ChattyServer, room: str) -> None:
    bot = await new_bot(server, room)
    for _ in range(2):
        answer = await bot.http.get(f"{server.http_url}/get_user_info.json")
        info = answer.json()
        assert (info["uuid"], info["name"].partition(" ")[0]) == (bot.id, "Robot")
        assert "set-cookie" not in answer.headers
        bot.http.headers["Authorization"] = f"Bearer {info['token']}"
    assert (await bot.post("still me", session=False))["author"]["bot"]
    assert (await bot.http.get(f"{server.http_url}/chatty/{new_slug()}/events")).status_code == 404
    await bot.http.aclose()


async def test_a_bot_kept_to_rooms_finds_no_other(server: ChattyServer, room: str) -> None:
    """Each door answers as for an address that no room can have."""
    bot = await new_bot(server, room)
    other = new_slug()
    async with Client(server.http_url, "Eve", other) as eve:
        await eve.post("secret")
        answers: dict[str, list[Any]] = {}
        for slug in (other, "No_Room"):
            found: list[Any] = []
            base = bot.base.rpartition("/")[0]
            for method, path, body in (
                ("GET", "events", None),
                ("GET", "events?name=Ann", None),
                ("GET", "events?poll=1", None),
                ("POST", "commands", {"type": "history", "before": 9, "limit": 9}),
                ("POST", "commands", [{"type": "typing"}]),
            ):
                answer = await bot.http.request(method, f"{base}/{slug}/{path}", json=body)
                found.append((answer.status_code, answer.json()))
            member = Client(server.http_url, "Ann", slug)
            member.token = bot.token
            await member.open()
            if slug == other:
                await member.send(type="join", token=bot.token, name="Ann", v=1)
            found.append(await member.next("bye"))
            found.append(await member.closed())
            await member.close()
            answers[slug] = found
        assert answers[other] == answers["No_Room"]
        assert [answer[0] for answer in answers[other][:5]] == [404] * 5
        assert (answers[other][5]["code"], answers[other][5]["reconnect"]) == (4404, False)
        # Nor from its own room: it can't watch or make the other.
        async with stream(bot, name="Ann") as events:
            await events.next("welcome")
            watched = await bot.command({"type": "watch", "rooms": [{"slug": other, "seq": 0}]})
            assert events_of(watched) == [{"type": "unread", "rooms": []}]
        made = await bot.command({"type": "make", "slug": new_slug(), "title": "Mine"}, session=False)
        assert (made.status_code, events_of(made)[0]["code"]) == (404, "no_such_room")
        assert not [event for event in await eve.settle() if event["type"] in ("joined", "left")]
    await bot.http.aclose()


async def test_a_revoked_bot_is_nobody_at_once_and_its_connections_end(
    server: ChattyServer, room: str, ann: Client
) -> None:
    name = new_name()
    bot = await new_bot(server, name=name)
    bot.room, bot.base = room, f"{server.http_url}/chatty/{room}"
    member = Client(server.http_url, "", room)
    member.token = bot.token
    await member.open()
    await member.join()
    async with stream(bot) as events:
        await events.next("welcome")
        assert name in await manage(server, "list")
        await manage(server, "revoke", name)
        assert (await events.next("bye"))["code"] == 4401
        assert (await member.next("bye"))["code"] == 4401
        assert await member.closed() == 4401
    assert (await ann.next("left"))["id"] == bot.id
    answer = await bot.command({"type": "post", "nonce": str(uuid.uuid4()), "body": "x"}, session=False)
    assert (answer.status_code, events_of(answer)[0]["code"]) == (401, "bad_token")
    assert (await bot.http.get(f"{server.http_url}/get_user_info.json")).json()["uuid"] != bot.id
    assert name not in await manage(server, "list")
    with pytest.raises(ServerError, match="There is no bot"):
        await manage(server, "revoke", name)
    await (await new_bot(server, name=name)).http.aclose()  # The name is free again, for another bot.
    await bot.http.aclose()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("create", "x\u200by"), "invisible"),
        (("create", "New", "--room", "No_Room"), "can't be a room's address"),
        (("create", "New", *(part for n in range(30) for part in ("--room", f"room-{n:045}"))), "Too many rooms"),
    ],
)
async def test_a_bot_that_cannot_be_created_says_why(
    server: ChattyServer, arguments: tuple[str, ...], problem: str
) -> None:
    with pytest.raises(ServerError, match=problem):
        await manage(server, *arguments)


async def test_without_the_servers_key_no_bot_is_created(server: ChattyServer) -> None:
    url = server.settings["DATABASE_URL"]
    with pytest.raises(ServerError, match="Expected the servers' SECRET_KEY"):
        await asyncio.to_thread(servers.manage, "bot", "create", new_name(), DATABASE_URL=url)


async def test_two_bots_have_names_that_can_be_told_apart(server: ChattyServer) -> None:
    name = new_name()
    await manage(server, "create", name)
    with pytest.raises(ServerError, match="looks the same"):
        await manage(server, "create", name.upper().replace("O", "\u041e"))


# --- on two workers, with PostgreSQL ---


async def test_a_bot_of_another_worker_is_marked_and_not_counted(pair: Pair, enter: Enter, room: str) -> None:
    bot = await new_bot(pair[0], room)
    ann = await enter("Ann", on=1)
    await enter("x", on=0, token=bot.token)
    joined = await ann.next("joined")
    assert (joined["member"]["bot"], joined["online"]) == (True, 1)
    late = await enter("Late", on=1)
    assert late.online == 2
    (message,) = [await bot.post("hello", session=False)]
    assert (await ann.next("message"))["author"] == message["author"]
    await bot.http.aclose()


async def test_a_banned_bot_is_out(pair: Pair, enter: Enter, room: str, moderators_browser: httpx.Client) -> None:
    bot = await new_bot(pair[0], room)
    member = await enter("x", on=0, token=bot.token)
    form = {"member_id": bot.id, "reason": "noise", "networks-TOTAL_FORMS": 0, "networks-INITIAL_FORMS": 0}
    assert submit(moderators_browser, "/admin/chat/ban/add/", **form).status_code == 302
    assert await member.closed() == 4003
    answer = await bot.command({"type": "typing"}, session=False)
    assert (answer.status_code, events_of(answer)[0]["code"]) == (403, "banned")
    await bot.http.aclose()


async def test_a_moderator_creates_and_revokes_a_bot_in_the_admin_and_sees_its_token_once(
    pair: Pair, room: str, moderators_browser: httpx.Client
) -> None:
    name, path = new_name(), "/admin/chat/bot/"
    answer = submit(moderators_browser, f"{path}add/", name=name, rooms=room)
    assert answer.status_code == 200
    assert "no-store" in answer.headers["cache-control"]
    token = answer.text.partition("readonly")[2].partition(">")[2].partition("<")[0]
    assert submit(moderators_browser, f"{path}add/", name=name.upper(), rooms="").text.count("looks the same") == 1
    bot = Requester(pair[1].http_url, room)
    bot.token = token
    await bot.identify()
    assert (await bot.post("hello", session=False))["author"] == {"id": bot.id, "name": name, "bot": True}
    listed = look(moderators_browser, f"{path}?q={bot.id}")
    number = listed.partition('name="_selected_action" value="')[2].partition('"')[0]
    page = look(moderators_browser, f"{path}{number}/change/")
    signature = token.rpartition(":")[2]
    assert signature not in listed + page + look(moderators_browser, f"/admin/chat/moderationaction/?q={bot.id}")
    submit(moderators_browser, path, action="revoke", _selected_action=number)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await bot.command({"type": "typing"}, session=False)).status_code != 401:
            await asyncio.sleep(0.05)
    record = look(moderators_browser, f"/admin/chat/moderationaction/?q={bot.id}")
    assert record.count("created a bot</td>") == record.count("revoked tokens</td>") == 1
    await bot.http.aclose()


async def test_nothing_of_a_bots_token_is_in_the_database(pair: Pair, shared_database: str) -> None:
    token = (await manage(pair[0], "create", new_name())).splitlines()[-1]
    dump = await asyncio.to_thread(servers.manage, "dumpdata", "chat", "-v", "0", DATABASE_URL=shared_database)
    assert json.loads(dump)
    assert token.rpartition(":")[2] not in dump
    assert token not in dump
