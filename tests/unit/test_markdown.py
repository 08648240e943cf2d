"""Rendering of bodies: a small part of Markdown. All other text stays as typed."""

# ruff: noqa: RUF001  Texts of many scripts.
import functools
import re
import time
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pygments.lexers import get_lexer_by_name

from chat.content import markdown, markdown_rules, mentions
from chat.content.highlighting import CLASSES, LANGUAGES
from chat.content.markdown import HTML_LIMIT, render, render_markdown
from chat.content.markdown_rules import SHORTCODES
from chat.content.mentions import mention_at
from chat.protocol.constants import BODY_LIMIT
from chat.protocol.fields import MemberId
from tests import xss
from tests.examples import examples
from tests.unit import texts

ANN, LEE, BOB, BEN = (MemberId(letter * 8) for letter in "abcd")
PEOPLE = {"ann": (ANN,), "ann lee": (LEE,), "bob": (BOB, BEN), "strasse": (BEN,), "王小明": (BOB,)}
LINK = '<a href="{}" target="_blank" rel="noopener noreferrer nofollow">{}</a>'


def html(body: str) -> str:
    return render(body, PEOPLE).html


def link(url: str, text: str) -> str:
    return LINK.format(url, text)


def called(name: str, ids: str) -> str:
    return f'<span class="mention" data-member="{ids}">{name}</span>'


# --- markup ---


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("*a* _b_ **c** ~~d~~", "<p><em>a</em> <em>b</em> <strong>c</strong> <s>d</s></p>"),
        ("**重要**です", "<p><strong>重要</strong>です</p>"),
        ("a `b *c* <d>` e", "<p>a <code>b *c* &lt;d&gt;</code> e</p>"),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>"),
        ("> a\n> b\nno, c", "<blockquote>\n<p>a<br>\nb</p>\n</blockquote>\n<p>no, c</p>"),
        ("> a\n> > b", "<blockquote>\n<p>a</p>\n<blockquote>\n<p>b</p>\n</blockquote>\n</blockquote>"),
        ("we need:\n- a\n- b\nthanks", "<p>we need:</p>\n<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<p>thanks</p>"),
        (
            "- a\n  - b\n    - c\n- d",
            "<ul>\n<li>a\n<ul>\n<li>b\n<ul>\n<li>c</li>\n</ul>\n</li>\n</ul>\n</li>\n<li>d</li>\n</ul>",
        ),
        ("* a\n  - b", "<ul>\n<li>a\n<ul>\n<li>b</li>\n</ul>\n</li>\n</ul>"),
        ("1. a\n3. b", '<ol>\n<li value="1">a</li>\n<li value="3">b</li>\n</ol>'),
        ("2) a", '<ol>\n<li value="2">a</li>\n</ol>'),
        ("```\na <b>\n  *c*\n```\nd", "<pre><code>a &lt;b&gt;\n  *c*\n</code></pre>\n<p>d</p>"),
        ("```haskell\nif x\n```", "<pre><code>if x\n</code></pre>"),
        (
            "```python\nif x: # y\n```",
            '<pre><code><span class="hl-keyword">if</span> x: <span class="hl-comment"># y</span>\n</code></pre>',
        ),
        ("[a *b*](https://e.org/x)", f"<p>{link('https://e.org/x', 'a <em>b</em>')}</p>"),
        ("[e.org](https://e.org/x)", f"<p>{link('https://e.org/x', 'e.org')}</p>"),
        ("[me](mailto:a@e.org)", f"<p>{link('mailto:a@e.org', 'me')}</p>"),
        ("https://e.org/a_b_c?x=1&y=2, ok", f"<p>{link(*2 * ['https://e.org/a_b_c?x=1&amp;y=2'])}, ok</p>"),
        ("example.org", f"<p>{link('http://example.org', 'example.org')}</p>"),
        (":tada: :+1:", "<p>🎉 👍</p>"),
        (":tada::+1: :tada::nothing_like_that:", "<p>🎉👍 :tada::nothing_like_that:</p>"),
        ("if x:\n    y()\n\tz  \nend", "<p>if x:<br>\n    y()<br>\n\tz<br>\nend</p>"),
        ("> \n>", "<p>&gt;<br>\n&gt;</p>"),
        ("```\n```", "<p>```<br>\n```</p>"),
        ("`:tada:`", "<p><code>:tada:</code></p>"),
        ("/me waves *hi*", '<p class="action">waves <em>hi</em></p>'),
        ("/me > says", '<p class="action">&gt; says</p>'),
        ("//me is how", "<p>/me is how</p>"),
    ],
)  # fmt: skip
def test_markup(body: str, expected: str) -> None:
    assert html(body) == expected


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("```for(;;)\nx()\n```", "<pre><code>for(;;)\nx()\n</code></pre>"),
        ("```hello\n```", "<pre><code>hello\n</code></pre>"),
        ("``` first line\n  second\n```", "<pre><code>first line\n  second\n</code></pre>"),
        ('```py title="x"\ny\n```', '<pre><code>py title="x"\ny\n</code></pre>'),
        ("```hello", "<pre><code>hello\n</code></pre>"),
        ("a\n```\n```", "<p>a<br>\n```<br>\n```</p>"),
        ("a\n```python", "<p>a<br>\n```python</p>"),
        ("a\n>", "<p>a<br>\n&gt;</p>"),
        ("a\n> \n>\nb", "<p>a<br>\n&gt;<br>\n&gt;<br>\nb</p>"),
        (">\n> a", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("> a\n>", "<blockquote>\n<p>a</p>\n</blockquote>"),
        ("a ` ` b ```  ``` c", "<p>a ` ` b ```  ``` c</p>"),
    ],
)
def test_what_was_typed_beside_code_is_shown(body: str, expected: str) -> None:
    assert html(body) == expected


