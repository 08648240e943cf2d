"""`POST hooks/<secret>`: an incoming webhook. What programs send to one of Slack becomes a message of its room."""

import math
from io import BytesIO
from time import perf_counter
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import msgspec
from django.core.exceptions import SuspiciousOperation
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from chat.access.client_address import client_address, client_network
from chat.access.person import Person
from chat.access.rate_limits import Admission, current_limiter
from chat.conf import chatty
from chat.content import slack, validation
from chat.log.turns import Asker
from chat.moderation import hooks
from chat.protocol.commands import Post
from chat.protocol.constants import NAME_LIMIT
from chat.protocol.errors import Refusal, RefusalCode
from chat.protocol.events import Refused
from chat.rooms.registry import NotAdmitted, current_registry
from chat.sessions.session import ClientSession
from chat.transports.http import HttpConsumer
from chat.transports.http_connections import Collected
from chat.transports.http_requests import RETRY_SECONDS, Receive, Request, Send, joined_payloads, status_of, under_way

PAYLOAD_BYTES = 64 * 1024  # Slack takes 40,000 characters of text. The worst take 30 ms to convert.
FIELDS_LIMIT = 20  # Of a form.
LOCKED_SECONDS = 60  # After which a sender may try again in a room that is locked.

_decoder = msgspec.json.Decoder(list[Refused])


class HookRequest(Request):
    """A request of a program that expects Slack's answers: plain text."""

    def __init__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.secret: str = scope["url_route"]["kwargs"].get("secret", "")

    async def refuse(self, refusal: Refusal, status: int | None = None, **headers: str) -> None:
        retry_after = refusal.retry_after
        status = status or status_of(refusal.code)
        if refusal.code is RefusalCode.LOCKED:  # It may be open again, and nothing should get lost meanwhile.
            status, retry_after = 503, LOCKED_SECONDS
        if status in (429, 503):
            headers["retry_after"] = str(max(1, math.ceil(retry_after or RETRY_SECONDS)))
        await self.answer_text(status, refusal.detail, **headers)

    async def answer_text(self, status: int, text: str, **headers: str) -> None:
        payload = text.encode()
        await self.start(status, "text/plain; charset=utf-8", content_length=str(len(payload)), **headers)
        await self.send({"type": "http.response.body", "body": payload})


class HookConsumer(HttpConsumer):
    methods = ("POST",)
    request_class = HookRequest

    async def handle(self, request: Request) -> None:
        assert isinstance(request, HookRequest)
        network = client_network(client_address(request.scope))
        with under_way(network):
            hook = await current_registry().log.read(hooks.find, request.secret, asker=Asker(network, ""))
            if hook is None:
                raise no_such_hook()
            if (body := await request.body(PAYLOAD_BYTES)) is None:
                return
            began_at = perf_counter()
            text, username = message_of(request.header(b"content-type"), body)
            current_limiter().charge_cpu(network, perf_counter() - began_at)
            request.watch()
            await self._post(request, hook, text, _name(username) or hook.name)

    async def _post(self, request: HookRequest, hook: hooks.FoundHook, text: str, name: str) -> None:
        """Posts as any member does, under the hook's own limits."""
        answers = Collected(chatty.UNSENT_LIMIT)
        session = ClientSession(hook.room, answers, client_address(request.scope), request.scope, Admission.UNCOUNTED)
        person = Person(hook.id, name, is_bot=True, rooms=frozenset({hook.room}))
        try:
            async with session.visit_as(person):
                # Nobody goes on through a hook of theirs after a ban.
                if hook.made_by is not None and not current_registry().can_join(Person(hook.made_by), hook.room):
                    raise no_such_hook()
                await session.perform([Post(nonce=uuid4(), body=text)], answers, request.gone)
        except NotAdmitted:
            raise no_such_hook() from None
        payload = joined_payloads(answers.frames)
        if payload.startswith(b'[{"type":"refused"'):
            refused = _decoder.decode(payload)[0]
            retry_after = refused.retry_after if isinstance(refused.retry_after, int | float) else None
            raise Refusal(refused.code, refused.detail, retry_after=retry_after)
        await request.answer_text(200, "ok")


def message_of(content_type: str, body: bytes) -> tuple[str, str]:
    """The text of a request, in Chatty's Markdown, and the name that its sender wants; empty for none.

    Raises:
        Refusal: `bad_frame`, it can't be read; `body_empty`, there is nothing to show.
    """
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = _multipart_field(content_type, body) if kind == "multipart/form-data" else body.decode()
    except UnicodeDecodeError:
        raise Refusal(RefusalCode.BAD_FRAME, "Expected UTF-8.") from None
    if kind == "text/plain":
        return slack.fitting(text), ""
    if kind == "application/x-www-form-urlencoded" and not text.lstrip().startswith("{"):
        text = _form_field(text)
    try:
        payload = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refusal(RefusalCode.BAD_FRAME, f"Expected JSON: {error}") from None
    if not isinstance(payload, dict):
        raise Refusal(RefusalCode.BAD_FRAME, "Expected a JSON object.")
    username = payload.get("username")
    return slack.body_of(payload), username if isinstance(username, str) else ""


def _form_field(text: str) -> str:
    try:
        fields = parse_qs(text, max_num_fields=FIELDS_LIMIT, errors="strict")
    except ValueError:
        fields = {}
    if "payload" not in fields:
        raise _no_payload()
    return fields["payload"][0]


def _multipart_field(content_type: str, body: bytes) -> str:
    headers = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": len(body)}
    try:
        fields, _ = MultiPartParser(headers, BytesIO(body), [], "utf-8").parse()  # No handler: files are passed over.
    except (MultiPartParserError, SuspiciousOperation, ValueError, LookupError):  # Malformed, or too many fields.
        raise _no_payload() from None
    if "payload" not in fields:
        raise _no_payload()
    return str(fields["payload"])


def _no_payload() -> Refusal:
    return Refusal(RefusalCode.BAD_FRAME, "Expected the form field `payload`, or JSON.")


def _name(username: str) -> str:
    """The name as far as it can be a screen name; empty if it can't."""
    try:
        return validation.clean_name(username[:NAME_LIMIT])
    except Refusal:
        return ""


def no_such_hook() -> Refusal:
    """The same for a secret that never was and for one that was revoked."""
    return Refusal(RefusalCode.NO_SUCH_ROOM, "no_service")
