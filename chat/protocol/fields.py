"""Types of the fields that commands and events share."""

from typing import Annotated, NewType

from msgspec import Meta

from chat.protocol.constants import MODERATION_REASON_LIMIT, REQUEST_ID_LIMIT

MemberId = NewType("MemberId", str)  # A UUID in its canonical form: lower case, with hyphens.


Version = Annotated[int, Meta(ge=0, le=2**53 - 1)]  # JavaScript counts exactly up to here.


Seq = Annotated[int, Meta(ge=1, le=2**53 - 1)]


RoomSlug = Annotated[str, Meta(max_length=50)]  # A room's address. Whether it is one, paths.SLUG says.


# No NUL: PostgreSQL can't keep one.
Reason = Annotated[str, Meta(max_length=MODERATION_REASON_LIMIT, pattern=r"^[^\x00]*$")]


RequestId = Annotated[str, Meta(min_length=1, max_length=REQUEST_ID_LIMIT, pattern=r"^[\x00-\x7f]*$")]  # ASCII.


Moment = Annotated[int, Meta(ge=0, le=253_402_300_799_000)]  # Milliseconds since 1970 UTC, to the end of the year 9999.
