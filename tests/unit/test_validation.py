import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.content import joiners, mentions
from chat.content.confusables import skeleton
from chat.content.validation import check_body, clean_body, clean_emoji, clean_name, clean_title, clean_topic
from chat.protocol import constants
from chat.protocol.errors import Refusal
from tests.unit.texts import CLEANED


def test_names_are_normalised_and_their_spaces_folded() -> None:
    assert clean_name("  Ann \t of   Green\u00a0Gables ") == "Ann of Green Gables"
    assert clean_name("e\u0301") == "\u00e9"
    assert clean_name("名前") == "名前"
    assert clean_name("x" * 40) == "x" * 40
    assert clean_name("Ann \u2764\ufe0f") == "Ann \u2764"


@pytest.mark.parametrize(
    "name",
    [
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",  # Persian, Alireza
        "\u0915\u094d\u200d\u0937",  # Devanagari
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala, Sri
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",  # A family
        "Team \U0001f3f3\u200d\U0001f308",
    ],
)
def test_joiners_belong_to_names_of_scripts_that_need_them_and_to_emoji(name: str) -> None:
    assert clean_name(name) == name
    assert set(skeleton(name)) & set(skeleton(joiners.without(name)))
    assert mentions.fold(name) == mentions.fold(joiners.without(name))


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
        "A\u200cnn",
        "\u0627\u200c\u0628",  # Alef joins nothing after it.
        "\u0628\u200c",
        "\U0001f468\u200d",
        "\u200d",
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
    assert 1 <= len(cleaned) <= constants.NAME_LIMIT


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "body_empty"),
        (" \n\t", "body_empty"),
        ("\u200b\u2060", "body_empty"),
        ("x" * 4001, "body_too_long"),
        ("\0\x07", "body_empty"),
    ],
)
def test_bodies_that_cannot_be_posted_are_refused(body: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        check_body(body)
    assert caught.value.code == code


@pytest.mark.parametrize("body", ["x", " x ", "x" * 4000, "😀" * 4000, "a\nb", "\u202eabc", "1" + "\u0301" * 3999])
def test_any_other_body_can_be_posted(body: str) -> None:
    check_body(body)


@pytest.mark.parametrize(("raw", "clean"), CLEANED)
def test_a_body_is_cleaned_where_it_enters(raw: str, clean: str) -> None:
    assert clean_body(raw) == clean
    assert clean_body(clean) == clean


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
