"""Rules for markdown-it-py: the differences between Chatty's Markdown and CommonMark.

Text that isn't meant as Markdown must stay as typed: `2 * 3 * 4`, `f(*args)`, `__init__`, `>_<`, `1986. A great year`,
`¯\\_(ツ)_/¯`. A line after a quote or a list isn't part of it, because authors answer in the next line.
docs/writing.md explains the rules to authors.
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urlsplit

import emoji
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block, paragraph
from markdown_it.rules_inline import StateInline, backtick, link
from markdown_it.rules_inline.state_inline import Delimiter

from chat.content.highlighting import is_language
from chat.content.links import Address, addresses
from chat.content.mentions import AT_LIMIT, MENTIONS_LIMIT, NOBODY, SIGNS, begins, mention_at

NESTING_LIMIT = 6  # markdown-it's levels: three nested lists, or six nested quotes. Deeper ones stay text.
_LINK = re.compile(r"https?://|mailto:", re.IGNORECASE)
_BACKTICKS = re.compile(r"`+")
_NOTHING_BETWEEN = re.compile(r"\s+(`+)")
_FENCE = re.compile(r"(`{3,}) ?(.*?)[ \t]*$")
_QUOTE = re.compile(r">{1,2}(?:[ \t]|$)")  # Not `>_<`, `>:(` or `>>> import this`.
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
    """A parser for Chatty's Markdown. Its env has `people` as input and `mentioned`, unique member ids, as output."""
    markdown = MarkdownIt("zero", {"html": False, "breaks": True})
    markdown.enable(["backticks", "blockquote", "emphasis", "fence", "link", "list", "newline", "strikethrough"])
    markdown.validateLink = lambda url: bool(_LINK.match(url))  # type: ignore[method-assign]

    block, inline = markdown.block.ruler, markdown.inline.ruler
    block.at("fence", _fence, {"alt": ["paragraph", "blockquote", "list"]})
    block.at("blockquote", _quote, {"alt": ["paragraph", "blockquote", "list"]})
    block.at("list", _list, {"alt": ["paragraph", "blockquote"]})
    block.at("paragraph", _paragraph)
    markdown.inline.add_terminator_char(SIGNS[1])
    inline.at("text", _text)
    inline.before("text", "address", _address)
    inline.at("newline", _newline)
    inline.at("backticks", _backticks)
    inline.at("strikethrough", _strikethrough)
    inline.at("emphasis", _emphasis)
    inline.at("link", _link)
    inline.after("link", "mention", _mention)
    inline.after("mention", "shortcode", _shortcode)
    return markdown


# --- blocks ---


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]


