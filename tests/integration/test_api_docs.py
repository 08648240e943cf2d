"""The examples of docs/api.md, run one after the other by a shell against a server."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.http_client import Requester, events_of
from tests.servers import ROOT, ChattyServer, PostgresServer

DOCUMENT = (ROOT / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```(sh|json)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
(PYTHON,) = re.findall(r"^```python\n(from chatty_client .*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
SCRIPT, LISTENER = re.findall(r"^```js\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
EXAMPLES = [text for language, text in BLOCKS if language == "sh"]
MARK = "=== next example"
# A stream ends after a moment; and no proxy of the machine's is asked for a server on it.
PREAMBLE = """set -eu
export no_proxy=127.0.0.1
curl() {
  case " $* " in
    *" -sN "*) command curl --max-time 3 "$@" || true ;;
    *) command curl "$@" ;;
  esac
}
"""


@pytest.fixture(scope="module", params=["uvicorn", "postgresql"])
def server(request: pytest.FixtureRequest, postgres_server: PostgresServer) -> Iterator[ChattyServer]:
    settings = {"DATABASE_URL": postgres_server.create_migrated_database()} if request.param == "postgresql" else {}
    with ChattyServer(**settings) as server:
        yield server


@pytest.fixture(scope="module")
def outputs(server: ChattyServer, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each example prints."""
    for name in ("curl", "jq"):
        servers.program(name, name)
    examples = [text.replace("http://localhost:8000", server.http_url) for text in EXAMPLES]
    script = PREAMBLE + f"echo '{MARK}'\n".join(examples) + "wait\n"
    folder: Path = tmp_path_factory.mktemp("api")
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.split(f"{MARK}\n")


def output_of(outputs: list[str], part: str) -> str:
    """What the example with this text in it printed."""
    (place,) = [place for place, example in enumerate(EXAMPLES) if part in example]
    return outputs[place]


def expect(shown: Any, found: Any) -> None:
    """What the page shows is there; it leaves out fields."""
    if isinstance(shown, dict):
        for name, value in shown.items():
            expect(value, found[name])
    elif isinstance(shown, list):
        for one, other in zip(shown, found, strict=True):
            expect(one, other)
    else:
        assert shown == found


def test_each_example_is_run(outputs: list[str]) -> None:
    assert len(outputs) == len(EXAMPLES) > 8


def test_the_answers_are_those_that_the_page_shows(outputs: list[str]) -> None:
    shown = [
        (text, json.loads(BLOCKS[place + 1][1]))
        for place, (language, text) in enumerate(BLOCKS[:-1])
        if language == "sh" and BLOCKS[place + 1][0] == "json"
    ]
    assert len(shown) == 2
    for example, answer in shown:
        found, _ = json.JSONDecoder().raw_decode(outputs[EXAMPLES.index(example)])
        expect(answer, found)


def test_other_examples_do_what_the_page_says(outputs: list[str]) -> None:
    assert output_of(outputs, '"history"') == "Robot: The build is **green**.\n"
    assert [event["type"] for event in json.loads(output_of(outputs, '"search"'))] == ["reacted", "found"]
    assert output_of(outputs, '"seq": 99').endswith("404")
    assert output_of(outputs, "DELETE") == "204"
    assert "/chatty/{room}/events\n" in output_of(outputs, "openapi.json")
    assert '"type":"made"' in output_of(outputs, '"make_hook"')
    assert all("ok" in output_of(outputs, example) for example in ("*Build*", "The backup"))
    welcome = '[{"type":"welcome"'
    follows = [place for place, example in enumerate(EXAMPLES) if "/events" in example and "DELETE" not in example]
    # A stream in the background prints when it will.
    backgrounds = [place for place in follows if "&\n" in EXAMPLES[place]]
    assert all(welcome in outputs[place] for place in follows if place not in backgrounds)
    assert "".join(outputs).count(welcome) == len(follows)
    resumed = output_of(outputs, "Last-Event-ID")
    assert '"reset":false' in resumed
    assert '"messages":[]' in resumed


async def test_the_python_example_answers(server: ChattyServer, outputs: list[str]) -> None:
    """After the others, whose lobby it comes into."""
    script = PYTHON.replace("http://localhost:8000", server.http_url)
    environ = os.environ | {"PYTHONPATH": str(ROOT / "examples"), "no_proxy": "127.0.0.1"}
    reading = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, env=environ, stdout=asyncio.subprocess.PIPE
    )
    assert reading.stdout
    try:
        async with Requester(server.http_url) as ann:
            while not any(member["name"] == "Reader" for member in (await listen(ann))["members"]):
                await asyncio.sleep(0.1)
            await ann.post("Is anybody there?", session=False, name="Ann")
            assert await reading.stdout.readline() == b"Ann says Is anybody there?\n"
            while (await listen(ann))["messages"][-1]["body"] != "I see.":
                await asyncio.sleep(0.1)
    finally:
        reading.kill()
        await reading.wait()


async def test_the_javascript_examples_post_read_and_follow(server: ChattyServer, outputs: list[str]) -> None:
    """After the others, whose lobby they come into."""
    async with Requester(server.http_url) as ann:
        listener = await node(LISTENER, server)
        assert listener.stdout
        try:
            while not any(member["name"] == "Listener" for member in (await listen(ann))["members"]):
                await asyncio.sleep(0.1)
            script = await node(SCRIPT, server)
            printed, _ = await script.communicate()
            assert (printed, script.returncode) == (b"Script says Hello from *JavaScript*.\n", 0)
            assert await listener.stdout.readline() == b"Script says Hello from *JavaScript*.\n"
            await asyncio.to_thread(server.stop)  # The connection is lost, and the stream resumed.
            await asyncio.to_thread(server.start)
            await ann.post("Bye, all.", session=False, name="Ann")
            assert await listener.stdout.readline() == b"Ann says Bye, all.\n"
            assert await listener.wait() == 0
            while any(member["name"] == "Listener" for member in (await listen(ann))["members"]):
                await asyncio.sleep(0.1)
        finally:
            if listener.returncode is None:
                listener.kill()
                await listener.wait()


async def node(script: str, server: ChattyServer) -> asyncio.subprocess.Process:
    text = script.replace("http://localhost:8000", server.http_url)
    arguments = ["--input-type=module", "--eval", text]
    return await asyncio.create_subprocess_exec("node", *arguments, stdout=asyncio.subprocess.PIPE)


async def listen(requester: Requester) -> dict[str, Any]:
    """The room as somebody finds it who comes in."""
    answer = await requester.http.get(f"{requester.base}/events", params={"poll": 1})
    welcome: dict[str, Any] = events_of(answer)[0]
    return welcome
