"""Sign-in at /admin: its rate limit, and the limit on hashing passwords.

Hashing a password takes some tenths of a second of a core, for right and wrong passwords alike. Each process has one
thread for it. An attempt takes a token of its address and one of its account. A successful attempt gets them back.
Each process counts for itself.
"""

import logging
import math
import os
import secrets
import sys
import threading
import time
import unicodedata
from collections.abc import Callable
from functools import cache
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.conf import settings
from django.contrib import admin
from django.core import signing
from django.db import connections
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from chat.access.client_address import client_network, request_address
from chat.access.rate_limits import Accounts, Bucket, Rate, current_limiter
from chat.web.request_threads import LANE, RETRY_SECONDS, Thread

logger = logging.getLogger(__name__)

ADDRESS_RATE = Rate(10, 1 / 20)  # Enough for mistyped passwords. A script gets three attempts a minute.
ACCOUNT_RATE = Rate(20, 1 / 20)  # Over all addresses.
NICENESS = 5  # As the render process: a hash takes a core, but no interpreter lock, and others have the core first.
WAITING = 20  # Attempts that wait for the hashing thread: some seconds of its work.
NAME_LIMIT = 150  # Characters: the limit of accounts' names.
REFUSED_EVERY = 60  # Seconds between two log lines about refused attempts.
# A browser that has signed in to an account has its own tokens for it. Otherwise strangers could lock the owner out by
# using up the account's tokens from many addresses.
COOKIE = "chatty_signed_in"
COOKIE_AGE = 31_536_000  # Seconds: a year.
COOKIE_SALT = "chat.web.admin_sign_in"


class Tries:
    """The sign-in attempts of an address, or for an account."""

    __slots__ = ("bucket", "connections")

    def __init__(self, rate: Rate) -> None:
        self.bucket = Bucket(rate)
        self.connections = 0  # An attempt is no connection.

    def is_settled(self, now: float) -> bool:
        return not self.bucket.missing(now)


class SignIns:
    """The sign-in attempts in this process. For the event loop: nothing in it waits."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._addresses: Accounts[str, Tries] = Accounts(lambda: Tries(ADDRESS_RATE), clock)
        self._accounts: Accounts[str, Tries] = Accounts(lambda: Tries(ACCOUNT_RATE), clock)
        self._lines = Bucket(Rate(1, 1 / REFUSED_EVERY))

    def take(self, network: str, account: str) -> float:
        """Charges an attempt and returns 0, or returns the seconds until one is allowed."""
        now = self._clock()
        address = self._addresses.of(network).bucket
        if wait := address.take(1, now):
            return wait
        if wait := self._accounts.of(account).bucket.take(1, now):
            address.charge(-1, now)
        return wait

    def give_back(self, network: str, account: str) -> None:
        """Refunds an attempt that succeeded or wasn't made."""
        now = self._clock()
        self._addresses.of(network).bucket.charge(-1, now)
        self._accounts.of(account).bucket.charge(-1, now)

    def may_log_refusal(self) -> bool:
        return not self._lines.take(1, self._clock())


@cache
def current_sign_ins() -> SignIns:
    """This process's sign-in attempts."""
    return SignIns()


class Hashing:
    """The thread that hashes passwords, and the number of requests that wait for it."""

    def __init__(self) -> None:
        self.thread = Thread("sign-in", lower_priority)
        self.waiting = 0


def lower_priority() -> None:
    """Lowers this thread's priority, which only Linux can do for one thread."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


hashing = Hashing()


@never_cache
async def sign_in(request: HttpRequest) -> HttpResponseBase:
    """Django's sign-in page, with a rate limit."""
    if request.method != "POST":
        response: HttpResponseBase = await sync_to_async(admin.site.login)(request)
        return response
    address = request_address(request)
    network = client_network(address)
    name = unicodedata.normalize("NFKC", request.POST.get("username", "")[:NAME_LIMIT])
    account = _known_browser(request, name) or f"account {name}"
    if wait := current_sign_ins().take(network, account):
        if current_sign_ins().may_log_refusal():
            logger.warning("Tries to sign in at /admin are refused, there were too many: from %s", address)
        return _refusal(request, math.ceil(wait), 429)
    if hashing.waiting >= WAITING:
        current_sign_ins().give_back(network, account)
        return _refusal(request, RETRY_SECONDS, 503)
    response = await _hash_and_sign_in(request, network)
    if response.status_code == 302:
        current_sign_ins().give_back(network, account)
        _know_browser(response, name)
    else:
        logger.warning("A try to sign in at /admin failed: from %s", address)
    return response


async def _hash_and_sign_in(request: Any, network: str) -> HttpResponseBase:
    """Runs Django's view on the hashing thread, so that no other request at /admin waits."""
    if (lane := getattr(request, "scope", {}).get(LANE)) is not None:
        lane.release()
    hashing.waiting += 1
    try:
        async with ThreadSensitiveContext(executor=hashing.thread.executor):
            response, seconds = await sync_to_async(_log_in)(request)
            current_limiter().charge_cpu(network, seconds)
            return response
    finally:
        hashing.waiting -= 1


def _log_in(request: HttpRequest) -> tuple[HttpResponseBase, float]:
    """The response, and the CPU seconds that it took."""
    began_at = time.thread_time()
    try:
        response = admin.site.login(request)
        return response, time.thread_time() - began_at
    finally:
        connections.close_all()  # Seldom needed, so none is kept.


def _refusal(request: HttpRequest, seconds: int, status: int) -> HttpResponseBase:
    seconds = max(seconds, 2)  # So no language needs a singular.
    response = render(request, "chat/admin/sign_in_refused.html", {"seconds": seconds}, status=status)
    response["Retry-After"] = str(seconds)
    return response


def _known_browser(request: HttpRequest, name: str) -> str | None:
    """The key of a browser that has signed in to this account before. None for others."""
    try:
        account, browser = signing.loads(request.COOKIES.get(COOKIE, ""), salt=COOKIE_SALT, max_age=COOKIE_AGE)
    except (signing.BadSignature, ValueError):
        return None
    return f"browser {browser}" if account == name else None


def _know_browser(response: HttpResponseBase, name: str) -> None:
    response.set_cookie(
        COOKIE,
        signing.dumps([name, secrets.token_hex(8)], salt=COOKIE_SALT),
        max_age=COOKIE_AGE,
        path=reverse("admin:login"),
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
