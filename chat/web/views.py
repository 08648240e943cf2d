"""The page, the identity and the two health checks."""

import asyncio
import math

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.cache import never_cache
from django.views.decorators.http import conditional_page, require_safe
from django.views.decorators.vary import vary_on_cookie, vary_on_headers
from msgspec import UNSET

from chat.access import host_tokens, identity_cookie, policy, tokens
from chat.access.client_address import client_network, request_address
from chat.access.person import ANYBODY, Person
from chat.access.rate_limits import current_limiter
from chat.conf import chatty
from chat.log.reader import LogUnavailable
from chat.log.turns import Asker
from chat.paths import DEFAULT_ROOM, http_url, socket_url
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId
from chat.rooms.registry import current_registry
from chat.sessions.identification import authenticated
from chat.web import error_pages
from chat.web.answers import Identity, Liveness, NotNow, Readiness, WrongToken, fields_of
from chat.web.compression import takes_gzip
from chat.web.embedding import let_frame
from chat.web.headers import security_policy
from chat.web.room_page import current_page

RETRY_SECONDS = 2  # The Retry-After while the database is away.


# Trusted Types: only kit/safe-html.js may make nodes from a string, and only shell/worker-url.js may name a worker's
# script. Each has its policy.
@security_policy({"require-trusted-types-for": ["'script'"], "trusted-types": ["chatty-messages", "chatty-worker"]})
@require_safe
@conditional_page
@vary_on_cookie  # It reads one cookie, the chosen language. LocaleMiddleware adds Accept-Language.
async def room(request: HttpRequest, slug: str = DEFAULT_ROOM) -> HttpResponse:
    """A room's page. Per language it is the same for everybody, so any cache may keep it.

    `?lang` is the language that a page around it has chosen. The page reads the rest of the query itself.
    """
    if not policy.can_read(ANYBODY, slug):
        return error_pages.not_found(request)
    language = request.GET.get("lang")
    if language not in dict(settings.LANGUAGES):
        language = None
    page = current_page(language)
    is_gzipped = takes_gzip(request)
    response = HttpResponse(page.gzipped(slug) if is_gzipped else page.body(slug))
    let_frame(request, response)
    if language is not None:
        response["Content-Language"] = language
    response["ETag"] = f'W/"{page.digest}-{slug}"'
    if is_gzipped:
        response["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    if chatty.PAGE_MAX_AGE:
        patch_cache_control(response, public=True, max_age=chatty.PAGE_MAX_AGE)
    else:
        patch_cache_control(response, no_cache=True)
    return response


@require_safe
def lower_case(request: HttpRequest, slug: str | None = None) -> HttpResponse:
    """Redirects an address with capitals to the room's. Keeps the query, such as a filter."""
    address = reverse("chat:chatty") if slug is None else reverse("chat:room", kwargs={"slug": slug.lower()})
    query = request.META["QUERY_STRING"]
    return HttpResponseRedirect(f"{address}?{query}" if query else address)


@require_safe
@never_cache
@vary_on_headers("Authorization", "Cookie")
async def user_info(request: HttpRequest) -> JsonResponse:
    """The visitor's identity and the rooms' addresses: `{"uuid", "token", "socketURL", "httpURL"}`.

    A cookie also has the token.

    If a site's JWT or AUTHENTICATE identifies the visitor, the answer has its `name` and sets no cookie. A guest with a
    valid token is the same member again: by `Authorization: Bearer`, otherwise by the cookie. Without one, the guest is
    a new member. Each address gets a limited number of these, then 429 with the time to wait. 401 for a wrong JWT, 503
    if the identity can't be looked up.
    """
    bearer = _bearer(request)
    if host_tokens.is_host_token(bearer):
        return await _embedded_info(request, bearer)
    network = client_network(request_address(request))
    try:
        person = await authenticated(current_registry(), request, Asker(network, ""))
        if person is not None:
            return await _host_info(request, person)
        known = await _known_member(request)
    except (LogUnavailable, Refusal):
        return _refuse(503, "unavailable", RETRY_SECONDS)
    if known is None:
        if wait := current_limiter().issue(network):
            return _refuse(429, "rate_limited", math.ceil(wait))
        known = tokens.Claims(tokens.new_member_id())
    token = tokens.issue(known.member_id, known.generation, name=known.name, is_bot=known.is_bot, rooms=known.rooms)
    if known.is_bot:  # A program keeps its token itself: a browser must not become a bot.
        return _identity(request, known.member_id, token, known.name)
    response = _identity(request, known.member_id, token)
    identity_cookie.write_token(request, response, token)
    return response


async def _host_info(request: HttpRequest, person: Person) -> JsonResponse:
    """The answer for a person whom the host has identified."""
    generation = await current_registry().generation_of(person.id)
    token = tokens.issue(person.id, generation, is_hosts=True, name=person.name, account=person.account)
    return _identity(request, person.id, token, person.name)


async def _embedded_info(request: HttpRequest, host_token: str) -> JsonResponse:
    """The answer for a person whom another site has identified."""
    try:
        claims = await asyncio.to_thread(host_tokens.verify, host_token)
        generation = await current_registry().generation_of(claims.member_id)
    except tokens.BadToken as error:
        headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
        return JsonResponse(fields_of(WrongToken("bad_token", str(error))), status=401, headers=headers)
    except LogUnavailable:
        return _refuse(503, "unavailable", RETRY_SECONDS)
    token = tokens.issue(
        claims.member_id, generation, is_hosts=True, name=claims.name, rooms=claims.rooms, key=claims.key
    )
    return _identity(request, claims.member_id, token, claims.name)


def _identity(request: HttpRequest, member_id: MemberId, token: str, name: str | None = None) -> JsonResponse:
    return JsonResponse(
        fields_of(Identity(member_id, token, socket_url(request), http_url(request), UNSET if name is None else name))
    )


async def _known_member(request: HttpRequest) -> tokens.Claims | None:
    """The guest of the first valid token. Tokens of the host's members don't count: the host must identify them again.

    The page's own token comes first, because its tabs have joined with it. The answer's cookie then has the same one.
    """
    for token in (_bearer(request), identity_cookie.read_token(request)):
        try:
            claims = await current_registry().identify(token)
        except tokens.BadToken:
            continue
        if not claims.is_hosts:
            return claims
    return None


def _bearer(request: HttpRequest) -> str:
    _kind, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip()


def _refuse(status: int, code: str, seconds: int) -> JsonResponse:
    return JsonResponse(fields_of(NotNow(code, seconds)), status=status, headers={"Retry-After": str(seconds)})


@require_safe
@never_cache
async def healthz(request: HttpRequest) -> JsonResponse:
    """Answers 200 while the process runs."""
    return JsonResponse(fields_of(Liveness()))


@require_safe
@never_cache
async def readyz(request: HttpRequest) -> JsonResponse:
    """Whether this process can accept posts: 200, or 503 with a description of the problems.

    If only some of several Redis servers fail, it answers 200 with the description. All processes see the same failure,
    so a load balancer would otherwise take all of them out, though only some rooms are slower: posts come by the log.
    """
    report = await current_registry().readiness.report()
    failing = "degraded" if all(problem.is_partial for problem in report.redis) else "unavailable"
    readiness = Readiness(
        status="ok" if not report.problems else "degraded" if report.is_ready else "unavailable",
        database="unavailable" if report.database else "ok",
        redis="not used" if not chatty.REDIS_URLS else failing if report.redis else "ok",
        problems=[problem.words for problem in report.problems] or UNSET,
    )
    return JsonResponse(fields_of(readiness), status=503 if readiness.status == "unavailable" else 200)
