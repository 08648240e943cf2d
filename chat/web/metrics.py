"""/metrics, for Prometheus. Without METRICS_TOKEN, or without the right token, it isn't there."""

import asyncio

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from chat.conf import chatty
from chat.log.reader import LogUnavailable
from chat.metrics import exposition, snapshots
from chat.metrics.sharing import WRITE_SECONDS, Sharing
from chat.protocol.errors import Refusal
from chat.rooms.registry import current_registry
from chat.webhooks.deliveries import count_by_state

_sharing = Sharing()


def share() -> None:
    """Begins to write this worker's numbers for the others, if there are metrics. Call it once, on the event loop."""
    if chatty.METRICS_TOKEN:
        current_registry().repeat(WRITE_SECONDS, _sharing.write, _sharing.remove)


@require_safe
@never_cache
async def metrics(request: HttpRequest) -> HttpResponse:
    """The numbers of all workers of this machine."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    known = chatty.METRICS_TOKEN
    if not known or kind.lower() != "bearer" or not constant_time_compare(token.strip(), known):
        raise Http404
    try:
        webhooks = await current_registry().log.read(count_by_state)
    except (LogUnavailable, Refusal):
        webhooks = {}  # The other numbers say more while the database is away.
    workers = [snapshots.take(), *await _sharing.others()]
    text = await asyncio.to_thread(exposition.text, workers, webhooks)
    return HttpResponse(text, content_type=exposition.CONTENT_TYPE)
