"""The client and the bot of examples/, as somebody would run them: against a server that restarts."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import servers
from tests.client import new_slug
from tests.servers import ROOT, ChattyServer, PostgresServer, wait_until

EXAMPLES = ROOT / "examples"
PATIENCE_SECONDS = 120  # The bot's pauses grow while there is no server.
RESUME_LIMIT = 5


def _load(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


chatty_client = _load("chatty_client")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[ChattyServer]:
    settings = {"DATABASE_URL": postgres_server.create_migrated_database()} if request.param == "postgresql" else {}
    with servers.chatty_server(RESUME_LIMIT=str(RESUME_LIMIT), **settings) as server:
        yield server


class Guest:
    """Somebody who posts and reads by requests."""

    def __init__(self, server: ChattyServer, room: str) -> None:
        self.http = httpx.Client(base_url=server.http_url, trust_env=False, timeout=60)
        info = self.http.get("/get_user_info.json").json()
        self.id = info["uuid"]
        self.http.headers["Authorization"] = f"Bearer {info['token']}"
        self._path = f"/chatty/{room}/commands"

    def ask(self, *commands: dict[str, Any]) -> list[dict[str, Any]]:
        answer = self.http.post(self._path, content=json.dumps(commands))
        assert answer.status_code == 200, answer.text
        events: list[dict[str, Any]] = answer.json()
        return events

    def post(self, *bodies: str) -> None:
        self.ask(*({"type": "post", "nonce": str(uuid.uuid4()), "body": body} for body in bodies))

    def bodies(self, *, of_bots: bool) -> list[str]:
        """All messages of people, or of bots."""
        (page,) = self.ask({"type": "history", "after": 0, "limit": 100})
        return [message["body"] for message in page["messages"] if bool(message["author"].get("bot")) is of_bots]


class Bot:
    """The echo bot, as a process that can be started again."""

    def __init__(self, server: ChattyServer, room: str, folder: Path) -> None:
        settings = {"DATABASE_URL": server.settings["DATABASE_URL"], "SECRET_KEY": servers.SECRET_KEY}
        name = f"Echo {uuid.uuid4().hex[:8]}"
        self.token = servers.manage("bot", "create", name, "--room", room, **settings).splitlines()[-1]
        self.place = folder / "place.txt"
        self._command = [sys.executable, str(EXAMPLES / "echo_bot.py"), server.http_url, room, str(self.place)]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, env=os.environ | {"CHATTY_TOKEN": self.token})

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


@pytest.fixture
def bot(server: ChattyServer, room: str, tmp_path: Path) -> Iterator[Bot]:
    bot = Bot(server, room, tmp_path)
    bot.start()
    wait_until(bot.place.exists, PATIENCE_SECONDS, "the bot in the room")
    yield bot
    if bot.process is not None:
        bot.kill()


def wait_for(condition: Callable[[], object], what: str) -> None:
    wait_until(condition, PATIENCE_SECONDS, what, pause=0.2)


def test_the_bot_echoes_each_message_once_whatever_restarts(server: ChattyServer, room: str, bot: Bot) -> None:
    ann = Guest(server, room)

    def echoed(*bodies: str) -> bool:
        return ann.bodies(of_bots=True) == list(bodies)

    ann.post("one")
    wait_for(lambda: echoed("one"), "an echo")
    # Its own restart: what was posted meanwhile is echoed, and nothing else again.
    bot.kill()
    place = bot.place.read_text()
    ann.post("two", "three")
    bot.start()
    wait_for(lambda: echoed("one", "two", "three"), "echoes of what came meanwhile")
    # As if it had been killed after it had posted and before it had kept its place.
    bot.kill()
    bot.place.write_text(place)
    ann.post("four")
    bot.start()
    wait_for(lambda: echoed("one", "two", "three", "four"), "no second echo")
    # The server's: asked to end, and not asked.
    for body, end in (("five", server.stop), ("six", server.kill)):
        end()
        server.start()
        ann.post(body)
    wait_for(lambda: echoed("one", "two", "three", "four", "five", "six"), "echoes after the server's restarts")
    assert ann.bodies(of_bots=False) == ["one", "two", "three", "four", "five", "six"]


def test_the_bot_is_a_page_long() -> None:
    assert len((EXAMPLES / "echo_bot.py").read_text().splitlines()) <= 40


def test_more_messages_than_a_resumption_lists_are_followed_without_a_gap(server: ChattyServer, room: str) -> None:
    ann = Guest(server, room)
    reader = chatty_client.Room(chatty_client.identify(server.http_url), room)
    batches = reader.follow()
    begun = next(batches)
    assert (begun.messages, begun.place.version) == ([], 0)
    batches.close()
    count = 120  # More than RESUME_LIMIT, than the newest page, and than one page of history.
    for first in range(0, count, 20):
        ann.post(*(f"{number}" for number in range(first, first + 20)))
    ann.ask({"type": "react", "seq": 1, "emoji": "🎉", "on": True}, {"type": "delete", "seq": 2})
    batch = next(reader.follow(begun.place))
    assert [message["body"] for message in batch.messages] == [f"{n}" for n in range(count) if n != 1]
    assert batch.place.version == count + 2
    assert chatty_client.Place.of(str(batch.place)) == batch.place


def test_a_message_that_changes_is_new_once(server: ChattyServer, room: str) -> None:
    ann = Guest(server, room)
    batches = chatty_client.Room(chatty_client.identify(server.http_url), room).follow()
    next(batches)
    ann.post("one")
    assert [message["body"] for message in next(batches).messages] == ["one"]
    ann.ask({"type": "edit", "seq": 1, "body": "uno"})
    assert next(batches).messages == []
    ann.post("two")
    assert [message["body"] for message in next(batches).messages] == ["two"]


def test_a_post_is_repeated_with_its_nonce_and_a_refusal_raised(server: ChattyServer, room: str) -> None:
    me = chatty_client.identify(server.http_url)
    assert chatty_client.identify(server.http_url, me.token).id == me.id
    writer = chatty_client.Room(me, room, name="Ann")
    nonce = uuid.uuid4()
    assert writer.post("hello", nonce=nonce) == writer.post("hello", nonce=nonce)
    assert writer.post("again", reply_to=1)["seq"] == 2
    with pytest.raises(chatty_client.Refused) as caught:
        writer.post(" ")
    assert (caught.value.status, caught.value.code) == (400, "body_empty")
    stranger = chatty_client.Room(me._replace(token="x"), new_slug())
    with pytest.raises(chatty_client.Refused) as caught:
        next(stranger.follow())
    assert (caught.value.status, caught.value.code) == (401, "bad_token")
