"""The description of the HTTP API, against running servers: they answer requests made from it as it says."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode, openapi
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from chat.openapi.views import MAX_AGE_SECONDS
from tests.client import new_slug
from tests.servers import ChattyServer, DevelopmentServer, PostgresServer

load_all_checks()
EXAMPLES = 25  # Of each operation, for data that fits and for data that doesn't.
TIMEOUT_SECONDS = 60
POLL = {"poll": True, "wait": 1}  # A stream has no end; it has a test of its own.
NEVER_USED = "0b7e9a64-5b8a-4d0e-9c57-1f2e3d4c5b6a"
# A schema can't say what is valid: a body needs a visible character. And tokens have a test of their own.
EXCLUDED: list[Any] = [CHECKS.get_one("positive_data_acceptance"), CHECKS.get_one("ignored_auth")]
WITH_INPUT = ("follow_room", "end_session", "send_commands", "post_by_webhook")
WITHOUT_INPUT = ("get_identity", "is_alive", "is_ready")


class Api:
    """A server, its description, and somebody with a room and a webhook."""

    def __init__(self, server: ChattyServer) -> None:
        self.is_daphne = isinstance(server, DevelopmentServer)
        self.http = httpx.Client(base_url=server.http_url, trust_env=False, timeout=TIMEOUT_SECONDS)
        self.description = self.http.get("/api/openapi.json").json()
        found = openapi.from_dict(self.description).get_all_operations()
        operations = [one.ok() for one in found if isinstance(one, Ok)]
        self.operations = {operation.definition.raw["operationId"]: operation for operation in operations}
        self.identity = self.http.get("/get_user_info.json").json()
        self.http.headers["Authorization"] = f"Bearer {self.identity['token']}"
        self.room = new_slug()
        self.command(type="make", slug=self.room, title="Harbour")
        self.hook = self.command(type="make_hook", name="CI")[0]["url"].rpartition("/")[2]

    def expect(self, operation_id: str, status: int, answer: httpx.Response) -> None:
        """The answer has this status and is as described."""
        operation = self.operations[operation_id]
        assert answer.status_code == status, answer.text
        assert str(status) in operation.definition.raw["responses"]
        operation.validate_response(answer)

    def command(self, *, status: int = 200, **command: Any) -> list[dict[str, Any]]:
        """What the command is answered with, which is as described."""
        answer = self.http.post(f"/chatty/{self.room}/commands", content=json.dumps(command))
        self.expect("send_commands", status, answer)
        events: list[dict[str, Any]] = answer.json()
        return events

    def post(self, body: str, **fields: Any) -> int:
        """The seq of a new message."""
        (message,) = self.command(type="post", nonce=str(uuid.uuid4()), body=body, **fields)
        seq: int = message["seq"]
        return seq

    def fixed(self, operation_id: str) -> dict[str, Any]:
        """What isn't made up."""
        headers = {"Authorization": self.http.headers["Authorization"]}
        given: dict[str, dict[str, Any]] = {
            "follow_room": {"path_parameters": {"room": self.room}, "query": POLL, "headers": headers},
            "end_session": {"path_parameters": {"room": self.room}, "headers": headers},
            "send_commands": {"path_parameters": {"room": self.room}, "headers": headers},
            "post_by_webhook": {"path_parameters": {"secret": self.hook}},
        }
        return given.get(operation_id, {})

    def check(self, operation_id: str, mode: GenerationMode) -> int:
        """Sends requests that fit the description of an operation, or don't. How many."""
        operation = self.operations[operation_id]
        sent = 0

        @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
        @given(operation.as_strategy(generation_mode=mode, **self.fixed(operation_id)))
        def ask(case: Case[Any]) -> None:
            nonlocal sent
            excluded = list(EXCLUDED)
            # Of several commands the status is 200, whatever they get; a webhook passes over what it doesn't know.
            if isinstance(case.body, list) or operation_id == "post_by_webhook":
                excluded.append(CHECKS.get_one("negative_data_rejection"))
            answer = case.call(str(self.http.base_url), timeout=TIMEOUT_SECONDS)
            if not (self.is_daphne and answer.status_code == 400 and not answer.content):  # Twisted parses forms, too.
                case.validate_response(answer, excluded_checks=excluded, transport_kwargs={"timeout": TIMEOUT_SECONDS})
            sent += 1

        ask()
        return sent


