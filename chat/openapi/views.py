"""`GET api/openapi.json`: the description of the HTTP API."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from chat.openapi.description import JSON, encoded

MAX_AGE_SECONDS = 300  # An upgrade is seen soon; with the ETag, asking again costs a 304.


@require_safe
@conditional_page
@cache_control(public=True, max_age=MAX_AGE_SECONDS)
def description(request: HttpRequest) -> HttpResponse:
    """The same for everybody."""
    body, etag = encoded()
    return HttpResponse(body, content_type=JSON, headers={"ETag": etag})
