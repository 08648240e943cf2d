"""The description of the HTTP API is whole: each command and event is in it, with all its fields."""

from typing import Any

import pytest
from django.test import override_settings

from chat.openapi import description
from chat.openapi.schemas import SOCKETS_OWN
from chat.protocol.commands import COMMANDS
from chat.protocol.events import EVENTS
from chat.routing import http_urlpatterns


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return description.describe()


def names_in(schema: Any) -> set[str]:
    """The schemas that it refers to."""
    if isinstance(schema, list):
        return set().union(*map(names_in, schema))
    if not isinstance(schema, dict):
        return set()
    return set().union({schema["$ref"].rpartition("/")[2]} if "$ref" in schema else (), *map(names_in, schema.values()))


def test_each_command_and_each_event_is_described(described: dict[str, Any]) -> None:
    found = described["components"]["schemas"]
    assert names_in(found["AnyCommand"]["anyOf"]) == {command.__name__ for command in COMMANDS} - {
        command.__name__ for command in SOCKETS_OWN
    }
    assert names_in(found["Frame"]["items"]["anyOf"]) == {event.__name__ for event in EVENTS}


def test_each_field_has_a_schema_and_each_schema_is_there(described: dict[str, Any]) -> None:
    found = described["components"]["schemas"]
    assert names_in(described) == set(found)
    fields = {(name, field): given for name, it in found.items() for field, given in it.get("properties", {}).items()}
    assert len(fields) > 100
    assert [place for place, given in fields.items() if {} in (given, given.get("items"))] == []


def test_each_path_of_the_consumers_is_described(described: dict[str, Any]) -> None:
    paths = [path.lstrip("/").format(room="lobby", secret="x") for path in described["paths"]]
    for pattern in http_urlpatterns:
        assert any(pattern.pattern.match(path) for path in paths), pattern


def test_it_says_where_the_rooms_are_if_that_is_elsewhere() -> None:
    with override_settings(CHATTY={"SOCKET_URL": "wss://ws.example.com/talk/ws/chatty"}):
        paths = description.describe()["paths"]
    assert paths["/chatty/{room}/events"]["servers"] == [{"url": "https://ws.example.com/talk"}]
    assert "servers" not in paths["/healthz"]
