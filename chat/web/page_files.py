"""The scripts and stylesheets that the room's page names: a bundle of them where there is one, else each by itself.

Production has the bundle where `collectstatic` found the bundler (chatty_project/bundle.py). Nothing else differs: the
bundle is made of the same files.
"""

import functools
import posixpath
import re
from typing import NamedTuple

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage

ENTRY = "chat/js/app/main.js"
# In the order in which the page has them; the first says which layer wins.
STYLES = (
    "chat/css/layers.css",
    "chat/css/tokens.css",
    "chat/css/base.css",
    "chat/css/shell/layout.css",
    "chat/css/shell/sidebar.css",
    "chat/css/timeline/messages.css",
    "chat/css/timeline/markup.css",
    "chat/css/composer/composer.css",
    "chat/css/composer/suggest.css",
    "chat/css/shell/dialog.css",
    "chat/css/shell/notices.css",
    "chat/css/filters/filter.css",
    "chat/css/moderation/moderation.css",
    "chat/css/search/search.css",
    "chat/css/messages/changes.css",
    "chat/css/rooms/rooms.css",
    "chat/css/messages/reactions.css",
)
IMPORTED_STYLE = "bootstrap/css/bootstrap.min.css"  # By the first of them; browsers learn of it too late.
BUNDLED_ENTRY = "chat/bundle/page.js"
BUNDLED_STYLES = "chat/bundle/page.css"
_IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+)["'];""", re.MULTILINE)


class PageFiles(NamedTuple):
    """Static files by their names. `scripts` and `imported_styles` are fetched early; `entry` is one of `scripts`."""

    entry: str
    scripts: tuple[str, ...]
    styles: tuple[str, ...]
    imported_styles: tuple[str, ...]


def page_files() -> PageFiles:
    """What the page needs, from the files that this server serves."""
    return _find() if settings.DEBUG else _found_once()


@functools.cache
def _found_once() -> PageFiles:
    return _find()


def _find() -> PageFiles:
    # What `collectstatic` made, in the storages that keep a list of it.
    if BUNDLED_ENTRY in getattr(staticfiles_storage, "hashed_files", ()):
        return PageFiles(BUNDLED_ENTRY, (BUNDLED_ENTRY,), (BUNDLED_STYLES,), ())
    return PageFiles(ENTRY, _follow_imports(), STYLES, (IMPORTED_STYLE,))


def _follow_imports() -> tuple[str, ...]:
    """`main.js`, what it imports, what that imports, ...: browsers find each only through its importer."""
    found = [ENTRY]
    for script in found:  # It grows meanwhile.
        path = finders.find(script)
        if path is None:
            raise FileNotFoundError(f"Expected {script} among the static files, for a script imports it")
        with open(path, encoding="utf-8") as file:
            targets = [
                posixpath.normpath(f"{posixpath.dirname(script)}/{target}") for target in _IMPORT.findall(file.read())
            ]
        found += [target for target in dict.fromkeys(targets) if target not in found]
    return tuple(found)
