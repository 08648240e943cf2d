"""The examples of docs/api.md, run one after the other by a shell against a server."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.servers import ROOT, ChattyServer

DOCUMENT = (ROOT / "docs" / "api.md").read_text()
BLOCKS = re.findall(r"^```(sh|json)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
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


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """What each example prints."""
    for name in ("curl", "jq"):
        servers.program(name, name)
    with ChattyServer() as server:
        examples = [text.replace("http://localhost:8000", server.http_url) for text in EXAMPLES]
        script = PREAMBLE + f"echo '{MARK}'\n".join(examples) + "wait\n"
        folder: Path = tmp_path_factory.mktemp("api")
        done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
        yield done.stdout.split(f"{MARK}\n")


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
    assert output_of(outputs, "%{http_code}").endswith("404")
    assert "/chatty/{room}/events\n" in output_of(outputs, "openapi.json")
    assert '"type":"made"' in output_of(outputs, '"make_hook"')
    assert all("ok" in output_of(outputs, example) for example in ("*Build*", "The backup"))
    welcome = '[{"type":"welcome"'
    follows = [place for place, example in enumerate(EXAMPLES) if "/events" in example]
    # A stream in the background prints when it will.
    backgrounds = [place for place in follows if "&\n" in EXAMPLES[place]]
    assert all(welcome in outputs[place] for place in follows if place not in backgrounds)
    assert "".join(outputs).count(welcome) == len(follows)
    resumed = output_of(outputs, "Last-Event-ID")
    assert '"reset":false' in resumed
    assert '"messages":[]' in resumed
