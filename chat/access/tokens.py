"""Signed tokens that identify members: the server issues a token with a UUID, and the client sends it back in `join`.

A token proves who a member is, so it is never logged and never shown to anybody else. It is signed, not encrypted.
A guest's token is valid for long and is renewed at each visit. If the host identified the member (`AUTHENTICATE`), the
token is valid just long enough to join: after that the host must identify the member again. So it is if another site's
server did (`EMBED_KEYS`). A bot's token is valid until it is revoked.
"""

import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from urllib.parse import quote, unquote

from django.conf import settings
from django.core import signing

from chat.conf import chatty
from chat.protocol.fields import MemberId

HOSTS_MINUTES = 10  # Enough for a page that loads slowly. After signing out, a token stays valid this long at most.
KEPT_TOKENS = 4_096  # Of those that were verified last: 1 KB each. A client by HTTP sends its token with each request.
_SALT = "chatty.identity"  # Separates these signatures from every other use of SECRET_KEY.


class BadToken(Exception):
    """The token is not one of ours, was changed, is too old, or was revoked."""


@dataclass(frozen=True, slots=True)
class Claims:
    """A token's content. Revoking a member's tokens raises the member's generation: lower ones become invalid.

    A new field needs a default, which stands for tokens without it, and a line in `issue` and in `verify`.
    """

    member_id: MemberId
    generation: int = 0
    is_hosts: bool = False  # The host has identified the member.
    name: str | None = None  # The host's name for the member, or a bot's name.
    is_bot: bool = False
    rooms: frozenset[str] | None = None  # The only rooms that the token is for. None for all rooms.
    account: str | None = None  # The primary key of the member's account at the host.
    key: str = ""  # The key of EMBED_KEYS with which another site has identified the member.


def new_member_id() -> MemberId:
    return MemberId(str(uuid.uuid4()))


def issue(
    member_id: MemberId,
    generation: int = 0,
    *,
    is_hosts: bool = False,
    name: str | None = None,
    is_bot: bool = False,
    rooms: Collection[str] | None = None,
    account: str | None = None,
    key: str = "",
) -> str:
    """A token for `member_id`: 87 characters of ASCII, and some more for each field.

    Signed is `<uuid>` or `<uuid>;<field>=<value>;...`, without the fields that are 0 or empty. `rooms` are slugs;
    none of them is a token for no room.
    """
    fields = {
        "generation": generation,
        "host": int(is_hosts),
        "name": quote(name or ""),
        "bot": int(is_bot),
        "rooms": None if rooms is None else ",".join(sorted(rooms)) or ",",
        "account": quote(account or "", safe=""),
        "key": key,
    }
    parts = [str(member_id), *(f"{field}={value}" for field, value in fields.items() if value)]
    return signing.TimestampSigner(salt=_SALT).sign(";".join(parts))


def verify(token: str, max_age_days: int) -> Claims:
    """The claims of `token`. `RoomRegistry.identify` also checks whether it was revoked.

    Raises:
        BadToken: forged, truncated, signed with another key, or older than `max_age_days`;
            or than HOSTS_MINUTES if the host has identified the member. A bot's token may be of any age. Or the key of
            EMBED_KEYS that the member was identified with was removed.
    """
    try:
        claims, signed_at = _read(token, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))
    except (signing.BadSignature, ValueError) as error:
        raise BadToken(type(error).__name__) from None
    max_age = timedelta(minutes=HOSTS_MINUTES) if claims.is_hosts else timedelta(days=max_age_days)
    if not claims.is_bot and time.time() - signed_at > max_age.total_seconds():
        raise BadToken("too old")
    if claims.key and claims.key not in chatty.EMBED_KEYS:
        raise BadToken("removed key")
    return claims


def names_key(token: str) -> bool:
    """Whether the token says that another site has identified its member. `verify` says whether that is true."""
    return ";key=" in token


@lru_cache(KEPT_TOKENS)
def _read(token: str, secret: str, fallbacks: tuple[str, ...]) -> tuple[Claims, int]:
    """The claims of a token of any age, and when it was signed. Only tokens signed with one of the keys are kept.

    Raises:
        BadSignature, ValueError: it isn't.
    """
    signer = signing.TimestampSigner(key=secret, fallback_keys=list(fallbacks), salt=_SALT)
    signed, _, timestamp = signing.Signer.unsign(signer, token).rpartition(signer.sep)
    member_id, *parts = signed.split(";")
    fields = dict(part.split("=", 1) for part in parts)
    name = unquote(fields["name"]) if "name" in fields else None
    rooms = frozenset(filter(None, fields["rooms"].split(","))) if "rooms" in fields else None
    account = unquote(fields["account"]) if "account" in fields else None
    claims = Claims(
        member_id=MemberId(str(uuid.UUID(member_id))),
        generation=int(fields.get("generation", 0)),
        is_hosts="host" in fields,
        name=name,
        is_bot="bot" in fields,
        rooms=rooms,
        account=account,
        key=fields.get("key", ""),
    )
    return claims, signing.b62_decode(timestamp)
