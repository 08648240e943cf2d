"""Reads a session's account without writing to the session, and whether the account moderates.

All functions but `session_of` wait for the database.

Django's own `get_user` gives the session a new id when SECRET_KEY has changed and the old key is a fallback. A socket
can't set the cookie for that, so the next look would find nobody, and two simultaneous requests of one page would sign
each other out. Here the session keeps its id, and a page of /admin renews its signature.
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

_SESSION_KEY = re.compile(r"[a-z0-9]{32}")  # The format of Django's keys. Others aren't looked up.


def session_of(asked: Asked) -> str | None:
    """The session key in the cookie of a signed-in user. None for guests."""
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
    """The account that is signed in with this session key, with any session backend of the host."""
    store: SessionBase = import_module(settings.SESSION_ENGINE).SessionStore(session)
    return user_of(store)


def moderator(user: Any, session: str = "") -> Moderator | None:
    """The account as a moderator. None unless it is active staff and may moderate."""
    if user is None or not (user.is_active and user.is_staff and user.has_perm(PERMISSION)):
        return None
    return Moderator(user.pk, user.get_username(), session, user.has_perm(ROOM_DELETION_PERMISSION))


def moderator_of(session: str) -> Moderator | None:
    """The moderator who is signed in with this session."""
    return moderator(account_of(session), session)


def moderator_now(known: Moderator) -> Moderator | None:
    """The moderator with the account's current rights. None if it may no longer moderate."""
    if known.session:
        return moderator_of(known.session)
    return moderator(get_user_model()._default_manager.filter(pk=known.id).first())


def user_of(session: SessionBase) -> User | None:
    """The session's account. None if there is none, it is inactive, or its password has changed."""
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
    """Sets `request.user`. A page that uses it signs its session with the current key."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _user_of_request(request))  # type: ignore[assignment]
        request.auser = partial(sync_to_async(_user_of_request), request)  # type: ignore[assignment]


def _user_of_request(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    if not hasattr(request, "_cached_user"):
        user = user_of(request.session)
        if user is not None and request.session[HASH_SESSION_KEY] != (now := user.get_session_auth_hash()):
            request.session[HASH_SESSION_KEY] = now  # Saved with the response, under the same id.
        request._cached_user = user or AnonymousUser()  # type: ignore[attr-defined]
    return request._cached_user  # type: ignore[attr-defined,no-any-return]
