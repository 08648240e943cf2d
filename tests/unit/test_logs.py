"""Log lines, for people and for programs."""

import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from chatty_project import logs, trace
from chatty_project.settings import LOGGING


def record(message: str = "Ready %s", *arguments: object, error: BaseException | None = None) -> logging.LogRecord:
    about = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("chat.hub", logging.WARNING, "hub.py", 1, message, arguments, about)


@pytest.fixture
def named() -> Iterator[str]:
    token = trace.current.set("socket-1-2")
    yield "socket-1-2"
    trace.current.reset(token)


def of_json(line: str) -> dict[str, Any]:
    assert "\n" not in line
    found: dict[str, Any] = json.loads(line)
    return found


def concise() -> logs.Concise:
    return logs.Concise(LOGGING["formatters"]["concise"]["format"])


def test_a_line_for_people_names_its_connection_if_it_has_one(named: str) -> None:
    assert concise().format(record("Ready %s", "again")).endswith(f" warning chat.hub [{named}]: Ready again")


def test_a_line_of_no_connection_names_none() -> None:
    assert concise().format(record("Ready %s", "again")).endswith(" warning chat.hub: Ready again")


def test_a_line_for_programs_is_one_json_object(named: str) -> None:
    line = of_json(logs.Json().format(record("Ready\n%s", '"ä"')))
    assert line.pop("at").endswith("+00:00")
    assert line.pop("process") > 0
    assert line == {"level": "warning", "logger": "chat.hub", "message": 'Ready\n"ä"', "trace": named}


def test_a_stack_is_in_its_line() -> None:
    try:
        raise ValueError("wrong")
    except ValueError:
        error = sys.exc_info()[1]
    line = of_json(logs.Json().format(record("Failed", error=error)))
    assert "trace" not in line
    assert line["stack"].endswith("ValueError: wrong")


@pytest.mark.parametrize(
    ("given", "name"),
    [(b"edge-7", "edge-7"), (b"", "request-"), (b"a b", "request-"), (b"x" * 65, "request-"), (b"\n", "request-")],
)
async def test_a_request_has_the_proxys_name_or_one_of_its_own(given: bytes, name: str) -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(trace.current.get())

    await trace.traced(application, "request")({"headers": [(b"x-request-id", given)]}, None, None)
    assert seen[0].startswith(name)
