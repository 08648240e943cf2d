"""Limits on both kinds of server: clients over a limit are refused, and nobody else notices.

Each test uses its own client address, in the header of a proxy on this machine.
"""

import asyncio
import itertools
import socket
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from tests import servers
from tests.client import PATIENCE_SECONDS, Client, from_address, identity
from tests.servers import ChattyServer, DevelopmentServer, PostgresServer, RedisServer

TIGHT = {
    "POST_LIMIT": "4,0.5",
    "COMMAND_LIMIT": "40,2",
    "IDENTITY_LIMIT": "6,0.02",
    "MAX_CONNECTIONS_PER_ADDRESS": "4",
    "MAX_CONNECTIONS_PER_MEMBER": "2",
}
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["uvicorn", "daphne", "uvicorn-postgresql"])
def tight(request: pytest.FixtureRequest) -> Iterator[ChattyServer]:
    """A server with tight limits, on SQLite unless it says otherwise."""
    settings = dict(TIGHT)
    if request.param.endswith("postgresql"):
        settings["DATABASE_URL"] = request.getfixturevalue("postgres_server").create_migrated_database()
    kind = DevelopmentServer if request.param == "daphne" else ChattyServer
    with kind(**settings) as started:
        yield started
        assert "Traceback" not in started.log


@pytest.fixture
def address() -> str:
    """An address that no other test comes from."""
    return f"198.51.100.{next(_numbers)}"


@pytest.fixture
async def visit(tight: ChattyServer, room: str, address: str) -> AsyncIterator[Callable[..., Client]]:
    """Makes clients of the tight server, which are gone with the test."""
    clients: list[Client] = []

    def make(name: str = "Ann", *, token: str = "", address: str = address) -> Client:
        clients.append(Client(tight.http_url, name, room, address))
        clients[-1].token = token
        return clients[-1]

    yield make
    for client in clients:
        await client.close()


async def joined(client: Client) -> Client:
    await client.open()
    await client.join()
    return client


# --- commands ---


async def test_a_post_too_many_is_refused_and_taken_when_the_time_is_up(visit: Callable[..., Client]) -> None:
    ann = await joined(visit())
    bob = await joined(visit("Bob"))
    nonces = [str(uuid.uuid4()) for _ in range(6)]
    for number, nonce in enumerate(nonces):
        await ann.send(type="post", nonce=nonce, body=f"message {number}")
    refusals = {refusal["nonce"]: refusal for refusal in [await ann.refused(), await ann.refused()]}

    assert set(refusals) == set(nonces[4:])
    assert {refusal["code"] for refusal in refusals.values()} == {"rate_limited"}
    assert all(0 < refusal["retry_after"] <= 2 for refusal in refusals.values())
    assert (await bob.post("mine goes through"))["author"]["id"] == bob.id
    await asyncio.sleep(refusals[nonces[4]]["retry_after"])
    assert (await ann.post("message 4", nonces[4]))["nonce"] == nonces[4]


async def test_all_tabs_of_a_member_share_what_it_may_do(visit: Callable[..., Client]) -> None:
    ann = await joined(visit())
    tab = await joined(visit(token=ann.token))
    for number in range(4):
        await ann.send(type="post", nonce=str(uuid.uuid4()), body=f"message {number}")
    await ann.until(lambda ann: ann.head == 4, "the four messages")
    await tab.send(type="post", nonce=str(uuid.uuid4()), body="one more")

    assert (await tab.refused())["code"] == "rate_limited"


async def test_a_room_takes_so_many_reactions_of_all_its_members_and_sends_nobody_away_for_the_rest(room: str) -> None:
    settings = {"ROOM_REACTION_LIMIT": "3,0.01", "COMMAND_LIMIT": "1000,100"}
    with servers.chatty_server(**settings) as server:
        async with Client(server.http_url, "Ann", room) as ann, Client(server.http_url, "Bob", room) as bob:
            await ann.post("hello")
            await bob.until(lambda bob: bob.head == 1, "the message")
            for client, emoji in ((ann, "👍"), (bob, "👍"), (bob, "🎉")):
                await client.change(1, type="react", emoji=emoji, on=True)
            for _ in range(60):  # More than a member may be refused for what it does itself.
                await bob.send(type="react", seq=1, emoji="😀", on=True)
                refused = await bob.refused()
                assert (refused["code"], refused["seq"]) == ("rate_limited", 1)
                assert refused["retry_after"] > 1
            assert (await bob.post("still here"))["version"] == 5
        async with Client(server.http_url, "Ann", f"{room}-2") as ann:
            await ann.post("hello")
            assert (await ann.change(1, type="react", emoji="👍", on=True))["version"] == 2


