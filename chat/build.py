"""The build of the page that this server serves. An open page of an older build learns that a newer one exists."""

import functools
import hashlib
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.loader import get_template


@functools.cache
def current_build() -> str:
    """A short name that is the same on every server of a deployment and changes with the page.

    It follows the templates, their translations and, where static files are hashed, those; in development they are
    not, and a changed script is seen by reloading, as everywhere.
    """
    digest = hashlib.sha256(getattr(staticfiles_storage, "manifest_hash", "").encode())
    page: Any = get_template("chat/room.html")
    templates = Path(page.origin.name).parent
    own = Path(apps.get_app_config("chat").path) / "locale"  # Of the installed package.
    translations = [(Path(folder), "*.mo") for folder in (*settings.LOCALE_PATHS, own)]
    for folder, pattern in ((templates, "*.html"), (templates, "*.js"), *translations):
        for file in sorted(folder.rglob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
