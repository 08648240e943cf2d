"""The HTTP consumers: a room's events as a stream or by polls, and commands by requests."""

import asyncio
import random
from contextlib import suppress
from typing import Any
from uuid import uuid4

from channels.consumer import AsyncConsumer

from chat.access import tokens
from chat.access.client_address import client_address, client_network
from chat.access.rate_limits import FLOOD_SECONDS, Admission
from chat.conf import chatty
from chat.log.reader import LogUnavailable, RoomGone
from chat.log.turns import Asker
from chat.paths import SLUG
from chat.protocol import codec
from chat.protocol.commands import Command, Join
from chat.protocol.errors import CloseCode, Refusal, RefusalCode
from chat.rooms.registry import NotAdmitted, current_registry
from chat.rooms.send_buffers import current_send_buffers
from chat.sessions.address_turns import current_turns
from chat.sessions.session import ClientSession, Question
from chat.transports.extensions import HTTP_EXTENSION, RawRequest
from chat.transports.http_connections import Collected, Outbox, PollOutbox, RawStream, StreamOutbox
from chat.transports.http_relay import Unreached, current_relay
from chat.transports.http_requests import (
    RETRY_SECONDS,
    CommandsQuery,
    EventsQuery,
    LeaveQuery,
    Receive,
    Request,
    Send,
    joined_payloads,
    refusal_of_close,
    status_of_close,
    under_way,
)
from chat.transports.http_sessions import Key, PollSession, current_sessions

REQUEST_SECONDS = 0.000_5  # What a request costs besides its commands, which are charged apart.
PACE_SECONDS = 1  # The wait of a request too many; its client sends no other on this connection meanwhile.
FLUSH_SECONDS = 2  # What a reader hasn't taken of an ended stream by then, it resumes.
RECONNECT_SPREAD_SECONDS = 3  # Clients of a server that stops come back over this long, not all at once.


class HttpConsumer(AsyncConsumer):  # type: ignore[misc]
    """One request. It has no channel, as `ChatConsumer` has none."""

    methods: tuple[str, ...] = ("GET",)
    request_class = Request
    request: Request

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        request = self.request = self.request_class(scope, receive, send)
        try:
            await self._pay()
            if scope["method"] not in self.methods:
                refusal = Refusal(RefusalCode.BAD_FRAME, f"Expected {self.methods[0]}; got {scope['method']}.")
                await self._refuse(refusal, 405, allow=", ".join((*self.methods, "OPTIONS")))
                return
            await self.handle(request)
        except Refusal as refusal:
            await self._refuse(refusal)
        except tokens.BadToken:
            await self._refuse(refusal_of_close(CloseCode.BAD_TOKEN), www_authenticate="Bearer")
        except NotAdmitted as refused:
            await self._refuse(refusal_of_close(refused.code))
        except (LogUnavailable, RoomGone):
            detail = "The database can't be reached. Try again."
            await self._refuse(Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=RETRY_SECONDS))
        except TimeoutError:
            await self._refuse(Refusal(RefusalCode.BAD_FRAME, "The body came too slowly."), 408)
        finally:
            request.close()

    async def _pay(self) -> None:
        """Charges the request to its address, once that isn't in debt.

        Raises:
            Refusal: it has waited for too long, or too many wait.
        """
        try:
            await current_turns().pay(Asker(client_network(client_address(self.request.scope)), ""), REQUEST_SECONDS)
        except Refusal:
            await asyncio.sleep(PACE_SECONDS)
            raise

    async def _refuse(self, refusal: Refusal, status: int | None = None, **headers: str) -> None:
        """Answers what is no request of a member's."""
        await self.request.refuse(refusal, status, **headers)

    async def handle(self, request: Request) -> None:
        raise NotImplementedError


