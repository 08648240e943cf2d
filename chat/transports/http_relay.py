"""Requests for a session that another process has: this one asks it, and passes the answer on.

The directory says which process that is. Messages between processes may be lost, and processes die. So a request waits
for a short time only. Without an answer it goes on without the session: a poll gets a new welcome, which resumes by the
log, and commands are carried out for the token's member, whose posts are found again by their nonces.
"""

import asyncio
import itertools
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from chat.cluster.messages import AskerGone, SessionAnswered, SessionAsked, SessionFound, SessionLeft, SessionMoved
from chat.cluster.session_directory import RENEW_SECONDS, Directory, NoDirectory, RedisDirectory
from chat.conf import chatty
from chat.protocol import codec
from chat.protocol.errors import Refusal, RefusalCode
from chat.rooms.connection import Reached
from chat.rooms.registry import RoomRegistry, current_registry
from chat.transports.http_connections import Collected
from chat.transports.http_requests import joined_payloads
from chat.transports.http_sessions import HttpSession, HttpSessions, Key, PollSession, current_sessions

logger = logging.getLogger(__name__)

REACH_SECONDS = 1.5  # For the first word of the other process. It takes milliseconds; a dead one never says it.
TURN_SECONDS = 5  # A poll waits at the other process for so long, then is asked again: that shows whether it lives.
COMMANDS_SECONDS = 15  # For commands that the other process has taken.


class Unreached(Exception):
    """No process that answers has the session."""


