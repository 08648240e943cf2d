"""What programs send to an incoming webhook of Slack, as a text in Chatty's Markdown. Pure.

Slack's marks differ (`*bold*`, `~struck~`, `<url|text>`), and `&`, `<` and `>` are escaped. Of attachments and blocks
the texts and links count; colours, pictures and layout don't. Every step takes time in proportion to the text.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from chat.protocol.constants import BODY_LIMIT

_BIG = 1e20  # Python refuses to write very long numbers.
PARTS_LIMIT = 100  # Attachments, blocks and fields that are looked at, each in its list. Slack takes as many.

_HIDDEN = re.compile("[\x00-\x08\x0b-\x1f]")  # They mean nothing, and two of them stand for what is set aside here.
_BLOCK = re.compile(r"```(.*?)```", re.DOTALL)
_CODE = re.compile(r"`[^`\n]+`")
_ANGLE = re.compile(r"<([^<>\n]+)>")
_ASIDE = re.compile("\x01(\\d+)\x02")
# A mark stands at the edge of words, as Slack has it. A pair of stars is Markdown already.
_BOLD = re.compile(r"(?<![\w*])\*(?![\s*])([^*\n]*[^*\s])\*(?![\w*])")
_STRUCK = re.compile(r"(?<![\w~])~(?![\s~])([^~\n]*[^~\s])~(?![\w~])")
_QUOTE = re.compile(r"^(?:>|&gt;)[ \t]*(?![>&\s])", re.MULTILINE)
_ENTITY = re.compile(r"&(amp|lt|gt);")
_ENTITIES = {"amp": "&", "lt": "<", "gt": ">"}
_URL = re.compile(r"(?:https?://|mailto:)\S+", re.IGNORECASE)
_FENCE = re.compile(r"^```", re.MULTILINE)


class Payload(TypedDict, total=False):
    """A message, as programs send it to an incoming webhook of Slack. Other fields are ignored."""

    text: str
    username: str
    attachments: list[dict[str, Any]]
    blocks: list[dict[str, Any]]


def body_of(payload: Mapping[str, Any]) -> str:
    """The body of a message with this payload: its text, or its blocks instead, then its attachments.

    Whatever has another type than Slack says is passed over. Empty where nothing is left.
    """
    text = _text(payload.get("text"))
    written = _unescaped(text) if payload.get("mrkdwn") is False else markdown(text)
    parts = [_blocks(payload.get("blocks")) or written]
    parts += [_attachment(one) for one in _maps(payload.get("attachments"))]
    return fitting("\n\n".join(filter(None, parts)))


def fitting(body: str) -> str:
    """The body, cut with a sign that says how much is missing where it is too long for a message."""
    body = body.strip()
    if len(body) <= BODY_LIMIT:
        return body
    limit = BODY_LIMIT - 50  # For the sign, and the end of a block of code.
    kept = body[:limit].rstrip()
    if len(_FENCE.findall(kept)) % 2:
        kept += "\n```"
    return f"{kept}\n… (+{len(body) - limit:,} characters)"


def markdown(text: str) -> str:
    """Slack's mrkdwn in Chatty's Markdown."""
    aside: list[str] = []

    def keep(made: str) -> str:
        aside.append(put_back(made))
        return f"\x01{len(aside) - 1}\x02"

    def put_back(text: str) -> str:
        return _ASIDE.sub(lambda match: aside[int(match[1])], text)

    def block(match: re.Match[str]) -> str:
        code = _unescaped(_ANGLE.sub(_in_code, match[1]))
        if "\n" not in code.strip("\n"):
            return keep(f"`{code.strip()}`") if code.strip() else match[0]
        lines = code.strip("\n")
        return keep(f"\n```\n{lines}\n```\n")

    text = _BLOCK.sub(block, _HIDDEN.sub("", text))
    text = _CODE.sub(lambda match: keep(_unescaped(_ANGLE.sub(_in_code, match[0]))), text)
    text = _ANGLE.sub(lambda match: keep(_angle(match[1])), text)
    text = _QUOTE.sub("> ", text)
    text = _STRUCK.sub(r"~~\1~~", _BOLD.sub(r"**\1**", text))
    return put_back(_unescaped(text)).strip()


def _angle(inside: str) -> str:
    """What Slack writes in angle brackets: a link, or somebody or something that is meant."""
    target, _, label = inside.partition("|")
    target, label = _unescaped(target), _unescaped(label)
    match target[0]:
        case "@":
            return "@" + (label.removeprefix("@") or target[1:])
        case "#":
            return "#" + (label.removeprefix("#") or target[1:])
        case "!":
            return label or "@" + target[1:].partition("^")[0]
    return link(label, target) if _URL.fullmatch(target) else label or f"<{target}>"


def _in_code(match: re.Match[str]) -> str:
    target, _, label = match[1].partition("|")
    return label or target if _URL.fullmatch(target) else match[0]


def link(label: str, url: str) -> str:
    """A link. Brackets that could end it are replaced by others: no character of a text can be escaped."""
    label = " ".join(label.split())
    if not _URL.fullmatch(url):
        return label
    if not label or label in (url, url.removeprefix("mailto:")):
        return label or url
    if not _is_balanced(label):
        label = label.replace("[", "(").replace("]", ")")
    return f"[{label}]({url.replace('(', '%28').replace(')', '%29')})"


def _is_balanced(label: str) -> bool:
    depth = 0
    for character in label:
        depth += (character == "[") - (character == "]")
        if depth < 0:
            return False
    return depth == 0


# --- attachments and blocks ---


def _attachment(one: Mapping[str, Any]) -> str:
    """An attachment, line by line; its fallback where there is nothing else."""
    parts = [
        markdown(_text(one.get("pretext"))),
        _heading(one.get("author_name"), one.get("author_link"), str),
        _heading(one.get("title"), one.get("title_link"), _bold),
        markdown(_text(one.get("text"))),
        *(_field(field) for field in _maps(one.get("fields"))),
        _blocks(one.get("blocks")),
        _buttons(one.get("actions")),
    ]
    return "\n".join(filter(None, parts)) or markdown(_text(one.get("fallback")))


def _heading(title: object, url: object, mark: Callable[[str], str]) -> str:
    """A line of plain text, perhaps a link."""
    label = " ".join(_plain(_text(title)).split())
    return mark(link(label, _unescaped(_text(url)).strip())) if label else ""


def _plain(text: str) -> str:
    """A text that Slack shows without marks. Only links are taken out of their brackets."""
    return _unescaped(_ANGLE.sub(lambda match: match[1].rpartition("|")[2], _HIDDEN.sub("", text)))


def _bold(text: str) -> str:
    return text if "*" in text else f"**{text}**"


def _field(field: Mapping[str, Any]) -> str:
    title, value = _heading(field.get("title"), None, _bold), markdown(_text(field.get("value")))
    if not title or not value:
        return title or value
    return f"{title}\n{value}" if "\n" in value else f"{title}: {value}"


def _blocks(blocks: object) -> str:
    return "\n".join(filter(None, map(_block, _maps(blocks))))


def _block(block: Mapping[str, Any]) -> str:
    match block.get("type"):
        case "header":
            return _heading(_text_of(block.get("text")), None, _bold)
        case "section":
            fields = [_mrkdwn(field) for field in _maps(block.get("fields"))]
            return "\n".join(filter(None, [_mrkdwn(block.get("text")), *fields, _buttons([block.get("accessory")])]))
        case "context":
            return " ".join(filter(None, map(_mrkdwn, _maps(block.get("elements")))))
        case "actions":
            return _buttons(block.get("elements"))
    return ""


def _buttons(buttons: object) -> str:
    """The links of buttons; a button that isn't one can't be pressed here."""
    links = [
        link(_plain(_text_of(one.get("text"))), _unescaped(_text(one.get("url"))))
        for one in _maps(buttons)
        if one.get("url")
    ]
    return " · ".join(filter(None, links))


def _mrkdwn(composition: object) -> str:
    """A text object of a block."""
    is_plain = isinstance(composition, Mapping) and composition.get("type") == "plain_text"
    text = _text_of(composition)
    return _unescaped(text) if is_plain else markdown(text)


def _text_of(composition: object) -> str:
    """The text of a text object, or a text by itself."""
    return _text(composition.get("text") if isinstance(composition, Mapping) else composition)


def _maps(values: object) -> Iterable[Mapping[str, Any]]:
    return [one for one in values[:PARTS_LIMIT] if isinstance(one, Mapping)] if isinstance(values, list) else []


def _text(value: object) -> str:
    """Programs also send numbers."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _BIG:
        return str(value)
    return ""


def _unescaped(text: str) -> str:
    return _ENTITY.sub(lambda match: _ENTITIES[match[1]], text)
