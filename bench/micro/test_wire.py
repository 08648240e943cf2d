"""Encoding and decoding: what each post and each event costs."""

import uuid
from collections.abc import Callable
from typing import Any

from chat.access.tokens import new_member_id
from chat.content import markdown, validation
from chat.protocol import codec, commands, events
from chat.rooms.connection import Frame

BODY = "The tide is high at noon, says the harbour master: https://example.com/tides"
NONCE = uuid.uuid4()
MESSAGE = events.Message(
    1, 1, NONCE, events.Member(new_member_id(), "Ann"), BODY, markdown.render(BODY).html, 1_700_000_000_000
)

Benchmark = Callable[..., Any]  # pytest-benchmark's fixture.


def test_decode_a_post(benchmark: Benchmark) -> None:
    frame = f'{{"type":"post","nonce":"{NONCE}","body":"{BODY}"}}'
    assert isinstance(benchmark(codec.decode_command, frame), commands.Post)


def test_check_a_body(benchmark: Benchmark) -> None:
    benchmark(validation.check_body, BODY)


def test_encode_a_message(benchmark: Benchmark) -> None:
    assert benchmark(codec.encode, MESSAGE)


def test_render_a_body(benchmark: Benchmark) -> None:
    assert "</a>" in benchmark(markdown.render, BODY)


def test_build_a_frame_of_20_messages(benchmark: Benchmark) -> None:
    events = [codec.encode(MESSAGE)] * 20
    assert benchmark(lambda: Frame(codec.frame(events)).wire)


def test_encode_a_roster_of_500(benchmark: Benchmark) -> None:
    members = [events.Member(new_member_id(), f"member {number}") for number in range(500)]
    assert benchmark(codec.encode, members)
