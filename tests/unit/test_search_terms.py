"""The phrases of a query, and excerpts of matching texts."""

# ruff: noqa: RUF001  Letters of other scripts and widths are what it is about.

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.content import search_terms
from chat.content.folding import fold
from chat.content.search_terms import EXCERPT_CHARACTERS, Phrase, excerpt, parse, search_text
from chat.protocol.constants import QUERY_LIMIT
from chat.protocol.errors import Refusal, RefusalCode


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
        ("設定Dj", [Phrase(("設", "定", "dj"), True)]),
        ("ＤＪ　ﾊﾟﾝ", [Phrase(("dj",)), Phrase(("パ", "ン"))]),
        ("か\u3099", [Phrase(("が",))]),
        ("학교에서", [Phrase(("학", "교", "에", "서"))]),
        ("ที่นี่", [Phrase(("ที่", "นี่"), True)]),
        ("tide NOT (noon* OR ^x) !", [Phrase(("tide",)), *(Phrase((w,)) for w in ("not", "noon", "or", "x"))]),
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
        assert word
        assert not set(word) & {chr(code) for code in range(128) if not chr(code).isalnum()}
        assert fold(word) == word


def test_only_what_the_indexes_cut_alike_is_left_to_them() -> None:
    assert search_text("The tide's high -- at 12:00!") is None
    assert search_text("") is None
    assert search_text("Crème brûlée, s'il vous plaît") == "creme brulee s il vous plait"
    assert search_text("今日は、Djangoで") == "今 日 は django で"
    assert search_text("🙂") == ""


def test_a_word_counts_up_to_its_limit_on_both_sides() -> None:
    long = "x" * 1000
    assert search_text(f"{long} {long}") == f"{long[: search_terms.WORD_LIMIT]} {long[: search_terms.WORD_LIMIT]}"
    assert [len(phrase.words[0]) for phrase in parse(long)] == [search_terms.WORD_LIMIT]
    assert search_text("x" * search_terms.WORD_LIMIT) is None


def test_signs_that_stand_for_sentences_make_no_huge_texts() -> None:
    text = search_text("\ufdfa" * 4000)
    assert text is not None
    assert search_terms.SEARCH_TEXT_LIMIT - 20 < len(text) <= search_terms.SEARCH_TEXT_LIMIT
    assert text.endswith(("صلى", "الله", "عليه", "وسلم", "وسلمصلى"))


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
        ("die Straße", "STRASSE", "die [Straße]"),
        ("an oﬃce", "office", "an [oﬃce]"),
        ("de\u00adco\u200bded it", "decoded", "[de\u00adco\u200bded] it"),
        ("и\u0306од, Йод", "йод", "[и\u0306од], [Йод]"),
        ("\u1112\u1161\u11a8\u1100\u116d에서", "학", "[\u1112\u1161\u11a8]\u1100\u116d에서"),
        ("هو مُحَمَّـد هنا", "محمد", "هو [مُحَمَّـد] هنا"),
        ("İstanbul, ıSTANBUL", "istanbul", "[İstanbul], [ıSTANBUL]"),
        ("2㌖先", "キロ", "2[㌖]先"),
        ("2㌖先", "ル先", "2[㌖先]"),
        ("\u0301\u200btide\u0301 high", "tide", "\u0301\u200b[tide\u0301] high"),
        ("🙂e\u0301te\u0301🙂", "été", "🙂[e\u0301te\u0301]🙂"),
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


def test_what_is_said_twice_is_looked_up_once() -> None:
    assert parse("tide TIDE tidé noon") == (Phrase(("tide",)), Phrase(("noon",), True))
    assert parse(" ".join("a" * 100)) == (Phrase(("a",)),)


def test_a_query_of_too_many_words_is_refused() -> None:
    different = [f"{number:02}" for number in range(search_terms.WORDS_LIMIT + 1)]
    assert len(parse(" ".join(different[:-1]))) == search_terms.WORDS_LIMIT
    with pytest.raises(Refusal) as refused:
        parse(" ".join(different))
    assert refused.value.code == RefusalCode.QUERY_TOO_LONG


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ("a " * 2000, " ".join("bcdefghijklmnopqrstuvwxyz0123456789") + " a"),
        ("a " * 2000, f'"{"a " * (search_terms.WORDS_LIMIT - 1)}b"'),
        ("a " * 2000, "a"),
        ("天" * 4000, "天" * (search_terms.WORDS_LIMIT - 1) + "気"),
        ("é" * 4000, "é"),
        ("é " * 2000, "ü"),
    ],
)
def test_the_price_of_an_excerpt_is_that_of_its_text_whatever_is_asked(body: str, query: str) -> None:
    """Counted: each character of the text is folded once at most, and compared with each word of the query at most."""
    phrases = parse(query)
    excerpts = search_terms.Excerpts(phrases)
    folded = compared = 0
    last = search_terms._Found.last

    def counting_fold(text: str) -> str:
        nonlocal folded
        folded += len(text)
        return fold(text)

    def counting_last(found: search_terms._Found, phrase: Phrase, index: int) -> int | None:
        nonlocal compared
        compared += len(phrase.words)
        return last(found, phrase, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_terms, "fold", counting_fold)
        patch.setattr(search_terms._Found, "last", counting_last)
        excerpts.of(body)
    assert folded <= len(body)
    assert compared <= len(body) * search_terms.WORDS_LIMIT


def test_what_stands_behind_an_excerpt_is_not_looked_at() -> None:
    found: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_terms, "fold", lambda text: found.append(text) or text)  # type: ignore[func-returns-value]
        excerpt("tide " * 800, [Phrase(("tide",))])
    assert len(found) < EXCERPT_CHARACTERS
