"""Which build of the page this server serves: a page left open learns from it that a newer one is out."""

import functools
import hashlib

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage


@functools.cache
def current_build() -> str:
    """A short name that is the same on every server of a deployment, and another one when the page changes.

    It follows the templates, their translations and, where static files are hashed, those; in development they are
    not, and a changed script is seen by reloading, as everywhere.
    """
    digest = hashlib.sha256(getattr(staticfiles_storage, "manifest_hash", "").encode())
    for folder, pattern in (("templates", "*.html"), ("templates", "*.js"), ("locale", "*.mo")):
        for file in sorted((settings.BASE_DIR / folder).rglob(pattern)):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
