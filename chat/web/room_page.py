"""The room's page, rendered once for each language and kept in memory. A request copies it.

Rooms' pages differ only in the address, so the page is kept in pieces, and the address is inserted between them. The
pieces are also kept compressed, in a form that can be joined. So the memory depends on the number of languages only.
"""

import functools
import hashlib
import zlib
from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from chat.access import authentication
from chat.build import current_build
from chat.content.emoji import emoji_names
from chat.paths import DEFAULT_ROOM, SLUG_LIMIT
from chat.protocol.constants import (
    BODY_LIMIT,
    MODERATION_REASON_LIMIT,
    NAME_LIMIT,
    QUERY_LIMIT,
    TITLE_LIMIT,
    TOPIC_LIMIT,
)
from chat.web.page_files import page_files

_ROOM = "0room-address0"  # Marks the room's address in the rendered page. The page's texts don't contain it.
_GZIP_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"  # Deflate, no name, no time.
_DEFLATE_END = b"\x03\x00"  # An empty last block.


class Page(NamedTuple):
    """A page in one language. The room's address goes between the `pieces`. `digest` identifies this version."""

    pieces: tuple[bytes, ...]
    deflated: tuple[bytes, ...]
    digest: str

    def body(self, slug: str) -> bytes:
        return slug.encode().join(self.pieces)

    def gzipped(self, slug: str) -> bytes:
        """The gzipped body, made of the compressed pieces."""
        body = self.body(slug)
        tail = zlib.crc32(body).to_bytes(4, "little") + (len(body) & 0xFFFFFFFF).to_bytes(4, "little")
        return _GZIP_HEAD + _deflated(slug.encode(), level=0).join(self.deflated) + _DEFLATE_END + tail


def current_page(language: str | None = None) -> Page:
    """The page in this language of settings.LANGUAGES, or in the active one."""
    language = language or translation.get_language() or settings.LANGUAGE_CODE
    return _page.__wrapped__(language) if settings.DEBUG else _page(language)


@functools.cache  # One for each of settings.LANGUAGES.
def _page(language: str) -> Page:
    context = {
        "room": _ROOM,
        "home_room": DEFAULT_ROOM,
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
        "may_be_named": authentication.may_name(),
    }
    with translation.override(language):
        rendered = render_to_string("chat/room.html", context).encode()
    pieces = tuple(rendered.split(_ROOM.encode()))
    digest = hashlib.sha256(rendered).hexdigest()[:16]
    return Page(pieces, tuple(_deflated(piece, level=9) for piece in pieces), digest)


def _deflated(data: bytes, level: int) -> bytes:
    """A part of a deflate stream that ends at a byte boundary and refers to no earlier data."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush(zlib.Z_FULL_FLUSH)
