import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.content.confusables import skeleton

ALIKE = [
    ("Ann", "Ann"),
    ("Ann", "ann"),
    ("Ann", "\u0391nn"),  # Greek capital alpha
    ("Paul", "Pau1"),
    ("PayPal", "PayPaI"),
    ("Tom", "Torn"),
    ("user0", "userO"),
    ("Bob", "B\u041eB"),  # Cyrillic capital o, in a name of capitals
    ("\u0412\u043b\u0430\u0434", "B\u043ba\u0434"),  # Vlad, with two Latin letters
    ("Ann", "\uff21\uff4e\uff4e"),  # Full width
    ("Ann", "\U0001d400\U0001d427\U0001d427"),  # Mathematical bold
    ("Ann", "\u0391\uff4e\U0001d427"),  # All of it at once
    ("Stra\u00dfe", "STRASSE"),
]
DIFFERENT = [("Ann", "Anna"), ("Ann", "\u00c4nn"), ("Ren\u00e9", "Rene"), ("\u540d\u524d", "\u540d"), ("1", "2")]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_names_that_look_the_same_have_a_look_in_common(one: str, other: str) -> None:
    assert set(skeleton(one)) & set(skeleton(other))


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_names_that_can_be_told_apart_have_none(one: str, other: str) -> None:
    assert not set(skeleton(one)) & set(skeleton(other))


@given(st.text(min_size=1))
def test_a_name_looks_like_itself_in_any_case_and_any_form(name: str) -> None:
    for other in (name, unicodedata.normalize("NFD", name), name.casefold()):
        assert set(skeleton(name)) & set(skeleton(other))
