"""A pong is recognised by its bytes only where a frame begins."""

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from chatty_project.server import PONG, PONG_BYTES, waits_for_frame


@pytest.fixture
def pair() -> tuple[ClientProtocol, ServerProtocol]:
    """Both ends of a socket, after the handshake."""
    client, server = ClientProtocol(parse_uri("ws://127.0.0.1/")), ServerProtocol()
    client.send_request(client.connect())
    server.receive_data(b"".join(client.data_to_send()))
    (request,) = server.events_received()
    assert isinstance(request, Request)
    server.send_response(server.accept(request))
    client.receive_data(b"".join(server.data_to_send()))
    return client, server


def test_an_answer_to_an_empty_ping_has_the_bytes_that_are_looked_for(
    pair: tuple[ClientProtocol, ServerProtocol],
) -> None:
    client, server = pair
    server.send_ping(b"")
    client.receive_data(b"".join(server.data_to_send()))
    pong = b"".join(client.data_to_send())
    assert (len(pong), pong[:2]) == (PONG_BYTES, PONG)


def test_a_frame_begins_behind_a_whole_one_and_nowhere_else(pair: tuple[ClientProtocol, ServerProtocol]) -> None:
    client, server = pair
    assert waits_for_frame(server.parser)
    for size in (0, 5, 300, 70_000):
        client.send_text(b"x" * size)
        frame = b"".join(client.data_to_send())
        for cut in {1, 2, 3, 5, 8, 13, len(frame) - 1} & set(range(len(frame))):
            server.receive_data(frame[:cut])
            assert not waits_for_frame(server.parser), f"{cut} of {len(frame)} bytes"
            server.receive_data(frame[cut:])
            assert waits_for_frame(server.parser)
    assert {event.opcode for event in server.events_received()} == {Opcode.TEXT}  # type: ignore[union-attr]
