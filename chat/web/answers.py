"""What the identity and the probes answer."""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from chat.protocol.fields import MemberId


class Identity(Struct, frozen=True):
    """A member, and where the rooms are. `name`: the one that the host, a site's JWT or a bot's token gives it."""

    uuid: MemberId
    token: str
    socket_url: str = field(name="socketURL")
    http_url: str = field(name="httpURL")
    name: str | UnsetType = UNSET


class NotNow(Struct, frozen=True):
    """No identity yet. `retry_after` is in seconds."""

    code: str
    retry_after: int


class WrongToken(Struct, frozen=True):
    """No identity for this JWT of a site. `detail` tells the site's developer why."""

    code: str
    detail: str


class Liveness(Struct, frozen=True):
    """The process runs."""

    status: str = "ok"


class Readiness(Struct, frozen=True):
    """Whether messages can be written and delivered. `problems`: a sentence for each failure."""

    status: str
    database: str
    redis: str
    problems: list[str] | UnsetType = UNSET


def fields_of(answer: Struct) -> dict[str, Any]:
    """The answer as Django's JsonResponse takes it."""
    fields: dict[str, Any] = msgspec.to_builtins(answer)
    return fields
