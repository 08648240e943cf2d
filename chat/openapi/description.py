"""The description of the HTTP API (OpenAPI 3.1): its paths, what they take and what they answer."""

from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from django.urls import reverse

from chat.openapi.schemas import COMMANDS_BODY, FRAME, REFUSED, SLACK, Schema, components, query_parameters, ref
from chat.paths import HOOK_PATH, HTTP_PATH, SLUG, configured_base, prefix
from chat.protocol.constants import PROTOCOL_VERSION
from chat.protocol.errors import CloseCode, RefusalCode
from chat.transports.hooks import PAYLOAD_BYTES
from chat.transports.http_requests import (
    BODY_LIMIT_BYTES,
    CommandsQuery,
    EventsQuery,
    LeaveQuery,
    status_of,
    status_of_close,
)
from chat.web.answers import Identity, Liveness, NotNow, Readiness, WrongToken

JSON, TEXT, STREAM = "application/json", "text/plain", "text/event-stream"
FORM, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"
_TOKEN = "token"  # nosec B105
_HEADERS: Mapping[int, tuple[str, Schema]] = {
    401: ("WWW-Authenticate", {"type": "string"}),
    405: ("Allow", {"type": "string"}),
    429: ("Retry-After", {"type": "integer", "minimum": 1}),
    503: ("Retry-After", {"type": "integer", "minimum": 1}),
}
_ROOM = {
    "name": "room",
    "in": "path",
    "required": True,
    "description": "The room's address.",
    "schema": {"type": "string", "pattern": f"^{SLUG.pattern}$"},
}
_SECRET = {"name": "secret", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "description": "The same as `since`, which counts if both are given.",
    "schema": {"type": "string"},
}
_ABOUT = """\
Read a room and post in it over plain HTTP. The commands, the events and the versions that a client follows are
Chatty's protocol; docs/protocol.md of its repository explains them, docs/api.md has examples."""
_TEXT_SCHEMA = {"type": "string"}
_HOOK_REFUSALS = (400, 403, 404, 405, 408, 413, 429, 503)
_EVENTS_REFUSALS = (
    *(RefusalCode.BAD_FRAME, RefusalCode.NAME_INVALID, RefusalCode.BAD_TOKEN, RefusalCode.BANNED),
    *(RefusalCode.NO_SUCH_ROOM, RefusalCode.RATE_LIMITED, RefusalCode.UNAVAILABLE),
)

_LEAVE_REFUSALS = (RefusalCode.BAD_FRAME, RefusalCode.BAD_TOKEN, RefusalCode.RATE_LIMITED, RefusalCode.UNAVAILABLE)


class Encoded(NamedTuple):
    """The description as it is sent."""

    body: bytes
    etag: str


@cache
def encoded() -> Encoded:
    """The description, made once in each process."""
    body = msgspec.json.encode(describe())
    return Encoded(body, f'"{sha256(body).hexdigest()[:32]}"')


def describe() -> dict[str, Any]:
    rooms: dict[str, Schema] = {
        f"/{HTTP_PATH}/{{room}}/events": {"get": _events(), "delete": _leave()},
        f"/{HTTP_PATH}/{{room}}/commands": {"post": _commands()},
        f"/{HOOK_PATH}/{{secret}}": {"post": _hook()},
    }
    if base := configured_base():
        rooms = {path: {"servers": [{"url": base.rstrip("/")}], **item} for path, item in rooms.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Chatty", "version": str(PROTOCOL_VERSION), "description": _ABOUT},
        "servers": [{"url": prefix().rstrip("/") or "/"}],
        "paths": {_path("identity"): {"get": _identity()}, **rooms, **_probes()},
        "components": {
            "schemas": components(),
            "securitySchemes": {
                _TOKEN: {"type": "http", "scheme": "bearer", "description": "Of `get_user_info.json`, or a bot's."}
            },
        },
    }


def _path(name: str) -> str:
    return "/" + reverse(f"chat:{name}").removeprefix(prefix())


def _identity() -> Schema:
    return {
        "operationId": "get_identity",
        "summary": "Get an identity, or a fresh token for the one that the token has",
        "security": [{}, {_TOKEN: []}],
        "responses": {
            "200": _response("The identity.", {JSON: ref(Identity.__name__)}),
            "401": _refused(401, {JSON: ref(WrongToken.__name__)}),
            **{str(status): _refused(status, {JSON: ref(NotNow.__name__)}) for status in (429, 503)},
        },
    }


