"""JSON Web Tokens in which other sites' servers say who their visitors are, signed with a key of EMBED_KEYS.

A site exchanges one for a token of Chatty's, at /get_user_info.json. docs/embedding.md describes both sides.
"""

import time
import uuid
from functools import partial
from typing import Annotated, Any

import msgspec

from chat.access.tokens import BadToken, Claims
from chat.conf import chatty
from chat.content.validation import clean_name
from chat.paths import SLUG
from chat.protocol.constants import NAME_LIMIT
from chat.protocol.errors import Refusal
from chat.protocol.fields import MemberId

LIMIT_BYTES = 4_096  # Of a token.
SUBJECT_LIMIT_BYTES = 255
ROOMS_LIMIT_BYTES = 400  # With commas between them. So Chatty's own token stays below TOKEN_LIMIT.
LONGEST_SECONDS = 600  # How far ahead a token may expire.
_SUBJECTS = uuid.UUID("b0a3c5f4-5a55-4d0b-9a07-5f2b8f2c6d11")  # The namespace of these members' ids. Never change it.


class _Payload(msgspec.Struct):
    """What is read of a token. Other claims may be there."""

    sub: Annotated[str, msgspec.Meta(min_length=1)]
    name: str
    exp: Annotated[float, msgspec.Meta(ge=0, le=1e12)]
    rooms: list[str] | None = None


def is_host_token(token: str) -> bool:
    """Whether this is one, valid or not: Chatty's own tokens have colons."""
    return "." in token and ":" not in token


def verify(token: str) -> Claims:
    """The member whom the token names. The same `kid` and `sub` are always the same member.

    The first call loads PyJWT, which takes a fifth of a second: call it on a thread.

    Raises:
        BadToken: with a sentence for the site's developer, which says nothing about what isn't signed.
    """
    if not token.isascii() or len(token) > LIMIT_BYTES:
        raise BadToken(f"Expected a token of at most {LIMIT_BYTES} bytes of ASCII.")
    kid, payload = _signed(token)
    return _claims(kid, payload)


def _signed(token: str) -> tuple[str, Any]:
    """The id of the key, and the payload that is signed with it."""
    import jwt  # It loads `cryptography`, 20 MB. Only who has EMBED_KEYS needs it.

    try:
        kid = str(jwt.get_unverified_header(token).get("kid"))  # PyJWT has refused one that isn't text.
        secrets = chatty.EMBED_KEYS.get(kid, ())
        decode = partial(jwt.decode, token, algorithms=["HS256"], options={"verify_exp": False})
        for secret in secrets:
            try:
                return kid, decode(secret)
            except jwt.InvalidSignatureError:
                continue
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
        raise BadToken(f"Expected a JSON Web Token signed with HS256: {type(error).__name__}.") from None
    raise BadToken("Expected the header `kid` to name a key of EMBED_KEYS, and the signature to be made with it.")


def _claims(kid: str, decoded: Any) -> Claims:
    try:
        payload = msgspec.convert(decoded, _Payload)
    except msgspec.ValidationError as error:
        raise BadToken(f"Expected the claims `sub`, `name` and `exp`, and perhaps `rooms`: {error}.") from None
    ahead = payload.exp - time.time()
    if not 0 < ahead <= LONGEST_SECONDS:
        raise BadToken(f"Expected `exp` at most {LONGEST_SECONDS} s ahead; it is {ahead:.0f} s ahead.")
    if len(payload.sub.encode("utf-8", "surrogatepass")) > SUBJECT_LIMIT_BYTES:
        raise BadToken(f"Expected `sub` to have at most {SUBJECT_LIMIT_BYTES} bytes.")
    rooms = None if payload.rooms is None else frozenset(filter(SLUG.fullmatch, payload.rooms))
    if rooms is not None and len(",".join(rooms)) > ROOMS_LIMIT_BYTES:
        raise BadToken(f"Expected `rooms` to have at most {ROOMS_LIMIT_BYTES} bytes with commas between them.")
    member_id = _member_id(kid, payload.sub)
    return Claims(member_id, is_hosts=True, name=_screen_name(payload.name, member_id), rooms=rooms, key=kid)


def _member_id(kid: str, subject: str) -> MemberId:
    named = f"{kid} {subject}".encode("utf-8", "backslashreplace").decode()  # JSON may have lone surrogates.
    return MemberId(str(uuid.uuid5(_SUBJECTS, named)))


def _screen_name(name: str, member_id: MemberId) -> str:
    """The site's name for the member, cut to a screen name's length. Another one if it can't be a screen name."""
    try:
        return clean_name(name[:NAME_LIMIT])
    except Refusal:
        return f"Member {member_id[:4]}"
