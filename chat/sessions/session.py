"""One client's session in a room: decodes commands, charges their cost, executes and answers them.

It knows neither ASGI nor sockets. A transport passes text to it, and it answers over a `Connection`.
"""

import asyncio
import logging
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Protocol

from chat.access import accounts, policy, tokens
from chat.access.accounts import Asked, session_of
from chat.access.client_address import client_network
from chat.access.person import ANYBODY, Person
from chat.access.policy import OPEN
from chat.access.rate_limits import FLOOD_SECONDS, Admission, Bucket, Membership, Rate, current_limiter
from chat.conf import chatty
from chat.content import search_terms, validation
from chat.content.markdown import Rendered
from chat.counters import counters
from chat.log import operations, pagination, room_management, search, visitors
from chat.log.operations import Operation
from chat.log.reader import LogUnavailable, RoomGone
from chat.log.turns import Asker
from chat.paths import SLUG
from chat.protocol import codec, events
from chat.protocol.commands import (
    Away,
    BanMember,
    Command,
    Delete,
    DeleteMessages,
    Describe,
    Edit,
    History,
    Join,
    ListBans,
    ListHooks,
    Lock,
    Make,
    MakeHook,
    Move,
    People,
    Post,
    React,
    Rename,
    RevokeHook,
    Search,
    SlowDown,
    Sync,
    Typing,
    UnbanMember,
    Watch,
)
from chat.protocol.constants import FRAME_LIMIT_BYTES, JOIN_SECONDS, PROTOCOL_VERSION
from chat.protocol.errors import NO_SUCH_ROOM, CloseCode, Refusal, RefusalCode
from chat.protocol.events import Done, Made, PeopleKnown, RoomNow
from chat.protocol.fields import MemberId
from chat.rooms.connection import Connection, Frame
from chat.rooms.hub import JoinRequest, RoomHub
from chat.rooms.read_marks import ReadMarks
from chat.rooms.registry import NotAdmitted, RoomRegistry, current_registry
from chat.rooms.watch import Watching
from chat.sessions import hook_commands, identification, mentioned, moderator_commands
from chat.sessions.address_turns import current_turns, metered
from chat.sessions.hook_commands import HookCommand
from chat.sessions.moderator_commands import ModeratorCommand

logger = logging.getLogger(__name__)

_warnings = Bucket(Rate(1, 1 / 60))  # One warning a minute is enough.
# They run in the background, and are given up when their client has gone.
Question = Search | History | Sync | Watch | People
_Hooks = MakeHook | ListHooks | RevokeHook
# By their own events. `done` answers the others.
_Answered = Join | Move | Make | BanMember | UnbanMember | ListBans | DeleteMessages | _Hooks | Question
NOTHING: Asked = {}  # The scope of an unknown client.
RETRY_SECONDS = 2  # The `retry_after` while the database is away. A restart takes about as long.

# What an address is charged for what isn't measured while a command is carried out, in CPU seconds.
CONNECT_SECONDS = 0.000_5  # A handshake.
DECODE_SECONDS = 0.000_1  # A frame.
SEND_SECONDS = 0.000_005  # An event to one member.
SEND_SECONDS_A_BYTE = 0.000_000_008  # So fast is 1 Gbit/s: a line is as scarce as a core.
PRESENCE_BYTES = 100  # An event about a member.


class Answers(Connection, Protocol):
    """Where the answers to one request's commands go."""

    @property
    def is_full(self) -> bool:
        """Whether what is looked up would be too much beside what it holds."""


Handler = Callable[["ClientSession", Any], Awaitable[None]]
HANDLERS: dict[type[Command], Handler] = {}  # By command. Commands with their own answer are also in `_Answered`.


def handles(*commands: type[Command]) -> Callable[[Handler], Handler]:
    """Registers a method of ClientSession for these commands."""

    def register(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(commands, handler))
        return handler

    return register


