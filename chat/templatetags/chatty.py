"""`{% load chatty %}`: a room in a page of the host's."""

import re
from urllib.parse import urlencode

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

register = template.Library()

REM_PIXELS = 16
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
