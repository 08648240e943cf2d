"""A member's socket: commands in, refusals out. What a room is, only its hub knows."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from channels.consumer import AsyncConsumer
from django.conf import settings

from . import identity, moderating, operations, pages, protocol, rooms, texts, words
from .addresses import client_address, client_network
from .connection import Connection, Frame, open_connection
from .hub import RoomHub
from .hubs import ShutOut, current_hubs
from .limits import FLOOD_SECONDS, Admission, Bucket, Membership, Rate, current_limiter
from .log import LogUnavailable, RoomGone, Rules
from .moderating import ModeratorCommand
from .moderation import Moderator
from .operations import Operation
from .protocol import (
    FRAME_LIMIT_BYTES,
    JOIN_SECONDS,
    PROTOCOL_VERSION,
    Away,
    BanMember,
    CloseCode,
    Command,
    Delete,
    Describe,
    Edit,
    History,
    Join,
    Lock,
    Made,
    Make,
    Member,
    MemberId,
    Post,
    React,
    Refusal,
    RefusalCode,
    Rename,
    RoomNow,
    Search,
    SlowDown,
    Sync,
    Typing,
    UnbanMember,
    Watch,
)
from .routes import SLUG
from .watching import Watching

logger = logging.getLogger(__name__)

_warnings = Bucket(Rate(1, 1 / 60))  # One a minute says it.
RETRY_SECONDS = 2  # What a member is asked to wait for a database that is away: a restart takes about as long.


class ChatConsumer(AsyncConsumer):  # type: ignore[misc]
    """Decodes commands, hands them to the hub, encodes refusals. Nothing that a client sends may raise.

    It has no channel of its own: the hub is in the room's group for everybody in this process. So nothing but the
    socket is listened to, without Channels' task and queue for a channel, and without its way through the shared
    thread on each event, where it looks after database connections that this consumer doesn't have.
    """

    def __init__(self) -> None:
        self._hub: RoomHub | None = None
        self._member_id = MemberId("")
        self._network = ""
        self._session: str | None = None  # Only of a member who came in as a moderator.
        self._connection: Connection | None = None
        self._watching: Watching | None = None  # Only of a connection that has watched other rooms.
        self._join_deadline: asyncio.TimerHandle | None = None
        self._admission = Admission.GRANTED
        self._membership: Membership | None = None
        self._refusals: Bucket = current_limiter().stranger()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.base_send = scope, send
        self._connection = open_connection(scope, send, settings.UNSENT_LIMIT)
        limiter, self._network = current_limiter(), client_network(client_address(scope))
        self._admission = limiter.open_socket(self._network)
        try:
            while (message := await receive())["type"] != "websocket.disconnect":
                await self.dispatch(message)
        finally:  # However it ended: an exception or a cancelled task is no reason to keep a ghost.
            if self._join_deadline is not None:
                self._join_deadline.cancel()
            self._connection.abandon()
            if self._watching is not None:
                self._watching.forget(self._connection)
            if self._hub is not None:
                self._hub.leave(self._connection, self._member_id)
            if self._membership is not None:
                self._membership.leave()
            if self._admission is Admission.GRANTED:
                limiter.close_socket(self._network)

    async def dispatch(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.receive":
            await self._receive(message)
        else:
            await self._connect()

    @property
    def _socket(self) -> Connection:
        assert self._connection is not None
        return self._connection

    async def _connect(self) -> None:
        if self._admission is Admission.HAMMERING:
            await self.base_send({"type": "websocket.close"})  # Before it is accepted: the server answers 403.
            return
        await self.base_send({"type": "websocket.accept"})
        if not SLUG.fullmatch(self.scope["url_route"]["kwargs"].get("slug", "")):
            self._socket.close(CloseCode.NO_SUCH_ROOM, reconnect=False)
            return
        if self._admission is Admission.TOO_MANY:  # A browser's page learns why only from an open socket.
            if not _warnings.take(1, time.monotonic()):
                logger.warning(
                    "MAX_CONNECTIONS_PER_ADDRESS is met by %s; where that is a proxy, TRUSTED_PROXIES should name it",
                    client_address(self.scope),
                )
            self._send_away()
            return
        self._await_join()

    def _await_join(self) -> None:
        self._join_deadline = asyncio.get_running_loop().call_later(JOIN_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._socket.close(CloseCode.NO_JOIN, reconnect=True)

    async def _receive(self, message: dict[str, Any]) -> None:
        if not self._socket.is_open:
            return
        text = message.get("text")
        if text is not None and len(text) > FRAME_LIMIT_BYTES:  # Not every server was told of the limit.
            self._socket.close(CloseCode.FRAME_TOO_BIG, reconnect=True)
            return
        nonce = seq = None
        try:
            if text is None:
                raise Refusal(RefusalCode.BAD_FRAME, "Expected a text frame with one JSON object; got a binary one.")
            command = protocol.decode_command(text)
            nonce, seq = getattr(command, "nonce", None), getattr(command, "seq", None)
            if self._hub is None and not isinstance(command, Join):
                raise Refusal(RefusalCode.NOT_JOINED, "Expected `join` first.")
            if self._membership is not None:
                self._membership.spend(command)
            await _HANDLERS[type(command)](self, command)
        except Refusal as refusal:
            refusal.nonce, refusal.seq = refusal.nonce or nonce, refusal.seq or seq
            self._refuse(refusal)
        except LogUnavailable:
            self._refuse(_unavailable("The database can't be reached. Try again.", nonce, seq))
        except RoomGone:
            self._refuse(_unavailable("The room was deleted and is about to be made anew. Try again.", nonce, seq))
        except Exception:  # A bug. It may cost this command, not the connection and what else comes over it.
            logger.exception("A command failed")
            self._refuse(_unavailable("Something went wrong on the server. Try again.", nonce, seq))

    def _send_away(self) -> None:
        self._socket.close(CloseCode.FLOODING, reconnect=True, after=FLOOD_SECONDS)

    def _refuse(self, refusal: Refusal) -> None:
        if refusal.code is not RefusalCode.UNAVAILABLE and self._refusals.take(1, time.monotonic()):
            self._send_away()
            return
        event = protocol.refused(refusal)
        if self._hub is None:
            self._socket.send(Frame.of(event))
        else:
            self._hub.reply(self._socket, event)

    # --- commands ---

    async def _handle_join(self, command: Join) -> None:
        if self._hub is not None:
            raise Refusal(RefusalCode.ALREADY_JOINED, "This connection has joined its room.")
        if command.v != PROTOCOL_VERSION:
            self._socket.close(CloseCode.WRONG_PROTOCOL, reconnect=False)
            return
        try:
            self._member_id = identity.verify(command.token, settings.TOKEN_MAX_AGE_DAYS)
        except identity.BadToken:
            self._socket.close(CloseCode.BAD_TOKEN, reconnect=False)
            return
        member = Member(self._member_id, texts.clean_name(command.name))
        self._membership = current_limiter().join(self._member_id)
        if self._membership is None:
            self._send_away()
            return
        self._refusals = self._membership.refusals
        if self._join_deadline is not None:
            self._join_deadline.cancel()
        try:
            self._hub = await self._enter(member, command)
        except ShutOut:
            self._socket.close(CloseCode.BANNED, reconnect=False)
        finally:
            if self._hub is None:
                self._membership.leave()
                self._membership = None
                self._await_join()

    async def _enter(self, member: Member, command: Join) -> RoomHub:
        hubs = current_hubs()
        session = moderating.session_of(self.scope)
        is_moderator = await moderating.moderator_of(hubs, session) is not None
        self._session = session if is_moderator else None
        return await hubs.join(
            self.scope["url_route"]["kwargs"]["slug"],
            self._socket,
            member,
            command.since,
            # A ban by address doesn't shut out the moderators at that address: it may be their own.
            network="" if is_moderator else self._network,
            is_moderator=is_moderator,
            is_idle=command.away,
        )

    async def _handle_post(self, command: Post) -> None:
        texts.check_body(command.body)
        author = self._joined.author(self._member_id)
        is_free = await self._is_free()
        people = self._joined.people_in(command.body)
        room = self._joined.room
        post = operations.Post(room, command.nonce, author, command.body, is_free, people, command.reply_to)
        await self._commit(post)

    async def _handle_edit(self, command: Edit) -> None:
        texts.check_body(command.body)
        is_free = await self._is_free()
        people = self._joined.people_in(command.body)
        room = self._joined.room
        edit = operations.Edit(room, command.seq, self._member_id, command.body, is_free, people, command.base)
        await self._commit(edit)

    async def _handle_delete(self, command: Delete) -> None:
        moderator = await self._moderator()
        await self._commit(
            operations.Delete(self._joined.room, command.seq, self._member_id, moderator, command.reason)
        )

    async def _handle_react(self, command: React) -> None:
        emoji = texts.clean_emoji(command.emoji)
        is_free = await self._is_free()
        await self._commit(
            operations.React(self._joined.room, command.seq, self._member_id, emoji, command.on, is_free)
        )

    async def _commit(self, operation: Operation) -> None:
        """Acknowledged by the message itself: a new one reaches its sender as it does everybody."""
        committed = await current_hubs().commit(operation)
        if not committed.is_new:
            self._joined.repeat(self._socket, committed.entry)

    async def _handle_rename(self, command: Rename) -> None:
        self._joined.rename(self._member_id, texts.clean_name(command.name))

    async def _handle_type(self, command: Typing) -> None:
        self._joined.type(self._member_id)

    async def _handle_away(self, command: Away) -> None:
        self._joined.set_idle(self._socket, self._member_id, command.on)

    async def _handle_history(self, command: History) -> None:
        pages.check(command)
        await self._joined.send_page(self._socket, command)

    async def _handle_search(self, command: Search) -> None:
        await self._joined.send_found(self._socket, command, words.parse(command.query))

    async def _handle_sync(self, command: Sync) -> None:
        await self._joined.send_changes(self._socket, command.since)

    async def _handle_make(self, command: Make) -> None:
        title, topic = texts.clean_title(command.title), texts.clean_topic(command.topic)
        if not SLUG.fullmatch(command.slug):
            raise Refusal(RefusalCode.SLUG_INVALID, "A room's address is 1 to 50 characters of a-z, 0-9 and hyphens.")
        if self._membership is not None:
            self._membership.make_room(self._network)
        hubs = current_hubs()
        room, info = await hubs.log.run(rooms.make, command.slug, title, topic, self._member_id)
        await hubs.show_made(room)
        self._joined.reply(self._socket, Made(info))

    async def _handle_describe(self, command: Describe) -> None:
        title, topic = texts.clean_title(command.title), texts.clean_topic(command.topic)
        moderator = await self._moderator()
        hub, hubs = self._joined, current_hubs()
        await hubs.log.run(rooms.describe, hub.room, title, topic, self._member_id, moderator)
        if not await hubs.show_change(hub):
            hub.reply(self._socket, RoomNow(hub.info))

    async def _handle_watch(self, command: Watch) -> None:
        if not all(SLUG.fullmatch(room.slug) for room in command.rooms):
            raise Refusal(
                RefusalCode.BAD_FRAME, "Expected rooms' addresses: 1 to 50 characters of a-z, 0-9 and hyphens."
            )
        here = self._joined.room.slug
        read = {room.slug: room.seq for room in command.rooms if room.slug != here}
        self._watching = current_hubs().watching
        await self._watching.watch(self._socket, self._member_id, read)

    async def _handle_moderation(self, command: ModeratorCommand) -> None:
        if (moderator := await self._moderator()) is None:
            raise moderating.not_allowed()
        event = await moderating.carry_out(
            command, by=moderator, member_id=self._member_id, hub=self._joined, hubs=current_hubs()
        )
        if event is not None:
            self._joined.reply(self._socket, event)

    async def _moderator(self) -> Moderator | None:
        """The moderator that this member still is: asked each time, so that whoever is one no longer can do nothing."""
        if self._session is None:
            return None
        moderator = await moderating.moderator_of(current_hubs(), self._session)
        if moderator is None:
            self._session = None
        return moderator

    async def _is_free(self) -> bool:
        """Whether a lock and slow mode leave this member alone. Nobody is asked where there is neither."""
        return self._session is not None and self._joined.rules != Rules() and await self._moderator() is not None

    @property
    def _joined(self) -> RoomHub:
        assert self._hub is not None
        return self._hub


_HANDLERS: dict[type[Command], Callable[[ChatConsumer, Any], Awaitable[None]]] = {
    Join: ChatConsumer._handle_join,
    Post: ChatConsumer._handle_post,
    Edit: ChatConsumer._handle_edit,
    Delete: ChatConsumer._handle_delete,
    React: ChatConsumer._handle_react,
    Rename: ChatConsumer._handle_rename,
    Typing: ChatConsumer._handle_type,
    Away: ChatConsumer._handle_away,
    History: ChatConsumer._handle_history,
    Search: ChatConsumer._handle_search,
    Sync: ChatConsumer._handle_sync,
    Make: ChatConsumer._handle_make,
    Describe: ChatConsumer._handle_describe,
    Watch: ChatConsumer._handle_watch,
    BanMember: ChatConsumer._handle_moderation,
    UnbanMember: ChatConsumer._handle_moderation,
    Lock: ChatConsumer._handle_moderation,
    SlowDown: ChatConsumer._handle_moderation,
}


def _unavailable(detail: str, nonce: Any, seq: Any) -> Refusal:
    return Refusal(RefusalCode.UNAVAILABLE, detail, nonce=nonce, seq=seq, retry_after=RETRY_SECONDS)
