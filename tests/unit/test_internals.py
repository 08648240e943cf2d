"""The list of uvicorn's and websockets' internals is complete, and missing ones are reported at the start."""

import ast
import subprocess
import sys
from importlib import import_module

import pytest

from chatty_project import env, internals, serve
from chatty_project.internals import INTERNALS, attributes_of
from tests.servers import ROOT

SOCKET = "uvicorn.protocols.websockets.websockets_sansio_impl:WebSocketsSansIOProtocol"
HTTP = "uvicorn.protocols.http.httptools_impl:HttpToolsProtocol"
CYCLE = "uvicorn.protocols.http.httptools_impl:RequestResponseCycle"
SUPERVISOR = "uvicorn.supervisors.multiprocess:Multiprocess"
PROCESS = "uvicorn.supervisors.multiprocess:Process"
CONNECTION = "websockets.server:ServerProtocol"


def used(file: str, *owners: str) -> set[str]:
    """The attributes that the file asks these expressions for. For `self` also those that its class overrides."""
    tree = ast.parse((ROOT / "chatty_project" / file).read_text())
    asked = {
        node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and ast.unparse(node.value) in owners
    }
    overridden = {
        node.name
        for made in ast.walk(tree)
        if isinstance(made, ast.ClassDef)
        for node in made.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return asked | (overridden if "self" in owners else set())


@pytest.mark.parametrize(
    ("place", "file", "owners"),
    [
        (SOCKET, "server.py", ("self", "super()")),
        (CONNECTION, "server.py", ("self.conn",)),
        (HTTP, "http.py", ("self", "super()")),
        (CYCLE, "http.py", ("self._running",)),
        (SUPERVISOR, "supervisor.py", ("self", "super()")),
        (PROCESS, "supervisor.py", ("worker", "replacement")),
    ],
)
def test_all_that_is_used_is_looked_for(place: str, file: str, owners: tuple[str, ...]) -> None:
    module, _, name = place.partition(":")
    theirs = attributes_of(getattr(import_module(module), name)) - set(dir(object))
    assert used(file, *owners) & theirs == set(INTERNALS[place])


def test_nothing_is_missing_of_what_is_installed() -> None:
    assert internals.problems() == []


def test_what_is_missing_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    monkeypatch.delattr(WebSocketsSansIOProtocol, "handle_pong")
    monkeypatch.setattr("websockets.server.ServerProtocol", object)
    monkeypatch.setattr(internals, "version", lambda package: "99.0")
    found = internals.problems(INTERNALS | {"uvicorn.gone:Thing": ()})
    assert found[0] == (
        "uvicorn 99.0 has no WebSocketsSansIOProtocol.handle_pong, which bin/serve uses; expected the uvicorn that "
        "requirements.txt pins: python -m pip install -r requirements.txt"
    )
    assert [line.partition(",")[0] for line in found[1:]] == [
        *(f"websockets 99.0 has no ServerProtocol.{name}" for name in INTERNALS[CONNECTION]),
        "uvicorn 99.0 has no uvicorn.gone:Thing",
    ]


def test_serve_asks_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(internals, "problems", lambda: ["uvicorn has no wings"])
    assert "uvicorn has no wings" in serve.problems(env.read({}))


def test_what_is_reached_into_has_a_ceiling() -> None:
    lines = (ROOT / "requirements.in").read_text().splitlines()
    packages = {place.partition(".")[0] for place in INTERNALS}
    assert {line.partition(">")[0] for line in lines if ",<" in line} >= packages


@pytest.mark.parametrize("module", ["chatty_project.http", "chatty_project.server"])
def test_the_protocols_are_imported_before_djangos_applications_are_loaded(module: str) -> None:
    """As uvicorn does in each of several workers."""
    done = subprocess.run([sys.executable, "-c", f"import {module}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