@pytest.fixture(scope="module", params=["uvicorn", "daphne", "postgresql"])
def api(request: pytest.FixtureRequest) -> Iterator[Api]:
    """On SQLite with either server, and on PostgreSQL."""
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres_server")
        server = ChattyServer(DATABASE_URL=postgres.create_migrated_database())
    else:
        server = DevelopmentServer() if request.param == "daphne" else ChattyServer()
    with server:
        api = Api(server)
        yield api
        api.http.close()
        assert "Traceback" not in server.log


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.parametrize("operation", WITH_INPUT)
def test_an_operation_answers_as_described(api: Api, operation: str, mode: GenerationMode) -> None:
    assert api.check(operation, mode) >= EXAMPLES


@pytest.mark.parametrize("operation", WITHOUT_INPUT)
def test_one_that_takes_nothing_answers_as_described(api: Api, operation: str) -> None:
    assert api.check(operation, GenerationMode.POSITIVE) >= 1


def test_these_are_all_operations(api: Api) -> None:
    assert sorted(api.operations) == sorted((*WITH_INPUT, *WITHOUT_INPUT))


def test_answers_to_commands_are_as_described(api: Api) -> None:
    """Those with contents, which no made up command gets."""
    member = api.identity["uuid"]
    seq = api.post("hello **there** https://example.org")
    reply = api.post("@CI look", reply_to=seq)
    assert api.command(type="edit", seq=seq, body="hello", id="1")[1] == {"type": "done", "re": "1"}
    assert api.command(type="react", seq=seq, emoji="🎉", on=True)[0]["on"]
    assert len(api.command(type="history", around=seq, limit=50)[0]["messages"]) >= 2
    assert api.command(type="history", seqs=[reply], id="x")[0]["messages"][0]["reply_to"] == seq
    assert api.command(type="search", query="hello", limit=1)[0]["results"]
    assert api.command(type="sync", since=0)[0]["messages"]
    assert api.command(type="delete", seq=reply)[0]["deleted"]
    assert api.command(type="describe", title="Quay", topic="Boats")[0]["room"]["topic"] == "Boats"
    assert api.command(type="hooks")[0]["hooks"]
    assert api.command(type="revoke_hook", hook=NEVER_USED)
    for status, command in (
        (400, {"type": "typing"}),
        (403, {"type": "ban", "id": member, "reason": ""}),
        (404, {"type": "edit", "seq": 2**50, "body": "x"}),
        (409, {"type": "edit", "seq": seq, "body": "x", "base": 1}),
        (413, {"type": "post", "nonce": NEVER_USED, "body": "x" * 70_000}),
    ):
        assert api.command(status=status, **command)[0]["type"] == "refused"


def test_a_stream_is_as_described(api: Api) -> None:
    api.post("hello")
    frame = {"$ref": "#/components/schemas/Frame", "components": api.description["components"]}
    validator = jsonschema_rs.validator_for(frame, validate_formats=True)
    assert not validator.is_valid([{"type": "welcome"}])
    path, query = f"/chatty/{api.room}/events", {"name": "Ann", "session": str(uuid.uuid4())}
    seen = set()
    with api.http.stream("GET", path, params=query) as stream:
        assert stream.status_code == 200
        assert (
            stream.headers["content-type"]
            in api.description["paths"]["/chatty/{room}/events"]["get"]["responses"]["200"]["content"]
        )
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            events = json.loads(line.removeprefix("data: "))
            validator.validate(events)
            if "welcome" not in seen:
                api.post("one more")
            seen |= {event["type"] for event in events}
            if {"welcome", "message", "pulse"} <= seen:
                break


def test_without_a_token_nobody_is_answered(api: Api) -> None:
    token = api.http.headers.pop("Authorization")
    try:
        api.command(status=401, type="typing")
        answer = api.http.get(f"/chatty/{api.room}/events", params={"poll": 1})
        api.expect("follow_room", 401, answer)
        answer = api.http.delete(f"/chatty/{api.room}/events", params={"session": NEVER_USED})
        api.expect("end_session", 401, answer)
    finally:
        api.http.headers["Authorization"] = token


def test_the_description_is_cached(api: Api) -> None:
    got = api.http.get("/api/openapi.json")
    assert got.headers["content-type"] == "application/json"
    assert f"max-age={MAX_AGE_SECONDS}" in got.headers["cache-control"]
    again = api.http.get("/api/openapi.json", headers={"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
