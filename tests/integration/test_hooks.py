"""Incoming webhooks: created in a room, used by programs that speak to Slack, revoked."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from chat.protocol.constants import BODY_LIMIT, HOOKS_LIMIT
from chat.transports.hooks import PAYLOAD_BYTES
from tests import servers
from tests.client import PATIENCE_SECONDS, Client, Enter, Event, new_slug
from tests.http_client import Requester, events_of
from tests.moderators import cookie_of
from tests.moderators import post as submit
from tests.servers import ChattyServer, Pair, RedisServer
from tests.slack_payloads import PAYLOADS

MULTIPART = "multipart/form-data; boundary=x"


def multipart(fields: dict[str, str], limit: int | None = None) -> bytes:
    """A form's body, cut at so many bytes."""
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in fields.items()]
    return ("".join(parts) + "--x--\r\n").encode()[:limit]


def look(browser: httpx.Client, path: str) -> str:
    return browser.get(path).text


async def send(url: str, body: Any, kind: str = "application/json", **headers: str) -> httpx.Response:
    """What the server answers a program that posts this."""
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        return await http.post(url, content=content, headers={"Content-Type": kind} | headers)


async def until_answered(url: str, status: int) -> None:
    """The server has heard of what decides about the hook."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (await send(url, {"text": "x"})).status_code != status:
            await asyncio.sleep(0.05)


async def ask(client: Client, kind: str, **command: Any) -> Event:
    """The answer to a command with an id."""
    request_id = uuid.uuid4().hex
    await client.send(id=request_id, **command)
    return await client.next(kind, lambda event: event.get("re") == request_id)


async def make_room(client: Client) -> None:
    """Makes the room that the client is in its own."""
    assert (await ask(client, "made", type="make", slug=client.room, title="Builds"))["room"]["title"] == "Builds"


async def make_hook(client: Client, name: str = "CI") -> tuple[str, str]:
    """A hook's id and URL."""
    made = await ask(client, "hook_made", type="make_hook", name=name)
    assert made["hook"]["name"] == name
    return made["hook"]["id"], made["url"]


@pytest.fixture
async def ann(server: ChattyServer, room: str) -> AsyncIterator[Client]:
    """In a room of hers."""
    async with Client(server.http_url, "Ann", room) as ann:
        await make_room(ann)
        yield ann


async def test_a_hook_posts_in_its_room_as_a_program(server: ChattyServer, ann: Client) -> None:
    hook, url = await make_hook(ann)
    assert url.startswith(f"{server.http_url}/hooks/")
    answer = await send(url, {"text": "*Build* <https://e.org/5|#5> passed"})
    assert (answer.status_code, answer.text) == (200, "ok")
    assert answer.headers["content-type"].startswith("text/plain")
    message = await ann.next("message")
    assert message["author"] == {"id": hook, "name": "CI", "bot": True}
    assert message["body"] == "**Build** [#5](https://e.org/5) passed"
    assert "<strong>Build</strong>" in message["html"]
    await send(url, {"text": "hi @Ann", "username": "Jenkins"})
    message = await ann.next("message")
    assert (message["author"]["name"], message["author"]["bot"]) == ("Jenkins", True)
    assert message["mentions"] == [ann.id]
    await send(url, {"text": "hi", "username": "x\u202ey"})
    assert (await ann.next("message"))["author"]["name"] == "CI"
    assert (ann.online, list(ann.members)) == (1, [ann.id])


@pytest.mark.parametrize("sender", PAYLOADS)
async def test_what_programs_send_to_slack_arrives(ann: Client, sender: str) -> None:
    payload, shown = PAYLOADS[sender]
    _, url = await make_hook(ann)
    for body, kind in (
        (json.dumps(payload), "application/json; charset=utf-8"),
        (urlencode({"payload": json.dumps(payload)}), "application/x-www-form-urlencoded"),
        (json.dumps(payload), "application/x-www-form-urlencoded"),  # curl's -d, without a header.
        (multipart({"payload": json.dumps(payload), "channel": "#ü"}), MULTIPART),  # curl's -F.
    ):
        assert (await send(url, body, kind)).text == "ok"
        message = await ann.next("message")
        assert message["body"] == shown
        assert message["author"]["name"] == payload.get("username", "CI")


