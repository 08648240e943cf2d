"""JSON schemas of what goes over the wire, derived from the types by which the server decodes and encodes it."""

import inspect
from functools import cache, reduce
from operator import or_
from typing import Any

import msgspec

from chat.content.slack import Payload
from chat.protocol import events
from chat.protocol.commands import COMMANDS, Join, Move
from chat.protocol.constants import COMMANDS_LIMIT
from chat.transports.http_requests import CommandsQuery, EventsQuery, LeaveQuery
from chat.web.answers import Identity, Liveness, NotNow, Readiness, WrongToken

Schema = dict[str, Any]

_PREFIX = "#/components/schemas/"
_ANSWERS = (Identity, Liveness, NotNow, Readiness, WrongToken)
_QUERIES = (EventsQuery, LeaveQuery, CommandsQuery)
# What these fields hold, which the server has encoded already.
_ENCODED: dict[tuple[type[events.Event], str], Any] = {
    (events.Welcome, "messages"): list[events.Message],
    (events.Welcome, "members"): list[events.Member],
    (events.Page, "messages"): list[events.Message],
    (events.Changes, "messages"): list[events.Message],
    (events.Activity, "rooms"): list[events.RoomActivity],
}
SOCKETS_OWN = (Join, Move)  # Commands that only a WebSocket has.
# Names of schemas that have no type of their own.
COMMAND, COMMANDS_BODY, FRAME, REFUSED, SLACK = "AnyCommand", "Commands", "Frame", "NotAnswered", Payload.__name__


def ref(name: str) -> Schema:
    return {"$ref": _PREFIX + name}


@cache
def schemas() -> dict[str, Schema]:
    """All schemas by name; also those of queries, whose properties become parameters."""
    command: Any = reduce(or_, (kind for kind in COMMANDS if kind not in SOCKETS_OWN))
    event: Any = reduce(or_, events.EVENTS)
    unanswered: Any = events.Refused | events.Bye
    roots = [command, event, unanswered, Payload, *_ANSWERS, *_QUERIES, *_ENCODED.values()]
    given, found = msgspec.json.schema_components(roots, ref_template=_PREFIX + "{name}")
    of_command, of_event, of_unanswered = given[:3]
    for (kind, field), schema in zip(_ENCODED, given[-len(_ENCODED) :], strict=True):
        found[kind.__name__]["properties"][field] = schema
    found[COMMAND] = of_command
    found[COMMANDS_BODY] = {
        "oneOf": [ref(COMMAND), {"type": "array", "items": ref(COMMAND), "maxItems": COMMANDS_LIMIT}]
    }
    found[FRAME] = {"type": "array", "items": of_event}
    found[REFUSED] = {"type": "array", "items": of_unanswered, "minItems": 1}
    for schema in found.values():
        if "description" in schema:
            schema["description"] = inspect.cleandoc(schema["description"])
    return found


def components() -> dict[str, Schema]:
    """The schemas that the description refers to, by name."""
    queries = {kind.__name__ for kind in _QUERIES}
    return {name: schema for name, schema in schemas().items() if name not in queries}


def query_parameters(query: type[msgspec.Struct]) -> list[Schema]:
    """A query's fields as parameters."""
    found = schemas()[query.__name__]
    required = found.get("required", ())
    return [
        {"name": name, "in": "query", "schema": schema} | ({"required": True} if name in required else {})
        for name, schema in found["properties"].items()
    ]
