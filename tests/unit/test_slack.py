"""What programs send to Slack, as Chatty shows it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat.content import slack
from chat.content.markdown import render
from chat.protocol.constants import BODY_LIMIT
from tests.slack_payloads import PAYLOADS


@pytest.mark.parametrize("sender", PAYLOADS)
def test_what_programs_send_to_slack_is_shown_sensibly(sender: str) -> None:
    payload, shown = PAYLOADS[sender]
    assert slack.body_of(payload) == shown
    html = render(shown).html
    assert "*" not in html
    assert "](" not in html


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("*bold* and _italic_ and ~gone~", "**bold** and _italic_ and ~~gone~~"),
        ("*<https://e.org/a_b|Build #5>* passed", "**[Build #5](https://e.org/a_b)** passed"),
        ("**bold** by Markdown, ~~gone~~", "**bold** by Markdown, ~~gone~~"),
        ("2 * 3 * 4, a*b*c, *not\nhere*, * no*", "2 * 3 * 4, a*b*c, *not\nhere*, * no*"),
        ("&lt;b&gt; &amp;amp; &amp;lt;", "<b> &amp; &lt;"),
        ("<https://e.org/?a=1&amp;b=2>", "https://e.org/?a=1&b=2"),
        ("<https://e.org|https://e.org>", "https://e.org"),
        ("<https://e.org/a(b)|see [1]>", "[see [1]](https://e.org/a%28b%29)"),
        ("<https://e.org|a]b[c>", "[a)b(c](https://e.org)"),
        ("<mailto:ann@e.org|ann@e.org>", "ann@e.org"),
        ("<javascript:alert(1)|click>", "click"),
        ("<!here> <!channel> <!everyone>", "@here @channel @everyone"),
        ("<@U012AB3CD> <@U1|ann> <#C1|general> <#C2>", "@U012AB3CD @ann #general #C2"),
        ("<!subteam^S1|@crew> <!date^1795000000^{date}|today>", "@crew today"),
        ("`*a* &lt;` and ```x = *y*```", "`*a* <` and `x = *y*`"),
        ("so: ```\nx &lt; <https://e.org|*y*>\nz```", "so: \n```\nx < *y*\nz\n```"),
        ("<https://e.org|`code`>", "[`code`](https://e.org)"),
        ("&gt;said\n>too\n&gt; and so", "> said\n> too\n> and so"),
        ("a < b and <> and < >", "a < b and <> and < >"),
        ("\x01\x000\x02 *x*", "0 **x**"),
    ],
)
def test_slacks_marks_become_ours(given: str, shown: str) -> None:
    assert slack.body_of({"text": given}) == shown


def test_without_marks_only_the_escapes_are_read() -> None:
    assert slack.body_of({"text": "*a* &lt;b", "mrkdwn": False}) == "*a* <b"


def test_the_fallback_is_shown_where_there_is_nothing_else() -> None:
    assert slack.body_of({"attachments": [{"fallback": "only *this*", "color": "good"}]}) == "only **this**"
    assert slack.body_of({"attachments": [{"fallback": "not this", "title": "but that"}]}) == "**but that**"


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"text": None},
        {"text": ["x"]},
        {"text": True},
        {"text": 10**5000},
        {"attachments": {"text": "x"}},
        {"attachments": [None, 1, "x", [], {"fields": [{"title": None}], "actions": [None]}]},
        {"blocks": [{"type": "section", "fields": "x"}, {"type": []}, {}]},
    ],
)
def test_what_has_another_type_is_passed_over(payload: dict[str, Any]) -> None:
    assert slack.body_of(payload) == ""


def test_numbers_are_texts_too() -> None:
    fields = [{"title": "took", "value": 3.5}, {"title": 1, "value": 0}]
    assert slack.body_of({"text": 7, "attachments": [{"fields": fields}]}) == "7\n\n**took**: 3.5\n**1**: 0"


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    assert len(slack.body_of({"text": "x" * BODY_LIMIT})) == BODY_LIMIT
    body = slack.body_of({"text": "word " * 2_000})
    assert len(body) <= BODY_LIMIT
    assert body.endswith("word\n… (+6,049 characters)")
    code = slack.body_of({"text": "```\n" + "code\n" * 2_000 + "```"})
    assert len(code) <= BODY_LIMIT
    assert "\n```\n… (+" in code
    assert "characters)</p>" in render(code).html


values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(alphabet="a *_~`<>|&;@#!\n[]()\x01\x020:/"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["text", "attachments", "blocks", "fields", "title", "value", "type", "elements", "url"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["text", "attachments", "blocks", "mrkdwn"]), values))
def test_any_payload_has_a_body_that_fits(payload: dict[str, Any]) -> None:
    body = slack.body_of(payload)
    assert len(body) <= BODY_LIMIT
    assert "\x01" not in body
