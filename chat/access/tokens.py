"""Signed tokens that identify members: the server issues a token with a UUID, and the client sends it back in `join`.

A token proves who a member is, so it is never logged and never shown to anybody else. It is signed, not encrypted.
A guest's token is valid for long and is renewed at each visit. If the host identified the member (`AUTHENTICATE`), the
token is valid just long enough to join: after that the host must identify the member again. So it is if another site's
server did (`EMBED_KEYS`). A bot's token is valid until it is revoked.
"""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import quote, unquote

from django.core import signing

from chat.conf import chatty
from chat.protocol.fields import MemberId

HOSTS_MINUTES = 10  # Enough for a page that loads slowly. After signing out, a token stays valid this long at most.
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
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        signed = signer.unsign(token)
        member_id, *parts = signed.split(";")
        fields = dict(part.split("=", 1) for part in parts)
        is_hosts, is_bot = "host" in fields, "bot" in fields
        if not is_bot:
            signer.unsign(token, timedelta(minutes=HOSTS_MINUTES) if is_hosts else timedelta(days=max_age_days))
        name = unquote(fields["name"]) if "name" in fields else None
        rooms = frozenset(filter(None, fields["rooms"].split(","))) if "rooms" in fields else None
        account = unquote(fields["account"]) if "account" in fields else None
        generation = int(fields.get("generation", 0))
        key = fields.get("key", "")
        if key and key not in chatty.EMBED_KEYS:
            raise BadToken("removed key")
        return Claims(MemberId(str(uuid.UUID(member_id))), generation, is_hosts, name, is_bot, rooms, account, key)
    except (signing.BadSignature, ValueError) as error:
        raise BadToken(type(error).__name__) from None


def names_key(token: str) -> bool:
    """Whether the token says that another site has identified its member. `verify` says whether that is true."""
    return ";key=" in token