class EventsConsumer(HttpConsumer):
    """`GET events`: a stream of server-sent events, or with `poll=1` the answer to one poll. `DELETE`: ends one."""

    methods = ("GET", "DELETE")

    async def handle(self, request: Request) -> None:
        if request.scope["method"] == "DELETE":
            await self._leave(request)
        else:
            await self._follow(request)

    async def _leave(self, request: Request) -> None:
        """Ends a session at once, wherever it is. A proxy may hide from its process that the client has gone."""
        query = request.query(LeaveQuery)
        claims = await current_registry().identify(request.token)
        key = Key(request.slug, claims.member_id, query.session)
        with under_way(client_network(client_address(request.scope))):
            if (found := current_sessions().find(key)) is not None:
                found.close()
            else:
                await current_relay().leave(key)
        await request.answer_nothing()

    async def _follow(self, request: Request) -> None:
        query = request.query(EventsQuery)
        since = query.since_or(request.header(b"last-event-id"))
        claims = await current_registry().identify(request.token)
        key = Key(request.slug, claims.member_id, query.session or uuid4())
        raw: RawRequest | None = request.scope.get("extensions", {}).get(HTTP_EXTENSION)
        if raw is not None:
            raw.notice_silence()
        request.watch()
        reached = None if since is None else (since.log, since.version)
        found = current_sessions().find(key) if query.poll else None
        if isinstance(found, PollSession) and not found.is_behind(reached):
            await self._poll(request, found, raw, query.wait)
            return
        relay = current_relay()
        if query.poll and query.session is not None:
            try:
                await self._answer_if_there(request, await relay.poll(key, reached, request.gone, query.wait))
                return
            except Unreached:  # It begins, or begins anew.
                pass
        outbox = _open_connection(raw, is_poll=query.poll)
        session = ClientSession(request.slug, outbox, client_address(request.scope), request.scope)
        try:
            join = Join(token=request.token, name=query.name or "", v=query.v, since=since, away=query.away)
            has_joined = await self._enter(request, session, outbox, join, is_listed=query.name is not None)
            if has_joined and query.session is not None:
                await relay.claim(key)
            if has_joined and isinstance(outbox, PollOutbox):
                poll = current_sessions().add_poll(key, session, outbox)
                await request.answer(200, poll.take_first())
                if query.session is not None:
                    poll.wait_for_poll(request.gone)
                    return
            elif has_joined:
                assert not isinstance(outbox, PollOutbox)
                current_sessions().add_stream(key, session, outbox, query.alive)
                await self._stream(request, outbox, raw)
        except BaseException:
            current_sessions().close(key, session)
            raise
        current_sessions().close(key, session)  # One that didn't join, a stream's, or one that no poll can name.

    async def _enter(
        self, request: Request, session: ClientSession, outbox: Outbox | RawStream, join: Join, *, is_listed: bool
    ) -> bool:
        """Joins the room, or answers why not. Whether it has joined."""
        if not session.is_admitted:
            raise Refusal(RefusalCode.RATE_LIMITED, "Too many connections.", retry_after=FLOOD_SECONDS)
        session.start()
        hub = await session.enter(join, is_listed=is_listed) if outbox.is_open else None
        if hub is not None:
            return True
        payload = joined_payloads(outbox.take())
        if outbox.close_code is None:  # A refusal, such as one of the name.
            await request.answer_lone(payload)
        else:
            await request.answer(status_of_close(outbox.close_code), payload, FLOOD_SECONDS)
        return False

    async def _stream(self, request: Request, stream: RawStream | StreamOutbox, raw: RawRequest | None) -> None:
        """Sends what comes until the client goes, or the server has said `bye`."""
        if raw is not None:
            raw.when_stopping = lambda: stream.end(CloseCode.RESTARTING, _spread())
        try:
            await request.start(200, "text/event-stream", x_accel_buffering="no")
            if isinstance(stream, RawStream):
                await self._write_raw(request, stream)
            else:
                await self._write_queued(request, stream)
        finally:
            if raw is not None:
                raw.when_stopping = None

    async def _write_raw(self, request: Request, stream: RawStream) -> None:
        stream.begin()
        await asyncio.wait({stream.ended, request.gone}, return_when=asyncio.FIRST_COMPLETED)
        with suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await request.send({"type": "http.response.body", "body": b""})
                return
        stream.drop()  # A slow reader. It resumes.

    async def _write_queued(self, request: Request, outbox: StreamOutbox) -> None:
        writing = asyncio.create_task(self._write(request, outbox))
        ends: set[asyncio.Future[Any]] = {writing, outbox.too_slow, request.gone}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            writing.cancel()

    async def _write(self, request: Request, outbox: StreamOutbox) -> None:
        while True:
            await outbox.wait()
            while (frame := outbox.take_next()) is not None:
                await request.send({"type": "http.response.body", "body": frame.server_sent, "more_body": True})
                outbox.sent(frame)
            if not outbox.is_open:
                await request.send({"type": "http.response.body", "body": b""})
                return

    async def _poll(self, request: Request, session: PollSession, raw: RawRequest | None, wait: int) -> None:
        if raw is not None:
            raw.when_stopping = lambda: session.restart(_spread())
        try:
            payload = await session.poll(request.gone, wait)
        finally:
            if raw is not None:
                raw.when_stopping = None
        await self._answer_if_there(request, payload)

    async def _answer_if_there(self, request: Request, payload: bytes | None) -> None:
        if payload is not None:
            await request.answer(200, payload)


class CommandsConsumer(HttpConsumer):
    """`POST commands`: carries out commands, for the member of an open stream or for the token's member."""

    methods = ("POST",)

    async def handle(self, request: Request) -> None:
        query = request.query(CommandsQuery)
        if not SLUG.fullmatch(request.slug):
            raise refusal_of_close(CloseCode.NO_SUCH_ROOM)
        claims = await current_registry().identify(request.token)
        with under_way(client_network(client_address(request.scope))):
            if (body := await request.body()) is None:
                return
            commands = codec.decode_commands(body)
            key = None if query.session is None else Key(request.slug, claims.member_id, query.session)
            if len(commands) != 1 or isinstance(commands[0], Question):  # A lone change is carried out in any case.
                request.watch()
            payload = await self._perform(request, body, commands, key, query.name)
        if payload is None:
            return
        if len(commands) == 1:
            await request.answer_lone(payload)
        else:
            await request.answer(200, payload)

    async def _perform(
        self, request: Request, body: bytes, commands: list[Command | Refusal], key: Key | None, name: str | None
    ) -> bytes | None:
        """What answers the commands: here, or at the process that has the session. None where the client has gone."""
        answers = Collected(chatty.UNSENT_LIMIT)
        if key is not None:
            if (found := current_sessions().find(key)) is not None:
                found.note_request()
                await found.session.perform(commands, answers, request.gone)
                return joined_payloads(answers.frames)
            request.watch()
            try:
                return await current_relay().commands(key, body, request.gone)
            except Unreached:
                pass
        session = ClientSession(
            request.slug, answers, client_address(request.scope), request.scope, Admission.UNCOUNTED
        )
        async with session.visit(request.token, name):
            await session.perform(commands, answers, request.gone)
        return joined_payloads(answers.frames)


def _open_connection(raw: RawRequest | None, *, is_poll: bool) -> PollOutbox | RawStream | StreamOutbox:
    limit, note = chatty.UNSENT_LIMIT, current_send_buffers().note
    if is_poll:
        return PollOutbox(limit, note)
    return StreamOutbox(limit, note) if raw is None else RawStream(raw, limit, note)


def _spread() -> float:
    return round(random.uniform(0, RECONNECT_SPREAD_SECONDS), 2)
