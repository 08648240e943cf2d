"""Addresses in texts, and their visible form."""

# ruff: noqa: RUF001  Texts of many scripts.

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.content.links import addresses
from chat.content.markdown import render


def found(text: str) -> list[str]:
    return [text[address.start : address.end] for address in addresses(text)]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://example.com/foo。次の文。", "https://example.com/foo"),
        ("https://example.com。次", "https://example.com"),
        ("（https://example.com/baz）です", "https://example.com/baz"),
        ("访问 https://example.com/docs（中文说明）", "https://example.com/docs"),
        ("“https://example.com/a”", "https://example.com/a"),
        ("«https://example.com/a»", "https://example.com/a"),
        ("https://example.com/a…", "https://example.com/a"),
        ("https://example.com/a،", "https://example.com/a"),
        ("https://example.com/a।", "https://example.com/a"),
        ("https://example.com/a？b", "https://example.com/a"),
        ("https://example.com/a — so", "https://example.com/a"),
        ("请看https://example.com/x", "https://example.com/x"),
        ("访问www.example.com", "www.example.com"),
        ("example.org/b，好", "example.org/b"),
        ("ann@example.org。", "ann@example.org"),
        ("(https://example.com/a_(b))", "https://example.com/a_(b)"),
        ("[https://example.com/a]", "https://example.com/a"),
        ("https://example.com/a.", "https://example.com/a"),
        ("https://example.com/a\u200b", "https://example.com/a"),
        ("https://example.com/a\u202eb", "https://example.com/a"),
        ("https://example.com/a\ufe0f", "https://example.com/a"),
        ("https://example.com/a\u3164", "https://example.com/a"),
        ("https://example.com/a`b`", "https://example.com/a"),
        ("~~https://example.com/old~~", "https://example.com/old"),
        ("_see https://example.com/a-b_", "https://example.com/a-b"),
        ("**https://example.com/a**です", "https://example.com/a"),
    ],
)
def test_an_address_ends_before_what_is_not_part_of_it(text: str, address: str) -> None:
    assert found(text) == [address]


@pytest.mark.parametrize(
    "address",
    [
        "https://api_stage.example.org/x",
        "https://example.com/_foo_/bar",
        "example.com/_foo_/bar",
        "www.example.org/@Ann/videos",
        "www.example.com/:x:/s",
        "www.example.com/a~~b~~c",
        "https://example.com/x_",
        "https://ja.wikipedia.org/wiki/日本",
        "https://日本語.jp/テスト",
        "https://fr.wikipedia.org/wiki/L’Équipe",
        "https://en.wikipedia.org/wiki/Michelson–Morley_experiment",
        "https://fa.wikipedia.org/wiki/می\u200cخواهم",
        "https://hi.wikipedia.org/wiki/प्रिया",
        "https://example.com/🎉",
        "https://example.com/a?b=c&d=(e)#f",
        "http://localhost:8000/x",
        "https://user:word@example.com/",
    ],
)
def test_an_address_is_one_whole(address: str) -> None:
    assert found(address) == [address]
    assert found(f"see {address}, please") == [address]
    html = render(f"*see* {address}").html
    assert "<em>see</em> <a" in html
    assert html.count("<em>") == 1
    assert "<s>" not in html


@pytest.mark.parametrize(
    "text", ["http://a-", "https://", "https://_", "main.py", "a://b", "ftp://example.org", "//example.org"]
)
def test_what_leads_nowhere_is_no_address(text: str) -> None:
    assert found(text) == []


def test_markup_stands_around_an_address() -> None:
    assert '<s><a href="https://example.com/old"' in render("~~https://example.com/old~~").html
    assert '<em>see <a href="https://example.com/a-b"' in render("_see https://example.com/a-b_").html
    assert '<strong><a href="https://example.com/a"' in render("**https://example.com/a**です").html


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("https://legit.example/files%E2%80%AE4pm.asia", "https://legit.example/files%E2%80%AE4pm.asia"),
        ("https://example.com/%0A%00%20%2F%25", "https://example.com/%0A%00%20%2F%25"),
        ("https://example.com/%E6%97%A5%E6%9C%AC%E3%80%82", "https://example.com/日本%E3%80%82"),
        ("https://example.com/%ff%fe", "https://example.com/%ff%fe"),
        ("https://example.com/%E3%85%A4%E2%A0%80", "https://example.com/%E3%85%A4%E2%A0%80"),
        ("https://example.com/%CC%81", "https://example.com/%CC%81"),
        ("https://xn--pple-43d.com/", "https://xn--pple-43d.com/"),
        ("HTTPS://Example.com/A", "HTTPS://Example.com/A"),
    ],
)
def test_an_address_is_shown_as_typed_or_decoded_to_visible_letters(typed: str, shown: str) -> None:
    assert [address.shown for address in addresses(typed)] == [shown]


@given(st.text(max_size=12) | st.lists(st.sampled_from("aé日\u202e\u200b\u0301 /%\0\n")).map("".join))
def test_no_address_shows_what_a_reader_can_not_see(path: str) -> None:
    encoded = "".join(f"%{byte:02X}" for byte in path.encode(errors="replace"))
    for text in (f"https://example.com/{encoded}", f"https://example.com/{path}"):
        for address in addresses(text):
            assert not any(unicodedata.category(each) in {"Cc", "Zl", "Zp", "Zs"} for each in address.shown)
            assert "\u202e" not in address.shown
