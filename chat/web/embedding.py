"""Chatty's pages in other sites' pages: the script that makes the frames, and which sites may frame a page."""

import functools
import gzip
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.http import conditional_page, require_safe

from chat.conf import chatty
from chat.web.compression import takes_gzip

ELEMENT = "chat/js/embed/element.js"
SCRIPT_MAX_AGE_SECONDS = 600  # Its address is in other sites' pages, so it can't have a hash.


class _Script(NamedTuple):
    plain: bytes
    gzipped: bytes
    digest: str


@require_safe
@conditional_page
async def script(request: HttpRequest) -> HttpResponse:
    """`/embed.js`, which defines `<chatty-room>`. Pages of any site may load it."""
    found = _read.__wrapped__() if settings.DEBUG else _read()
    is_gzipped = takes_gzip(request)
    response = HttpResponse(found.gzipped if is_gzipped else found.plain, content_type="text/javascript; charset=utf-8")
    if is_gzipped:
        response["Content-Encoding"] = "gzip"
    response["ETag"] = f'W/"{found.digest}"'
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    patch_vary_headers(response, ["Accept-Encoding"])
    patch_cache_control(response, public=True, max_age=SCRIPT_MAX_AGE_SECONDS)
    return response


@functools.cache
def _read() -> _Script:
    path = finders.find(ELEMENT)
    if path is None:
        raise FileNotFoundError(f"Expected {ELEMENT} among the static files")
    plain = Path(path).read_bytes()
    return _Script(plain, gzip.compress(plain, mtime=0), hashlib.sha256(plain).hexdigest()[:16])


def let_frame(request: HttpRequest, response: HttpResponse) -> None:
    """Lets the sites of FRAME_ANCESTORS show this page in a frame, whatever the host says of its own pages."""
    ancestors: list[str] = list(chatty.FRAME_ANCESTORS) or ["'none'"]
    marked: Any = response
    if hasattr(request, "csp_nonce") or hasattr(request, "_csp_nonce"):  # By django-csp, or by Django 6.
        marked._csp_replace = {"frame-ancestors": ancestors}
        if policy := getattr(settings, "SECURE_CSP", None):
            marked._csp_config = {**policy, "frame-ancestors": ancestors}
    else:
        response["Content-Security-Policy"] = f"frame-ancestors {' '.join(ancestors)}"
    # The same for browsers without frame-ancestors, if one word can express it.
    if word := {"'none'": "DENY", "'self'": "SAMEORIGIN"}.get(" ".join(ancestors)):
        response["X-Frame-Options"] = word
    else:
        marked.xframe_options_exempt = True
