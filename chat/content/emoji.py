"""Names of the picker's emoji in the page's language, for its search."""

import functools
import re

import emoji
from django.contrib.staticfiles import finders
from django.utils import translation

from chat.content.markdown_rules import SHORTCODES

_SCRIPT = "chat/js/kit/shortcodes.js"  # The page's list of them, with a shortcode each.
_ENTRY = re.compile(r"(\S+)\s+(\S+)")


def emoji_names() -> str:
    """A line for each emoji: the emoji, then its names in the page's language and in English, separated by `|`."""
    return _names((translation.get_language() or "en").partition("-")[0])


@functools.cache
def _names(language: str) -> str:
    if language in emoji.LANGUAGES:
        emoji.config.load_language(language)
    return "\n".join(f"{character} {'|'.join(_named(character, language))}" for character in _offered())


@functools.cache
def _offered() -> tuple[str, ...]:
    path = finders.find(_SCRIPT)
    if path is None:
        raise FileNotFoundError(f"Expected {_SCRIPT} among the static files")
    with open(path, encoding="utf-8") as file:
        found = _ENTRY.findall(file.read())
    return tuple(character for name, character in found if SHORTCODES.get(name) == character)


def _named(character: str, language: str) -> list[str]:
    data = emoji.EMOJI_DATA[character]
    names = (data.get(language, data["en"]), data["en"], *data.get("alias", ()))
    return list(dict.fromkeys(name.strip(":").replace("_", " ") for name in names))
