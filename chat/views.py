"""The page, the identity, and two questions that a load balancer asks."""

import asyncio
import math
from collections.abc import Awaitable

from csp.decorators import csp_update
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_cache_control
from django.views.decorators.cache import never_cache
from django.views.decorators.http import conditional_page, require_safe
from django.views.decorators.vary import vary_on_cookie

from . import identity
from .addresses import client_network, request_address
from .build import current_build
from .emoji_names import emoji_names
from .hubs import current_hubs
from .limits import current_limiter
from .log import LogUnavailable
from .presence import PresenceUnavailable
from .protocol import BODY_LIMIT, MODERATION_REASON_LIMIT, NAME_LIMIT, QUERY_LIMIT, TITLE_LIMIT, TOPIC_LIMIT
from .routes import DEFAULT_ROOM, SLUG_LIMIT, socket_url
from .scripts import page_scripts

READY_SECONDS = 3  # A database or Redis that takes longer is not ready.


# No script of the page may make nodes of a string but lib/safe-html.js, nor name a worker's script but
# lib/worker-url.js: the two policies are theirs.
@csp_update({"require-trusted-types-for": ["'script'"], "trusted-types": ["chatty-messages", "chatty-worker"]})
@require_safe
@conditional_page
@vary_on_cookie  # Of cookies it knows one, the language that was chosen; LocaleMiddleware adds Accept-Language.
def room(request: HttpRequest, slug: str = DEFAULT_ROOM) -> HttpResponse:
    """A room's page. In one language it is the same for everybody and holds nothing personal: any cache may keep it."""
    context = {
        "room": slug,
        "build": current_build(),
        "body_limit": BODY_LIMIT,
        "name_limit": NAME_LIMIT,
        "reason_limit": MODERATION_REASON_LIMIT,
        "query_limit": QUERY_LIMIT,
        "title_limit": TITLE_LIMIT,
        "topic_limit": TOPIC_LIMIT,
        "slug_limit": SLUG_LIMIT,
        "language_cookie": settings.LANGUAGE_COOKIE_NAME,
        "scripts": page_scripts(),
        "emoji_names": emoji_names(),
    }
    response = render(request, "chat/room.html", context)
    if settings.PAGE_MAX_AGE:
        patch_cache_control(response, public=True, max_age=settings.PAGE_MAX_AGE)
    else:
        patch_cache_control(response, no_cache=True)
    return response


@require_safe
@never_cache
async def user_info(request: HttpRequest) -> JsonResponse:
    """Who the visitor is, and where the socket is: `{"uuid", "token", "socketURL"}`.

    With `Authorization: Bearer <token>`, of a token that still holds, the same member again, else a new one: of those
    an address gets only so many, then 429 with the time to wait.
    """
    _kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        member_id = identity.verify(token.strip(), settings.TOKEN_MAX_AGE_DAYS)
    except identity.BadToken:
        if wait := current_limiter().issue(client_network(request_address(request))):
            seconds = math.ceil(wait)
            refusal = {"code": "rate_limited", "retry_after": seconds}
            return JsonResponse(refusal, status=429, headers={"Retry-After": str(seconds)})
        member_id = identity.new_member_id()
    token = identity.issue(member_id)
    return JsonResponse({"uuid": member_id, "token": token, "socketURL": socket_url(request)})


@require_safe
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """The process lives."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> JsonResponse:
    """Whether the database and Redis answer: 200, or 503 with what doesn't."""
    hubs = current_hubs()
    database, redis = await asyncio.gather(_state(hubs.log.ping()), _state(hubs.presence.ping()))
    parts = {"database": database, "redis": redis if settings.REDIS_URLS else "not used"}
    is_ready = database == redis == "ok"
    return JsonResponse({"status": "ok" if is_ready else "unavailable", **parts}, status=200 if is_ready else 503)


async def _state(ping: Awaitable[None]) -> str:
    try:
        async with asyncio.timeout(READY_SECONDS):
            await ping
    except (LogUnavailable, PresenceUnavailable, TimeoutError):
        return "unavailable"
    return "ok"