@dataclass
class Question:
    """What this process has asked another one."""

    found: "asyncio.Future[bool]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    answer: "asyncio.Future[bytes]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Relay:
    """This process's. `directory` says who has a session."""

    def __init__(self, registry: RoomRegistry, sessions: HttpSessions, directory: Directory) -> None:
        self._registry = registry
        self._process = registry.presence.process
        self._sessions = sessions
        self._directory = directory
        self._numbers = itertools.count(1)
        self._questions: dict[int, Question] = {}  # That this process has asked.
        self._gone: dict[tuple[str, int], asyncio.Future[None]] = {}  # Done when the asker's client has gone.
        self._tasks: set[asyncio.Task[None]] = set()
        for kind, handle in (
            (SessionAsked, self._handle_asked),
            (SessionFound, self._handle_found),
            (SessionAnswered, self._handle_answered),
            (AskerGone, self._handle_gone),
            (SessionMoved, self._handle_moved),
            (SessionLeft, self._handle_left),
        ):
            registry.subscribe_everywhere(kind, handle)  # type: ignore[arg-type]
        sessions.on_end = self.release
        self._listening = asyncio.create_task(registry.receive_mail())
        registry.repeat(RENEW_SECONDS, self._renew, directory.close)

    async def claim(self, key: Key) -> None:
        """The session is here from now on. What another process has of it ends."""
        await asyncio.shield(self._listening)
        before = await self._directory.claim(key.slug, _name(key))
        if before not in (None, self._process):
            self._registry.mail(before, SessionMoved(key.slug, key.member_id, key.session))

    def release(self, key: Key) -> None:
        """The session has ended."""
        self._run(self._directory.remove(key.slug, _name(key)))

    async def _renew(self) -> None:
        await self._directory.renew([(key.slug, _name(key)) for key in self._sessions])

    # --- asking ---

    async def poll(self, key: Key, reached: Reached | None, gone: "asyncio.Future[None]", wait: float) -> bytes | None:
        """What another process answers a poll within `wait` seconds; None where the client has `gone`.

        Raises:
            Unreached: none has the session.
        """
        left = wait
        while True:
            seconds = min(left, TURN_SECONDS)
            left -= seconds
            item = self._question(key, None, seconds, is_last=not left, reached=reached)
            answer = await self._ask(key, item, gone, seconds + REACH_SECONDS)
            if answer != b"":
                return answer

    async def commands(self, key: Key, body: bytes, gone: "asyncio.Future[None]") -> bytes | None:
        """What another process answers these commands; None where the client has `gone`.

        Raises:
            Unreached: none has the session.
            Refusal: `unavailable`, one has taken them and said no more.
        """
        try:
            return await self._ask(key, self._question(key, body), gone, COMMANDS_SECONDS)
        except TimeoutError:
            raise Refusal(RefusalCode.UNAVAILABLE, "No answer came. Try again.", retry_after=1) from None

    async def leave(self, key: Key) -> None:
        """Tells the process that has the session, if another one has it, that its client leaves."""
        owner = await self._directory.find(key.slug, _name(key))
        if owner not in (None, self._process):
            self._registry.mail(owner, SessionLeft(key.slug, key.member_id, key.session))

    def _question(
        self,
        key: Key,
        commands: bytes | None,
        seconds: float = 0,
        *,
        is_last: bool = True,
        reached: Reached | None = None,
    ) -> SessionAsked:
        slug, member_id, session = key
        number = next(self._numbers)
        return SessionAsked(number, self._process, slug, member_id, session, commands, seconds, is_last, reached)

    async def _ask(self, key: Key, asked: SessionAsked, gone: "asyncio.Future[None]", patience: float) -> bytes | None:
        owner = await self._directory.find(key.slug, _name(key))
        if owner is None or owner == self._process:
            raise Unreached
        await asyncio.shield(self._listening)
        number, question = asked.number, Question()
        self._questions[number] = question
        self._registry.mail(owner, asked)
        try:
            await asyncio.wait({question.found}, timeout=REACH_SECONDS)
            if not question.found.done() or not question.found.result():
                raise Unreached
            ends: set[asyncio.Future[bytes] | asyncio.Future[None]] = {question.answer, gone}
            await asyncio.wait(ends, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if question.answer.done():
                return question.answer.result()
            if gone.done():
                return None
            if asked.commands is None:
                raise Unreached
            raise TimeoutError
        finally:
            del self._questions[number]
            if not question.answer.done():
                self._registry.mail(owner, AskerGone(number, self._process))

    def _handle_found(self, item: SessionFound) -> None:
        question = self._questions.get(item.number)
        if question is not None and not question.found.done():
            question.found.set_result(item.is_here)

    def _handle_answered(self, item: SessionAnswered) -> None:
        question = self._questions.get(item.number)
        if question is not None and not question.answer.done():
            question.answer.set_result(item.payload)

    # --- answering ---

    def _handle_asked(self, item: SessionAsked) -> None:
        session = self._sessions.find(Key(item.slug, item.member_id, item.session))
        is_here = session is not None
        if item.commands is None:
            is_here = isinstance(session, PollSession) and not session.is_behind(item.reached)
        self._registry.mail(item.asker, SessionFound(item.number, is_here))
        if session is not None and is_here:
            self._run(self._answer(item, session))

    async def _answer(self, item: SessionAsked, session: HttpSession) -> None:
        place = item.asker, item.number
        gone = self._gone[place] = asyncio.get_running_loop().create_future()
        try:
            if item.commands is None:
                assert isinstance(session, PollSession)
                payload = await session.poll(gone, item.seconds, is_last=item.is_last)
            else:
                session.note_request()
                answers = Collected(chatty.UNSENT_LIMIT)
                await session.session.perform(codec.decode_commands(item.commands), answers, gone)
                payload = joined_payloads(answers.frames)
        finally:
            del self._gone[place]
        if payload is not None:
            self._registry.mail(item.asker, SessionAnswered(item.number, payload))

    def _handle_gone(self, item: AskerGone) -> None:
        gone = self._gone.get((item.asker, item.number))
        if gone is not None and not gone.done():
            gone.set_result(None)

    def _handle_moved(self, item: SessionMoved) -> None:
        self._run(self._end_if_moved(Key(item.slug, item.member_id, item.session)))

    def _handle_left(self, item: SessionLeft) -> None:
        if (session := self._sessions.find(Key(item.slug, item.member_id, item.session))) is not None:
            session.close()

    async def _end_if_moved(self, key: Key) -> None:
        """It may be back here already."""
        if await self._directory.find(key.slug, _name(key)) == self._process:
            return
        if (session := self._sessions.find(key)) is not None:
            session.replace()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("A request of another process was not answered", exc_info=error)


def _name(key: Key) -> str:
    return f"{key.member_id}:{key.session}"


_by_registry: "WeakKeyDictionary[RoomRegistry, Relay]" = WeakKeyDictionary()


def current_relay() -> Relay:
    """The running event loop's."""
    registry = current_registry()
    if registry not in _by_registry:
        directory: Directory = (
            RedisDirectory(chatty.REDIS_URLS, registry.presence.process) if chatty.REDIS_URLS else NoDirectory()
        )
        _by_registry[registry] = Relay(registry, current_sessions(), directory)
    return _by_registry[registry]
