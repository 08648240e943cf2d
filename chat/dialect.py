"""How Chatty's Markdown differs from CommonMark: rules for markdown-it-py.

What people type without a thought of Markdown must come out as they typed it: `2 * 3 * 4`, `f(*args)`, `__init__`,
`>_<`, `1986. A great year`, `¯\\_(ツ)_/¯`. And a line that follows a quote or a list is not part of it: whoever quotes
answers in the next line. docs/writing.md says it in the words of those who write.
"""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

import emoji
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block
from markdown_it.rules_inline import StateInline, link
from markdown_it.rules_inline.state_inline import Delimiter

from .mentions import MENTIONS_LIMIT, NOBODY, mention_at

NESTING_LIMIT = 6  # Of markdown-it's levels: three lists, or six quotes, in each other. Deeper ones stay text.
# File names are said more often than these countries' sites: `main.py` is no link, https://main.py is one.
_NO_SITES = "cc|md|mm|ps|py|rs|sh|so"

_LINK = re.compile(r"https?://|mailto:", re.IGNORECASE)
_QUOTE = re.compile(r">[ \t]|>$")  # Not `>_<`, `>:(` or `>>> import this`.
_ITEM = re.compile(r"(?:[-*]|\d{1,3}[.)])[ \t]+(?![-*](?:[ \t]|$))\S")  # Not `+`, `1986.` or `* * *`.
_FACE = re.compile(r"([^\w\s])_(?:\1|(?<=>_)<)")  # `^_^`, `-_-`, `*_*`, `>_<`: two eyes alike.
_SHORTCODES = re.compile(r"(?<![\w:])(?::[a-z0-9_+-]+:)+(?!:)")  # `:tada::tada:`, too.

BlockRule = Callable[[StateBlock, int, int, bool], bool]

SHORTCODES = {
    name.strip(":"): character
    for character, data in emoji.EMOJI_DATA.items()
    if data["status"] == emoji.STATUS["fully_qualified"]
    for name in (data["en"], *data.get("alias", ()))
}


def reader() -> MarkdownIt:
    """A Markdown reader of the dialect. Its env takes `people`, and gives `mentioned`: ids of members, once each."""
    markdown = MarkdownIt("zero", {"html": False, "linkify": True, "breaks": True})
    markdown.enable(["backticks", "blockquote", "emphasis", "fence", "link", "linkify", "list", "newline"])
    markdown.enable("strikethrough")
    markdown.validateLink = lambda url: bool(_LINK.match(url))  # type: ignore[method-assign]
    linkify = markdown.linkify
    assert linkify is not None
    linkify.tlds([*linkify.tlds_default, f"(?!(?:{_NO_SITES})\\b)(?:{linkify.tlds_2ch_src_re})"])
    linkify.add("ftp:", None).add("//", None)  # What is no link in the end needn't look like one at all.

    block, inline = markdown.block.ruler, markdown.inline.ruler
    block.at("fence", _fence, {"alt": ["paragraph", "blockquote", "list"]})
    block.at("blockquote", _quote, {"alt": ["paragraph", "blockquote", "list"]})
    block.at("list", _list, {"alt": ["paragraph", "blockquote"]})
    inline.at("newline", _newline)
    inline.at("emphasis", _emphasis)
    inline.at("link", _link)
    inline.after("link", "mention", _mention)
    inline.after("mention", "shortcode", _shortcode)
    return markdown


# --- blocks ---


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """``` only: `~~~` is how some draw a line."""
    return _line(state, start).startswith("```") and fence(state, start, end, silent)


def _quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not _QUOTE.match(_line(state, start)) or _is_too_deep(state, start, silent):
        return False
    if silent:
        return True
    last = start
    while last < end and _line(state, last).startswith(">"):
        last += 1
    return _within(blockquote, state, start, last)


