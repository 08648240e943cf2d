"""Responses to strangers, and secrets that stay out of the log, on a production server."""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from django.core import signing
from django.core.signing import TimestampSigner

from tests.client import Client
from tests.client import identity as ask_who_i_am
from tests.servers import SECRET_KEY, ChattyServer, PostgresServer

OLD_KEY = secrets.token_urlsafe(50)
DAYS = 24 * 3600
SALT = "chatty.identity"


@pytest.fixture(scope="module")
def server(postgres_server: PostgresServer) -> Iterator[ChattyServer]:
    """One that logs all it can, and whose key was changed lately."""
    with ChattyServer(
        DATABASE_URL=postgres_server.create_migrated_database(),
        LOG_LEVEL="debug",
        SECRET_KEY_FALLBACKS=OLD_KEY,
        TOKEN_MAX_AGE_DAYS="30",
        FRAME_ANCESTORS="https://intranet.example.com",
    ) as started:
        yield started


# --- tokens ---


def signed(value: str, *, key: str = SECRET_KEY, salt: str = SALT, age: float = 0) -> str:
    """As `identity.issue` would have signed it, `age` seconds ago."""
    signer = TimestampSigner(key=key, salt=salt)
    signer.timestamp = lambda: signing.b62_encode(int(time.time() - age))  # type: ignore[method-assign]
    return signer.sign(value)


def me() -> str:
    return str(uuid.uuid4())


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "forged": lambda: f"{me()}:1abcde:{'A' * 43}",
    "signed with another key": lambda: signed(me(), key=secrets.token_urlsafe(50)),
    "signed for another purpose": lambda: signed(me(), salt="something.else"),
    "signed for nobody": lambda: signed("nobody"),
    "expired": lambda: signed(me(), age=30 * DAYS + 60),
    "expired, of the old key": lambda: signed(me(), key=OLD_KEY, age=30 * DAYS + 60),
    "truncated": lambda: signed(me())[:-1],
    "without its signature": lambda: signed(me()).rpartition(":")[0],
    "without its time": lambda: me() + ":" + signed(me()).rpartition(":")[2],
    "of a second member in front": lambda: f"{me()}:{signed(me())}",
    "with more behind it": lambda: f"{signed(me())}:x",
    "with spaces around it": lambda: f" {signed(me())} ",
    "with another time": lambda: signed(me()).replace(":1", ":2", 1),
    "in other letters": lambda: signed(me()).translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789abcdef"}),
    "with a NUL": lambda: signed(me()) + "\0",
    "one long word": lambda: "x" * 1024,
    "all colons": lambda: ":" * 1024,
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
async def test_a_bad_token_is_nobody(server: ChattyServer, room: str, kind: str) -> None:
    client = await Client(server.http_url, room=room).open()
    await client.send(type="join", token=BAD_TOKENS[kind](), name="Ann", v=1)
    assert (await client.next("bye"))["code"] == 4401
    assert await client.closed() == 4401


@pytest.mark.parametrize("token", ["x" * 1025, 7, None, ["x"], {"id": "x"}, "\ud800"])
async def test_what_is_no_token_at_all_is_refused(server: ChattyServer, room: str, token: object) -> None:
    client = await Client(server.http_url, room=room).open()
    await client.send(type="join", token=token, name="Ann", v=1)
    assert (await client.refused())["code"] == "bad_frame"
    await client.close()


async def test_a_token_of_the_former_key_is_taken_and_renewed(server: ChattyServer, room: str) -> None:
    member = me()
    client = await Client(server.http_url, room=room).open()
    client.token = signed(member, key=OLD_KEY, age=29 * DAYS)
    assert (await client.join())["me"]["id"] == member
    await client.close()

    info = await ask_who_i_am(server.http_url, client.token)
    assert info["uuid"] == member
    assert TimestampSigner(key=SECRET_KEY, salt=SALT).unsign(info["token"], max_age=60) == member


@pytest.mark.parametrize("header", ["Bearer", "Basic eDp5", "Bearer é", "Bearer " + "x" * 8000])
async def test_a_client_without_a_valid_token_is_a_new_member(server: ChattyServer, header: str) -> None:
    answers = []
    for _ in range(2):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as http:  # Each without the other's cookie.
            address = f"{server.http_url}/get_user_info.json"
            answers.append(await http.get(address, headers={b"Authorization": header.encode()}))
    assert answers[0].json()["uuid"] != answers[1].json()["uuid"]


