"""Moderation on two server processes that share Redis and a database of each kind."""

import asyncio
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
import pytest

from chat.rooms.presence import GRACE_SECONDS
from tests import servers
from tests.client import PATIENCE_SECONDS, Client, Enter, new_slug
from tests.moderators import cookie_of, make_moderators, post, sign_in
from tests.servers import Pair

EVES_PLACE = {"X-Forwarded-For": "203.0.113.7"}  # The tests' own machine is a proxy that is trusted.
ELSEWHERE = {"X-Forwarded-For": "198.51.100.9"}


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def shared_database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `pair` is on; `mo` and `max` may moderate there."""
    if request.param == "sqlite":
        url = servers.sqlite_database(tmp_path_factory.mktemp("moderation"))
    else:
        url = request.getfixturevalue("postgres_server").create_migrated_database()
    make_moderators(url, "mo", "max")
    return url


class Sql:
    """Looks into the database, or changes it behind the servers' backs. Values are marked by `%s`."""

    def __init__(self, url: str) -> None:
        self._is_sqlite = url.startswith("sqlite")
        self._connection: Any = (
            sqlite3.connect(url.removeprefix("sqlite:///"), timeout=30, isolation_level=None)
            if self._is_sqlite
            else psycopg.connect(url.replace("postgres://", "postgresql://"), autocommit=True)
        )

    def column(self, statement: str, *values: Any) -> list[Any]:
        """The first value of each row; nothing of a statement that has none."""
        if self._is_sqlite:
            statement, values = statement.replace("%s", "?"), tuple(map(self._stored, values))
        cursor = self._connection.execute(statement, values)
        return [row[0] for row in cursor.fetchall()] if cursor.description else []

    def __call__(self, statement: str, *values: Any) -> Any:
        """The first value of the first row."""
        return next(iter(self.column(statement, *values)), None)

    @staticmethod
    def _stored(value: Any) -> Any:
        """As Django stores it in SQLite."""
        if isinstance(value, datetime):
            return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
        if isinstance(value, str):
            with suppress(ValueError):
                return uuid.UUID(value).hex
        return value

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def sql(shared_database: str) -> Iterator[Sql]:
    with closing(Sql(shared_database)) as sql:
        yield sql


@pytest.fixture
async def mo(enter: Enter, moderators_browser: httpx.Client) -> Client:
    """The moderator, on the first process."""
    return await enter("Mo", **cookie_of(moderators_browser), **EVES_PLACE)


async def is_banned(pair: Pair, on: int = 0, token: str = "", **headers: str) -> bool:
    """Whether somebody who knocks is sent away for good."""
    client = Client(pair[on].http_url, "Eve", new_slug(), headers=headers)
    client.token = token
    await client.open()
    await client.send(type="join", token=client.token, name="Eve", v=1)
    event = await client.next()
    if event["type"] == "welcome":
        await client.close()
        return False
    assert event == {"type": "bye", "code": 4003, "reconnect": False, "after": 0}
    assert await client.closed() == 4003
    return True


async def until_banned(pair: Pair, on: int = 0, token: str = "", **headers: str) -> None:
    """For a process that nothing else shows to have heard of a ban."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await is_banned(pair, on, token, **headers):
            pass


async def until_let_in(pair: Pair, on: int, token: str, **headers: str) -> None:
    """The same for the end of a ban."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await is_banned(pair, on, token, **headers):
            pass


async def ban(mo: Client, eve: Client, **fields: Any) -> dict[str, Any]:
    await mo.send(type="ban", id=eve.id, reason="spam", **fields)
    return await mo.next("banned")


def fill(sql: Sql, room: str, author: str, first: int, last: int) -> None:
    """Writes messages with the seqs `first` to `last`, as if the author had posted them."""
    room_id = sql("SELECT id FROM chat_room WHERE slug = %s", room)
    columns = "room_id, seq, version, nonce, author_id, author_name, body, html, at, reactions"
    row = "(%s, %s, %s, %s, %s, 'Eve', 'spam', '<p>spam</p>', %s, '{}')"
    for seq in range(first, last + 1):
        values = (room_id, seq, seq, str(uuid.uuid4()), author, datetime.now(UTC))
        sql(f"INSERT INTO chat_message ({columns}) VALUES {row}", *values)
    sql("UPDATE chat_room SET head = %s WHERE id = %s", last, room_id)


# --- bans ---


