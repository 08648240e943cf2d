"""Chatty's error pages: a wrong address, an invalid request, an expired form, a server error.

They say what happened in the reader's language and link to the lobby, or to the room that was meant. They need nothing
that may have failed: no database, no session and no valid Host header.
"""

import functools
import logging
import re
import unicodedata
from http import HTTPStatus
from typing import cast

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.utils.translation import gettext_lazy as _

from chat.paths import SLUG, SLUG_LIMIT

logger = logging.getLogger(__name__)

EXPIRED_FORM = "csrf"
# A title and a text for each status.
WORDS = {
    HTTPStatus.BAD_REQUEST: (
        _("Invalid request"),
        _("The server couldn't process this request. Reload the page, or go to the lobby."),
    ),
    HTTPStatus.FORBIDDEN: (
        _("Access denied"),
        _("You don't have permission to open this page. Sign in with another account, or go to the lobby."),
    ),
    EXPIRED_FORM: (
        _("This form has expired"),
        _("Go back, reload the page and try again. Your browser must allow cookies."),
    ),
    HTTPStatus.NOT_FOUND: (
        _("Page not found"),
        _("Check the address. A room's address has up to 50 lowercase letters, numbers or hyphens."),
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        _("Something went wrong on the server"),
        _("The error was logged. Your messages are safe. Try again in a moment."),
    ),
}


# Each view has the signature that Django or its URL requires.


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, HTTPStatus.BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _page(request, HTTPStatus.FORBIDDEN)


def forged(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answers a form without a valid CSRF token. Django has logged it."""
    return _page(request, HTTPStatus.FORBIDDEN, EXPIRED_FORM)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answers unknown addresses, and addresses below /chatty/ that aren't a room's.

    The latter have their own URL pattern, so that this page is shown in development, too, instead of Django's.
    """
    return _page(request, HTTPStatus.NOT_FOUND, room=room_meant(request.path_info))


def server_error(request: HttpRequest) -> HttpResponse:
    return _page(request, HTTPStatus.INTERNAL_SERVER_ERROR)


def room_meant(path: str) -> str:
    """The room's address that a wrong one resembles: `team-a` for `/chatty/Team_A`. Empty if there is none."""
    found = re.search(r"/chatty/([^/]+)/?$", path, re.IGNORECASE)
    if not found or SLUG.fullmatch(found[1]):
        return ""  # The latter is right, but its room can't be entered.
    plain = unicodedata.normalize("NFKD", found[1][: 4 * SLUG_LIMIT]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:SLUG_LIMIT].strip("-")


def _page(request: HttpRequest, status: HTTPStatus, words: str | None = None, room: str = "") -> HttpResponse:
    try:
        language = translation.get_language_from_request(request)  # The failure may have been before the middleware.
        text, kind = _rendered(status, words or status, language, room), "text/html"
    except Exception:  # As a last resort, plain text without a template.
        logger.exception("The page for %d can't be made", status)
        language, text, kind = "en", f"{status.value} {status.phrase}\n", "text/plain"
    response = HttpResponse(text, status=status, content_type=f"{kind}; charset=utf-8")
    response.headers["Content-Language"] = language
    patch_cache_control(response, no_cache=True)
    patch_vary_headers(response, ("Accept-Language", "Cookie"))
    with_policy = csp_update({"require-trusted-types-for": ["'script'"], "trusted-types": ["'none'"]})
    return cast(HttpResponse, with_policy(lambda _: response)(request))


@functools.lru_cache(maxsize=256)
def _rendered(status: HTTPStatus, words: str | HTTPStatus, language: str, room: str) -> str:
    """The page. Cached, because strangers request many wrong addresses."""
    with translation.override(language):
        title, text = WORDS[words]
        return render_to_string(
            "chat/error.html", {"title": title, "text": text, "status": status.value, "meant": room}
        )