async def test_plain_text_is_posted_as_it_is(ann: Client) -> None:
    _, url = await make_hook(ann)
    assert (await send(url, "*this* &amp; **that**", "text/plain")).status_code == 200
    assert (await ann.next("message"))["body"] == "*this* &amp; **that**"
    assert (await send(url, "x" * (BODY_LIMIT + 1), "text/plain")).status_code == 200
    body = (await ann.next("message"))["body"]
    assert len(body) <= BODY_LIMIT
    assert body.endswith("characters)")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        ("", "application/json", 400),
        ("{", "application/json", 400),
        ("[]", "application/json", 400),
        ("{}", "application/json", 400),
        ('{"text": " \\u200b"}', "application/json", 400),
        ("[" * 10_000, "application/json", 400),
        ("x=1", "application/x-www-form-urlencoded", 400),
        ("payload=x", "application/x-www-form-urlencoded", 400),
        ("&" * 50, "application/x-www-form-urlencoded", 400),
        (b"\xff", "text/plain", 400),
        (" ", "text/plain", 400),
        ("x", "multipart/form-data", 400),
        ("--x\r\n", "multipart/form-data; boundary=x", 400),
        ("--x\r\n", "multipart/form-data; boundary*=utf-9''x", 400),
        (multipart({"other": "{}"}), MULTIPART, 400),
        (multipart({"payload": "x"}), MULTIPART, 400),
        (multipart({f"{number}": "" for number in range(1_500)}, limit=PAYLOAD_BYTES), MULTIPART, 400),
        (multipart({"payload": "x" * PAYLOAD_BYTES}), MULTIPART, 413),
        ("x" * (PAYLOAD_BYTES + 1), "text/plain", 413),
    ],
)
async def test_what_is_no_message_is_refused(ann: Client, body: Any, kind: str, status: int) -> None:
    _, url = await make_hook(ann)
    assert (await send(url, body, kind)).status_code == status
    assert (await send(url, {"text": "still here"})).text == "ok"
    assert (await ann.next("message"))["seq"] == 1


async def test_an_unknown_and_a_revoked_secret_are_answered_exactly_alike(ann: Client) -> None:
    hook, url = await make_hook(ann)
    base = url.rpartition("/")[0]
    assert (await send(url, {"text": "one"})).text == "ok"
    assert await ask(ann, "hook_revoked", type="revoke_hook", hook=hook)
    answers = [
        await send(where, body)
        for where in (url, f"{base}/{'x' * 43}", f"{base}/", f"{base}/%00%ff")
        for body in ({"text": "two"}, "{")
    ]
    for answer in answers:
        assert (answer.status_code, answer.text) == (404, "no_service")
        assert answer.headers.keys() == answers[0].headers.keys()
    async with httpx.AsyncClient(trust_env=False) as http:
        got = await http.get(url)
    assert (got.status_code, got.headers["allow"]) == (405, "POST, OPTIONS")
    assert ann.bodies == ["one"]
    assert (await ask(ann, "hook_revoked", type="revoke_hook", hook=hook))["hook"] == hook  # It may be repeated.


async def test_hooks_are_listed_without_their_secrets(server: ChattyServer, ann: Client) -> None:
    one, url = await make_hook(ann)
    other, _ = await make_hook(ann, "Alerts")
    listed = await ask(ann, "hooks", type="hooks")
    assert [(hook["id"], hook["name"]) for hook in listed["hooks"]] == [(one, "CI"), (other, "Alerts")]
    assert url.rpartition("/")[2] not in json.dumps(listed)
    async with Requester(server.http_url, ann.room) as robot:  # Over HTTP, too; and others get none.
        answer = await robot.command({"type": "hooks"}, session=False)
        assert (answer.status_code, events_of(answer)[0]["code"]) == (403, "not_allowed")


