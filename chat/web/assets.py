"""Static files of another build, which this server doesn't have.

A cached page requests the files of its own build, by names with a hash. Files that belong to a build get 404, and the
page reloads itself (fresh-page.js). Two kinds of files may come from the current build instead.
"""

import re
from pathlib import PurePosixPath

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

# It imports nothing, and an old page needs it to notice that its other files are gone.
RECOVERY = "chat/js/connection/fresh-page.js"
# Files on which no other file depends. An older page may show the current icon.
LEAVES = {".gif", ".ico", ".jpg", ".mp3", ".ogg", ".png", ".svg", ".wav", ".webp", ".woff2"}
_HASHED = re.compile(r"(?P<stem>.+)\.[0-9a-f]{12}(?P<suffix>\.[a-z0-9]+)\Z")


@require_safe
@cache_control(no_store=True)  # The answer is valid until the next deployment, at an unknown time.
async def missing(request: HttpRequest, path: str) -> HttpResponse:
    """Redirects to the current file if that can replace it. Otherwise answers 404."""
    name = without_hash(path)
    if name == RECOVERY or (name and PurePosixPath(name).suffix in LEAVES):
        try:
            return HttpResponseRedirect(static(name))
        except ValueError:  # The current build doesn't have it either.
            pass
    return HttpResponse("This file belongs to another build.\n", status=404, content_type="text/plain; charset=utf-8")


def without_hash(path: str) -> str:
    """The name without its hash. Empty if it has none."""
    found = _HASHED.fullmatch(path)
    return found["stem"] + found["suffix"] if found else ""
