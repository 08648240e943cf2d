"""What a query asks for, and what is shown of a text that has it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.protocol import QUERY_LIMIT, Refusal, RefusalCode
from chat.words import EXCERPT_CHARACTERS, Phrase, excerpt, fold, parse


@pytest.mark.parametrize(
    ("query", "phrases"),
    [
        ("tide", [Phrase(("tide",), True)]),
        ("high tide ", [Phrase(("high",)), Phrase(("tide",), True)]),
        ('"high tide"', [Phrase(("high", "tide"))]),
        ('"high tide" noon', [Phrase(("high", "tide")), Phrase(("noon",), True)]),
        ('noon "high ti', [Phrase(("noon",)), Phrase(("high", "ti"), True)]),
        ("“high tide”", [Phrase(("high", "tide"))]),
        ("foo-bar.baz", [Phrase(("foo", "bar", "baz"), True)]),
        ("don't", [Phrase(("don", "t"))]),
        ("a", [Phrase(("a",))]),
        ("本", [Phrase(("本",), True)]),
        ("tide NOT (noon* OR ^x) !", [Phrase(("tide",)), *(Phrase((w,)) for w in ("NOT", "noon", "OR", "x"))]),
    ],
)
def test_a_query_is_words_and_phrases_of_which_the_last_may_go_on(query: str, phrases: list[Phrase]) -> None:
    assert parse(query) == tuple(phrases)


@pytest.mark.parametrize("query", ["", "  ", '""', "…", "?!", "'", '"', "\0", "🙂", "\u0301"])
def test_a_query_without_a_word_is_refused(query: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse(query)
    assert refused.value.code == RefusalCode.QUERY_EMPTY


@given(st.text(max_size=QUERY_LIMIT))
def test_words_can_leave_no_quotes_and_always_say_something(query: str) -> None:
    try:
        phrases = parse(query)
    except Refusal:
        return
    for word in (word for phrase in phrases for word in phrase.words):
        assert fold(word)
        assert not set(word + fold(word)) & set("\"'\\\0 ()*:&|!<>")


def test_case_accents_and_the_form_of_a_sigma_make_no_difference() -> None:
    assert fold("Crème") == fold("cre\u0300me") == "creme"
    assert fold("ΛΌΓΟΣ") == fold("λόγος")
    assert fold("Ёлка") == "елка"


def marked(body: str, query: str) -> str:
    return "".join(f"[{text}]" if is_match else text for text, is_match in excerpt(body, parse(query)))


@pytest.mark.parametrize(
    ("body", "query", "shown"),
    [
        ("The tide is high at noon.", "tide NOON", "The [tide] is high at [noon]."),
        ("Tides and tidal", "tid", "[Tides] and [tidal]"),
        ("the high tide, the tide", '"the tide"', "the high tide, [the tide]"),
        ("a b c", '"a b" "b c"', "[a b][ c]"),
        ("Une crème brûlée", "creme", "Une [crème] brûlée"),
        ("<b>tide</b>", "tide", "<b>[tide]</b>"),
        ("nothing of it", "tide", "nothing of it"),
    ],
)
def test_an_excerpt_marks_what_matches(body: str, query: str, shown: str) -> None:
    assert marked(body, query) == shown


def test_an_excerpt_of_a_long_text_is_the_part_around_the_first_match() -> None:
    shown = marked(f"{'before ' * 200}tide {'after ' * 200}", "tide")
    assert shown.startswith("…before ")
    assert "before [tide] after" in shown
    assert shown.endswith(" after…")
    assert len(shown) <= EXCERPT_CHARACTERS + len("…[]…")
    assert marked("x" * 1000, "tide") == "x" * EXCERPT_CHARACTERS + "…"


@given(st.text(max_size=600), st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_an_excerpt_is_a_part_of_the_text(body: str, words: list[str]) -> None:
    phrases = [Phrase(tuple(words), is_open=True), *(Phrase((word,)) for word in words)]
    pieces = [text for text, _ in excerpt(body, phrases)]
    assert all(pieces)
    shown = "".join(pieces)
    assert shown in body or shown.removeprefix("…").removesuffix("…") in body
