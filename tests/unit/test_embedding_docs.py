"""The signers of docs/embedding.md, each run by its interpreter if there is one."""

import os
import re
import shutil
import subprocess
import sys
from typing import Any

import pytest

from chat.access import host_tokens
from chat.web.embedding import ELEMENT
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


def block(language: str) -> str:
    found: str
    (found,) = [
        text
        for kind, text in re.findall(r"^```(\w+)\n(.*?)^```", DOCUMENT, re.MULTILINE | re.DOTALL)
        if kind == language and "EMBED_SECRET" in text
    ]
    return found


@pytest.mark.parametrize("language", INTERPRETERS)
def test_a_documented_signer_makes_a_token_that_counts(language: str, settings: Any) -> None:
    settings.CHATTY = {"EMBED_KEYS": {"shop": [SECRET]}}
    command, end = INTERPRETERS[language]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    environment = {"PATH": os.environ["PATH"], "EMBED_SECRET": SECRET, "VISITOR": NAME, "LANG": "C.UTF-8"}
    done = subprocess.run([*command, f"{block(language)}\n{end}"], env=environment, capture_output=True, text=True)
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
