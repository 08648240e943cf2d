"""What docs/embedding.md has for sites: signers, each run by its interpreter if there is one, tags and settings."""

import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest
from django.template import Context, Template
from django.urls import resolve

from chat.access import host_tokens
from chat.web.embedding import ELEMENT, script
from chatty_project import env
from tests.servers import ROOT

DOCUMENT = (ROOT / "docs/embedding.md").read_text()
SCRIPT = (ROOT / "static" / ELEMENT).read_text()
SECRET = "s" * 32
NAME = 'Dora "D" Fuchs, 漢字'
# By the language of the block: the interpreter, and what prints a token.
INTERPRETERS = {
    "ruby": (["ruby", "-e"], "puts chat_token(7, ENV['VISITOR'])"),
    "php": (["php", "-r"], "echo chat_token(7, getenv('VISITOR'));"),
    "js": (["node", "-e"], "console.log(chatToken(7, process.env.VISITOR))"),
    "python": ([sys.executable, "-c"], "print(chat_token(7, os.environ['VISITOR']))"),
}


def block(language: str, *, of: str) -> str:
    """The block of this language with these characters in it."""
    (found,) = [
        text
        for kind, text in re.findall(r"^```(\w+)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
        if kind == language and of in text
    ]
    return str(found)


@pytest.mark.parametrize("language", INTERPRETERS)
def test_a_documented_signer_makes_a_token_that_counts(language: str, settings: Any) -> None:
    settings.CHATTY = {"EMBED_KEYS": {"shop": [SECRET]}}
    command, end = INTERPRETERS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = {"PATH": os.environ["PATH"], "EMBED_SECRET": SECRET, "VISITOR": NAME, "LANG": "C.UTF-8"}
    done = subprocess.run(
        [*command, f"{block(language, of='EMBED_SECRET')}\n{end}"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    claims = host_tokens.verify(done.stdout.strip())
    assert claims.name == NAME
    assert claims.key == "shop"
    assert claims.member_id == host_tokens._member_id("shop", "7"), "the same visitor in every language"


def test_the_elements_attributes_and_events_are_documented() -> None:
    table = DOCUMENT[DOCUMENT.index("### The element") : DOCUMENT.index("### The token")]
    first = "\n".join(row.split("|")[1] for row in table.splitlines() if row.startswith("| `"))
    live = re.search(r"const LIVE = \[(.*?)\]", SCRIPT)
    others = re.search(r"const ATTRIBUTES = \[\.\.\.LIVE, (.*?)\]", SCRIPT)
    assert live
    assert others
    attributes = set(re.findall(r'"([a-z-]+)"', live[1] + others[1]))
    events = set(re.findall(r'CustomEvent\("(\w+)"', SCRIPT)) | {"open", "close"}
    assert attributes | events == set(re.findall(r"`([a-z-]+)`", first))


def test_the_documented_template_shows_a_room() -> None:
    page = Template(block("html", of="chatty_room")).render(Context())
    assert re.search(r'<iframe class="chatty-room" src="/chatty/support\?.*theme=light.*" .*height="480"', page)


def test_the_documented_tag_has_attributes_and_a_script_that_are_there() -> None:
    tag = block("html", of="<chatty-room")
    address = re.search(r'<script src="https://chat\.example\.com(/[^"]+)" defer>', tag)
    assert address
    assert resolve(address[1]).func is script
    given = re.search(r"<chatty-room (.*?)>", tag)
    assert given
    assert set(re.findall(r"([a-z-]+)=", given[1])) <= set(re.findall(r'"([a-z-]+)"', SCRIPT))


def test_the_documented_settings_are_valid() -> None:
    export = block("sh", of="FRAME_ANCESTORS")
    command = f'{export}\nprintf "%s\\n" "$FRAME_ANCESTORS" "$EMBED_KEYS"'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    ancestors, keys = done.stdout.splitlines()
    environment = env.read({"FRAME_ANCESTORS": ancestors, "EMBED_KEYS": keys})
    assert environment[env.FRAME_ANCESTORS] == ["https://www.example.com"]
    secrets = environment[env.EMBED_KEYS]
    assert secrets.keys() == {"shop"}