async def test_a_long_message_counts_as_several(visit: Callable[..., Client]) -> None:
    ann, bob = await joined(visit()), await joined(visit("Bob"))
    await bob.post("x" * 3_001)  # Starts the process that renders: a token comes back every 2 s.
    for body in ("x" * 3_001, "one more"):
        await ann.send(type="post", nonce=str(uuid.uuid4()), body=body)

    assert (await ann.refused())["code"] == "rate_limited"


@pytest.mark.parametrize(
    ("joins", "frame"),
    [(True, '{"type":"typing"}'), (True, "rubbish"), (False, '{"type":"typing"}'), (False, "rubbish")],
    ids=["commands", "bad-frames", "commands-before-join", "bad-frames-before-join"],
)
async def test_who_goes_on_after_refusals_is_sent_away(visit: Callable[..., Client], joins: bool, frame: str) -> None:
    eve = await (joined(visit("Eve")) if joins else visit("Eve").open())
    bob = await joined(visit("Bob"))
    for _ in range(150):
        await eve.send_raw(frame)
    bye = await eve.next("bye")

    assert bye == {"type": "bye", "code": 4008, "reconnect": True, "after": 10}
    assert await eve.closed() == 4008
    # 50, and 5 more for each second that it takes; of what came after the last, nothing was answered.
    assert 45 <= sum(event["type"] == "refused" for event in eve.events) <= 100
    assert (await bob.post("what was that?"))["seq"] == 1


# --- connections ---


async def test_an_address_has_so_many_sockets_and_leaks_none_however_they_end(
    visit: Callable[..., Client], tight: ChattyServer
) -> None:
    clients = [await joined(visit()) for _ in range(4)]
    refused = await visit(token=clients[0].token).open()
    assert await refused.next("bye") == {"type": "bye", "code": 4008, "reconnect": True, "after": 10}
    assert await refused.closed() == 4008
    assert "MAX_CONNECTIONS_PER_ADDRESS is met by 198.51.100." in tight.log
    await joined(visit("Bob", address="203.0.113.1"))  # Others notice nothing.

    await clients[0].close()
    clients[1].socket.transport.abort()  # A reset.
    for client in clients[2:]:  # Sent away.
        for _ in range(150):
            await client.send_raw("rubbish")
        assert await client.closed() == 4008
    for client in clients:
        await client.close()
    await asyncio.sleep(1.2)  # Attempts come back as well: one each 2.5 s here, of the eight at once.
    back = [await comes_in(visit, client.token) for client in clients[:2]]
    assert len(back) == 2