def test_no_line_loses_its_indent() -> None:
    assert html("  a\n    b\n\n    c") == "<p>  a<br>\n    b</p>\n<p>    c</p>"


@pytest.mark.parametrize(
    "body",
    [">> a\n> b", "> > a\n> b"],
)
def test_quotes_nest_with_and_without_a_space(body: str) -> None:
    assert html(body) == "<blockquote>\n<blockquote>\n<p>a</p>\n</blockquote>\n<p>b</p>\n</blockquote>"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("**注意：**正文", "<strong>注意：</strong>正文"),
        ("含**「重点」**内容", "含<strong>「重点」</strong>内容"),
        ("~~删除的文字（带括号）。~~这个", "<s>删除的文字（带括号）。</s>这个"),
        ("これは**「強調」**です。*（注）*です", "これは<strong>「強調」</strong>です。<em>（注）</em>です"),
        ("**강조(설명)**입니다", "<strong>강조(설명)</strong>입니다"),
        ("中文**“引用”**内容", "中文<strong>“引用”</strong>内容"),
        ("~~~a~~", "~<s>a</s>"),
        ("**Note:**text", "**Note:**text"),
    ],
)
def test_emphasis_beside_punctuation_of_chinese_japanese_and_korean(body: str, expected: str) -> None:
    assert html(body) == f"<p>{expected}</p>"


@pytest.mark.parametrize(
    "body",
    [
        "2 * 3 * 4",
        "2*3*4 and 2**3**4",
        "snake_case_name __init__.py _x",
        "f(*args, **kwargs)",
        "rm *.o *.tmp",
        "¯\\_(ツ)_/¯",
        "^_^ and ^_^, -_- -_-, *_* *_*, ;_; ._. >_< T_T o_O =_=",
        "C:\\_temp_ \\*a\\*",
        "#hashtag and # not a heading",
        "1986. A great year",
        "+ 1, and + that",
        "-5 degrees -- Ann",
        ">_< >:( >>> import this",
        "* * *",
        "---",
        "~~~ ~5 min ~~~",
        "| a | b |",
        "main.py README.md lib.rs",
        "<b>no</b> &amp; &lt;",
        "[x] [ ] a[0](1) [y](/admin) ![z](w)",
        "[a]: b",
        "10:30:45 a::b::c x:tada: :nothing_like_that: :-)",
        "/me",
        "/mean it",
        "// comment",
        "/usr/bin/env",
        "a@ @ @@ann @annabel @carol",
        "$x^2$ {{ y }} %d",
        "    four    spaces",
    ],
)
def test_what_is_not_meant_as_markup_stays_as_it_was_typed(body: str) -> None:
    assert unescape(html(body)) == f"<p>{body}</p>"


def test_text_under_a_line_of_signs_is_no_heading() -> None:
    assert html("a\n===\nb\n---") == "<p>a<br>\n===<br>\nb<br>\n---</p>"


def test_what_nests_too_deep_stays_text() -> None:
    assert html("> " * 8 + "deep").count("<blockquote>") == 6
    assert "<p>&gt; &gt; deep</p>" in html("> " * 8 + "deep")
    assert "- e" in html("\n".join("  " * depth + f"- {letter}" for depth, letter in enumerate("abcde")))


@pytest.mark.parametrize("text", ["https://bank.com", "bank.com", "*bank.com* login", "ann@bank.com"])
def test_a_link_does_not_pretend_to_lead_elsewhere(text: str) -> None:
    shown = html(f"[{text}](https://evil.org/)")
    assert link("https://evil.org/", "https://evil.org/") in shown
    assert [text for url, text in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', shown) if "evil" in url] == [
        "https://evil.org/"
    ]


# --- mentions ---