async def test_a_ban_closes_all_of_a_members_sockets_everywhere(
    pair: Pair, enter: Enter, mo: Client, record_property: Callable[[str, object], None]
) -> None:
    eve = await enter("Eve")
    away = await enter("Eve", on=1, room="elsewhere", token=eve.token)
    ann = await enter("Ann", on=1)
    started_at = time.monotonic()
    await mo.send(type="ban", id=eve.id, reason="spam")
    for client in (eve, away):
        assert await client.closed() == 4003
        bye = [event for event in client.events if event["type"] == "bye"]
        assert bye == [{"type": "bye", "code": 4003, "reconnect": False, "after": 0}]
    closed_at = time.monotonic()
    record_property("seconds", closed_at - started_at)  # Seen with --junit-xml.
    assert await mo.next("banned") == {"type": "banned", "id": eve.id, "re": eve.id}
    await ann.until(lambda c: eve.id not in c.members, "that Eve left")
    assert time.monotonic() - closed_at < GRACE_SECONDS, "a banned member has none"
    for on in (0, 1):
        assert await is_banned(pair, on, eve.token)
    assert not await is_banned(pair, token="")


async def test_a_ban_of_which_no_process_was_told_holds(
    enter: Enter, sql: Sql, record_property: Callable[[str, object], None]
) -> None:
    eve = await enter("Eve", on=1)
    started_at = time.monotonic()
    columns, values = "member_id, member_name, reason, by_address, created_at", "%s, '', '', false, %s"
    sql(f"INSERT INTO chat_ban ({columns}) VALUES ({values})", eve.id, datetime.now(UTC))
    first = "INSERT INTO chat_banrevision (id, number) VALUES (1, 1)"  # Made with the first ban, which this may be.
    sql(f"{first} ON CONFLICT (id) DO UPDATE SET number = chat_banrevision.number + 1")
    assert await eve.closed() == 4003
    record_property("seconds", time.monotonic() - started_at)


async def test_a_ban_by_address_bans_everybody_at_that_address(pair: Pair, enter: Enter, mo: Client, sql: Sql) -> None:
    eve = await enter("Eve", **EVES_PLACE)
    away = await enter("Eve", on=1, token=eve.token, **{"X-Forwarded-For": "2001:db8:1:2:3::4"})
    neighbour = await enter("Zoe", on=1, **EVES_PLACE)
    ann = await enter("Ann", on=1, **ELSEWHERE)
    assert (await ban(mo, eve, minutes=60, address=True))["until"] > time.time() * 1000
    for client in (eve, away, neighbour):
        assert await client.closed() == 4003
    for on in (0, 1):
        await until_banned(pair, on, **EVES_PLACE)
        await until_banned(pair, on, **{"X-Forwarded-For": "2001:db8:1:2::99"})
        assert await is_banned(pair, on, eve.token, **ELSEWHERE)
        assert not await is_banned(pair, on, **ELSEWHERE)
    assert (await ann.post("still here"))["body"] == "still here"
    assert (await mo.post("at Eve's address"))["body"] == "at Eve's address"

    kept = "SELECT count(*) FROM chat_bannednetwork n JOIN chat_ban b ON b.id = n.ban_id WHERE b.member_id = %s"
    assert sql(kept, eve.id) == 2
    await mo.send(type="unban", id=eve.id)
    assert await mo.next("unbanned") == {"type": "unbanned", "id": eve.id, "re": eve.id}
    assert sql(kept, eve.id) == 0
    for on in (0, 1):
        await until_let_in(pair, on, eve.token, **EVES_PLACE)


async def test_a_ban_by_address_of_somebody_who_is_away_takes_in_that_of_the_first_attempt(
    pair: Pair, enter: Enter, mo: Client
) -> None:
    eve = await enter("Eve", **ELSEWHERE)
    await eve.close()
    here, there = {"X-Forwarded-For": "192.0.2.1"}, {"X-Forwarded-For": "192.0.2.2"}
    await ban(mo, eve, minutes=1, address=True)
    await until_banned(pair, 1, eve.token, **here)
    await until_banned(pair, 0, **here)
    assert await is_banned(pair, 1, eve.token, **there)
    assert not await is_banned(pair, 1, **there)