async def test_only_the_rooms_maker_manages_its_hooks(server: ChattyServer, ann: Client) -> None:
    hook, url = await make_hook(ann)
    async with Client(server.http_url, "Eve", ann.room) as eve, Client(server.http_url, "Eve", new_slug()) as elsewhere:
        for client in (eve, elsewhere):
            for command in (
                {"type": "make_hook", "name": "x"},
                {"type": "hooks"},
                {"type": "revoke_hook", "hook": hook},
            ):
                refused = await ask(client, "refused", **command)
                assert refused["code"] == "not_allowed"
        # Nor does the maker of another room get at it from there.
        await make_room(elsewhere)
        await ask(elsewhere, "hook_revoked", type="revoke_hook", hook=hook)
        assert (await ask(elsewhere, "hooks", type="hooks"))["hooks"] == []
    assert (await send(url, {"text": "still here"})).text == "ok"


async def test_a_room_has_so_many_hooks_and_a_bad_name_makes_none(ann: Client) -> None:
    assert (await ask(ann, "refused", type="make_hook", name="x\u200by"))["code"] == "name_invalid"
    for number in range(HOOKS_LIMIT):
        await make_hook(ann, f"CI {number}")
    assert (await ask(ann, "refused", type="make_hook", name="CI"))["code"] == "too_many_hooks"
    assert len((await ask(ann, "hooks", type="hooks"))["hooks"]) == HOOKS_LIMIT


async def test_a_hook_outlives_a_restart_and_posts_where_nobody_is(ann: Client, server: ChattyServer) -> None:
    hook, url = await make_hook(ann)
    await ann.close()
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
    assert (await send(url, {"text": "anybody?"})).text == "ok"
    async with Client(server.http_url, "Ann", ann.room) as again:
        assert [message["author"]["id"] for message in again.messages.values()] == [hook]


