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

# It stands alone, and an old page needs one to notice that its other files are gone.
RECOVERY = "chat/js/connection/fresh-page.js"
# What nothing else depends on. An older page may well show today's icon.
LEAVES = {".gif", ".ico", ".jpg", ".mp3", ".ogg", ".png", ".svg", ".wav", ".webp", ".woff2"}
_HASHED = re.compile(r"(?P<stem>.+)\.[0-9a-f]{12}(?P<suffix>\.[a-z0-9]+)\Z")


@require_safe
@cache_control(no_store=True)  # The answer holds until the next deployment, and nobody knows when that is.
async def missing(request: HttpRequest, path: str) -> HttpResponse:
    """Leads to the current file, where that does as well; else there is none."""
    name = without_hash(path)
    if name == RECOVERY or (name and PurePosixPath(name).suffix in LEAVES):
        try:
            return HttpResponseRedirect(static(name))
        except ValueError:  # It isn't in this build either.
            pass
    return HttpResponse("This file belongs to another build.\n", status=404, content_type="text/plain; charset=utf-8")


def without_hash(path: str) -> str:
    """The name that a file with a hash in its name was made of, or nothing."""
    found = _HASHED.fullmatch(path)
    return found["stem"] + found["suffix"] if found else ""