async def test_a_ban_ends_by_itself(pair: Pair, enter: Enter, mo: Client, sql: Sql) -> None:
    eve = await enter("Eve")
    await ban(mo, eve, minutes=1)
    assert await eve.closed() == 4003
    soon = datetime.now(UTC) + timedelta(seconds=2)
    sql("UPDATE chat_ban SET ends_at = %s WHERE member_id = %s", soon, eve.id)
    first = "INSERT INTO chat_banrevision (id, number) VALUES (1, 1)"  # Made with the first ban, which this may be.
    sql(f"{first} ON CONFLICT (id) DO UPDATE SET number = chat_banrevision.number + 1")
    assert await is_banned(pair, 0, eve.token)
    for on in (0, 1):
        await until_let_in(pair, on, eve.token)


# --- rooms ---


async def test_a_locked_room_is_read_only_for_all_but_moderators(enter: Enter, mo: Client) -> None:
    eve = await enter("Eve", on=1)
    mine = await eve.post("before")
    await mo.send(type="lock", on=True, reason="quiet, please")
    for client in (mo, eve):
        assert (await client.next("room"))["room"]["locked"] is True
    nonce = str(uuid.uuid4())
    for command in (
        {"type": "post", "nonce": nonce, "body": "still"},
        {"type": "edit", "seq": mine["seq"], "body": "after"},
        {"type": "react", "seq": mine["seq"], "emoji": "👍", "on": True},
    ):
        await eve.send(**command)
        assert (await eve.refused())["code"] == "locked"
    assert (await mo.post("I may"))["body"] == "I may"
    late = await enter("Late", on=1)
    assert late.events[0]["room"]["locked"] is True
    await eve.send(type="delete", seq=mine["seq"])
    assert (await eve.next("message", lambda event: event["seq"] == mine["seq"]))["deleted"] is True
    await mo.send(type="lock", on=False)
    for client in (mo, eve):
        assert "locked" not in (await client.next("room"))["room"]
    assert (await eve.post("again", nonce))["body"] == "again"
    await mo.send(type="lock", on=False)
    assert "locked" not in (await mo.next("room"))["room"], "answered, though nothing changed"


async def test_slow_mode_holds_a_member_up_over_all_its_connections(enter: Enter, mo: Client) -> None:
    eve = await enter("Eve", on=1)
    await mo.send(type="slow", seconds=30)
    assert (await eve.next("room"))["room"]["slow"] == 30
    tab = await enter("Eve", token=eve.token)
    said = await eve.post("first")
    assert await eve.post("first", said["nonce"]) == said
    for client in (eve, tab):
        await client.send(type="post", nonce=str(uuid.uuid4()), body="second")
        refused = await client.refused()
        assert refused["code"] == "rate_limited"
        assert 20 < refused["retry_after"] <= 30
    for number in range(3):
        await mo.post(f"moderators are free {number}")
    await mo.send(type="slow", seconds=1)
    assert (await eve.next("room"))["room"]["slow"] == 1
    deadline = time.monotonic() + 30
    nonce = str(uuid.uuid4())
    while time.monotonic() < deadline:
        await eve.send(type="post", nonce=nonce, body="second")
        event = await eve.next(None, lambda event: event.get("nonce") == nonce)
        if event["type"] == "message":
            break
    assert event["type"] == "message"


async def test_a_moderator_deletes_anybodys_message_and_the_record_says_so(enter: Enter, mo: Client, sql: Sql) -> None:
    eve = await enter("Eve", on=1)
    bad = await eve.post("bad")
    await eve.send(type="delete", seq=(await mo.post("good"))["seq"])
    assert (await eve.refused())["code"] == "not_yours"
    await mo.send(type="delete", seq=bad["seq"], reason="rude")
    gone = await eve.next("message", lambda event: event["seq"] == bad["seq"])
    assert (gone["deleted"], gone["body"], gone["version"]) == (True, "", 3)
    record = "moderator_name || ' ' || kind || ' ' || seq || ' ' || reason"
    assert sql(f"SELECT {record} FROM chat_moderationaction WHERE member_id = %s", eve.id) == "mo delete 1 rude"


