"""Encoding and decoding: what each post and each event costs."""

import uuid
from collections.abc import Callable
from typing import Any

from chat import markup, protocol, texts
from chat.connection import Frame
from chat.identity import new_member_id

BODY = "The tide is high at noon, says the harbour master: https://example.com/tides"
NONCE = uuid.uuid4()
MESSAGE = protocol.Message(
    1, 1, NONCE, protocol.Member(new_member_id(), "Ann"), BODY, markup.render(BODY).html, 1_700_000_000_000
)

Benchmark = Callable[..., Any]  # pytest-benchmark's fixture.


def test_decode_a_post(benchmark: Benchmark) -> None:
    frame = f'{{"type":"post","nonce":"{NONCE}","body":"{BODY}"}}'
    assert isinstance(benchmark(protocol.decode_command, frame), protocol.Post)


def test_check_a_body(benchmark: Benchmark) -> None:
    benchmark(texts.check_body, BODY)


def test_encode_a_message(benchmark: Benchmark) -> None:
    assert benchmark(protocol.encode, MESSAGE)


def test_render_a_body(benchmark: Benchmark) -> None:
    assert "</a>" in benchmark(markup.render, BODY)


def test_build_a_frame_of_20_messages(benchmark: Benchmark) -> None:
    events = [protocol.encode(MESSAGE)] * 20
    assert benchmark(lambda: Frame(protocol.frame(events)).wire)


def test_encode_a_roster_of_500(benchmark: Benchmark) -> None:
    members = [protocol.Member(new_member_id(), f"member {number}") for number in range(500)]
    assert benchmark(protocol.encode, members)
