"""A client of Chatty's HTTP API, with nothing but Python's standard library.

    me = identify("http://localhost:8000", token)
    room = Room(me, "lobby")
    for batch in room.follow():
        for message in batch.messages:
            print(message["author"]["name"], message["body"])

Lost connections and restarts of the server are waited for. `docs/protocol.md` has all commands and events.
"""

import json
import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

Event = dict[str, Any]
Message = dict[str, Any]
T = TypeVar("T")

SILENCE_SECONDS = 12  # Something comes every 4 s; a connection that is silent for so long is dead.
FIRST_PAUSE_SECONDS = 0.5
DOUBLINGS = 6  # Of that pause: 32 s at most.
PAGE = 100  # Messages that one `history` may ask for.
TO_REPEAT = (408, 429, 500, 502, 503, 504)


class Refused(Exception):
    """The server refuses it, and would again: a bad token, a locked room, an invalid text."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(f"{status} {code}: {detail}")
        self.status = status
        self.code = code


class Place(NamedTuple):
    """How far somebody has read: up to `version` of the history `log`. As a text: `<log>:<version>`."""

    log: str = ""
    version: int = 0

    @classmethod
    def of(cls, text: str) -> "Place":
        log, _, version = text.partition(":")
        return cls(log, int(version or 0))

    def __str__(self) -> str:
        return f"{self.log}:{self.version}" if self.log else ""


class Batch(NamedTuple):
    """New messages, the oldest first, and the place to go on from when they are dealt with."""

    messages: list[Message]
    place: Place


class Identity(NamedTuple):
    """A member, the token that proves it, and the rooms' address."""

    id: str
    token: str
    http_url: str


def identify(server: str, token: str = "") -> Identity:
    """The member of this token; without one, a new guest.

    Raises:
        Refused: the server gives none.
    """

    def ask() -> Identity:
        with _open("GET", f"{server.rstrip('/')}/get_user_info.json", token) as answer:
            info = json.load(answer)
        return Identity(info["uuid"], info["token"], info["httpURL"])

    return _patiently(ask)


class Room:
    """A room, for one member. With a `name` the member is seen in it while it follows it."""

    def __init__(self, me: Identity, slug: str, name: str = "") -> None:
        self.me = me
        self._url = f"{me.http_url}/{slug}"
        self._query = {"session": str(uuid.uuid4())} | ({"name": name} if name else {})

    def post(self, body: str, reply_to: int | None = None, nonce: uuid.UUID | None = None) -> Message:
        """Posts a message and returns it. A repeated `nonce` is the same message, so that none is posted twice.

        Raises:
            Refused: it may not be posted.
        """
        command = {"type": "post", "nonce": str(nonce or uuid.uuid4()), "body": body, "reply_to": reply_to}
        return self.send(command)[0]

    def send(self, command: Event) -> list[Event]:
        """The events that answer a command. It is repeated until there is an answer.

        Raises:
            Refused: it wasn't carried out.
        """
        body = json.dumps(command).encode()

        def ask() -> list[Event]:
            with _open("POST", f"{self._url}/commands?{urlencode(self._query)}", self.me.token, body) as answer:
                events: list[Event] = json.load(answer)
                return events

        return _patiently(ask)

    def follow(self, since: Place = Place()) -> Iterator[Batch]:  # noqa: B008  # It never changes.
        """The messages that are new since then, each once; without `since`, from now on. It never ends.

        Raises:
            Refused: the member may not read the room.
        """
        reached = since
        for place, events in self.frames(since):
            found: dict[int, Message] = {}
            # A room gets its log for good with its first message: in an empty one, nothing was read of another.
            is_known = place.log == reached.log or (reached.log != "" and reached.version == 0)
            for event in events:
                if event.get("reset") and is_known:  # Too much was missed for it to be listed.
                    found |= self._messages_after(reached.version)
                listed = [event] if event["type"] == "message" else event.get("messages", [])
                found |= {message["seq"]: message for message in listed}
            if not is_known:  # The first time here, or the room has a new history: all of it is old.
                found = {}
            # A message's seq is the version in which it was posted: above what was reached, it is new.
            new = [found[seq] for seq in sorted(found) if seq > reached.version and not found[seq].get("deleted")]
            if new or place != reached:
                reached = place
                yield Batch(new, place)

    def frames(self, since: Place = Place()) -> Iterator[tuple[Place, list[Event]]]:  # noqa: B008
        """All events since then as they come, with the place that they lead to, over any number of connections.

        Raises:
            Refused: the member may not read the room.
        """
        failures = 0
        while True:
            pause = 0.0
            with _patiently(partial(self._stream, since)) as stream, suppress(OSError, HTTPException):
                for event_id, events in _server_sent(stream):
                    failures = 0
                    since = Place.of(event_id) if event_id else since
                    yield since, events
                    if events[-1]["type"] == "bye":
                        pause = _pause_of(events[-1])
            failures += 1
            time.sleep(pause + _jitter(failures))

    def _stream(self, since: Place) -> HTTPResponse:
        return _open("GET", f"{self._url}/events?{urlencode(self._query)}", self.me.token, last_event_id=str(since))

    def _messages_after(self, version: int) -> dict[int, Message]:
        """All messages that were posted after this version, by seq."""
        found: dict[int, Message] = {}
        while True:
            page = self.send({"type": "history", "after": version, "limit": PAGE})[0]
            found |= {message["seq"]: message for message in page["messages"]}
            if not page.get("newer") or not page["messages"]:
                return found
            version = page["messages"][-1]["seq"]


class _Repeat(Exception):
    """The server can't do it now. `seconds`: how long it wants to be left alone."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"Try again in {seconds} s.")
        self.seconds = seconds


def _open(method: str, url: str, token: str, body: bytes | None = None, last_event_id: str = "") -> HTTPResponse:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    if last_event_id:
        headers["Last-Event-ID"] = last_event_id
    try:
        answer: HTTPResponse = urlopen(Request(url, body, headers, method=method), timeout=SILENCE_SECONDS)
        return answer
    except HTTPError as error:
        with error:
            if error.code in TO_REPEAT:
                raise _Repeat(float(error.headers.get("Retry-After", 0))) from None
            raise _refused(error.code, error.read()) from None


def _refused(status: int, body: bytes) -> Refused:
    try:
        event = json.loads(body)[0]
        return Refused(status, str(event["code"]), event.get("detail", ""))
    except (ValueError, KeyError, IndexError, TypeError):
        return Refused(status, "unknown", body[:200].decode(errors="replace"))


def _server_sent(stream: HTTPResponse) -> Iterator[tuple[str, list[Event]]]:
    """The frames of a stream of server-sent events, with their ids. One that was cut off comes again later."""
    fields: dict[str, str] = {}
    for line in stream:
        name, _, value = line.decode().rstrip("\r\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield fields.get("id", ""), json.loads(fields["data"])
            fields = {}


def _pause_of(bye: Event) -> float:
    if not bye["reconnect"]:
        raise Refused(0, str(bye["code"]), "The server has closed the stream for good.")
    return float(bye["after"])


def _patiently(ask: Callable[[], T]) -> T:
    """What `ask` returns, once it does."""
    failures = 0
    while True:
        pause = 0.0
        try:
            return ask()
        except _Repeat as repeat:
            pause = repeat.seconds
        except (OSError, HTTPException):
            pass
        failures += 1
        time.sleep(pause + _jitter(failures))


def _jitter(failures: int) -> float:
    """A random pause that grows, so that clients don't come back all at once."""
    return random.uniform(0, FIRST_PAUSE_SECONDS * 2 ** min(failures, DOUBLINGS))