async def comes_in(visit: Callable[..., Client], token: str) -> Client:
    """Somebody who tries until there is room."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            try:
                return await joined(visit(token=token))
            except (ConnectionError, InvalidStatus):
                await asyncio.sleep(0.3)


async def test_an_address_that_goes_on_connecting_is_refused_at_the_door(visit: Callable[..., Client]) -> None:
    first = await joined(visit())

    async def knock() -> int:
        try:
            return (await (await visit(token=first.token).open()).next())["code"]  # type: ignore[no-any-return]
        except (InvalidStatus, ConnectionError) as error:
            return error.response.status_code if isinstance(error, InvalidStatus) else 0
        except TimeoutError:
            return -1

    for _ in range(3):
        await joined(visit())
    assert [await knock() for _ in range(4)] == [4008] * 4
    while (answer := await knock()) == 4008:  # On a slow machine one or the other attempt has come back meanwhile.
        pass
    assert answer == 403


async def test_a_member_has_so_many_tabs(visit: Callable[..., Client]) -> None:
    ann = await joined(visit())
    tab = await joined(visit(token=ann.token))
    third = await visit(token=ann.token).open()
    await third.send(type="join", token=ann.token, name="Ann", v=1)
    assert (await third.next("bye"))["code"] == 4008

    await tab.close()
    await comes_in(visit, ann.token)


# --- identities ---


async def test_an_address_gets_so_many_identities_and_is_told_when_the_next(tight: ChattyServer, address: str) -> None:
    mine = await identity(tight.http_url, address=address)
    for _ in range(5):
        await identity(tight.http_url, address=address)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        answer = await http.get(f"{tight.http_url}/get_user_info", headers=from_address(address))

    assert answer.status_code == 429
    seconds = int(answer.headers["Retry-After"])
    assert 20 <= seconds <= 50  # Part of it may be over on a slow machine.
    assert answer.json() == {"code": "rate_limited", "retry_after": seconds}
    assert (await identity(tight.http_url, mine["token"], address))["uuid"] == mine["uuid"]  # Known members get in.
    assert await identity(tight.http_url, address="203.0.113.99")


@pytest.mark.parametrize("kind", [ChattyServer, DevelopmentServer], ids=["uvicorn", "daphne"])
async def test_what_strangers_say_of_their_address_counts_for_nothing(kind: type[ChattyServer]) -> None:
    with kind(TRUSTED_PROXIES="10.0.0.0/8", IDENTITY_LIMIT="2,0.001", MAX_CONNECTIONS_PER_ADDRESS="1") as server:
        ann = Client(server.http_url, address="198.51.100.1")
        bob = Client(server.http_url, address="198.51.100.2")
        await joined(ann)
        await bob.open()
        assert (await bob.next())["code"] == 4008
        with pytest.raises(httpx.HTTPStatusError, match="429"):
            await identity(server.http_url, address="198.51.100.3")
        await ann.close()
        await bob.close()


# --- many processes ---


async def test_processes_share_what_a_member_has_used(
    redis_server: RedisServer, postgres_server: PostgresServer, room: str
) -> None:
    settings = {"REDIS_URL": redis_server.url, "DATABASE_URL": postgres_server.create_migrated_database()}
    here, there = (servers.chatty_server(**settings, POST_LIMIT="20,0.01") for _ in range(2))
    with servers.all_of(here, there):
        async with Client(here.http_url, "Ann", room) as ann:
            tab = Client(there.http_url, "Ann", room)
            tab.token = ann.token
            async with tab:
                for number in range(20):
                    await ann.post(f"message {number}")
                posted = await posts_until_refused(tab)
                assert posted < 20  # As many as it would be if the processes didn't share.


async def test_an_address_in_debt_waits_and_nobody_else_does(room: str, address: str) -> None:
    """Its commands and its requests are refused at last. People of other addresses notice nothing."""
    with servers.chatty_server(ADDRESS_CPU="0.05,0.000001") as server:
        eve = Client(server.http_url, "Eve", room, address)
        people = [Client(server.http_url, f"Ann {number}", room, f"198.51.101.{number}") for number in range(5)]
        try:
            for client in (eve, *people):
                await joined(client)
            await eve.post("w.de " * 799)  # 80 ms of a core.
            await eve.send(type="sync", since=0)
            async with httpx.AsyncClient(timeout=60, headers=from_address(address)) as http:
                request = asyncio.create_task(http.get(f"{server.http_url}/{room}"))
                for client in people:
                    assert (await client.post("I don't wait"))["author"]["id"] == client.id
                refused, page = await eve.refused(), await request
            assert (refused["code"], refused["retry_after"] > 0) == ("rate_limited", True)
            assert (page.status_code, int(page.headers["retry-after"]) > 0) == (503, True)
        finally:
            for client in (eve, *people):
                await client.close()


async def posts_until_refused(client: Client) -> int:
    """How many of a client's posts are taken, five a second."""
    for number in range(40):
        nonce = str(uuid.uuid4())
        await client.send(type="post", nonce=nonce, body="and here")
        answer = await client.next(test=lambda event, nonce=nonce: event.get("nonce") == nonce)  # type: ignore[misc]
        if answer["type"] == "refused":
            return number
        await asyncio.sleep(0.2)
    raise AssertionError("never refused")


# --- below the commands: uvicorn, as bin/serve runs it ---

