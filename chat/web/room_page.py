"""The room's page, rendered once for each language and kept in memory: a request costs a copy of it.

Rooms differ in their address alone, so the page is kept in pieces between which the address goes. The pieces are
kept compressed as well, in a form that can be joined: what memory this takes depends on the number of languages only.
"""

import functools
import hashlib
import zlib
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from chat.build import current_build
from chat.content.emoji import emoji_names
from chat.paths import SLUG_LIMIT
from chat.protocol.constants import (
    BODY_LIMIT,
    MODERATION_REASON_LIMIT,
    NAME_LIMIT,
    QUERY_LIMIT,
    TITLE_LIMIT,
    TOPIC_LIMIT,
)
from chat.web.page_files import page_files

_ROOM = "0room-address0"  # Stands for the room's address while the page is rendered; in no text of the page.
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # Deflate, no name, no time.
_DEFLATE_END = b"\x03\x00"  # An empty last block.


class Page(NamedTuple):
    """A page in one language. `pieces` have the room's address between them; `digest` names this version."""

    pieces: tuple[bytes, ...]
    deflated: tuple[bytes, ...]
    digest: str

    def body(self, slug: str) -> bytes:
        return slug.encode().join(self.pieces)

    def gzipped(self, slug: str) -> bytes:
        """The body as gzip has it, of pieces that were compressed before."""
        body = self.body(slug)
        tail = zlib.crc32(body).to_bytes(4, "little") + (len(body) & 0xFFFFFFFF).to_bytes(4, "little")
        return _GZIP_HEAD + _deflated(slug.encode(), level=0).join(self.deflated) + _DEFLATE_END + tail


def current_page() -> Page:
    """The page in the active language."""
    language = translation.get_language() or settings.LANGUAGE_CODE
    return _page.__wrapped__(language) if settings.DEBUG else _page(language)


@functools.cache  # One for each of settings.LANGUAGES.
def _page(language: str) -> Page:
    context = {
        "room": _ROOM,
        "build": current_build(),
        "body_limit": BODY_LIMIT,
        "name_limit": NAME_LIMIT,
        "reason_limit": MODERATION_REASON_LIMIT,
        "query_limit": QUERY_LIMIT,
        "title_limit": TITLE_LIMIT,
        "topic_limit": TOPIC_LIMIT,
        "slug_limit": SLUG_LIMIT,
        "language_cookie": settings.LANGUAGE_COOKIE_NAME,
        "files": page_files(),
        "emoji_names": emoji_names(),
    }
    with translation.override(language):
        rendered = render_to_string("chat/room.html", context).encode()
    pieces = tuple(rendered.split(_ROOM.encode()))
    digest = hashlib.sha256(rendered).hexdigest()[:16]
    return Page(pieces, tuple(_deflated(piece, level=9) for piece in pieces), digest)


def _deflated(data: bytes, level: int) -> bytes:
    """A part of a deflate stream that ends at a whole byte and refers to nothing before it."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
