"""Sessions over HTTP: the table, what waits for polls and streams, and how frames and requests look on the wire."""

import asyncio
import json
import re
import selectors
import uuid
from types import SimpleNamespace
from typing import Any

import pytest

from chat.protocol import codec
from chat.protocol.commands import Post
from chat.protocol.constants import COMMANDS_LIMIT, FRAME_LIMIT_BYTES
from chat.protocol.errors import CloseCode, Refusal, RefusalCode
from chat.protocol.events import Pulse, TypingNow
from chat.protocol.fields import MemberId
from chat.rooms.connection import Frame
from chat.rooms.presence import GRACE_SECONDS
from chat.transports import http_sessions
from chat.transports.http_connections import PollOutbox, RawStream, StreamOutbox
from chat.transports.http_requests import EventsQuery, joined_payloads
from chat.transports.http_sessions import HttpSessions, Key, PollSession
from tests.servers import ROOT

LIMIT = 1_000
LOG = uuid.UUID("33333333-3333-4333-8333-333333333333")
KEY = Key("lobby", MemberId("ann"), uuid.UUID(int=1))
TYPING = Frame.of(TypingNow(MemberId("bob")))
PULSE = Frame.of(Pulse(1, 2))


def note(_: Any) -> None:
    """Nobody counts what waits."""


class FakeSession(SimpleNamespace):
    """A client's session that only counts its ends."""

    def __init__(self) -> None:
        super().__init__(ends=0)

    def close(self) -> None:
        self.ends += 1


def poll_session(table: HttpSessions, key: Key = KEY) -> tuple[PollSession, PollOutbox, FakeSession]:
    outbox, session = PollOutbox(LIMIT, note), FakeSession()
    return table.add_poll(key, session, outbox), outbox, session  # type: ignore[arg-type]


def never() -> "asyncio.Future[None]":
    return asyncio.get_running_loop().create_future()


def kinds(payload: bytes | None) -> list[str]:
    assert payload is not None
    return [event["type"] for event in json.loads(payload)]


# --- frames ---


def test_a_frame_as_a_server_sent_event_names_the_version_that_is_reached_with_it() -> None:
    frame = Frame(TYPING.payload, (LOG, 7))
    assert frame.server_sent == b"id: %b:7\ndata: %b\n\n" % (str(LOG).encode(), TYPING.payload)
    assert TYPING.server_sent == b"data: %b\n\n" % TYPING.payload


def test_events_with_line_breaks_stay_in_one_line() -> None:
    encoded = codec.frame([codec.encode({"body": "a\nb\r\u2028c\x85"})])
    assert Frame(encoded).server_sent.count(b"\n") == 2
    assert b"\r" not in Frame(encoded).server_sent


def test_the_events_of_several_frames_are_one_array() -> None:
    assert kinds(joined_payloads([TYPING, PULSE, Frame(b"[]"), TYPING])) == ["typing", "pulse", "typing"]
    assert joined_payloads([]) == b"[]"


# --- polls ---


async def test_a_poll_gets_what_came_before_it_and_at_once_what_comes_then() -> None:
    session, outbox, _ = poll_session(HttpSessions())
    outbox.send(TYPING)
    outbox.send(TYPING)
    assert kinds(await session.poll(never())) == ["typing", "typing"]
    poll = asyncio.create_task(session.poll(never()))
    await asyncio.sleep(0)
    outbox.send(TYPING)
    assert kinds(await poll) == ["typing"]
    assert outbox.unsent == 0


async def test_pulses_alone_answer_no_poll_before_its_time() -> None:
    session, outbox, _ = poll_session(HttpSessions())
    outbox.probe(PULSE)
    outbox.probe(PULSE)
    assert await session.poll(never(), 0.01, is_last=False) == b""
    assert kinds(await session.poll(never(), 0.01)) == ["pulse"]
    outbox.probe(Frame(codec.frame([codec.encode(TypingNow(MemberId("bob"))), codec.encode(Pulse(1, 2))])))
    assert kinds(await session.poll(never())) == ["typing", "pulse"]


async def test_a_pulse_with_a_new_epoch_goes_with_the_next_answer() -> None:
    session, outbox, _ = poll_session(HttpSessions())
    outbox.probe(Frame.of(Pulse(1, 2, "epoch")))
    outbox.send(TYPING)
    assert kinds(await session.poll(never())) == ["pulse", "typing"]


