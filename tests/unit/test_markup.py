import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markup import render


def test_text_stays_text() -> None:
    assert render("# 1 < 2 & *stars* `ticks` > quote") == "<p># 1 &lt; 2 &amp; *stars* `ticks` &gt; quote</p>"


def test_lines_and_paragraphs_are_kept() -> None:
    assert render("one\ntwo\n\nthree") == "<p>one<br>\ntwo</p>\n<p>three</p>"


def test_links_can_be_clicked_and_tell_the_other_site_nothing() -> None:
    html = render("see https://example.com/a_b?x=1&y=2, or example.org")
    assert '<a href="https://example.com/a_b?x=1&amp;y=2" target="_blank" rel="noopener nofollow">' in html
    assert '<a href="http://example.org" target="_blank" rel="noopener nofollow">example.org</a>' in html


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "javascript:alert(1)",
        "[x](javascript:alert(1))",
        "<a href='data:text/html,x'>x</a>",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:msgbox(1)",
        'https://example.com/"onmouseover="alert(1)',
        "https://example.com/<script>",
        "&lt;script&gt;",
        "</p><svg/onload=alert(1)>",
    ],
)
def test_nothing_in_a_message_becomes_more_than_text_and_links(body: str) -> None:
    check(body)


@given(st.text() | st.from_regex(r"[<>\"'&/:=.a-z]*(https?://|javascript:|www\.)[<>\"'&/:=.a-z ]*"))
def test_no_text_becomes_more_than_text_and_links(body: str) -> None:
    check(body)


def check(body: str) -> None:
    for tag in re.findall(r"<[^>]*>", render(body)):
        assert re.fullmatch(
            r'(?i)</?p>|<br>|</a>|<a( href="(https?://|mailto:)[^"]*")? target="_blank" rel="noopener nofollow">', tag
        )