class ClientSession:
    """One client's session in the room called `slug`. No input of the client makes it raise.

    `address`: the client's IP address. `asked`: its ASGI scope or HTTP request, for AUTHENTICATE. `admission`:
    given for a session that isn't counted as a socket.
    """

    def __init__(
        self,
        slug: str,
        connection: Connection,
        address: str,
        asked: Asked = NOTHING,
        admission: Admission | None = None,
    ) -> None:
        self._slug = slug
        self._connection = connection
        self._answers = connection  # Where answers go: to the connection, or to whatever brought the command.
        self._is_listed = True  # In the roster, from its join on.
        self._is_visit = False  # Its connection isn't in the room: it carries answers and nothing else.
        self._name = ""  # For a member who isn't in the roster.
        self._in_turn = asyncio.Lock()  # For commands that came beside the connection.
        self._address = address
        self._network = client_network(address)
        self._asked = asked
        self._hub: RoomHub | None = None
        self._person = ANYBODY  # The client's person, from `join` on.
        self._written = 0  # The version of its last post or change.
        self._watching: Watching | None = None  # Set once it has watched other rooms.
        self._read_marks: ReadMarks | None = None  # Of a member with an account.
        self._join_deadline: asyncio.TimerHandle | None = None
        self._question: asyncio.Task[None] | None = None  # The query under way.
        self._membership: Membership | None = None
        self._limiter = current_limiter()
        self._refusals: Bucket = self._limiter.stranger()
        if admission is None:
            self._charge(CONNECT_SECONDS)
            admission = self._limiter.open_socket(self._network)
        self._admission = admission

    @property
    def is_admitted(self) -> bool:
        """Whether the client gets any answer. A client that keeps reconnecting over the limit gets none."""
        return self._admission is not Admission.HAMMERING

    def start(self) -> None:
        """Starts to wait for `join`, or closes with the reason if the client can't join."""
        if not SLUG.fullmatch(self._slug):
            self._connection.close(CloseCode.NO_SUCH_ROOM, reconnect=False)
        elif self._admission is Admission.TOO_MANY:  # A browser shows its page the reason only on an open socket.
            if not _warnings.take(1, time.monotonic()):
                logger.warning(
                    "MAX_CONNECTIONS_PER_ADDRESS is met by %s; where that is a proxy, TRUSTED_PROXIES should name it",
                    self._address,
                )
            self._send_away()
        else:
            self._await_join()

    async def receive(self, text: str | None) -> None:
        """Handles one frame; None for one that isn't text. Commands are executed in order.

        Queries (`search`, `history`, `sync`, `watch`) run in the background, so that the transport notices
        meanwhile if the client leaves.
        """
        if self._question is not None:
            await self._question
        if not self._connection.is_open:
            return
        if text is not None and len(text) > FRAME_LIMIT_BYTES:  # Some servers have a higher limit of their own.
            self._connection.close(CloseCode.FRAME_TOO_BIG, reconnect=True)
            return
        try:
            if text is None:
                raise Refusal(RefusalCode.BAD_FRAME, "Expected a text frame with one JSON object; got a binary one.")
            command = codec.decode_command(text)
        except Refusal as refusal:
            self._refuse(refusal)
            return
        if isinstance(command, Question):
            self._question = asyncio.create_task(self._carry_out(command))
        else:
            await self._carry_out(command)

    async def enter(self, join: Join, *, is_listed: bool = True) -> RoomHub | None:
        """Joins the room, or tells the connection why not. Who isn't `is_listed` only listens."""
        self._is_listed = is_listed
        await self._carry_out(join)
        return self._hub

    @asynccontextmanager
    async def visit(self, token: str, name: str | None) -> AsyncIterator[None]:
        """Whom the token names may `perform` commands in the room meanwhile, without being in it.

        `name`: for messages of a guest who isn't in the roster.

        Raises:
            BadToken, NotAdmitted: it may not.
            LogUnavailable, RoomGone: nobody can tell, or the room couldn't be read.
            Refusal: the name isn't valid, or too many wait.
        """
        async with self.visit_as(await self._identify(current_registry(), token), name, asks_host=True):
            yield

    @asynccontextmanager
    async def visit_as(
        self, person: Person, name: str | None = None, *, asks_host: bool = False
    ) -> AsyncIterator[None]:
        """The same for somebody who is known already. `asks_host`: whether CAN_JOIN decides about them, too.

        Raises:
            As `visit`, but for BadToken.
        """
        registry = current_registry()
        self._is_visit, self._is_listed = True, False
        self._person = replace(person, network=self._network)
        self._name = validation.clean_name(self._person.name or name or guest_name(self._person.id))
        self._membership = self._limiter.visit(self._person.id)
        self._refusals = self._membership.refusals
        try:
            async with registry.visit(self._slug, self._person, self._asker, asks_host=asks_host) as hub:
                self._hub = hub
                yield
        finally:
            self._membership.leave()

    async def perform(
        self, commands: Iterable[Command | Refusal], answers: Answers, gone: "asyncio.Future[None]"
    ) -> None:
        """Carries out what came beside the connection, in its order. What answers it goes to `answers`.

        So do effects that everybody is told of: here they are the answer, and the connection needn't be one that hears
        of them. When the client has `gone`, its question is given up, and whatever would come after.
        """
        async with self._in_turn:
            self._answers = answers
            try:
                for command in commands:
                    if gone.done():
                        break
                    if isinstance(command, Refusal):
                        self._refuse(command)
                    elif isinstance(command, Question):
                        await self._look_up(command, answers, gone)
                    else:
                        await self._carry_out(command)
            finally:
                self._answers = self._connection

    async def _look_up(self, command: Command, answers: Answers, gone: "asyncio.Future[None]") -> None:
        if answers.is_full:
            self._refuse(_unavailable("The answers would be too big. Ask again in another request."), command)
            return
        question = self._question = asyncio.create_task(self._carry_out(command))
        await asyncio.wait({question, gone}, return_when=asyncio.FIRST_COMPLETED)
        question.cancel()

    def close(self) -> None:
        """Ends the session in any state. The member leaves the room."""
        if self._join_deadline is not None:
            self._join_deadline.cancel()
        if self._question is not None:  # Its answer isn't needed any more.
            self._question.cancel()
        self._connection.abandon()
        self._leave_room()
        if self._membership is not None:
            self._membership.leave()
        if self._admission is Admission.GRANTED:
            self._limiter.close_socket(self._network)

    def _leave_room(self) -> None:
        if self._watching is not None:
            self._watching.forget(self._connection)
            self._watching = None
        if self._read_marks is not None:
            self._read_marks.leave(self._connection)
        if self._hub is not None:
            if self._is_listed:  # Everybody is told of it, and was told of its coming.
                self._charge_everybody_told(2 * PRESENCE_BYTES)
            self._hub.leave(self._connection, self._person.id)
            self._hub = None
        self._written = 0

    def _await_join(self) -> None:
        self._join_deadline = asyncio.get_running_loop().call_later(JOIN_SECONDS, self._give_up)

    def _give_up(self) -> None:
        self._connection.close(CloseCode.NO_JOIN, reconnect=True)

    async def _carry_out(self, command: Command) -> None:
        """Executes a command in its address's turn, or refuses it with a reason. Never raises."""
        is_join = isinstance(command, Join)
        if is_join and self._join_deadline is not None:
            self._join_deadline.cancel()
        turns = current_turns()
        try:
            await turns.begin(self._asker, len(getattr(command, "body", "")))
        except Refusal as refusal:
            if is_join and self._hub is None and self._connection.is_open:
                self._await_join()
            self._refuse(refusal, command)
            return
        try:
            self._charge(DECODE_SECONDS)
            await metered(self._execute(command), self._charge)
        finally:
            turns.end(self._network)

    def _charge(self, seconds: float) -> None:
        self._limiter.charge_cpu(self._network, seconds)

    def _charge_everybody_told(self, size: int) -> None:
        """Charges an event of `size` bytes that everybody in the room gets."""
        self._charge(self._joined.connection_count * (SEND_SECONDS + size * SEND_SECONDS_A_BYTE))

    async def _execute(self, command: Command) -> None:
        try:
            if self._hub is None and not isinstance(command, Join):
                raise Refusal(RefusalCode.NOT_JOINED, "Expected `join` first.")
            if self._membership is not None:
                self._membership.spend(command)
            await HANDLERS[type(command)](self, command)
            if command.id is not None and not isinstance(command, _Answered):
                await self._joined.reach(self._written)  # Its message may still wait for earlier ones.
                self._joined.reply(self._answers, Done(re=command.re))
        except Refusal as refusal:
            self._refuse(refusal, command)
        except LogUnavailable:
            self._refuse(_unavailable("The database can't be reached. Try again."), command)
        except RoomGone:
            self._refuse(_unavailable("The room was deleted and is about to be made anew. Try again."), command)
        except Exception:  # A bug may fail this command, but not the connection and its other commands.
            logger.exception("A command failed")
            self._refuse(_unavailable("Something went wrong on the server. Try again."), command)

    def _send_away(self) -> None:
        self._connection.close(CloseCode.FLOODING, reconnect=True, after=FLOOD_SECONDS)

    def _refuse(self, refusal: Refusal, command: Command | None = None) -> None:
        """Answers with a refusal. `command` is None if it couldn't be decoded."""
        if command is not None:
            refusal.nonce = refusal.nonce or getattr(command, "nonce", None)
            refusal.seq = refusal.seq or getattr(command, "seq", None)
            refusal.re = command.re
        is_own_doing = refusal.is_own_doing and refusal.code is not RefusalCode.UNAVAILABLE
        if is_own_doing and self._refusals.take(1, time.monotonic()):
            self._send_away()
            if not self._answers.is_open:
                return
            refusal = Refusal(RefusalCode.RATE_LIMITED, "Too many refusals.", re=refusal.re, retry_after=FLOOD_SECONDS)
        counters.refusals[refusal.code] += 1
        event = events.refused(refusal)
        if self._hub is None:
            self._answers.send(Frame.of(event))
        else:
            self._hub.reply(self._answers, event)

    @property
    def _is_beside(self) -> bool:
        """Whether the command came by its own request, whose answer has its effect, although others are told, too."""
        return self._is_visit or self._answers is not self._connection

    def _expect_listed(self) -> None:
        if not self._is_listed:
            raise Refusal(
                RefusalCode.NOT_JOINED, "Expected the `session` of an open stream with a `name`: you aren't listed."
            )

    @property
    def _author_name(self) -> str:
        """The member's name, as everybody sees it where the member is in the roster."""
        if self._is_listed and not self._is_beside:
            return self._joined.author(self._person.id).name
        return self._joined.name_of(self._person.id) or self._name

    # --- commands ---

    @handles(Join)
    async def _handle_join(self, command: Join) -> None:
        if self._hub is not None:
            raise Refusal(RefusalCode.ALREADY_JOINED, "This connection has joined its room.")
        if command.v != PROTOCOL_VERSION:
            self._connection.close(CloseCode.WRONG_PROTOCOL, reconnect=False)
            return
        await self._arrive(self._enter(command))

    @handles(Move)
    async def _handle_move(self, command: Move) -> None:
        if self._is_beside:
            raise Refusal(RefusalCode.BAD_FRAME, "Only a WebSocket can go to another room. Open a stream of that room.")
        self._limiter.attempt(self._network)
        person, name, registry = await self._person_now(), self._author_name, current_registry()
        if not SLUG.fullmatch(command.room) or not await registry.readable(person, [command.room], self._asker):
            raise Refusal(RefusalCode.NO_SUCH_ROOM, NO_SUCH_ROOM)
        self._leave_room()
        self._slug = command.room
        await self._arrive(self._enter_as(person, name, command))

    async def _arrive(self, entering: Awaitable[RoomHub | None]) -> None:
        """Joins a room. A client that can't join has the connection closed with the reason, or may try again."""
        try:
            self._hub = await entering
        except tokens.BadToken:
            self._connection.close(CloseCode.BAD_TOKEN, reconnect=False)
        except NotAdmitted as refused:
            self._connection.close(refused.code, reconnect=False)
        finally:
            if self._hub is None:
                if self._membership is not None:
                    self._membership.leave()
                    self._membership = None
                if self._connection.is_open:
                    self._await_join()

    async def _enter(self, command: Join) -> RoomHub | None:
        registry = current_registry()
        person = await self._identify(registry, command.token)
        given = command.name if person.name is None else person.name
        if not self._is_listed:
            given = given or guest_name(person.id)
        name = self._name = validation.clean_name(given)
        self._membership = self._limiter.join(person.id)
        if self._membership is None:
            self._send_away()
            return None
        self._refusals = self._membership.refusals
        self._person = person
        return await self._enter_as(person, name, command)

    async def _enter_as(self, person: Person, name: str, command: Join | Move) -> RoomHub:
        request = JoinRequest(
            self._connection, person, name, command.since, command.away, self._asker, command.re, self._is_listed
        )
        registry = current_registry()
        hub = await registry.join(self._slug, request)
        if person.account is not None and self._connection.is_open:
            self._read_marks = registry.read_marks
            self._read_marks.enter(self._connection, hub, person.id)
        return hub

    async def _identify(self, registry: RoomRegistry, token: str) -> Person:
        """The client's person: by a token that another site has caused, by AUTHENTICATE, otherwise by its own token.

        Raises:
            BadToken: neither identifies the client.
            LogUnavailable: the database couldn't be read.
            Refusal: too many callers wait.
        """
        person = None
        if not tokens.names_key(token):
            person = await identification.authenticated(registry, self._asked, self._asker)
        if person is None:
            claims = tokens.verify(token, chatty.TOKEN_MAX_AGE_DAYS)
            session, asker = session_of(self._asked), Asker(self._network, claims.member_id)
            moderator = None
            if session is not None and not claims.is_bot:  # What a bot may do, its token alone says.
                moderator = await registry.log.read(accounts.moderator_of, session, asker=asker)
            person = Person(
                claims.member_id,
                claims.name,
                moderator,
                generation=claims.generation,
                is_bot=claims.is_bot,
                rooms=claims.rooms,
                account=claims.account,
            )
        return replace(person, network=self._network)

    @handles(Post)
    async def _handle_post(self, command: Post) -> None:
        body = validation.clean_body(command.body)
        if not self._joined.room.is_written and self._membership is not None:  # The first message makes a row.
            self._membership.make_room(self._network)
        name = self._author_name
        by = await self._writer()
        registry = current_registry()
        rendered = await self._rendered(registry, body, command.mentions)
        room, head = self._joined.room, self._joined.head
        await self._commit(
            registry, operations.Post(room, command.nonce, by, name, body, rendered, command.reply_to, head)
        )

    @handles(Edit)
    async def _handle_edit(self, command: Edit) -> None:
        body = validation.clean_body(command.body)
        by = await self._writer()
        registry = current_registry()
        rendered = await self._rendered(registry, body, command.mentions)
        room, head = self._joined.room, self._joined.head
        await self._commit(registry, operations.Edit(room, command.seq, by, body, rendered, command.base, head))

    @handles(Delete)
    async def _handle_delete(self, command: Delete) -> None:
        by = await self._person_now()
        registry = current_registry()
        await self._turn(registry)
        room, head = self._joined.room, self._joined.head
        await self._commit(registry, operations.Delete(room, command.seq, by, command.reason, head))

    @handles(React)
    async def _handle_react(self, command: React) -> None:
        emoji = validation.clean_emoji(command.emoji)
        self._joined.take_reaction()
        by = await self._writer()
        registry = current_registry()
        await self._turn(registry)
        room, head = self._joined.room, self._joined.head
        await self._commit(registry, operations.React(room, command.seq, by, emoji, command.on, head))

    # `registry` below was fetched before the first await: a process that is stopping has no current registry.

    async def _rendered(self, registry: RoomRegistry, body: str, chosen: Collection[uuid.UUID]) -> Rendered:
        """The rendered body. Returns after the member's earlier commands were passed on."""
        find_people = await mentioned.finder(self._joined, registry, body, chosen, self._asker)
        rendered = await registry.renderer.render(self._network, self._person.id, body, find_people)
        self._expect_allowed(registry)
        return rendered

    async def _turn(self, registry: RoomRegistry) -> None:
        """Waits until the member's earlier commands were passed on."""
        await registry.renderer.turn(self._network, self._person.id)
        self._expect_allowed(registry)

    def _expect_allowed(self, registry: RoomRegistry) -> None:
        """Raises Refusal if the member was banned while it waited for its turn."""
        registry.can_join(self._person, self._slug).expect()

    async def _commit(self, registry: RoomRegistry, operation: Operation) -> None:
        """Commits an operation. A new message is its own acknowledgement, a repeated one is sent again."""
        committed = await registry.commit(operation)
        self._charge_everybody_told(len(committed.entry.update))
        if self._is_beside:
            self._answers.answer(Frame(codec.frame([committed.entry.update])))
        elif not committed.is_new:
            self._joined.repeat(self._connection, committed.entry)
        self._written = committed.entry.version

    @handles(Rename)
    async def _handle_rename(self, command: Rename) -> None:
        policy.can_rename(self._person).expect()
        self._expect_listed()
        self._joined.rename(self._person.id, validation.clean_name(command.name))
        self._charge_everybody_told(PRESENCE_BYTES)
        if self._is_beside:
            self._joined.reply(self._answers, self._joined.renamed(self._person.id))

    @handles(Typing)
    async def _handle_type(self, command: Typing) -> None:
        self._expect_listed()
        if self._joined.type(self._person.id):
            self._charge_everybody_told(PRESENCE_BYTES)

    @handles(Away)
    async def _handle_away(self, command: Away) -> None:
        self._expect_listed()
        self._joined.set_idle(self._connection, self._person.id, command.on)

    @handles(History)
    async def _handle_history(self, command: History) -> None:
        policy.can_read(self._person, self._slug).expect()
        pagination.check(command)
        await self._joined.send_page(self._answers, command, self._asker)

    @handles(Search)
    async def _handle_search(self, command: Search) -> None:
        policy.can_read(self._person, self._slug).expect()
        search.check(command)
        is_by_words = bool(command.query.strip()) or not command.may_lack_words
        phrases = search_terms.parse(command.query) if is_by_words else ()
        readable = None
        if command.rooms is not None:
            readable = await current_registry().readable(self._person, command.rooms, self._asker)
        await self._joined.send_found(self._answers, command, phrases, self._asker, readable)

    @handles(Sync)
    async def _handle_sync(self, command: Sync) -> None:
        policy.can_read(self._person, self._slug).expect()
        await self._joined.send_changes(self._answers, command, self._asker)

    @handles(People)
    async def _handle_people(self, command: People) -> None:
        policy.can_read(self._person, self._slug).expect()
        hub, people = self._joined, []
        if hub.room.is_written:
            people = await current_registry().log.read(visitors.recent, hub.room.id, asker=self._asker)
        hub.reply(self._answers, PeopleKnown(people, re=command.re))

    @handles(Make)
    async def _handle_make(self, command: Make) -> None:
        title, topic = validation.clean_title(command.title), validation.clean_topic(command.topic)
        if not SLUG.fullmatch(command.slug):
            raise Refusal(RefusalCode.SLUG_INVALID, "A room's address is 1 to 50 characters of a-z, 0-9 and hyphens.")
        if self._membership is not None:
            self._membership.make_room(self._network)
        registry = current_registry()
        # It may have members already, who came by a link: they and the row must have the same log.
        async with registry.kept_open(command.slug, self._asker) as hub:
            _, info = await registry.log.run(
                room_management.make, command.slug, title, topic, self._person, hub.room.log, asker=self._asker
            )
            await registry.show_change(hub, hub.info)
        self._joined.reply(self._answers, Made(info, re=command.re))

    @handles(Describe)
    async def _handle_describe(self, command: Describe) -> None:
        title, topic = validation.clean_title(command.title), validation.clean_topic(command.topic)
        by = await self._person_now()
        hub, registry = self._joined, current_registry()
        before = hub.info
        await registry.log.run(room_management.describe, hub.room, title, topic, by, asker=self._asker)
        if not await registry.show_change(hub, before) or self._is_beside:
            hub.reply(self._answers, RoomNow(hub.info, re=command.re))

    @handles(Watch)
    async def _handle_watch(self, command: Watch) -> None:
        if self._is_visit:
            raise Refusal(RefusalCode.NOT_JOINED, "Expected the `session` of an open stream, which hears of the rooms.")
        if not all(SLUG.fullmatch(room.slug) for room in command.rooms):
            raise Refusal(
                RefusalCode.BAD_FRAME, "Expected rooms' addresses: 1 to 50 characters of a-z, 0-9 and hyphens."
            )
        registry = current_registry()
        others = {room.slug: room.seq for room in command.rooms if room.slug != self._slug}
        readable = await registry.readable(self._person, others, self._asker)
        read = {slug: others[slug] for slug in readable}
        self._watching = registry.watching
        await self._watching.watch(self._connection, self._person.id, read, self._asker, command.re, self._answers)

    @handles(BanMember, UnbanMember, ListBans, DeleteMessages, Lock, SlowDown)
    async def _handle_moderation(self, command: ModeratorCommand) -> None:
        person = await self._person_now()
        event = await moderator_commands.carry_out(
            command, person=person, hub=self._joined, registry=current_registry()
        )
        if event is None and self._is_beside:
            event = RoomNow(self._joined.info, re=command.re)
        if event is not None:
            self._joined.reply(self._answers, event)

    @handles(MakeHook, ListHooks, RevokeHook)
    async def _handle_hooks(self, command: HookCommand) -> None:
        event = await hook_commands.carry_out(
            command,
            person=await self._person_now(),
            hub=self._joined,
            registry=current_registry(),
            asked=self._asked,
            asker=self._asker,
        )
        self._joined.reply(self._answers, event)

    async def _person_now(self) -> Person:
        """The member with current rights. A moderator's are looked up each time: they may have been revoked."""
        if (moderator := self._person.moderator) is not None:
            moderator = await current_registry().log.read(accounts.moderator_now, moderator, asker=self._asker)
            self._person = replace(self._person, moderator=moderator)
        return self._person

    async def _writer(self) -> Person:
        """The same for actions that everybody may do in a room without rules. There it skips the lookup."""
        if self._person.moderator is None:
            return self._person
        if self._joined.rules == OPEN:
            return replace(self._person, moderator=None)
        return await self._person_now()

    @property
    def _asker(self) -> Asker:
        return Asker(self._network, self._person.id)

    @property
    def _joined(self) -> RoomHub:
        assert self._hub is not None
        return self._hub


def guest_name(member_id: MemberId) -> str:
    """The screen name of a guest who gave none."""
    return f"Guest {member_id[:4]}"


def _unavailable(detail: str) -> Refusal:
    return Refusal(RefusalCode.UNAVAILABLE, detail, retry_after=RETRY_SECONDS)