async def test_the_first_answer_begins_with_what_waited_though_a_pulse_came() -> None:
    session, outbox, _ = poll_session(HttpSessions())
    outbox.send(TYPING)
    outbox.probe(Frame.of(Pulse(1, 2, "epoch")))
    assert kinds(session.take_first()) == ["typing"]


async def test_a_session_without_polls_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_sessions, "IDLE_SECONDS", 0.01)
    table = HttpSessions()
    ended = never()
    table.on_end = lambda key: ended.set_result(None)
    session, _, client = poll_session(table)
    session.wait_for_poll(never())
    await ended
    assert (client.ends, len(table), session.is_closed) == (1, 0, True)


class FakeTimeLoop(asyncio.SelectorEventLoop):
    """Its time passes at once, while nothing else is to be done."""

    def __init__(self) -> None:
        selector = selectors.DefaultSelector()
        super().__init__(selector)
        self.now = 0.0
        select = selector.select

        def skip(timeout: float | None = None) -> Any:
            self.now += timeout or 0
            return select(0)

        selector.select = skip  # type: ignore[method-assign]

    def time(self) -> float:
        return self.now


def test_a_pulled_cable_behind_a_proxy_that_hides_it_is_noticed_within_15_seconds() -> None:
    """The worst case: it was pulled right after the page's last request. The page's own time limits are used."""
    script = (ROOT / "static/chat/js/connection/transports/http.js").read_text()
    (wait,) = re.findall(r"^const POLL_SECONDS = (\d+);", script, re.MULTILINE)
    (alive,) = re.findall(r"^const ALIVE_SECONDS = (\d+);", script, re.MULTILINE)

    async def end_of_poll() -> float:
        table, ended = HttpSessions(), never()
        table.on_end = lambda key: ended.set_result(None)
        session, outbox, _ = poll_session(table)
        outbox.probe(PULSE)
        await session.poll(never(), int(wait))
        await ended
        return asyncio.get_running_loop().time()

    async def end_of_stream() -> float:
        outbox = StreamOutbox(LIMIT, note)
        HttpSessions().add_stream(KEY, FakeSession(), outbox, int(alive))  # type: ignore[arg-type]
        await outbox.too_slow
        return asyncio.get_running_loop().time()

    for end in (end_of_poll, end_of_stream):
        loop = FakeTimeLoop()
        try:
            assert loop.run_until_complete(end()) + GRACE_SECONDS < 15.1
        finally:
            loop.close()


async def test_a_session_whose_poll_waits_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_sessions, "IDLE_SECONDS", 0.01)
    session, outbox, client = poll_session(HttpSessions())
    session.wait_for_poll(never())
    poll = asyncio.create_task(session.poll(never()))
    await asyncio.sleep(0.05)
    assert client.ends == 0
    outbox.send(TYPING)
    await poll


async def test_an_aborted_poll_loses_nothing_and_ends_the_session_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    session, outbox, client = poll_session(HttpSessions())
    gone = never()
    gone.set_result(None)
    assert await session.poll(gone) is None
    outbox.send(TYPING)
    assert await session.poll(gone) is None
    assert kinds(await session.poll(never())) == ["typing"]
    monkeypatch.setattr(http_sessions, "ABORTED_SECONDS", 0)
    assert await session.poll(gone) is None
    await asyncio.sleep(0.01)
    assert client.ends == 1


async def test_a_session_is_behind_a_client_that_got_further_elsewhere() -> None:
    session, outbox, _ = poll_session(HttpSessions())
    assert not session.is_behind((LOG, 3))
    outbox.send(Frame(TYPING.payload, (LOG, 7)))
    session.take()
    outbox.send(Frame(TYPING.payload, (LOG, 9)))  # Not taken yet.
    assert [session.is_behind(reached) for reached in (None, (LOG, 6), (LOG, 7), (LOG, 8), (uuid.UUID(int=2), 1))] == [
        False,
        False,
        False,
        True,
        True,
    ]


async def test_what_no_poll_fetches_is_bounded() -> None:
    table = HttpSessions()
    session, outbox, client = poll_session(table)
    frame = Frame(b"[" + b" " * 300 + b"]")
    for _ in range(10):
        outbox.send(frame)
    assert not outbox.is_open
    assert outbox.unsent < 300
    assert json.loads(await session.poll(never()) or b"")[0]["code"] == CloseCode.TOO_SLOW
    assert (client.ends, len(table)) == (1, 0)


async def test_the_same_uuid_of_another_member_or_room_is_another_session() -> None:
    table = HttpSessions()
    poll_session(table)
    for other in (KEY._replace(member_id=MemberId("eve")), KEY._replace(slug="harbour")):
        assert table.find(other) is None


