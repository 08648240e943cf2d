"""Refusals of commands, and close codes."""

import uuid
from enum import IntEnum, StrEnum

from msgspec import UNSET, UnsetType


class RefusalCode(StrEnum):
    BAD_FRAME = "bad_frame"
    UNKNOWN_COMMAND = "unknown_command"
    NOT_JOINED = "not_joined"
    ALREADY_JOINED = "already_joined"
    BODY_EMPTY = "body_empty"
    BODY_TOO_LONG = "body_too_long"
    NAME_INVALID = "name_invalid"
    RATE_LIMITED = "rate_limited"
    ROOM_EXISTS = "room_exists"
    SLUG_INVALID = "slug_invalid"
    TITLE_INVALID = "title_invalid"
    NOT_YOURS = "not_yours"
    EDITED_MEANWHILE = "edited_meanwhile"
    NO_SUCH_MESSAGE = "no_such_message"
    TOO_MANY_REACTIONS = "too_many_reactions"
    TOO_MANY_HOOKS = "too_many_hooks"
    NOT_ALLOWED = "not_allowed"
    QUERY_EMPTY = "query_empty"
    QUERY_TOO_LONG = "query_too_long"
    LOCKED = "locked"
    UNAVAILABLE = "unavailable"
    BAD_TOKEN = "bad_token"  # nosec B105
    BANNED = "banned"
    NO_SUCH_ROOM = "no_such_room"
    TOO_BIG = "too_big"


# The same for an invalid address and for a room that somebody has no access to.
NO_SUCH_ROOM = "There is no such room. A room's address is 1 to 50 characters of a-z, 0-9 and hyphens."


class CloseCode(IntEnum):
    GOING_AWAY = 1001
    FRAME_TOO_BIG = 1009
    SERVER_ERROR = 1011
    RESTARTING = 1012
    TOO_SLOW = 1013
    NO_JOIN = 4001
    BANNED = 4003
    FLOODING = 4008
    WRONG_PROTOCOL = 4400
    BAD_TOKEN = 4401
    NO_SUCH_ROOM = 4404


class Refusal(Exception):
    """A command that is not carried out. The connection stays; the client gets it as a `refused` event.

    `retry_after` is in seconds. `nonce`, `seq` and `re` (its `id`) are the refused command's, where it had them.
    `is_own_doing` is false where others are the cause: such refusals are no reason to send the member away.
    """

    def __init__(
        self,
        code: RefusalCode,
        detail: str,
        *,
        nonce: uuid.UUID | None = None,
        seq: int | None = None,
        re: str | UnsetType = UNSET,
        retry_after: float | None = None,
        is_own_doing: bool = True,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.nonce = nonce
        self.seq = seq
        self.re = re
        self.retry_after = retry_after
        self.is_own_doing = is_own_doing
