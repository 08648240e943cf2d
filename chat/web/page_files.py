"""The scripts and stylesheets that the room's page loads: a bundle if there is one, otherwise each file.

Production has the bundle if `collectstatic` found the bundler (chatty_project/bundle.py). The bundle is made of the
same files, so nothing else differs.
"""

import functools
import posixpath
import re
from typing import NamedTuple

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import HashedFilesMixin, staticfiles_storage

ENTRY = "chat/js/app/main.js"
# In the page's order. The first one defines the order of layers.
STYLES = (
    "chat/css/layers.css",
    "chat/css/tokens.css",
    "chat/css/base.css",
    "chat/css/controls.css",
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
    "chat/css/embed/embed.css",
)
# Imported by the first one. Browsers find that too late.
IMPORTED_STYLE = "chat/bootstrap/css/bootstrap-reboot.min.css"
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
    """The page's files, from the static files of this server."""
    return _find() if settings.DEBUG else _found_once()


@functools.cache
def _found_once() -> PageFiles:
    return _find()


def _find() -> PageFiles:
    # Files made by `collectstatic`, in storages with a list of them.
    if BUNDLED_ENTRY in getattr(staticfiles_storage, "hashed_files", ()):
        return PageFiles(BUNDLED_ENTRY, (BUNDLED_ENTRY,), (BUNDLED_STYLES,), ())
    scripts = (ENTRY,) if imports_keep_their_names() else _follow_imports()
    return PageFiles(ENTRY, scripts, STYLES, (IMPORTED_STYLE,))


def imports_keep_their_names() -> bool:
    """Whether the storage gives files hashed names, but not in scripts' imports. They then load the unhashed files."""
    if not isinstance(staticfiles_storage, HashedFilesMixin):
        return False
    return not staticfiles_storage.support_js_module_import_aggregation


def _follow_imports() -> tuple[str, ...]:
    """`main.js` and all modules that it imports, also indirectly. Browsers find each only through its importer."""
    found = [ENTRY]
    for script in found:  # The list grows in the loop.
        path = finders.find(script)
        if path is None:
            raise FileNotFoundError(f"Expected {script} among the static files, for a script imports it")
        with open(path, encoding="utf-8") as file:
            targets = [
                posixpath.normpath(f"{posixpath.dirname(script)}/{target}") for target in _IMPORT.findall(file.read())
            ]
        found += [target for target in dict.fromkeys(targets) if target not in found]
    return tuple(found)
