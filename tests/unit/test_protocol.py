import json
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.protocol import codec, commands, constants, errors, events, fields
from chat.protocol.codec import decode_command
from chat.protocol.commands import Post, Since
from chat.protocol.errors import Refusal

NONCE = "6d1f6b0a-2b9b-4b43-8d5b-4f5fdb9f0a55"


def refusal_of(frame: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        decode_command(frame)
    return caught.value


def test_a_command_is_read_with_its_types() -> None:
    assert decode_command(json.dumps({"type": "post", "nonce": NONCE, "body": "hi"})) == Post(uuid.UUID(NONCE), "hi")
    join = decode_command(
        json.dumps({"type": "join", "token": "t", "name": "Ann", "v": 1, "since": {"log": NONCE, "version": 7}})
    )
    assert isinstance(join, commands.Join)
    assert join.since == Since(uuid.UUID(NONCE), 7)


def test_fields_that_the_server_does_not_know_are_ignored() -> None:
    assert decode_command('{"type":"sync","since":3,"author":"x","room":{}}') == commands.Sync(3)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "nope",
        "nul",
        "null",
        "3",
        '"post"',
        "[]",
        '[{"type":"typing"}]',
        "{}",
        '{"type":3}',
        '{"type":null}',
        '{"type":["post"]}',
        '{"type":"post"}',
        '{"type":"sync"}',
        '{"type":"sync","since":"3"}',
        '{"type":"sync","since":-1}',
        '{"type":"sync","since":1.5}',
        '{"type":"sync","since":9007199254740992}',
        '{"type":"sync","since":1e400}',
        '{"type":"sync","since":NaN}',
        '{"type":"sync","since":true}',
        '{"type":"edit","seq":1,"body":"x","base":-1}',
        '{"type":"edit","seq":1,"body":"x","base":"0"}',
        '{"type":"history","before":0,"limit":1}',
        '{"type":"history","before":1,"limit":101}',
        '{"type":"history","before":1,"limit":1,"author":"me"}',
        '{"type":"join","token":"' + "t" * 1025 + '","name":"Ann","v":1}',
        '{"type":"join","token":"t","name":"Ann"}',
        '{"type":"join","token":"t","name":"Ann","v":"1"}',
        '{"type":"join","token":"t","name":"Ann","v":1,"since":3}',
        '{"x":' * 50_000,
        "[" * 50_000,
    ],
)
def test_what_is_no_command_is_refused_as_a_bad_frame(frame: str) -> None:
    assert refusal_of(frame).code == "bad_frame"


def test_an_unknown_type_is_refused_as_such() -> None:
    assert refusal_of('{"type":"dance"}').code == "unknown_command"


def test_a_refusal_names_the_nonce_and_the_seq_that_can_be_read() -> None:
    refusal = refusal_of(json.dumps({"type": "dance", "nonce": NONCE, "seq": 4}))
    assert (refusal.nonce, refusal.seq) == (uuid.UUID(NONCE), 4)
    refusal = refusal_of(json.dumps({"type": "post", "nonce": "mine", "seq": "4", "body": "hi"}))
    assert (refusal.nonce, refusal.seq) == (None, None)


@pytest.mark.parametrize("command", commands.COMMANDS, ids=lambda command: command.__struct_config__.tag)
def test_any_command_takes_an_id(command: type[commands.Command]) -> None:
    tag = command.__struct_config__.tag
    wanted = {"token": "t", "name": "Ann", "v": 1, "nonce": NONCE, "seq": 1, "body": "hi", "emoji": "👍", "on": True}
    wanted |= {"query": "hi", "limit": 1, "since": 3, "slug": "tea", "title": "Tea", "topic": "", "rooms": []}
    wanted |= {"room": "tea", "reason": "", "seconds": 1, "hook": NONCE, "author": NONCE}
    named = {name: wanted[name] for name in command.__struct_fields__ if name in wanted}
    if tag in ("join", "move"):
        del named["since"]
    decoded = decode_command(json.dumps({"type": tag, "id": NONCE.upper(), **named}))
    assert decoded.re == (NONCE if tag in ("ban", "unban") else NONCE.upper())


@pytest.mark.parametrize("given", ["x", "x" * 64, " \t~", NONCE])
def test_an_id_is_a_short_ascii_text(given: str) -> None:
    assert decode_command(json.dumps({"type": "typing", "id": given})).re == given
    assert decode_command('{"type":"typing"}').re is msgspec.UNSET
    for frame in ({"type": "dance"}, {"type": "sync", "since": "x"}, {"type": "post", "body": "\ud800"}):
        assert refusal_of(json.dumps({**frame, "id": given})).re == given


@pytest.mark.parametrize("given", ["", "x" * 65, "é", 7, True, [], {"a": 1}])
def test_another_id_is_refused_without_one(given: object) -> None:
    refusal = refusal_of(json.dumps({"type": "edit", "seq": 4, "body": "hi", "id": given}))
    assert (refusal.code, refusal.seq, refusal.re) == ("bad_frame", 4, msgspec.UNSET)


def test_a_lone_surrogate_is_refused_by_its_nonce() -> None:
    refusal = refusal_of('{"type":"post","nonce":"' + NONCE + '","body":"\\ud800"}')
    assert (refusal.code, refusal.nonce) == ("bad_frame", uuid.UUID(NONCE))
    assert codec.encode(events.refused(refusal))


def decode_or_refuse(text: str) -> None:
    try:
        decode_command(text)
    except Refusal as refusal:
        codec.encode(events.refused(refusal))


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    decode_or_refuse(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "id", "nonce", "seq"]), inner)
        ),
    )
)
def test_no_json_does_more_than_be_refused(value: object) -> None:
    decode_or_refuse(json.dumps(value))


def test_the_longest_body_fits_into_a_frame_however_it_is_escaped() -> None:
    for body in ("😀" * constants.BODY_LIMIT, "é" * constants.BODY_LIMIT, '"' * constants.BODY_LIMIT):
        assert len(json.dumps({"type": "post", "nonce": NONCE, "body": body})) <= constants.FRAME_LIMIT_BYTES


def test_a_frame_is_one_json_array_of_events() -> None:
    told = [events.Pulse(1, 2), events.TypingNow(fields.MemberId("x"))]
    assert json.loads(codec.frame(map(codec.encode, told))) == [
        {"type": "pulse", "head": 1, "online": 2},
        {"type": "typing", "id": "x"},
    ]


def test_optional_fields_are_left_out_where_they_say_nothing() -> None:
    ann = events.Member(fields.MemberId("a"), "Ann")
    message = events.Message(1, 1, uuid.UUID(NONCE), ann, "hi", "<p>hi</p>", 5)
    assert json.loads(codec.encode(message)).keys() == {
        "type",
        "seq",
        "version",
        "nonce",
        "author",
        "body",
        "html",
        "at",
    }
    assert "retry_after" not in json.loads(codec.encode(events.refused(Refusal(errors.RefusalCode.LOCKED, ""))))
