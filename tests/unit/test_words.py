"""What a query asks for, and what is shown of a text that has it."""

# ruff: noqa: RUF001  Letters of other scripts and widths are what it is about.

import importlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat import words
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
        ("本", [Phrase(("本",))]),
        ("天気", [Phrase(("天", "気"))]),
        ("django設定 ", [Phrase(("django", "設", "定"))]),
        ("設定Dj", [Phrase(("設", "定", "Dj"), True)]),
        ("ＤＪ　ﾊﾟﾝ", [Phrase(("DJ",)), Phrase(("パ", "ン"))]),
        ("か\u3099", [Phrase(("が",))]),
        ("학교에서", [Phrase(("학", "교", "에", "서"))]),
        ("ที่นี่", [Phrase(("ที่", "นี่"), True)]),
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


def test_width_and_composition_make_no_difference_but_voice_does() -> None:
    assert fold("ＤＪａｎｇｏ２") == "django2"
    assert fold("ｶﾞ") == fold("か\u3099").replace("が", "ガ") == "ガ" != fold("カ")
    assert fold("하") == fold("\u1112\u1161") == "하"


@pytest.mark.parametrize("name", ["SEPARATORS", "WHOLE", "STACKED", "MARKS"])
def test_the_indexes_cut_texts_where_queries_are_cut(name: str) -> None:
    index = importlib.import_module("chat.migrations.0007_search_unspaced")
    assert getattr(index, name) == getattr(words, name)


def marked(body: str, query: str) -> str:
    return "".join(f"[{text}]" if is_match else text for text, is_match in excerpt(body, parse(query)))


@pytest.mark.parametrize(
    ("body", "query", "shown"),
    [
        ("The tide is high at noon.", "tide NOON", "The [tide] is high at [noon]."),
        ("Tides and tidal", "tid", "[Tides] and [tidal]"),
        ("the high tide, the tide", '"the tide"', "the high tide, [the tide]"),
        ("a b c", '"a b" "b c"', "[a b c]"),
        ("Une crème brûlée", "creme", "Une [crème] brûlée"),
        ("<b>tide</b>", "tide", "<b>[tide]</b>"),
        ("今日は天気がいい", "天気", "今日は[天気]がいい"),
        ("Django設定ファイル", "設定", "Django[設定]ファイル"),
        ("Django設定ファイル", "django設定", "[Django設定]ファイル"),
        ("ﾊﾟﾝとパン、は\u309aん", "パン", "[ﾊﾟﾝ]と[パン]、は\u309aん"),
        ("ＤＪＡＮＧＯの設定", "django", "[ＤＪＡＮＧＯ]の設定"),
        ("고등학교에서", "학교", "고등[학교]에서"),
        ("อยู่ที่นี่ ปีปู", "ที่", "อยู่[ที่]นี่ ปีปู"),
        ("ปูปี", "ปี", "ปู[ปี]"),
        ("ㅋㅋㅋ? ㅋ", "ㅋㅋ", "[ㅋㅋㅋ? ㅋ]"),
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


def test_an_excerpt_begins_with_a_whole_character() -> None:
    for shift in range(3):
        shown = marked(f"{'ก' * shift}{'ที่' * 100}คน{'ที่' * 200}", "คน")
        assert shown.startswith("…ที่")
        assert "[คน]" in shown
        assert shown.endswith("ที่…")


@given(st.text(max_size=600), st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_an_excerpt_is_a_part_of_the_text(body: str, words: list[str]) -> None:
    phrases = [Phrase(tuple(words), is_open=True), *(Phrase((word,)) for word in words)]
    pieces = [text for text, _ in excerpt(body, phrases)]
    assert all(pieces)
    shown = "".join(pieces)
    assert shown in body or shown.removeprefix("…").removesuffix("…") in body
