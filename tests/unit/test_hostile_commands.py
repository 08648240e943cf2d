"""For any text, `decode_command` returns a command or raises a refusal that can be sent."""

import json
import random
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chat.protocol import codec, commands, events
from chat.protocol.codec import decode_command
from chat.protocol.commands import COMMANDS, Command
from chat.protocol.constants import FRAME_LIMIT_BYTES
from chat.protocol.errors import Refusal
from tests.examples import examples
from tests.faults.hostile_commands import NONCE, Tongue, every_field_wrong, right_fields, text_of


def outcome(text: str) -> str:
    """The command's name, or the refusal's code; what else is raised fails the test."""
    try:
        return type(decode_command(text)).__name__
    except Refusal as refusal:
        codec.encode(events.refused(refusal))
        return refusal.code


def test_each_field_of_each_command_may_hold_anything() -> None:
    outcomes = Counter(map(outcome, every_field_wrong()))
    assert outcomes["bad_frame"] > 1_000
    assert outcomes["unknown_command"] > 50
    assert {command.__name__ for command in COMMANDS if command is not commands.Typing} <= outcomes.keys()


def test_what_the_fuzzer_says_is_a_command_or_refused() -> None:
    tongue, outcomes, kinds = Tongue(random.Random(1)), Counter[str](), set()
    for _ in range(5_000):
        text = tongue.next()
        assert len(text) <= FRAME_LIMIT_BYTES
        outcomes[outcome(text.decode())] += 1
        kinds.add(tongue.kind)
    assert len(kinds) == 10
    assert outcomes["bad_frame"] > 1_000
    assert all(outcomes[command.__name__] for command in COMMANDS if command is not commands.Join)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"type":', '[{"type":"post","body":', "[[{"])
def test_any_nesting_is_refused(opening: str) -> None:
    for levels in (500, 1_000, 5_000, 100_000):
        assert outcome(opening * levels) == "bad_frame"
        assert outcome('{"type":"typing","x":' + "[" * levels + "]" * levels + "}") in ("bad_frame", "Typing")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
known_fields = st.sampled_from(
    [
        *("type", "token", "name", "v", "since", "nonce", "body", "before", "limit", "author", "seq", "emoji", "on"),
        *("after", "around", "seqs", "authors", "mentions", "links", "reply_to"),
    ]
)


@st.composite
def nearly_commands(draw: st.DrawFn) -> str:
    """A right command with some fields replaced, added, doubled and taken away, cut or mixed up at the end."""
    kind: type[Command] = draw(st.sampled_from(COMMANDS))
    fields = right_fields(kind, draw(st.uuids()))
    for name, value in draw(st.dictionaries(known_fields, json_values, max_size=3)).items():
        fields[name] = json.dumps(value)
    for name in draw(st.lists(known_fields, max_size=2)):
        fields.pop(name, None)
    text = text_of(fields)
    if draw(st.booleans()):
        text = text[:-1] + "," + text[1:]
    return text[: draw(st.integers(0, len(text)))] + draw(
        st.sampled_from(["", "", "}", "]}", '"}', "\0", "\ud800", "{}"])
    )


@examples(1_000)
@given(nearly_commands())
@example('{"type":"post","nonce":"' + NONCE + '","body":"\\ud800"}')
@example('{"type":"sync","since":1,"since":"x"}')
@example('{"type":"\\ud800"}')
@example('{"type":"post","nonce":"\\ud800","seq":"\\udfff","body":1}')
@example("\ud800")
@example("9" * 5_000)
@example('{"type":"sync","since":' + "9" * 5_000 + "}")
@example('{"type":"sync","since":1' + "0" * 5_000 + "e-5000}")
def test_what_is_nearly_a_command_is_one_or_refused(text: str) -> None:
    outcome(text)