def _list(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if not _ITEM.match(_line(state, start)) or _is_too_deep(state, start, silent):
        return False
    if silent:
        return list_block(state, start, end, True)
    last = start + 1
    while last < end and (
        state.isEmpty(last) or state.sCount[last] > state.blkIndent or _ITEM.match(_line(state, last))
    ):
        last += 1
    first_token = len(state.tokens)
    is_list = _within(list_block, state, start, last)
    for token in state.tokens[first_token:]:
        if token.type == "list_item_open" and token.info:
            token.attrs["value"] = int(token.info)  # The number that was typed, not the next one.
    return is_list


def _is_too_deep(state: StateBlock, line: int, silent: bool) -> bool:
    """Whether a block would nest too deep; not one that is further out, and ends what is in here (`silent`)."""
    return state.level >= NESTING_LIMIT and not (silent and state.sCount[line] < state.blkIndent)


def _within(rule: BlockRule, state: StateBlock, start: int, end: int) -> bool:
    """Carries out a rule that sees no line from `end` on: it would take it for the rest of a paragraph."""
    line_max, state.lineMax = state.lineMax, end
    try:
        return rule(state, start, end, False)
    finally:
        state.lineMax = line_max


# --- inside a line ---


def _newline(state: StateInline, silent: bool) -> bool:
    """A line break that leaves the next line as far in as it was typed: code is pasted without a fence, too."""
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.pending = state.pending.rstrip(" ")
        state.push("softbreak", "br", 0)
    state.pos += 1
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """`*` and `_` as in CommonMark, but not between two letters or digits, in faces or behind a `\\`; `__` is text."""
    start = state.pos
    marker = state.src[start]
    if silent or marker not in "*_":
        return False
    if face := _FACE.match(state.src, start if marker == "*" else max(start - 1, 0)):
        state.append_pending(state.src[start : face.end()])
        state.pos = face.end()
        return True
    scanned = state.scanDelims(start, marker == "*")
    before = state.src[start - 1] if start else " "
    after = state.src[start + scanned.length : start + scanned.length + 1] or " "
    if (marker == "_" and scanned.length > 1) or before == "\\" or (_joins(before) and _joins(after)):
        state.append_pending(marker * scanned.length)
        state.pos += scanned.length
        return True
    for _ in range(scanned.length):
        token = state.push("text", "", 0)
        token.content = marker
        state.delimiters.append(
            Delimiter(ord(marker), scanned.length, len(state.tokens) - 1, -1, scanned.can_open, scanned.can_close)
        )
    state.pos += scanned.length
    return True


def _joins(character: str) -> bool:
    """A digit, or a letter of a script that has spaces between its words. Chinese and Thai emphasise within."""
    return character.isdigit() or character.lower() != character.upper()


def _link(state: StateInline, silent: bool) -> bool:
    """`[text](url)`, unless the text is the address of another site than the link's."""
    if state.src[state.pos] != "[" or state.src[state.pos - 1 : state.pos] == "!":  # No images: an address says more.
        return False
    if state.src.find("](", state.pos) < 0:  # Or every `[` would be followed to the end.
        return False
    position, pending, count = state.pos, state.pending, len(state.tokens)
    if not link(state, silent):
        return False
    if silent or _says_where(state, count + bool(pending)):
        return True
    del state.tokens[count:], state.tokens_meta[count:]
    state.pos, state.pending = position, pending
    return False


def _says_where(state: StateInline, first: int) -> bool:
    href = str(state.tokens[first].attrs["href"])
    text = "".join(token.content for token in state.tokens[first:])
    assert state.md.linkify is not None
    return all(_host(match.url) == _host(href) for match in state.md.linkify.match(text) or ())


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _mention(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "@":
        return False
    mentioned: dict[str, None] = state.env.setdefault("mentioned", {})
    found = mention_at(state.src, state.pos, state.env.get("people", NOBODY))
    if found is None or len(mentioned) >= MENTIONS_LIMIT:
        return False
    end, ids = found
    if not silent:
        token = state.push("mention", "span", 0)
        token.content = state.src[state.pos : end]
        token.attrs = {"class": "mention", "data-member": " ".join(ids)}
        mentioned.update(dict.fromkeys(ids))
    state.pos = end
    return True


def _shortcode(state: StateInline, silent: bool) -> bool:
    """`:tada:`; `10:30:45` and `a::b::c` are no emoji."""
    found = _SHORTCODES.match(state.src, state.pos)
    names = found[0].strip(":").split("::") if found else []
    if found is None or not all(name in SHORTCODES for name in names):
        return False
    if not silent:
        state.append_pending("".join(SHORTCODES[name] for name in names))
    state.pos = found.end()
    return True
