import json
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import protocol
from chat.protocol import (
    Post,
    Refusal,
    Since,
    check_body,
    clean_emoji,
    clean_name,
    clean_title,
    clean_topic,
    decode_command,
)

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
    assert isinstance(join, protocol.Join)
    assert join.since == Since(uuid.UUID(NONCE), 7)


def test_fields_that_the_server_does_not_know_are_ignored() -> None:
    assert decode_command('{"type":"sync","since":3,"author":"x","room":{}}') == protocol.Sync(3)


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


def test_a_lone_surrogate_is_refused_by_its_nonce() -> None:
    refusal = refusal_of('{"type":"post","nonce":"' + NONCE + '","body":"\\ud800"}')
    assert (refusal.code, refusal.nonce) == ("bad_frame", uuid.UUID(NONCE))
    assert protocol.encode(protocol.refused(refusal))


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        decode_command(text)
    except Refusal as refusal:
        protocol.encode(protocol.refused(refusal))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["type", "nonce", "seq"]), inner),
    )
)
def test_no_json_does_more_than_be_refused(value: object) -> None:
    test_no_text_does_more_than_be_refused.hypothesis.inner_test(json.dumps(value))


def test_names_are_normalised_and_their_spaces_folded() -> None:
    assert clean_name("  Ann \t of   Green\u00a0Gables ") == "Ann of Green Gables"
    assert clean_name("e\u0301") == "\u00e9"
    assert clean_name("名前") == "名前"
    assert clean_name("x" * 40) == "x" * 40
    assert clean_name("Ann \u2764\ufe0f") == "Ann \u2764"


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\t\n",
        "\u200b",
        "\u202eAnn",
        "\u2066Ann\u2069",
        "A\u200dnn",
        "Ann\u034f",
        "Ann\ufe00",
        "Ann\U000e0100",
        "\u17b4",
        "\ufeff",
        "A\0nn",
        "A\x07",
        "\u3164",
        "\u2800\u2800",
        "\ue000",
        "x" * 41,
        "x" * 100_000,
    ],
)
def test_names_that_show_nothing_or_change_their_neighbours_are_refused(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        clean_name(name)
    assert caught.value.code == "name_invalid"


def test_a_title_is_cleaned_as_names_are_and_a_topic_may_be_empty() -> None:
    assert clean_title("  Tea\u2003 room\ufe0f ") == "Tea room"
    assert clean_title("x" * 100) == "x" * 100
    assert clean_topic(" ") == ""
    assert clean_topic("x" * 200) == "x" * 200
    for clean, wrong in (
        (clean_title, ""),
        (clean_title, "x" * 101),
        (clean_topic, "x" * 201),
        (clean_topic, "\u202e"),
    ):
        with pytest.raises(Refusal) as caught:
            clean(wrong)
        assert caught.value.code == "title_invalid"


@given(st.text())
def test_a_cleaned_name_stays_as_it_is(name: str) -> None:
    try:
        cleaned = clean_name(name)
    except Refusal:
        return
    assert clean_name(cleaned) == cleaned
    assert 1 <= len(cleaned) <= protocol.NAME_LIMIT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "body_empty"),
        (" \n\t", "body_empty"),
        ("\u200b\u2060", "body_empty"),
        ("x" * 4001, "body_too_long"),
        ("a\0b", "bad_frame"),
    ],
)
def test_bodies_that_cannot_be_posted_are_refused(body: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_body(body)
    assert caught.value.code == code


@pytest.mark.parametrize("body", ["x", " x ", "x" * 4000, "😀" * 4000, "a\nb", "\u202eabc", "1" + "\u0301" * 3999])
def test_any_other_body_can_be_posted(body: str) -> None:
    check_body(body)


@pytest.mark.parametrize(
    "emoji",
    ["👍", "👍🏽", "❤️", "👩‍❤️‍💋‍👨", "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "🇨🇭", "1️⃣", "🏳️‍🌈"],
)
def test_one_emoji_is_one_however_it_is_typed(emoji: str) -> None:
    assert clean_emoji(emoji) == clean_emoji(emoji.replace("\ufe0f", "")) == emoji
    assert len(emoji.encode()) <= 35


@pytest.mark.parametrize(
    "text", ["", "x", "1", "👍👍", "👍 ", "🏽", "\ufe0f", "\u200d", "🇨", "👍\u200d👍", ":thumbs_up:", "<b>"]
)
def test_anything_else_is_no_emoji(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        clean_emoji(text)
    assert caught.value.code == "bad_frame"


def test_the_longest_body_fits_into_a_frame_however_it_is_escaped() -> None:
    for body in ("😀" * protocol.BODY_LIMIT, "é" * protocol.BODY_LIMIT, '"' * protocol.BODY_LIMIT):
        assert len(json.dumps({"type": "post", "nonce": NONCE, "body": body})) <= protocol.FRAME_LIMIT_BYTES


def test_a_frame_is_one_json_array_of_events() -> None:
    events = [protocol.Pulse(1, 2), protocol.TypingNow(protocol.MemberId("x"))]
    assert json.loads(protocol.frame(map(protocol.encode, events))) == [
        {"type": "pulse", "head": 1, "online": 2},
        {"type": "typing", "id": "x"},
    ]


def test_optional_fields_are_left_out_where_they_say_nothing() -> None:
    ann = protocol.Member(protocol.MemberId("a"), "Ann")
    message = protocol.Message(1, 1, uuid.UUID(NONCE), ann, "hi", "<p>hi</p>", 5)
    assert json.loads(protocol.encode(message)).keys() == {
        "type",
        "seq",
        "version",
        "nonce",
        "author",
        "body",
        "html",
        "at",
    }
    assert "retry_after" not in json.loads(protocol.encode(protocol.refused(Refusal(protocol.RefusalCode.LOCKED, ""))))