async def test_a_moderator_deletes_somebodys_messages_as_far_back_as_asked(
    enter: Enter, mo: Client, sql: Sql, room: str
) -> None:
    eve, ann = await enter("Eve", on=1), await enter("Ann", on=1)
    old = await eve.post("old")
    sql("UPDATE chat_message SET at = %s WHERE author_id = %s", datetime.now(UTC) - timedelta(hours=2), eve.id)
    other = await ann.post("of somebody else")
    new = [(await eve.post(f"new {number}"))["seq"] for number in range(3)]
    await mo.send(type="delete", seq=new[0])
    await ann.next("message", lambda event: event["seq"] == new[0] and event.get("deleted", False))

    await mo.send(type="delete_messages", id="x", author=eve.id, minutes=60, reason="spam")
    done = await mo.next("messages_deleted")
    assert done == {"type": "messages_deleted", "author": eve.id, "count": 2, "re": "x"}
    for seq in (new[2], new[1]):
        assert (await ann.next("message", lambda event: event.get("deleted", False)))["seq"] == seq
    await mo.send(type="delete_messages", author=eve.id)
    assert (await mo.next("messages_deleted"))["count"] == 1
    await ann.next("message", lambda event: event["seq"] == old["seq"] and event.get("deleted", False))
    await mo.send(type="delete_messages", author=eve.id)
    assert (await mo.next("messages_deleted"))["count"] == 0
    bodies = "SELECT body FROM chat_message WHERE seq = %s AND room_id = (SELECT id FROM chat_room WHERE slug = %s)"
    assert sql(bodies, other["seq"], room) == "of somebody else"
    reasons = sql.column("SELECT reason FROM chat_moderationaction WHERE member_id = %s AND kind = 'delete'", eve.id)
    assert sorted(reasons) == ["", "", "spam", "spam"]


async def test_many_messages_are_deleted_in_parts(enter: Enter, mo: Client, sql: Sql, room: str) -> None:
    eve = await enter("Eve", on=1)
    await eve.post("the first")
    fill(sql, room, eve.id, 2, 450)
    part: dict[str, Any] = {}
    for count in (200, 200, 50):
        await mo.send(type="delete_messages", author=eve.id, **part)
        done = await mo.next("messages_deleted")
        assert done["count"] == count
        part = {"before": done.get("before")}
    assert part == {"before": None}
    left = "SELECT count(*) FROM chat_message WHERE author_id = %s AND deleted_at IS NULL"
    assert sql(left, eve.id) == 0


async def test_in_a_room_without_messages_none_are_deleted(mo: Client) -> None:
    await mo.send(type="delete_messages", author=str(uuid.uuid4()))
    assert (await mo.next("messages_deleted"))["count"] == 0


async def test_moderators_see_the_bans_in_force(enter: Enter, mo: Client, sql: Sql) -> None:
    sql("UPDATE chat_ban SET lifted_at = %s", datetime.now(UTC))  # Of other tests.
    eve, bob = await enter("Eve", on=1), await enter("Bob", on=1)
    until = (await ban(mo, eve, minutes=60, address=True))["until"]
    await ban(mo, bob)
    await mo.send(type="bans")
    listed = await mo.next("bans")
    assert [(one["id"], one["name"], one["reason"]) for one in listed["bans"]] == [
        (bob.id, "Bob", "spam"),
        (eve.id, "Eve", "spam"),
    ]
    assert "more" not in listed
    newest, oldest = listed["bans"]
    assert ("until" in newest, "address" in newest) == (False, False)
    assert (oldest["until"], oldest["address"]) == (until, True)
    await mo.send(type="unban", id=eve.id)
    await mo.next("unbanned")
    await mo.send(type="bans")
    assert [one["id"] for one in (await mo.next("bans"))["bans"]] == [bob.id]


# --- who may ---


async def test_only_moderators_are_told_that_they_are(enter: Enter, pair: Pair, mo: Client) -> None:
    assert mo.events[0]["moderator"] is True
    assert "moderator" not in (await enter("Eve")).events[0]
    assert "moderator" not in (await enter("Eve", Cookie="sessionid=" + "a" * 32)).events[0]
    with closing(await asyncio.to_thread(sign_in, pair[0].http_url, "clerk")) as clerk:
        assert "moderator" not in (await enter("Clerk", **cookie_of(clerk))).events[0]


@pytest.mark.parametrize(
    "command",
    [
        {"type": "ban", "id": str(uuid.uuid4()), "reason": ""},
        {"type": "unban", "id": str(uuid.uuid4())},
        {"type": "bans"},
        {"type": "delete_messages", "author": str(uuid.uuid4())},
        {"type": "lock", "on": True},
        {"type": "slow", "seconds": 5},
    ],
    ids=lambda command: command["type"],
)
async def test_others_may_not(enter: Enter, command: dict[str, Any]) -> None:
    eve = await enter("Eve")
    await eve.send(**command)
    assert (await eve.refused())["code"] == "not_allowed"
    assert "room" not in {event["type"] for event in await eve.settle()}


