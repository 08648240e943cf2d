"""Who asks, before their token is looked at: what `CHATTY["AUTHENTICATE"]` says.

It names a function of a socket's ASGI scope or a request to Django. The function returns the Person who asks, with the
account that they moderate with if they do; or None for a guest: then the token says who that is, and the session
whether they moderate. It is called on a thread and may wait for the database; joins wait for a slow one.
"""

import uuid
from collections.abc import Callable
from typing import Any

from django.utils.module_loading import import_string

from chat.access.accounts import Asked, account_of, moderator, session_of
from chat.access.person import Person
from chat.conf import chatty
from chat.content.validation import clean_name
from chat.protocol.constants import NAME_LIMIT
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId

_ACCOUNTS = uuid.UUID("7e0b1d0c-6f0e-4a57-9a5e-4c1d3b6f2a90")  # Names all accounts' member ids. It must never change.


def guest(asked: Asked) -> Person | None:
    """Everybody is a guest."""
    return None


def account(asked: Asked) -> Person | None:
    """The user of the host who is signed in is a member of that name; everybody else is a guest."""
    session = session_of(asked)
    user = None if session is None else account_of(session)
    if user is None:
        return None
    return Person(member_id(user), name=screen_name(user), moderator=moderator(user, session or ""))


def authenticate(asked: Asked) -> Person | None:
    """Who AUTHENTICATE says asks. On a thread, where `must_look_up` says so."""
    return _function()(asked)


def must_look_up(asked: Asked) -> bool:
    """Whether anything has to be looked up for it. Without a session nobody is signed in."""
    function = _function()
    return function is not guest and (function is not account or session_of(asked) is not None)


def _function() -> Callable[[Asked], Person | None]:
    function: Callable[[Asked], Person | None] = import_string(chatty.AUTHENTICATE)
    return function


def member_id(user: Any) -> MemberId:
    """The id of the member that an account is: always the same one."""
    return MemberId(str(uuid.uuid5(_ACCOUNTS, f"{user._meta.label_lower} {user.pk}")))


def screen_name(user: Any) -> str:
    """The account's full name, or its user name, as far as it can be a screen name."""
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    for name in (full_name, user.get_username()):
        try:
            return clean_name(name[:NAME_LIMIT])
        except Refusal:  # It is empty, or has characters that no screen name may have.
            continue
    return f"Member {user.pk}"[:NAME_LIMIT]
