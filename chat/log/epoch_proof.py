"""The database's epoch (epoch.py) as clients carry it: signed, because an unknown epoch gives all rooms new logs."""

import asyncio
import uuid
from typing import NamedTuple

from django.core import signing
from msgspec import UNSET, UnsetType

from chat.protocol.constants import PULSE_SECONDS

_SALT = "chatty.epoch"  # Separates these signatures from every other use of SECRET_KEY.


class Epoch(NamedTuple):
    """How old a database is.

    `lineage` tells databases apart that are no copies of each other, `mark` copies that have reached the same number.
    """

    lineage: uuid.UUID
    number: int
    mark: uuid.UUID


def sign(epoch: Epoch) -> str:
    """About 115 characters of ASCII: `<lineage>.<number>.<mark>:<signature>`."""
    return signing.Signer(salt=_SALT).sign(f"{epoch.lineage.hex}.{epoch.number}.{epoch.mark.hex}")


def verify(text: str) -> Epoch | None:
    """The epoch that a client carries; None where no server with this SECRET_KEY signed it."""
    try:
        lineage, number, mark = signing.Signer(salt=_SALT).unsign(text).split(".")
        return Epoch(uuid.UUID(lineage), int(number), uuid.UUID(mark))
    except (signing.BadSignature, ValueError):
        return None


class Proof:
    """The signed epoch as this process tells its members: with the welcome, and with two pulses when it changes."""

    def __init__(self) -> None:
        self._epoch: Epoch | None = None
        self._text: str | UnsetType = UNSET
        self._changed_at = float("-inf")  # By the loop's clock.

    @property
    def text(self) -> str | UnsetType:
        return self._text

    @property
    def update(self) -> str | UnsetType:
        """The text, as long as there are members who may not know it."""
        is_new = asyncio.get_running_loop().time() - self._changed_at < 2 * PULSE_SECONDS
        return self._text if is_new else UNSET

    def renew(self, epoch: Epoch) -> None:
        if epoch != self._epoch:
            self._epoch, self._text = epoch, sign(epoch)
            self._changed_at = asyncio.get_running_loop().time()
