"""The installable app: its manifest, its worker and its offline page."""

import json

from csp.decorators import csp_update
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_cookie

from chat.build import current_build

CANVAS = "#faf9f6"  # tokens.css has it as --canvas, room.html as theme-color.
# The offline page's files, which the worker keeps.
SCRIPTS = ("chat/js/shell/theme-early.js", "chat/js/shell/offline-retry.js")
STYLES = ("chat/css/tokens.css", "chat/css/shell/offline.css")
ICON = "chat/img/icon.svg"


@require_safe
@cache_control(no_cache=True)
def manifest(request: HttpRequest) -> JsonResponse:
    """The web app manifest: name, icons, and `/chatty` in its own window."""
    home = reverse("chat:chatty")
    return JsonResponse(
        {
            "id": home,
            "name": "Chatty",
            "short_name": "Chatty",
            "description": _("A chat room. Choose a name and join in."),
            "lang": get_language(),
            "dir": "rtl" if get_language_bidi() else "ltr",
            "start_url": home,
            "scope": home,
            "display": "standalone",
            "background_color": CANVAS,
            "theme_color": CANVAS,
            "icons": [
                {"src": static(ICON), "sizes": "any", "type": "image/svg+xml"},
                *(
                    {"src": static(f"chat/img/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png"}
                    for size in (192, 512)
                ),
                # Systems crop this one to their own shape, so its edges are empty.
                {
                    "src": static("chat/img/icon-maskable.png"),
                    "sizes": "512x512",
                    "type": "image/png",
                    "purpose": "maskable",
                },
            ],
        },
        content_type="application/manifest+json",
    )


@require_safe
@cache_control(no_cache=True)
@vary_on_cookie  # The cookie with the chosen language.
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker. Its path is beside `/chatty`, so that its scope includes all rooms."""
    context = {
        "cache": f"chatty-offline-{current_build()}-{get_language()}",
        "page": reverse("chat:offline"),
        "needed": json.dumps([static(path) for path in (*SCRIPTS, *STYLES, ICON)]),
    }
    return render(request, "chat/worker.js", context, content_type="text/javascript; charset=utf-8")


@csp_update({"require-trusted-types-for": ["'script'"], "trusted-types": ["'none'"]})
@require_safe
@cache_control(no_cache=True)
@vary_on_cookie
def offline(request: HttpRequest) -> HttpResponse:
    """The page that the worker shows if no other can be loaded."""
    context = {
        "scripts": [static(path) for path in SCRIPTS],
        "styles": [static(path) for path in STYLES],
        "icon": static(ICON),
    }
    return render(request, "chat/offline.html", context)
