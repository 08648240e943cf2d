"""Texts that search treats as equal have one folded form, and each piece of it has a known place in the text."""

# ruff: noqa: RUF001  Letters that look the same are what it is about.

import unicodedata
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.content.folding import clusters, fold
from chat.content.search_terms import cut
from chat.protocol.constants import BODY_LIMIT

ALIKE = {
    "case": ["tide", "TIDE", "Tide"],
    "accents": ["creme brulee", "crème brûlée", "cre\u0300me bru\u0302le\u0301e", "CRÈME BRÛLÉE"],
    "Cyrillic": ["йод", "и\u0306од", "Йод", "иод"],
    "yo": ["елка", "ёлка", "Е\u0308лка"],
    "Hangul": ["한국어", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165"],
    "half-width Hangul": ["ㄱㅏㅋ", "ﾡￂﾻ"],
    "Arabic points": ["محمد", "مُحَمَّد", "محـــمد", "ﻣﺤﻤﺪ"],
    "Arabic hamza": ["احمد", "أحمد"],
    "Hebrew points": ["שלום", "שָׁלוֹם", "\ufb2aלום"],
    "ligatures": ["office file", "oﬃce ﬁle"],
    "sharp s": ["strasse", "straße", "STRASSE", "STRAẞE"],
    "sigma": ["οδυσσευσ", "Οδυσσεύς", "ὈΔΥΣΣΕΎΣ"],
    "dots of i": ["istanbul", "İstanbul", "ıstanbul", "ISTANBUL", "i\u0307stanbul"],
    "what shows nothing": [
        "wordplay",
        "word\u200bplay",
        "word\u00adplay",
        "word\ufeffplay",
        "\u2060word\u200dplay\u200e",
    ],
    "styles of Han": ["葛飾", "葛\U000e0100飾"],
    "width": ["abc123", "ＡＢＣ１２３", "ａｂｃ１２３"],
    "half-width kana": ["ガイド パン", "ｶﾞｲﾄﾞ ﾊﾟﾝ", "カ\u3099イト\u3099 ハ\u309aン"],
    "letters for mathematics": ["bold", "𝐛𝐨𝐥𝐝", "𝓫𝓸𝓵𝓭"],
    "squared words": ["キロメートル", "㌖"],
    "signs that are letters": ["5 kω å", "5 \u212a\u2126 \u212b"],
    "Indic composition": ["क\u093c", "\u0958"],
}
DIFFERENT = [
    ("か", "が"),
    ("は", "ぱ"),
    ("हिन्दी", "हिनदी"),
    ("हिन्दी", "हन्दी"),
    ("ปี", "ปู"),
    ("ที่", "ที"),
    ("ㅋ", "\u110f"),
    ("ދަ", "ދި"),
]


@pytest.mark.parametrize("kind", ALIKE)
def test_what_makes_no_difference_is_folded_away(kind: str) -> None:
    assert {" ".join(cut(fold(text))) for text in ALIKE[kind]} == {" ".join(cut(fold(ALIKE[kind][0])))}


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_what_makes_another_word_stays(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@pytest.mark.parametrize("sign", "™①×℃…–🙂➡")
def test_symbols_stand_between_words(sign: str) -> None:
    assert cut(fold(f"Foo{sign}bar")) == ("foo", "bar")


def characters() -> Iterator[str]:
    """All that Unicode has a meaning for, of the many ideographs and syllables some."""
    planes = (
        range(0x3500),
        range(0xA000, 0xAD00),
        range(0xD700, 0xD800),
        range(0xF900, 0x12000),
        range(0x16000, 0x17000),
    )
    for code in (*(code for plane in planes for code in plane), *range(0x1B000, 0x20000), 0xE0101):
        character = chr(code)
        category = unicodedata.category(character)
        is_plain = code >= 0x10000 and category[0] != "M" and not unicodedata.decomposition(character)
        if category not in {"Cn", "Co", "Cs"} and not is_plain:
            yield character


def test_no_character_is_folded_differently_a_second_time_or_beside_others() -> None:
    for character in characters():
        text = f"{character}:{character}か{character}\u3099"
        folded = fold(text)
        assert fold(folded) == folded, ascii(text)
        assert "".join(piece for _, piece in clusters(text)) == folded, ascii(text)
        assert cut(fold(unicodedata.normalize("NFD", text))) == cut(folded), ascii(text)


# What folding treats in a way of its own, often enough to come together.
ODD = st.text(
    st.sampled_from(
        ": aéiİıſßς\u0301\u0323\u0345\u200b\u00adーかｶ\u3099\u309aﾞﾟ가\u1100\u1161\u11a8ᄏㅋﾡ㉠㈀กำํ\u0e38\u0e48\u094dक"
        "\u093c\u0640\u064eﷲﱞﹱ㌖™①½´\u0385\u2adc\u212b\U00011131\U00011127\U0001d160🙂葛\U000e0100"
    ),
    max_size=12,
)


@given(st.text(max_size=40) | ODD)
def test_folding_is_done_once_and_cluster_by_cluster_whatever_the_text(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert cut(fold(unicodedata.normalize("NFD", text))) == cut(folded)
    found = list(clusters(text))
    assert "".join(piece for _, piece in found) == folded
    assert [begin for begin, _ in found] == sorted({begin for begin, _ in found})
    assert not found or found[0][0] == 0


@given(ODD, ODD)
def test_words_depend_on_nothing_behind_white_space(one: str, other: str) -> None:
    assert cut(fold(f"{one} {other}")) == (*cut(fold(one)), *cut(fold(other)))


def test_a_run_of_marks_is_not_sorted_in_squares() -> None:
    """Unicode's normalisation would take seconds for a run of this length."""
    assert len(fold("ก" + "\u0e38\u0e48" * 50 * BODY_LIMIT)) <= 31
    assert fold("a" + "\u0301\u0323" * 50 * BODY_LIMIT) == "a"