def _fence(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a block of code between lines of ```. Words after the first ``` that name no language are code, too.

    `~~~` starts no block, because people draw lines with it. An empty block stays text.
    """
    opening = _FENCE.match(_line(state, start))
    if not opening or _is_empty_fence(state, start, end, opening) or not fence(state, start, end, silent):
        return False
    if not silent and not is_language(opening[2]):
        token = state.tokens[-1]
        token.info = ""
        if opening[2]:
            token.content = f"{opening[2]}\n{token.content}"
    return True


def _is_empty_fence(state: StateBlock, start: int, end: int, opening: re.Match[str]) -> bool:
    if opening[2] and not is_language(opening[2]):
        return False
    for line in range(start + 1, end):  # Ends at the first line that isn't blank.
        if text := _line(state, line).rstrip():
            return text.startswith(opening[1]) and not text.strip("`")
    return True


def _paragraph(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a paragraph. Keeps the indentation of its first line, as of the others."""
    if not paragraph(state, start, end, silent):
        return False
    inline = state.tokens[-2]
    inline.content = state.getLines(start, state.line, state.blkIndent, False).rstrip()
    return True


def _quote(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parses a quote: lines that start with `>`. An empty quote stays text."""
    if (
        not _QUOTE.match(_line(state, start))
        or _is_too_deep(state, start, silent)
        or _quotes_nothing(state, start, end)
    ):
        return False
    if silent:
        return True
    last = start
    while last < end and _line(state, last).startswith(">"):
        last += 1
    return _within(blockquote, state, start, last)


def _quotes_nothing(state: StateBlock, start: int, end: int) -> bool:
    """Whether the lines from `start` on have only `>`. Caches the end of these lines, because each line asks again."""
    level, until = state.env.get("nothing_until", (-1, 0))
    if level == state.level and start < until:
        return True
    for line in range(start, end):
        text = _line(state, line)
        if not text.startswith(">"):
            end = line
            break
        if text.strip("> \t"):
            return False
    state.env["nothing_until"] = state.level, end
    return True


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
            token.attrs["value"] = int(token.info)  # The typed number, not the next one.
    return is_list


def _is_too_deep(state: StateBlock, line: int, silent: bool) -> bool:
    """Whether a block would be nested too deep. A block further out, which ends this one (`silent`), isn't."""
    return state.level >= NESTING_LIMIT and not (silent and state.sCount[line] < state.blkIndent)


def _within(rule: BlockRule, state: StateBlock, start: int, end: int) -> bool:
    """Runs a rule that doesn't see the lines from `end` on, which it would add to a paragraph."""
    line_max, state.lineMax = state.lineMax, end
    try:
        return rule(state, start, end, False)
    finally:
        state.lineMax = line_max


# --- inside a line ---


class _Addresses(NamedTuple):
    """The addresses of a text, by their start."""

    text: str
    starts: list[int]
    by_start: dict[int, Address]


def _addresses(state: StateInline) -> _Addresses:
    """The addresses in the text of `state`, cached for each text."""
    found: _Addresses | None = state.env.get("addresses")
    if found is None or found.text is not state.src:
        by_start = {address.start: address for address in addresses(state.src)}
        found = state.env["addresses"] = _Addresses(state.src, list(by_start), by_start)
    return found


def _address(state: StateInline, silent: bool) -> bool:
    """Turns an address into a link. Signs in it have no other meaning."""
    address = _addresses(state).by_start.get(state.pos)
    if address is None or address.end > state.posMax:
        return False
    if silent:
        pass
    elif state.linkLevel:
        state.append_pending(state.src[address.start : address.end])
    else:
        state.push("link_open", "a", 1).attrs = {"href": address.url}
        state.push("text", "", 0).content = address.shown
        state.push("link_close", "a", -1)
    state.pos = address.end
    return True


def _text(state: StateInline, silent: bool) -> bool:
    """Parses text up to the next Markdown sign or address."""
    sign = state.md.inline.terminator_re.search(state.src, state.pos)
    end = min(sign.start() if sign else state.posMax, state.posMax)
    starts = _addresses(state).starts
    following = bisect_right(starts, state.pos)
    if following < len(starts):
        end = min(end, starts[following])
    if end == state.pos:
        return False
    if not silent:
        state.append_pending(state.src[state.pos : end])
    state.pos = end
    return True


def _backticks(state: StateInline, silent: bool) -> bool:
    """Parses `code`. Backticks with nothing between them stay text."""
    run = _BACKTICKS.match(state.src, state.pos)
    if run and (nothing := _NOTHING_BETWEEN.match(state.src, run.end())) and nothing[1] == run[0]:
        if not silent:
            state.append_pending(run[0])
        state.pos = run.end()
        return True
    return backtick(state, silent)


def _newline(state: StateInline, silent: bool) -> bool:
    """Parses a line break. Keeps the next line's indentation, because people paste code without a fence."""
    if state.src[state.pos] != "\n":
        return False
    if not silent:
        state.pending = state.pending.rstrip(" ")
        state.push("softbreak", "br", 0)
    state.pos += 1
    return True


def _emphasis(state: StateInline, silent: bool) -> bool:
    """Parses `*` and `_` as in CommonMark, but not between letters or digits, in faces or after `\\`. `__` is text."""
    start = state.pos
    marker = state.src[start]
    if silent or marker not in "*_":
        return False
    if face := _FACE.match(state.src, start if marker == "*" else max(start - 1, 0)):
        state.append_pending(state.src[start : face.end()])
        state.pos = face.end()
        return True
    run = _run(state, start)
    if (marker == "_" and run.length > 1) or run.before == "\\" or (_joins(run.before) and _joins(run.after)):
        state.append_pending(marker * run.length)
        state.pos += run.length
        return True
    for _ in range(run.length):
        _push_delimiter(state, run, marker, run.length)
    state.pos += run.length
    return True


def _strikethrough(state: StateInline, silent: bool) -> bool:
    """Parses `~~`. A third `~` is text."""
    start = state.pos
    if silent or not state.src.startswith("~~", start):
        return False
    run = _run(state, start)
    if run.length % 2:
        state.push("text", "", 0).content = "~"
    for _ in range(run.length // 2):
        _push_delimiter(state, run, "~~", 0)
    state.pos += run.length
    return True


def _push_delimiter(state: StateInline, run: "_Run", marker: str, length: int) -> None:
    state.push("text", "", 0).content = marker
    state.delimiters.append(Delimiter(ord(marker[0]), length, len(state.tokens) - 1, -1, run.can_open, run.can_close))


class _Run(NamedTuple):
    """A run of the same sign, and the characters around it (a space at the text's ends)."""

    length: int
    before: str
    after: str
    can_open: bool
    can_close: bool


def _run(state: StateInline, start: int) -> _Run:
    """The run of signs at `start`, and whether it can open and close emphasis.

    It follows CommonMark's flanking rules, with an amendment for Chinese, Japanese and Korean: punctuation of these
    scripts counts as a letter, and so do their characters beside other punctuation (markdown-cjk-friendly,
    specification).
    """
    marker = state.src[start]
    end = start
    while end < state.posMax and state.src[end] == marker:
        end += 1
    before = state.src[start - 1] if start else " "
    after = state.src[end] if end < state.posMax else " "
    opens = _flanks(before, after)
    closes = _flanks(after, before)
    if marker == "_":  # Not inside a word.
        opens, closes = (
            opens and (not closes or _is_punctuation(before)),
            closes and (not opens or _is_punctuation(after)),
        )
    return _Run(end - start, before, after, opens, closes)


def _flanks(outside: str, inside: str) -> bool:
    """Whether a run may mark the text on its `inside`."""
    if inside.isspace():
        return False
    if not _is_punctuation(inside) or _is_cjk(inside):
        return True
    return outside.isspace() or _is_punctuation(outside) or _is_cjk(outside)


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def _is_cjk(character: str) -> bool:
    """Whether it is Chinese, Japanese or Korean, or their punctuation (UAX #11: wide, full or half width)."""
    return unicodedata.east_asian_width(character) in "WFH" and unicodedata.category(character) != "So"


def _joins(character: str) -> bool:
    """Whether it is a digit or a cased letter. Scripts without spaces, as Chinese and Thai, emphasise within words."""
    return character.isdigit() or character.lower() != character.upper()


def _link(state: StateInline, silent: bool) -> bool:
    """Parses `[text](url)`, unless the text is an address of another site than the URL."""
    if state.src[state.pos] != "[" or state.src[state.pos - 1 : state.pos] == "!":  # No images: an address says more.
        return False
    if state.src.find("](", state.pos) < 0:  # Otherwise every `[` would be searched to the end.
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
    return all(_host(address.url) == _host(href) for address in addresses(text))


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _mention(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in SIGNS or not begins(state.src, state.pos):
        return False
    mentioned: dict[str, None] = state.env.setdefault("mentioned", {})
    looked = state.env.setdefault("looked", {})  # Looks up each `@` once, though the parser returns to it.
    at = state.src, state.pos
    if at not in looked:
        if len(looked) >= AT_LIMIT:
            return False
        looked[at] = mention_at(state.src, state.pos, state.env.get("people", NOBODY))
    found = looked[at]
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
    """Parses `:tada:`. `10:30:45` and `a::b::c` aren't emoji."""
    found = _SHORTCODES.match(state.src, state.pos)
    names = found[0].strip(":").split("::") if found else []
    if found is None or not all(name in SHORTCODES for name in names):
        return False
    if not silent:
        state.append_pending("".join(SHORTCODES[name] for name in names))
    state.pos = found.end()
    return True
