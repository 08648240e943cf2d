"""Accounts of the host: which one a session is signed in with, found without writing, and whether it moderates.

All of it waits for the database, save `session_of`.

Django's own `get_user` gives the session another id when SECRET_KEY has changed and the old key is a fallback. Over a
socket nobody can set the cookie for that, so the second look would find nobody; and two requests of one page at once
would sign each other out. Here the session keeps its id, and a page of /admin renews what is signed in it.
"""

import re
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model, load_backend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.http.cookie import parse_cookie
from django.utils.crypto import constant_time_compare
from django.utils.functional import SimpleLazyObject

from chat.access.person import Moderator

PERMISSION = "chat.moderate_room"
ROOM_DELETION_PERMISSION = "chat.delete_room"
Asked = Mapping[str, Any] | HttpRequest  # A socket's ASGI scope, or a request to Django.

_SESSION_KEY = re.compile(r"[a-z0-9]{32}")  # As Django makes them. Anything else isn't worth a look at the database.


def session_of(asked: Asked) -> str | None:
    """The session that a cookie names: of somebody who has signed in. Guests have none."""
    if isinstance(asked, HttpRequest):
        session = asked.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        return session if _SESSION_KEY.fullmatch(session) else None
    for name, value in asked.get("headers", ()):
        if name == b"cookie":
            session = parse_cookie(value.decode("latin-1")).get(settings.SESSION_COOKIE_NAME, "")
            if _SESSION_KEY.fullmatch(session):
                return session
    return None


def account_of(session: str) -> User | None:
    """The account that is signed in with the session of this key, wherever the host keeps its sessions."""
    store: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(session)
    return user_of(store)


def moderator(user: Any, session: str = "") -> Moderator | None:
    """The account as a moderator, if it is active staff and may moderate."""
    if user is None or not (user.is_active and user.is_staff and user.has_perm(PERMISSION)):
        return None
    return Moderator(user.pk, user.get_username(), session, user.has_perm(ROOM_DELETION_PERMISSION))


def moderator_of(session: str) -> Moderator | None:
    """The moderator who is signed in with this session."""
    return moderator(account_of(session), session)


def moderator_now(known: Moderator) -> Moderator | None:
    """The moderator with the rights that the account has now; None where it may not moderate any more."""
    if known.session:
        return moderator_of(known.session)
    return moderator(get_user_model()._default_manager.filter(pk=known.id).first())


def user_of(session: SessionBase) -> User | None:
    """The account that the session is signed in with; None for nobody, an inactive account or a changed password."""
    try:
        user_id = get_user_model()._meta.pk.to_python(session[SESSION_KEY])
        backend_path = session[BACKEND_SESSION_KEY]
        known: str = session[HASH_SESSION_KEY]
    except KeyError:
        return None
    if backend_path not in settings.AUTHENTICATION_BACKENDS:
        return None
    user: User | None = load_backend(backend_path).get_user(user_id)
    if user is None:
        return None
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return user if any(constant_time_compare(known, one) for one in hashes) else None


class SignInMiddleware(AuthenticationMiddleware):
    """Sets `request.user`. A page that asks for it signs its session with today's key."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user_of_request(request))  # type: ignore[assignment]
        request.auser = partial(sync_to_async(_user_of_request), request)  # type: ignore[assignment]


def _user_of_request(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    if not hasattr(request, "_cached_user"):
        user = user_of(request.session)
        if user is not None and request.session[HASH_SESSION_KEY] != (now := user.get_session_auth_hash()):
            request.session[HASH_SESSION_KEY] = now  # Saved with the answer, under the same id.
        request._cached_user = user or AnonymousUser()  # type: ignore[attr-defined]
    return request._cached_user  # type: ignore[attr-defined,no-any-return]