async def test_a_session_that_begins_anew_ends_the_older_one() -> None:
    table = HttpSessions()
    older, _, client = poll_session(table)
    newer, _, _ = poll_session(table)
    assert (client.ends, older.is_closed) == (1, True)
    assert table.find(KEY) is newer
    older.close()
    assert table.find(KEY) is newer


# --- streams ---


async def test_what_a_stream_has_taken_and_not_sent_counts_as_unsent() -> None:
    outbox = StreamOutbox(LIMIT, note)
    outbox.send(TYPING)
    frame = outbox.take_next()
    assert frame is TYPING
    assert outbox.unsent == len(TYPING)
    outbox.sent(TYPING)
    assert (outbox.unsent, outbox.take_next()) == (0, None)


async def test_a_stream_that_is_not_read_is_told_to_end() -> None:
    outbox = StreamOutbox(LIMIT, note)
    outbox.send(TYPING)
    outbox.take_next()  # It isn't sent: its reader doesn't read.
    for _ in range(100):
        outbox.send(TYPING)
    assert outbox.too_slow.done()
    assert not outbox.is_open
    assert outbox.unsent < LIMIT


async def test_a_stream_whose_client_promised_requests_ends_without_them() -> None:
    table, outbox, session = HttpSessions(), StreamOutbox(LIMIT, note), FakeSession()
    stream = table.add_stream(KEY, session, outbox, 0.05)  # type: ignore[arg-type]
    for _ in range(5):
        await asyncio.sleep(0.02)
        stream.note_request()
    assert outbox.is_open
    await outbox.too_slow
    assert not outbox.is_open


# --- requests ---


def test_a_body_is_a_command_or_an_array_of_them() -> None:
    post = {"type": "post", "nonce": str(LOG), "body": "hi"}
    one = codec.decode_commands(json.dumps(post).encode())
    many = codec.decode_commands(b" \n" + json.dumps([post, post, {"type": "nonsense"}, 7]).encode())
    assert [type(part) for part in one] == [Post]
    assert [type(part) for part in many] == [Post, Post, Refusal, Refusal]
    assert [part.code for part in many if isinstance(part, Refusal)] == [
        RefusalCode.UNKNOWN_COMMAND,
        RefusalCode.BAD_FRAME,
    ]
    assert codec.decode_commands(b"[]") == []


@pytest.mark.parametrize(
    "body", [b"\xff", b"[", b"[1,]", b"[" * 5_000, json.dumps([{}] * (COMMANDS_LIMIT + 1)).encode()]
)
def test_a_body_that_is_no_array_of_commands_is_refused(body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        codec.decode_commands(body)
    assert refused.value.code is RefusalCode.BAD_FRAME


def test_a_command_over_the_frames_limit_is_refused_alone() -> None:
    huge = {"type": "post", "nonce": str(LOG), "body": "x" * FRAME_LIMIT_BYTES}
    found = codec.decode_commands(json.dumps([huge, {"type": "typing"}]).encode())
    assert isinstance(found[0], Refusal)
    assert found[0].code is RefusalCode.TOO_BIG
    assert not isinstance(found[1], Refusal)


def test_the_query_counts_before_the_header() -> None:
    since = EventsQuery(since=f"{LOG}:3", seq=2).since_or(f"{LOG}:1")
    assert since is not None
    assert (since.log, since.version, since.seq) == (LOG, 3, 2)
    assert EventsQuery().since_or(f"{LOG}:1") is not None
    assert EventsQuery().since_or("") is None


# --- streams that are written directly ---


class FakeRequest(SimpleNamespace):
    """A request, and its transport: what is written to it once it isn't open raises."""

    def __init__(self, *, is_open: bool) -> None:
        super().__init__(is_open=is_open, transport=self, chunks=[])

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def write(self, chunk: bytes) -> None:
        if not self.is_open:
            raise RuntimeError("Cannot call write() after write_eof()")
        self.chunks.append(chunk)


@pytest.mark.parametrize("is_open", [True, False])
async def test_a_stream_writes_what_waited_unless_its_connection_ended_before_it_began(is_open: bool) -> None:
    request = FakeRequest(is_open=is_open)
    stream = RawStream(request, LIMIT, note)
    stream.send(TYPING)
    stream.begin()
    stream.send(PULSE)
    assert request.chunks == ([TYPING.chunk, PULSE.chunk] if is_open else [])
    assert (stream.is_open, stream.ended.done()) == (is_open, not is_open)
