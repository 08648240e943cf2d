"""From a message's body to safe HTML, once, on the server, when it is posted.

Text stays text; line breaks are kept; links can be clicked. markdown-it-py reads, nh3 (ammonia) sanitises what comes
out of it, so that a mistake in one of them is not yet a hole.
"""

import nh3
from markdown_it import MarkdownIt

_TAGS = {"a", "br", "p"}
_SCHEMES = {"http", "https", "mailto"}
_reader = MarkdownIt("zero", {"html": False, "linkify": True, "breaks": True}).enable(["linkify", "newline"])
if _reader.linkify is not None:  # Never None here: what would be cut off below needn't look like a link at all.
    _reader.linkify.add("ftp:", None).add("//", None)
_cleaner = nh3.Cleaner(
    tags=_TAGS,
    attributes={"a": {"href"}},
    url_schemes=_SCHEMES,
    url_relative="deny",  # "//example.com" would be one, and what it means depends on the page.
    link_rel="noopener noreferrer nofollow",
    set_tag_attribute_values={"a": {"target": "_blank"}},  # A click must not end the conversation.
)


def render(body: str) -> str:
    """`body` as HTML that can be put into a page as it is."""
    return _cleaner.clean(_reader.render(body)).strip()
