"""Both ways of sending: through ASGI's send, and around it."""

import asyncio
import json
from typing import Any

import pytest

from chat.protocol.errors import CloseCode
from chat.rooms.connection import Frame
from chat.rooms.send_buffers import SendBuffer, SendBuffers
from chat.transports.connections import EXTENSION, QueuedConnection, RawConnection, open_connection


def note(outbox: SendBuffer) -> None:
    """Nobody minds what waits in all."""


class Client:
    """The far end of an ASGI send that can stop reading."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.reads = asyncio.Event()
        self.reads.set()

    async def send(self, message: dict[str, Any]) -> None:
        await self.reads.wait()
        if message["type"] == "websocket.close" and message["code"] in (1012, 1013):
            raise ValueError("as Daphne does")
        self.messages.append(message)


async def flushed() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_frames_go_out_in_order() -> None:
    client = Client()
    connection = QueuedConnection(client.send, 1000, note)
    for number in range(5):
        connection.send(Frame(f"[{number}]".encode()))
    await flushed()
    assert [message["text"] for message in client.messages] == [f"[{number}]" for number in range(5)]


async def test_bye_comes_before_the_close() -> None:
    client = Client()
    connection = QueuedConnection(client.send, 1000, note)
    connection.send(Frame(b"[1]"))
    connection.close(CloseCode.BAD_TOKEN, reconnect=False)
    connection.send(Frame(b"[2]"))
    await flushed()
    assert [message.get("text", message.get("code")) for message in client.messages] == [
        "[1]",
        '[{"type":"bye","code":4401,"reconnect":false,"after":0}]',
        4401,
    ]


async def test_a_server_that_refuses_a_close_code_closes_all_the_same() -> None:
    client = Client()
    connection = QueuedConnection(client.send, 1000, note)
    connection.close(CloseCode.RESTARTING, reconnect=True)
    await flushed()
    assert client.messages[-1] == {"type": "websocket.close", "code": 1000}


async def test_a_client_that_a_frame_cannot_be_sent_to_is_closed_not_left_deaf() -> None:
    client = Client()

    async def send(message: dict[str, Any]) -> None:
        if message.get("text") == "[2]":
            raise ValueError("too long for this server")
        await client.send(message)

    connection = QueuedConnection(send, 1000, note)
    for number in range(4):
        connection.send(Frame(f"[{number}]".encode()))
    await flushed()
    assert [message.get("text", message["type"]) for message in client.messages] == ["[0]", "[1]", "websocket.close"]
    assert not connection.is_open


async def test_a_slow_reader_is_closed_and_holds_a_bounded_amount() -> None:
    client = Client()
    client.reads.clear()
    connection = QueuedConnection(client.send, 1000, note)
    for _ in range(100):
        connection.send(Frame(b"[" + b"1" * 98 + b"]"))
    assert not connection.is_open
    assert sum(len(frame) for frame in connection._queue) < 1200
    client.reads.set()
    await flushed()
    assert json.loads(client.messages[-2]["text"])[0]["code"] == 1013
    assert client.messages[-1]["type"] == "websocket.close"


async def test_one_frame_over_the_limit_is_no_slow_reader() -> None:
    client = Client()
    connection = QueuedConnection(client.send, 1000, note)
    connection.send(Frame(b"[" + b"1" * 5000 + b"]"))
    await flushed()
    connection.send(Frame(b"[2]"))
    await flushed()
    assert client.messages[-1]["text"] == "[2]"


async def test_an_abandoned_connection_sends_nothing_more() -> None:
    client = Client()
    connection = QueuedConnection(client.send, 1000, note)
    connection.send(Frame(b"[1]"))
    connection.abandon()
    connection.send(Frame(b"[2]"))
    await flushed()
    assert client.messages == []


class Transport:
    def __init__(self) -> None:
        self.unsent = 0
        self.holds = False  # Whether nothing of what is written leaves it.
        self.written: list[bytes] = []
        self.is_gone = False

    def is_closing(self) -> bool:
        return self.is_gone

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, wire: bytes) -> None:
        self.written.append(wire)
        self.unsent += self.holds * len(wire)

    def abort(self) -> None:
        self.is_gone = True


class Socket:
    is_restarting = False
    is_alive = True
    read_paused = False

    def __init__(self) -> None:
        self.transport: Any = Transport()
        self.closed_with: int | None = None

    def close(self, code: int) -> None:
        self.closed_with = code


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (2, b"\x81\x02"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\0\0\0\0\0\x01\0\0"),
    ],
)
def test_a_raw_frame_is_framed_as_the_standard_says(size: int, header: bytes) -> None:
    frame = Frame(b"x" * size)
    assert frame.wire == header + b"x" * size


def test_a_server_that_offers_its_socket_is_written_to() -> None:
    socket = Socket()
    connection = open_connection({"extensions": {EXTENSION: socket}}, None, 1000, note)  # type: ignore[arg-type]
    assert isinstance(connection, RawConnection)
    connection.send(Frame(b"[1]"))
    connection.close(CloseCode.NO_JOIN, reconnect=True)
    connection.send(Frame(b"[2]"))
    assert socket.transport.written[0] == b"\x81\x03[1]"
    assert b'"code":4001' in socket.transport.written[1]
    assert (len(socket.transport.written), socket.closed_with) == (2, 4001)


def test_a_slow_reader_of_a_raw_socket_is_closed() -> None:
    socket = Socket()
    connection = RawConnection(socket, 1000, note)
    socket.transport.unsent = 1001
    connection.send(Frame(b"[1]"))
    assert (socket.transport.written, socket.closed_with, connection.is_open) == ([], 1013, False)


def test_an_answer_may_wait_beside_what_is_bounded() -> None:
    socket = Socket()
    connection = RawConnection(socket, 1000, note)
    connection.answer(Frame(b"[" + b"1" * 5000 + b"]"))
    socket.transport.unsent = 5500  # Nothing of it is read yet.
    connection.send(Frame(b"[1]"))
    assert (len(socket.transport.written), connection.is_open) == (2, True)
    socket.transport.unsent = 6100
    connection.send(Frame(b"[2]"))
    assert socket.closed_with == 1013


def test_nothing_is_written_to_a_socket_that_is_gone() -> None:
    socket = Socket()
    connection = RawConnection(socket, 1000, note)
    socket.transport.is_gone = True
    connection.send(Frame(b"[1]"))
    connection.close(CloseCode.NO_JOIN, reconnect=True)
    assert (socket.transport.written, socket.closed_with, connection.is_open) == ([], None, False)


@pytest.mark.parametrize(
    ("answers", "read_paused", "closed_with"), [(False, False, 1013), (True, False, None), (False, True, None)]
)
def test_who_does_not_answer_is_cut_off_unless_the_answer_may_wait_behind_a_command(
    answers: bool, read_paused: bool, closed_with: int | None
) -> None:
    socket = Socket()
    connection = RawConnection(socket, 1000, note)
    connection.probe(Frame(b"[1]"))
    assert socket.transport.written == [b"\x81\x03[1]\x89\x00"]
    socket.is_alive, socket.read_paused = answers, read_paused
    connection.cut_off_if_silent()
    assert (socket.closed_with, connection.is_open) == (closed_with, closed_with is None)


def test_other_servers_get_the_portable_way() -> None:
    assert isinstance(open_connection({}, None, 1000, note), QueuedConnection)  # type: ignore[arg-type]


def slow_reader(outboxes: SendBuffers) -> tuple[RawConnection, Socket]:
    socket = Socket()
    socket.transport.holds = True
    return RawConnection(socket, 10**6, outboxes.note), socket


def test_slow_readers_together_hold_a_bounded_amount_and_the_slowest_go_first() -> None:
    outboxes = SendBuffers(100_000)
    readers = [slow_reader(outboxes) for _ in range(20)]
    for number, (reader, _) in enumerate(readers):
        reader.answer(Frame(b"x" * 1_000 * (number + 1)))
    assert outboxes.look() > 200_000
    assert all(reader.is_open for reader, _ in readers), "nobody had time to read"
    readers[19][1].transport.unsent = 0  # This one has read it all meanwhile.
    assert outboxes.look() <= 100_000
    assert [reader.is_open for reader, _ in readers] == [*[True] * 12, *[False] * 7, True]
    assert all(socket.closed_with == 1013 and socket.transport.is_gone for _, socket in readers[12:19])
    assert outboxes.look() == sum(reader.unsent for reader, _ in readers) <= 100_000


def test_what_waits_is_counted_for_everybody_who_is_sent_more_than_they_read() -> None:
    outboxes = SendBuffers(10_000)
    readers = [slow_reader(outboxes) for _ in range(4)]
    for _ in range(2):  # With the second frame it shows that the first one still waits.
        for reader, _ in readers:
            reader.send(Frame(b"x" * 2_000))
    for _ in range(2):
        outboxes.look()
    assert sum(reader.unsent for reader, _ in readers) <= 10_000


async def test_what_waits_the_portable_way_is_counted_and_given_up_as_well() -> None:
    client, outboxes = Client(), SendBuffers(1_000)
    client.reads.clear()
    connection = QueuedConnection(client.send, 10**6, outboxes.note)
    for _ in range(50):
        connection.send(Frame(b"[" + b"1" * 98 + b"]"))
    assert outboxes.look() == 5_000
    outboxes.look()
    assert not connection.is_open
    assert connection.unsent < 300, "the frame that is on its way, and the `bye`"
    client.reads.set()
    await flushed()
    assert (connection.unsent, outboxes.look()) == (0, 0)
