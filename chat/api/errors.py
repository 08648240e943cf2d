"""What the API raises.

    ChattyError
    ├── Invalid          a text, a name or an address isn't valid; `code` says which
    │   └── UnknownUser  no user of the host has this user name
    ├── NotAllowed       the person is banned, or CAN_JOIN doesn't let them into the room
    ├── Locked           the room is locked, and the person is no moderator
    ├── RoomExists       another one has created this room
    ├── TooSoon          slow mode: wait `retry_after` seconds
    └── Unavailable      the database failed, or the room was locked by another transaction for too long: try again

Each has the `code` of docs/protocol.md that a client would get, and a sentence in English.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from chat.log.reader import LogUnavailable
from chat.protocol.errors import Refusal, RefusalCode


class ChattyError(Exception):
    """The request wasn't carried out, and nothing was written. `retry_after` is in seconds, or None."""

    def __init__(self, code: RefusalCode, detail: str, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.retry_after = retry_after


class Invalid(ChattyError):
    pass


class UnknownUser(Invalid):
    pass


class NotAllowed(ChattyError):
    pass


class Locked(ChattyError):
    pass


class RoomExists(ChattyError):
    pass


class TooSoon(ChattyError):
    pass


class Unavailable(ChattyError):
    pass


_CLASSES: dict[RefusalCode, type[ChattyError]] = {
    RefusalCode.BANNED: NotAllowed,
    RefusalCode.NO_SUCH_ROOM: NotAllowed,
    RefusalCode.NOT_ALLOWED: NotAllowed,
    RefusalCode.LOCKED: Locked,
    RefusalCode.ROOM_EXISTS: RoomExists,
    RefusalCode.RATE_LIMITED: TooSoon,
    RefusalCode.UNAVAILABLE: Unavailable,
}


@contextmanager
def as_errors() -> Iterator[None]:
    """Raises this module's errors for the log's and the rules'."""
    try:
        yield
    except Refusal as refusal:
        error = _CLASSES.get(refusal.code, Invalid)
        raise error(refusal.code, refusal.detail, refusal.retry_after) from refusal
    except LogUnavailable as reason:
        raise Unavailable(RefusalCode.UNAVAILABLE, f"Nothing was written: {reason}.") from reason
