"""Django's middleware, without its detours through a thread.

Under ASGI, Django runs each half of its own middleware on a thread: about twenty changes of thread for a request,
though most of them only read headers. Here, middleware that doesn't wait runs on the event loop. Middleware that reads
the database (sessions, accounts, messages) still runs on a thread, and only at /admin, where users sign in.
"""

from typing import Any
from urllib.parse import unquote

from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.common import CommonMiddleware
from django.middleware.csrf import CsrfViewMiddleware
from django.middleware.locale import LocaleMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.deprecation import MiddlewareMixin

from chat.access.accounts import SignInMiddleware
from chat.paths import is_admin


class OnTheLoop:
    """A mixin for middleware that doesn't wait. It runs on the event loop."""

    async def __acall__(self: Any, request: HttpRequest) -> Any:
        response = self.process_request(request) if hasattr(self, "process_request") else None
        response = response or await self.get_response(request)
        return self.process_response(request, response) if hasattr(self, "process_response") else response


class AtAdmin:
    """A mixin for middleware that only /admin needs. Other pages skip it."""

    def __call__(self: Any, request: HttpRequest) -> Any:
        return super().__call__(request) if is_admin(request.path_info) else self.get_response(request)  # type: ignore[misc]


class Security(OnTheLoop, SecurityMiddleware):
    pass


class Locale(OnTheLoop, LocaleMiddleware):
    pass


class Common(OnTheLoop, CommonMiddleware):
    pass


class Clickjacking(OnTheLoop, XFrameOptionsMiddleware):
    pass


class Csrf(OnTheLoop, CsrfViewMiddleware):
    async def process_view(self, *arguments: Any) -> Any:  # type: ignore[override]
        """The same as Django's, as a coroutine, so that Django calls it on the loop."""
        return super().process_view(*arguments)


class NoNul(OnTheLoop, MiddlewareMixin):
    """Refuses a NUL in addresses and cookies of /admin: PostgreSQL can't look it up. Forms check their own fields."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if not is_admin(request.path_info):
            return None
        given = (request.path_info, unquote(request.META.get("QUERY_STRING", "")), *request.COOKIES.values())
        if any("\0" in text for text in given):
            return HttpResponseBadRequest("Expected no NUL character in the address and the cookies.")
        return None


class Session(AtAdmin, SessionMiddleware):
    pass


class Authentication(AtAdmin, SignInMiddleware):
    pass


class Messages(AtAdmin, MessageMiddleware):
    pass
