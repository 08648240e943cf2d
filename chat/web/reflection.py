"""What a request looks like when it has come through the proxies, for `manage.py doctor`. Nobody else gets it.

The doctor signs its requests with SECRET_KEY. To others the address isn't there.
"""

from typing import Any

from django.core import signing
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.access.client_address import request_address

HEADER = "X-Chatty-Doctor"
MOST_SECONDS = 60  # For the way through the proxies, and for clocks that differ.
_SALT = "chatty.doctor"  # Separates these signatures from every other use of SECRET_KEY.


def sign() -> str:
    """The value of the header for a request of the next minute."""
    return signing.dumps("doctor", salt=_SALT)


@require_safe
@never_cache
async def reflect(request: HttpRequest) -> JsonResponse:
    """The request's host, scheme and addresses, as Chatty sees them."""
    try:
        signing.loads(request.headers.get(HEADER, ""), salt=_SALT, max_age=MOST_SECONDS)
    except signing.BadSignature:
        raise Http404 from None
    seen: dict[str, Any] = {
        "host": request.get_host(),
        "scheme": request.scheme,
        "peer": request.META.get("REMOTE_ADDR", ""),
        "client": request_address(request),
        "forwarded_for": request.headers.get("X-Forwarded-For", ""),
        "forwarded_proto": request.headers.get("X-Forwarded-Proto", ""),
    }
    return JsonResponse(seen)