@pytest.mark.parametrize(
    "command",
    [
        {"type": "ban", "id": str(uuid.uuid4()), "reason": "a\0b"},
        {"type": "unban", "id": str(uuid.uuid4()), "reason": "a\0b"},
        {"type": "delete_messages", "author": str(uuid.uuid4()), "reason": "a\0b"},
        {"type": "lock", "on": True, "reason": "a\0b"},
        {"type": "slow", "seconds": 5, "reason": "a\0b"},
        {"type": "delete", "seq": 1, "reason": "a\0b"},
        {"type": "describe", "title": "a\0b", "topic": ""},
        {"type": "describe", "title": "a", "topic": "a\0b"},
    ],
    ids=lambda command: command["type"],
)
async def test_a_nul_in_what_a_moderator_says_is_refused(
    enter: Enter, mo: Client, sql: Sql, room: str, command: dict[str, Any]
) -> None:
    assert (await (await enter("Eve")).post("hello"))["seq"] == 1
    await mo.send(**command)
    assert (await mo.refused())["code"] in {"bad_frame", "title_invalid"}
    assert sql.column("SELECT kind FROM chat_moderationaction WHERE room = %s", room) == []
    assert (await mo.post("still here"))["body"] == "still here"


async def test_a_moderator_cant_ban_itself(mo: Client) -> None:
    await mo.send(type="ban", id=mo.id, reason="")
    assert (await mo.refused())["code"] == "not_allowed"


async def test_a_moderator_who_is_one_no_longer_loses_its_power_at_once(enter: Enter, pair: Pair, sql: Sql) -> None:
    with closing(sign_in(pair[1].http_url, "max")) as browser:
        member = await enter("Max", on=1, **cookie_of(browser))
    await member.send(type="lock", on=True)
    assert (await member.next("room"))["room"]["locked"] is True
    await member.post("I may")
    sql("UPDATE auth_user SET is_staff = false WHERE username = 'max'")
    await member.send(type="post", nonce=str(uuid.uuid4()), body="I may not")
    assert (await member.refused())["code"] == "locked"
    await member.send(type="lock", on=False)
    assert (await member.refused())["code"] == "not_allowed"


# --- what is done in /admin ---


async def test_what_is_done_in_the_admin_takes_effect_in_the_rooms_at_once(
    enter: Enter, moderators_browser: httpx.Client, room: str, sql: Sql
) -> None:
    eve, ann = await enter("Eve", on=1), await enter("Ann", on=1)
    await eve.post("bad")
    key = sql("SELECT m.id FROM chat_message m JOIN chat_room r ON r.id = m.room_id WHERE r.slug = %s", room)
    room_key = sql("SELECT id FROM chat_room WHERE slug = %s", room)

    answer = post(moderators_browser, f"/admin/chat/message/{key}/delete/", post="yes", reason="rude")
    assert answer.status_code == 302, answer.text
    assert (await ann.next("message", lambda event: event.get("deleted")))["version"] == 2

    answer = post(moderators_browser, f"/admin/chat/room/{room_key}/change/", title="", locked="on", slow_seconds="0")
    assert answer.status_code == 302, answer.text
    assert (await ann.next("room"))["room"]["locked"] is True

    form = {"networks-TOTAL_FORMS": 0, "networks-INITIAL_FORMS": 0, "member_id": eve.id, "reason": "spam"}
    answer = post(moderators_browser, "/admin/chat/ban/add/", **form)
    assert answer.status_code == 302, answer.text
    assert await eve.closed() == 4003
    kinds = "SELECT kind FROM chat_moderationaction WHERE room = %s OR member_id = %s ORDER BY id"
    assert sql.column(kinds, room, eve.id) == ["delete", "lock", "ban"]


# --- one server by itself ---


async def test_without_redis_a_ban_holds_too_and_outlives_a_restart(sqlite_url: str) -> None:
    make_moderators(sqlite_url, "mo")
    with servers.chatty_server(DATABASE_URL=sqlite_url) as server:
        with closing(sign_in(server.http_url, "mo")) as browser:
            cookie = cookie_of(browser)
        async with Client(server.http_url, "Mo", headers=cookie) as mo, Client(server.http_url, "Eve") as eve:
            await ban(mo, eve)
            assert await eve.closed() == 4003
            await mo.until(lambda c: eve.id not in c.members, "that Eve left")
        server.restart()
        assert await is_banned((server, server), 0, eve.token)
        assert not await is_banned((server, server))