# --- headers ---


def policy(answer: httpx.Response) -> dict[str, set[str]]:
    parts = (part.split() for part in answer.headers["content-security-policy"].split(";"))
    return {name: set(sources) for name, *sources in parts}


def test_every_answer_says_what_browsers_may_not_do_with_it(server: ChattyServer) -> None:
    with httpx.Client(base_url=server.http_url, trust_env=False, timeout=60) as http:
        for path, status in (
            ("/chatty", 200),
            ("/get_user_info.json", 200),
            ("/healthz", 200),
            ("/static/chat/img/icon.svg", 200),
            ("/no-such-page", 404),
            ("/chatty/No_Room", 404),
        ):
            answer = http.get(path)
            assert answer.status_code == status
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert answer.headers["referrer-policy"] == "same-origin", path
            assert answer.headers["cross-origin-opener-policy"] == "same-origin", path
            assert answer.headers["cross-origin-resource-policy"] == "same-origin", path
            assert "camera=()" in answer.headers["permissions-policy"], path
            assert "server" not in answer.headers
            allowed = policy(answer)
            assert allowed["default-src"] == {"'none'"}
            assert allowed["script-src"] == allowed["style-src"] == {"'self'"}
            assert allowed["connect-src"] == {"'self'", server.ws_url.removesuffix("/ws/chatty")}
            assert not any("unsafe" in source or source == "*" for sources in allowed.values() for source in sources)
        stranger = http.get("/chatty", headers={"Host": "evil.example"})
        assert stranger.status_code == 400
        assert policy(stranger)["connect-src"] == {"'self'"}


def test_who_may_frame_the_page_is_a_setting(server: ChattyServer, chatty_server: Callable[..., ChattyServer]) -> None:
    framed = httpx.get(f"{server.http_url}/chatty", trust_env=False, timeout=60)
    assert policy(framed)["frame-ancestors"] == {"https://intranet.example.com"}
    assert "x-frame-options" not in framed.headers  # It can't name a site.

    unframed = httpx.get(f"{chatty_server().http_url}/chatty", trust_env=False, timeout=60)
    assert policy(unframed)["frame-ancestors"] == {"'none'"}
    assert unframed.headers["x-frame-options"] == "DENY"


def test_no_other_site_can_read_an_identity(server: ChattyServer) -> None:
    address, origin = f"{server.http_url}/get_user_info.json", {"Origin": "https://evil.example"}
    answers = [
        httpx.get(address, headers=origin, trust_env=False, timeout=60),
        httpx.options(address, headers=origin | {"Access-Control-Request-Method": "GET"}, trust_env=False),
    ]
    for answer in answers:
        assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert "no-store" in answers[0].headers["cache-control"]
    assert "set-cookie" not in answers[0].headers


# --- the log ---


async def test_the_log_holds_no_token_no_name_and_no_message(
    server: ChattyServer, room: str, postgres_server: PostgresServer
) -> None:
    marker = secrets.token_hex(8)
    body, poison, name = f"body {marker}\nand more", f"poison {marker}\n\nDuring handling of {marker}", f"name {marker}"
    database = server.settings["DATABASE_URL"].rpartition("/")[2]
    with postgres_server.connect(database) as admin:
        admin.execute("ALTER TABLE chat_message ADD CONSTRAINT no_poison CHECK (body NOT LIKE 'poison%')")

    async with Client(server.http_url, name, room) as ann:
        await ann.post(body)
        await ann.send(type="post", nonce=str(uuid.uuid4()), body=poison)  # The database refuses it with the whole row.
        assert (await ann.refused())["code"] == "unavailable"
        for frame in (f'{{"type": "{marker}"}}', marker, f'{{"type": "post", "body": "{marker}"}}', marker.encode()):
            await ann.send_raw(frame)
            await ann.refused()
        await ann.send(type="rename", name=f"\0{marker}")
        await ann.refused()
        await ask_who_i_am(server.http_url, ann.token)
        token = ann.token
    stranger = await Client(server.http_url, room=room).open()
    await stranger.send(type="join", token=f"{marker}:{token}", name=name, v=1)
    await stranger.closed()

    assert "violates check constraint" in server.log  # What went wrong is there,
    for secret in (marker, token, token.rpartition(":")[2], SECRET_KEY, OLD_KEY):
        assert secret not in server.log  # what was said is not.
