"""Renders a message's body to safe HTML. The server does so once, when it is posted.

A small, predictable part of Markdown (markdown_rules.py), syntax colours, `:shortcodes:`, `@name`, `/me`. Other text
stays plain. markdown-it-py parses and nh3 (ammonia) sanitises the result, so a mistake in one of them isn't yet a
vulnerability. The cost is limited: see HTML_LIMIT, and the measured worst cases in tests/unit/test_markdown.py.
"""

import re
from collections.abc import Sequence
from html import escape
from time import thread_time
from typing import Any, NamedTuple

import nh3
from markdown_it.renderer import RendererHTML, RendererProtocol
from markdown_it.token import Token

from chat.content.highlighting import CLASSES, highlight, prepare
from chat.content.markdown_rules import reader
from chat.content.mentions import NOBODY, People
from chat.content.search_terms import search_text
from chat.protocol.constants import BODY_LIMIT
from chat.protocol.fields import MemberId

COLOUR_SECONDS = 0.015  # For all code of one message: ordinary code of 4,000 characters takes 5 ms.
# Characters. A body of only tiny links or names would become 30 times as long.
HTML_LIMIT = 8 * BODY_LIMIT

_SHOWS = re.compile(r"(?:^|>)[^<>]*[^<>\s]")  # Matches visible text outside the tags.
LINK = '<a href="'  # Each link in the rendered HTML begins like this, and nothing else does.

# Text without anything that has a meaning in Markdown, in HTML, in links, mentions or shortcodes: words, apart by one
# space or line break, with some punctuation behind them. A line begins with a letter: a digit may begin a list.
_WORD = r"[^\W_]+(?:['\u2019-][^\W_]+)*[.,;!?]*"
_LINE = rf"(?=[^\W\d_]){_WORD}(?: {_WORD})*"
_WITHOUT_MARKS = re.compile(rf"{_LINE}(?:\n{_LINE})*")

_ACTION = re.compile(r"/me[ \t]+(?=\S)")
_SPARED = re.compile(r"/(?=/me(?:\s|$))")  # The escape: `//me` becomes the text `/me`.
_TAGS = {"a", "blockquote", "br", "code", "em", "li", "ol", "p", "pre", "s", "span", "strong", "ul"}
_SCHEMES = {"http", "https", "mailto"}
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={"*": set(), "a": {"href"}, "li": {"value"}, "span": {"data-member"}},
    allowed_classes={"p": {"action"}, "span": {"mention", *CLASSES}},
    url_schemes=_SCHEMES,
    url_relative="deny",  # For example "//example.com", whose target depends on the page.
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},  # A click must not leave the chat.
)


class Rendered(NamedTuple):
    """The data derived from a body and stored with it.

    `html` is safe in a page. `mentions`: the members whom the body mentions with `@name`. `search_text`: its words for
    the search index (`search_terms.search_text`).
    """

    html: str
    mentions: list[MemberId]
    has_link: bool = False
    search_text: str | None = None


def render(body: str, people: People = NOBODY) -> Rendered:
    """What becomes of a body. `people`: members by folded name, of whom those are called that it names."""
    if _WITHOUT_MARKS.fullmatch(body):  # Most of what is said. The parsers would make the same of it: a test compares.
        return Rendered("<p>" + body.replace("\n", "<br>\n") + "</p>", [], search_text=search_text(body))
    return render_markdown(body, people)


def render_markdown(body: str, people: People = NOBODY) -> Rendered:
    """As `render`, by the parsers, whatever the body is."""
    env: dict[str, Any] = {"people": people}
    if action := _ACTION.match(body):
        html = f'<p class="action">{_reader.renderInline(body[action.end() :].strip(), env)}</p>'
    else:
        html = _reader.render(_SPARED.sub("", body, count=1) if body.startswith("//") else body, env)
    html = _cleaner.clean(html).strip()
    if len(html) > HTML_LIMIT or not _SHOWS.search(html):  # A `>` alone would be an empty quote.
        return Rendered(_cleaner.clean(_plain(body)), [], search_text=search_text(body))
    return Rendered(html, list(env.get("mentioned", ())), LINK in html, search_text(body))


def _plain(body: str) -> str:
    return "<p>" + escape(body, quote=False).replace("\n", "<br>\n") + "</p>"


def _code_block(
    renderer: RendererProtocol, tokens: Sequence[Token], index: int, options: object, env: dict[str, Any]
) -> str:
    language, *_ = tokens[index].info.lower().split() or [""]
    prepare(language)
    until = env.setdefault("until", thread_time() + COLOUR_SECONDS)
    return f"<pre><code>{highlight(tokens[index].content, language, until)}</code></pre>\n"


def _mention(renderer: RendererHTML, tokens: Sequence[Token], index: int, options: object, env: object) -> str:
    token = tokens[index]
    return f"<span{renderer.renderAttrs(token)}>{escape(token.content, quote=False)}</span>"


_reader = reader()
_reader.add_render_rule("fence", _code_block)
_reader.add_render_rule("mention", _mention)
