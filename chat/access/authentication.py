"""The functions for `CHATTY["AUTHENTICATE"]`, which identify a client before its token is read.

The setting names a function that takes a socket's ASGI scope or a Django request. It returns the Person, with their
account if they moderate. For a guest it returns None: then the token identifies the member, and the session shows
whether they moderate. It runs on a thread and may wait for the database. Joins wait for it.
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

_ACCOUNTS = uuid.UUID("7e0b1d0c-6f0e-4a57-9a5e-4c1d3b6f2a90")  # The namespace of accounts' member ids. Never change it.


def guest(asked: Asked) -> Person | None:
    """Treats everybody as a guest."""
    return None


def account(asked: Asked) -> Person | None:
    """The member of a signed-in user of the host, with the account's name. None for guests."""
    session = session_of(asked)
    user = None if session is None else account_of(session)
    return None if user is None else person_for(user, session or "")


def person_for(user: Any, session: str = "") -> Person:
    """The member that an account of the host is. `session`: the key that it is signed in with."""
    return Person(member_id(user), name=screen_name(user), moderator=moderator(user, session), account=str(user.pk))


def authenticate(asked: Asked) -> Person | None:
    """Calls AUTHENTICATE. Call it on a thread, and only if `must_look_up`."""
    return _function()(asked)


def visitor(request: Any) -> Person | None:
    """The member that the visitor of a host's page is. None for guests. The session is read once for a request."""
    if _function() is not account:
        return authenticate(request)
    user = getattr(request, "user", None)
    return person_for(user) if user is not None and user.is_authenticated else None


def must_look_up(asked: Asked) -> bool:
    """Whether `authenticate` is needed. Without a session, the functions here find nobody."""
    function = _function()
    return function is not guest and (function is not account or session_of(asked) is not None)


def may_name() -> bool:
    """Whether the host may know a visitor's name. Then the page waits for the identity before it asks for one."""
    return _function() is not guest


def _function() -> Callable[[Asked], Person | None]:
    function: Callable[[Asked], Person | None] = import_string(chatty.AUTHENTICATE)
    return function


def member_id(user: Any) -> MemberId:
    """The member id of an account. It never changes."""
    return MemberId(str(uuid.uuid5(_ACCOUNTS, f"{user._meta.label_lower} {user.pk}")))


def screen_name(user: Any) -> str:
    """The account's full name or user name, whichever is a valid screen name first."""
    full_name = user.get_full_name() if hasattr(user, "get_full_name") else ""
    for name in (full_name, user.get_username()):
        try:
            return clean_name(name[:NAME_LIMIT])
        except Refusal:  # It is empty, or has characters that a screen name can't have.
            continue
    return f"Member {user.pk}"[:NAME_LIMIT]