def _probes() -> dict[str, Schema]:
    alive = _response("The process runs.", {JSON: ref(Liveness.__name__)})
    readiness = {JSON: ref(Readiness.__name__)}
    answers = {"200": _response("They can.", readiness), "503": _response("They can't.", readiness)}
    return {
        _path("healthz"): {
            "get": {"operationId": "is_alive", "summary": "Whether the process runs", "responses": {"200": alive}}
        },
        _path("readyz"): {
            "get": {
                "operationId": "is_ready",
                "summary": "Whether messages can be written and delivered",
                "responses": answers,
            }
        },
    }


def _events() -> Schema:
    content = {STREAM: _TEXT_SCHEMA | {"description": f"Each `data` is a {FRAME}."}, JSON: ref(FRAME)}
    return {
        "operationId": "follow_room",
        "summary": "Follow a room: by a stream, or with `poll` by one answer after the other",
        "security": [{_TOKEN: []}],
        "parameters": [_ROOM, *query_parameters(EventsQuery), _LAST_EVENT_ID],
        "responses": {
            "200": _response("A stream of server-sent events, or the answer to a poll.", content),
            **_refusals(_EVENTS_REFUSALS, {405, *map(status_of_close, CloseCode)}),
        },
    }


def _leave() -> Schema:
    return {
        "operationId": "end_session",
        "summary": "End a session at once, as a client does that closes",
        "description": "Answered in the same way if there is no such session.",
        "security": [{_TOKEN: []}],
        "parameters": [_ROOM, *query_parameters(LeaveQuery)],
        "responses": {
            "204": {"description": "The session has ended, or is about to at another process."},
            **_refusals(_LEAVE_REFUSALS, {405}),
        },
    }


def _commands() -> Schema:
    size = f"At most {BODY_LIMIT_BYTES // 1024} KiB."
    return {
        "operationId": "send_commands",
        "summary": "Send a command, or several",
        "description": "A lone command that is refused sets the status; an array is answered with 200.",
        "security": [{_TOKEN: []}],
        "parameters": [_ROOM, *query_parameters(CommandsQuery)],
        "requestBody": {
            "required": True,
            "description": size,
            "content": {JSON: {"schema": ref(COMMANDS_BODY)}},
        },
        "responses": {
            "200": _response("The events that answer.", {JSON: ref(FRAME)}),
            **_refusals(RefusalCode, {405, 408}),
        },
    }


def _hook() -> Schema:
    form = {
        "type": "object",
        "properties": {"payload": {"type": "string", "contentMediaType": JSON, "contentSchema": ref(SLACK)}},
        "required": ["payload"],
    }
    return {
        "operationId": "post_by_webhook",
        "summary": "Post in the room of an incoming webhook, as to one of Slack",
        "parameters": [_SECRET],
        "requestBody": {
            "required": True,
            "description": f"At most {PAYLOAD_BYTES // 1024} KiB.",
            "content": {
                JSON: {"schema": ref(SLACK)},
                FORM: {"schema": form},
                MULTIPART: {"schema": form},
                TEXT: {"schema": _TEXT_SCHEMA},
            },
        },
        "responses": {
            "200": _response("Posted.", {TEXT: {"const": "ok"}}),
            **{str(status): _refused(status, {TEXT: _TEXT_SCHEMA}) for status in _HOOK_REFUSALS},
        },
    }


def _response(description: str, content: Mapping[str, Schema]) -> Schema:
    return {
        "description": description,
        "content": {kind: {"schema": schema} for kind, schema in content.items()},
    }


def _refused(status: int, content: Mapping[str, Schema], why: str = "") -> Schema:
    response = _response(f"{HTTPStatus(status).phrase}{why}.", content)
    if status in _HEADERS:
        name, schema = _HEADERS[status]
        response["headers"] = {name: {"required": True, "schema": schema}}
    return response


def _refusals(codes: Iterable[RefusalCode], statuses: set[int]) -> dict[str, Schema]:
    """What answers these refusals, and the other `statuses`. Pages of other origins and hosts get theirs as text."""
    named: dict[int, list[str]] = {status: [] for status in statuses}
    for code in codes:
        named.setdefault(status_of(code), []).append(f"`{code}`")
    answers = {}
    for status, names in sorted(named.items()):
        content = {JSON: ref(REFUSED)} | ({TEXT: _TEXT_SCHEMA} if status in (400, 403) else {})
        why = f": {', '.join(names)}" if names else ""
        answers[str(status)] = _refused(status, content, why)
    return answers
