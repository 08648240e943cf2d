import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.markup import render
from tests import xss


def test_text_stays_text() -> None:
    assert render("# 1 < 2 & *stars* `ticks` > quote") == "<p># 1 &lt; 2 &amp; *stars* `ticks` &gt; quote</p>"


def test_lines_and_paragraphs_are_kept() -> None:
    assert render("one\ntwo\n\nthree") == "<p>one<br>\ntwo</p>\n<p>three</p>"


def test_links_can_be_clicked_and_tell_the_other_site_nothing() -> None:
    html = render("see https://example.com/a_b?x=1&y=2, or example.org")
    assert '<a href="https://example.com/a_b?x=1&amp;y=2" target="_blank" rel="noopener noreferrer nofollow">' in html
    assert '<a href="http://example.org" target="_blank" rel="noopener noreferrer nofollow">example.org</a>' in html


@pytest.mark.parametrize("body", xss.PAYLOADS)
def test_nothing_in_a_message_becomes_more_than_text_and_links(body: str) -> None:
    check(body)


@given(st.text() | st.from_regex(r"[<>\"'&/:=.a-z]*(https?://|javascript:|www\.)[<>\"'&/:=.a-z ]*"))
def test_no_text_becomes_more_than_text_and_links(body: str) -> None:
    check(body)


LINK = r'<a( href="(https?://|mailto:)[^"]*")? target="_blank" rel="noopener noreferrer nofollow">'


def check(body: str) -> None:
    html = render(body)
    for tag in re.findall(r"<[^>]*>", html):
        assert re.fullmatch(rf"(?i)</?p>|<br>|</a>|{LINK}", tag)
    assert "<" not in re.sub(r"<[^>]*>", "", html)
