"""`{% load chatty %}`: a room, or a number of unread messages, in a page of the host's."""

import logging
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from chat import api
from chat.access import authentication
from chat.paths import SLUG

register = template.Library()
logger = logging.getLogger(__name__)

REM_PIXELS = 16
SHOWN_LIMIT = 99  # UNREAD_LIMIT is one more: past it nobody counts.
_HEIGHT = re.compile(r"(\d{1,4}(?:\.\d{1,3})?)(px|rem|%)?")


@register.simple_tag
def chatty_room(
    room: str,
    *,
    height: str = "30rem",
    theme: str = "system",
    lang: str = "",
    header: str = "full",
    accent: str = "",
    font: str = "",
    label: str = "Chat",
) -> SafeString:
    """A frame with the room, without the list of rooms. The page that shows it needs no script and no inline style.

    `height` is in rem, px or %. The others are the attributes of `<chatty-room>`, which docs/embedding.md describes.
    """
    try:
        address = reverse("chat:room", kwargs={"slug": room})
    except NoReverseMatch:
        raise template.TemplateSyntaxError(
            f"chatty_room got {room!r}; expected a room's address: 1 to 50 characters of a-z, 0-9 and hyphens"
        ) from None
    looks = {
        "embed": "1",
        "theme": theme,
        "lang": lang or get_language() or "",
        "header": header,
        "accent": accent,
        "font": font,
    }
    query = urlencode({name: value for name, value in looks.items() if value})
    return format_html(
        '<iframe class="chatty-room" src="{}?{}" title="{}" width="100%" height="{}" frameborder="0" '
        'allow="clipboard-write"></iframe>',
        address,
        query,
        label,
        _attribute(height),
    )


def _attribute(height: str) -> str:
    """The height as the attribute of a frame has it: a strict Content-Security-Policy forbids the attribute `style`."""
    found = _HEIGHT.fullmatch(str(height))
    if found is None:
        raise template.TemplateSyntaxError(f'chatty_room got height="{height}"; expected such as 30rem, 480px or 100%')
    if found[2] == "%":
        return found[0]
    return str(round(float(found[1]) * (REM_PIXELS if found[2] == "rem" else 1)))


@register.simple_tag(takes_context=True)
def chatty_unread(
    context: template.Context, room: str = "", *, counts: Mapping[str, api.UnreadRoom] | None = None
) -> SafeString:
    """A badge with the signed-in user's unread messages in this room, or in all rooms that they visited.

    Empty for guests, and if all is read. The page shows the number of its own time. `counts`: what `api.unread_counts`
    returned to a view, so that a list of many rooms needs one count.
    """
    if room and not SLUG.fullmatch(room):
        raise template.TemplateSyntaxError(f"chatty_unread got {room!r}; expected a room's address, or none")
    if counts is None:
        counts = _counts(context.get("request"), room)
    unread = sum(found.unread for slug, found in counts.items() if room in ("", slug))
    if not unread:
        return SafeString("")
    number = str(unread) if unread <= SHOWN_LIMIT else f"{SHOWN_LIMIT}+"
    label = gettext("Unread messages: {count}").format(count=number)
    # As an image it has a text of its own, for which no stylesheet must hide anything.
    return format_html('<span class="chatty-unread" role="img" aria-label="{}">{}</span>', label, number)


def _counts(request: Any, room: str) -> Mapping[str, api.UnreadRoom]:
    """The visitor's counts. A badge that is twice on a page is counted once."""
    if request is None:  # An e-mail, or an error page.
        return {}
    known: dict[str, Mapping[str, api.UnreadRoom]] = request.__dict__.setdefault("_chatty_unread", {})
    if room not in known:
        person = authentication.visitor(request)
        try:
            known[room] = {} if person is None else api.unread_counts(person, [room] if room else None)
        except api.Unavailable as error:
            logger.warning("A page shows no unread messages: %s", error)
            known[room] = {}
    return known[room]