HANDSHAKE = (
    b"GET /ws/chatty/lobby HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)


@pytest.fixture(scope="module")
def production() -> Iterator[ChattyServer]:
    """A server as bin/serve runs it, without limits but those that no setting lifts."""
    with servers.chatty_server() as server:
        yield server
        assert "Traceback" not in server.log


def dial(server: ChattyServer, *, upgrade: bool = False) -> socket.socket:
    """A bare TCP connection; with the WebSocket's handshake done, if asked for."""
    host = urlsplit(server.http_url)
    plain = socket.create_connection((host.hostname, host.port), timeout=40)
    if upgrade:
        plain.sendall(HANDSHAKE % (host.netloc.encode(), b""))
        assert plain.recv(4096).startswith(b"HTTP/1.1 101")
    return plain


def frame(opcode: int, payload: bytes = b"", *, final: bool = True) -> bytes:
    """A client's frame, masked with zeros (RFC 6455, section 5.2); under 126 bytes."""
    return bytes([(0x80 if final else 0) | opcode, 0x80 | len(payload)]) + bytes(4) + payload


def send_all(plain: socket.socket, data: bytes) -> None:
    """Sends as much as the server takes."""
    with suppress(OSError):
        plain.sendall(data)


def read_to_end(plain: socket.socket) -> bytes:
    """What came until the server ended the connection.

    Raises:
        TimeoutError: it didn't.
    """
    received = b""
    try:
        while chunk := plain.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    return received


@pytest.mark.long
def test_a_request_that_doesnt_come_to_its_end_ends_in_time(production: ChattyServer) -> None:
    host = urlsplit(production.http_url).netloc.encode()
    whole = b"GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n" % host
    beginnings = {
        "nothing": b"",
        "half a line": b"GET /chat",
        "half a head": b"GET /chatty HTTP/1.1\r\nHost: " + host,
        "half a handshake": (HANDSHAKE % (host, b""))[:-2],
        "half a body": b"POST /chatty HTTP/1.1\r\nHost: %s\r\nContent-Length: 1000\r\n\r\nx" % host,
        "a line break after an answer": b"\r\n",
        "half a head after an answer": b"GET /chatty HTTP/1.1\r\n",
    }
    connections = {name: dial(production) for name in beginnings}
    for name, connection in connections.items():
        if name.endswith("answer"):
            connection.sendall(whole)
            answer = b""
            while b'{"status": "ok"}' not in answer:
                answer += connection.recv(4096) or pytest.fail(f"expected an answer, got {answer!r}")
    for name, beginning in beginnings.items():
        connections[name].sendall(beginning)
    for name, connection in connections.items():
        assert read_to_end(connection) == b"", name


@pytest.mark.parametrize(
    "start",
    [
        b"GET /" + b"x" * 10_000_000,
        b"GET /chatty HTTP/1.1\r\n" + b"X: y\r\n" * 2_000_000,
        b"POST /chatty HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 10_000_000,
    ],
    ids=["line", "head", "body"],
)
def test_a_request_without_measure_is_cut_off(production: ChattyServer, start: bytes) -> None:
    before = production.counts()["rss_kib"]
    connection = dial(production)
    send_all(connection, start)
    read_to_end(connection)

    assert production.counts()["rss_kib"] - before < 5_000


@pytest.mark.parametrize(
    "flood",
    [frame(9) * 300_000, frame(10) * 300_000, frame(1, b"a", final=False) + frame(0, final=False) * 300_000],
    ids=["pings", "pongs", "fragments"],
)
def test_a_flood_of_frames_that_are_no_commands_is_ended(production: ChattyServer, flood: bytes) -> None:
    before = production.counts()["rss_kib"]
    connection = dial(production, upgrade=True)
    send_all(connection, flood)
    received = read_to_end(connection)

    assert b'"code":4008' in received
    assert production.counts()["rss_kib"] - before < 5_000


async def test_commands_that_come_all_at_once_are_all_answered_in_order(production: ChattyServer, room: str) -> None:
    async with Client(production.http_url, room=room) as ann:
        nonces = [str(uuid.uuid4()) for _ in range(500)]
        fields = [f'"nonce":"{nonce}","body":""' for nonce in nonces]
        masked = b"".join(frame(1, f'{{"type":"post",{text}}}'.encode()) for text in fields)
        ann.socket.transport.write(masked)  # One write, many frames: the server gets them in few pieces.

        assert [(await ann.refused())["nonce"] for _ in nonces] == nonces


def test_a_page_of_another_name_that_leads_here_gets_no_socket(production: ChattyServer) -> None:
    connection = dial(production)
    connection.sendall(HANDSHAKE % (b"evil.example", b"Origin: http://evil.example\r\n"))

    assert connection.recv(4096).startswith(b"HTTP/1.1 403")


def test_only_pages_of_allowed_origins_get_a_socket_where_they_are_named() -> None:
    with servers.chatty_server(ALLOWED_ORIGINS="https://chat.example.com,http://other.example:8080") as server:
        answers = {}
        for origin in (
            "https://chat.example.com",
            "https://chat.example.com:443",
            "http://other.example:8080",
            "http://chat.example.com",
            "https://chat.example.com:8443",
            "http://other.example",
            "https://evil-chat.example.com",
            "https://chat.example.com.evil.example",
            server.http_url,
        ):
            connection = dial(server)
            host = urlsplit(server.http_url).netloc.encode()
            connection.sendall(HANDSHAKE % (host, b"Origin: %s\r\n" % origin.encode()))
            answers[origin] = connection.recv(4096)[9:12]
            connection.close()
        assert list(answers.values()) == [b"101"] * 3 + [b"403"] * 6


def test_a_long_handshake_is_understood(production: ChattyServer) -> None:
    connection = dial(production)
    host = urlsplit(production.http_url).netloc.encode()
    connection.sendall(HANDSHAKE % (host, b"Cookie: %s\r\n" % (b"x" * 5_000)))

    assert connection.recv(4096).startswith(b"HTTP/1.1 101")