@pytest.mark.parametrize(
    ("body", "expected", "ids"),
    [
        ("hi @Ann!", f"hi {called('@Ann', ANN)}!", [ANN]),
        ("@ann lee's", f"{called('@ann lee', LEE)}'s", [LEE]),
        ("@Ann Leeds", f"{called('@Ann', ANN)} Leeds", [ANN]),
        ("@bob", called("@bob", f"{BOB} {BEN}"), [BOB, BEN]),
        ("*@ann*, (@STRAßE)", f"<em>{called('@ann', ANN)}</em>, ({called('@STRAßE', BEN)})", [ANN, BEN]),
        ("@王小明。", f"{called('@王小明', BOB)}。", [BOB]),
        ("@ann @ann", f"{called('@ann', ANN)} {called('@ann', ANN)}", [ANN]),
        ("`@ann` a@ann @annabel @carol", "<code>@ann</code> a@ann @annabel @carol", []),
    ],
)  # fmt: skip
def test_a_member_is_called_by_name(body: str, expected: str, ids: list[str]) -> None:
    assert render(body, PEOPLE)[:2] == (f"<p>{expected}</p>", ids)


@pytest.mark.parametrize(("body", "ids"), texts.MENTIONED)
def test_a_name_is_found_in_every_script_and_nobody_elses(body: str, ids: list[str]) -> None:
    wanted = mentions.candidates(body)
    everybody = {mentions.fold(name): (member_id,) for name, member_id in texts.NAMES.items()}
    people = {name: found for name, found in everybody.items() if name in wanted}
    assert render(body, people).mentions == render(body, everybody).mentions == ids


@pytest.mark.parametrize("body", ["see https://e.org", "[x](https://e.org)", "/me e.org", "> a@e.org", "- `x` e.org"])
def test_a_link_is_noticed(body: str) -> None:
    assert render(body).has_link


@pytest.mark.parametrize(
    "body",
    ["`https://e.org`", "```\nhttps://e.org\n```", '<a href="x">', "main.py", "[x](ftp://e.org)", "[x](https://)"],
)
def test_what_leads_nowhere_is_no_link(body: str) -> None:
    assert not render(body).has_link


def test_code_calls_nobody() -> None:
    assert render("```\n@ann\n```", PEOPLE).mentions == []


@given(
    st.lists(st.sampled_from(["@Ann Lee", "@ann", "@BOB", "@straße", "@王小明", "@", " ", ".", "x", "@@", "\n", "*"]))
)
def test_a_mentioned_member_was_among_the_candidates(parts: list[str]) -> None:
    body = "".join(parts)
    found = mentions.candidates(body)
    people = {name: ids for name, ids in PEOPLE.items() if name in found}
    assert render(body, people) == render(body, PEOPLE)


def test_so_many_signs_are_looked_at_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look(text: str, at: int, *rest: Any) -> Any:
        looks.append(at)
        return mention_at(text, at, *rest)

    monkeypatch.setattr(markdown_rules, "mention_at", look)
    assert render("a@e.org [" + "@é " * 60 + "@ann", PEOPLE).mentions == []
    assert len(looks) == mentions.AT_LIMIT
    assert render("a@e.org " * 60 + "[" * 9 + "@ann", PEOPLE).mentions == [ANN]


def test_nobody_calls_everybody() -> None:
    crowd = {f"m{number}": (MemberId(f"id{number}"),) for number in range(40)}
    body = " ".join(f"@m{number}" for number in range(40))
    assert len(render(body, crowd).mentions) == mentions.MENTIONS_LIMIT
    assert len(mentions.candidates("@a " * 1000)) < 1000


# --- nothing more than that ---

TAGS = (
    r"</?(p|em|strong|s|ul|blockquote|ol|pre|code)>|</(li|a|span)>|<br>|<li( value=\"\d{1,3}\")?>|<p class=\"action\">"
    rf"|<span class=\"({'|'.join(CLASSES)})\">|<span class=\"mention\" data-member=\"[a-d ]+\">"
    r"|<a( href=\"(https?://|mailto:)[^\"]*\")? target=\"_blank\" rel=\"noopener noreferrer nofollow\">"
)
MARKED = [
    *"*_~`[]()<>@:-#\n\"'&/\\!",
    *("https://", "javascript:", "```html\n", "> ", "- ", "1. ", "/me ", "@ann", ":+1:", "a", "e.org"),
]


def check(body: str) -> None:
    shown = html(body)
    for tag in re.findall(r"<[^>]*>", shown):
        assert re.fullmatch(TAGS, tag, re.IGNORECASE), tag
    assert "<" not in re.sub(r"<[^>]*>", "", shown)


AROUND = ["{}", "> {}", "- {}", "*{}*", "`{}`", "```html\n{}\n```", "/me {}", "[{}](https://e.org)", "[x]({})"]


@pytest.mark.parametrize("body", xss.PAYLOADS)
def test_nothing_in_a_message_becomes_more_than_the_markup_there_is(body: str) -> None:
    for around in AROUND:
        check(around.replace("{}", body))