async def test_a_hook_has_a_limit_of_its_own(chatty_server: Any, room: str) -> None:
    server = chatty_server(POST_LIMIT="3,0.1")
    async with Client(server.http_url, "Ann", room) as ann:
        await make_room(ann)
        (_, one), (_, other) = await make_hook(ann), await make_hook(ann, "Other")
        answers = [await send(one, {"text": f"{number}"}) for number in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 1 <= int(answers[3].headers["retry-after"]) <= 10
        assert (await send(other, {"text": "mine"})).status_code == 200


async def test_a_page_of_another_origin_and_another_host_get_nothing(ann: Client) -> None:
    _, url = await make_hook(ann)
    assert (await send(url, {"text": "x"}, Origin="https://evil.example")).status_code == 403
    assert (await send(url, {"text": "x"}, Host="evil.example")).status_code == 400


# --- two workers, PostgreSQL, moderators ---


async def test_a_hook_works_on_every_worker_and_ends_on_all(pair: Pair, enter: Enter) -> None:
    ann = await enter("Ann")
    await make_room(ann)
    bob = await enter("Bob", on=1)
    hook, url = await make_hook(ann)
    path = url.removeprefix(pair[0].http_url)
    for process in pair:
        assert (await send(process.http_url + path, {"text": "hello"})).text == "ok"
        assert (await bob.next("message"))["author"] == (await ann.next("message"))["author"]
    await ask(ann, "hook_revoked", type="revoke_hook", hook=hook)
    for process in pair:
        assert (await send(process.http_url + path, {"text": "hello"})).status_code == 404


async def test_a_hooks_limit_holds_over_two_workers(redis_server: RedisServer, shared_database: str, room: str) -> None:
    limits = {"POST_LIMIT": "20,0.001", "REDIS_URL": redis_server.url, "DATABASE_URL": shared_database}
    one, other = servers.chatty_server(**limits), servers.chatty_server(**limits)
    with servers.all_of(one, other):
        async with Client(one.http_url, "Ann", room) as ann:
            await make_room(ann)
            _, url = await make_hook(ann)
            path = url.removeprefix(one.http_url)
            assert (await send(other.http_url + path, {"text": "here"})).status_code == 200  # It hears the other now.
            while (await send(one.http_url + path, {"text": "and there"})).status_code == 200:
                pass
            # A worker tells the others within half a second what was used there.
            posted = 1
            while (answer := await send(other.http_url + path, {"text": "here"})).status_code == 200:
                posted += 1
                await asyncio.sleep(0.2)
            assert answer.status_code == 429
            assert int(answer.headers["retry-after"]) > 100
            assert posted < 20  # As many as it would be if they didn't share.


async def test_a_lock_holds_for_hooks_and_slow_mode_too(
    pair: Pair, enter: Enter, moderators_browser: httpx.Client
) -> None:
    ann = await enter("Ann")
    await make_room(ann)
    mo = await enter("Mo", **cookie_of(moderators_browser))
    hook, url = await make_hook(ann)
    await ask(mo, "done", type="lock", on=True)
    answer = await send(url, {"text": "x"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert (await ask(ann, "refused", type="make_hook", name="x"))["code"] == "locked"
    assert await ask(ann, "hooks", type="hooks")
    await ask(mo, "done", type="lock", on=False)
    await ask(mo, "done", type="slow", seconds=300)
    assert (await send(url, {"text": "x"})).status_code == 200
    answer = await send(url, {"text": "x"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 200
    await ask(mo, "hook_revoked", type="revoke_hook", hook=hook)
    record = look(moderators_browser, f"/admin/chat/moderationaction/?q={hook}")
    assert record.count("revoked a webhook</td>") == 1


async def test_a_ban_of_the_hook_or_of_who_made_it_ends_it(
    pair: Pair, enter: Enter, moderators_browser: httpx.Client
) -> None:
    ann = await enter("Ann")
    await make_room(ann)
    mo = await enter("Mo", **cookie_of(moderators_browser))
    hook, url = await make_hook(ann)
    _, other = await make_hook(ann, "Other")
    _, mos = await make_hook(mo, "Mo's")
    await mo.send(type="ban", id=hook, reason="noise")
    await mo.next("banned")
    await until_answered(url, 404)
    assert (await send(other, {"text": "x"})).status_code == 200
    await mo.send(type="ban", id=ann.id, reason="noise")
    await mo.next("banned")
    assert await ann.closed() == 4003
    await until_answered(other, 404)
    assert (await send(mos, {"text": "x"})).status_code == 200
    await mo.send(type="unban", id=ann.id)
    await mo.next("unbanned")
    await until_answered(other, 200)


async def test_a_moderator_creates_and_revokes_a_hook_in_the_admin(
    pair: Pair, enter: Enter, room: str, moderators_browser: httpx.Client, shared_database: str
) -> None:
    ann = await enter("Ann")
    await ann.post("first")
    path = "/admin/chat/hook/"
    answer = submit(moderators_browser, f"{path}add/", name="Alerts", address=room)
    url = answer.text.partition("readonly")[2].partition(">")[2].partition("<")[0]
    assert url.startswith(f"{pair[0].http_url}/hooks/")
    assert (await send(url, {"text": "x"})).text == "ok"
    hook = (await ann.next("message", lambda event: event["author"].get("bot")))["author"]["id"]
    assert "There is no such room" in submit(moderators_browser, f"{path}add/", name="Alerts", address="nowhere-x").text
    dump = await asyncio.to_thread(servers.manage, "dumpdata", "chat.hook", "-v", "0", DATABASE_URL=shared_database)
    assert url.rpartition("/")[2] not in dump + look(moderators_browser, f"{path}{hook}/change/")
    fields = {"action": "delete_selected", "_selected_action": hook, "post": "yes"}
    assert submit(moderators_browser, path, **fields).status_code == 302
    assert (await send(url, {"text": "x"})).status_code == 404
    record = look(moderators_browser, f"/admin/chat/moderationaction/?q={hook}")
    assert record.count("created a webhook</td>") == record.count("revoked a webhook</td>") == 1


async def test_a_deleted_rooms_hooks_are_gone(pair: Pair, enter: Enter, room: str, shared_database: str) -> None:
    ann = await enter("Ann")
    await make_room(ann)
    _, url = await make_hook(ann)
    code = f"from chat.models import Room; Room.objects.get(slug={room!r}).delete()"
    await asyncio.to_thread(servers.manage, "shell", "-v", "0", "-c", code, DATABASE_URL=shared_database)
    assert (await send(url, {"text": "x"})).status_code == 404
