"""Django's system checks of the application's settings."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error

from chat.conf import KEYS


def check_settings(**_: Any) -> list[CheckMessage]:
    """Checks the dict `CHATTY`: chat.E001 is no dict, chat.E002 a key that isn't known, chat.E003 a wrong value."""
    values = getattr(settings, "CHATTY", {})
    if not isinstance(values, dict):
        return [Error(f"CHATTY is {values!r}; expected a dict.", id="chat.E001")]
    problems: list[CheckMessage] = []
    for name, value in values.items():
        if (key := KEYS.get(name)) is None:
            hint = f"The keys are {', '.join(KEYS)}."
            problems.append(Error(f"CHATTY has no key {name!r}.", hint=hint, id="chat.E002"))
        elif not key.accepts(value):
            problems.append(Error(f"CHATTY[{name!r}] is {value!r}; expected {key.expected}.", id="chat.E003"))
    return problems