@given(st.text() | st.lists(st.sampled_from(MARKED)).map("".join))
def test_no_text_becomes_more_than_the_markup_there_is(body: str) -> None:
    check(body)


# --- what it costs ---

REPEATED = [
    *("[", "]", "[]", "[a](", "![", "[[]", "[](", " [x", "*[a](x", "[https://a.co](https://b.co) ", "*", "_", "*a "),
    *(
        "***a ",
        "*a_b ",
        "**a*b ",
        "~~a ",
        "`",
        "` ``",
        "`a``",
        "> ",
        "> > > a\n",
        ">\n",
        ">\na\n",
        "> *a ",
        "- ",
        "- a\n",
        "1. a\n",
    ),
    *("- - a\n", "- *a\n", "\n", "a\n", "@", "@ann ", "@a b c d", ":", ":tada: ", ":a:", "http://a-", "http://("),
    *("a.co ", "a@b.co ", "https://a.b/(((", "<", "&", "\\", "😀", "\t", "(((", "((a"),
]
ORDINARY = ("I'll go through the *list* at https://example.com/notes, and tell @ann what `x` was.\n" * 50)[:BODY_LIMIT]
IN_CODE = ["\n", "  \n", "a", "a ", "a.b", "a:", "(", '"', "'", "<", "/*", "${", "::", "0x", "1e", "\\"]


def filled(part: str) -> str:
    return (part * BODY_LIMIT)[:BODY_LIMIT]


@pytest.mark.parametrize(
    "body",
    [filled(part) for part in REPEATED]
    + ["[" * 2000 + "]" * 2000, "".join("`" * count + " " for count in range(1, 88)), "*a **b " * 300 + " b** a*" * 250]
    + ["\n".join("  " * depth + "- a" for depth in range(60))[:BODY_LIMIT]],
)
def test_the_worst_text_costs_little_and_stays_small(body: str) -> None:
    assert_costs_little_and_stays_small(body)  # The worst is 7 times an ordinary one.


# One name for each language; some have several.
@pytest.mark.parametrize(
    "language", sorted({get_lexer_by_name(name).name: name for name in sorted(LANGUAGES)}.values())
)
def test_the_worst_code_costs_little(language: str) -> None:
    for part in IN_CODE:  # The worst is 4 times an ordinary one.
        assert_costs_little_and_stays_small(f"```{language}\n{filled(part)[: BODY_LIMIT - 20]}\n```")


def assert_costs_little_and_stays_small(body: str) -> None:
    """Less than 25 times what an ordinary message of full length costs in this thread.

    What fails is measured again, right beside an ordinary one: however busy the machine is, both are slowed down.
    """
    seconds, shown = render_timed(body)
    assert len(shown) <= HTML_LIMIT
    if seconds > 25 * ordinary_seconds():
        assert min(render_timed(body)[0] / render_timed(ORDINARY)[0] for _ in range(3)) < 25


@functools.cache
def ordinary_seconds() -> float:
    return min(render_timed(ORDINARY)[0] for _ in range(5))


def render_timed(body: str) -> tuple[float, str]:
    """This thread's seconds, and the HTML."""
    begun = time.thread_time()
    shown = html(body)
    return time.thread_time() - begun, shown


def test_too_much_markup_is_shown_as_text() -> None:
    body = "a.co " * 700
    assert html(body) == f"<p>{body}</p>"


def test_shortcodes_are_those_that_are_in_use() -> None:
    assert {SHORTCODES[name] for name in ("tada", "party_popper")} == {"🎉"}


WORDS = st.text(st.sampled_from("ab1 é水я߂٣-'’.,;!?\n_:/@w"), max_size=30) | st.text(max_size=12)
PIECES = st.sampled_from(
    [
        "www",
        "example.com",
        "1.",
        "1)",
        "- ",
        "--",
        "==",
        "a_b_c",
        "(c)",
        "...",
        "http",
        "ftp",
        "mailto",
        "İ",
        "ﬁ",
        "\u00a0",
    ]
)


@examples(2_000)
@given(st.lists(WORDS | PIECES, max_size=5).map("".join))
def test_text_without_marks_is_what_the_parsers_make_of_it(body: str) -> None:
    assert render(body) == render_markdown(body)


@pytest.mark.parametrize(
    "body",
    [
        "The tide is high at noon, says the harbour master.",
        "Well-known? Yes! It's Ann’s...",
        "two\nlines",
        "Ça va, Зоя; 水は高い",
    ],
)
def test_ordinary_text_is_not_parsed(body: str, monkeypatch: pytest.MonkeyPatch) -> None:
    html = render_markdown(body).html
    monkeypatch.setattr(markdown, "render_markdown", None)
    assert render(body).html == html
