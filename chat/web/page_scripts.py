"""The page's scripts, for `modulepreload`: otherwise browsers find each one only through its importer."""

import functools
import posixpath
import re

from django.conf import settings
from django.contrib.staticfiles import finders

ENTRY = "chat/js/app/main.js"
_IMPORT = re.compile(r"""^(?:import|export)\b[^;"']*["'](\.[^"']+)["'];""", re.MULTILINE)


def page_scripts() -> tuple[str, ...]:
    """The static files of the modules that the page is made of: `main.js`, what it imports, what that imports, ..."""
    return _follow_imports() if settings.DEBUG else _followed_once()


@functools.cache
def _followed_once() -> tuple[str, ...]:
    return _follow_imports()


def _follow_imports() -> tuple[str, ...]:
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
