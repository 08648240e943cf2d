"""Members are who the server says they are: a UUID in a signed token, issued by the server and sent back at `join`.

There are no accounts and no passwords. Whoever holds a token is that member, so it is never logged and never shown
to anybody else.
"""

import uuid
from datetime import timedelta

from django.core import signing

from .protocol import MemberId

_SALT = "chatty.identity"  # Separates these signatures from every other use of SECRET_KEY.


class BadToken(Exception):
    """The token is not one of ours, was changed, or is too old."""


def new_member_id() -> MemberId:
    return MemberId(str(uuid.uuid4()))


def issue(member_id: MemberId) -> str:
    """A token for `member_id`: about 90 characters of ASCII."""
    return signing.TimestampSigner(salt=_SALT).sign(member_id)


def verify(token: str, max_age_days: int) -> MemberId:
    """The member whom `token` was issued to.

    Raises:
        BadToken: forged, truncated, signed with another key, or older than `max_age_days`.
    """
    try:
        signed = signing.TimestampSigner(salt=_SALT).unsign(token, max_age=timedelta(days=max_age_days))
        return MemberId(str(uuid.UUID(signed)))
    except (signing.BadSignature, ValueError) as error:
        raise BadToken(type(error).__name__) from None
